"""What an action group posts, as our alerts: parsed by its content, whatever its header says.

Each kind of alert has a reader, found by what stands in the alert, by the service that found it, or by its
signal. A kind that nobody knows becomes an alert in general words. docs/webhook.md lists them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.model import Alert
from shared.formats.loose import one_line
from shared.formats.pushed import Finding, Pushed, alert_of, id_of
from shared.formats.pushed_activity import read_activity
from shared.formats.pushed_body import Unreadable, message_of, messages
from shared.formats.pushed_budget import common_budget, native_budget
from shared.formats.pushed_health import read_resource_health, read_service_health
from shared.formats.pushed_log import read_log, read_old_log
from shared.formats.pushed_metric import read_metric
from shared.formats.pushed_other import read_any, read_prometheus, read_smart
from shared.formats.pushed_schemas import parts_of, pushed_of

NATIVE_BUDGET = "aip budget notification"  # the schemaId
DAY = timedelta(hours=24)  # how long an event matters, that nobody will say is over
WEEKEND = timedelta(hours=72)  # the same where somebody may say so, but often nobody does


@dataclass(frozen=True, slots=True)
class AlertKind:
    """A kind of alert: its name for people, its reader, how long one matters (None: until it is over)."""

    words: str
    read: Callable[[Pushed], Finding]
    lasts: timedelta | None


METRIC = AlertKind("Metric alert", read_metric, None)
LOG = AlertKind("Log alert", read_log, WEEKEND)
ROW_LOG = AlertKind("Log alert for each row", read_log, DAY)
OLD_LOG = AlertKind("Log alert", read_old_log, DAY)
ACTIVITY = AlertKind("Activity log", read_activity, DAY)
SERVICE_HEALTH = AlertKind("Service health", read_service_health, WEEKEND)
RESOURCE_HEALTH = AlertKind("Resource health", read_resource_health, WEEKEND)
SMART = AlertKind("Smart detection", read_smart, WEEKEND)
PROMETHEUS = AlertKind("Prometheus rule", read_prometheus, None)
OTHER = AlertKind("Azure alert", read_any, WEEKEND)

# What only alerts of one kind hold; Azure has named the service of these in several ways.
CONTENTS = {"searchquery": OLD_LOG, "detectionsummary": SMART, "expression": PROMETHEUS}
# monitoringService, or the source of an event in the older schemas; letters and digits alone.
SERVICES = {
    "platform": METRIC,
    "azuremonitormetricalert": METRIC,
    "logalertsv2": LOG,
    "logalertsv1": OLD_LOG,
    "loganalytics": OLD_LOG,
    "applicationinsights": OLD_LOG,
    "simplelogalert": ROW_LOG,
    "activitylogservicehealth": SERVICE_HEALTH,
    "servicehealth": SERVICE_HEALTH,
    "activitylogresourcehealth": RESOURCE_HEALTH,
    "resourcehealth": RESOURCE_HEALTH,
    "activitylogadministrative": ACTIVITY,
    "activitylogpolicy": ACTIVITY,
    "activitylogautoscale": ACTIVITY,
    "activitylogsecurity": ACTIVITY,
    "activitylogrecommendation": ACTIVITY,
    "smartdetector": SMART,
    "prometheus": PROMETHEUS,
}
CONDITIONS = {
    "logquerycriteria": LOG,
    "singleresourcemultiplemetriccriteria": METRIC,
    "multipleresourcemultiplemetriccriteria": METRIC,
    "dynamicthresholdcriteria": METRIC,
    "webtestlocationavailabilitycriteria": METRIC,
}
SIGNALS = {"metric": METRIC, "log": LOG}  # of what has a condition


def parse(body: bytes, received_at: datetime) -> Alert:
    """The alert in a body that holds one; raises Unreadable, and nothing else, for any other bytes."""
    found = messages(body)
    if len(found) != 1:
        raise Unreadable(f"a list of {len(found)} alerts; expected one")
    return read(found[0], received_at)


def parse_all(body: bytes, received_at: datetime) -> list[Alert | Unreadable]:
    """Each alert in a body, or why it is none, in the order in which they stand there; never empty."""
    try:
        found = messages(body)
    except Unreadable as why:
        return [why]
    return [_read_or_why(one, received_at) for one in found]


def read(found: object, received_at: datetime) -> Alert:
    """The alert that a JSON value is; raises Unreadable for any other."""
    parts = parts_of(message_of(found))
    if parts.budget.keys() & {"budgetname", "budgetid"}:
        return common_budget(parts.essentials, parts.budget, received_at)
    if "budgetname" in parts.data or id_of(parts.message, "schemaid") == NATIVE_BUDGET:
        return native_budget(parts.data, received_at)
    pushed = pushed_of(parts, received_at)
    if pushed is None:
        keys = ", ".join(one_line(key, 40) for key in sorted(parts.message)[:8])
        raise Unreadable(f"a JSON object with the keys {keys or '(none)'}; expected an Azure alert with data")
    kind = kind_of(pushed)
    return alert_of(pushed, kind.read(pushed), kind.words, kind.lasts)


def kind_of(pushed: Pushed) -> AlertKind:
    """Which kind an alert is; OTHER for one that nobody knows."""
    context = pushed.context
    for name, kind in CONTENTS.items():
        if name in context:
            return kind
    source = f"activitylog{_letters(one_line(context.get('eventsource'), 40))}"
    return (
        SERVICES.get(_letters(pushed.service))
        or CONDITIONS.get(id_of(context, "conditiontype"))
        or SERVICES.get(source)
        or (ACTIVITY if "operationname" in context else None)
        or (SIGNALS.get(_letters(pushed.signal), METRIC) if "condition" in context else None)
        or OTHER
    )


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _read_or_why(found: object, received_at: datetime) -> Alert | Unreadable:
    try:
        return read(found, received_at)
    except Unreadable as why:
        return why
