"""The health of Azure's services and of single resources: events that themselves say when it is over."""

import html
import re
from typing import Any

from shared.core.model import Detail, Scope
from shared.core.scopes import subscription_of
from shared.core.wording import moment, named
from shared.formats.loose import one_line, opened
from shared.formats.moments import parse_moment
from shared.formats.pushed import Finding, Pushed, first_text, id_of
from shared.formats.pushed_words import known, list_in, rows_of

INCIDENTS = {
    "incident": "Service issue",
    "maintenance": "Planned maintenance",
    "informational": "Health advisory",
    "actionrequired": "Action required",
    "security": "Security advisory",
    "billing": "Billing",
}
OVER = {"resolved", "complete", "completed", "canceled", "cancelled", "rca"}
INLINE = re.compile(r"</?(?:a|b|em|i|span|strong|u)\b[^<>]*>", re.IGNORECASE)
MOST_SERVICES = 5
MOST_REGIONS = 6
MOST_HTML = 4000  # characters that are looked at


def read_service_health(pushed: Pushed) -> Finding:
    """ "Service issue: Virtual Machines - Australia East; Virtual Machines in Australia East"."""
    event = pushed.context
    about = opened(event.get("properties"))
    title = first_text(about.get("defaultlanguagetitle"), about.get("title"))[:160] or pushed.rule
    sort = id_of(about, "incidenttype")
    tracking = one_line(about.get("trackingid"), 80)
    impacted = _impacted(about)
    stage = first_text(about.get("stage"), event.get("status"))[:40]
    return Finding(
        what=f"{INCIDENTS.get(sort, 'Service health')}: {title}{f'; {impacted}' if impacted else ''}",
        why=_plain(about.get("defaultlanguagecontent")) or _plain(about.get("communication")),
        details=known(
            Detail("Stage", stage),
            Detail("Impact from", _time(about.get("impactstarttime"))),
            Detail("Impact until", _time(about.get("impactmitigationtime"))),
            Detail("Tracking id", tracking),
        ),
        identity=f"service health|{tracking.lower()}|{subscription_of(pushed.target)}" if tracking else "",
        over=bool({stage.lower(), id_of(event, "status")} & OVER),
        test=one_line(about.get("issynthetic")).lower() == "true" or about.get("issynthetic") is True,
    )


def read_resource_health(pushed: Pushed) -> Finding:
    """ "vm-1 is Unavailable, was Available"."""
    event = pushed.context
    about = opened(event.get("properties"))
    current, before = (one_line(about.get(f"{when}healthstatus"), 60) for when in ("current", "previous"))
    resource = named(Scope(pushed.target)) if pushed.target else pushed.rule
    over = (
        id_of(event, "status") == "resolved"
        or current.lower() == "available"
        or "/resolved/" in id_of(event, "operationname")
    )
    return Finding(
        what=f"{resource} is {current or 'in another state of health'}{f', was {before}' if before else ''}",
        why=first_text(about.get("details"), about.get("title"))[:400],
        details=known(
            Detail("Title", one_line(about.get("title"), 200) if about.get("details") else ""),
            Detail("Cause", one_line(about.get("cause"), 60)),
            Detail("Type", one_line(about.get("type"), 60)),
        ),
        identity=f"resource health|{pushed.target}" if pushed.target else "",
        over=over,
    )


def _impacted(about: dict[str, Any]) -> str:
    """ "Azure OpenAI in Sweden Central, West Europe"; services come as a list, or as one written as text."""
    services = []
    for one in rows_of(list_in(about.get("impactedservices")))[:MOST_SERVICES]:
        regions = [one_line(region.get("regionname"), 60) for region in rows_of(one.get("impactedregions"))]
        at = ", ".join(filter(None, regions[:MOST_REGIONS]))
        services.append(" in ".join(filter(None, (one_line(one.get("servicename"), 80), at))))
    alone = " in ".join(filter(None, (one_line(about.get(name), 80) for name in ("service", "region"))))
    return "; ".join(filter(None, services)) or alone


def _plain(found: object) -> str:
    """HTML as text. What remains of it is text too, and is escaped wherever it is shown."""
    text = INLINE.sub("", one_line(found, MOST_HTML))
    return one_line(html.unescape(re.sub(r"<[^<>]*>", " ", text)))


def _time(found: object) -> str:
    at = parse_moment(found)
    return moment(at) if at else ""
