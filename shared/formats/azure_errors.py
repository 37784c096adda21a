"""Azure's refusals in our words: what each means, and one line that says to the person on call what to do.

A line holds what was asked of which scope, what it means with Azure's own code, and the way out:
"Cost Management of /subscriptions/..: no permission yet (403 RBACAccessDenied): assign Cost Management ...".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.faults import SignInFault, SourceFault, Throttled, UnknownMetrics
from shared.core.scopes import subscription_of
from shared.formats.azure_answers import LEAST_WAIT, Reply, Said, quoted, said, wait_of, without_trailer
from shared.formats.azure_meanings import (
    BY_CODE,
    IN_TROUBLE,
    NO_OFFER,
    NO_ROLE,
    NO_SCOPE,
    NOT_REGISTERED,
    ODD,
    REFUSED,
    ROLES,
    TOO_SLOW,
    Api,
    Meaning,
)

_GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_TENANT_ASKED_FOR = re.compile(rf"must match.{{0,80}}?({_GUID})", re.DOTALL)
_UNKNOWN_METRIC = re.compile(r"metric configuration for provider\b.*?\bmetric:\s*([^\s,]+)", re.IGNORECASE)
_VALID_METRICS = re.compile(r"Valid metrics:(.*)", re.IGNORECASE)
_WRONG_DIMENSION = re.compile(r"Metrics?:\s*(\S+) does not support requested dimension", re.IGNORECASE)
# How long to wait where no header says so.
THROTTLED_CODES: Mapping[str, timedelta] = {
    "toomanyrequests": LEAST_WAIT,
    "subscriptionrequeststhrottled": LEAST_WAIT,
    "resourcerequeststhrottled": timedelta(minutes=5),
}
NO_DATA_CODES = ("subscriptionhasnousages",)
GONE_CODES = ("resourcenotfound", "notfound", "parentresourcenotfound", "resourcegroupnotfound")
# Told apart only by their words: Azure gives them the codes NotFound and BadRequest.
_NO_OFFER_WORDS = re.compile(
    r"WebDirect/AIRS offer|data is not supported for subscription|offer \S+ is not supported"
    r"|not have any valid subscriptions",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of Azure. `what` begins the line and names the scope."""

    api: Api
    what: str
    scope: str  # an ARM id, or a workspace's GUID
    names: tuple[str, ...] = ()  # of metrics


def is_empty(reply: Reply) -> bool:
    """Whether the answer is that there is no data, which is no fault."""
    return reply.status == 204 or (
        reply.status >= 400 and any(one.code.lower() in NO_DATA_CODES for one in said(reply))
    )


def is_gone(reply: Reply) -> bool:
    """Whether Azure itself says that a resource is not there; a 404 from anything between says no code."""
    return reply.status == 404 and any(one.code.lower() in GONE_CODES for one in said(reply))


def fault_of(asked: Asked, reply: Reply, now: datetime) -> SourceFault | SignInFault:
    """What a refusal means, to be raised. `now` is for a Retry-After that is a date."""
    errors = said(reply)
    known = _telling(errors)
    if _is_throttled(reply, known):
        return _throttled(asked, reply, known, now)
    if asked.api is Api.METRICS and reply.status == 400 and (names := unknown_metrics(asked, errors)):
        which = ", ".join(name for name in asked.names if name.lower() in names)
        return UnknownMetrics(f"{asked.what}: not known there ({_code(reply, known)}): {which}", names)
    meaning = _meaning(asked, reply, errors, known)
    return meaning.fault(_line(asked, reply, known, meaning))


def _telling(errors: list[Said]) -> Said:
    """The error that says most: one that we know, or else the innermost."""
    whole = [one for one in errors if one.code and one.message]
    return next((one for one in errors if _is_known(one)), (whole or errors)[-1])


def _is_known(one: Said) -> bool:
    return one.code.lower() in BY_CODE or one.code.lower() in THROTTLED_CODES


def _is_throttled(reply: Reply, known: Said) -> bool:
    asks_to_wait = any(name.endswith("retry-after") for name in reply.headers)
    return (
        reply.status in (429, 529)
        or (reply.status == 503 and asks_to_wait)
        or known.code.lower() in THROTTLED_CODES
    )


def _throttled(asked: Asked, reply: Reply, known: Said, now: datetime) -> Throttled:
    wait = wait_of(reply.headers, now, THROTTLED_CODES.get(known.code.lower(), LEAST_WAIT))
    seconds = int(wait.scope.total_seconds())
    text = f"{asked.what}: asked too often ({_code(reply, known)}): left alone for {seconds} s"
    return Throttled(text, wait.scope, wait.everywhere)


def _meaning(asked: Asked, reply: Reply, errors: list[Said], known: Said) -> Meaning:
    if any(_NO_OFFER_WORDS.search(one.message) for one in errors):
        return NO_OFFER
    by_code = BY_CODE.get(known.code.lower())
    if asked.api is Api.METRICS and by_code is None and reply.status == 403:
        return NOT_REGISTERED
    return by_code or _by_status(reply.status)


def _by_status(status: int) -> Meaning:
    if status in (401, 403):
        return NO_ROLE
    if status == 404:
        return NO_SCOPE
    if status == 400:
        return REFUSED
    if status in (408, 504):
        return TOO_SLOW
    return IN_TROUBLE if status >= 500 else ODD


def _line(asked: Asked, reply: Reply, known: Said, meaning: Meaning) -> str:
    subscription = subscription_of(asked.scope)
    role = ROLES[asked.api].format(scope=asked.scope or "what is watched", subscription=_named(subscription))
    do = meaning.do.format(
        role=role, scope=asked.scope, subscription=subscription or "ID", tenant=_tenant(known)
    )
    words = "" if _is_known(known) else quoted(known.message)
    azure = f"; Azure says: {words}" if words else ""
    return f"{asked.what}: {meaning.means} ({_code(reply, known)}): {do}{azure}"


def _named(subscription: str) -> str:
    return f"subscription {subscription}" if subscription else "the subscription"


def _tenant(known: Said) -> str:
    found = _TENANT_ASKED_FOR.search(known.message)
    return found[1] if found else "TENANT"


def _code(reply: Reply, known: Said) -> str:
    code = quoted(known.code, 60)
    return f"{reply.status} {code}" if code and code != str(reply.status) else str(reply.status)


def unknown_metrics(asked: Asked, errors: list[Said]) -> frozenset[str]:
    """The metrics asked for that the region does not know, in lower case; none when it says none of them.

    Azure names one, and all that it does know: the others that are missing need not be asked for in turn.
    """
    ours = {name.lower() for name in asked.names}
    for one in errors:
        words = without_trailer(one.message)
        named = _UNKNOWN_METRIC.search(words) or _WRONG_DIMENSION.search(words)
        if named is None:
            continue
        valid = _VALID_METRICS.search(words)
        known = {name.strip(" .").lower() for name in valid[1].split(",")} if valid else set()
        missing = ours - known if known else ours & {named[1].strip(",.").lower()}
        if missing:
            return frozenset(missing)
    return frozenset()
