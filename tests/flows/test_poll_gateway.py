"""Gateway logs: each call counts once and to whoever made it, and what is not known is not made up."""

import json
import re
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cli.run import environment_for
from shared.core.consumers import UNKNOWN, part_of
from shared.core.faults import SourceFault, Throttled, Unreachable
from shared.core.freshness import LEASE
from shared.core.model import (
    CONSUMER_CALLS,
    CONSUMER_TOKENS_IN,
    CONSUMER_TOKENS_OUT,
    Alert,
    Kind,
    Meter,
    Period,
    Scope,
)
from shared.flows.keep import keep_anew, known_names, load_baselines, load_mark
from shared.flows.poll import left_over, plan, poll_scope
from shared.flows.poll_gateway import LONGEST_ASK, REREAD
from shared.flows.ports import Ports
from shared.flows.tend import tend
from shared.formats import records
from shared.formats.watch_file import parse_watch
from shared.settings import Settings
from shared.wiring import build
from sim.blueprint import SANDBOX
from sim.consumers import GATEWAY, WORKSPACE, consumer_loads
from sim.process import RunningTenant
from tests.builders import DAY, HOUR, MINUTE, MONDAY, a_reading
from tests.telling import Chat, Killed, Mortal, incidents, keys, ports_telling

SLOT = 5 * MINUTE
APIM = "/subscriptions/s/resourcegroups/rg/providers/microsoft.apimanagement/service/apim"
LIVE = MONDAY + 21 * DAY
WATCH = f"""
channels: {{teams: {{kind: teams, secret: TEAMS_WEBHOOK_URL}}}}
gateway: {{workspace: {WORKSPACE}}}
limits: [{{name: greedy, meter: consumer tokens in, above: 100000, hold: 15m}}]
"""
MISSING_TABLE = {
    "error": {
        "code": "BadArgumentError",
        "message": "The request had some invalid properties",
        "innererror": {
            "code": "SemanticError",
            "message": "A semantic error occurred.",
            "innererror": {
                "code": "SEM0100",
                "message": "Failed to resolve table expression named 'ApiManagementGatewayLlmLog'",
            },
        },
    }
}


@pytest.fixture
def ports(tenant, tmp_path):
    return ports_for(tenant, tmp_path)


def ports_for(tenant: RunningTenant, folder: Path, watch: str = WATCH) -> Ports:
    folder.mkdir(exist_ok=True)
    settings = {**environment_for(tenant, folder), "METERWATCH_LOGS_ENDPOINT": tenant.logs}
    return replace(build(Settings.read(settings)), watch=parse_watch(watch), log=lambda event: None)


def job(now: datetime, source: str = "gateway", subject: str = WORKSPACE) -> str:
    return json.dumps({"source": source, "subject": subject, "round": now.isoformat()})


def poll(ports, tenant, now):
    tenant.set_clock(now)
    return poll_scope(ports, job(now), now)


def kept(ports, start, end):
    rows = ports.store.scan(records.readings_partition(WORKSPACE), "usage|")
    return {
        (one.scope, one.meter, one.start): int(one.value)
        for row in rows
        for one in records.unpack(row.body)
        if start <= one.start and one.end <= end
    }


def used(tenant, start, end):
    """What each consumer did in each five minutes in which it called, from the estate itself."""
    found: dict[tuple[Scope, Meter, datetime], int] = {}
    first, last = (int((moment - tenant.estate.start) / SLOT) for moment in (start, end))
    for load in consumer_loads(tenant.estate):
        names = (load.consumer.subscription, load.consumer.product, load.deployment.plan.name)
        scope = Scope(GATEWAY.lower(), part_of(*((name or "").lower() for name in names)))
        for slot in range(first, last):
            if load.calls[slot]:
                at = tenant.estate.start + slot * SLOT
                found[scope, CONSUMER_TOKENS_IN, at] = int(load.tokens_in[slot])
                found[scope, CONSUMER_TOKENS_OUT, at] = int(load.tokens_out[slot])
                found[scope, CONSUMER_CALLS, at] = int(load.calls[slot])
    return found


