"""GET /prices/api/retail/prices: the price list, filtered, page by page, for anybody.

The filter takes conditions joined by `and`, alternatives joined by `or` in brackets, `eq`, `contains(...)`
and `startswith(...)`. Values are compared with their case, as Azure does from 2023-01-01-preview on.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from sim.billing import RATES
from sim.price_list import item_shape, price_list
from sim.wire import Answer, Refusal, Request, as_json

EQUALS = re.compile(r"(?P<name>\w+)\s+eq\s+'(?P<value>[^']*)'")
CALL = re.compile(r"(?P<call>contains|startswith)\(\s*(?P<name>\w+)\s*,\s*'(?P<value>[^']*)'\s*\)")
FIELDS = frozenset(item_shape(price_list()[0], "USD", 1.0)) | {"reservationTerm"}
CALLED = {"priceType": "type"}  # a filter has another name for it than an item

Test = Callable[[Mapping[str, Any]], bool]


def list_prices(base: str, request: Request, page: int) -> Answer:
    """`page` items at a time. Raises Refusal with 400 for a filter or currency that is not understood."""
    given = request.parameters()
    currency = given.get("currencycode", "USD").strip("'")
    if currency not in RATES:
        raise Refusal(400, "BadRequest", f"Invalid currency code '{currency}'")
    matches = parse_filter(given.get("$filter", ""))
    found = [item for item in items_in(currency) if matches(item)]
    start = int(given.get("$skip", "0"))
    shown = found[start : start + page]
    return as_json(
        {
            "BillingCurrency": currency,
            "CustomerEntityId": "Default",
            "CustomerEntityType": "Retail",
            "Items": shown,
            "NextPageLink": next_link(base, request, start + page) if start + page < len(found) else None,
            "Count": len(shown),
        }
    )


@cache
def items_in(currency: str) -> tuple[dict[str, Any], ...]:
    return tuple(item_shape(price, currency, RATES[currency]) for price in price_list())


def next_link(base: str, request: Request, skip: int) -> str:
    kept = {name: value for name, value in request.parameters().items() if name != "$skip"}
    query = "&".join(f"{name}={quote(value)}" for name, value in kept.items())
    return f"{base}{request.path}?{query}&$skip={skip}"


def parse_filter(text: str) -> Test:
    tests = [alternatives(part) for part in split(text, "and")] if text.strip() else []
    return lambda item: all(test(item) for test in tests)


def alternatives(text: str) -> Test:
    inner = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    tests = [condition(part) for part in split(inner, "or")]
    return lambda item: any(test(item) for test in tests)


def split(text: str, word: str) -> list[str]:
    """At each `word` that stands outside brackets and quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for place, letter in enumerate(text):
        quoted ^= letter == "'"
        depth += 0 if quoted else {"(": 1, ")": -1}.get(letter, 0)
        if not quoted and not depth and text.startswith(f" {word} ", place):
            parts.append(text[start:place].strip())
            start = place + len(word) + 2
    return [*parts, text[start:].strip()]


def condition(text: str) -> Test:
    found = EQUALS.fullmatch(text) or CALL.fullmatch(text)
    name = CALLED.get(found["name"], found["name"]) if found else ""
    if found is None or name not in FIELDS:
        raise Refusal(400, "BadRequest", f"Invalid OData parameters supplied: {text}")
    value = found["value"]
    call = found.groupdict().get("call")
    if call == "contains":
        return lambda item: value in str(item.get(name, ""))
    if call == "startswith":
        return lambda item: str(item.get(name, "")).startswith(value)
    return lambda item: str(item.get(name, "")) == value
