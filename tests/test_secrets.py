"""No secret is in anything that is written, however a channel answers."""

import base64
import itertools
import json
import logging
import socketserver
import sqlite3
import threading
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.report import incidents_told
from shared.flows import deliver, doors, intake, tend
from shared.flows.poll import TIMERS, plan, poll_scope
from shared.formats.principal import Admission
from shared.settings import Settings
from shared.wiring import build
from sim.page import page
from sim.process import running_tenant
from tests.commands import pointed_at
from tests.loopback import Told, loopback

TOKEN = "xoxb-4711-deeply-secret-token"
SIGNATURE = "deeply%2Dsecret-signature"
PATH = "deeply-secret-flow"
HOOK = "T000/B000/deeply-secret-hook"
LOGIN_SECRET = "deeply-secret~client.secret"
ACCESS = "eyJ0eXAi.deeply-secret-access.token"
LINK = "deeply-secret-skiptoken"
LINK_KEY = "deeply-secret-key-that-signs-links"
SIGNING = "deeply-secret-of-the-slack-app"
SECRETS = (
    TOKEN,
    SIGNATURE,
    SIGNATURE.replace("%2D", "-"),
    PATH,
    "deeply-secret-hook",
    LOGIN_SECRET,
    ACCESS,
    LINK,
    LINK_KEY,
    SIGNING,
)
NOW = datetime(2026, 9, 14, 9, tzinfo=UTC)
SUBSCRIPTION = "7c0e4a2b-51d3-4f0a-9a6e-2f4b8d1c9e01"
MINUTES = itertools.count()

WATCH = """
channels:
  finops: {kind: slack, secret: TOKEN, channel: C0FINOPS, interactive: true}
  on-call: {kind: teams, secret: TEAMS}
  old: {kind: slack webhook, secret: HOOK}
"""
ALERT = {
    "schemaId": "AIP Budget Notification",
    "data": {
        "SubscriptionName": "Contoso",
        "SubscriptionId": SUBSCRIPTION,
        "SpendingAmount": "8100",
        "BudgetStartDate": "9/1/2026",
        "Budget": "10000",
        "Unit": "USD",
        "BudgetCreator": "finops@contoso.example",
        "BudgetName": "monthly",
        "BudgetType": "Cost",
        "ResourceGroup": "",
        "NotificationThresholdAmount": "0.8",
    },
}


@dataclass
class Case:
    """An app pointed at chats at `url`, and everything that it wrote."""

    folder: Path
    url: str

    def __post_init__(self):
        (self.folder / "watch.yaml").write_text(WATCH)
        self.file = self.folder / "app.db"
        settings = Settings.read(
            {
                "METERWATCH_STORE": str(self.file),
                "METERWATCH_WATCH_FILE": str(self.folder / "watch.yaml"),
                "METERWATCH_CREDENTIAL": "simulated",
                "METERWATCH_ARM_ENDPOINT": self.url,
                "METERWATCH_METRICS_ENDPOINT": self.url + "/metrics/{region}",
                "METERWATCH_SLACK_ENDPOINT": self.url + "/slack/api/",
                "TOKEN": TOKEN,
                "METERWATCH_PUBLIC_URL": "https://app.example",
                "METERWATCH_LINK_KEY": LINK_KEY,
                "SLACK_SIGNING_SECRET": SIGNING,
                "TEAMS": self.teams,
                "HOOK": f"{self.url}/slack/services/{HOOK}",
            }
        )
        self.ports = build(settings)
        self.raised = [repr(settings), repr(self.ports)]

    @property
    def teams(self):
        return f"{self.url}/teams/on-call/workflows/{PATH}/triggers/manual/paths/invoke?sig={SIGNATURE}"

    def tell(self):
        """An alert comes in, and is tried twice on each channel."""
        nudges = intake.take(self.ports, json.dumps(ALERT).encode(), NOW).nudges
        for now in (NOW, NOW + timedelta(hours=1)):
            for nudge in (*nudges, *tend.tend(self.ports, now)):
                try:
                    deliver.deliver(self.ports, nudge, now)
                except Exception:  # noqa: BLE001 - whatever it is, its text is searched
                    self.raised.append(traceback.format_exc())

    def rows(self):
        with sqlite3.connect(self.file) as database:
            return database.execute("SELECT partition, key, body FROM rows ORDER BY key").fetchall()

    def written(self):
        """All rows, the page of a run, and what was raised."""
        incidents = incidents_told(self.ports.store)
        return "\n".join([str(self.rows()), page("", [], incidents, [], []), *self.raised])


