"""Faults made to order: which requests fail, how, and how often."""

from threading import Lock
from typing import Any, Literal

import msgspec

from sim.wire import JSON_TYPE, Answer, Request


class Mishap(msgspec.Struct, forbid_unknown_fields=True):
    """One rule. The first that fits a request is taken, and one of its `times` used up.

    `cut` True ends the connection before anything is done; "after" does the work and loses the answer.
    """

    path_contains: str = ""
    method: str = ""
    status: int = 500
    headers: dict[str, str] = {}
    body: Any = None
    times: int | None = None
    cut: bool | Literal["after"] = False


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
    if isinstance(rule.body, str):
        return Answer(rule.status, rule.body.encode(), rule.headers, "text/plain; charset=utf-8")
    default = {"error": {"code": str(rule.status), "message": "A fault made to order."}}
    body = default if rule.body is None else rule.body
    return Answer(rule.status, msgspec.json.encode(body), rule.headers, JSON_TYPE, lost=bool(rule.cut))
