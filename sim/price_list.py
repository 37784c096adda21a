"""The retail price list: every meter that the estate is billed for, among others that are nearly the same."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sim.meters import PRICES, BilledMeter

# Where the estate is billed at the prices of the blueprint, with what Azure calls the place.
REGIONS = {
    "swedencentral": "SE Central",
    "westeurope": "EU West",
    "northeurope": "EU North",
    "francecentral": "FR Central",
    "germanywestcentral": "DE West Central",
    "uksouth": "UK South",
    "eastus": "US East",
    "eastus2": "US East 2",
    "westus3": "US West 3",
    "canadaeast": "CA East",
    "japaneast": "JA East",
    "australiaeast": "AU East",
}
DEARER = {"koreacentral": ("KR Central", 1.1), "switzerlandnorth": ("CH North", 1.32)}
GLOBAL = ("glbl", "Gl ", " Gl")
UNITS = {1_000: "1K", 1_000_000: "1M", 1: "1 Hour", 0: "1 Hour"}
FAMILIES = (
    ("Claude", "Anthropic Claude"),
    ("Mistral", "Azure Mistral Models"),
    ("realtime", "Azure OpenAI Media"),
    ("image", "Azure OpenAI Media"),
    ("embedding", "Azure OpenAI Embedding"),
    ("o3", "Azure OpenAI Reasoning"),
    ("5.4", "Azure OpenAI GPT5"),
    ("gpt-oss", "Azure OpenAI OSS Models"),
)


@dataclass(frozen=True, slots=True)
class ListPrice:
    """One item. `price` is in USD for `unit`."""

    meter: str
    product: str
    region: str
    location: str
    unit: str
    price: float
    kind: str = "Consumption"
    term: str = ""  # of a reservation

    @property
    def sku(self) -> str:
        return self.meter.removesuffix(" Tokens").removesuffix(" 1M")


@cache
def price_list() -> tuple[ListPrice, ...]:
    """All of it, in a fixed order."""
    listed: list[ListPrice] = []
    for meter in billed_meters():
        for region, location in REGIONS.items():
            listed.extend(with_decoys(listed_price(meter, region, location, 1.0)))
        for region, (location, factor) in DEARER.items():
            dearer = 1.0 if any(part in meter.name for part in GLOBAL) else factor
            listed.append(listed_price(meter, region, location, dearer))
    return tuple(listed)


def billed_meters() -> list[BilledMeter]:
    every = [(prices.input, prices.output, *prices.others.values()) for prices in PRICES.values()]
    return list(dict.fromkeys(meter for meters in every for meter in meters if meter))


def listed_price(meter: BilledMeter, region: str, location: str, factor: float) -> ListPrice:
    unit = UNITS[meter.size]
    return ListPrice(meter.name, product_of(meter), region, location, unit, round(meter.price * factor, 8))


def product_of(meter: BilledMeter) -> str:
    return next((product for part, product in FAMILIES if part in meter.name), "Azure OpenAI")


def with_decoys(price: ListPrice) -> Iterator[ListPrice]:
    """The price and those that must not be taken for it."""
    yield replace(price, kind="DevTestConsumption", price=round(price.price * 0.9, 8))
    yield price
    if "Provisioned" in price.meter:
        yield replace(price, kind="Reservation", term="1 Month", price=260.0)
        yield replace(price, kind="Reservation", term="1 Year", price=2652.0)
        return
    if not price.meter.endswith(" Tokens"):
        return
    # Separators mean nothing in a name: this one reads the same, and costs the same.
    swapped = price.sku.replace("-", " ") if "-" in price.sku else price.sku.replace(" ", "-")
    yield replace(price, meter=f"{swapped} Tokens")
    yield replace(price, meter=f"{price.sku} Batch Tokens", price=round(price.price / 2, 8))


def item_shape(price: ListPrice, currency: str, rate: float) -> dict[str, Any]:
    amount = round(price.price * rate, 8)
    shape: dict[str, Any] = {
        "currencyCode": currency,
        "tierMinimumUnits": 0.0,
        "retailPrice": amount,
        "unitPrice": amount,
        "armRegionName": price.region,
        "location": price.location,
        "effectiveStartDate": "2026-03-01T00:00:00Z",
        "meterId": str(uuid5(NAMESPACE_URL, f"{price.meter}|{price.region}")),
        "meterName": price.meter,
        "productId": f"DZH318Z0{uuid5(NAMESPACE_URL, price.product).hex[:4].upper()}",
        "skuId": f"DZH318Z0{uuid5(NAMESPACE_URL, price.sku).hex[:4].upper()}/{price.kind[:4].upper()}",
        "productName": price.product,
        "skuName": price.sku,
        "serviceName": "Foundry Models",
        "serviceId": "DZH318Z0BQ35",
        "serviceFamily": "AI + Machine Learning",
        "unitOfMeasure": price.unit,
        "type": price.kind,
        "isPrimaryMeterRegion": price.region == "eastus2",
        "armSkuName": price.sku,
    }
    return shape | ({"reservationTerm": price.term} if price.term else {})
