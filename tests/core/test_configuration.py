import json
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from stonechat.core.configuration import ConfigurationError, load_configuration, variable_names


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Http(Table):
    port: int = Field(ge=0, le=65535)
    host: str = "localhost"
    secure: bool = False
    ratio: float = 1.0
    origins: list[str] = []
    ports: list[int] = []


class Keys(Table):
    secret: SecretStr | None = None
    url: str | None = Field(default=None, repr=False)
    count: int = 0


class School(Table):
    environment: str = ""
    http: Http
    keys: Keys = Keys()
    level: Literal["info", "debug"] = "info"
    enabled: list[str] | Literal["all"] = "all"
    limits: dict[str, int] = {}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "config"
    config.mkdir()
    (config / "default.toml").write_text("[http]\nport = 3030\n")
    (config / "development.toml").write_text("")
    (config / "test.toml").write_text("")
    return config


def problems(
    folder: Path, *, extra: Path | None = None, environ: dict[str, str] | None = None
) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(School, folder, extra=extra, environ=environ or {})
    assert str(caught.value) == "\n".join(caught.value.problems)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value.problems


def variables(folder: Path, **names: str) -> None:
    """`http__port="PORT"` names the variable PORT for http.port."""
    lines = [f'{key.replace("__", ".")} = "{name}"' for key, name in names.items()]
    (folder / "environment.toml").write_text("\n".join(lines))


def test_later_layers_win_and_tables_are_merged(folder: Path, tmp_path: Path) -> None:
    (folder / "default.toml").write_text('[http]\nport = 1\nhost = "a"\norigins = ["x", "y"]\nratio = 0.5\n')
    (folder / "test.toml").write_text('[http]\nport = 2\nhost = "b"\norigins = ["z"]\n')
    extra = tmp_path / "own.toml"
    extra.write_text("[http]\nport = 3\n")
    variables(folder, http__port="PORT")

    settings = load_configuration(School, folder, environment="test", extra=extra, environ={"PORT": "4"})
    assert settings.http == Http(port=4, host="b", origins=["z"], ratio=0.5)

    settings = load_configuration(School, folder, environment="test", extra=extra, environ={})
    assert settings.http.port == 3
    settings = load_configuration(School, folder, environment="test", environ={})
    assert settings.http.port == 2


@pytest.mark.parametrize(
    ("given", "environ", "expected"),
    [
        (None, {}, "development"),
        (None, {"STONECHAT_ENV": ""}, "development"),
        (None, {"STONECHAT_ENV": "test"}, "test"),
        ("development", {"STONECHAT_ENV": "test"}, "development"),
    ],
)
def test_the_environment_is_given_or_a_variable_or_development(
    folder: Path, given: str | None, environ: dict[str, str], expected: str
) -> None:
    assert load_configuration(School, folder, environment=given, environ=environ).environment == expected


@pytest.mark.parametrize("name", ["staging", "default", "environment", "../config/test"])
def test_an_unknown_environment_is_refused_with_the_known_ones(folder: Path, name: str) -> None:
    variables(folder)
    assert problems(folder, environ={"STONECHAT_ENV": name}) == (
        f"there is no environment {name!r} in config; there is development, test",
    )


def test_variables_are_converted_by_the_types_of_their_settings(folder: Path) -> None:
    variables(
        folder,
        http__port="PORT",
        http__secure="SECURE",
        http__ratio="RATIO",
        http__origins="ORIGINS",
        http__ports="PORTS",
        keys__secret="SECRET",
        enabled="ENABLED",
        limits="LIMITS",
    )
    environ = {
        "PORT": "80",
        "SECURE": "true",
        "RATIO": "0.25",
        "ORIGINS": "http://a, http://b,",
        "PORTS": "[1, 2]",
        "SECRET": "[not, json]",
        "ENABLED": "one,two",
        "LIMITS": json.dumps({"rooms": 3}),
    }
    settings = load_configuration(School, folder, environ=environ)
    assert settings.http == Http(
        port=80, secure=True, ratio=0.25, origins=["http://a", "http://b"], ports=[1, 2]
    )
    assert settings.keys.secret == SecretStr("[not, json]")
    assert settings.enabled == ["one", "two"]
    assert settings.limits == {"rooms": 3}


def test_a_word_of_the_setting_is_not_taken_for_a_list(folder: Path) -> None:
    variables(folder, enabled="ENABLED")
    assert load_configuration(School, folder, environ={"ENABLED": "all"}).enabled == "all"


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_variable_counts_as_unset(folder: Path, text: str) -> None:
    variables(folder, http__port="PORT")
    assert load_configuration(School, folder, environ={"PORT": text}).http.port == 3030


