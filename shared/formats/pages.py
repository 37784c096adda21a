"""The pages behind a link on a card: what would be done, and what was done.

Each stands alone: no script, nothing from elsewhere, and a policy that forbids both. Whatever comes from
an alert or a person is escaped.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from urllib.parse import parse_qsl

from shared.core.acts import ACT_WORDS, EXPECTED_FOR, SPANS
from shared.core.model import Act, Incident
from shared.core.wording import SEVERITY_WORDS, lasted, moment, named
from shared.formats.http_headers import page_headers
from shared.formats.loose import one_line

MOST_BODY = 10_000  # bytes of a form
MOST_NAME, MOST_WHY = 80, 300  # characters
MOST_SHOWN = 20  # incidents

STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:0 auto;padding:1rem}"
    "h1{font-size:1.3rem;line-height:1.3}"
    "article{border-left:4px solid;padding:.1rem .8rem;margin:1rem 0;overflow-wrap:anywhere}"
    "article p{margin:.3rem 0}"
    "label{display:block;margin:1rem 0}"
    "input,select,button{font:inherit;box-sizing:border-box;width:100%;padding:.6rem;margin-top:.2rem}"
    "button{font-weight:600;cursor:pointer}"
    ".wrong{font-weight:600}small{opacity:.75}"
)
HEADERS: Mapping[str, str] = MappingProxyType(page_headers(STYLE))
CONSEQUENCES: Mapping[Act, str] = MappingProxyType(
    {
        Act.ACKNOWLEDGE: "It is not repeated and not escalated any more. You are told when it becomes "
        "worse, and when it is over.",
        Act.SILENCE: "It is not told for as long as you choose, though it goes on being recorded. If it "
        "still holds after that, it is told again.",
        Act.EXPECTED: f"What is seen now is taken as usual for {lasted(EXPECTED_FOR)}: it is told only when "
        "it becomes half as much again. Of a deployment's tokens, Meterwatch learns these hours as usual.",
        Act.RESOLVE: "It is closed, for the reason that you give. If it still holds at the next poll, it "
        "opens anew.",
    }
)


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked before anything is done."""

    act: Act
    token: str
    incidents: Sequence[Incident]
    who: str = ""  # the platform says so; "" is asked for
    wrong: str = ""  # what is missing in the answer before


def confirm(question: Question) -> str:
    """The page that asks; nothing is done before its form is posted."""
    wrong = _paragraph(question.wrong, "wrong") if question.wrong else ""
    fields = [
        f'<input type="hidden" name="t" value="{escape(question.token)}">',
        _paragraph(f"You are {question.who}.") if question.who else _WHO,
        _SPAN if question.act is Act.SILENCE else "",
        _WHY,
        f'<button type="submit">{escape(ACT_WORDS[question.act])}</button>',
    ]
    form = f'<form method="post" action="respond">{"".join(fields)}</form>'
    title = f"{ACT_WORDS[question.act]}?"
    return _page(title, _cards(question.incidents) + _paragraph(CONSEQUENCES[question.act]) + wrong + form)


def say(title: str, words: Iterable[str], incidents: Sequence[Incident] = ()) -> str:
    """A page that only says something."""
    return _page(title, "".join(map(_paragraph, words)) + _cards(incidents))


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a posted form, each a printable line; {} for what is none."""
    if len(body) > MOST_BODY:
        return {}
    try:
        fields = parse_qsl(body.decode(), max_num_fields=10)
    except ValueError:
        return {}
    return {name: one_line(value, MOST_BODY) for name, value in fields}


_WHO = (
    '<label>Your name or e-mail<input name="who" required autocomplete="email" '
    f'maxlength="{MOST_NAME}"></label>'
)
_WHY = f'<label>Why, for those who read it later<input name="why" maxlength="{MOST_WHY}"></label>'
_OPTIONS = "".join(
    f'<option value="{int(span.total_seconds()) // 60}">{lasted(span)}</option>' for span in SPANS
)
_SPAN = f'<label>For how long<select name="minutes">{_OPTIONS}</select></label>'


def _cards(incidents: Sequence[Incident]) -> str:
    left_out = len(incidents) - MOST_SHOWN
    more = _paragraph(f"and {left_out} more") if left_out > 0 else ""
    return "".join(map(_card, incidents[:MOST_SHOWN])) + more


def _card(incident: Incident) -> str:
    alert = incident.alert
    lines = [
        f"<b>{escape(SEVERITY_WORDS[alert.severity])}: {escape(one_line(alert.what))}</b>",
        escape(named(alert.scope)),
        escape(_standing(incident)),
        escape(incident.note) if incident.note and incident.open else "",
        f"<small>Incident {escape(incident.id)}</small>",
    ]
    return f"<article>{''.join(f'<p>{line}</p>' for line in lines if line)}</article>"


def _standing(incident: Incident) -> str:
    if incident.resolved_at is not None:
        return f"Over since {moment(incident.resolved_at)}: {one_line(incident.alert.why)}"
    open_since = f"Open since {moment(incident.opened_at)}"
    if not incident.acknowledged_by:
        return f"{open_since}; nobody has acknowledged it"
    return f"{open_since}; acknowledged by {incident.acknowledged_by}"


def _paragraph(text: str, look: str = "") -> str:
    return f'<p class="{look}">{escape(text)}</p>' if look else f"<p>{escape(text)}</p>"


def _page(title: str, inside: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{inside}</main></body></html>\n"
    )
