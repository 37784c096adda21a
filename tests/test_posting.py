"""What leaves for a channel, at the wire: where it goes, how it is signed, what is refused at the start."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from shared.formats.channel import Call
from shared.formats.channels import KINDS
from shared.formats.watch_file import parse_watch
from shared.posting import post_to, secrets_of
from shared.settings import Settings, SettingsError
from tests.formats.situations import OPENED

KEY = "a-key-that-signs-0123456789"
WATCH = """
channels:
  own: {kind: webhook, secret: OWN, key: OWN_KEY}
  any: {kind: apprise, secret: ANY}
"""


class Receiver(HTTPServer):
    """Takes every POST and answers 500 with what it was sent, as a careless program does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.taken: list[tuple[str, dict[str, str], bytes]] = []


class Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Receiver)
        self.server.taken.append((self.path, dict(self.headers), body))
        self.send_response(500)
        self.end_headers()
        self.wfile.write(f"failed: {self.path} {KEY}".encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def settings(**named: str) -> Settings:
    return Settings.read({"METERWATCH_STORE": "x.db", "METERWATCH_CREDENTIAL": "default", **named})


def secret_settings(port: int) -> Settings:
    here = f"127.0.0.1:{port}/a-secret-path-of-ours"
    return settings(OWN=f"http://{here}", OWN_KEY=KEY, ANY=f"json://{here}")


def test_a_webhook_is_signed_over_exactly_what_arrives_and_no_answer_brings_a_secret_back(receiver):
    watch, found = parse_watch(WATCH), secret_settings(receiver.server_port)
    post = post_to(found, watch, secrets_of(found, watch))
    (call,) = KINDS["webhook"].render(OPENED, "", "")
    answer = post("own", call)

    ((path, headers, body),) = receiver.taken
    signed = headers["X-Meterwatch-Timestamp"].encode() + b"." + body
    digest = hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest()
    assert path == "/a-secret-path-of-ours"
    assert headers["X-Meterwatch-Signature"] == f"sha256={digest}"
    assert json.loads(body)["version"] == 1
    assert answer.status == 500
    assert not {"a-secret-path-of-ours", KEY} & set(answer.body.split())
    assert KEY not in answer.body


def test_an_apprise_channel_goes_by_apprise_and_is_not_signed(receiver):
    watch, found = parse_watch(WATCH), secret_settings(receiver.server_port)
    post = post_to(found, watch, secrets_of(found, watch))
    answer = post("any", Call({"title": "t", "body": "b", "type": "info"}))

    assert (answer.status, answer.body) == (200, "false")
    assert all("X-Meterwatch-Signature" not in headers for _, headers, _ in receiver.taken)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"OWN": "ftp://x"}, "OWN is not a webhook's URL; expected https://..."),
        ({"OWN": "http://x.example/y"}, "OWN does not lead to https on its usual port"),
        (
            {"OWN": "https://elsewhere.example/x"},
            "OWN does not lead to a host that METERWATCH_CHAT_HOSTS names",
        ),
        ({"OWN_KEY": "short"}, "OWN_KEY is too short to sign with; expected at least 16 characters"),
        ({"ANY": "ntfy"}, "ANY is not a URL of Apprise; expected service://..."),
        ({"ANY": ""}, "not set: ANY"),
    ],
)
def test_a_secret_that_cannot_be_one_is_refused_by_its_name(wrong, why):
    sound = {"OWN": "https://x.example/y", "OWN_KEY": KEY, "ANY": "ntfys://x"}
    sound["METERWATCH_CHAT_HOSTS"] = "x.example"
    with pytest.raises(SettingsError) as refused:
        secrets_of(settings(**{**sound, **wrong}), parse_watch(WATCH))

    assert refused.value.problems == (why,)
