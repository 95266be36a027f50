from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import stonechat

PUBLIC = {
    "AdapterBase",
    "AdapterOptions",
    "Application",
    "AuthenticationOptions",
    "AuthenticationService",
    "BeanieService",
    "Channel",
    "ConfigurationError",
    "Connection",
    "ExtensionError",
    "Hook",
    "HookContext",
    "Http",
    "Id",
    "JwtOptions",
    "LifecycleContext",
    "Listening",
    "LocalOptions",
    "LockoutOptions",
    "MemoryService",
    "MongoAdapter",
    "MongoService",
    "Next",
    "OauthOptions",
    "OauthProvider",
    "OauthStrategy",
    "OidcOptions",
    "OidcStrategy",
    "OwnEvent",
    "Page",
    "PaginationOptions",
    "Params",
    "PasswordOptions",
    "PasswordServiceOptions",
    "Resolver",
    "ResolverStatus",
    "SQLService",
    "Service",
    "SessionOptions",
    "Strategy",
    "Throttle",
    "TokenOptions",
    "UNSET",
    "__version__",
    "authenticate",
    "authentication",
    "authentication_of",
    "batched",
    "create_context",
    "documentation",
    "errors",
    "extensions",
    "field_types",
    "hash_password",
    "jsonable",
    "load_configuration",
    "oauth",
    "passwords",
    "protect",
    "query_syntax",
    "rate_limit",
    "realtime",
    "resolve",
    "resolve_data",
    "resolve_dispatch",
    "resolve_external",
    "resolve_query",
    "resolve_result",
    "rest",
    "serving",
    "sql_transaction",
    "throttle_of",
    "throttling",
    "transaction",
    "validate_data",
    "validate_query",
    "virtual",
    "with_hooks",
}
SCHOOL = ("app", "cli", "dialects", "hooks", "models", "portal", "services", "settings", "socket")


def test_exactly_these_names_are_public() -> None:
    assert sorted(stonechat.__all__) == sorted(PUBLIC)
    assert all(hasattr(stonechat, name) for name in PUBLIC)


def test_the_errors_have_a_module_of_their_own() -> None:
    assert stonechat.errors.NotFound("gone").code == 404


def test_the_version_is_written_where_the_build_reads_it() -> None:
    source = Path(stonechat.__file__).read_text(encoding="utf-8")
    written = re.search(r'^__version__ = "([^"]+)"$', source, re.MULTILINE)
    assert written is not None
    assert written[1] == stonechat.__version__


def test_a_name_that_there_is_not_cannot_be_had() -> None:
    assert not hasattr(stonechat, "nothing")


def test_every_name_is_listed() -> None:
    assert set(dir(stonechat)) >= PUBLIC


def test_the_framework_does_not_load_the_school() -> None:
    names = loaded_by("from stonechat import *")
    assert "stonechat.core.application" in names
    assert [name for name in names if name.startswith(tuple(f"stonechat.{part}" for part in SCHOOL))] == []


def test_what_is_not_used_is_not_loaded() -> None:
    names = loaded_by("from stonechat import Application, MemoryService")
    assert "stonechat.core.adapters.memory" in names
    assert {"beanie", "marshmallow", "pymongo", "socketio"}.isdisjoint(names)


def test_the_command_line_s_help_loads_no_command() -> None:
    names = loaded_by(
        "import contextlib, stonechat.cli\n"
        "with contextlib.suppress(SystemExit):\n    stonechat.cli.main(['--help'])"
    )
    assert "stonechat.cli" in names
    assert "stonechat.core.application" not in names


def loaded_by(code: str) -> list[str]:
    code += "\nimport sys; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    return loaded.splitlines()
