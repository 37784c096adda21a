"""The log as a whole: whatever is said by whatever logger, no secret and no line that was not logged."""

import logging
import traceback

import pytest

from shared.edges.logs import NOISY, guard_logs

SECRET = "deeply-secret-value"
SIGNED = "https://x/workflows/1?sig=AbCd1234efgh"


@pytest.fixture(autouse=True)
def _guarded():
    before = logging.getLogRecordFactory()
    levels = {name: logging.getLogger(name).level for name in NOISY}
    guard_logs({SECRET: "TEAMS"})
    yield
    logging.setLogRecordFactory(before)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


class Error(Exception):
    def __str__(self):
        return f"at {SECRET} and\n2026-09-14 INFO all is well"


def raised(caplog, log):
    try:
        raise Error from ValueError(SIGNED)
    except Error:
        log()
    return caplog.text


@pytest.mark.parametrize("name", ["", "meterwatch", "urllib3.connectionpool", "azure.core", "whoever"])
def test_a_message_with_a_secret_in_it_or_in_its_arguments_is_logged_without(name, caplog):
    logging.getLogger(name).warning(f"to {SECRET} at %s", SIGNED)  # noqa: G004

    assert "to <TEAMS> at https://x/workflows/1?sig=<hidden>" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "log",
    [
        lambda: logging.getLogger("x").exception("failed"),  # noqa: LOG004 - `raised` calls it in one
        lambda: logging.getLogger("x").error("failed", exc_info=True),  # noqa: LOG014 - the same
        lambda: logging.getLogger("x").error("failed", exc_info=Error()),
        lambda: logging.getLogger("x").error("failed: %s", Error()),
        lambda: logging.getLogger("x").error("failed: %s", traceback.format_exc()),
        lambda: logging.getLogger("x").error(Error()),
    ],
    ids=["exception", "exc_info", "an error as exc_info", "as argument", "as text", "as message"],
)
def test_an_error_is_logged_without_its_secrets(log, caplog):
    text = raised(caplog, log)

    assert "failed" in text or "<TEAMS>" in text
    assert SECRET not in text
    assert "AbCd1234efgh" not in text


def test_a_traceback_stays_whole_and_holds_no_line_that_looks_like_another_record(caplog):
    text = raised(caplog, lambda: logging.getLogger("x").exception("failed"))  # noqa: LOG004 - the same

    assert "test_logs.py" in text
    assert "ValueError" in text
    assert not [line for line in text.splitlines() if line.startswith("2026")]


def test_no_message_can_forge_a_second_line(caplog):
    logging.getLogger("x").warning("named %s", "rule\n2026-09-14 INFO all is well\r\x1b[2J")

    (line,) = caplog.text.splitlines()
    assert r"rule\n2026-09-14 INFO all is well\r\x1b[2J" in line


def test_a_handler_that_comes_later_gets_the_same_records():
    got = []
    handler = logging.Handler()
    handler.emit = lambda record: got.append((record.getMessage(), record.exc_info))  # type: ignore[method-assign]
    logging.getLogger("late").addHandler(handler)
    try:
        logging.getLogger("late").error("to %s", SECRET, exc_info=Error())
    finally:
        logging.getLogger("late").removeHandler(handler)

    assert got == [("to <TEAMS>", None)]


class Unshowable:
    def __str__(self):
        raise RuntimeError(SECRET)


@pytest.mark.parametrize(("message", "given"), [("%d", ["x"]), ("%s %s", ["x"]), ("%s", [Unshowable()])])
def test_a_line_that_cannot_be_made_is_a_line_that_says_so(message, given, caplog):
    logging.getLogger("x").warning(message, *given)

    assert "cannot be shown" in caplog.text
    assert SECRET not in caplog.text


def test_guarding_again_takes_the_place_of_what_was_before(caplog):
    guard_logs({"another-secret-value": "OTHER"})
    logging.getLogger("x").warning("another-secret-value")

    assert "<OTHER>" in caplog.text
    assert not hasattr(logging.getLogRecordFactory().made, "made")  # type: ignore[attr-defined]


def test_what_is_said_of_nothing_secret_is_as_it_was(caplog):
    logging.getLogger("x").warning("%d rows of %s", 3, "alerts")

    assert "3 rows of alerts" in caplog.text


def test_libraries_that_log_each_call_are_quiet():
    assert {logging.getLogger(name).getEffectiveLevel() for name in NOISY} == {logging.WARNING}
