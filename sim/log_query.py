"""A question to Log Analytics: as much of its KQL as the simulated workspace understands."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sim.load import SLOT_SECONDS
from sim.view import View
from sim.wire import Refusal

LLM_LOG, GATEWAY_LOG = "ApiManagementGatewayLlmLog", "ApiManagementGatewayLogs"
LABELS = ("GatewayId", "_ResourceId", "ApimSubscriptionId", "ProductId", "DeploymentName", "ModelName")
COUNTS = ("PromptTokens", "CompletionTokens", "TotalTokens", "Calls")
COLUMNS = {"TimeGenerated": "datetime"} | dict.fromkeys(LABELS, "string") | dict.fromkeys(COUNTS, "long")
JOINED = {"ApimSubscriptionId", "ProductId"}  # not in the log of the language models
BIN = re.compile(r"bin\(\s*TimeGenerated\s*,\s*([1-9]\d*)\s*(m|h|d)\s*\)")
DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
SLOT = timedelta(seconds=SLOT_SECONDS)


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Calls in [start, end), in bins of `width`, split by `labels`."""

    start: datetime
    end: datetime
    width: timedelta
    columns: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(name for name in self.columns if name in LABELS)


def parse_query(view: View, body: Any) -> LogQuery:
    """Raises Refusal for what the service would refuse."""
    text = body.get("query") if isinstance(body, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise bad_argument("SyntaxError", "SYN0002", "A recognition error occurred in the query.")
    named = set(re.findall(r"\w+", text))
    if LLM_LOG not in named:
        raise unresolved("where", "table", re.split(r"\W", text.strip(), maxsplit=1)[0])
    if GATEWAY_LOG not in named and named & JOINED:
        raise unresolved("summarize", "scalar", min(named & JOINED))
    found = BIN.search(text)
    width = int(found[1]) * UNITS[found[2]] if found else SLOT
    start, end = period(view, body.get("timespan"))
    kept = result_names(text)
    return LogQuery(start, end, width, tuple(name for name in COLUMNS if name in kept))


def result_names(text: str) -> set[str]:
    """The words of the last step of a query that says what its columns are; all of its words without one."""
    steps = [step.strip() for step in text.split("|")]
    last = next((step for step in reversed(steps) if step.startswith(("summarize", "project"))), text)
    return set(re.findall(r"\w+", last))


def unresolved(operator: str, kind: str, name: str) -> Refusal:
    words = f"'{operator}' operator: Failed to resolve {kind} expression named '{name}'"
    return bad_argument("SemanticError", "SEM0100", words)


def bad_argument(code: str, inner: str, words: str) -> Refusal:
    cause = {
        "code": code,
        "message": f"A {code.removesuffix('Error').lower()} error occurred.",
        "innererror": {"code": inner, "message": words},
    }
    return Refusal(400, "BadArgumentError", "The request had some invalid properties", inner=cause)


def period(view: View, text: Any) -> tuple[datetime, datetime]:
    """Raises ValueError, which is answered with 400, for a timespan that is none."""
    if not text:
        return view.estate.start, view.now
    first, _, second = str(text).partition("/")
    if second and not second.startswith("P"):
        return moment(first), moment(second)
    span = duration(second or first)
    start = moment(first) if second else view.now - span
    return start, start + span


def moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def duration(text: str) -> timedelta:
    found = DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        raise ValueError(f"'{text}' is no ISO 8601 duration")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
