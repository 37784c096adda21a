"""Prices: what one token costs, by the price list and by the bill.

A price list names meters, not deployments. Of the meters that fit a deployment, its region and a kind of
token, the first by these rules counts:

1. the deployment's version before a meter that names none (one that names another never fits);
2. its own region, then a price for every region; a global SKU may take another region's, being the same;
3. its own SKU before a meter that names none;
4. short context before long;
5. a meter that the bill has shown, since that one is in use;
6. the newest price that is in force, and of two the one listed for its primary region;
7. the dearest, where the list has two prices for what reads the same.

Which service tier, context length or cache served a call is not in the metrics, so that priority and flex
prices are never used for an estimate, and an estimate of input is an upper bound.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from shared.core.model import Deployment, Quantity

FARTHEST = 10  # times the list price or a tenth of it; no agreement pays more or less than that
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_GLOBAL = {"globalstandard", "globalbatch"}  # SKUs with one price in every region
_FINE_TUNED = re.compile(r"(?P<model>.+?)(?:-(?P<version>\d{4}-\d{2}-\d{2}))?\.ft-.*", re.IGNORECASE)


class TokenKind(StrEnum):
    """What sort of token a meter counts. "text" stands beside others; a model of text alone says "input"."""

    INPUT = "input"
    OUTPUT = "output"
    CACHED_INPUT = "cached input"
    CACHE_WRITE = "cache write"  # for minutes, which is the usual
    CACHE_WRITE_HOUR = "cache write for an hour"
    TEXT_INPUT = "text input"
    TEXT_OUTPUT = "text output"
    CACHED_TEXT_INPUT = "cached text input"
    AUDIO_INPUT = "audio input"
    AUDIO_OUTPUT = "audio output"
    CACHED_AUDIO_INPUT = "cached audio input"
    IMAGE_INPUT = "image input"
    IMAGE_OUTPUT = "image output"
    CACHED_IMAGE_INPUT = "cached image input"
    TRAINING = "training"


# Where a meter for the kind itself is missing: a model priced by modality has no plain input, and a model
# without modalities counts text as plain.
_INSTEAD = {
    TokenKind.INPUT: (TokenKind.TEXT_INPUT, TokenKind.AUDIO_INPUT, TokenKind.IMAGE_INPUT),
    TokenKind.OUTPUT: (TokenKind.TEXT_OUTPUT, TokenKind.AUDIO_OUTPUT, TokenKind.IMAGE_OUTPUT),
    TokenKind.TEXT_INPUT: (TokenKind.INPUT,),
    TokenKind.TEXT_OUTPUT: (TokenKind.OUTPUT,),
    TokenKind.CACHED_TEXT_INPUT: (TokenKind.CACHED_INPUT,),
}


class Tier(StrEnum):
    """How urgently a call is served, which each request asks for itself."""

    STANDARD = "standard"
    PRIORITY = "priority"
    FLEX = "flex"


@dataclass(frozen=True, slots=True)
class PricedMeter:
    """A line of the price list: `price` is for `unit_size` of what `counts` names."""

    id: str  # the stable key; names change without notice
    name: str  # as on the bill
    product: str
    model: str  # as ARM names it, in any case; "" is none, as for PTU
    version: str  # ISO date, or month and day alone ("1120"), or ARM's own text; "" is any
    sku: str  # the deployment's SKU as ARM names it; "" is any that is billed by the token
    kind: TokenKind | None  # None: it does not count tokens
    region: str  # "" is every region
    price: Decimal
    currency: str
    unit_size: Decimal  # 1000 for "1K"
    counts: str = "tokens"  # or "PTU hours", "sessions", "images", ...
    tier: Tier = Tier.STANDARD
    long_context: bool = False
    fine_tuned: bool = False
    effective: datetime | None = None  # since when; None is not said
    primary: bool = True  # listed for the meter's primary region


@dataclass(frozen=True, slots=True)
class BilledRate:
    """What a bill shows was paid for one of what a meter counts, in the region of the listed meter."""

    meter: str
    region: str
    amount: Decimal
    currency: str
    scale: Decimal  # how many the bill's quantity counted as one: 1, or the unit size of the price list


@dataclass(frozen=True, slots=True)
class PriceBook:
    """The price list as read, and what bills have shown since."""

    meters: tuple[PricedMeter, ...]
    as_of: datetime
    billed: tuple[BilledRate, ...] = ()


class RateSource(StrEnum):
    LIST = "list price"
    BILL = "bill"


@dataclass(frozen=True, slots=True)
class Rate:
    """Money for ONE token, and where that comes from."""

    amount: Decimal
    currency: str
    source: RateSource
    meter: str


def rate_for(book: PriceBook, deployment: Deployment, region: str, kind: TokenKind) -> Rate | None:
    """What one token costs on a deployment: as billed where a bill has shown it, else as listed.

    None is no price, which is not a price of nothing. A kind that the model prices by modality only
    (the input of an audio model) is priced at the dearest of them.
    """
    meter = meter_for(book, deployment, region, kind)
    if meter is None:
        return None
    for billed in book.billed:
        if _on_bill(billed) == _on_bill(meter):
            return Rate(billed.amount, billed.currency, RateSource.BILL, meter.name)
    return Rate(per_one(meter), meter.currency, RateSource.LIST, meter.name)


def per_one(meter: PricedMeter) -> Decimal:
    """The list price of one of what a meter counts."""
    return meter.price / meter.unit_size


def meter_for(book: PriceBook, deployment: Deployment, region: str, kind: TokenKind) -> PricedMeter | None:
    """The listed meter that bills a kind of token of a deployment, by the rules of this module."""
    place = _region(region)
    wanted = _base_of(deployment)
    tuned = wanted is not deployment
    fitting = [one for one in book.meters if _fits(one, wanted, place, tuned=tuned)]
    exact = _first(book, [one for one in fitting if one.kind is kind], place)
    if exact is not None:
        return exact
    others = (
        _first(book, [one for one in fitting if one.kind is other], place) for other in _INSTEAD.get(kind, ())
    )
    return max((one for one in others if one is not None), key=per_one, default=None)


def _base_of(deployment: Deployment) -> Deployment:
    """The base model of a fine-tuned one ("gpt-4o-2024-08-06.ft-1a2b"); any other as it is."""
    tuned = _FINE_TUNED.fullmatch(deployment.model)
    if tuned is None:
        return deployment
    return replace(deployment, model=tuned["model"], version=tuned["version"] or "")


def _fits(meter: PricedMeter, deployment: Deployment, region: str, *, tuned: bool) -> bool:
    return (
        meter.kind is not None
        and meter.tier is Tier.STANDARD
        and meter.fine_tuned == tuned
        and _names_model(meter, deployment)
        and _bills_sku(meter.sku, deployment.sku)
        and (meter.region in (region, "") or folded(meter.sku) in _GLOBAL)
    )


def _names_model(meter: PricedMeter, deployment: Deployment) -> bool:
    model = folded(deployment.model)
    if not model or not meter.model:
        return False
    if folded(meter.model) == model:
        return not meter.version or same_version(meter.version, deployment.version)
    # Some models carry in their name what the list gives as a version: DeepSeek-V3-0324.
    return bool(meter.version) and folded(meter.model + meter.version) == model


def _bills_sku(meter_sku: str, sku: str) -> bool:
    if meter_sku:
        return folded(meter_sku) == folded(sku)
    return folded(sku).endswith("standard")


def billed_by_token(sku: str) -> bool:
    """Whether a deployment of this SKU pays for tokens; a provisioned one pays for PTU by the hour."""
    return "provisioned" not in sku.lower()


def _first(book: PriceBook, meters: list[PricedMeter], region: str) -> PricedMeter | None:
    shown = {_on_bill(one) for one in book.billed}

    def order(meter: PricedMeter) -> tuple[bool, int, bool, bool, bool, float, bool, Decimal, str]:
        since = meter.effective or _LONG_AGO
        return (
            not meter.version,
            0 if meter.region == region else 1 if not meter.region else 2,
            not meter.sku,
            meter.long_context,
            _on_bill(meter) not in shown,
            -since.timestamp(),
            not meter.primary,
            -per_one(meter),
            meter.id,
        )

    return min(meters, key=order, default=None)


def _on_bill(meter: PricedMeter | BilledRate) -> tuple[str, str]:
    """What a meter on the bill is known by: its whole name in any case, and its region."""
    return (meter.name if isinstance(meter, PricedMeter) else meter.meter).casefold(), meter.region


def same_version(listed: str, version: str) -> bool:
    """Whether a meter's version is a deployment's: "1120" is 2024-11-20, and "0409" turbo-2024-04-09."""
    if listed.lower() == version.lower():
        return True
    dated = re.search(r"(\d{2})-(\d{2})$", version)
    month_day = "".join(dated.groups()) if dated else version.partition("-")[0]
    return listed == month_day


@lru_cache(maxsize=16384)  # a book names the same models and meters in every lookup
def folded(name: str) -> str:
    """A name without its case and separators, of which neither means anything."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _region(region: str) -> str:
    return region.replace(" ", "").lower()


