"""Posting to a chat over real HTTP: what comes back, and that the address is never shown."""

import json
import logging
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
import requests

from shared.core.faults import Unreachable
from shared.edges.chat import MOST_BODY, Address, ChatPost
from shared.formats.channel import Call

SECRET = "signature-that-nobody-may-see"


class Server(ThreadingHTTPServer):
    answers: tuple[int, dict[str, str], bytes] = (200, {}, b"ok")
    raw = b""  # an answer sent as it is, in place of those


class Handler(BaseHTTPRequestHandler):
    seen: ClassVar[list[Any]] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Handler.seen.append((self.path, dict(self.headers), body))
        assert isinstance(self.server, Server)
        if self.server.raw:
            self.wfile.write(self.server.raw)
            self.close_connection = True
            return
        status, headers, answer = self.server.answers
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        with suppress(OSError):  # the client reads no further than it wants
            self.wfile.write(answer)

    def log_message(self, *given):
        pass


@pytest.fixture
def server():
    Handler.seen.clear()
    running = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


def post_to(server, headers=None):
    url = f"http://127.0.0.1:{server.server_port}/hook?sig={SECRET}"
    return ChatPost({"ops": Address(url, headers or {})})


def test_the_body_goes_as_json_with_the_address_byte_for_byte(server):
    answer = post_to(server, {"Authorization": "Bearer x"})("ops", Call({"text": "Grüße 🔴"}))

    ((path, headers, body),) = Handler.seen
    assert path == f"/hook?sig={SECRET}"
    assert headers["Authorization"] == "Bearer x"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert body == '{"text":"Grüße 🔴"}'.encode()
    assert (answer.status, answer.body) == (200, "ok")


def test_header_names_come_in_lower_case(server):
    server.answers = (429, {"Retry-After": "30"}, b"")

    assert post_to(server)("ops", Call({})).headers["retry-after"] == "30"


def test_no_redirect_is_followed(server):
    server.answers = (302, {"Location": f"http://127.0.0.1:{server.server_port}/elsewhere"}, b"")

    assert post_to(server)("ops", Call({})).status == 302
    assert len(Handler.seen) == 1


def test_of_a_long_answer_only_the_beginning_is_read(server):
    server.answers = (500, {}, b"x" * 5_000_000)

    assert len(post_to(server)("ops", Call({})).body) <= MOST_BODY


def test_an_answer_in_no_encoding_is_still_an_answer(server):
    server.answers = (200, {"Content-Type": "text/plain; charset=nonsense"}, b"\xff\xfeok")

    assert post_to(server)("ops", Call({})).body.endswith("ok")


def test_a_channel_that_cannot_be_reached_is_named_without_its_address(caplog):
    caplog.set_level(logging.DEBUG)
    nowhere = ChatPost({"ops": Address(f"http://127.0.0.1:9/hook?sig={SECRET}")})

    with pytest.raises(Unreachable) as raised:
        nowhere("ops", Call({}))

    assert str(raised.value) == "no answer from channel ops: ConnectionError"
    assert raised.value.__context__ is None
    assert SECRET not in caplog.text


def test_an_address_shows_nothing_of_itself():
    address = Address(f"https://hooks.example/{SECRET}", {"Authorization": SECRET})

    assert SECRET not in repr(address) + str(address) + repr(ChatPost({"ops": address}))


def test_an_answer_as_long_as_slacks_is_read_whole(server):
    echo = json.dumps({"ok": True, "message": {"text": "x" * 200_000}, "ts": "1.0"})
    server.answers = (200, {}, echo.encode())

    assert post_to(server)("ops", Call({})).body == echo


def test_an_answer_in_chunks_is_read_whole(server):
    server.raw = (
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"ok"\r\n6\r\n:true}\r\n0\r\n\r\n'
    )

    assert post_to(server)("ops", Call({})).body == '{"ok":true}'


def test_an_answer_that_calls_itself_compressed_is_not_unpacked(server):
    server.answers = (202, {"Content-Encoding": "gzip"}, b"not gzip")

    answer = post_to(server)("ops", Call({}))

    assert (answer.status, answer.body) == (202, "not gzip")


@pytest.mark.parametrize(
    "raw",
    [
        b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"ok"',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"SMTP hello\r\n\r\n",
    ],
    ids=["cut", "broken chunks", "not HTTP"],
)
def test_an_answer_that_breaks_off_is_none(server, raw):
    server.raw = raw

    with pytest.raises(Unreachable, match="no answer from channel ops"):
        post_to(server)("ops", Call({}))


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (f"not a url {SECRET}", {}),
        (f"https://[{SECRET}", {}),
        (f"ftp://127.0.0.1/{SECRET}", {}),
        (f"https://{'a' * 70}.example/{SECRET}", {}),
        ("http://127.0.0.1:9/", {"Authorization": f"Bearer {SECRET}\n"}),
        ("http://127.0.0.1:9/", {"Authorization": f"Bearer {SECRET}\u2028"}),
    ],
    ids=["no URL", "broken host", "another scheme", "long label", "line end", "letters"],
)
def test_an_address_that_is_none_fails_without_being_shown(caplog, url, headers):
    caplog.set_level(logging.DEBUG)

    with pytest.raises(Unreachable) as raised:
        ChatPost({"ops": Address(url, headers)})("ops", Call({}))

    assert SECRET not in str(raised.value) + caplog.text
    assert raised.value.__context__ is None


def test_a_channel_without_an_address_is_named():
    with pytest.raises(Unreachable, match="no address is known of channel ops"):
        ChatPost({})("ops", Call({}))


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nno header at all\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
        b"nonsense",
    ],
    ids=["well", "odd headers", "redirect", "nonsense"],
)
def test_no_log_line_of_any_library_holds_the_address(server, caplog, raw):
    for name in ("", "urllib3", "urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry"):
        caplog.set_level(logging.DEBUG, logger=name)
    server.raw = raw

    with suppress(Unreachable):
        post_to(server, {"Authorization": f"Bearer {SECRET}"})("ops", Call({}))

    assert SECRET not in caplog.text


def test_the_http_library_logs_for_others_as_before(server, caplog):
    post_to(server)("ops", Call({}))
    caplog.set_level(logging.DEBUG, logger="urllib3.connectionpool")

    requests.post(f"http://127.0.0.1:{server.server_port}/of-another-part", timeout=5)

    assert "of-another-part" in caplog.text
