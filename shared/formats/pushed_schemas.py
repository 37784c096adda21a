"""The schemas in which Azure pushes alerts, each brought to one form: the common one and those before it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.formats.loose import listed, mapping, one_line, opened
from shared.formats.pushed import (
    MOST_NAME,
    MOST_RULE,
    NAMELESS,
    OVER,
    Pushed,
    fired_at,
    first_text,
    id_of,
    items_of,
    link_of,
    names,
    sensible,
)
from shared.formats.pushed_body import Unreadable
from shared.formats.pushed_words import dimensions, level_of, rows_of, severity_of

ESSENTIALS = {
    "alertid",
    "alertrule",
    "monitoringservice",
    "originalertid",
    "alerttargetids",
    "monitorcondition",
}
LOG_ALERT = {"alertrulename", "searchquery"}
LOG_SERVICE = "Log Alerts V1"
ACTIVITY_LOG = "Activity Log"


@dataclass(frozen=True, slots=True)
class Parts:
    """An object and what lies in it, keys in lower case; empty for what it does not hold."""

    message: dict[str, Any]
    data: dict[str, Any]
    essentials: dict[str, Any]
    context: dict[str, Any]  # of the common schema
    budget: dict[str, Any]  # of the common schema
    older: dict[str, Any]  # the context of the schemas before it


def parts_of(message: dict[str, Any]) -> Parts:
    """The parts of an object, each of them perhaps written as text; `data` may be missing around them."""
    data = opened(message.get("data")) or message
    context = opened(data.get("alertcontext"))
    budget = opened(context.get("alertdata"))
    return Parts(message, data, opened(data.get("essentials")), context, budget, opened(data.get("context")))


def pushed_of(parts: Parts, received_at: datetime) -> Pushed | None:
    """The alert in an object; None for none. Raises Unreadable for one that names nothing."""
    if parts.context or parts.essentials.keys() & ESSENTIALS:
        return _common(parts, received_at)
    if event := opened(parts.older.get("activitylog")):
        return _activity(parts, event, received_at)
    if parts.older:
        return _metric(parts, received_at)
    if parts.data.keys() & LOG_ALERT:
        return _log(parts.data, received_at)
    return None


def _common(parts: Parts, received_at: datetime) -> Pushed:
    essentials, context = parts.essentials, parts.context
    identity = id_of(essentials, "alertid") or id_of(essentials, "originalertid")
    targets = names(essentials.get("alerttargetids")) or _targets_in(context) or _holder(identity)
    service = one_line(essentials.get("monitoringservice"), MOST_NAME)
    rule = one_line(essentials.get("alertrule"), MOST_RULE)
    labels, properties = opened(context.get("labels")), opened(context.get("properties"))
    return Pushed(
        service=service,
        signal=id_of(essentials, "signaltype"),
        identity=identity,
        rule=rule or one_line(labels.get("alertname"), MOST_RULE) or service or NAMELESS,
        target=_target(targets),
        severity=severity_of(
            essentials.get("severity"),
            context.get("severitydescription"),
            labels.get("severity"),
            properties.get("severity"),
            level_of(context.get("level")),
        ),
        over=id_of(essentials, "monitorcondition") in OVER,
        fired=fired_at(essentials, received_at),
        ended=sensible(essentials.get("resolveddatetime"), received_at),
        description=one_line(essentials.get("description")),
        context=context,
        link=link_of(essentials.get("investigationlink")),
        targets=len(targets),
        items=items_of(essentials.get("configurationitems")),
        custom=opened(parts.data.get("customproperties")) or _added(properties, context),
    )


def _added(properties: Mapping[str, Any], context: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a metric or log rule's owner added; of an event, properties are the event itself."""
    return properties if "conditiontype" in context else {}


def _targets_in(context: Mapping[str, Any]) -> tuple[str, ...]:
    """What an alert is of, where its essentials do not say."""
    scope = opened(context.get("authorization")).get("scope")
    sources = rows_of(opened(context.get("searchresults")).get("datasources"))
    found = (context.get("resourceid"), scope, *(source.get("resourceid") for source in sources[:1]))
    return names(first_text(*found))


