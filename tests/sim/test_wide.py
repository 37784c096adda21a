"""The wide and the large estate: that each is what it says, down to the bill."""

from collections import Counter, defaultdict

import numpy as np
import pytest
import requests

from sim.blueprint import NOT_OPENAI, SUBSCRIPTIONS
from sim.estate import Estate, build_estate
from sim.estates import EstatePlan
from sim.large import build_large_estate
from sim.process import RunningTenant, running_tenant
from sim.wide import MEDIA, WIDE

TOKEN = {"Authorization": "Bearer simulated"}


@pytest.fixture(scope="module")
def wide() -> Estate:
    return EstatePlan("wide").build()


@pytest.fixture(scope="module")
def large() -> Estate:
    return build_large_estate()


@pytest.fixture(scope="module")
def tenth():
    with running_tenant(estate="large", scale=0.1) as running:
        yield running


def test_the_wide_estate_is_that_of_the_story_and_one_more_subscription(wide):
    story = build_estate()

    assert wide.subscriptions[:3] == SUBSCRIPTIONS
    assert [plan.id for plan in wide.subscriptions[3:]] == [MEDIA]
    assert wide.incidents == story.incidents
    for ours, theirs in zip(wide.accounts, story.accounts, strict=False):
        assert ours.id == theirs.id
        assert np.array_equal(ours.deployments[0].load.tokens_in, theirs.deployments[0].load.tokens_in)


def test_all_that_is_metered_in_the_wide_estate_is_billed(wide):
    units = {item.meter.name: item.days().sum() for item in wide.bill if item.subscription == MEDIA}
    loads = {
        found.plan.name: found.load
        for account in wide.accounts
        if account.subscription == MEDIA
        for found in account.deployments
    }

    assert units["gpt-realtime Aud Inp glbl Tokens"] == pytest.approx(
        loads["voice"].others["audio_in"].sum() / 1e6
    )
    assert units["Mistral Document AI Pages glbl"] == pytest.approx(
        loads["reader"].others["pages"].sum() / 1e3
    )
    assert units["Claude Sonnet 4.5 Cache Read glbl Tokens"] > units["Claude Sonnet 4.5 Inp glbl Tokens"]
    assert units["gpt 4.1 mini FT Training regnl Unit"] == pytest.approx(5 + 3)
    assert units["gpt 4.1 mini FT Hosting regnl Unit"] == pytest.approx(42 * 24)
    assert units["Provisioned Managed Global Unit"] == pytest.approx(20 * 42 * 24)
    assert min(units.values()) > 0


def test_a_fine_tuning_job_after_the_end_is_no_use():
    short = build_estate(quiet_days=7, days=1, subscriptions=WIDE)

    tuned = next(item for item in short.bill if item.meter.name == "gpt 4.1 mini FT Training regnl Unit")
    assert tuned.days().sum() == 0


def test_the_large_estate_holds_as_many_of_each_as_it_says(large):
    assert len(large.subscriptions) == 200
    assert len(large.accounts) == len({account.id.lower() for account in large.accounts}) == 2_000
    assert sum(len(account.deployments) for account in large.accounts) == 10_000
    assert sum(len(plan.accounts) for plan in large.subscriptions) == 2_000
    assert all(plan.accounts for plan in large.subscriptions)
    for account in large.accounts:
        names = [found.plan.name for found in account.deployments]
        assert len(names) == len(set(names)) > 0


def test_a_subscription_is_spread_over_one_to_three_regions_and_one_of_them_fills_a_batch(large):
    regions: dict[str, Counter[str]] = defaultdict(Counter)
    for account in large.accounts:
        regions[account.subscription][account.plan.region] += 1

    assert {len(counts) for counts in regions.values()} == {1, 2, 3}
    assert max(max(counts.values()) for counts in regions.values()) > 50


