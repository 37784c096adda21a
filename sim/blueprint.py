"""The estate on paper: subscriptions, AI accounts, deployments, models and what they are billed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Rhythm = Literal["office", "steady", "nightly", "occasional"]


@dataclass(frozen=True, slots=True)
class BilledMeter:
    """A line of the price list. One unit is `size` tokens, or one PTU for one hour when `size` is 0."""

    name: str
    size: int
    price: float  # USD a unit


@dataclass(frozen=True, slots=True)
class Prices:
    """The meters of a model in one kind of deployment; `output` None is a model that answers no tokens."""

    input: BilledMeter
    output: BilledMeter | None


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    name: str
    model: str
    version: str
    sku: str
    rhythm: Rhythm
    rate: float  # requests a minute at the busiest hour
    tokens_in: float  # a request
    tokens_out: float  # a request
    capacity: int = 100  # thousands of tokens a minute, or PTU
    late: bool = False  # not there from the beginning: the new model of the story


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """`group` and `name` in the mixed case that Azure gives back."""

    group: str
    name: str
    region: str
    kind: str
    deployments: tuple[DeploymentPlan, ...]
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubscriptionPlan:
    id: str
    name: str
    accounts: tuple[AccountPlan, ...]


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
}

NOT_OPENAI = frozenset({"gpt-oss-120b"})  # models that only the newer metric family knows

AGENTS = "7c0e4a2b-51d3-4f0a-9a6e-2f4b8d1c9e01"
PLATFORM = "b81f6d94-0c7e-4a35-8d52-6e9f3a7b2c02"
SANDBOX = "e25a9c37-f4b8-4d16-b0c3-91d7e6f5a803"

SUPPORT_ACCOUNT = AccountPlan(
    "RG-Support-Prod",
    "aoai-Support-SWC",
    "swedencentral",
    "OpenAI",
    (
        DeploymentPlan("support-chat", "gpt-4o", "2024-11-20", "GlobalStandard", "office", 22, 1500, 350),
        DeploymentPlan("support-triage", "gpt-4o-mini", "2024-07-18", "Standard", "office", 30, 900, 60),
        DeploymentPlan("support-index", "text-embedding-3-large", "1", "Standard", "nightly", 120, 700, 0),
    ),
    {"owner": "support-platform@contoso.example", "env": "prod"},
)
DOCUMENTS_ACCOUNT = AccountPlan(
    "rg-documents-prod",
    "AOAI-Documents-swc",
    "swedencentral",
    "OpenAI",
    (
        DeploymentPlan("docs-summary", "gpt-4.1", "2025-04-14", "DataZoneStandard", "office", 7, 5200, 420),
        DeploymentPlan(
            "docs-nightly", "gpt-4o-mini", "2024-07-18", "GlobalStandard", "nightly", 60, 3800, 300
        ),
    ),
    {"Owner": "documents@contoso.example", "env": "prod"},
)
AGENTS_ACCOUNT = AccountPlan(
    "RG-Agents",
    "aif-Agents-SWC",
    "swedencentral",
    "AIServices",
    (
        DeploymentPlan("agents-main", "gpt-4.1", "2025-04-14", "GlobalStandard", "steady", 9, 2600, 380),
        DeploymentPlan("agents-reason", "o3", "2025-04-16", "GlobalStandard", "steady", 2.2, 3400, 1300),
        DeploymentPlan(
            "agents-next", "gpt-5.4", "2026-03-05", "GlobalStandard", "steady", 30, 2800, 700, late=True
        ),
    ),
    {"owner": "agents@contoso.example", "costCenter": "4711"},
)
SEARCH_ACCOUNT = AccountPlan(
    "rg-search-prod",
    "aoai-Search-EUS2",
    "eastus2",
    "OpenAI",
    (
        DeploymentPlan(
            "search-ptu", "gpt-4o", "2024-11-20", "ProvisionedManaged", "office", 60, 1800, 220, capacity=50
        ),
    ),
    {"owner": "search@contoso.example"},
)
HUB_ACCOUNT = AccountPlan(
    "RG-AI-Platform",
    "aif-Hub-WEU",
    "westeurope",
    "AIServices",
    (
        DeploymentPlan("assist-general", "gpt-4.1", "2025-04-14", "GlobalStandard", "office", 25, 1900, 320),
        DeploymentPlan(
            "assist-mini", "gpt-4.1-mini", "2025-04-14", "GlobalStandard", "office", 50, 1100, 150
        ),
        DeploymentPlan("code-helper", "gpt-4o", "2024-11-20", "Standard", "office", 14, 2400, 500),
        DeploymentPlan("open-weights", "gpt-oss-120b", "1", "GlobalStandard", "steady", 8, 1500, 400),
    ),
    {"owner": "ai-platform@contoso.example", "env": "prod"},
)
ANALYTICS_ACCOUNT = AccountPlan(
    "rg-analytics",
    "AOAI-Analytics-EUS2",
    "eastus2",
    "OpenAI",
    (
        DeploymentPlan("reports-nightly", "gpt-4o", "2024-11-20", "GlobalStandard", "nightly", 40, 4200, 600),
        DeploymentPlan("ask-the-data", "gpt-4.1", "2025-04-14", "DataZoneStandard", "office", 3, 3100, 280),
    ),
    {"owner": "data@contoso.example"},
)
LAB_ACCOUNT = AccountPlan(
    "rg-lab",
    "aif-Lab-SWC",
    "swedencentral",
    "AIServices",
    (
        DeploymentPlan(
            "lab-mini", "gpt-5.4-mini", "2026-03-17", "GlobalStandard", "occasional", 1.2, 900, 250
        ),
        DeploymentPlan(
            "lab-nano", "gpt-5.4-nano", "2026-03-17", "GlobalStandard", "occasional", 2.0, 700, 120
        ),
        DeploymentPlan("lab-vision", "gpt-4o", "2024-11-20", "GlobalStandard", "occasional", 0.5, 1400, 200),
    ),
)
TOOLS_ACCOUNT = AccountPlan(
    "RG-Tools",
    "aoai-Tools-WEU",
    "westeurope",
    "OpenAI",
    (
        DeploymentPlan("translate", "gpt-4o-mini", "2024-07-18", "GlobalStandard", "office", 18, 800, 650),
        DeploymentPlan("review-bot", "gpt-4.1", "2025-04-14", "GlobalStandard", "office", 2.5, 6500, 450),
    ),
    {"owner": "developer-tools@contoso.example"},
)

SUBSCRIPTIONS = (
    SubscriptionPlan(AGENTS, "Contoso AI products", (SUPPORT_ACCOUNT, DOCUMENTS_ACCOUNT, AGENTS_ACCOUNT)),
    SubscriptionPlan(PLATFORM, "Contoso AI platform", (SEARCH_ACCOUNT, HUB_ACCOUNT, ANALYTICS_ACCOUNT)),
    SubscriptionPlan(SANDBOX, "Contoso AI sandbox", (LAB_ACCOUNT, TOOLS_ACCOUNT)),
)
