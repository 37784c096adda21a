"""The kinds of channel. A new one is a module with two functions, and a row here."""

from collections.abc import Mapping
from types import MappingProxyType

from shared.formats.apprise import APPRISE
from shared.formats.channel import Channel
from shared.formats.slack import SLACK, SLACK_WEBHOOK
from shared.formats.teams import TEAMS
from shared.formats.webhook import WEBHOOK

KINDS: Mapping[str, Channel] = MappingProxyType(
    {
        "slack": SLACK,  # by bot token: edits in place, threads
        "slack webhook": SLACK_WEBHOOK,
        "teams": TEAMS,  # by Workflows webhook
        "webhook": WEBHOOK,  # signed JSON, for a program
        "apprise": APPRISE,  # any of its services
    }
)
