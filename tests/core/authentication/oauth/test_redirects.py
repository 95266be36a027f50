import pytest

from stonechat.core.authentication.oauth.redirects import allowed_origin, answer_location, stays_inside

ORIGINS = ("https://school.example", "https://other.example:8443/", "http://localhost:3000", "http://[::1]")


@pytest.mark.parametrize(
    ("referer", "origin"),
    [
        ("https://school.example/a?b#c", "https://school.example"),
        ("https://school.example:443/", "https://school.example"),
        ("HTTPS://School.Example/", "https://school.example"),
        ("https://other.example:8443/x", "https://other.example:8443/"),
        ("http://localhost:5173/x", "http://localhost:5173"),
        ("http://localhost/x", "http://localhost:80"),
        ("http://[::1]:5173/x", "http://[::1]:5173"),
        ("https://localhost:3000/", None),
        ("http://localhost.evil.example:3000/", None),
        ("https://school.example:444/", None),
        ("https://other.example/", None),
        ("http://school.example/", None),
        ("https://school.example.evil.example/", None),
        ("https://school.example@evil.example/", None),
        ("https://evil.example/https://school.example", None),
        ("school.example", None),
        ("https://", None),
        ("https://[", None),
        ("https://school.example:99999/", None),
        ("data:text/html,x", None),
        ("", None),
    ],
)
def test_a_page_is_of_a_listed_origin_or_of_none(referer: str, origin: str | None) -> None:
    assert allowed_origin(referer, ORIGINS) == origin


@pytest.mark.parametrize(
    ("path", "stays"),
    [
        ("", True),
        ("/", True),
        ("/a/b?c=/d//e#f", True),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("\\\\evil.example", False),
        ("/\n/evil.example", False),
        (".evil.example", False),
        ("@evil.example", False),
        ("/@evil.example", False),
        (":8080/", False),
        ("https://evil.example", False),
        ("javascript:alert(1)", False),
    ],
)
def test_a_path_stays_below_its_origin_or_does_not(path: str, stays: bool) -> None:
    assert stays_inside(path) is stays


@pytest.mark.parametrize(
    ("base", "path", "location"),
    [
        ("https://a.example", "", "https://a.example#error=no%20way"),
        ("https://a.example", "/x", "https://a.example/x#error=no%20way"),
        ("https://a.example/", "/x", "https://a.example/x#error=no%20way"),
        ("/", "", "/#error=no%20way"),
        ("/", "/x", "/x#error=no%20way"),
        ("/app/#/login", "", "/app/#/login?error=no%20way"),
        ("/app/#", "/login", "/app/#/login?error=no%20way"),
        ("/app#x?", "", "/app#x?error=no%20way"),
    ],
)
def test_the_answer_is_a_fragment_or_in_it(base: str, path: str, location: str) -> None:
    assert answer_location(base, path, {"error": "no way"}) == location
