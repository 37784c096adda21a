"""The nouns of Meterwatch, one meaning each.

Values are frozen. Money and quantities are Decimal, times are aware UTC, periods are half-open
(start inside, end outside) so that they tile. A value that is not known is None or absent, never zero.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum


class Severity(IntEnum):
    """How soon a person must look. Ordered, so that "worse" is ">"."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with its unit: an ISO 4217 currency code, or "tokens", "requests", "calls", "percent", "ms"."""

    value: Decimal
    unit: str


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """What usage or spend belongs to.

    `resource` is an ARM id in lower case without a trailing slash; "" is everything that is watched.
    `part` is what lies below it: a deployment's name, the name of a billing meter, or a gateway's consumer
    (see `consumers`); "" is the whole.
    """

    resource: str
    part: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Meter:
    """What is counted, in which unit; see the names below."""

    name: str
    unit: str


# Of a deployment, in each five minutes.
TOKENS_IN = Meter("tokens in", "tokens")
TOKENS_OUT = Meter("tokens out", "tokens")
ACTIVE_TOKENS = Meter("active tokens", "tokens")  # in and out without what the cache gave; PTU only
# A request is ok, throttled or failed. What was refused as the caller's own mistake is ok too, since it says
# nothing about the service, and is counted once more by itself.
REQUESTS_OK = Meter("requests ok", "requests")
REQUESTS_THROTTLED = Meter("requests throttled", "requests")
REQUESTS_FAILED = Meter("requests failed", "requests")
REQUESTS_REFUSED = Meter("requests refused", "requests")
THROTTLED_SHARE = Meter("throttled share", "percent")
FAILED_SHARE = Meter("failed share", "percent")
PTU_UTILISATION = Meter("PTU utilisation", "percent")
CACHE_MATCH_RATE = Meter("cache match rate", "percent")  # of the input tokens; PTU only
LATENCY = Meter("latency", "ms")  # to the last byte
TIME_TO_RESPONSE = Meter("time to response", "ms")
TIME_TO_FIRST_TOKEN = Meter("time to first token", "ms")  # normalised by the length of the prompt
TIME_BETWEEN_TOKENS = Meter("time between tokens", "ms")
TOKENS_PER_SECOND = Meter("tokens per second", "tokens/s")
# Of a deployment, in each hour.
TOKENS_TOTAL = Meter("tokens total", "tokens")  # Azure's own sum of in and out: never add it to them
AUDIO_TOKENS_IN = Meter("audio tokens in", "tokens")
AUDIO_TOKENS_OUT = Meter("audio tokens out", "tokens")
CACHE_READS = Meter("cache reads", "tokens")
CACHE_WRITES_5M = Meter("cache writes 5m", "tokens")  # kept for five minutes
CACHE_WRITES_1H = Meter("cache writes 1h", "tokens")  # kept for an hour
FINE_TUNING_HOURS = Meter("fine-tuning hours", "hours")
REALTIME_SECONDS = Meter("realtime seconds", "s")
IMAGES = Meter("images", "images")
PAGES = Meter("pages", "pages")
ANNOTATED_PAGES = Meter("annotated pages", "pages")
# Of an agent in a Foundry project, in each hour. Its deployments count the same tokens once more.
AGENT_TOKENS_IN = Meter("agent tokens in", "tokens")
AGENT_TOKENS_OUT = Meter("agent tokens out", "tokens")
# Of a gateway's consumer, in each five minutes. Its deployments count the same tokens once more.
CONSUMER_TOKENS_IN = Meter("consumer tokens in", "tokens")
CONSUMER_TOKENS_OUT = Meter("consumer tokens out", "tokens")
CONSUMER_CALLS = Meter("consumer calls", "calls")
COST = "cost"  # the meter's name; its unit is the currency of the bill


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open: `start` is inside, `end` is not."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one meter for one scope and period."""

    scope: Scope
    meter: Meter
    start: datetime  # inclusive
    end: datetime  # exclusive
    value: Decimal  # in the meter's unit
    as_of: datetime  # when the source said so; cost is revised for days


@dataclass(frozen=True, slots=True)
class Deployment:
    """A model deployed in an AI account, as Azure lists it."""

    name: str
    model: str
    version: str
    sku: str


@dataclass(frozen=True, slots=True)
class Account:
    """An AI account (Microsoft.CognitiveServices/accounts) and what is deployed in it."""

    id: str  # ARM id, lower case
    region: str
    kind: str  # "OpenAI", "AIServices", ...
    owner: str = ""  # from its tags, else from its resource group's; "" is not known
    deployments: tuple[Deployment, ...] = ()
    projects: tuple[str, ...] = ()  # ARM ids of its Foundry projects, lower case


class Basis(StrEnum):
    """What a budget threshold is compared with."""

    ACTUAL = "actual"
    FORECAST = "forecast"


class Grain(StrEnum):
    """The period over which a budget's amount holds, by the UTC calendar."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A percent of a budget's amount at which somebody is told."""

    percent: Decimal
    basis: Basis = Basis.ACTUAL

    @property
    def step(self) -> str:
        """Its name in incidents, the same whoever found the crossing: "actual 80"."""
        return f"{self.basis} {self.percent.normalize():f}"


