"""Texts without secrets: those that are known by their value, and what looks like one."""

import re
from collections.abc import Callable, Mapping

HIDDEN = "<hidden>"
SHORTEST = 8  # characters; what is shorter opens nothing, and would hide half of every line

# Names whose value is a secret in a URL, a form, a header or a connection string; the name stays.
_NAMED = (
    "sig|signature|(?<=[?&])code|accountkey|sharedaccesskey|sharedaccesssignature|client_secret|client_assertion|"
    "access_token|refresh_token|id_token|x-functions-key|x-zumo-auth|skiptoken|password|pwd|secret|token"
)
_SHAPES = re.compile(
    rf"""
      (?P<name>\b(?:{_NAMED})["']?\s?[=:]\s?["']?) (?:(?:bearer|basic)\s+)? [^\s"'&;,<>]{{{SHORTEST},}}
    | (?P<scheme>\b(?:bearer|basic)\s+) [\w.~+/=-]{{{SHORTEST},}}
    | (?P<slack>hooks\.slack(?:-gov)?\.com(?::\d+)?/) [^\s"'<>]+
    | (?P<teams>\.webhook\.office\.com(?::\d+)?/) [^\s"'<>]+
    | \bx(?:ox[a-z]|app)[-.][\w.-]{{{SHORTEST},}}
    | \beyJ[\w-]{{6,}}\.[\w-]+(?:\.[\w-]*)*
    """,
    re.IGNORECASE | re.VERBOSE,
)
# One of these is in every text that the above finds: most lines are let through by this alone.
_MAYBE = re.compile(r"[=:]|bearer|basic|hooks\.|office\.com|xox|xapp|eyJ", re.IGNORECASE)


def redactor(known: Mapping[str, str]) -> Callable[[str], str]:
    """What takes the secrets out of a text. `known` has the name to show in the place of each value."""
    names = {value: f"<{name}>" for value, name in known.items() if len(value) >= SHORTEST}
    longest_first = sorted(names, key=len, reverse=True)
    values = re.compile("|".join(map(re.escape, longest_first))) if names else None

    def redacted(text: str) -> str:
        if values is not None:
            text = values.sub(lambda found: names[found[0]], text)
        return _SHAPES.sub(_without, text) if _MAYBE.search(text) else text

    return redacted


def one_record(text: str) -> str:
    """A text as one line of a log: what would end the line, or move about on a screen, is written out."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _without(found: re.Match[str]) -> str:
    groups = found.groupdict()
    return next((kept for kept in groups.values() if kept), "") + HIDDEN