def test_what_is_kept_is_what_each_consumer_used(ports, tenant, live):
    for minutes in range(0, 3 * 60 + 11, 5):
        poll(ports, tenant, live + minutes * MINUTE)

    assert kept(ports, live, live + 3 * HOUR) == used(tenant, live, live + 3 * HOUR)


def test_rounds_that_were_missed_change_nothing_in_the_end(tenant, live, tmp_path):
    often, seldom = (ports_for(tenant, tmp_path / name) for name in ("often", "seldom"))
    for minutes in range(0, 4 * 60 + 1, 20):
        poll(often, tenant, live + minutes * MINUTE)
    for hours in (0, 4):
        poll(seldom, tenant, live + hours * HOUR)

    assert kept(often, live, live + 4 * HOUR) == kept(seldom, live, live + 4 * HOUR)


def test_the_first_look_reads_four_weeks_and_later_ones_do_not(ports, tenant, live):
    tenant.reset_requests()
    poll(ports, tenant, live)
    first = tenant.requests()["apis"]
    poll(ports, tenant, live + 5 * MINUTE)
    then = tenant.requests()["apis"]

    baselines = load_baselines(ports, WORKSPACE)
    assert {one.part for one in baselines} == {
        "sub-checkout-web",
        "sub-service-desk",
        "sub-marketing-texts",
        "sub-data-science",
        "sub-mobile-app",
        UNKNOWN,
    }
    assert all(one.ready for one in baselines.values())
    assert (first["logs"], then["logs"]) == (3, 4)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            {"status": 403, "body": {"error": {"code": "InsufficientAccessError", "message": "no"}}},
            "assign Log Analytics Reader",
        ),
        ({"status": 400, "body": MISSING_TABLE}, "GatewayLlmLogs"),
        (
            {"status": 404, "body": {"error": {"code": "WorkspaceNotFoundError", "message": "no"}}},
            "check the id",
        ),
        ({"status": 500, "body": "<html>"}, "logs of workspace"),
        ({"cut": True}, "logs of workspace"),
    ],
    ids=["no role", "no table", "no workspace", "broken", "cut"],
)
def test_a_refusal_that_lasts_is_told_in_one_line_and_its_end_too(ports, tenant, live, fault, says):
    tenant.set_faults([{"path_contains": "/logs/", **fault}])
    told = [len(poll(ports, tenant, live + minutes * MINUTE)) for minutes in range(0, 61, 15)]
    (incident,) = incidents(ports)
    poll_scope(ports, job(live, "usage", SANDBOX), live)
    tenant.set_faults([])
    told.append(len(poll(ports, tenant, live + 75 * MINUTE)))

    assert told == [0, 0, 0, 1, 0, 1]
    assert incident.alert.kind is Kind.FRESHNESS
    assert "no gateway data" in incident.alert.what
    assert says in incident.alert.why
    assert "\n" not in incident.alert.why
    assert load_mark(ports, "usage", SANDBOX)[0].answered_at == live
    assert load_mark(ports, "gateway", WORKSPACE)[0].answered_at == live + 75 * MINUTE


def test_a_part_of_an_answer_is_none(ports, tenant, live):
    poll(ports, tenant, live)
    before = kept(ports, live - DAY, live + DAY)
    tenant.set_options(logs_partial=True)
    poll(ports, tenant, live + HOUR)

    assert kept(ports, live - DAY, live + DAY) == before
    assert "only a part" in load_mark(ports, "gateway", WORKSPACE)[0].trouble
    tenant.set_options()
    poll(ports, tenant, live + 4 * HOUR)
    assert kept(ports, live, live + 3 * HOUR) == used(tenant, live, live + 3 * HOUR)


