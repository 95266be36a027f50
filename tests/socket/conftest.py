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
    """Serve the demo schools with other settings; one at a time.

    The models are bound to one database in a process: back to that of ``school`` at the end.
    """

    @asynccontextmanager
    async def serve(**tables: Mapping[str, Any]) -> AsyncGenerator[School]:
        async with serve_school(test_settings(mongodb_url, "test_other_school", **tables)) as served:
            yield served
        database = school.app.get("database").database
        await init_beanie(database, document_models=list(MODELS), skip_indexes=True)

    return serve
