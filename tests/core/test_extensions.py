from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from stonechat.core.application import Application
from stonechat.core.extensions import ExtensionError, extensions

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package with one extension, as pip would: a module and the metadata of a distribution."""
    loaded = set(sys.modules)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def install(name: str, code: str, *, target: str = "configure") -> None:
        module = f"extension_of_tests_{name}"
        (tmp_path / f"{module}.py").write_text(dedent(code))
        metadata = tmp_path / f"{module}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: package-{name}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[stonechat.extensions]\n{name} = {module}:{target}\n")

    yield install
    for module in set(sys.modules) - loaded:
        del sys.modules[module]


NOTING = """
    def configure(app):
        app.set("configured", [*(app.get("configured") or []), __name__.rpartition("_")[2]])
"""


def configured(app: Application) -> list[str]:
    return app.get("configured") or []


def test_all_installed_extensions_are_configured_in_the_order_of_their_names(install: Install) -> None:
    for name in ("beta", "alpha", "gamma"):
        install(name, NOTING)
    assert configured(Application().configure(extensions())) == ["alpha", "beta", "gamma"]


def test_only_those_that_are_enabled_are_configured(install: Install) -> None:
    for name in ("beta", "alpha", "gamma"):
        install(name, NOTING)
    assert configured(Application().configure(extensions(["gamma", "alpha"]))) == ["alpha", "gamma"]
    assert configured(Application().configure(extensions([]))) == []


def test_an_extension_can_register_services_and_hooks(install: Install) -> None:
    install(
        "notes",
        """
        class Notes:
            async def find(self, params):
                return []

        def configure(app):
            app.use("notes", Notes())
        """,
    )
    assert Application().configure(extensions()).service("notes").methods == ("find",)


def test_an_extension_that_is_enabled_must_be_installed(install: Install) -> None:
    install("alpha", NOTING)
    app = Application()
    with pytest.raises(ExtensionError, match=r"^extension not installed: beta, gamma$"):
        app.configure(extensions(["gamma", "alpha", "beta"]))
    assert configured(app) == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ('def configure(app):\n    raise ValueError("no chalk")', "no chalk"),
        ("import a_module_that_does_not_exist", "No module named 'a_module_that_does_not_exist'"),
        ("def other(app): ...", "has no attribute 'configure'"),
        ("configure = 5", "'int' object is not callable"),
    ],
)
def test_an_extension_that_fails_is_named_with_its_package(install: Install, code: str, reason: str) -> None:
    install("alpha", code)
    with pytest.raises(ExtensionError) as raised:
        Application().configure(extensions())
    assert str(raised.value).startswith("extension 'alpha' of package-alpha failed: ")
    assert reason in str(raised.value)
    assert raised.value.__cause__ is not None


def test_extensions_after_one_that_fails_are_not_configured(install: Install) -> None:
    install("alpha", NOTING)
    install("beta", "def configure(app):\n    raise ValueError")
    install("gamma", NOTING)
    app = Application()
    with pytest.raises(ExtensionError):
        app.configure(extensions())
    assert configured(app) == ["alpha"]
