"""Requests made from the document: what it allows, and what it does not."""

# schemathesis leaves a parameter of its own types open.
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import random
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from stonechat.core.shapes import is_mapping
from tests.fuzz.served import ID_FIELDS, ROLES, Json, Served

Case = Any

CHECKS: Final[list[CheckFunction]] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ANSWERED_WITHIN: Final = 10.0
LONGEST_URL: Final = 60_000  # longer ones do not get as far as the application


@dataclass(slots=True)
class RestFuzz:
    """Calls the operations of the document as one of the people each, over and over, until the time is up.

    ``failures`` say how to repeat them; ``statuses`` count the answers by operation and status.
    """

    school: Served
    seed: int = 0
    failures: list[str] = field(default_factory=list[str])
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])

    def run(self, seconds: float, *, examples: int) -> None:
        schema: Any = schemathesis.openapi.from_dict(self.school.ask("GET", "/openapi.json"))
        operations: list[Any] = [result.ok() for result in schema.get_all_operations()]
        ids = self.school.ids()
        end = time.monotonic() + seconds
        turn = random.Random(self.seed)
        with requests.Session() as session:
            while time.monotonic() < end:
                turn.shuffle(operations)
                for operation in operations:
                    role, mode = turn.choice([*ROLES]), turn.choice([*GenerationMode])
                    token = self.school.token(role)
                    cases = operation.as_strategy(generation_mode=mode)
                    self._call(cases, session, token, ids, examples, turn.getrandbits(32))
                    if time.monotonic() > end:
                        break

    def _call(
        self,
        cases: st.SearchStrategy[Case],
        session: requests.Session,
        token: str,
        ids: dict[str, list[str]],
        examples: int,
        chosen_seed: int,
    ) -> None:
        @seed(chosen_seed)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=[
                HealthCheck.too_slow,
                HealthCheck.filter_too_much,
                HealthCheck.data_too_large,
            ],
        )
        @given(case=cases, chance=st.randoms(use_true_random=False))
        def call(case: Case, chance: random.Random) -> None:
            _make_real(case, ids, chance)
            headers = {"Authorization": f"Bearer {token}"}
            response = case.call(
                base_url=self.school.url, session=session, headers=headers, timeout=ANSWERED_WITHIN
            )
            if len(str(response.request.url)) > LONGEST_URL:
                return
            self.statuses[case.operation.label, response.status_code] += 1
            try:
                case.validate_response(response, checks=CHECKS)
            except FailureGroup as group:
                reasons = "; ".join(f"{one.title}: {one.message}" for one in group.exceptions)
                self.failures.append(f"{reasons}\n  {case.as_curl_command()}")

        with suppress(Unsatisfiable):  # where there is nothing that could be wrong
            call()


def _make_real(case: Case, ids: dict[str, list[str]], chance: random.Random) -> None:
    """Have some of the ids be those of records, which no generator finds by itself."""
    path = case.operation.path.split("/")[1]
    if "id" in case.path_parameters and ids.get(path) and chance.random() < 0.7:
        case.path_parameters["id"] = chance.choice(ids[path])
    if chance.random() < 0.8:
        case.body = _with_ids(case.body, ids, chance)


def _with_ids(body: Json, ids: dict[str, list[str]], chance: random.Random) -> Json:
    if not is_mapping(body):
        return body
    real = dict(body)
    for name, path in ID_FIELDS.items():
        if name in real and ids[path]:
            one = chance.choice(ids[path])
            real[name] = [one] if isinstance(real[name], list) else one
    return real
