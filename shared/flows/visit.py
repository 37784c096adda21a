"""A person who follows a link from a card: looking shows, and only the form on the page acts.

Chats fetch links to preview them, so a GET never changes anything.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.core.acts import EXPECTED_FOR, SPANS, Wish
from shared.core.faults import Conflict, StoreAway
from shared.core.model import Act, Incident
from shared.flows.intake import Reply
from shared.flows.ports import Ports
from shared.flows.respond import find, is_used, meant_by, respond
from shared.formats.links import Ticket, unsealed
from shared.formats.loose import one_line
from shared.formats.pages import MOST_NAME, MOST_WHY, Question, confirm, read_form, say

USED = "This link was used. Nothing was changed now; a newer card has new links."


@dataclass(frozen=True, slots=True)
class Visit:
    """A request to the page of links, as it came."""

    posted: bool  # False only looks
    token: str  # of the address
    body: bytes = b""
    principal: str = ""  # who the platform says it is; "" where it does not


def visit(ports: Ports, visit: Visit, now: datetime) -> Reply:
    """A page: 200; 401 for a link that is not ours or has expired; 409 for one that was used, or comes late.

    Only a 200 to a POST has changed anything.
    """
    try:
        return _answered(ports, visit, now)
    except (StoreAway, Conflict) as away:
        ports.log({"event": "respond", "outcome": 503, "error": str(away)})
        return Reply(503, say("Not now", ["The store cannot be reached. Try again: nothing is done twice."]))


def _answered(ports: Ports, visit: Visit, now: datetime) -> Reply:
    if ports.links is None:
        return Reply(404, say("No such page", ["This app hands out no links to act by."]))
    form = read_form(visit.body) if visit.posted else {}
    token = form.get("t", "") if visit.posted else visit.token
    ticket = unsealed(token, ports.links.key, now)
    if isinstance(ticket, str):
        ports.log({"event": "respond", "outcome": 401, "why": ticket})
        return Reply(401, say("Not this link", [f"{ticket[:1].upper()}{ticket[1:]}. Nothing was changed."]))
    incidents = _incidents(ports, ticket)
    still = [one for one in incidents if one.open]
    if not still:
        words = ["It is over, so there is nothing to do. Nothing was changed."]
        return Reply(409 if visit.posted else 200, say("Nothing to do", words, incidents))
    if all(is_used(ports, ticket.nonce, one.id) for one in still):
        return Reply(409, say("Used", [USED], incidents))
    who = one_line(visit.principal, MOST_NAME) if ports.signs_in else ""
    question = Question(ticket.act, token, incidents, who)
    if not visit.posted:
        return Reply(200, confirm(question))
    by = who or one_line(form.get("who", ""), MOST_NAME)
    if not by:
        missing = "Say who you are: it is recorded with what you do."
        return Reply(400, confirm(Question(ticket.act, token, incidents, wrong=missing)))
    return _done(ports, ticket, _wish(ticket, form, by, bool(who)), now)


def _incidents(ports: Ports, ticket: Ticket) -> list[Incident]:
    """What a link is about, as it stands now."""
    found = (find(ports, one)[0] for one in meant_by(ports, ticket.subject))
    return [one for one in found if one is not None]


def _wish(ticket: Ticket, form: dict[str, str], by: str, is_proven: bool) -> Wish:
    spans = {str(int(span.total_seconds()) // 60): span for span in SPANS}
    span = spans.get(form.get("minutes", ""), SPANS[0]) if ticket.act is Act.SILENCE else EXPECTED_FOR
    road = f"by a link in {ticket.channel}" + ("" if is_proven else ", the name as it was typed")
    why = one_line(form.get("why", ""), MOST_WHY)
    return Wish(ticket.act, by, f"{why} ({road})" if why else road, span)


def _done(ports: Ports, ticket: Ticket, wish: Wish, now: datetime) -> Reply:
    responses = [
        respond(ports, incident, wish, now, ticket.nonce) for incident in meant_by(ports, ticket.subject)
    ]
    nudges = tuple(dict.fromkeys(nudge for one in responses for nudge in one.nudges))
    incidents = _incidents(ports, ticket)
    words = list(dict.fromkeys(one.words for one in responses))
    if not any(one.done for one in responses):
        return Reply(409, say("Nothing to do", [*words, "Nothing was changed."], incidents))
    return Reply(
        200, say("Done", [*words, "The channels are told. You can close this page."], incidents), nudges
    )
