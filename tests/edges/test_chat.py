"""Posting to a chat over real HTTP: what comes back, and that the address is never shown."""

import logging
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from shared.core.faults import Unreachable
from shared.edges.chat import MOST_BODY, Address, ChatPost
from shared.formats.channel import Call

SECRET = "signature-that-nobody-may-see"


class Server(ThreadingHTTPServer):
    answers: tuple[int, dict[str, str], bytes] = (200, {}, b"ok")


class Handler(BaseHTTPRequestHandler):
    seen: ClassVar[list[Any]] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Handler.seen.append((self.path, dict(self.headers), body))
        assert isinstance(self.server, Server)
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
    threading.Thread(target=running.serve_forever, daemon=True).start()
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
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_an_address_shows_nothing_of_itself():
    address = Address(f"https://hooks.example/{SECRET}", {"Authorization": SECRET})

    assert SECRET not in repr(address) + str(address) + repr(ChatPost({"ops": address}))