def test_without_a_workspace_nothing_is_asked_and_nothing_is_told(tenant, live, tmp_path):
    ports = ports_for(tenant, tmp_path, f"subscriptions: [{SANDBOX}]")

    assert [json.loads(one)["source"] for one in plan(ports, "usage", live)] == ["usage"]
    tend(ports, live)
    tend(ports, live + 2 * DAY)
    assert "gateway" not in str([one.alert.key for one in incidents(ports)])


def test_with_a_workspace_each_round_has_one_job_more(tenant, live, tmp_path):
    ports = ports_for(tenant, tmp_path, f"subscriptions: [{SANDBOX}]\ngateway: {{workspace: {WORKSPACE}}}")

    jobs = [json.loads(one) for one in plan(ports, "usage", live)]
    assert [(one["source"], one["subject"]) for one in jobs] == [("usage", SANDBOX), ("gateway", WORKSPACE)]


Counts = tuple[int, int, int]


class Workspace:
    """Log Analytics for one gateway: sums the calls it was given in the bins that the question asks for."""

    def __init__(self) -> None:
        self.calls: dict[datetime, dict[str, Counts]] = defaultdict(dict)  # by time, then consumer
        self.asked: list[Period] = []
        self.faults: list[SourceFault | None] = []

    def add(
        self, start: datetime, end: datetime, consumer: str, tokens: int, every: timedelta = SLOT
    ) -> None:
        while start < end:
            self.calls[start][consumer] = (tokens, tokens // 10, 1)
            start += every

    def logs(self, workspace: str, kusto: str, asked: Period) -> list[dict[str, Any]]:
        self.asked.append(asked)
        if self.faults and (fault := self.faults.pop(0)):
            raise fault
        grain = int(re.findall(r"bin\(TimeGenerated, (\d+)m\)", kusto)[0]) * MINUTE
        start, end = (datetime.fromisoformat(text) for text in re.findall(r"datetime\((.*?)\)", kusto)[:2])
        bins: dict[tuple[datetime, str], Counts] = defaultdict(lambda: (0, 0, 0))
        for at, by_consumer in self.calls.items():
            for consumer, counts in by_consumer.items() if start <= at < end else ():
                key = MONDAY + (at - MONDAY) // grain * grain, consumer
                bins[key] = tuple(map(sum, zip(bins[key], counts, strict=True)))  # type: ignore[assignment]
        return [_row(at, consumer, counts) for (at, consumer), counts in bins.items()]


def _row(at: datetime, consumer: str, counts: Counts) -> dict[str, Any]:
    into, out, calls = counts
    return {
        "TimeGenerated": at,
        "_ResourceId": APIM,
        "ApimSubscriptionId": consumer,
        "ProductId": None,
        "DeploymentName": "chat",
        "PromptTokens": into,
        "CompletionTokens": str(out),
        "Calls": calls,
    }


@pytest.fixture
def workspace():
    """Three weeks of a web shop and a nightly batch, and the hours after."""
    made = Workspace()
    made.add(MONDAY, LIVE + 6 * HOUR, "web", 20_000)
    return made


@pytest.fixture
def asking(workspace, tmp_path):
    with ports_telling(Chat(), tmp_path / "db", WATCH) as ports:
        yield replace(ports, azure=workspace)


def ask(ports: Ports, now: datetime) -> list[str]:
    return poll_scope(ports, job(now), now)


def alerts(ports: Ports, kind: Kind) -> list[Alert]:
    return [one.alert for one in incidents(ports) if one.alert.kind is kind]


def test_a_call_whose_caller_is_found_out_counts_to_nobody_else(asking, workspace):
    workspace.add(LIVE, LIVE + HOUR, "", 500)
    ask(asking, LIVE + 75 * MINUTE)
    unknown = Scope(APIM, "chat for <unknown consumer>")
    assert (
        sum(kept(asking, LIVE, LIVE + HOUR)[unknown, CONSUMER_CALLS, LIVE + n * SLOT] for n in range(12))
        == 12
    )

    for by_consumer in workspace.calls.values():
        if "" in by_consumer:
            by_consumer["app"] = by_consumer.pop("")
    ask(asking, LIVE + 80 * MINUTE)

    found = kept(asking, LIVE, LIVE + HOUR)
    assert {scope.part for scope, _, _ in found} == {"chat for web", "chat for app"}
    assert sum(value for (_, meter, _), value in found.items() if meter == CONSUMER_CALLS) == 24


def test_the_newest_ten_minutes_are_left_alone(asking, workspace):
    ask(asking, LIVE + HOUR)

    assert max(start for _, _, start in kept(asking, LIVE, LIVE + DAY)) == LIVE + HOUR - 15 * MINUTE


def test_a_limit_is_told_of_one_consumer_and_is_over_when_it_calls_no_more(asking, workspace):
    ask(asking, LIVE)
    workspace.add(LIVE + 30 * MINUTE, LIVE + HOUR, "app", 200_000)
    states = []
    for minutes in range(5, 121, 5):
        ask(asking, LIVE + minutes * MINUTE)
        states.append([one.open for one in incidents(asking) if one.alert.kind is Kind.LIMIT])

    assert [len(one) for one in states] == sorted(len(one) for one in states)
    assert [True] in states
    assert states[-1] == [False]
    (alert,) = alerts(asking, Kind.LIMIT)
    assert alert.scope == Scope(APIM, "chat for app")
    assert "on chat for app in apim, limit 100k tokens" in alert.what


def test_a_loop_of_one_consumer_is_one_alert_about_all_that_it_uses(asking, workspace):
    ask(asking, LIVE)
    assert not alerts(asking, Kind.ANOMALY)

    workspace.add(LIVE + HOUR, LIVE + 3 * HOUR, "web", 90_000)
    for minutes in range(5, 151, 5):
        ask(asking, LIVE + minutes * MINUTE)

    (alert,) = alerts(asking, Kind.ANOMALY)
    assert (alert.firing, alert.scope) == (True, Scope(APIM, "web"))
    assert alert.key == f"anomaly|tokens|{APIM}|web"
    assert alert.what.startswith("web in apim used ")


def test_a_consumer_that_falls_silent_is_a_drop_while_others_still_call(asking, workspace):
    workspace.add(MONDAY, LIVE, "app", 20_000)
    for minutes in range(0, 241, 10):
        ask(asking, LIVE + minutes * MINUTE)

    (alert,) = alerts(asking, Kind.ANOMALY)
    assert (alert.firing, alert.scope.part) == (True, "app")
    assert alert.seen is not None
    assert alert.seen.value == 0


def test_a_gateway_that_logs_nothing_is_unknown_and_no_drop(asking, workspace):
    workspace.calls = defaultdict(dict, {at: one for at, one in workspace.calls.items() if at < LIVE})
    for minutes in range(0, 361, 30):
        ask(asking, LIVE + minutes * MINUTE)

    assert not incidents(asking)


def test_a_consumer_never_seen_before_is_told_once_and_nobody_unknown_is(asking, workspace):
    ask(asking, LIVE)
    workspace.add(LIVE, LIVE + HOUR, "trial", 10)
    workspace.add(LIVE, LIVE + HOUR, "", 10)
    nudges = [ask(asking, LIVE + minutes * MINUTE) for minutes in (20, 25, 60)]

    (alert,) = alerts(asking, Kind.NEWCOMER)
    assert alert.what == "New consumer: trial in apim"
    assert [len(one) for one in nudges] == [1, 0, 0]
    assert set(known_names(asking, WORKSPACE, "consumers") or ()) == {
        "consumer: web in apim",
        "consumer: trial in apim",
    }


def test_a_lost_month_is_made_up_in_parts_and_no_further_back(asking, workspace):
    ask(asking, LIVE)
    workspace.asked.clear()
    later = LIVE + 60 * DAY
    ask(asking, later)

    spans = [(one.end - one.start) for one in workspace.asked]
    assert max(spans) <= DAY + 5 * HOUR
    first, last = workspace.asked[0].start, workspace.asked[-1].end
    assert later - LONGEST_ASK - 2 * HOUR < first < later - LONGEST_ASK
    assert last > later - 10 * MINUTE
    assert all(one.start < two.start <= one.end for one, two in pairwise(workspace.asked))


def test_hours_already_settled_are_not_asked_for_again(asking, workspace):
    ask(asking, LIVE)
    workspace.asked.clear()
    ask(asking, LIVE + 5 * MINUTE)

    (asked,) = workspace.asked
    assert asked.start >= LIVE - REREAD - 2 * HOUR


def test_weeks_that_are_too_much_for_an_answer_only_shorten_the_history(asking, workspace):
    workspace.add(LIVE - 28 * DAY, MONDAY, "web", 20_000)
    workspace.faults = [None, None, Unreachable("only a part of the answer came")]
    ask(asking, LIVE)

    mark, _ = load_mark(asking, "gateway", WORKSPACE)
    (baseline,) = load_baselines(asking, WORKSPACE).values()
    assert mark.answered_at == LIVE
    assert LIVE - 15 * DAY < baseline.since < LIVE - 14 * DAY
    assert baseline.ready


def test_a_throttled_first_look_is_made_again_whole(asking, workspace):
    workspace.faults = [None, None, Throttled("asked too often", 5 * MINUTE)]
    ask(asking, LIVE)
    assert load_mark(asking, "gateway", WORKSPACE)[0].read_until is None

    ask(asking, LIVE + 5 * MINUTE)
    (baseline,) = load_baselines(asking, WORKSPACE).values()
    assert baseline.since == MONDAY


def test_what_an_hour_no_longer_holds_is_gone(asking):
    def readings(count):
        return [
            a_reading(LIVE, scope=Scope(APIM, f"chat for {number}"), meter=CONSUMER_CALLS)
            for number in range(count)
        ]

    keep_anew(asking, WORKSPACE, readings(300))
    assert len(kept(asking, LIVE, LIVE + DAY)) == 300

    keep_anew(asking, WORKSPACE, readings(90))
    assert len(kept(asking, LIVE, LIVE + DAY)) == 90


def outcome_of(ports):
    return (
        kept(ports, LIVE - 30 * DAY, LIVE + DAY),
        load_baselines(ports, WORKSPACE),
        sorted(known_names(ports, WORKSPACE, "consumers") or ()),
        sorted(one.alert.key for one in incidents(ports)),
        len(keys(ports, "waiting|")),
    )


def killed_at(ports, calls, now):
    """Runs a poll that dies at that call, and then what comes of it; whether the first one died."""
    mortal = Mortal(calls)
    store, azure = mortal.standing_before(ports.store), mortal.standing_before(ports.azure)
    try:
        ask(replace(ports, store=store, azure=azure), now)
    except Killed:
        # The queue hands the job out again; where it was claimed, `tend` takes it up after the lease.
        ask(ports, now)
        for message in left_over(ports, now + LEASE):
            poll_scope(ports, message, now + LEASE)
        return True
    return False


@pytest.mark.parametrize("before", [(), (LIVE,)], ids=["a first look", "a later round"])
def test_killed_between_any_two_calls_and_run_again_ends_the_same(tmp_path, before):
    workspace: Any = Workspace()
    workspace.add(LIVE - 2 * DAY, LIVE, "web", 20_000)
    workspace.add(LIVE + 10 * MINUTE, LIVE + HOUR, "trial", 200_000)

    def run(name: str, calls: int) -> tuple[bool, Any]:
        with ports_telling(Chat(), tmp_path / name, WATCH) as telling:
            ports = replace(telling, azure=workspace)
            for now in before:
                ask(ports, now)
            return killed_at(ports, calls, LIVE + HOUR), outcome_of(ports)

    died, undisturbed = run("undisturbed", 10_000)
    assert not died
    assert f"limit|greedy|{APIM}|chat for trial" in undisturbed[3]
    calls = 0
    while (found := run(str(calls), calls))[0]:
        assert found[1] == undisturbed, f"killed at call {calls}"
        calls += 1
    assert calls > 15
