"""Log search alerts: those of today, those for each row, and those before (V1) in both their schemas."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from shared.core.model import Detail, Quantity
from shared.formats.amounts import parse_amount
from shared.formats.loose import listed, one_line, opened
from shared.formats.moments import parse_moment
from shared.formats.pushed import Finding, Pushed, first_text, link_of, where
from shared.formats.pushed_words import breach, dimensions, known, plural, rows_of, sign, window_of, within

MOST_CELLS = 5  # of a row that is shown
MOST_ROWS = 1000  # of results that are looked through
MOST_QUERY = 200
MEASURED = "aggregatedvalue"  # the column that a V1 alert compares
LINKS = ("linktofilteredsearchresultsui", "linktosearchresultsui", "linktosearchresults")
MOST_MINUTES = 10**6


def read_log(pushed: Pushed) -> Finding:
    """ "rule: 43 results > 10 in 15 min on ws-x"."""
    condition = opened(pushed.context.get("condition"))
    one = next(iter(rows_of(condition.get("allof"))), {})
    value, bar = one.get("metricvalue"), one.get("threshold")
    column = one_line(one.get("metricmeasurecolumn"), 80)
    aggregation = one_line(one.get("timeaggregation"), 40).lower()
    counts = not column and aggregation in ("", "count")
    if counts:
        text = _results(value, one.get("operator"), bar, over=pushed.over)
    else:
        name = f"{aggregation} {column}".strip()
        text = breach(name, value, one.get("operator"), bar, over=pushed.over)
    return Finding(
        what=_sentence(pushed, text, window_of(condition)),
        details=known(
            *_first_row(one),
            Detail("Split by", dimensions(one.get("dimensions"))),
            Detail("Query", one_line(one.get("searchquery"), MOST_QUERY)),
        ),
        seen=_count(value) if counts else None,
        against=_count(bar) if counts else None,
        link=_link(one),
    )


def read_old_log(pushed: Pushed) -> Finding:
    """The same of a V1 alert; one of a measured value says which came farthest."""
    data = pushed.context
    operator = first_text(data.get("operator"), data.get("alertthresholdoperator"))
    bar = first_text(data.get("threshold"), data.get("alertthresholdvalue"))
    results = data.get("resultcount")
    measures = one_line(data.get("alerttype"), 40).lower().startswith("metric")
    if measures:
        worst = _worst(data, lowest="<" in sign(operator))
        found = f" ({plural(results, 'result')})" if one_line(results) else ""
        text = f"{breach('value', worst, operator, bar, over=pushed.over)}{found}"
    else:
        text = _results(results, operator, bar, over=pushed.over)
    return Finding(
        what=_sentence(pushed, text, _window(data)),
        details=known(
            Detail("Split by", dimensions(data.get("dimensions"))),
            Detail("Query", one_line(data.get("searchquery"), MOST_QUERY)),
        ),
        seen=None if measures else _count(results),
        against=None if measures else _count(bar),
        link=_link(data),
    )


def _sentence(pushed: Pushed, text: str, window: timedelta | None) -> str:
    found = f": {text}{within(window)}" if text else ""
    return f"{pushed.rule}{found}{where(pushed)}"


def _results(value: object, operator: object, bar: object, *, over: bool) -> str:
    comparison = breach("", None, operator, bar, over=False)
    count = plural(value, "result") if one_line(value, 40) else "results" if comparison else ""
    return f"{count}{', no longer' if over and comparison else ''} {comparison}".strip()


def _count(found: object) -> Quantity | None:
    value = parse_amount(found)
    return None if value is None else Quantity(value, "results")


def _link(data: Mapping[str, Any]) -> str:
    return link_of(*(data.get(name) for name in LINKS))


def _first_row(one: Mapping[str, Any]) -> list[Detail]:
    """The row of an alert for each row: a list of rows, each a list of names and values."""
    rows = listed(one.get("event"))
    cells = rows_of(rows[0] if rows else None)[:MOST_CELLS]
    return [Detail(one_line(cell.get("name"), 60), one_line(cell.get("value"), 200)) for cell in cells]


def _worst(data: Mapping[str, Any], *, lowest: bool) -> Decimal | None:
    """The lowest or highest of the measured values that came with the alert; None where none came."""
    results = opened(data.get("searchresults")) or opened(data.get("searchresult"))
    values = []
    for table in rows_of(results.get("tables"))[:1]:
        columns = [one_line(column.get("name"), 80).lower() for column in rows_of(table.get("columns"))]
        at = columns.index(MEASURED) if MEASURED in columns else len(columns)
        cells = (listed(row)[at : at + 1] for row in listed(table.get("rows"))[:MOST_ROWS])
        values += [value for cell in cells if cell and (value := parse_amount(cell[0])) is not None]
    return (min if lowest else max)(values, default=None)


def _window(data: Mapping[str, Any]) -> timedelta | None:
    minutes = parse_amount(
        first_text(data.get("searchintervalinminutes"), data.get("searchintervaldurationmin"))
    )
    seconds = parse_amount(data.get("searchintervalinseconds"))
    length = minutes if minutes is not None else seconds / 60 if seconds is not None else None
    if length is not None and 0 < length < MOST_MINUTES:
        return timedelta(minutes=float(length))
    begin, end = (parse_moment(data.get(f"searchinterval{edge}timeutc")) for edge in ("start", "end"))
    return end - begin if begin and end and begin < end else None