@contextmanager
def raw_server(answer):
    """Answers every request with these bytes, `{path}` being the path asked for."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            path = self.rfile.readline().split()[1]
            length = 0
            while (line := self.rfile.readline()).strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            self.rfile.read(length)
            self.wfile.write(answer.replace(b"{path}", path))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def running():
    with running_tenant(quiet_days=7, days=1) as started:
        yield started


@pytest.fixture
def tenant(running):
    """Each test has a minute of its own, so that the chats do not throttle it."""
    running.set_clock(NOW + timedelta(minutes=next(MINUTES)))
    return running


@pytest.fixture
def log(caplog):
    """Everything that any logger says, whatever levels were set to keep it quiet."""
    caplog.set_level(logging.DEBUG)
    levels = {}

    def all_at_debug():
        for name, logger in logging.root.manager.loggerDict.items():
            if isinstance(logger, logging.Logger):
                levels[name] = logger.level
                logger.setLevel(logging.DEBUG)

    caplog.all_at_debug = all_at_debug
    yield caplog
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def assert_no_secret(*texts):
    for text in texts:
        for secret in SECRETS:
            place = text.find(secret)
            assert place < 0, text[max(0, place - 200) : place + 80]


def is_untold(key, body):
    """Whether a row says that something was not told, or not yet."""
    return key.startswith("waiting|") or (key.startswith("delivery|") and b'"dead"' in body)


FAULTS = {
    "Slack refuses the token": {
        "path_contains": "/slack/api",
        "status": 200,
        "body": {"ok": False, "error": "invalid_auth", "errors": [f"token {TOKEN}"]},
    },
    "a refusal with the URL in its body": {"path_contains": "/teams", "status": 400, "body": "echo"},
    "trouble with the URL in its body": {"path_contains": "/teams", "status": 500, "body": "echo"},
    "a webhook that is gone": {
        "path_contains": "/slack/services",
        "status": 404,
        "body": f"no_service: /slack/services/{HOOK}",
    },
    "a redirect": {"status": 302, "headers": {"Location": f"http://127.0.0.1:1/{PATH}"}},
    "a cut connection": {"path_contains": "/", "cut": True},
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_channel_that_fails_leaves_no_secret_anywhere(name, tenant, tmp_path, log):
    case = Case(tmp_path, tenant.url)
    fault = dict(FAULTS[name])
    if fault.get("body") == "echo":
        fault["body"] = f"POST {case.teams} of {case.teams.removeprefix(case.url)} failed"
    tenant.set_faults([fault])
    log.all_at_debug()

    case.tell()
    tenant.set_faults([])

    assert any(is_untold(key, body) for _, key, body in case.rows())
    assert_no_secret(case.written(), log.text)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nno header {path}\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 500 Trouble at {path}\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{path}",
        b"{path} speaks no HTTP",
        b"",
    ],
    ids=["a header that is none", "the path in the reason", "a body cut short", "no HTTP", "nothing"],
)
def test_an_answer_that_is_broken_leaves_no_secret_anywhere(answer, tmp_path, log):
    with raw_server(answer) as url:
        case = Case(tmp_path, url)
        log.all_at_debug()
        case.tell()

    assert any(key.startswith("transition|") for _, key, _ in case.rows())
    assert_no_secret(case.written(), log.text)


def test_a_refused_connection_leaves_no_secret_anywhere(tmp_path, log):
    with raw_server(b"") as url:
        pass  # nobody listens there any more
    case = Case(tmp_path, url)
    log.all_at_debug()

    case.tell()

    assert any(is_untold(key, body) for _, key, body in case.rows())
    assert_no_secret(case.written(), log.text)


def test_a_delivery_that_works_leaves_no_secret_anywhere(tenant, tmp_path, log):
    case = Case(tmp_path, tenant.url)
    log.all_at_debug()

    case.tell()

    assert not [key for _, key, _ in case.rows() if key.startswith(("waiting|", "dead|"))]
    assert_no_secret(case.written(), log.text)


GIVEN = Told(200, {"token_type": "Bearer", "expires_in": 3600, "access_token": ACCESS})


def refusing(request, text):
    """A refusal that says the text, and repeats all that it was sent."""
    seen = f"{text} {request.headers.get('authorization', '')} {request.body.decode()} at {request.path}"
    return Told(403, {"error": {"code": "Odd", "message": seen}, "error_description": seen})


AZURE_FAULTS = {
    "the token is repeated": lambda request: refusing(request, f"token {ACCESS}"),
    "a page elsewhere": lambda request: Told(
        200, {"value": [], "nextLink": f"http://127.0.0.2:1/more?$skiptoken={LINK}"}
    ),
    "a page that is refused": lambda request: (
        refusing(request, f"see /more?$skiptoken={LINK}")
        if LINK in request.path
        else Told(200, {"value": [], "nextLink": f"http://{request.headers['host']}/more?$skiptoken={LINK}"})
    ),
    "a redirect with the token": lambda request: Told(
        307, b"", {"Location": f"http://127.0.0.1:1/?t={ACCESS}"}
    ),
    "a page of a proxy": lambda request: Told(502, f"<html><title>?token={ACCESS}</title>".encode()),
    "no json": lambda request: Told(200, f"{ACCESS} {LINK}".encode()),
}
LOGIN_FAULTS = {
    "the login repeats the secret": lambda request: refusing(request, LOGIN_SECRET),
    "a token without a time": lambda request: Told(200, {"access_token": ACCESS}),
    "the login redirects": lambda request: Told(
        302, b"", {"Location": f"http://127.0.0.1:1/?s={LOGIN_SECRET}"}
    ),
}


def polled(folder, url, log):
    """Everything that is written where Azure at `url` fails for a day; and how often it was told."""
    file = folder / "app.db"
    watch = folder / "watch.yaml"
    watch.write_text(f"subscriptions: [{SUBSCRIPTION}]")
    settings = Settings.read(
        {
            **pointed_at(url),
            "METERWATCH_STORE": str(file),
            "METERWATCH_WATCH_FILE": str(watch),
            "METERWATCH_CREDENTIAL": "default",
            "METERWATCH_LOGIN_ENDPOINT": url + "/login",
            "AZURE_TENANT_ID": "contoso.example",
            "AZURE_CLIENT_ID": "an-app",
            "AZURE_CLIENT_SECRET": LOGIN_SECRET,
        }
    )
    ports = build(settings)
    log.all_at_debug()
    for now in (NOW, NOW + timedelta(days=1)):
        for job in [job for timer in TIMERS for job in plan(ports, timer, now)]:
            poll_scope(ports, job, now)
    with sqlite3.connect(file) as database:
        rows = database.execute("SELECT partition, key, body FROM rows ORDER BY key").fetchall()
    told = sum(key.startswith("incident|") for _, key, _ in rows)
    return told, "\n".join([repr(settings), repr(ports), str(rows), log.text])


@pytest.mark.parametrize("name", AZURE_FAULTS)
def test_azure_that_fails_leaves_no_secret_anywhere(name, tmp_path, log):
    def answer(request):
        return GIVEN if "/oauth2/" in request.path else AZURE_FAULTS[name](request)

    with loopback(answer) as server:
        told, written = polled(tmp_path, server.url, log)

    assert told > 0
    assert_no_secret(written)


@pytest.mark.parametrize("name", LOGIN_FAULTS)
def test_a_login_that_fails_leaves_no_secret_anywhere(name, tmp_path, log):
    with loopback(LOGIN_FAULTS[name]) as server:
        told, written = polled(tmp_path, server.url, log)

    assert told > 0
    assert_no_secret(written)


KEY = "deeply-secret-function-key"
SENT = "deeply-secret-note-in-a-description"


@pytest.mark.parametrize("door", ["entra", "key"])
def test_what_a_caller_sends_is_in_no_log(door, tmp_path, log):
    case = Case(tmp_path, "http://127.0.0.1:9")
    log.all_at_debug()
    principal = json.dumps({"auth_typ": "aad", "token": ACCESS, "claims": [{"typ": "sig", "val": KEY}]})
    body = json.dumps({"hello": SENT, "data": {"BudgetName": "ai", "note": SENT, "code": KEY}}).encode()
    ports = replace(case.ports, webhook=Admission(by_key=door == "key"))

    for sent in (body, body[:-1], SENT.encode(), json.dumps([SENT]).encode()):
        doors.by_key(ports, sent, NOW)
        doors.by_principal(ports, base64.b64encode(principal.encode()).decode(), sent, NOW)

    assert "event=webhook" in log.text
    assert_no_secret(log.text.replace(KEY, TOKEN))
    assert SENT not in log.text


def test_the_search_would_find_a_secret(tmp_path):
    with pytest.raises(AssertionError):
        assert_no_secret(f"all is well, {TOKEN}")
