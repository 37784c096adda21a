"""Roles that the caller has not been assigned, and how each API refuses then."""

from threading import Lock
from typing import Final, Literal

import msgspec

from sim.wire import Refusal

READER: Final = "Reader"
COST_READER: Final = "Cost Management Reader"
MONITORING_READER: Final = "Monitoring Reader"
LOG_READER: Final = "Log Analytics Reader"
Role = Literal["Reader", "Cost Management Reader", "Monitoring Reader", "Log Analytics Reader"]
CLIENT = "5f0d7c9e-3a41-4b8e-9c62-1d2e3f4a5b6c"


class Assignment(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A role on an ARM id and on all below it; "/" is everything, "/workspaces/{id}" a log workspace."""

    role: Role
    scope: str = "/"

    def covers(self, role: str, scope: str) -> bool:
        inside = f"{scope.rstrip('/')}/".lower().startswith(f"{self.scope.rstrip('/')}/".lower())
        return self.role == role and inside


class Roles:
    """All roles are there but those that were taken. Safe to use from several threads."""

    def __init__(self) -> None:
        self.missing: frozenset[Assignment] = frozenset()
        self.lock = Lock()

    def take(self, taken: Assignment) -> None:
        with self.lock:
            self.missing |= {taken}

    def assign(self, assigned: Assignment) -> None:
        """Also ends what was taken below the scope."""
        with self.lock:
            self.missing = frozenset(one for one in self.missing if not assigned.covers(one.role, one.scope))

    def set(self, missing: list[Assignment]) -> None:
        with self.lock:
            self.missing = frozenset(missing)

    def check(self, role: Role, scope: str, action: str, status: int = 403) -> None:
        """Raises Refusal with that status, in the words of the API behind the role."""
        if any(one.covers(role, scope) for one in self.missing):
            raise refusal(role, scope, action, status)


def refusal(role: Role, scope: str, action: str, status: int) -> Refusal:
    if role == COST_READER:
        words = f"The client does not have authorization to perform action. Request ID: {CLIENT}"
        return Refusal(status, "RBACAccessDenied", words)
    if role == LOG_READER:
        words = "The provided credentials have insufficient access to perform the requested operation"
        return Refusal(status, "InsufficientAccessError", words)
    return Refusal(
        status,
        "AuthorizationFailed",
        f"The client '{CLIENT}' with object id '{CLIENT}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
        "refresh your credentials.",
    )
