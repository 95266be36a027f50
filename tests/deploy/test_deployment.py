"""The files for putting the school up name settings that there are, and agree with each other."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from stonechat.core.configuration import variable_names
from stonechat.settings import Settings, load_settings
from tests.support.pages import ROOT

Json = dict[str, Any]
VARIABLE: Final = re.compile(r"STONECHAT_[A-Z_0-9]+")
OF_THE_SERVER: Final = {"STONECHAT_ENV", "STONECHAT_CONFIG_DIR"}
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text("utf-8")
TEMPLATE: Final = (ROOT / "deploy/nginx.conf.template").read_text("utf-8")
UNIT: Final = (ROOT / "deploy/stonechat.service").read_text("utf-8")
GUIDES: Final = tuple(ROOT / "docs/guides" / name for name in ("deployment.md", "operations.md"))


@pytest.fixture(scope="module")
def compose() -> Json:
    read: Json = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    return read


def known() -> set[str]:
    """The variables that the server reads."""
    return OF_THE_SERVER | set(variable_names(ROOT / "config").values())


def settings_of(environ: dict[str, str], folder: Path) -> Settings:
    secret = folder / "stonechat.toml"
    secret.write_text(f'[authentication]\nsecret = "{"s" * 32}"\n')
    return load_settings(extra=secret, environ=environ)


def test_each_node_starts_with_what_compose_sets(compose: Json, tmp_path: Path) -> None:
    for name in ("app1", "app2", "tools"):
        node = compose["services"][name]
        assert set(node["environment"]) <= known()
        settings = settings_of(node["environment"], tmp_path)
        assert settings.environment == "production"
        assert settings.http.port == 3030
        assert settings.http.trusted_proxies == [
            compose["services"]["nginx"]["networks"]["front"]["ipv4_address"]
        ]
        assert node["secrets"] == ["stonechat.toml"]
        if name != "tools":
            assert node["command"] == ["serve", "--config", "/run/secrets/stonechat.toml"]


def test_nginx_reaches_the_nodes_where_they_listen(compose: Json) -> None:
    services = compose["services"]
    for number in (1, 2):
        address = services[f"app{number}"]["networks"]["front"]["ipv4_address"]
        assert services["nginx"]["environment"][f"STONECHAT_NODE_{number}"] == f"{address}:3030"
    assert "EXPOSE 3030" in DOCKERFILE
    assert "http://127.0.0.1:3030/healthz" in DOCKERFILE


def test_the_template_asks_for_nothing_but_what_compose_gives(compose: Json) -> None:
    given = set(compose["services"]["nginx"]["environment"]) - {"NGINX_ENVSUBST_FILTER"}
    assert set(re.findall(r"\$\{(\w+)\}", TEMPLATE)) == given
    assert set(compose["secrets"]) == {"stonechat.toml", "certificate.pem", "certificate.key"}
    for name in compose["services"]["nginx"]["secrets"]:
        assert f"/run/secrets/{name};" in TEMPLATE


def test_no_secret_and_no_name_has_a_default(compose: Json) -> None:
    for secret in compose["secrets"].values():
        assert re.fullmatch(r"\$\{\w+:\?.+\}", secret["file"])
    assert ":?" in compose["services"]["nginx"]["environment"]["STONECHAT_SERVER_NAME"]
    assert "SECRET" not in DOCKERFILE


def test_every_service_is_watched_and_only_nginx_is_reached(compose: Json) -> None:
    for name, service in compose["services"].items():
        # The nodes' is in the image, and commands end.
        assert "healthcheck" in service or name in {"app1", "app2", "tools"}
        assert ("ports" in service) == (name == "nginx")
        for condition in service.get("depends_on", {}).values():
            assert condition == {"condition": "service_healthy"}
    assert "HEALTHCHECK" in DOCKERFILE
    assert compose["networks"]["back"]["internal"]


def test_the_template_passes_on_what_the_server_believes() -> None:
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in TEMPLATE
    assert "proxy_add_x_forwarded_for" not in TEMPLATE
    sockets = load_settings(environment="test", environ={}).sockets
    read = re.search(r"proxy_read_timeout (\d+)s;", TEMPLATE)
    assert read is not None
    assert int(read[1]) > sockets.ping_interval + sockets.ping_timeout


def test_nginx_takes_bodies_as_long_as_the_server_does() -> None:
    assert load_settings(environment="test", environ={}).http.max_body_bytes == 1024 * 1024
    assert "client_max_body_size 1m;" in TEMPLATE


def test_the_unit_sets_what_there_is_and_the_secret_comes_from_a_file(tmp_path: Path) -> None:
    set_by_it = dict(re.findall(r"(STONECHAT_\w+)=(\S+)", UNIT))
    assert set(set_by_it) <= known()
    settings = settings_of(set_by_it | {"STONECHAT_MONGODB_URL": "mongodb://db"}, tmp_path)
    assert settings.environment == "production"
    name = re.search(r"^LoadCredential=([\w.]+):", UNIT, re.MULTILINE)
    assert name is not None
    assert f"--config ${{CREDENTIALS_DIRECTORY}}/{name[1]}\n" in UNIT
    assert "SECRET" not in UNIT


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_the_guides_name_variables_that_there_are(page: Path, compose: Json) -> None:
    of_compose = set(VARIABLE.findall((ROOT / "compose.yaml").read_text("utf-8")))
    assert set(VARIABLE.findall(page.read_text("utf-8"))) <= known() | of_compose


@pytest.mark.skipif(shutil.which("nginx") is None, reason="there is no nginx to ask")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make a certificate")
def test_nginx_understands_the_template(tmp_path: Path) -> None:
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "1",
                "-subj",
                "/CN=school",
            ),
            *("-keyout", str(tmp_path / "certificate.key"), "-out", str(tmp_path / "certificate.pem")),
        ],
        check=True,
        capture_output=True,
    )
    filled = TEMPLATE.replace("/run/secrets", str(tmp_path)).replace("${STONECHAT_SERVER_NAME}", "school")
    for number in (1, 2):
        filled = filled.replace(f"${{STONECHAT_NODE_{number}}}", f"127.0.0.1:303{number}")
    written = tmp_path / "nginx.conf"
    written.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{filled}\n}}\n")
    checked = subprocess.run(
        ["nginx", "-t", "-q", "-c", str(written), "-p", str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stderr
