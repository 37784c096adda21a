"""Sets of switches under one name: what Azure does to those who watch it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sim.blueprint import AGENTS, PLATFORM, SANDBOX
from sim.mishaps import Mishap
from sim.options import Options
from sim.roles import COST_READER, LOG_READER, MONITORING_READER, READER, Assignment

COSTS = "Microsoft.CostManagement/query"
JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Scenario:
    """`options` and `mishaps` as `sim.options.Options` and `sim.mishaps.Mishap` take them."""

    words: str
    options: Mapping[str, Any] = field(default_factory=dict)
    mishaps: tuple[Mapping[str, Any], ...] = ()
    missing: tuple[Assignment, ...] = ()

    def new_options(self) -> Options:
        return msgspec.convert(dict(self.options), Options)

    def new_mishaps(self) -> list[Mishap]:
        """Each time new ones: they count how often they have struck."""
        return msgspec.convert([dict(one) for one in self.mishaps], list[Mishap])


SCENARIOS: Mapping[str, Scenario] = {
    "calm": Scenario("Nothing goes wrong but what is usual: late cost, odd case, a renamed service."),
    "clean": Scenario(
        "Not even that: cost is there at once, spelled as asked, under one service name.",
        {"cost_late": False, "odd_case": False, "service_renamed": False},
    ),
    "throttled-costs": Scenario(
        "Cost Management enforces its limits by scope, by tenant and by query unit.",
        {"cost_buckets": ["entity", "tenant", "qpu"]},
    ),
    "no-client-type": Scenario(
        "Who sends no ClientType header is refused: the bucket that they all share is empty.",
        {"cost_buckets": ["clienttype"]},
    ),
    "busy-metrics": Scenario("Every second metrics batch is answered 529.", {"metrics_refused": 0.5}),
    "older-region": Scenario(
        "Sweden's metrics know nothing of the newer family.", {"metrics_unknown": ["swedencentral"]}
    ),
    "metrics-without-ids": Scenario("Metrics come in the order asked.", {"metrics_anonymous": True}),
    "small-pages": Scenario("Seven rows or prices a page.", {"cost_page": 7, "prices_page": 7}),
    "corrected-costs": Scenario(
        "One day is rated again a week later, and rows of another move to a meter that was not there.",
        {
            "cost_corrections": [
                {"at": "2026-09-07T06:00:00Z", "day": "2026-09-01", "factor": 1.25},
                {
                    "at": "2026-09-07T06:00:00Z",
                    "day": "2026-09-02",
                    "meter": "gpt 4.1 Inp glbl Tokens",
                    "moved_to": "gpt-4.1-inp-glbl Tokens",
                },
            ]
        },
    ),
    "renamed-meters": Scenario(
        "From 3 September on the meters of gpt-4.1 have other names.",
        {
            "meter_renames": [
                {"meter": "gpt 4.1 Inp glbl Tokens", "to": "4.1 Inp Gl Tokens", "since": "2026-09-03"},
                {"meter": "gpt 4.1 Outp glbl Tokens", "to": "4.1 opt Gl Tokens", "since": "2026-09-03"},
            ]
        },
    ),
    "reserved-ptu": Scenario(
        "PTU are reserved: bought on one day, spread over a month when amortised.", {"reservation": True}
    ),
    "two-currencies": Scenario("The sandbox is billed in EUR.", {"currencies": {SANDBOX: "EUR"}}),
    "odd-queries": Scenario(
        "A daily query with groups answers its last day alone, and a future date means last year.",
        {"last_day_only": True, "future_as_last_year": True},
    ),
    "tight-budgets": Scenario("Azure's own budgets are crossed, nearly all.", {"budget_scale": 0.05}),
    "no-reader": Scenario(
        "Reader is missing on the agents' subscription: ARM answers 403 there.",
        missing=(Assignment(READER, f"/subscriptions/{AGENTS}"),),
    ),
    "no-cost-reader": Scenario(
        "Cost Management Reader is missing on the platform's subscription.",
        missing=(Assignment(COST_READER, f"/subscriptions/{PLATFORM}"),),
    ),
    "no-cost-reader-401": Scenario(
        "The same, refused with 401, as some have seen it.",
        {"cost_denied": 401},
        missing=(Assignment(COST_READER, f"/subscriptions/{PLATFORM}"),),
    ),
    "no-roles": Scenario(
        "No role has been assigned anywhere.",
        missing=tuple(Assignment(role) for role in (READER, COST_READER, MONITORING_READER, LOG_READER)),
    ),
    "clock-behind": Scenario("Azure's clock is ten minutes behind ours.", {"clock_ahead": -600.0}),
    "clock-ahead": Scenario("Azure's clock is ten minutes before ours.", {"clock_ahead": 600.0}),
    "slow": Scenario(
        "Every answer takes two seconds, the chats' too.", mishaps=({"status": 0, "delay": 2.0},)
    ),
    "cut-connections": Scenario(
        "Connections end before, inside and after the answer, six times in all, the chats' too.",
        mishaps=tuple({"cut": when, "times": 2} for when in ("before", "inside", "after")),
    ),
    "garbage": Scenario(
        "Cost is answered with the beginning of its JSON, metrics with HTML that says it is JSON.",
        mishaps=(
            {"path_contains": COSTS, "status": 0, "keep": 120},
            {
                "path_contains": "getBatch",
                "status": 200,
                "body": "<html><title>Our services aren't available right now</title></html>",
                "content_type": JSON,
            },
        ),
    ),
    "partial-logs": Scenario("A log query answers half its rows and an error.", {"logs_partial": True}),
    "expired-secret": Scenario("The client's secret has expired.", {"login_fault": "AADSTS7000222"}),
    "expired-login": Scenario("The login has expired.", {"login_fault": "AADSTS700082"}),
    "wrong-tenant": Scenario(
        "The login names a tenant that is none, and ARM takes the token for another tenant's.",
        {"login_fault": "AADSTS90002", "wrong_issuer": True},
    ),
}


def named(name: str) -> Scenario:
    """Raises ValueError that names those there are."""
    if name not in SCENARIOS:
        raise ValueError(f"no scenario '{name}'; there are {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