def listed_as(book: PriceBook, name: str, region: str) -> PricedMeter | None:
    """The list's meter of a bill's meter name, in its region first; None where it lists none."""
    place = _region(region)
    near = [one for one in book.meters if one.region in (place, "") or folded(one.sku) in _GLOBAL]
    exact = [one for one in near if one.name.casefold() == name.casefold()]
    return _first(book, exact or [one for one in near if folded(one.name) == folded(name)], place)


def effective_rate(cost: Quantity, quantity: Decimal, listed: PricedMeter | None) -> BilledRate | None:
    """What one token cost on a bill: `cost` for `quantity` of a meter.

    Azure does not say whether a bill counts tokens or the list's units of 1K or 1M. Both are tried, and
    the one that lies nearer to the list price holds. None where that cannot be told: the meter is not in
    the list, the list is in another currency, or neither comes near it.
    """
    if listed is None or listed.price <= 0 or cost.value <= 0 or quantity <= 0:
        return None
    if cost.unit != listed.currency:
        return None
    known = per_one(listed)
    tried = [(cost.value / (quantity * scale), scale) for scale in (listed.unit_size, Decimal(1))]
    amount, scale = min(tried, key=lambda one: _times_apart(one[0], known))
    if _times_apart(amount, known) > FARTHEST:
        return None
    return BilledRate(listed.name, listed.region, amount, cost.unit, scale)


def _times_apart(one: Decimal, other: Decimal) -> Decimal:
    return max(one / other, other / one)


def with_billed(book: PriceBook, rates: Iterable[BilledRate]) -> PriceBook:
    """The book with newer rates from a bill, each in place of an older one of its meter and region."""
    newest = {_on_bill(one): one for one in (*book.billed, *rates)}
    return replace(book, billed=tuple(newest.values()))
