"""The app as the worker core indexes it: exactly these functions, bound exactly so."""

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.ncrontab import parse
from shared.settings import DEFAULTS, HOST_SETTINGS

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = json.loads((ROOT / "local.settings.sample.json").read_text(encoding="utf-8"))["Values"]
# Channel secrets are named by watch.yaml; these two stand for them.
CHANNEL_SECRETS = {"SLACK_BOT_TOKEN", "TEAMS_WEBHOOK_URL"}

JOBS = ("queue", "out", "meterwatch-jobs")
NUDGES = ("queue", "out", "meterwatch-nudges")
ANSWER = ("http", "out", "")
FUNCTIONS = {
    "poll_usage": {("timerTrigger", "in", "%POLL_USAGE_SCHEDULE%"), JOBS},
    "poll_spend": {("timerTrigger", "in", "%POLL_SPEND_SCHEDULE%"), JOBS},
    "poll_scope": {("queueTrigger", "in", "meterwatch-jobs"), NUDGES},
    "tend": {("timerTrigger", "in", "%TEND_SCHEDULE%"), JOBS, NUDGES},
    "deliver": {("queueTrigger", "in", "meterwatch-nudges")},
    "deliver_poison": {("queueTrigger", "in", "meterwatch-nudges-poison"), NUDGES},
    "azure_alert_secure": {("httpTrigger", "in", "POST azure-alert-secure ANONYMOUS"), ANSWER, NUDGES},
    "azure_alert": {("httpTrigger", "in", "POST azure-alert FUNCTION"), ANSWER, NUDGES},
    "slack_action": {("httpTrigger", "in", "POST slack-action ANONYMOUS"), ANSWER, NUDGES},
    "respond": {("httpTrigger", "in", "GET POST respond ANONYMOUS"), ANSWER, NUDGES},
    "tick": {("httpTrigger", "in", "POST tick FUNCTION"), ANSWER, JOBS, NUDGES},
    "health": {("httpTrigger", "in", "GET health ANONYMOUS"), ANSWER},
    "ready": {("httpTrigger", "in", "GET ready FUNCTION"), ANSWER},
}


def told(binding):
    """A binding by what matters of it: its type, its direction, and where it leads."""
    where = {
        "timerTrigger": binding.get("schedule", ""),
        "httpTrigger": " ".join(
            [*binding.get("methods", ()), binding.get("route", ""), binding.get("authLevel", "")]
        ),
    }.get(binding["type"], binding.get("queueName", ""))
    return binding["type"], binding["direction"].lower(), where


@pytest.mark.skipif(sys.version_info < (3, 13), reason="the worker core needs Python 3.13")
def test_the_worker_finds_exactly_these_functions_so_bound(worker):
    found = {name: {told(one) for one in function.bindings} for name, function in worker.functions.items()}

    assert found == FUNCTIONS


@pytest.mark.skipif(sys.version_info < (3, 13), reason="the worker core needs Python 3.13")
def test_every_queue_is_in_the_apps_own_storage(worker):
    bindings = [one for function in worker.functions.values() for one in function.bindings]
    connections = {one["connection"] for one in bindings if one["type"].startswith("queue")}

    assert connections == {"AzureWebJobsStorage"}


def test_every_schedule_is_ncrontab_and_no_two_start_in_the_same_minute():
    start = datetime(2026, 9, 1, tzinfo=UTC)
    seen: dict[datetime, str] = {}
    for name in (name for name in SAMPLE if name.endswith("_SCHEDULE")):
        schedule = parse(SAMPLE[name])
        moment = schedule.after(start - timedelta(seconds=1))
        while moment < start + timedelta(days=1):
            minute = moment.replace(second=0)
            assert minute not in seen, f"{name} and {seen.get(minute)} both start at {minute}"
            seen[minute] = name
            moment = schedule.after(moment)

    assert len(seen) == 2 * 288 + 24


def test_the_sample_lists_every_setting_that_is_read_and_no_other():
    assert set(SAMPLE) == {*DEFAULTS, *HOST_SETTINGS, *CHANNEL_SECRETS}


def test_every_setting_that_a_binding_names_is_in_the_sample():
    named = set(re.findall(r"%(\w+)%", (ROOT / "function_app.py").read_text(encoding="utf-8")))

    assert named
    assert named <= set(SAMPLE)


def test_what_the_sample_says_of_our_own_settings_is_their_default():
    ours = {name: value for name, value in DEFAULTS.items() if name.startswith("METERWATCH_")}

    assert {name: SAMPLE[name] for name in ours} == ours
