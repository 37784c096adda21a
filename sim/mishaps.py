"""Faults made to order: which requests fail, how, and how often."""

from dataclasses import replace
from threading import Lock
from typing import Any, Literal

import msgspec

from sim.wire import JSON_TYPE, Answer, Request

TEXT_TYPE = "text/plain; charset=utf-8"


class Mishap(msgspec.Struct, forbid_unknown_fields=True):
    """One rule. The first that fits a request is taken, and one of its `times` used up.

    `status` 0 lets the true answer through, late by `delay` seconds and with no more than `keep` bytes of its
    body. Another status is answered instead, with `body`: a text stands as it is, under `content_type`, and
    anything else as JSON.

    `cut` True or "before" ends the connection before anything is done; "after" does the work and loses the
    answer; "inside" does the work and ends the connection in the middle of the answer's body.
    """

    path_contains: str = ""
    method: str = ""
    status: int = 500
    headers: dict[str, str] = {}
    body: Any = None
    content_type: str = ""  # "" is text/plain for a text
    times: int | None = None
    delay: float = 0.0
    keep: int | None = None
    cut: bool | Literal["before", "after", "inside"] = False

    @property
    def works(self) -> bool:
        """Whether the request is carried out."""
        return self.cut in ("after", "inside") or (self.status == 0 and not self.cut)


class Mishaps:
    """The rules in force. Safe to use from several threads."""

    def __init__(self) -> None:
        self.rules: list[Mishap] = []
        self.lock = Lock()

    def set(self, rules: list[Mishap]) -> None:
        with self.lock:
            self.rules = rules

    def take(self, request: Request) -> Mishap | None:
        if not self.rules:
            return None
        with self.lock:
            found = next((rule for rule in self.rules if fits(rule, request)), None)
            if found and found.times is not None:
                found.times -= 1
            return found


def fits(rule: Mishap, request: Request) -> bool:
    if rule.times is not None and rule.times <= 0:
        return False
    return rule.path_contains.lower() in request.path.lower() and rule.method in ("", request.method)


def broken(rule: Mishap) -> Answer:
    """The answer that a rule gives instead of the true one."""
    lost = bool(rule.cut)
    if isinstance(rule.body, str):
        kind = rule.content_type or TEXT_TYPE
        return Answer(rule.status, rule.body.encode(), rule.headers, kind, rule.delay, lost)
    default = {"error": {"code": str(rule.status), "message": "A fault made to order."}}
    body = msgspec.json.encode(default if rule.body is None else rule.body)
    return Answer(rule.status, body, rule.headers, rule.content_type or JSON_TYPE, rule.delay, lost)


def marred(rule: Mishap, answer: Answer) -> Answer:
    """The true answer, as a rule lets it through."""
    return replace(
        answer,
        body=answer.body if rule.keep is None else answer.body[: rule.keep],
        headers={**answer.headers, **rule.headers},
        delay=rule.delay,
        lost=rule.cut == "after",
        torn=rule.cut == "inside",
    )
