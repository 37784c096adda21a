"""The words of Azure Monitor's alerts, as a person reads them: severities, signs, numbers, windows."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from shared.core.model import Detail, Severity
from shared.core.wording import lasted
from shared.formats.amounts import parse_amount
from shared.formats.loose import folded, mappings, one_line
from shared.formats.moments import parse_span

UNKNOWN_SEVERITY = Severity.WARNING
# By Azure's own ranks; each has a number, a word, and in older schemas another word.
SEVERITIES = {
    "0": Severity.CRITICAL,
    "1": Severity.CRITICAL,
    "2": Severity.WARNING,
    "3": Severity.INFO,
    "4": Severity.INFO,
    "critical": Severity.CRITICAL,
    "error": Severity.CRITICAL,
    "high": Severity.CRITICAL,
    "warning": Severity.WARNING,
    "medium": Severity.WARNING,
    "low": Severity.INFO,
    "informational": Severity.INFO,
    "information": Severity.INFO,
    "info": Severity.INFO,
    "verbose": Severity.INFO,
}
LEVELS = {"1": "critical", "2": "error", "3": "warning", "4": "informational", "5": "verbose"}
SIGNS = {
    "greaterthan": ">",
    "greaterthanorequal": "≥",
    "greaterthanorequalto": "≥",
    "lessthan": "<",
    "lowerthan": "<",
    "lessthanorequal": "≤",
    "lessthanorequalto": "≤",
    "lowerthanorequal": "≤",
    "equal": "=",
    "equals": "=",
    "equalto": "=",
    "notequal": "≠",
    "notequals": "≠",
    "greaterorlessthan": "outside the usual",  # of a dynamic threshold: the bound that was crossed
}
DIGITS = 6  # of a number that are shown
MOST_DIMENSIONS = 6


def severity_of(*said: object) -> Severity:
    """The first severity that is one: "Sev2", "2", 2, "Warning"; UNKNOWN_SEVERITY where none is."""
    for one in said:
        word = one_line(one, 40).lower().removeprefix("sev").removesuffix(".0")
        if word in SEVERITIES:
            return SEVERITIES[word]
    return UNKNOWN_SEVERITY


def level_of(found: object) -> str:
    """The level of an event as a word; newer events number it, beginning with 1 for critical."""
    level = one_line(found, 40).lower().removesuffix(".0")
    return LEVELS.get(level, level)


def sign(operator: object) -> str:
    """ "GreaterThan" and "Greater Than" as ">"; a word that is not known as it stands."""
    text = one_line(operator, 40)
    return SIGNS.get(re.sub(r"[\s_]", "", text.lower()), text)


def number(found: object) -> str:
    """A number for people: "50,101", "31.1105"; what is no number as one short line."""
    value = parse_amount(found)
    if value is None:
        return one_line(found, 40)
    places = min(max(DIGITS - 1 - value.adjusted(), 0), 12)
    text = f"{value.quantize(Decimal(1).scaleb(-places)):,f}" if value else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


def breach(name: str, value: object, operator: object, bar: object, *, over: bool) -> str:
    """What was measured against what: "TotalErrors 12 > 5"; what is missing is left out."""
    seen, against = number(value), number(bar)
    comparison = f"{sign(operator)} {against}".strip() if against else ""
    if seen and comparison:
        return f"{name} {seen}, no longer {comparison}" if over else f"{name} {seen} {comparison}"
    return f"{name} {seen or comparison}".strip()


def within(window: timedelta | None) -> str:
    """ " in 15 min", or "" where it is not said."""
    return f" in {lasted(window)}" if window else ""


def window_of(condition: Mapping[str, Any]) -> timedelta | None:
    """How long a stretch of time a condition looks at."""
    return parse_span(condition.get("windowsize"))


def dimensions(found: object) -> str:
    """Which part of a metric or result it is about: "ApiName=GetBlob, Region=EU"; "" for the whole."""
    pairs = []
    for one in map(folded, mappings(found)[:MOST_DIMENSIONS]):
        name, value = one_line(one.get("name"), 60), one_line(one.get("value"), 120)
        if name and value:
            pairs.append(f"{name}={value}")
    return ", ".join(pairs)


def rows_of(found: object) -> list[dict[str, Any]]:
    """The objects in a list, keys in lower case."""
    return [folded(one) for one in mappings(found)]


def list_in(found: object) -> object:
    """A list, also where it is written as text."""
    if not isinstance(found, str):
        return found
    try:
        return json.loads(found)
    except (ValueError, RecursionError):
        return None


def known(*details: Detail) -> tuple[Detail, ...]:
    """The details that say something."""
    return tuple(one for one in details if one.label and one.text)


def label(name: object) -> str:
    """A key as the label of a fact. Keys are read in any case, so that none of it is kept."""
    text = one_line(name, 60).lower()
    return text[:1].upper() + text[1:]


def plural(count: object, one: str) -> str:
    """ "1 result", "43 results"."""
    text = number(count)
    return f"{text} {one}" if text == "1" else f"{text} {one}s"
