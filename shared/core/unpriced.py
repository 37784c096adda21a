"""Usage without a price: told once, with its tokens, since it is in no estimate of cost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.core.model import Alert, Deployment, Detail, Kind, Quantity, Scope, Severity
from shared.core.newcomers import TOLD_FOR
from shared.core.prices import PriceBook, TokenKind, billed_by_token, rate_for
from shared.core.scopes import portal_link, subscription_of
from shared.core.wording import named, said


@dataclass(frozen=True, slots=True)
class Used:
    """The tokens of one kind that a deployment used in the last hour."""

    scope: Scope
    deployment: Deployment
    region: str
    kind: TokenKind
    tokens: Decimal

    @property
    def name(self) -> str:
        """What it is told under, once, wherever it is deployed."""
        one = self.deployment
        return f"no price: {one.model} {one.version} {one.sku} {self.kind}"


def unpriced(used: Iterable[Used], book: PriceBook | None) -> list[Used]:
    """What was used and has no price.

    A book that is None, or holds no price for a region, has not been read: whether there is a price is
    unknown then, and nothing is said. Provisioned deployments pay for hours, and are not meant.
    """
    if book is None:
        return []
    read = {meter.region for meter in book.meters}
    asked = [
        one for one in used if one.tokens > 0 and one.region in read and billed_by_token(one.deployment.sku)
    ]
    # Many deployments are of one model, which is looked for once.
    models = {(one.name, one.region): one for one in asked}
    missing = {
        key for key, one in models.items() if rate_for(book, one.deployment, one.region, one.kind) is None
    }
    return [one for one in asked if (one.name, one.region) in missing]


def unpriced_names(missing: Iterable[Used]) -> dict[str, Scope]:
    """The names to be known from now on, so that each is told once."""
    names: dict[str, Scope] = {}
    for one in missing:
        names.setdefault(one.name, one.scope)
    return names


def judge_unpriced(
    known: Mapping[str, datetime] | None, missing: Iterable[Used], now: datetime
) -> list[Alert]:
    """An alert for each name that `known` lacks, with the tokens of all its deployments.

    Other than a newcomer it is told in the first round too, when `known` is None: that it has always been
    there does not put it into an estimate.
    """
    told = known or {}
    new: dict[str, list[Used]] = {}
    for one in missing:
        if one.name not in told:
            new.setdefault(one.name, []).append(one)
    return [_alert(ones, now) for _, ones in sorted(new.items())]


def _alert(ones: list[Used], now: datetime) -> Alert:
    most = max(ones, key=lambda one: (one.tokens, one.scope))
    tokens = sum((one.tokens for one in ones), Decimal())
    one = most.deployment
    where = named(most.scope) + (f" and {len(ones) - 1} more" if len(ones) > 1 else "")
    sort = ", ".join(part for part in (one.version, one.sku) if part)
    model = (one.model or "without a name") + (f" ({sort})" if sort else "")
    return Alert(
        key=f"newcomer|{subscription_of(most.scope.resource)}|{most.name}",
        kind=Kind.NEWCOMER,
        rule="no price",
        scope=most.scope,
        firing=True,
        severity=Severity.WARNING,
        what=(
            f"No price: model {model} on {where} used {said(Quantity(tokens, f'{most.kind} tokens'))}"
            " in the last hour; not in any cost estimate"
        ),
        since=now,
        at=now,
        as_of=now,
        seen=Quantity(tokens, "tokens"),
        why=f"no meter of the price list fits its model, version, SKU and {most.kind} tokens",
        details=tuple(Detail(named(each.scope), said(Quantity(each.tokens, "tokens"))) for each in ones),
        link=portal_link(most.scope.resource),
        ends=now + TOLD_FOR,
    )
