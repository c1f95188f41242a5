"""Signing in, out, and changing the password, through the Gate and a real server."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from app.auth import Cookie, Gate, Sockets
from app.login import LoginPages, Throttle
from tests.office import PASSWORD, Office, serving

COOKIE = Cookie(secure=False)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def home(request: Request) -> Response:
    return JSONResponse({"who": request.state.sign_in.principal.name})


async def listen(socket: WebSocket) -> None:
    await socket.accept()
    async for _ in socket.iter_text():
        pass


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def application(office: Office, clock: Clock, cookie: Cookie) -> Gate:
    sockets = Sockets()
    pages = LoginPages(office.users, sockets, cookie, clock=clock)
    routes = [*pages.routes(), Route("/", home), Route("/there", home), WebSocketRoute("/stream", listen)]
    return Gate(Router(routes=routes), office.users, sockets, cookie=cookie, farewell=b"bye", check_seconds=60)


@pytest.fixture
def address(office: Office, clock: Clock) -> Iterator[str]:
    with serving(application(office, clock, COOKIE)) as address:
        yield address


@pytest.fixture
def browser(address: str) -> Iterator[httpx.Client]:
    headers = {"accept": "text/html", "origin": f"http://{address}"}
    with httpx.Client(base_url=f"http://{address}", headers=headers) as browser:
        yield browser


def form_token(page: httpx.Response) -> str:
    found = re.search(r'name="form" value="([\w-]+)"', page.text)
    assert found is not None
    return found[1]


def sign_in(browser: httpx.Client, name: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
    token = form_token(browser.get("/login"))
    return browser.post("/login", data={"form": token, "name": name, "password": password, **fields})


def alert(page: httpx.Response) -> str:
    found = re.search(r'<p role="alert"[^>]*>(.*?)</p>', page.text)
    assert found is not None
    return found[1]


def test_the_right_password_opens_the_app_and_goes_where_one_wanted_to_go(browser: httpx.Client) -> None:
    page = browser.get(browser.get("/there").headers["location"])
    assert '<input type="hidden" name="next" value="/there">' in page.text
    answer = sign_in(browser, " Mia ", next="/there")
    assert (answer.status_code, answer.headers["location"]) == (303, "/there")
    assert browser.get("/there").json() == {"who": "mia"}
    assert browser.get("/login?next=/there").headers["location"] == "/there"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_a_sign_in_never_leads_to_another_site(browser: httpx.Client, target: str) -> None:
    assert 'name="next" value="/"' in browser.get("/login", params={"next": target}).text
    assert sign_in(browser, "mia", next=target).headers["location"] == "/"
    assert browser.get("/login", params={"next": target}).headers["location"] == "/"


@pytest.mark.parametrize(
    ("name", "password"),
    [("mia", "wrong password"), ("nobody", PASSWORD), ("sven", PASSWORD), ("", ""), ("mia", "x" * 5000)],
)
def test_a_wrong_name_and_a_wrong_password_look_alike(browser: httpx.Client, name: str, password: str) -> None:
    answer = sign_in(browser, name, password)
    assert answer.status_code == 401
    assert alert(answer) == "The name or the password is not right."
    assert COOKIE.name not in browser.cookies


def test_what_was_typed_comes_back_as_text(browser: httpx.Client) -> None:
    answer = sign_in(browser, '"><script>alert(1)</script>', "wrong password")
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "wrong password" not in answer.text


def test_a_form_from_another_page_is_refused(browser: httpx.Client) -> None:
    form_token(browser.get("/login"))
    answer = browser.post("/login", data={"form": "guessed", "name": "mia", "password": PASSWORD})
    assert (answer.status_code, alert(answer)) == (400, "That page was out of date. Try again.")
    assert COOKIE.name not in browser.cookies


def test_a_browser_that_keeps_no_cookies_is_told_so(browser: httpx.Client) -> None:
    token = form_token(browser.get("/login"))
    browser.cookies.clear()
    answer = browser.post("/login", data={"form": token, "name": "mia", "password": PASSWORD})
    assert answer.status_code == 400
    assert "Allow cookies" in alert(answer)


def test_a_secure_cookie_that_http_has_dropped_is_explained(office: Office, clock: Clock) -> None:
    with serving(application(office, clock, Cookie(secure=True))) as address:
        with httpx.Client(base_url=f"http://{address}") as browser:
            page = browser.get("/login")
            assert "__Host-footnote-form=" in page.headers["set-cookie"]
            browser.cookies.clear()  # as browsers do with Secure cookies from http
            data = {"form": form_token(page), "name": "mia", "password": PASSWORD}
            answer = browser.post("/login", data=data)
        assert "COOKIE_SECURE=false" in alert(answer)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"&".join([b"a=1"] * 50), b"a" * 20_000])
def test_a_form_that_is_no_form_is_refused_in_words(browser: httpx.Client, body: bytes) -> None:
    answer = browser.post("/login", content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 400
    assert alert(answer)


def test_after_five_wrong_tries_a_name_waits_ever_longer(browser: httpx.Client, clock: Clock) -> None:
    for _ in range(5):
        assert sign_in(browser, "mia", "wrong password").status_code == 401
    refused = sign_in(browser, "MIA")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "15")
    assert alert(refused) == "Too many wrong tries. Wait 15 seconds, then try again."
    assert sign_in(browser, "max").status_code == 303
    browser.cookies.delete(COOKIE.name)
    clock.now += 16
    assert sign_in(browser, "mia", "wrong password").status_code == 401
    clock.now += 16
    assert sign_in(browser, "mia").status_code == 429
    clock.now += 16
    assert sign_in(browser, "mia").status_code == 303


def test_an_address_that_tries_many_names_waits_too(browser: httpx.Client) -> None:
    for number in range(20):
        assert sign_in(browser, f"name{number}", "wrong password").status_code == 401
    assert sign_in(browser, "mia").status_code == 429


def test_the_throttle_counts_tries_that_have_only_begun_and_forgets() -> None:
    clock = Clock()
    throttle = Throttle(3, clock=clock)
    assert [throttle.begin("a") for _ in range(4)] == [0, 0, 0, 15]
    clock.now += 1800.1
    assert throttle.begin("a") == 0
    waits = []
    for _ in range(12):
        while wait := throttle.begin("b"):
            waits.append(wait)
            clock.now += wait
    assert [round(wait, 6) for wait in waits] == [15, 30, 60, 120, 240, 300, 300, 300, 300]


def test_the_throttle_holds_a_bounded_number_of_names() -> None:
    throttle = Throttle(1, clock=Clock())
    for number in range(10_050):
        throttle.begin(str(number))
    assert len(throttle._tries) == 10_000
    assert throttle.begin("10049") > 0


def test_signing_out_ends_the_sign_in_and_its_websockets_at_once(
    browser: httpx.Client, address: str, office: Office
) -> None:
    sign_in(browser, "mia")
    token = browser.cookies[COOKIE.name]
    headers = {"cookie": f"{COOKIE.name}={token}"}
    with connect(f"ws://{address}/stream", additional_headers=headers) as line:
        answer = browser.post("/logout")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert line.recv(timeout=5) == b"bye"
        with pytest.raises(ConnectionClosed):
            line.recv(timeout=5)
    assert COOKIE.name not in browser.cookies
    assert office.users.signed_in(token) is None


def test_a_link_can_not_sign_anybody_out(browser: httpx.Client) -> None:
    sign_in(browser, "mia")
    assert browser.get("/logout").status_code == 405
    assert browser.get("/").status_code == 200


def test_signing_in_anew_ends_the_sign_in_before(browser: httpx.Client, office: Office) -> None:
    sign_in(browser, "mia")
    before, token = browser.cookies[COOKIE.name], form_token_of_cookie(browser)
    browser.post("/login", data={"form": token, "name": "max", "password": PASSWORD})
    assert browser.get("/").json() == {"who": "max"}
    assert office.users.signed_in(before) is None


def form_token_of_cookie(browser: httpx.Client) -> str:
    return browser.cookies[COOKIE.form_name]


def change(browser: httpx.Client, old: str, new: str, again: str | None = None) -> httpx.Response:
    return browser.post("/password", data={"old": old, "new": new, "again": new if again is None else again})


def test_a_one_time_password_is_replaced_before_anything_else(browser: httpx.Client, office: Office) -> None:
    sign_in(browser, "otto")
    before = browser.cookies[COOKIE.name]
    assert browser.get("/").headers["location"] == "/password"
    assert "Your password was for one use" in browser.get("/password").text
    answer = change(browser, PASSWORD, "my very own password")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert browser.get("/").json() == {"who": "otto"}
    assert office.users.signed_in(before) is None
    assert office.users.sign_in("otto", PASSWORD) is None
    assert office.users.sign_in("otto", "my very own password") is not None


@pytest.mark.parametrize(
    ("old", "new", "again", "words"),
    [
        ("wrong password", "another password", None, "The old password is not right."),
        (PASSWORD, "another password", "an other password", "The new passwords differ."),
        (PASSWORD, "short", None, "at least 10 characters"),
        (PASSWORD, PASSWORD, None, "differs from the old one"),
        (PASSWORD, "x" * 1025, None, "at most 1,024"),
    ],
)
def test_a_change_of_password_that_can_not_be_made_says_why(
    browser: httpx.Client, office: Office, old: str, new: str, again: str | None, words: str
) -> None:
    sign_in(browser, "mia")
    answer = change(browser, old, new, again)
    assert answer.status_code in {400, 403}
    assert words in alert(answer)
    assert office.users.sign_in("mia", PASSWORD) is not None


def test_the_old_password_can_not_be_guessed_on_the_page_that_changes_it(browser: httpx.Client) -> None:
    sign_in(browser, "mia")
    for _ in range(5):
        assert change(browser, "wrong password", "another password").status_code == 403
    assert change(browser, PASSWORD, "another password").status_code == 429


def test_the_pages_hold_no_script_and_nothing_from_elsewhere(browser: httpx.Client) -> None:
    for page in (browser.get("/login"), sign_in(browser, "mia", "wrong password")):
        assert "<script" not in page.text
        assert not re.search(r"(src|href|url)\s*[=(]\s*[\"']?(https?:)?//", page.text)
        assert 'name="viewport"' in page.text
        for field in re.findall(r'<input id="(\w+)"', page.text):
            assert f'<label for="{field}">' in page.text
