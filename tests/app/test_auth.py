"""The Gate, in front of a small app that tells what reached it."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, Router, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from app.auth import Cookie, Gate, Sockets, safe_path
from storage.errors import Unavailable
from storage.types import Role
from tests.office import Office, serving
from tests.patience import until

FAREWELL = b"go to /login"
COOKIE = Cookie(secure=False)
HTML = {"accept": "text/html"}


async def tell(request: Request) -> Response:
    sign_in = getattr(request.state, "sign_in", None)
    identity = {name: value for name, value in request.headers.items() if name.startswith("x-footnote")}
    return JSONResponse(
        {"who": sign_in and sign_in.principal.name, "identity": identity, "host": request.headers["host"]}
    )


async def show(_request: Request) -> Response:
    return HTMLResponse("<p>hello", headers={"x-frame-options": "ALLOWALL", "cache-control": "public"})


async def crash(_request: Request) -> Response:
    raise ValueError("a secret")


async def no_database(_request: Request) -> Response:
    raise Unavailable("database", "The database does not answer.")


async def repeat(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_json(dict(socket.headers))
    async for message in socket.iter_text():
        await socket.send_text(message)


def application(office: Office, sockets: Sockets, **options: object) -> Gate:
    paths = ["/", "/login", "/healthz", "/password", "/logout", "/_stcore/metrics", "/media/picture.png", "/anything"]
    routes = [Route(path, tell, methods=["GET", "POST", "PUT"]) for path in paths]
    routes += [Route("/page", show), Route("/static/a.js", show), Route("/crash", crash), Route("/away", no_database)]
    app = Router(routes=[*routes, WebSocketRoute("/_stcore/stream", repeat)])
    return Gate(app, office.users, sockets, cookie=COOKIE, farewell=FAREWELL, check_seconds=0.05, **options)  # type: ignore[arg-type]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


@pytest.fixture
def sockets() -> Sockets:
    return Sockets()


@pytest.fixture
def address(office: Office, sockets: Sockets) -> Iterator[str]:
    with serving(application(office, sockets, scripts=["sha256-abc"])) as address:
        yield address


def client(address: str, office: Office, name: str | None = None) -> httpx.Client:
    cookies = {COOKIE.name: office.tokens[name]} if name else None
    return httpx.Client(base_url=f"http://{address}", cookies=cookies)


def socket(address: str, office: Office, name: str | None = None, **headers: str) -> ClientConnection:
    cookie = {"Cookie": f"{COOKIE.name}={office.tokens[name]}"} if name else {}
    origin = headers.pop("origin", f"http://{address}")
    return connect(f"ws://{address}/_stcore/stream", origin=origin, additional_headers={**cookie, **headers})  # type: ignore[arg-type]


def test_without_a_sign_in_only_login_and_healthz_answer(address: str, office: Office) -> None:
    with client(address, office) as anonymous:
        for path in (
            "/",
            "/anything",
            "/media/picture.png",
            "/_stcore/metrics",
            "/static/a.js",
            "/password",
            "/nowhere",
        ):
            refused = anonymous.get(path)
            assert refused.status_code == 401
            assert refused.json()["error"]["code"] == "sign_in"
        for path in ("/login", "/healthz"):
            assert anonymous.get(path).json()["who"] is None
        for path in ("/login/", "/healthz/x", "//login", "/%6cogin/x", "/LOGIN"):
            assert anonymous.get(path).status_code == 401


def test_a_browser_is_sent_to_the_sign_in_page_and_told_where_to_go_on(address: str, office: Office) -> None:
    with client(address, office) as anonymous:
        assert anonymous.get("/", headers=HTML).headers["location"] == "/login"
        sent = anonymous.get("/anything?conversation=a b&x=%26", headers=HTML)
        assert sent.status_code == 303
        target = parse_qs(urlsplit(sent.headers["location"]).query)["next"]
        assert target == ["/anything?conversation=a%20b&x=%26"]
        assert anonymous.post("/anything", headers=HTML).headers["location"] == "/login"


@pytest.mark.parametrize("token", ["", "nonsense", "a" * 5000])
def test_a_cookie_that_is_no_sign_in_opens_nothing(address: str, office: Office, token: str) -> None:
    with client(address, office) as anonymous:
        assert anonymous.get("/", headers={"cookie": f"{COOKIE.name}={token}"}).status_code == 401


def test_suspended_accounts_are_outside_at_once(address: str, office: Office) -> None:
    with client(address, office, "max") as member:
        assert member.get("/").status_code == 200
        office.users.set_active("max", False)
        assert member.get("/").status_code == 401


def test_what_a_browser_says_about_its_identity_is_thrown_away(address: str, office: Office) -> None:
    forged = {"X-Footnote-User": "anna", "x-footnote-role": "admin", "x-footnote-sid": "1", "x-footnote-else": "2"}
    with client(address, office, "max") as member:
        told = member.get("/", headers={**forged, "x-footnote-upload": "1"}).json()
    known = office.users.signed_in(office.tokens["max"])
    assert known is not None
    expected = {"user": known.principal.user_id, "sid": known.id, "role": "member", "upload": "1"}
    assert told["who"] == "max"
    assert told["identity"] == {f"x-footnote-{name}": value for name, value in expected.items()}
    with client(address, office) as anonymous:
        assert anonymous.get("/healthz", headers=forged).json()["identity"] == {}


def test_a_one_time_password_opens_the_page_to_change_it_and_nothing_else(address: str, office: Office) -> None:
    with client(address, office, "otto") as newcomer:
        assert newcomer.get("/anything").json()["error"]["code"] == "one_time_password"
        assert newcomer.get("/anything", headers=HTML).headers["location"] == "/password"
        assert newcomer.get("/password").json()["who"] == "otto"
        assert newcomer.post("/logout").json()["who"] == "otto"
    with pytest.raises(InvalidStatus, match="403"):
        socket(address, office, "otto")


def test_only_admins_see_the_metrics(address: str, office: Office) -> None:
    with client(address, office, "max") as member, client(address, office, "anna") as admin:
        assert member.get("/_stcore/metrics").status_code == 403
        assert admin.get("/_stcore/metrics").status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://{}.evil.example"])
def test_other_sites_can_neither_change_anything_nor_open_a_websocket(
    address: str, office: Office, origin: str
) -> None:
    origin = origin.format(address)
    with client(address, office, "anna") as admin:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            refused = admin.request(method, "/anything", headers={"origin": origin})
            assert refused.json()["error"]["code"] == "foreign_origin"
        assert admin.post("/login", headers={"origin": origin}).status_code == 403
    with pytest.raises(InvalidStatus, match="403"):
        socket(address, office, "anna", origin=origin)


def test_a_request_without_an_origin_is_judged_by_what_else_the_browser_says(address: str, office: Office) -> None:
    with client(address, office, "anna") as admin:
        assert admin.post("/anything").status_code == 200
        assert admin.post("/anything", headers={"sec-fetch-site": "same-origin"}).status_code == 200
        for site in ("cross-site", "same-site"):
            assert admin.post("/anything", headers={"sec-fetch-site": site}).status_code == 403


def test_our_own_origin_may_change_things(address: str, office: Office) -> None:
    with client(address, office, "anna") as admin:
        assert admin.post("/anything", headers={"origin": f"http://{address}"}).status_code == 200


def test_behind_a_proxy_the_public_address_is_ours_too(office: Office, sockets: Sockets) -> None:
    gate = application(office, sockets, public_url="https://Footnote.example/")
    with serving(gate) as address, client(address, office, "anna") as admin:
        told = admin.post("/anything", headers={"origin": "https://footnote.example"})
        assert told.json()["host"] == "footnote.example"
        assert admin.post("/anything", headers={"origin": "http://footnote.example"}).status_code == 403
        with socket(address, office, "anna", origin="https://footnote.example") as line:
            assert '"host":"footnote.example"' in str(line.recv())


def test_every_response_has_the_security_headers(address: str, office: Office) -> None:
    with client(address, office, "anna") as admin, client(address, office) as anonymous:
        for response in (
            admin.get("/page"),
            admin.get("/nowhere"),
            admin.get("/crash"),
            admin.get("/away"),
            anonymous.get("/page"),
            anonymous.get("/healthz"),
            anonymous.get("/page", headers=HTML),
        ):
            headers = response.headers
            assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self' 'sha256-abc';")
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers.get_list("x-frame-options") == ["DENY"]
            assert headers.get_list("cache-control") == ["no-store"]
        assert admin.get("/static/a.js").headers["cache-control"] == "public"


def test_an_error_of_our_own_is_logged_and_tells_nothing(
    address: str, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    with client(address, office, "anna") as admin:
        failed = admin.get("/crash")
    assert (failed.status_code, failed.json()["error"]["code"]) == (500, "internal")
    assert "secret" not in failed.text
    assert "a secret" in caplog.text


def test_a_database_that_is_away_lets_nobody_in(address: str, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_token: str) -> None:
        raise Unavailable("database", "The database does not answer.")

    monkeypatch.setattr(office.users, "signed_in", away)
    with client(address, office, "anna") as admin:
        answer = admin.get("/")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert admin.get("/healthz").status_code == 200
    with pytest.raises(InvalidStatus, match="403"):
        socket(address, office, "anna")


def test_a_websocket_needs_a_sign_in_and_gets_our_identity(address: str, office: Office) -> None:
    for name in (None, "sven"):
        with pytest.raises(InvalidStatus, match="403"):
            socket(address, office, name)
    with socket(address, office, "max", **{"x-footnote-role": "admin"}) as line:
        told = str(line.recv())
        assert '"x-footnote-role":"member"' in told
        line.send("still there")
        assert line.recv() == "still there"


@pytest.mark.parametrize(
    "end",
    [
        lambda office: office.users.set_active("mia", False),
        lambda office: office.users.set_password("mia", "another long password"),
        lambda office: office.users.set_role("mia", Role.ADMIN),
        lambda office: office.users.set_groups("mia", []),
        lambda office: office.users.sign_out(office.tokens["mia"]),
    ],
    ids=["suspended", "new password", "new role", "new groups", "signed out elsewhere"],
)
def test_open_websockets_are_sent_away_when_their_sign_in_ends_or_changes(
    address: str, office: Office, end: object
) -> None:
    with socket(address, office, "mia") as line, socket(address, office, "max") as other:
        line.recv()
        other.recv()
        end(office)  # type: ignore[operator]
        assert line.recv(timeout=10) == FAREWELL
        with pytest.raises(ConnectionClosed):
            line.recv(timeout=10)
        other.send("unharmed")
        assert other.recv() == "unharmed"


def test_the_registry_forgets_websockets_that_closed(address: str, office: Office, sockets: Sockets) -> None:
    with socket(address, office, "mia") as line:
        line.recv()
        assert len(sockets.all()) == 1
    until(lambda: not sockets.all())


def test_the_cookie_is_for_this_host_and_for_https_where_that_is_set() -> None:
    response = Response()
    Cookie(secure=True, hours=2).set(response, "token")
    Cookie(secure=False).set(response, "token")
    safe, plain = (value.decode() for name, value in response.raw_headers if name == b"set-cookie")
    assert safe == "__Host-footnote=token; HttpOnly; Max-Age=7200; Path=/; SameSite=lax; Secure"
    assert plain == "footnote=token; HttpOnly; Max-Age=43200; Path=/; SameSite=lax"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil", "javascript:alert(1)", "",
        "/a\nb", "/" + "a" * 600, "/logout", "/login?next=/", "evil", "/\x00", "/\tb",
    ],
)  # fmt: skip
def test_a_link_can_not_lead_out_of_the_app(target: str) -> None:
    assert safe_path(target) == "/"


def test_a_link_into_the_app_is_kept() -> None:
    assert safe_path("/documents?state=failed#top") == "/documents?state=failed#top"
