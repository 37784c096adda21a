"""Apprise itself, at a service on this machine."""

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from shared.core.model import Delivered, RetryLater
from shared.edges.apprise import ApprisePost
from shared.edges.chat import Address
from shared.formats.apprise import APPRISE, NO_SERVICE
from shared.formats.channel import Answer
from tests.formats.situations import OPENED

SECRET = "a-secret-that-opens-the-door"


class Service(HTTPServer):
    """Takes what Apprise's own JSON service posts, and answers with `status`."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.taken: list[dict[str, str]] = []


class Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        service = self.server
        assert isinstance(service, Service)
        service.taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(service.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def post(url: str) -> Answer:
    (call,) = APPRISE.render(OPENED, "", "")
    return ApprisePost({"ops": Address(url)})("ops", call)


def test_a_message_arrives_as_title_and_text(service):
    answer = post(f"json://127.0.0.1:{service.server_port}/{SECRET}")

    assert APPRISE.outcome(answer) == Delivered(confirmed=False)
    (taken,) = service.taken
    assert taken["title"].endswith("96 % of 10,000 USD spent")
    assert "team-search" in taken["message"]
    assert taken["type"] == "warning"


def test_a_service_that_says_no_leaves_us_unsure_and_its_address_in_no_log(service, caplog):
    caplog.set_level(logging.DEBUG)
    service.status = 500
    outcome = APPRISE.outcome(post(f"json://127.0.0.1:{service.server_port}/{SECRET}"))

    assert isinstance(outcome, RetryLater)
    assert outcome.unsure
    assert SECRET not in caplog.text


def test_a_url_that_apprise_does_not_know_is_said(caplog):
    assert post(f"nosuchservice://{SECRET}").status == NO_SERVICE
    assert SECRET not in caplog.text
