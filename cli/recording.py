"""What a check asks of Azure, what is refused and what is kept: noted as it goes through the ports."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from shared.core.faults import NotPermitted, NotThere, SignInFault, SourceFault, Throttled, UnknownMetrics
from shared.core.model import Reading
from shared.core.rows import Change, Put, Row
from shared.flows.ports import Azure, Ports, Store
from shared.formats import records

Job = tuple[str, str]  # a source and its subject
OUTSIDE: Job = ("", "")  # what was asked before any job


@dataclass(frozen=True, slots=True)
class Call:
    """One question to Azure, with the further pages that the flows asked for."""

    job: Job
    api: str
    of: str  # the scope, region or workspace
    what: str
    pages: int = 1
    answered: bool = True
    seconds: float = 0.0
    kind: str = ""  # of the refusal; "" when it was answered
    why: str = ""


@dataclass(slots=True)
class Recording:
    """Everything that was noted, in order."""

    job: Job = OUTSIDE
    jobs: dict[Job, None] = field(default_factory=dict)  # all that there were, in order
    calls: list[Call] = field(default_factory=list)
    events: list[Mapping[str, object]] = field(default_factory=list)
    native_budgets: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)  # scope, as listed
    rows: dict[tuple[str, str], Job] = field(default_factory=dict)  # partition and key of kept readings

    def noting(self, ports: Ports) -> Ports:
        """The same ports, with all that goes through them noted here."""
        return replace(
            ports,
            azure=cast(Azure, _NotedAzure(ports.azure, self)),
            store=_NotedStore(ports.store, self),
            log=self.events.append,
        )

    @contextmanager
    def of(self, source: str, subject: str) -> Iterator[None]:
        """What is noted meanwhile is of this job."""
        self.job = (source, subject)
        self.jobs.setdefault(self.job)
        try:
            yield
        finally:
            self.job = OUTSIDE

    def readings(self, store: Store) -> Iterator[tuple[Job, Reading]]:
        """Every reading that was kept, with the job that kept it last, in the order of the rows."""
        for (partition, key), job in sorted(self.rows.items()):
            row = store.get(partition, key)
            for reading in records.unpack(row.body) if row else ():
                yield job, reading


def kind_of(fault: SourceFault | SignInFault) -> str:
    """What sort of refusal it is, in one or two words."""
    if isinstance(fault, Throttled):
        return "wait"
    if isinstance(fault, NotPermitted):
        return "no permission"
    if isinstance(fault, UnknownMetrics):
        return "no data"
    if isinstance(fault, NotThere):
        return "wrong scope"
    return "sign-in" if isinstance(fault, SignInFault) else "broken"


def _plain(of: str) -> tuple[str, str]:
    return of, ""


def _cost(scope: str, question: Mapping[str, Any], link: str = "") -> tuple[str, str]:
    period, dataset = question.get("timePeriod", {}), question.get("dataset", {})
    groups = ", ".join(str(one.get("name")) for one in dataset.get("grouping", ()))
    return scope, f"{question.get('type')} {period.get('from')} to {period.get('to')} by {groups}"


def _metrics(region: str, resources: Sequence[str], query: Any, asked: Any, grain: Any) -> tuple[str, str]:
    span = f"{asked.start.isoformat()} to {asked.end.isoformat()} every {int(grain.total_seconds())} s"
    return region, f"{', '.join(query.names)} of {', '.join(resources)}, {span}"


def _logs(workspace: str, query: str, asked: Any) -> tuple[str, str]:
    return workspace, f"{asked.start.isoformat()} to {asked.end.isoformat()}"


def _prices(question: Mapping[str, str], link: str = "") -> tuple[str, str]:
    return question.get("currencyCode", "").strip("'"), question.get("$filter", "")


# Of each method of the port: the API, and what its arguments say of the question.
METHODS: Mapping[str, tuple[str, Callable[..., tuple[str, str]]]] = {
    "subscriptions": ("ARM", lambda: ("", "subscriptions")),
    "subscriptions_under": ("ARM", _plain),
    "exists": ("ARM", _plain),
    "resource_groups": ("ARM", _plain),
    "accounts": ("ARM", _plain),
    "deployments": ("ARM", _plain),
    "projects": ("ARM", _plain),
    "cost_page": ("Cost Management", _cost),
    "budgets": ("Cost Management", _plain),
    "cost_alerts": ("Cost Management", _plain),
    "metrics": ("metrics", _metrics),
    "logs": ("Log Analytics", _logs),
    "price_page": ("retail prices", _prices),
}
LINKS = {"cost_page": 2, "price_page": 1}  # the place of the link among the arguments


class _NotedAzure:
    """The port, each call of it noted."""

    def __init__(self, azure: Azure, recording: Recording) -> None:
        self._azure, self._recording = azure, recording

    def __getattr__(self, name: str) -> Callable[..., Any]:
        asked = getattr(self._azure, name)
        api, describe = METHODS[name]

        def ask(*given: Any, **named: Any) -> Any:
            of, what = describe(*given, **named)
            call = Call(self._recording.job, api, of, what or name.replace("_", " "))
            note = self._note_page if _link(name, given, named) else self._recording.calls.append
            began = time.monotonic()
            try:
                answer = asked(*given, **named)
            except (SourceFault, SignInFault) as fault:
                refused = replace(call, answered=False, kind=kind_of(fault), why=str(fault))
                note(replace(refused, seconds=time.monotonic() - began))
                raise
            note(replace(call, seconds=time.monotonic() - began))
            if name == "budgets":
                self._recording.native_budgets += [(of, one) for one in answer]
            return answer

        return ask

    def _note_page(self, call: Call) -> None:
        """Counts a further page with the question that it belongs to."""
        before = self._recording.calls.pop()
        pages, seconds = before.pages + 1, before.seconds + call.seconds
        self._recording.calls.append(replace(call, pages=pages, seconds=seconds))


def _link(method: str, given: Sequence[Any], named: Mapping[str, Any]) -> str:
    """The link of a further page; "" for a first one."""
    place = LINKS.get(method, len(given))
    return str(given[place] if place < len(given) else named.get("link", ""))


class _NotedStore:
    """The store, the rows of readings noted as they are kept."""

    def __init__(self, store: Store, recording: Recording) -> None:
        self._store, self._recording = store, recording

    def get(self, partition: str, key: str) -> Row | None:
        return self._store.get(partition, key)

    def scan(self, partition: str, prefix: str = "") -> Iterator[Row]:
        return self._store.scan(partition, prefix)

    def commit(self, partition: str, changes: Sequence[Change]) -> list[str]:
        versions = self._store.commit(partition, changes)
        if partition.startswith(records.readings_partition("")):
            kept = (change for change in changes if isinstance(change, Put))
            self._recording.rows |= {(partition, change.key): self._recording.job for change in kept}
        return versions
