"""An HTTP function's answer: in time, never an error, and nothing told of the inside."""

import asyncio
import json
import logging
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from shared.answering import THREADS, answered, response
from shared.core.faults import StoreAway
from shared.flows.intake import Reply
from shared.settings import SettingsError
from shared.wiring import ports

SECRET = "what-the-caller-sent"


@pytest.fixture(autouse=True)
def _some_app(monkeypatch, tmp_path):
    monkeypatch.setenv("METERWATCH_STORE", str(tmp_path / "app.db"))
    monkeypatch.setenv("METERWATCH_WATCH_FILE", "watch.yaml")
    ports.cache_clear()
    yield
    ports.cache_clear()


def context() -> Any:
    return SimpleNamespace(
        function_name="azure_alert", invocation_id="id-1", thread_local_storage=threading.local()
    )


def ask(answer, seconds=5.0):
    return asyncio.run(answered(answer, context(), seconds))


def test_a_flows_reply_is_the_answer():
    assert ask(lambda ports: Reply(202, "taken", ("nudge",))) == Reply(202, "taken", ("nudge",))


@pytest.mark.parametrize(
    "error",
    [
        StoreAway(SECRET),
        ValueError(SECRET),
        RecursionError(SECRET),
        UnicodeEncodeError("utf-8", SECRET, 0, 1, SECRET),
        json.JSONDecodeError(SECRET, SECRET, 0),
        MemoryError(SECRET),
        TimeoutError(SECRET),
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_error_is_answered_with_503_and_logged_by_its_place_only(error, caplog):
    def fails(ports):
        raise error

    reply = ask(fails)

    assert (reply.status, reply.text, reply.nudges) == (503, "not now; send it again", ())
    assert type(error).__name__ in caplog.text
    assert "test_answering.py" in caplog.text
    assert SECRET not in caplog.text


def test_wrong_settings_are_named_in_the_log_and_not_to_the_caller(caplog):
    def wrong(ports):
        raise SettingsError(["METERWATCH_STORE is odd"])

    reply = ask(wrong)

    assert (reply.status, "METERWATCH" in reply.text) == (503, False)
    assert "METERWATCH_STORE is odd" in caplog.text


def test_an_answer_that_takes_too_long_is_503_in_time(caplog):
    done = threading.Event()
    began = time.monotonic()

    async def call():
        reply = await answered(lambda ports: Reply(202, str(done.wait(5))), context(), 0.05)
        seconds = time.monotonic() - began
        done.set()
        return reply, seconds

    reply, seconds = asyncio.run(call())

    assert reply.status == 503
    assert seconds < 2
    assert "azure_alert: no answer within" in caplog.text


def test_a_call_that_waits_for_a_thread_is_answered_in_time_and_never_begins():
    free = threading.Event()
    begun = []

    def slow(ports):
        begun.append(1)
        free.wait(10)
        return Reply(202, "taken")

    async def calls():
        first = [asyncio.create_task(answered(slow, context(), 5)) for _ in range(THREADS)]
        await asyncio.sleep(0.2)
        late = await answered(slow, context(), 0.05)
        free.set()
        return late, await asyncio.gather(*first)

    late, served = asyncio.run(calls())

    assert late.status == 503
    assert [reply.status for reply in served] == [202] * THREADS
    assert len(begun) == THREADS


def test_what_a_thread_logs_belongs_to_its_call():
    one = context()

    async def call():
        return await answered(lambda ports: Reply(200, one.thread_local_storage.invocation_id), one)

    assert asyncio.run(call()).text == "id-1"


def test_an_answer_is_plain_text_that_nobody_keeps_or_guesses_at():
    answer = response(Reply(400, "not an alert: <script>"))

    assert answer.status_code == 400
    assert answer.mimetype == "text/plain"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_quiet_call_logs_nothing(caplog):
    caplog.set_level(logging.INFO)
    ask(lambda ports: Reply(200, "alive"))

    assert caplog.text == ""
