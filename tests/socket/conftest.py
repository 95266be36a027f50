from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from beanie import init_beanie  # pyright: ignore[reportUnknownVariableType]

from stonechat.models import MODELS
from tests.support.crowd import OtherSchool
from tests.support.school import School, serve_school, test_settings


@pytest.fixture(scope="session")
def other_school(mongodb_url: str, school: School) -> OtherSchool:
    """Serve the demo schools with other settings; a school that is served already has to wait meanwhile.

    The models are bound to one database in a process: at the end to that of the other one again.
    """

    @asynccontextmanager
    async def serve(**tables: Mapping[str, Any]) -> AsyncGenerator[School]:
        database = MODELS[0].get_pymongo_collection().database  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        async with serve_school(test_settings(mongodb_url, "test_other_school", **tables)) as served:
            yield served
        await init_beanie(database, document_models=list(MODELS), skip_indexes=True)

    return serve