def _holder(identity: str) -> tuple[str, ...]:
    """The subscription or resource group of an alert, by its ARM id."""
    scope, provider, _ = identity.partition("/providers/")
    return (scope,) if provider and scope.startswith("/subscriptions/") else ()


def _target(targets: tuple[str, ...]) -> str:
    return targets[0].lower().rstrip("/") if targets else ""


def _activity(parts: Parts, event: dict[str, Any], received_at: datetime) -> Pushed:
    """An event of the activity log; its schema names no rule."""
    properties = opened(event.get("properties"))
    operation = one_line(event.get("operationname"), MOST_RULE)
    subscription = id_of(event, "subscriptionid")
    target = first_text(
        event.get("resourceid"),
        opened(event.get("authorization")).get("scope"),
        f"/subscriptions/{subscription}" if subscription else "",
    )
    if not operation and not target:
        raise Unreadable("a JSON object with an event that names no operation and no resource")
    source = one_line(event.get("eventsource"), MOST_NAME)
    return Pushed(
        service=f"{ACTIVITY_LOG} - {source}" if source else ACTIVITY_LOG,
        signal=ACTIVITY_LOG.lower(),
        identity=id_of(event, "eventdataid"),
        rule=one_line(parts.older.get("name"), MOST_RULE) or operation or "Activity log",
        target=_target((target,)),
        severity=severity_of(properties.get("severity"), level_of(event.get("level"))),
        over=id_of(parts.data, "status") in OVER,
        fired=sensible(event.get("eventtimestamp"), received_at),
        ended=received_at,
        description=one_line(event.get("description")),
        context=event,
        custom=opened(parts.data.get("properties")),
    )


def _metric(parts: Parts, received_at: datetime) -> Pushed:
    """A metric alert of before the common schema; classic ones have no schemaId and no data around them."""
    context = parts.older
    if not context.keys() & {"name", "resourceid", "id"}:
        raise Unreadable("a JSON object with a context that names no rule and no resource")
    target = _target(names(first_text(context.get("resourceid"))))
    # The id is the rule's: an alert is one of its resource, and of each part by which the metric is split.
    split = [
        dimensions(mapping(one).get("dimensions"))
        for one in listed(opened(context.get("condition")).get("allof"))
    ]
    identity = "|".join(filter(None, (id_of(context, "id"), target, *split))).lower()
    return Pushed(
        service=first_text(parts.message.get("schemaid"))[:MOST_NAME],
        signal="metric",
        identity=identity,
        rule=one_line(context.get("name"), MOST_RULE) or "Metric alert",
        target=target,
        severity=severity_of(context.get("severity")),
        over=id_of(parts.data, "status") in OVER,
        fired=sensible(context.get("timestamp"), received_at),
        ended=sensible(context.get("timestamp"), received_at),
        description=one_line(context.get("description")),
        context=context,
        link=link_of(context.get("portallink")),
        custom=opened(parts.data.get("properties")),
    )


def _log(data: dict[str, Any], received_at: datetime) -> Pushed:
    """A log alert of before the common schema: flat, often with nothing around it, never said to be over."""
    target = _target(_targets_in({**data, "searchresults": data.get("searchresult")}))
    subscription = id_of(data, "subscriptionid")
    rule = one_line(data.get("alertrulename"), MOST_RULE) or LOG_SERVICE
    return Pushed(
        service=LOG_SERVICE,
        signal="log",
        identity=f"{rule}|{target or subscription}|{dimensions(data.get('dimensions'))}".lower(),
        rule=rule,
        target=target or (f"/subscriptions/{subscription}" if subscription else ""),
        severity=severity_of(data.get("severity")),
        over=False,
        fired=sensible(data.get("searchintervalendtimeutc"), received_at),
        ended=received_at,
        description=one_line(data.get("description")),
        context=data,
        items=items_of(data.get("affectedconfigurationitems")),
    )