def test_every_problem_has_a_line_with_its_setting_and_its_source(folder: Path, tmp_path: Path) -> None:
    (folder / "default.toml").write_text("[http]\nport = 1\nprot = 2\nhost = 3\n[htpp]\nx = 1\n")
    (folder / "development.toml").write_text('level = "loud"\n[http]\nport = "eighty"\norigins = ["a", 5]\n')
    extra = tmp_path / "own.toml"
    extra.write_text('keys = "none"\nenabled = 5\n')
    variables(folder, http__ratio="RATIO")

    assert sorted(problems(folder, extra=extra, environ={"RATIO": "half"})) == [
        "enabled: 5 is not 'all' (own.toml)",
        "enabled: 5 is not a valid list (own.toml)",
        "htpp: unknown setting; did you mean http? (config/default.toml)",
        "http.host: 3 is not a valid string (config/default.toml)",
        "http.origins[1]: 5 is not a valid string (config/development.toml)",
        "http.port: 'eighty' is not a valid integer (config/development.toml)",
        "http.prot: unknown setting; did you mean http.port? (config/default.toml)",
        "http.ratio: 'half' is not a valid number (RATIO)",
        "keys: is not a table (own.toml)",
        "level: 'loud' is not 'info' or 'debug' (config/development.toml)",
    ]


def test_a_setting_in_the_wrong_table_is_told_its_place(folder: Path) -> None:
    (folder / "test.toml").write_text("port = 1")
    with pytest.raises(ConfigurationError, match=r"^port: unknown setting; did you mean http\.port\? "):
        load_configuration(School, folder, environment="test", environ={})


def test_a_missing_setting_is_named(folder: Path) -> None:
    (folder / "default.toml").write_text("")
    assert problems(folder) == ("http: is required, and nothing sets it",)
    (folder / "default.toml").write_text("[http]")
    assert problems(folder) == ("http.port: is required, and nothing sets it",)


def test_a_value_out_of_bounds_is_named_with_the_bound(folder: Path) -> None:
    variables(folder, http__port="PORT")
    assert problems(folder, environ={"PORT": "70000"}) == (
        "http.port: '70000' is not less than or equal to 65535 (PORT)",
    )


def test_no_error_quotes_a_secret(folder: Path) -> None:
    (folder / "development.toml").write_text(
        'secret = "hunter2"\n[keys]\nsecret = ["hunter2"]\nurl = ["hunter2"]\nscret = "hunter2"\n'
    )
    (folder / "test.toml").write_text('keys = "hunter2"')
    lines = problems(folder)
    assert "keys.secret: the value is not a valid string (config/development.toml)" in lines
    assert "keys.scret: unknown setting; did you mean keys.secret? (config/development.toml)" in lines
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(School, folder, environment="test", environ={})
    assert "hunter2" not in "\n".join(lines) + str(caught.value)


def test_a_variable_that_should_be_json_and_is_not_is_named_without_its_value(folder: Path) -> None:
    variables(folder, http__ports="PORTS", keys="KEYS")
    assert problems(folder, environ={"PORTS": "[1", "KEYS": "{hunter2"}) == (
        "http.ports: the value is not JSON (PORTS)",
        "keys: the value is not JSON (KEYS)",
    )


def test_malformed_toml_is_named_with_its_file_and_line(folder: Path) -> None:
    (folder / "development.toml").write_text("[http]\nport 3030\n")
    (line,) = problems(folder)
    assert line.startswith("config/development.toml: ")
    assert "line 2" in line


def test_a_file_that_is_not_text_is_named(folder: Path) -> None:
    (folder / "development.toml").write_bytes(b"\xff\xfe")
    assert problems(folder) == ("config/development.toml: is not UTF-8",)


def test_an_extra_file_that_is_not_there_is_an_error(folder: Path) -> None:
    assert problems(folder, extra=Path("own.toml")) == ("own.toml: No such file or directory",)


def test_a_variable_for_an_unknown_setting_is_an_error_even_when_unset(folder: Path) -> None:
    variables(folder, http__prot="PORT")
    assert problems(folder) == (
        "http.prot: unknown setting; did you mean http.port? (config/environment.toml)",
    )


def test_the_name_of_a_variable_is_text(folder: Path) -> None:
    (folder / "environment.toml").write_text("[http]\nport = 3030")
    assert problems(folder) == ("http.port: not the name of a variable (config/environment.toml)",)


def test_variable_names_are_listed_by_dotted_key(folder: Path) -> None:
    assert variable_names(folder) == {}
    variables(folder, http__port="PORT", level="LEVEL")
    assert variable_names(folder) == {"http.port": "PORT", "level": "LEVEL"}
