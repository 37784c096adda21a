"""Amounts of money as Azure writes them into text: "$11,111.00", "1111.32", "10.000,00 €", "¥1,200"."""

import re
from decimal import Decimal

LONGEST = 60  # characters; no amount is longer
_DIGITS = re.compile(r"\d[\d.,'\u00a0\u202f\u2009 ]*")


def parse_amount(text: object) -> Decimal | None:
    """The number in a text or number; None when there is none.

    The last point or comma is the decimal sign if one or two digits follow it, or if it stands once
    and not before exactly three digits; all others group thousands.
    """
    if isinstance(text, bool) or text is None:
        return None
    if isinstance(text, (int, float, Decimal)):
        return _finite(Decimal(str(text)))
    if not isinstance(text, str) or len(text) > LONGEST:
        return None
    if re.fullmatch(r"\s*[+-]?\d+(\.\d+)?([eE][+-]?\d{1,2})?\s*", text):
        return _finite(Decimal(text.strip()))
    numbers = list(_DIGITS.finditer(text))
    if len(numbers) != 1:
        return None  # none, or a sentence with several
    found = numbers[0]
    negative = "-" in text[: found.start()] or text.strip().startswith("(")
    value = Decimal(_plain(re.sub(r"['\u00a0\u202f\u2009 ]", "", found[0])))
    return -value if negative else value


def _plain(digits: str) -> str:
    digits = digits.rstrip(".,")
    sign = max(digits.rfind("."), digits.rfind(","))
    if sign < 0:
        return digits
    behind = len(digits) - sign - 1
    grouping = digits.count(digits[sign]) > 1 or (behind == 3 and digits[:sign].strip("0") != "")
    whole = re.sub(r"[.,]", "", digits if grouping else digits[:sign])
    return whole if grouping else f"{whole or '0'}.{digits[sign + 1 :]}"


def _finite(value: Decimal) -> Decimal | None:
    return value if value.is_finite() else None
