"""A check waits for what was put off, for real or by the clock of who says what time it is."""

from datetime import UTC, datetime, timedelta

from cli.check_poll import REAL, TOLD

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_what_is_over_is_not_waited_for(capsys):
    assert REAL.wait(LONG_AGO) > LONG_AGO
    assert "waiting 0 s" in capsys.readouterr().err


def test_a_moment_is_waited_for():
    until = datetime.now(UTC) + timedelta(seconds=0.05)

    assert REAL.wait(until) >= until
    assert datetime.now(UTC) >= until


def test_a_time_that_is_said_is_not_waited_for(capsys):
    assert TOLD.wait(LONG_AGO) == LONG_AGO
    assert capsys.readouterr().err == ""
