"""The HTTP functions through the worker core: no exception, no 500, nothing lost, in bounded time.

python -m fuzz.functions CORPUS -runs=N, and any other option of libFuzzer

The first byte of an input chooses who calls; the rest is the body, or what stands for a token.
"""

import hashlib
import hmac
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["shared"]):
    from cli.run import environment_for
    from shared.core.model import Act
    from shared.core.rows import MOST_BYTES, Delete
    from shared.edges.sqlite import SqliteStore
    from shared.formats import records
    from shared.formats.links import Ticket, sealed
    from sim.estates import EstatePlan
    from sim.process import RunningTenant
    from tests.formats.principals import CLIENT, TENANT, V2, of
    from tests.pushed_bodies import hostile_bodies, real_bodies
    from tests.worker import HttpAnswer, Worker

ROOT = Path(__file__).resolve().parents[1]
NOWHERE = RunningTenant("http://127.0.0.1:9", EstatePlan())  # nobody is called while a call is answered
CALLER = {"x-ms-client-principal": of(V2)}
LONGEST = 8.0  # seconds; then the app itself would have given up
LOOK_AFTER = 200  # calls
FORM = "application/x-www-form-urlencoded"


@dataclass(slots=True)
class Target:
    """The app in a worker, its store, and what it has said that it keeps."""

    worker: Worker
    store: SqliteStore
    environment: dict[str, str]
    kept: Counter[bytes] = field(default_factory=Counter)  # digests of bodies that were let in
    calls: int = 0

    def called(self, data: bytes) -> None:
        """One input: who calls and with what, and that the answer is one of those that may be."""
        callers = (self.alert, self.alert, self.stranger, self.press, self.forged_press, self.look, self.act)
        caller = callers[data[0] % len(callers)] if data else self.alert
        began = time.monotonic()
        caller(data[1:])
        assert time.monotonic() - began < LONGEST, f"{caller.__name__} took too long"
        self.calls += 1
        if self.calls % LOOK_AFTER == 0:
            self.look_into_the_inbox()

    def alert(self, body: bytes) -> None:
        answer = self._ask("azure_alert_secure", "POST", headers=CALLER, body=body)
        assert answer.status in (202, 400, 413), answer
        self.kept[_digest(body[:MOST_BYTES])] += 1

    def stranger(self, said: bytes) -> None:
        header = {"x-ms-client-principal": said.decode("latin-1")}
        answer = self._ask("azure_alert_secure", "POST", headers=header, body=b"{}")
        assert answer.status == 401, answer

    def press(self, body: bytes) -> None:
        stamp = str(int(time.time()))
        said = f"v0:{stamp}:".encode() + body
        secret = self.environment["SLACK_SIGNING_SECRET"].encode()
        signature = "v0=" + hmac.digest(secret, said, hashlib.sha256).hex()
        headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": signature, "content-type": FORM}
        answer = self._ask("slack_action", "POST", headers=headers, body=body)
        assert answer.status == (200 if _is_text(body) else 401), answer  # Slack signs nothing but text

    def forged_press(self, said: bytes) -> None:
        text = said.decode("latin-1")
        headers = {"x-slack-request-timestamp": text[:20], "x-slack-signature": text[20:]}
        assert self._ask("slack_action", "POST", headers=headers, body=said).status == 401

    def look(self, token: bytes) -> None:
        query = {"t": token.decode(errors="surrogateescape")}
        assert self._ask("respond", "GET", query=query).status in (400, 401)

    def act(self, said: bytes) -> None:
        """By a link of ours about what is not there, with any form."""
        ends = datetime.now(UTC) + timedelta(hours=1)
        subject = said[:40].decode(errors="replace")
        ticket = Ticket([*Act][len(said) % len(Act)], subject, "on-call", ends, said[:9].hex())
        token = sealed(ticket, self.environment["METERWATCH_LINK_KEY"].encode())
        for method, body in (("GET", b""), ("POST", f"t={token}&".encode() + said)):
            answer = self._ask("respond", method, query={"t": token}, body=body)
            assert answer.status in (200, 400, 401, 404, 409, 410), answer

    def look_into_the_inbox(self) -> None:
        """All that was let in is there, byte for byte; then it makes room."""
        rows = list(self.store.scan(records.INBOX))
        lost = self.kept - Counter(_digest(row.body) for row in rows)
        assert not lost, f"{lost.total()} bodies were let in and are not in the inbox"
        for row in rows:
            self.store.commit(records.INBOX, [Delete(row.key, row.version)])
        self.kept.clear()

    def _ask(self, name: str, method: str, **given: object) -> HttpAnswer:
        """The answer of a function that did not fail."""
        result = self.worker.http(name, method, **given)
        assert result.ok, result.exception
        answer: HttpAnswer = result.returned
        return answer


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def target_in(folder: Path) -> Target:
    """The app as it is deployed, with its store in a folder, behind Entra."""
    environment = {
        **environment_for(NOWHERE, folder),
        "METERWATCH_WEBHOOK_AUTH": "entra",
        "METERWATCH_WEBHOOK_AUDIENCE": CLIENT,
        "METERWATCH_WEBHOOK_TENANT": TENANT,
        "WEBSITE_AUTH_ENABLED": "True",
    }
    os.environ.update(environment)
    with atheris.instrument_imports(include=["shared", "function_app"]):
        worker = Worker(ROOT)
    return Target(worker, SqliteStore(folder / "meterwatch.db"), environment)


def main() -> None:
    logging.disable(logging.CRITICAL)  # a line of the log for each call, a million times
    with tempfile.TemporaryDirectory() as folder:
        target = target_in(Path(folder))
        for body in (*real_bodies(), *hostile_bodies()):
            target.alert(body)
        target.look_into_the_inbox()
        called: Callable[[bytes], None] = target.called
        atheris.Setup(sys.argv, called)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
