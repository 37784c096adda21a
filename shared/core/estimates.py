"""What usage costs by the price book, before the bill says so.

An estimate is the most that calls of the standard tier with a short context cost: what the cache gave at a
lower price is not in the metrics. Priority calls and long contexts cost more, and are not in them either.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from shared.core.model import (
    AUDIO_TOKENS_IN,
    AUDIO_TOKENS_OUT,
    CACHE_READS,
    CACHE_WRITES_1H,
    CACHE_WRITES_5M,
    TOKENS_IN,
    TOKENS_OUT,
    Account,
    Meter,
    Quantity,
    Reading,
    Scope,
)
from shared.core.periods import HOUR
from shared.core.prices import PriceBook, RateSource, TokenKind, billed_by_token, rate_for
from shared.core.unpriced import Used

KINDS: Mapping[Meter, TokenKind] = {
    TOKENS_IN: TokenKind.INPUT,
    TOKENS_OUT: TokenKind.OUTPUT,
    AUDIO_TOKENS_IN: TokenKind.AUDIO_INPUT,
    AUDIO_TOKENS_OUT: TokenKind.AUDIO_OUTPUT,
    CACHE_READS: TokenKind.CACHED_INPUT,
    CACHE_WRITES_5M: TokenKind.CACHE_WRITE,
    CACHE_WRITES_1H: TokenKind.CACHE_WRITE_HOUR,
}
# Audio is among the tokens in and out, which have the price of the dearest sort where a model takes several.
COUNTED_TWICE = {TokenKind.AUDIO_INPUT, TokenKind.AUDIO_OUTPUT}


@dataclass(frozen=True, slots=True)
class Estimate:
    """Money, and the price that it was reckoned by: the bill's only where the bill has shown every rate."""

    cost: Quantity
    source: RateSource


def used_by(readings: Iterable[Reading], accounts: Iterable[Account]) -> list[Used]:
    """The tokens of each listed deployment and kind, in the hour that ends with its newest use.

    That is the last hour, but for what was used while nobody asked, which is not to be missed. What is not
    listed has no model to look for.
    """
    series: dict[tuple[Scope, TokenKind], list[Reading]] = defaultdict(list)
    for one in readings:
        if one.meter in KINDS and one.value > 0:
            series[one.scope, KINDS[one.meter]].append(one)
    listed = {
        (account.id, one.name.lower()): (account, one) for account in accounts for one in account.deployments
    }
    found = []
    for (scope, kind), ones in sorted(series.items()):
        if (scope.resource, scope.part.lower()) not in listed:
            continue
        account, deployment = listed[scope.resource, scope.part.lower()]
        since = max(one.end for one in ones) - HOUR
        tokens = sum((one.value for one in ones if one.start >= since), Decimal())
        found.append(Used(scope, deployment, account.region, kind, tokens))
    return found


def estimated_cost(used: Iterable[Used], book: PriceBook | None) -> Estimate | None:
    """What the tokens of a deployment cost.

    None where that is not known: no book, no use, a kind of token without a price, several currencies, or a
    provisioned deployment, which pays for hours.
    """
    counted = [one for one in used if one.kind not in COUNTED_TWICE]
    if book is None or not counted or not all(billed_by_token(one.deployment.sku) for one in counted):
        return None
    rates = [rate_for(book, one.deployment, one.region, one.kind) for one in counted]
    known = [rate for rate in rates if rate is not None]
    currencies = {rate.currency for rate in known}
    if len(known) < len(counted) or len(currencies) != 1:
        return None
    cost = sum((one.tokens * rate.amount for one, rate in zip(counted, known, strict=True)), Decimal())
    listed = any(rate.source is RateSource.LIST for rate in known)
    return Estimate(Quantity(cost, currencies.pop()), RateSource.LIST if listed else RateSource.BILL)
