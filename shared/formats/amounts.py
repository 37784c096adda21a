"""Amounts of money as Azure writes them into text: "$11,111.00", "1111.32", "10.000,00 €", "¥1,200"."""

import re
from decimal import Decimal

LONGEST = 60  # characters; no amount is longer
LARGEST = Decimal(10) ** 18  # nothing that is counted here reaches it
LARGEST_FLOAT = float(LARGEST)
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,2})?")
# A sign before the first digit is decimal ("$.50"), unless it ends an abbreviation ("Rs.500").
_DIGITS = re.compile(r"(?:(?<![\w/])[.,])?\d[\d.,'\u2019\u00a0\u202f\u2009 ]*")
_SPACES = re.compile(r"['\u2019\u00a0\u202f\u2009 ]")


def parse_amount(text: object) -> Decimal | None:
    """The number in a text or number; None when there is none, or none that can be meant.

    The last point or comma is the decimal sign if one or two digits follow it, or if it stands once
    and not before exactly three digits; all others group thousands. A number without anything around
    it is read as programs write it: "1.500" is one and a half.
    """
    if isinstance(text, bool) or text is None:
        return None
    if isinstance(text, (int, Decimal)):
        return _sensible(Decimal(text))
    if isinstance(text, float):  # of metrics there are many thousands; no comparison holds for NaN
        return Decimal(str(text)) if abs(text) < LARGEST_FLOAT else None
    if not isinstance(text, str) or len(text) > LONGEST:
        return None
    if _PLAIN_NUMBER.fullmatch(text.strip()):
        return _sensible(Decimal(text.strip()))
    numbers = list(_DIGITS.finditer(text))
    if len(numbers) != 1:
        return None  # none, or a sentence with several
    found = numbers[0]
    value = _sensible(Decimal(_plain(_SPACES.sub("", found[0]))))
    return -value if value and _negative(text.strip(), text[: found.start()]) else value


def _negative(text: str, before: str) -> bool:
    return bool(re.search("[-\u2212]", before)) or (text.startswith("(") and text.endswith(")"))


def _plain(digits: str) -> str:
    digits = digits.rstrip(".,")
    sign = max(digits.rfind("."), digits.rfind(","))
    if sign < 0:
        return digits
    behind = len(digits) - sign - 1
    grouping = digits.count(digits[sign]) > 1 or (behind == 3 and digits[:sign].strip("0") != "")
    whole = re.sub(r"[.,]", "", digits if grouping else digits[:sign])
    return whole if grouping else f"{whole or '0'}.{digits[sign + 1 :]}"


def _sensible(value: Decimal) -> Decimal | None:
    return value if value.is_finite() and abs(value) < LARGEST else None
