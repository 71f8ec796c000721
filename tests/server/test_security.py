"""Attacks on a running dashboard: refused as documented, the session untouched."""

import socket
import time
from contextlib import ExitStack

import pytest
from dashboards import Client, dashboard, simulated

from seestack.server.limits import Limits

pytestmark = pytest.mark.usefixtures("no_session_thread_is_left")
TOKEN = "correct-horse-battery-staple"


def code_of(answer):
    return answer.status_code, answer.json()["error"]["code"]


def slow(settings):
    return simulated(settings, speed=100.0)


@pytest.fixture
def attacked():
    """A client of a dashboard whose session runs, and runs on afterwards."""
    with dashboard(slow, stacking={"frames": 9999}) as running:
        client = Client(running)
        client.post("api/stack/start")
        yield client
        status = client.status()
        assert (status["state"], status["session"]) == ("running", 1)
        client.until(lambda later: later["frames_stacked"] > status["frames_stacked"])


FOREIGN = {
    "another page": ({"Origin": "http://evil.example"}, "foreign_origin"),
    "another port": ({"Origin": "http://127.0.0.1:1"}, "foreign_origin"),
    "a sandboxed page": ({"Origin": "null"}, "foreign_origin"),
    "an image on another page": ({"Sec-Fetch-Site": "cross-site"}, "foreign_origin"),
    "another port, without Origin": ({"Sec-Fetch-Site": "same-site"}, "foreign_origin"),
    "a name that was rebound": ({"Host": "evil.example"}, "foreign_host"),
    "a name that begins alike": ({"Host": "localhost.evil.example:80"}, "foreign_host"),
    "no name": ({"Host": ""}, "foreign_host"),
    "a broken address": ({"Host": "[::1"}, "foreign_host"),
}


@pytest.mark.parametrize("attack", FOREIGN)
def test_a_foreign_page_neither_reads_nor_acts(attacked, attack):
    headers, code = FOREIGN[attack]
    for path in ("api/status", "api/preview.png", "api/events", "api/config", "static/main.js"):
        assert code_of(attacked.get(path, headers=headers)) == (403, code)
    for path in ("start", "stop", "reset"):
        assert code_of(attacked.post(f"api/stack/{path}", headers=headers)) == (403, code)
    put = attacked.put("api/config", json={"stacking": {"frames": 1}}, headers=headers)
    assert code_of(put) == (403, code)


def test_the_own_page_may(attacked):
    port = attacked.url.rsplit(":", 1)[1].rstrip("/")
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"):
        headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
        assert attacked.get("api/status", headers=headers).status_code == 200
    linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert attacked.get("", headers=linked).status_code == 200
    assert attacked.get("api/status", headers=linked).status_code == 403


def test_a_token_is_asked_for_wherever_others_can_reach():
    with dashboard(address="0.0.0.0") as running:
        assert running.token is not None
        assert len(running.token) >= 32
        running.address = "127.0.0.1"  # for the address of this client alone
        assert Client(running).get("api/status").status_code == 401
        bearer = {"Authorization": f"Bearer {running.token}"}
        assert Client(running, **bearer).get("api/status").status_code == 200
        evil = Client(running, **bearer).get("api/status", headers={"Host": "evil.example"})
        assert code_of(evil) == (403, "foreign_host")
    with dashboard() as running:
        assert running.token is None


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        "Bearer é",
    ],
)
def test_without_the_token_nothing_is_told(header):
    with dashboard(token=TOKEN) as running:
        headers = {} if header is None else {"Authorization": header.encode()}
        client = Client(running, **headers)
        for path in ("api/status", "api/events", "api/openapi.json", "static/main.js", "nothing"):
            answer = client.get(path)
            assert code_of(answer) == (401, "no_token")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert client.post("api/stack/start").status_code == 401
        assert client.get("api/status?token=" + TOKEN).status_code == 401
        page = client.get("")
        assert (page.status_code, "password" in page.text) == (401, True)
        assert running.sessions.current is None


def test_the_printed_link_becomes_a_cookie():
    with dashboard(token=TOKEN) as running:
        client = Client(running)
        assert client.web.get(running.link, timeout=5).url == running.url
        cookie = next(iter(client.web.cookies))
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert cookie.get_nonstandard_attr("SameSite") == "Strict"
        assert client.get("api/status").status_code == 200
        assert Client(running).get("?token=wrong").status_code == 401


