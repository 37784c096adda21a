"""What every model in every kind of deployment is billed by, and what a unit costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BilledMeter:
    """A line of the price list. A unit is `size` tokens, pages, ...; with size 0, one PTU for an hour."""

    name: str
    size: int
    price: float  # USD a unit


@dataclass(frozen=True, slots=True)
class Prices:
    """The meters of a model in one kind of deployment; None is a model that reads or answers no tokens.

    `others` are those of what else it is used for, by the name that the load has for it.
    """

    input: BilledMeter | None
    output: BilledMeter | None
    others: Mapping[str, BilledMeter] = field(default_factory=dict)


def per_thousand(into: str, out: str, price_in: float, price_out: float) -> Prices:
    return Prices(BilledMeter(into, 1_000, price_in), BilledMeter(out, 1_000, price_out))


def per_million(into: str, out: str, price_in: float, price_out: float) -> Prices:
    return Prices(BilledMeter(into, 1_000_000, price_in), BilledMeter(out, 1_000_000, price_out))


# The spellings differ from line to line, as they do on the bill.
PRICES: Mapping[tuple[str, str], Prices] = {
    ("gpt-4o", "GlobalStandard"): per_thousand(
        "gpt 4o 1120 Inp glbl Tokens", "gpt 4o 1120 Outp glbl Tokens", 0.0025, 0.01
    ),
    ("gpt-4o", "Standard"): per_thousand(
        "gpt 4o 1120 Inp regnl Tokens", "gpt 4o 1120 Outp regnl Tokens", 0.00275, 0.011
    ),
    ("gpt-4o-mini", "GlobalStandard"): per_thousand(
        "gpt-4o-mini-0718-Inp-glbl Tokens", "gpt-4o-mini-0718-Outp-glbl Tokens", 0.00015, 0.0006
    ),
    ("gpt-4o-mini", "Standard"): per_thousand(
        "gpt-4o-mini-0718-Inp-regnl Tokens", "gpt-4o-mini-0718-Outp-regnl Tokens", 0.000165, 0.00066
    ),
    ("gpt-4.1", "GlobalStandard"): per_thousand(
        "gpt 4.1 Inp glbl Tokens", "gpt 4.1 Outp glbl Tokens", 0.002, 0.008
    ),
    ("gpt-4.1", "DataZoneStandard"): per_thousand(
        "gpt 4.1 Inp Data Zone Tokens", "gpt 4.1 Outp Data Zone Tokens", 0.0022, 0.0088
    ),
    ("gpt-4.1-mini", "GlobalStandard"): per_thousand(
        "gpt 4.1 mini Inp glbl Tokens", "gpt 4.1 mini Outp glbl Tokens", 0.0004, 0.0016
    ),
    ("o3", "GlobalStandard"): per_thousand(
        "o3 0416 Inp glbl Tokens", "o3 0416 Outp glbl Tokens", 0.002, 0.008
    ),
    ("gpt-5.4", "GlobalStandard"): per_million("5.4 inp Gl 1M Tokens", "5.4 opt Gl 1M Tokens", 2.5, 15.0),
    ("gpt-5.4-mini", "GlobalStandard"): per_million(
        "5.4 mini Inp Gl 1M Tokens", "5.4 mini opt Gl 1M Tokens", 0.75, 4.5
    ),
    ("gpt-5.4-nano", "GlobalStandard"): per_thousand(
        "5.4 nano Inp Gl Tokens", "5.4 nano Opt Gl Tokens", 0.0002, 0.00125
    ),
    ("gpt-oss-120b", "GlobalStandard"): per_thousand(
        "gpt-oss-120B Inp glbl Tokens", "gpt-oss-120B Outp glbl Tokens", 0.00015, 0.0006
    ),
    ("text-embedding-3-large", "Standard"): Prices(
        BilledMeter("text-embedding-3-large-regnl Tokens", 1_000, 0.000143), None
    ),
    ("gpt-4o", "ProvisionedManaged"): Prices(BilledMeter("Provisioned Managed Regional Unit", 0, 1.0), None),
    ("gpt-realtime", "GlobalProvisionedManaged"): Prices(
        BilledMeter("Provisioned Managed Global Unit", 0, 1.0), None
    ),
    ("gpt-realtime", "GlobalStandard"): Prices(
        BilledMeter("gpt-realtime Txt Inp glbl Tokens", 1_000_000, 4.0),
        BilledMeter("gpt-realtime Txt Outp glbl Tokens", 1_000_000, 16.0),
        {
            "audio_in": BilledMeter("gpt-realtime Aud Inp glbl Tokens", 1_000_000, 32.0),
            "audio_out": BilledMeter("gpt-realtime Aud Outp glbl Tokens", 1_000_000, 64.0),
        },
    ),
    ("gpt-image-1", "GlobalStandard"): Prices(
        BilledMeter("gpt-image-1 Txt Inp glbl Tokens", 1_000_000, 5.0),
        BilledMeter("gpt-image-1 Img Outp glbl Tokens", 1_000_000, 40.0),
    ),
    ("claude-sonnet-4-5", "GlobalStandard"): Prices(
        BilledMeter("Claude Sonnet 4.5 Inp glbl Tokens", 1_000_000, 3.0),
        BilledMeter("Claude Sonnet 4.5 Outp glbl Tokens", 1_000_000, 15.0),
        {
            "cache_read": BilledMeter("Claude Sonnet 4.5 Cache Read glbl Tokens", 1_000_000, 0.3),
            "cache_write_5m": BilledMeter("Claude Sonnet 4.5 Cache 5m glbl Tokens", 1_000_000, 3.75),
            "cache_write_1h": BilledMeter("Claude Sonnet 4.5 Cache 1h glbl Tokens", 1_000_000, 6.0),
        },
    ),
    ("mistral-document-ai-2505", "GlobalStandard"): Prices(
        None,
        None,
        {
            "pages": BilledMeter("Mistral Document AI Pages glbl", 1_000, 3.0),
            "annotated_pages": BilledMeter("Mistral Document AI Annotated Pages glbl", 1_000, 3.0),
        },
    ),
    ("gpt-4.1-mini.ft-7f3e", "Standard"): Prices(
        BilledMeter("gpt 4.1 mini FT Inp regnl Tokens", 1_000, 0.00044),
        BilledMeter("gpt 4.1 mini FT Outp regnl Tokens", 1_000, 0.00176),
        {
            "hosting_hours": BilledMeter("gpt 4.1 mini FT Hosting regnl Unit", 1, 1.7),
            "training_hours": BilledMeter("gpt 4.1 mini FT Training regnl Unit", 1, 33.0),
        },
    ),
}
