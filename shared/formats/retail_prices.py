"""The Retail Prices API: what to ask for, and its answers as priced meters."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.core.prices import PricedMeter
from shared.formats.amounts import parse_amount
from shared.formats.loose import folded, listed, one_line
from shared.formats.meter_names import NOT_A_MODEL, UNKNOWN, read_meter, read_unit
from shared.formats.moments import parse_moment

API_VERSION = "2023-01-01-preview"  # since which the values of a filter are case-sensitive
SERVICES = ("Foundry Models", "Cognitive Services")  # the name since 2026, and the one before it
LONGEST_LINK = 4000  # characters


@dataclass(frozen=True, slots=True)
class PriceRows:
    """What the answers held. `odd` says, a line each, which meters could not be read and why."""

    meters: tuple[PricedMeter, ...]
    odd: tuple[str, ...] = ()


def questions(region: str, currency: str) -> tuple[dict[str, str], ...]:
    """The query parameters to ask with, one set a service; `currency` is that of the bill.

    Only the prices in dollars are authoritative, says Azure: others are converted by it.
    """
    place, code = (text.replace("'", "''") for text in (region, currency))
    return tuple(
        {
            "api-version": API_VERSION,
            "currencyCode": f"'{code}'",
            "$filter": f"serviceName eq '{service}' and armRegionName eq '{place}'"
            " and priceType eq 'Consumption'",
        }
        for service in SERVICES
    )


def next_link(page: object) -> str:
    """Where the next page is, "" after the last one."""
    link = one_line(folded(page).get("nextpagelink"), LONGEST_LINK)
    return link if link.startswith(("https://", "http://")) else ""


def parse(pages: Iterable[object], now: datetime) -> PriceRows:
    """The meters of models in all pages, with the prices in force at `now`.

    Passed over without a word: reservations and other sorts of price, prices for a volume, prices
    announced for later, and meters of other things than models.
    """
    meters: dict[PricedMeter, None] = {}  # a set in order: pages overlap
    odd: list[str] = []
    for page in pages:
        for row in listed(folded(page).get("items")):
            item = folded(row)
            if not _counts_here(item, now):
                continue
            found = _read(item, one_line(folded(page).get("billingcurrency")))
            if isinstance(found, PricedMeter):
                meters[found] = None
            elif found:
                odd.append(f"{_name(item) or one_line(str(row), 120)}: {found}")
    return PriceRows(tuple(meters), tuple(odd))


def _counts_here(item: Mapping[str, Any], now: datetime) -> bool:
    since = parse_moment(item.get("effectivestartdate"))
    volume = parse_amount(item.get("tierminimumunits"))
    kind = one_line(item.get("type")).lower() or "consumption"
    return kind == "consumption" and not volume and (since is None or since <= now)


def _read(item: Mapping[str, Any], currency: str) -> PricedMeter | str:
    """A meter, or why it is none; "" where there is nothing to tell of."""
    name, unit = _name(item), one_line(item.get("unitofmeasure"))
    if not name:
        return "no name"
    read = read_meter(name, one_line(item.get("productname")), unit)
    if read.why == NOT_A_MODEL:
        return ""
    if read.why.startswith(UNKNOWN):
        return read.why
    price, size = _price(item), read_unit(unit)
    if price is None:
        return "no price above zero"
    if size is None:
        return f"unitOfMeasure {unit!r}, expected one such as 1K, 1M or 1 Hour"
    return PricedMeter(
        id=one_line(item.get("meterid")),
        name=name,
        product=one_line(item.get("productname")),
        model=read.model,
        version=read.version,
        sku=read.sku,
        kind=read.kind,
        region=_region(item),
        price=price,
        currency=(one_line(item.get("currencycode")) or currency or "USD").upper(),
        unit_size=size[0],
        counts=read.counts,
        tier=read.tier,
        long_context=read.long_context,
        fine_tuned=read.fine_tuned,
        effective=parse_moment(item.get("effectivestartdate")),
        primary=item.get("isprimarymeterregion") is not False,
    )


def _name(item: Mapping[str, Any]) -> str:
    names = (one_line(item.get(field)) for field in ("metername", "skuname", "armskuname"))
    return next((name for name in names if name), "")


def _price(item: Mapping[str, Any]) -> Decimal | None:
    """The price of a unit; a meter without one, or for nothing, tells no price."""
    prices = (parse_amount(item.get(field)) for field in ("retailprice", "unitprice"))
    return next((price for price in prices if price is not None and price > 0), None)


def _region(item: Mapping[str, Any]) -> str:
    region = one_line(item.get("armregionname")).replace(" ", "").lower()
    return "" if region == "global" else region
