"""The estate on paper: subscriptions, AI accounts, deployments, models and what they are billed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Rhythm = Literal["office", "steady", "nightly", "occasional"]


@dataclass(frozen=True, slots=True)
class Training:
    """A fine-tuning job: the day from the estate's start, the hour of it, and how many hours it runs."""

    day: int
    hour: int
    hours: int


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
    others: Mapping[str, float] = field(default_factory=dict)  # a served request, by the load's names
    trained: tuple[Training, ...] = ()  # a fine-tuned model is also hosted by the hour
    spillover: bool = False  # a PTU's calls that are too many are served by a Standard one of the account
    tier: str = "default"  # of service


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


# The makers of models that are not OpenAI's, which only the newer metric family knows.
MAKERS: Mapping[str, str] = {
    "gpt-oss-120b": "OpenAI-OSS",
    "claude-sonnet-4-5": "Anthropic",
    "mistral-document-ai-2505": "Mistral AI",
}
NOT_OPENAI = frozenset(MAKERS)

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
