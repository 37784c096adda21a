"""A button that somebody pressed in Slack, which waits at most three seconds for an answer."""

from collections.abc import Mapping
from datetime import datetime

from shared.core.acts import EXPECTED_FOR, Wish
from shared.core.faults import Conflict, StoreAway
from shared.flows.intake import Reply
from shared.flows.ports import Ports
from shared.flows.respond import meant_by, respond
from shared.formats.slack_buttons import Press, parse


def take_press(ports: Ports, body: bytes, headers: Mapping[str, str], now: datetime) -> Reply:
    """200 when it was Slack that posted, whatever comes of it; 401 when it was not.

    503 when nothing could be written: Slack shows the person that it failed. Slack may post a press
    twice; the second time nothing is changed.
    """
    if ports.slack_signed is None:
        return Reply(404, "no Slack channel is interactive")
    if not ports.slack_signed(body, headers, now):
        ports.log({"event": "slack action", "outcome": 401})
        return Reply(401, "not signed by Slack")
    presses, odd = parse(body)
    for name in odd:
        ports.log({"event": "slack action", "outcome": "ignored", "action": name})
    try:
        nudges = [nudge for press in presses for nudge in _done(ports, press, now)]
    except (StoreAway, Conflict) as away:
        ports.log({"event": "slack action", "outcome": 503, "error": str(away)})
        return Reply(503, "the store is away; press it again")
    return Reply(200, "", tuple(dict.fromkeys(nudges)))


def _done(ports: Ports, press: Press, now: datetime) -> list[str]:
    wish = Wish(press.act, press.by, "by a button in Slack", press.span or EXPECTED_FOR)
    nudges: list[str] = []
    for incident in meant_by(ports, press.subject):
        response = respond(ports, incident, wish, now, press.once)
        nudges += response.nudges
        if not response.done:
            ports.log(
                {"event": "slack action", "outcome": "nothing to do", "action": press.act}
                | {"incident": incident, "by": press.by, "why": response.words}
            )
    return nudges
