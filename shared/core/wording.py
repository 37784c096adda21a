"""How quantities, times and scopes are said to people. Everything is in UTC and in English."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from shared.core.model import Quantity, Scope, Severity

SEVERITY_WORDS = {Severity.INFO: "Info", Severity.WARNING: "Warning", Severity.CRITICAL: "Critical"}

_MULTIPLES = (
    (Decimal(10) ** 12, "T"),
    (Decimal(10) ** 9, "B"),
    (Decimal(10) ** 6, "M"),
    (Decimal(1000), "k"),
)
_ROUNDED_UP = Decimal("0.9995")  # 999.6k would be said as 1,000k


def said(quantity: Quantity) -> str:
    """A quantity as a person reads it: "9,612 USD", "1.24M tokens", "93 %"."""
    if quantity.unit == "percent":
        return percent(quantity.value)
    if is_currency(quantity.unit):
        return f"{_money(quantity.value)} {quantity.unit}"
    return f"{_short(quantity.value)} {quantity.unit}"


def is_currency(unit: str) -> bool:
    """Whether a unit is an ISO 4217 code, by its form."""
    return len(unit) == 3 and unit.isascii() and unit.isalpha() and unit.isupper()


def percent(value: Decimal) -> str:
    """ "93 %", with decimals only where they are needed to see anything: "0.4 %", "99.6 %"."""
    size = abs(value)
    if 99 < size < 100:  # not all of it yet, however near
        return f"{value.quantize(Decimal('0.1'), ROUND_DOWN):f} %"
    places = Decimal("0.01") if size < Decimal("0.1") else Decimal("0.1") if size < 10 else Decimal(1)
    return f"{_plain(value.quantize(places, ROUND_HALF_UP))} %"


def _money(value: Decimal) -> str:
    cents = value.quantize(Decimal("0.01"), ROUND_HALF_UP)
    if abs(cents) >= 1000:
        return f"{value.quantize(Decimal(1), ROUND_HALF_UP):,f}"
    if value and not cents:
        return "under 0.01" if value > 0 else "0.00"
    return f"{cents:f}"


def _short(value: Decimal) -> str:
    for size, letter in _MULTIPLES:
        if abs(value) >= size * _ROUNDED_UP:
            return f"{_three_digits(value / size)}{letter}"
    return _three_digits(value)


def _three_digits(value: Decimal) -> str:
    places = Decimal("0.01") if abs(value) < 10 else Decimal("0.1") if abs(value) < 100 else Decimal(1)
    return _plain(value.quantize(places, ROUND_HALF_UP))


def _plain(value: Decimal) -> str:
    """Without noughts behind the point, and without a sign before nought."""
    text = f"{value:,f}" if value else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(severities: Iterable[Severity]) -> str:
    """How many there are of each: "3 (1 critical, 2 warning)", "none"."""
    counts = Counter(severities)
    sorts = ", ".join(
        f"{counts[one]:,} {SEVERITY_WORDS[one].lower()}" for one in sorted(counts, reverse=True)
    )
    return f"{counts.total():,} ({sorts})" if counts else "none"


def lasted(span: timedelta) -> str:
    """A duration in its two largest parts: "3 h 20 min", "2 d 4 h", "40 s"."""
    seconds = max(0, int(span.total_seconds()))
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"


def ago(span: timedelta) -> str:
    """How long something is past: "5 min ago", "just now"."""
    return f"{lasted(span)} ago" if span >= timedelta(minutes=1) else "just now"


def moment(at: datetime) -> str:
    """ "Tue 8 Sep 14:05 UTC"."""
    return f"{at:%a} {at.day} {at:%b %H:%M} UTC"


def named(scope: Scope) -> str:
    """A scope by its own name and that of what holds it: "chat-prod in aoai-search"."""
    segments = scope.resource.rstrip("/").split("/")
    holder = segments[-1] or "everything watched"
    if len(segments) == 3:
        holder = f"subscription {holder}"
    return f"{scope.part} in {holder}" if scope.part else holder
