"""Metric alerts: static and dynamic thresholds, availability tests, and classic ones of one condition."""

from typing import Any

from shared.core.model import Detail
from shared.core.wording import lasted
from shared.formats.loose import one_line, opened
from shared.formats.pushed import Finding, Pushed, where
from shared.formats.pushed_words import breach, dimensions, known, number, rows_of, window_of

MOST_CONDITIONS = 3


def read_metric(pushed: Pushed) -> Finding:
    """ "TotalErrors 12 > 5 on app-x"; of a metric alert without a condition, its rule."""
    condition = opened(pushed.context.get("condition"))
    tests = (rows_of(condition.get("allof")) or [condition])[:MOST_CONDITIONS]
    breaches = [text for one in tests if (text := _breach(one, over=pushed.over))]
    return Finding(
        what=f"{' and '.join(breaches) or pushed.rule}{where(pushed)}",
        details=known(
            Detail("Split by", "; ".join(filter(None, (dimensions(one.get("dimensions")) for one in tests)))),
            Detail("Measured", _measured(condition, tests[0])),
            Detail("Threshold", _dynamic(tests[0])),
        ),
    )


def _breach(one: dict[str, Any], *, over: bool) -> str:
    name = one_line(one.get("metricname"), 80)
    text = breach(name, one.get("metricvalue"), one.get("operator"), one.get("threshold"), over=over)
    test = one_line(one.get("webtestname"), 80)
    return f"{test}: {text}" if test else text


def _measured(condition: dict[str, Any], first: dict[str, Any]) -> str:
    """ "average of 5 min": how the value came about."""
    window = window_of(condition)
    aggregation = one_line(first.get("timeaggregation"), 40).lower()
    return f"{aggregation} of {lasted(window)}" if window and aggregation else aggregation


def _dynamic(first: dict[str, Any]) -> str:
    sensitivity = one_line(first.get("alertsensitivity"), 40).lower()
    if not sensitivity:
        return ""
    periods = opened(first.get("failingperiods"))
    failed, of = (
        number(periods.get(name)) for name in ("minfailingperiodstoalert", "numberofevaluationperiods")
    )
    counted = f", {failed} of {of} periods" if failed and of else ""
    return f"dynamic, {sensitivity} sensitivity{counted}"
