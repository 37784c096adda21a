"""What goes wrong in the estate, and when: the truth that a replay is measured against."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

LOOP_FACTOR = 8.0  # tokens, against what the deployment would have used
LEAK_A_DAY = 1.06
OUTAGE_SHARE = 0.92  # of requests that are answered 503


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happens, from `start` (inside) to `end` (outside).

    `what` is "account/deployment", an account, or a budget's name; `kind` is one of the names below.
    """

    kind: str
    what: str
    start: datetime
    end: datetime
    words: str


LOOP = "runaway loop"
LEAK = "slow leak"
NEW_MODEL = "new model"
OUTAGE = "outage"
PTU_FULL = "PTU over its limit"
BUDGET_PACE = "budget pace"
BUDGET_CROSSED = "budget crossed"
BUDGET_WEBHOOK = "budget webhook"


def planned(live: datetime, end: datetime) -> tuple[Incident, ...]:
    """The incidents that are made to happen, in order of their start; only those that start before `end`.

    `live` is a Monday at midnight UTC, the end of the quiet days.
    """
    at = partial(moment, live)
    story = (
        Incident(
            LEAK,
            "aif-Agents-SWC/agents-main",
            at(2),
            end,
            "agents-main grows 6 % a day: prompts carry more history every day.",
        ),
        Incident(
            LOOP,
            "aif-Agents-SWC/agents-reason",
            at(3, 19),
            at(4, 4),
            "An agent of agents-reason calls itself in a loop: eight times its tokens for nine hours.",
        ),
        Incident(
            NEW_MODEL,
            "aif-Agents-SWC/agents-next",
            at(4, 9),
            end,
            "agents-next (gpt-5.4) is deployed and taken into use; nobody has seen the model here before.",
        ),
        Incident(
            OUTAGE,
            "aif-Hub-WEU",
            at(8, 13, 10),
            at(8, 14, 25),
            "aif-Hub-WEU answers nearly every request with 503 for 75 minutes.",
        ),
        Incident(
            PTU_FULL,
            "aoai-Search-EUS2/search-ptu",
            at(9, 14),
            at(9, 16),
            "search-ptu is used above 95 % of its PTU for two hours and turns callers away with 429.",
        ),
    )
    return tuple(incident for incident in story if incident.start < end)


def moment(live: datetime, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return live + timedelta(days=day, hours=hour, minutes=minute)
