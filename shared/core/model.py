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
    tags: dict[str, str] = field(default_factory=dict)  # names in lower case


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
    clear: Decimal | None = None  # recovered only at or below it; None is `above` itself


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
    tags: dict[str, str] = field(default_factory=dict)  # of the resource, names in lower case
    link: str = ""  # https, for a person to open; "" is none
    source: str = "Meterwatch"  # who found it
    ends: datetime | None = None  # when it stops to matter, where nobody will say so; None is never
    test: bool = False  # somebody tried the road; nothing holds


class State(StrEnum):
    """Where an incident stands."""

    PENDING = "pending"  # it holds, but not yet for long enough to be told
    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Reason(StrEnum):
    """Why to tell a channel now, or why not."""

    OPENED = "opened"
    JOINED = "joined"  # another incident of the same group
    WORSENED = "worsened"
    ESCALATED = "escalated"  # nobody has acknowledged it in time
    REPEAT_DUE = "repeat due"
    STILL_FIRING = "still firing"  # a silence or an inhibition has ended
    RESOLVED = "resolved"
    SUMMARY = "summary"  # more than the channel may be told one by one
    LATE = "late"  # it opened and ended before it could be told
    CHANGED = "changed"  # nothing to interrupt anybody for; shown where a message can be edited
    TEST = "test"
    DIGEST = "digest"
    NOTHING_NEW = "nothing new"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A channel, and the group of alerts that are told there together."""

    channel: str
    group: str

    @property
    def nudge(self) -> str:
        """What a queue message says: whose waiting rows to tell."""
        return f"{self.channel}|{self.group}"


@dataclass(frozen=True, slots=True)
class Told:
    """What a channel knows of one incident."""

    at: datetime
    severity: Severity
    steps: tuple[str, ...]
    state: State
    times: int = 1  # how often it interrupted somebody
    muted: bool = False  # silenced when it was told last: if it still fires when that ends, it is told


@dataclass(frozen=True, slots=True)
class Incident:
    """The life of one alert key: one episode from its first firing to its recovery."""

    id: str  # short, for people; differs for each episode
    state: State
    opened_at: datetime
    alert: Alert  # the newest evidence
    transitions: int = 0  # how many changes this episode has seen so far
    resolved_at: datetime | None = None
    confirmed_by: tuple[str, ...] = ()  # other sources that found the same
    addresses: tuple[Address, ...] = ()  # where it was to be told; they hear its end too
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    note: str = ""  # in words, what a person last did about it that leaves its state as it is
    flips: tuple[datetime, ...] = ()  # when it fired again soon after it was over, newest last
    samples: int = 0  # fresh readings in a row that said the same, while pending
    clear_since: datetime | None = None  # it no longer holds since then, but is kept for a while

    @property
    def open(self) -> bool:
        """Whether it is to be told: pending is not yet, resolved is no more."""
        return self.state in (State.TRIGGERED, State.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of an incident; never rewritten."""

    incident: str
    number: int  # 1 is the opening
    at: datetime  # when Meterwatch decided
    change: str  # "opened", "worsened", "confirmed", "acknowledged", "flapping", "resolved", "tested", ...
    why: str
    steps: tuple[str, ...] = ()  # of a budget: those that were crossed with it
    by: str = ""  # the person who did it; "" is Meterwatch
    seen: Quantity | None = None  # the evidence of that moment
    against: Quantity | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something of an incident that an address may have to be told: a row until it was."""

    address: Address
    incident: str  # its id
    incident_key: str  # the key of its row
    number: int  # of the transition
    since: datetime
    reason: Reason  # OPENED, ESCALATED, ...: why it was put here; what to say is decided when it is said


@dataclass(frozen=True, slots=True)
class Thread:
    """A living message: what one address was told of incidents that began together.

    Where messages can be edited it is one message with its history under it.
    """

    number: int
    began_at: datetime
    told_at: datetime
    told: dict[str, Told]  # by incident
    receipt: str = ""  # what the channel needs to change the message; "" where it cannot


@dataclass(frozen=True, slots=True)
class Conversation:
    """All that an address was told, and who is telling it now."""

    address: Address
    sequence: int = 0  # messages so far
    threads: tuple[Thread, ...] = ()  # those with an incident that is not over, oldest first
    keys: dict[str, str] = field(default_factory=dict)  # the row of each incident in `threads`
    claimed_by: str = ""
    claimed_until: datetime | None = None
    attempts: int = 0  # of the message that is being told now
    next_attempt: datetime | None = None  # None is at once
    may_repeat: bool = False  # an earlier attempt of it may have arrived
    plain: bool = False  # it was refused as it was; without its form it may be taken
    last_error: str = ""


class Act(StrEnum):
    """What a person can do about an incident."""

    ACKNOWLEDGE = "acknowledge"
    SILENCE = "silence"
    EXPECTED = "expected"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Offer:
    """An act that a message offers its readers: a button where the channel has them, or a link."""

    act: Act
    subject: str  # what it is about: an incident's id, or the thread of several: "channel|group|number"
    link: str = ""  # https; "" is a button of the channel's own


@dataclass(frozen=True, slots=True)
class Report:
    """What is told on a calendar, about no incident in particular."""

    headline: str
    lines: tuple[Detail, ...]
    closing: str
    period: Period


@dataclass(frozen=True, slots=True)
class Notification:
    """One telling to one channel: of incidents, or of a report."""

    incidents: tuple[Incident, ...]  # as they stand, the worst and newest first; none with a report
    address: Address
    sequence: int
    reason: Reason
    at: datetime  # when it was composed
    thread: int = 1
    news: tuple[str, ...] = ()  # the incidents that the reason is about
    plain: bool = False  # text alone: its form was refused
    may_repeat: bool = False  # an earlier attempt may have arrived
    offers: tuple[Offer, ...] = ()
    report: Report | None = None

    @property
    def id(self) -> str:
        return f"{self.address.nudge}|{self.sequence:06d}"

    @property
    def channel(self) -> str:
        return self.address.channel

    @property
    def incident(self) -> Incident:
        """The one that it is about first of all."""
        return self.incidents[0]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one message about one incident; rewritten only when it was given up and is put again."""

    incident: str
    address: Address
    sequence: int
    reason: Reason
    at: datetime
    status: str  # "accepted", "delivered", "dead", "summarised", "replayed": a dead one that was put again
    attempts: int
    may_repeat: bool
    headline: str  # what a phone showed
    error: str = ""


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
    form: bool = False  # the form of this message was refused; a plain one may do
    closed: bool = False  # the channel takes nothing any more: its address or login is wrong


Outcome = Delivered | RetryLater | Refused
