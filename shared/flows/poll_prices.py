"""Prices of the retail list, once a day for each region in use, with the rates that bills have shown since.

price list -> meters -> a book a region (kept), with rates from the billed days (kept by the spend flow)
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from shared.core.billed_days import billed_rates
from shared.core.faults import NotThere, SourceFault, Throttled, Unreachable
from shared.core.freshness import Watermark
from shared.core.periods import DAY, HOUR
from shared.core.prices import PriceBook, with_billed
from shared.flows.accounts import load_accounts
from shared.flows.estate import remembered
from shared.flows.ports import Ports
from shared.flows.pricing import EVERYWHERE, billed_days, keep_book, kept_book
from shared.formats import retail_prices

LIST = "retail"  # the one subject: all regions are in the one list
FRESH = DAY
MOST_PAGES = 200  # for one service in one region
MOST_CALLS = 100  # in one job; after them no further region is begun, and the next job goes on
MOST_LOST = 2  # regions without an answer in one job: then the list itself is away
MOST_SAID = 1000  # characters of odd items, in the log
NAMES = {EVERYWHERE: "Global"}  # as the list spells it: the values of its filter are case-sensitive


def price_lists(ports: Ports) -> tuple[str, ...]:
    """The one list, or none where no prices are wanted."""
    return (LIST,) if ports.watch.prices.enabled else ()


def poll_prices(ports: Ports, subject: str, mark: Watermark, now: datetime) -> list[str]:
    """Reads what has become old and keeps it; a region that fails keeps its older prices. Nobody is told.

    Raises the SourceFault of a region after all others were read, so that the next round asks it again.
    """
    regions = _regions(ports)
    faults = _renew(ports, _turned([one for one in regions if _is_old(ports, one, now)], now), now)
    _learn_rates(ports, regions)
    if faults:
        raise faults[0]
    return []


def _regions(ports: Ports) -> list[str]:
    """The regions with a deployment, by the estates as last read, and that of the prices for every region."""
    accounts = (one for subscription in remembered(ports) for one in load_accounts(ports, subscription))
    used = {account.region for account in accounts if account.deployments}
    return [*sorted(used), EVERYWHERE] if used else []


def _is_old(ports: Ports, region: str, now: datetime) -> bool:
    book = kept_book(ports, region)
    return book is None or now - book.as_of >= FRESH


def _turned(regions: list[str], now: datetime) -> list[str]:
    """The same, each hour from another one on: those that fail do not keep the others waiting."""
    first = int(now.timestamp() // HOUR.total_seconds()) % len(regions) if regions else 0
    return regions[first:] + regions[:first]


def _renew(ports: Ports, regions: Iterable[str], now: datetime) -> list[SourceFault]:
    """Reads regions, as many as one job may; answers what went wrong."""
    faults: list[SourceFault] = []
    calls = 0
    for region in regions:
        lost = sum(isinstance(one, Unreachable) for one in faults)
        if calls >= MOST_CALLS or lost >= MOST_LOST:
            break
        try:
            pages = _pages(ports, region)
            calls += len(pages)
            _keep(ports, region, pages, now)
        except Throttled as fault:
            return [fault]  # it says for how long to leave the list alone
        except SourceFault as fault:
            ports.log({"event": "source", "source": "prices", "region": region, "trouble": str(fault)})
            faults.append(fault)
    return faults


def _pages(ports: Ports, region: str) -> list[dict[str, object]]:
    """All pages of all services, each a call."""
    found: list[dict[str, object]] = []
    for question in retail_prices.questions(NAMES.get(region, region), ports.watch.prices.currency):
        pages = [ports.azure.price_page(question)]
        while link := retail_prices.next_link(pages[-1]):
            if len(pages) >= MOST_PAGES:
                raise Unreachable(f"retail prices of {region}: more than {MOST_PAGES} pages")
            pages.append(ports.azure.price_page(question, link))
        found += pages
    return found


def _keep(ports: Ports, region: str, pages: list[dict[str, object]], now: datetime) -> None:
    """Keeps what the pages hold; raises NotThere where a region in use has no meter of any model."""
    rows = retail_prices.parse(pages, now)
    if rows.odd:
        items = "; ".join(rows.odd)[:MOST_SAID]
        ports.log({"event": "odd prices", "region": region, "odd": len(rows.odd), "items": items})
    if not rows.meters and region != EVERYWHERE:
        raise NotThere(f"retail prices of {region}: none of any model, which is used there")
    keep_book(ports, region, PriceBook(rows.meters, now))


def _learn_rates(ports: Ports, regions: Iterable[str]) -> None:
    """Gives each book the rates of the newest settled days of the bill, and no other ones."""
    days = list(billed_days(ports))
    for region in regions:
        book = kept_book(ports, region)
        if book is None:
            continue
        listed = replace(book, billed=())
        after = with_billed(listed, billed_rates(listed, region, days))
        if after != book:
            keep_book(ports, region, after)
