"""Newcomers: an AI account, a deployment, model, billing meter or consumer never seen before."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from shared.core.model import Account, Alert, Detail, Kind, Scope, Severity
from shared.core.scopes import portal_link
from shared.core.wording import named

TOLD_FOR = timedelta(hours=24)  # then it is no longer new


def judge_newcomers(
    known: Mapping[str, datetime] | None, seen: Mapping[str, Scope], now: datetime
) -> list[Alert]:
    """An alert for each name in `seen` that `known` lacks; none in the first round, when `known` is None.

    Names begin with their sort: "model: gpt-5", "deployment: chat in acct".
    """
    if known is None:
        return []
    new = {name: scope for name, scope in sorted(seen.items()) if name not in known}
    models = {scope for name, scope in new.items() if name.startswith("model: ")}
    accounts = {scope.resource for name, scope in new.items() if name.startswith("account: ")}
    # The deployment that brings a new model is told with it, and those of a new account with that.
    return [
        _newcomer(name, scope, now)
        for name, scope in new.items()
        if not (name.startswith("deployment: ") and (scope in models or scope.resource in accounts))
    ]


def names_in(accounts: Iterable[Account]) -> dict[str, Scope]:
    """What an estate holds that can be new: its accounts, their models and deployments."""
    names: dict[str, Scope] = {}
    for account in accounts:
        whole = Scope(account.id)
        names[f"account: {named(whole)}"] = whole
        for deployment in account.deployments:
            scope = Scope(account.id, deployment.name)
            names.setdefault(f"model: {deployment.model}", scope)
            names[f"deployment: {named(scope)}"] = scope
    return names


def _newcomer(name: str, scope: Scope, now: datetime) -> Alert:
    sort, _, title = name.partition(": ")
    where = "" if title == named(scope) else f" on {named(scope)}"
    among = "behind this gateway" if sort == "consumer" else "in this subscription"
    return Alert(
        key=f"newcomer|{scope.resource}|{name}",
        kind=Kind.NEWCOMER,
        rule="newcomer",
        scope=scope,
        firing=True,
        severity=Severity.WARNING if sort == "model" else Severity.INFO,
        what=f"New {sort}: {title}{where}",
        since=now,
        at=now,
        as_of=now,
        why=f"never seen before {among}; check that a budget and a price cover this {sort}",
        details=(Detail("Where", named(scope)),),
        link=portal_link(scope.resource),
        ends=now + TOLD_FOR,
    )