@dataclass(frozen=True, slots=True)
class Budget:
    """An amount of money per grain for a scope."""

    name: str
    scope: str  # ARM id of a subscription or resource group, lower case; "" is everything watched
    amount: Quantity
    grain: Grain
    thresholds: tuple[Threshold, ...]
    begins: int = 1  # the month from which years and quarters count; 1 is January


@dataclass(frozen=True, slots=True)
class Limit:
    """A meter above a value for a time."""

    name: str
    meter: str  # the name of a Meter
    above: Decimal  # in the meter's unit
    hold: timedelta  # every reading of this long must be above, or below to recover
    severity: Severity
    scope: str = ""  # ARM id prefix in lower case; "" is everything watched


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How far from usual a series must be to be told, and how much of it must be at stake."""

    score: float = 6.0  # multiples of the series' own usual deviation
    least_tokens: float = 50_000.0  # in an hour; smaller differences are nobody's concern


class Kind(StrEnum):
    """What sort of finding an alert is."""

    BUDGET = "budget"
    LIMIT = "limit"
    ANOMALY = "anomaly"
    NEWCOMER = "newcomer"
    FRESHNESS = "freshness"
    AZURE = "azure"  # told to us by Azure, of a kind we only pass on
    DELIVERY = "delivery"  # Meterwatch could not tell somebody something


@dataclass(frozen=True, slots=True)
class Detail:
    """A line of evidence under an alert."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Alert:
    """ "This holds now", or no longer holds, for one key; with its evidence."""

    key: str  # identity: the rule and what it is about, never thresholds, amounts or text
    kind: Kind
    rule: str  # the rule's name
    scope: Scope
    firing: bool  # False says that it no longer holds
    severity: Severity
    what: str  # one sentence for a phone: what, how much, against what
    since: datetime  # when it began to hold, or stopped
    at: datetime  # the moment of the newest evidence
    as_of: datetime | None = None  # up to when the data reaches; None where the source does not say
    seen: Quantity | None = None
    against: Quantity | None = None  # the budget, limit or usual value that `seen` is compared with
    why: str = ""  # the reason of a recovery, or what a breach means
    details: tuple[Detail, ...] = ()
    steps: tuple[str, ...] = ()  # for budgets: the steps crossed so far; a new one is told
    period: Period | None = None  # for budgets: that in which each step is told once
    owner: str = ""
    link: str = ""  # https, for a person to open; "" is none
    source: str = "Meterwatch"  # who found it
    ends: datetime | None = None  # when it stops to matter, where nobody will say so; None is never
    test: bool = False  # somebody tried the road; nothing holds


class State(StrEnum):
    """Where an incident stands."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Reason(StrEnum):
    """Why to tell a channel now, or why not."""

    OPENED = "opened"
    WORSENED = "worsened"
    REPEAT_DUE = "repeat due"
    RESOLVED = "resolved"
    TEST = "test"
    NOTHING_NEW = "nothing new"


@dataclass(frozen=True, slots=True)
class Told:
    """The newest notification queued or delivered to a channel in this episode."""

    sequence: int  # 1 is the first of the episode
    at: datetime
    severity: Severity
    steps: tuple[str, ...]
    firing: bool


@dataclass(frozen=True, slots=True)
class Incident:
    """The life of one alert key: one episode from its first firing to its recovery."""

    id: str  # short, for people; differs for each episode
    state: State
    opened_at: datetime
    alert: Alert  # the newest evidence
    transitions: int = 0  # how many changes this episode has seen so far
    resolved_at: datetime | None = None
    told: dict[str, Told] = field(default_factory=dict)  # by channel name
    confirmed_by: tuple[str, ...] = ()  # other sources that found the same

    @property
    def open(self) -> bool:
        return self.state is not State.RESOLVED


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of an incident; never rewritten."""

    incident: str
    number: int  # 1 is the opening
    at: datetime  # when Meterwatch decided
    change: str  # "opened", "worsened", "confirmed", "resolved", "tested"
    why: str
    steps: tuple[str, ...] = ()  # of a budget: those that were crossed with it


@dataclass(frozen=True, slots=True)
class Notification:
    """One telling of an incident to one channel: a row of the outbox until it is settled."""

    incident: Incident  # as it stood when this was queued
    channel: str
    sequence: int
    reason: Reason
    queued_at: datetime
    attempts: int = 0
    next_attempt: datetime | None = None  # None is at once
    claimed_by: str = ""  # who holds the lease
    claimed_until: datetime | None = None
    may_repeat: bool = False  # an earlier attempt may have arrived
    last_error: str = ""

    @property
    def id(self) -> str:
        return f"{self.incident.id}|{self.channel}|{self.sequence:06d}"


@dataclass(frozen=True, slots=True)
class Delivered:
    """The channel has it. `confirmed` False: accepted for later, which is all that Teams says."""

    confirmed: bool = True
    receipt: str = ""  # what the channel needs to change this message later


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Not now. `after` None leaves the wait to us."""

    why: str
    after: timedelta | None = None
    unsure: bool = False  # it may have arrived all the same


@dataclass(frozen=True, slots=True)
class Refused:
    """Never, as it stands: a person has to mend something."""

    why: str
    gone: bool = False  # the message to be edited is no longer there; a new one may do


Outcome = Delivered | RetryLater | Refused
