"""Removals: what was watched and is no longer there."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from shared.core.model import Account, Scope
from shared.core.scopes import within


@dataclass(frozen=True, slots=True)
class Removal:
    """Something that is listed no more. The scope's part is a deployment; "" is the whole resource."""

    scope: Scope
    sort: str  # "account", "deployment", "project"
    noticed_at: datetime

    @property
    def id(self) -> str:
        """Its ARM id."""
        return (
            f"{self.scope.resource}/deployments/{self.scope.part}" if self.scope.part else self.scope.resource
        )

    @property
    def holder(self) -> str:
        """The ARM id of the account that it is, or is in."""
        return self.scope.resource.partition("/projects/")[0]

    @property
    def why(self) -> str:
        """The reason why its alerts are over."""
        return f"the {self.sort} was removed"

    def covers(self, scope: Scope) -> bool:
        """Whether what holds of a scope is over with this."""
        if self.scope.part:
            return scope.resource == self.scope.resource and _same(scope.part, self.scope.part)
        return within(scope.resource, self.scope.resource)

    def is_back(self, accounts: Iterable[Account]) -> bool:
        """Whether something of that name is there again."""
        held = next((one for one in accounts if one.id == self.holder), None)
        if held is None:
            return False
        if self.scope.part:
            return any(_same(one.name, self.scope.part) for one in held.deployments)
        return self.scope.resource in (held.id, *held.projects)


def missing(before: Iterable[Account], after: Iterable[Account], now: datetime) -> list[Removal]:
    """What newer lists lack: accounts, and of those that are still there deployments and projects."""
    there = {account.id: account for account in after}
    found = []
    for old in before:
        new = there.get(old.id)
        found += _missing_in(old, new, now) if new else [Removal(Scope(old.id), "account", now)]
    return found


def _missing_in(before: Account, after: Account, now: datetime) -> list[Removal]:
    names = {one.name.lower() for one in after.deployments}
    deployments = [Scope(before.id, one.name) for one in before.deployments if one.name.lower() not in names]
    projects = [Scope(one) for one in before.projects if one not in after.projects]
    return [
        *(Removal(scope, "deployment", now) for scope in deployments),
        *(Removal(scope, "project", now) for scope in projects),
    ]


def put_back(before: Iterable[Account], after: Iterable[Account], kept: Iterable[Removal]) -> list[Account]:
    """The newer lists with what they lack but is still there."""
    found = {account.id: account for account in after}
    old = {account.id: account for account in before}
    for one in kept:
        holder = one.holder
        if one.sort == "account":
            found[holder] = old[holder]
        elif one.sort == "project":
            there = found[holder]
            found[holder] = replace(there, projects=(*there.projects, one.scope.resource))
        else:
            there, missed = found[holder], [d for d in old[holder].deployments if d.name == one.scope.part]
            found[holder] = replace(there, deployments=(*there.deployments, *missed))
    return list(found.values())


def _same(name: str, other: str) -> bool:
    return name.lower() == other.lower()