def test_thousands_of_deployments_share_a_few_dozen_loads(large):
    loads = {id(found.load) for account in large.accounts for found in account.deployments}

    assert 20 <= len(loads) <= 60
    assert len({id(item.used) for item in large.bill}) < len(large.bill) / 5


def test_only_foundry_accounts_hold_what_is_not_openai(large):
    holders = {
        account.plan.kind
        for account in large.accounts
        if any(found.plan.model in NOT_OPENAI for found in account.deployments)
    }

    assert holders == {"AIServices"}
    assert {account.plan.kind for account in large.accounts} == {"AIServices", "OpenAI"}


def test_each_account_of_the_large_estate_is_billed_for_its_own(large):
    accounts = {account.id: account for account in large.accounts}
    models = [item for item in large.bill if item.resource in accounts]

    assert {item.resource for item in models} == set(accounts)
    for item in models[:500]:
        account = accounts[item.resource]
        assert (item.subscription, item.region) == (account.subscription, account.plan.region)
        assert dict(item.tags) == account.plan.tags


def test_nothing_goes_wrong_in_the_large_estate(large):
    assert large.incidents == ()
    assert large.budgets == ()
    assert large.webhooks == ()


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((3, 2, 10), "no more subscriptions than accounts"),
        ((1, 5, 4), "no more accounts than deployments"),
        ((0, 1, 1), "no more subscriptions"),
        ((1, 2, 1_000), "at most"),
    ],
)
def test_numbers_that_cannot_be_are_refused(numbers, said):
    with pytest.raises(ValueError, match=said):
        build_large_estate(*numbers)


@pytest.mark.parametrize("numbers", [(1, 1, 1), (2, 5, 5), (3, 7, 40), (4, 9, 9 * 20)])
def test_small_numbers_come_out_exactly_too(numbers):
    made = build_large_estate(*numbers)

    counts = len(made.subscriptions), len(made.accounts), sum(len(one.deployments) for one in made.accounts)
    assert counts == numbers
    assert min(len(account.deployments) for account in made.accounts) > 0


def test_a_tenth_of_the_large_estate_is_served_and_the_same_is_built_here(tenth: RunningTenant):
    assert len(tenth.estate.accounts) == 200
    assert sum(len(account.deployments) for account in tenth.estate.accounts) == 1_000

    body = requests.get(f"{tenth.url}/subscriptions?api-version=2022-12-01", headers=TOKEN, timeout=5).json()
    assert [one["subscriptionId"] for one in body["value"]] == [
        plan.id for plan in tenth.estate.subscriptions
    ]
    assert "nextLink" not in body


def test_the_large_estate_answers_a_batch_of_fifty_accounts(tenth: RunningTenant):
    groups = defaultdict(list)
    for account in tenth.estate.accounts:
        groups[account.subscription, account.plan.region].append(account)
    (subscription, region), accounts = max(groups.items(), key=lambda group: len(group[1]))
    answer = requests.post(
        f"{tenth.metrics.format(region=region)}/subscriptions/{subscription}/metrics:getBatch",
        params={
            "metricnamespace": "Microsoft.CognitiveServices/accounts",
            "metricnames": "TokenTransaction,AzureOpenAIRequests",
            "starttime": "2026-08-09T12:00:00Z",
            "endtime": "2026-08-09T13:00:00Z",
            "interval": "PT5M",
            "aggregation": "Total",
            "filter": "ModelDeploymentName eq '*'",
            "top": "1000",
        },
        json={"resourceids": [account.id for account in accounts[:50]]},
        headers=TOKEN,
        timeout=10,
    )

    results = answer.json()["values"]
    assert [result["resourceid"] for result in results] == [account.id for account in accounts[:50]]
    for account, result in zip(accounts, results, strict=False):
        emitted = sum(found.plan.model not in NOT_OPENAI for found in account.deployments)
        nightly = sum(found.plan.rhythm == "nightly" for found in account.deployments)
        assert emitted - nightly <= len(result["value"][0]["timeseries"]) <= emitted
