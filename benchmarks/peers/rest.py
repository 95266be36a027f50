"""Plain Starlette: routes and JSON responses, nothing else."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .store import Store

store = Store()


async def get(request: Request) -> JSONResponse:
    message = store.get(int(request.path_params["id"]))
    if message is None:
        return JSONResponse({"error": "not found"}, status_code=404)
    return JSONResponse(message)


async def find(request: Request) -> JSONResponse:
    query = request.query_params
    return JSONResponse(store.page(query["conversationId"], int(query.get("limit", 50))))


async def create(request: Request) -> JSONResponse:
    return JSONResponse(store.create(await request.json()), status_code=201)


app = Starlette(
    routes=[
        Route("/messages/{id}", get, methods=["GET"]),
        Route("/messages", find, methods=["GET"]),
        Route("/messages", create, methods=["POST"]),
    ]
)
