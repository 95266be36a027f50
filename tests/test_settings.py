import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from stonechat.core.configuration import ConfigurationError, variable_names
from stonechat.settings import Settings, configuration_folder, load_settings

SECRET = "a secret of thirty-two bytes or more"


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fields(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, str | None]]:
    """Dotted names and descriptions, of the tables too."""
    for name, field in model.model_fields.items():
        yield above + name, field.description
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation, f"{above}{name}.")


def test_default_toml_says_what_the_models_say(tmp_path: Path) -> None:
    default = (configuration_folder({}) / "default.toml").read_text()
    (tmp_path / "default.toml").write_text(default)
    (tmp_path / "development.toml").touch()

    settings = load_settings(environ={"STONECHAT_CONFIG_DIR": str(tmp_path), "STONECHAT_SECRET": ""})
    without = settings.authentication.model_copy(update={"secret": None})
    assert settings.model_copy(update={"authentication": without}) == Settings()
    for name, _ in fields(Settings):
        if name != "environment":
            assert name.rpartition(".")[2] in default


def test_every_setting_is_described() -> None:
    assert [name for name, description in fields(Settings) if not description] == []


def test_every_variable_belongs_to_stonechat_and_to_one_setting() -> None:
    names = list(variable_names(configuration_folder({})).values())
    assert all(name.startswith("STONECHAT_") for name in names)
    assert len(set(names)) == len(names)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().http.port = 1


def test_production_asks_for_a_secret_and_a_database() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environment="production", environ={})
    secret, database = caught.value.problems
    assert secret.startswith("authentication.secret: is required in production")
    assert secret.endswith("STONECHAT_SECRET")
    assert database.startswith("mongodb.url: is required in production")
    assert database.endswith("STONECHAT_MONGODB_URL")
    assert not Path("data").exists()


def test_an_environment_of_the_operators_own_is_as_strict_as_production(tmp_path: Path) -> None:
    (tmp_path / "default.toml").touch()
    (tmp_path / "staging.toml").touch()
    with pytest.raises(ConfigurationError, match=r"authentication\.secret: is required in staging"):
        load_settings(environment="staging", environ={"STONECHAT_CONFIG_DIR": str(tmp_path)})


def test_production_starts_with_both() -> None:
    settings = load_settings(
        environment="production",
        environ={"STONECHAT_SECRET": SECRET, "STONECHAT_MONGODB_URL": "mongodb://user:hunter2@db"},
    )
    assert settings.environment == "production"
    assert settings.authentication.secret == SecretStr(SECRET)
    assert settings.mongodb.url == "mongodb://user:hunter2@db"
    assert settings.logs.format == "json"
    assert SECRET not in repr(settings)
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize("environment", ["production", "development"])
def test_a_short_secret_is_refused_and_not_shown(environment: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(
            environment=environment,
            environ={"STONECHAT_SECRET": "short", "STONECHAT_MONGODB_URL": "mongodb://db"},
        )
    assert caught.value.problems == ("authentication.secret: must have 32 bytes or more (STONECHAT_SECRET)",)


def test_the_bytes_of_a_secret_count_not_its_characters() -> None:
    settings = load_settings(environ={"STONECHAT_SECRET": "ø" * 16})
    assert settings.authentication.secret == SecretStr("ø" * 16)


@pytest.mark.parametrize(("environment", "folder"), [("development", "data"), ("test", "data/test")])
def test_development_and_test_make_a_secret_and_keep_it(environment: str, folder: str) -> None:
    first = load_settings(environment=environment, environ={}).authentication.secret
    path = Path(folder, "secret")
    assert first is not None
    assert first.get_secret_value() == path.read_text()
    assert len(path.read_bytes()) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in path.parent.iterdir()] == ["secret"]
    assert load_settings(environment=environment, environ={}).authentication.secret == first


def test_those_who_start_together_make_one_secret() -> None:
    with ThreadPoolExecutor(8) as pool:
        starts = [pool.submit(load_settings, environ={}) for _ in range(8)]
    assert len({start.result().authentication.secret for start in starts}) == 1


def test_a_kept_secret_that_was_cut_is_refused() -> None:
    Path("data").mkdir()
    Path("data/secret").touch()
    with pytest.raises(ConfigurationError, match="delete data/secret"):
        load_settings(environ={})


@pytest.mark.parametrize(
    ("variable", "value", "setting"),
    [
        ("STONECHAT_ORIGINS", "https://chat.example.org/", "http.origins[0]"),
        ("STONECHAT_ORIGINS", "chat.example.org", "http.origins[0]"),
        ("STONECHAT_TRUSTED_PROXIES", "127.0.0.1,proxy", "http.trusted_proxies[1]"),
        ("STONECHAT_PORT", "-1", "http.port"),
        ("STONECHAT_LOG_LEVEL", "loud", "logs.level"),
        ("STONECHAT_MESSAGE_LIMIT", "often", "limits.messages"),
        ("STONECHAT_REDIS_URL", "http://cache", "redis.url"),
        ("STONECHAT_REDIS_URL", "redis://cache:first", "redis.url"),
        ("STONECHAT_REDIS_URL", "redis://cache/0", "redis.url"),
        ("STONECHAT_ACCESS_TOKEN_MINUTES", "0", "authentication.access_token_minutes"),
    ],
)
def test_a_value_that_cannot_work_is_refused(variable: str, value: str, setting: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ={variable: value})
    (line,) = caught.value.problems
    assert line.startswith(f"{setting}: ")
    assert line.endswith(f"({variable})")


def test_lists_come_from_variables() -> None:
    settings = load_settings(
        environ={
            "STONECHAT_ORIGINS": "https://a.example,http://localhost:5173",
            "STONECHAT_TRUSTED_PROXIES": "10.0.0.0/8,::1",
            "STONECHAT_EXTENSIONS": "homework",
        }
    )
    assert settings.http.origins == ["https://a.example", "http://localhost:5173"]
    assert settings.http.trusted_proxies == ["10.0.0.0/8", "::1"]
    assert settings.extensions.enabled == ["homework"]


def test_the_folder_of_the_variable_is_used_and_must_exist(tmp_path: Path) -> None:
    assert configuration_folder({"STONECHAT_CONFIG_DIR": str(tmp_path)}) == tmp_path
    with pytest.raises(ConfigurationError, match=r"nowhere: no such folder \(STONECHAT_CONFIG_DIR\)"):
        configuration_folder({"STONECHAT_CONFIG_DIR": "nowhere"})


def test_the_shipped_environments_load() -> None:
    folder = configuration_folder({})
    names = {path.stem for path in folder.glob("*.toml")}
    assert names == {"default", "development", "environment", "production", "test"}
    assert load_settings(environment="test", environ={}).http.port == 0
    assert load_settings(environ={}).environment == "development"


def test_pages_and_levels_have_known_defaults() -> None:
    settings = Settings()
    assert (settings.pagination.default, settings.pagination.max) == (25, 200)
    assert settings.logs.level in get_args(type(settings.logs).model_fields["level"].annotation)


def test_another_application_needs_none_of_what_the_school_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    settings = load_settings(environment="production", environ={}, school=False)

    assert settings.http.host == "0.0.0.0"
    assert list(tmp_path.iterdir()) == []
