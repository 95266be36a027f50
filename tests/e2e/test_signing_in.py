from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.support.browser import ChromiumMissingError, Windows, chromium
from tests.support.people import PASSWORD, newcomer
from tests.support.school import School


async def test_a_wrong_password_is_told_and_does_not_let_in(windows: Windows) -> None:
    ada = await windows.open()

    await ada.sign_in("ada@demo.school", "not her password")

    await expect(ada.page.get_by_role("alert")).to_have_text(
        "That email or college ID and password do not match."
    )
    await expect(ada.page.get_by_label("Password")).to_be_focused()
    assert await ada.items.count() == 0
    assert ada.forgive("status of 401") == 1


async def test_after_a_mistake_the_right_password_lets_in(windows: Windows) -> None:
    ada = await windows.open()
    await ada.sign_in("ada@demo.school", "not her password")
    await expect(ada.page.get_by_role("alert")).not_to_be_empty()

    await ada.sign_in("ada@demo.school")

    await expect(ada.items.first).to_be_visible()
    await expect(ada.page.locator(".me-name")).to_have_text("Ada")
    assert ada.forgive("status of 401") == 1


async def test_whoever_is_signed_in_stays_so_after_a_reload(windows: Windows) -> None:
    ada = await windows.open("ada")

    await ada.page.reload()

    await expect(ada.items.first).to_be_visible()


async def test_signing_out_leaves_nothing_behind_and_is_seen_at_once(
    windows: Windows, school: School
) -> None:
    ada = await windows.open("ada")
    ben = await windows.open("ben")
    dots = ben.page.get_by_test_id("presence-online")
    await expect(dots).to_have_count(1)

    await ada.page.get_by_role("button", name="Sign out").click()

    await expect(ada.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(dots).to_have_count(0)
    assert await ada.page.evaluate("sessionStorage.length + localStorage.length") == 0
    await ada.page.reload()
    await expect(ada.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_whoever_comes_back_after_the_token_ran_out_is_still_signed_in(windows: Windows) -> None:
    ada = await windows.open("ada")
    await ada.page.evaluate("sessionStorage.setItem('feathers-jwt', 'x.y.z')")

    await ada.page.reload()

    await expect(ada.items.first).to_be_visible()
    assert await ada.page.evaluate("sessionStorage.getItem('feathers-jwt')") != "x.y.z"
    assert ada.forgive("status of 401") == 1


async def test_an_open_page_renews_its_tokens_before_they_run_out(windows: Windows) -> None:
    ada = await windows.open()
    await ada.page.clock.install()
    await ada.sign_in("ada@demo.school")
    await expect(ada.items.first).to_be_visible()
    before = await ada.page.evaluate("sessionStorage.getItem('feathers-refresh')")

    await ada.page.clock.run_for(10_000)
    async with ada.page.expect_response("**/authentication") as renewal:
        await ada.page.clock.fast_forward("10:00")

    assert (await renewal.value).status == 201
    await expect(ada.items.first).to_be_visible()
    after = await ada.page.evaluate("sessionStorage.getItem('feathers-refresh')")
    assert before != after


async def test_a_sign_out_everywhere_is_seen_on_every_page(windows: Windows, school: School) -> None:
    person = await newcomer(school)
    window = await windows.open()
    await window.sign_in(person.user["email"], PASSWORD)
    await expect(window.page.locator(".me-name")).to_be_visible()

    answer = await person.rest("remove", "authentication", query={"everywhere": True})

    assert answer.code == 200
    await expect(window.page.get_by_role("status")).to_contain_text("Your session has ended")
    assert await window.page.evaluate("sessionStorage.length") == 0
    assert window.forgive("status of 401") > 0


async def test_one_s_own_password_is_changed_on_the_page(windows: Windows, school: School) -> None:
    person = await newcomer(school)
    window = await windows.open()
    await window.sign_in(person.user["email"], PASSWORD)
    await window.page.get_by_role("button", name="Change password").click()
    dialog = window.page.get_by_role("dialog")

    await dialog.get_by_label("Present password").fill("not it")
    await dialog.get_by_label("New password").fill("another-one")
    await dialog.get_by_role("button", name="Change password").click()
    await expect(dialog.get_by_role("alert")).to_have_text("That is not your present password.")
    await dialog.get_by_label("Present password").fill(PASSWORD)
    await dialog.get_by_role("button", name="Change password").click()

    await expect(dialog).to_have_count(0)
    await expect(window.page.locator(".me-name")).to_be_visible()
    assert (await person.rest("find", "users")).code == 401
    again = await school.log_in(person.user["email"], "another-one")
    assert again.id == person.id


async def test_the_page_is_served_with_its_policy_and_the_right_types(school: School) -> None:
    expected = {
        "/": "text/html; charset=utf-8",
        "/main.js": "text/javascript; charset=utf-8",
        "/styles/base.css": "text/css; charset=utf-8",
        "/mark.svg": "image/svg+xml",
    }
    for path, content_type in expected.items():
        async with school.http.get(school.url + path) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"] == content_type
            assert re.search(
                r"default-src 'self'.*frame-ancestors 'none'", answer.headers["Content-Security-Policy"]
            )
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_without_a_browser_the_package_to_install_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ChromiumMissingError, match="Debian's package chromium"):
        chromium()
