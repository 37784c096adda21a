"""What a message offers its readers to do: buttons that the channel posts back to us, else signed links."""

from shared.core.model import Act, Notification, Offer, Reason, State
from shared.flows.ports import Ports
from shared.formats.links import LASTS, Ticket, link_to


def offers(ports: Ports, notification: Notification) -> tuple[Offer, ...]:
    """The acts on what is open in a message; none when all of it is over, or nobody could press them."""
    still = [one for one in notification.incidents if one.open]
    entry = ports.watch.channel(notification.channel)
    if not still or entry is None or notification.reason is Reason.SUMMARY:
        return ()
    subject = _subject(notification)
    waiting = any(one.state is State.TRIGGERED for one in still)
    acts = [act for act in Act if act is not Act.ACKNOWLEDGE or waiting]
    if entry.interactive:
        return tuple(Offer(act, subject) for act in acts)
    return tuple(Offer(act, subject, link) for act in acts if (link := _link(ports, act, notification)))


def _subject(notification: Notification) -> str:
    if len(notification.incidents) == 1:
        return notification.incident.id
    return f"{notification.address.nudge}|{notification.thread}"


def _link(ports: Ports, act: Act, notification: Notification) -> str:
    if ports.links is None:
        return ""
    expires = notification.at + LASTS
    ticket = Ticket(act, _subject(notification), notification.channel, expires, ports.new_id())
    return link_to(ports.links, ticket)
