"""Smart detection, Prometheus, and whatever else Azure may come to push."""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.core.model import Detail
from shared.core.wording import lasted
from shared.formats.loose import folded, one_line, opened
from shared.formats.moments import parse_span
from shared.formats.pushed import NAMELESS, Finding, Pushed, first_text, link_of, where
from shared.formats.pushed_words import known, label

MOST_LABELS = 8
MOST_SCALARS = 8
OF_NO_INTEREST = {"alertname", "severity"}  # labels that are said elsewhere


def read_smart(pushed: Pushed) -> Finding:
    """What was detected, and the value against what is normal."""
    found = pushed.context
    detector = one_line(found.get("smartdetectorname"), 80)
    summary = one_line(found.get("detectionsummary"), 160) or pushed.rule
    seen, usual = (one_line(found.get(name), 80) for name in ("detectedvalue", "normalvalue"))
    compared = ", ".join(filter(None, (seen, f"usually {usual}" if usual else "")))
    return Finding(
        what=f"{summary}{f': {compared}' if compared else ''}{where(pushed)}",
        details=known(
            Detail("Detector", detector),
            Detail("Occurred", one_line(found.get("formattedoccurrencetime"), 60)),
        ),
        link=link_of(found.get("presentationinsighteventrequest")),
    )


def read_prometheus(pushed: Pushed) -> Finding:
    """The rule, what its annotations say, its value, and the labels that say of what."""
    found = pushed.context
    notes, labels = opened(found.get("annotations")), opened(found.get("labels"))
    said = first_text(notes.get("summary"), notes.get("description"), notes.get("message"))[:160]
    value = one_line(found.get("expressionvalue"), 40)
    pairs = [
        f"{one_line(name, 40)}={text}"
        for name, label in labels.items()
        if name not in OF_NO_INTEREST and (text := one_line(label, 80))
    ]
    held = parse_span(found.get("for"))
    cluster = one_line(labels.get("cluster"), 80)
    what = f"{pushed.rule}{f': {said}' if said else ''}{f' (value {value})' if value else ''}"
    return Finding(
        what=f"{what}{f' on {cluster}' if cluster else where(pushed)}",
        why=first_text(notes.get("description"))[:400],
        details=known(
            Detail("Labels", ", ".join(pairs[:MOST_LABELS])),
            Detail("Expression", one_line(found.get("expression"), 200)),
            Detail("Held for", lasted(held) if held else ""),
            Detail("Runbook", first_text(notes.get("runbook_url"), notes.get("runbook"))[:200]),
        ),
    )


def read_any(pushed: Pushed) -> Finding:
    """An alert of no known kind: its rule, its target, and the first of what stands in it."""
    nameless = pushed.rule in (pushed.service, NAMELESS)
    name = pushed.description[:160] if nameless and pushed.description else pushed.rule
    return Finding(
        what=f"{name}{where(pushed)}",
        details=known(*list(_scalars(pushed.context))[:MOST_SCALARS]),
    )


def _scalars(context: Mapping[str, Any]) -> Iterator[Detail]:
    for name, value in context.items():
        yield Detail(label(name), one_line(value, 200))
        for inner, one in folded(value).items():
            yield Detail(label(inner), one_line(one, 200))
