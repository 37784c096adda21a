"""Other people's JSON, in which anything may be absent, null or of another type. Nothing here raises."""

import json
import re
from collections.abc import Mapping
from typing import Any

# Control characters, halves of surrogate pairs (no UTF-8 has them), and what turns the reading direction.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069\s]+")


def mapping(found: object) -> Mapping[str, Any]:
    """A JSON object as it is, and an empty one for anything else."""
    return found if isinstance(found, Mapping) else {}


def folded(found: object) -> dict[str, Any]:
    """A JSON object's items by lower-case name, and none for anything else."""
    return {str(name).lower(): value for name, value in mapping(found).items()}


def opened(found: object) -> dict[str, Any]:
    """As `folded`, also for an object that a relay has written as JSON text."""
    if isinstance(found, str) and found.lstrip()[:1] == "{":
        try:
            return folded(json.loads(found))
        except (ValueError, RecursionError):
            return {}
    return folded(found)


def listed(found: object) -> list[Any]:
    """A JSON array as it is, and an empty one for anything else."""
    return found if isinstance(found, list) else []


def mappings(found: object) -> list[Mapping[str, Any]]:
    """The objects in a JSON array."""
    return [one for one in listed(found) if isinstance(one, Mapping)]


def one_line(found: object, most: int = 400) -> str:
    """A JSON text or number as one printable line of at most `most` characters; "" for anything else."""
    if isinstance(found, bool) or not isinstance(found, (str, int, float)):
        return ""
    text = _UNPRINTABLE.sub(" ", str(found)).strip()
    return text if len(text) <= most else text[: most - 1] + "…"