def test_every_answer_carries_the_headers_of_safety(attacked):
    for path in ("", "api/status", "api/preview.png", "static/style.css", "nothing"):
        headers = attacked.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "Server" not in headers
        assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e%2fapp.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/index.html%00",
        "//etc/passwd",
        "/../../etc/passwd",
        "/api/stack.fits/../../etc/passwd",
        "/static/%ff",
    ],
)
def test_no_path_reaches_the_files(attacked, path):
    answer = raw(attacked, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    status = int(answer.split()[1])
    assert status in (400, 404)
    assert b"root:" not in answer
    assert b"import" not in answer


def test_bodies_and_heads_are_bounded(attacked):
    headers = {"Content-Type": "application/json"}
    long = attacked.put("api/config", data=b" " * 20_000, headers=headers)
    assert code_of(long) == (413, "too_large")
    head = "POST /api/stack/start HTTP/1.1\r\nHost: localhost\r\n"
    for request in (
        f"{head}Content-Length: 100000000\r\n\r\n",
        f"{head}Transfer-Encoding: chunked\r\n\r\n20000\r\n" + "x" * 0x20000,
        f"{head}X-Long: {'x' * 70_000}\r\n\r\n",
        f"{head}Content-Length: -1\r\n\r\n",
        f"{head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /api/stack/stop HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n",
        "\x00\x01\x02\r\n\r\n",
    ):
        answer = raw(attacked, request)
        assert answer == b"" or b" 400 " in answer.splitlines()[0]


def test_slow_requests_are_cut_off():
    limits = Limits(head_s=0.5, body_s=0.5)
    with dashboard(limits=limits) as running:
        client = Client(running)
        head = "PUT /api/config HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        for begin in ("GET /api/sta", f"{head}Content-Length: 10\r\n\r\n{{"):
            with connected(client) as link:
                link.sendall(begin.encode())
                link.settimeout(5)
                began = time.monotonic()
                assert link.recv(1000) in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n")
                assert 0.3 < time.monotonic() - began < 3
        assert client.get("api/config").json()["stacking"]["frames"] == 20


def test_thousands_of_connections_are_turned_away():
    limits = Limits(connections=60, head_s=1.0)
    with dashboard(slow, stacking={"frames": 9999}, limits=limits) as running:
        client = Client(running)
        client.post("api/stack/start")
        refused = 0
        for _ in range(5):
            with ExitStack() as stack:
                links = [stack.enter_context(connected(client)) for _ in range(400)]
                refused += sum(link_answer(link).startswith(b"HTTP/1.1 503") for link in links)
        assert refused >= 5 * 300
        time.sleep(1.2)
        patient = Client(running)
        status = patient.until(lambda status: status["frames_stacked"] > 3)
        assert (status["state"], status["session"]) == ("running", 1)


def test_rates_are_bounded():
    with dashboard(limits=Limits(requests_per_s=20.0, burst=30.0)) as running:
        client = Client(running)
        answers = [client.get("api/config") for _ in range(60)]
        statuses = [answer.status_code for answer in answers]
        assert statuses[:30] == [200] * 30
        assert 5 < statuses.count(429) <= 30
        assert answers[statuses.index(429)].headers["Retry-After"] == "1"
        time.sleep(0.3)
        assert client.get("api/config").status_code == 200


def test_a_viewer_that_stops_reading_is_dropped_and_others_are_not():
    limits = Limits(viewers=3, waiting_events=16, stall_s=1.0)
    with dashboard(limits=limits) as running, ExitStack() as stack:
        client = Client(running)
        reader, *_ = (
            stack.enter_context(connected(client, receive=size)) for size in (None, 4096, 4096)
        )
        for link in (reader, *_):
            link.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = [reader.recv(65536)]
        time.sleep(0.3)
        assert code_of(client.get("api/events")) == (429, "too_many_viewers")
        for _ in range(1000):
            running.sessions.configure(running.sessions.settings)
            received.append(reader.recv(65536))
        time.sleep(1.2)
        running.sessions.configure(running.sessions.settings)
        received.append(reader.recv(65536))
        assert b"".join(received).count(b"event: status") == 1002
        with ExitStack() as others:
            opened = [others.enter_context(client.get("api/events", stream=True)) for _ in range(3)]
            assert [answer.status_code for answer in opened] == [200, 200, 429]


def test_an_error_inside_tells_no_path(monkeypatch, caplog):
    with dashboard() as running:
        client = Client(running)

        def broken():
            raise RuntimeError("/home/anna/secret.py is broken")

        monkeypatch.setattr(running.sessions, "start", broken)
        answer = client.post("api/stack/start")
        assert code_of(answer) == (500, "internal")
        assert "anna" not in answer.text
        assert "anna" in caplog.text


def connected(client, receive=None):
    host, port = client.url.removeprefix("http://").rstrip("/").split(":")
    link = socket.socket()
    if receive:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    link.settimeout(10)
    link.connect((host, int(port)))
    return link


def link_answer(link):
    """Return what a connection said by itself."""
    link.settimeout(0.0005)
    try:
        return link.recv(100)
    except TimeoutError:
        return b""
    except ConnectionError:
        return b"HTTP/1.1 503"


def raw(client, request):
    """Return everything that a connection answers to some bytes."""
    with connected(client) as link:
        answer = b""
        try:
            link.sendall(request.encode("latin-1"))
            while part := link.recv(65536):
                answer += part
                if b"\r\n\r\n" in answer and b"Connection: close" not in request.encode("latin-1"):
                    break
        except ConnectionError:
            pass
        return answer
