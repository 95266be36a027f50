"""What an application offers, told from its services: OpenAPI, AsyncAPI, and a page that shows both.

``app.configure(documentation("Notes", "1.0"))`` serves ``/openapi.json``, ``/asyncapi.json`` and ``/docs``.
Schemas are read off the hooks ``validate_data`` and ``validate_query``. What no hook says, a service
says in options of ``app.use``::

    description  what it is for
    schemas      marshmallow schemas: "result" of its records, and by the names of custom methods and
                 events what they answer with and carry
    openapi      by method, ``parameters`` and ``responses`` that are added to the operation
    paginated    True: ``find`` answers with pages, which an adapter says by itself
"""

from __future__ import annotations

from .events import OwnEvent, OwnRoute
from .pages import documentation
from .services import data_schema, result_schema

__all__ = ["OwnEvent", "OwnRoute", "data_schema", "documentation", "result_schema"]
