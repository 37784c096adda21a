"""Draws the body of a recorded chat message as HTML, as Teams and Slack would show it.

A body is whatever was posted. Every text is escaped, links stay links only for http(s), no picture is
loaded, and what is not understood becomes a grey box that names its type. No JSON makes this raise.
"""

from typing import Any

from sim.drawing.parts import node, unknown
from sim.drawing.slack import slack
from sim.drawing.teams import teams


def drawn(kind: str, body: Any) -> str:
    """The body as HTML. `kind` "teams" is a Workflows envelope; every other kind is Slack's JSON."""
    try:
        return teams(node(body)) if kind == "teams" else slack(node(body))
    except RecursionError:
        return unknown("message nested too deeply")
