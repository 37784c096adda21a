"""Names of billing meters, which follow no grammar, read by a table of words.

"gpt 4o 1120 cached Inp glbl Tokens" is words: what the table knows says the token, the SKU or the tier, four
or eight digits that are a date are the version, and what is left is the model. The table is
`meter_words.py`; case and separators mean nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from shared.core.prices import Tier, TokenKind, folded
from shared.formats.meter_words import (
    ALIASES,
    DATED_ALIASES,
    GLUED,
    PHRASES,
    SHORT_FOR,
    USUAL,
    VENDORS,
    WORDS,
)

LONGEST_NAME = 200  # characters; no meter's is longer
NOT_A_MODEL = "not a model meter"
UNKNOWN = "unknown spelling"

_SAYS = {word: (what, value) for what, value, spellings in WORDS for word in spellings.split()}
_ALIASES = {folded(name): arm for name, arm in ALIASES.items()}
_DATED = {folded(name): arm for name, arm in DATED_ALIASES.items()}
_GLUE = "|".join(sorted(GLUED, key=len, reverse=True))
_RUN_TOGETHER = re.compile(rf"(?:{_GLUE})+")
_WORD = re.compile(r"[^\W_]+(?:\.\d+[^\W_]*)*")  # with the points of its numbers
_MONTH_DAY = r"(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
_UNIT = re.compile(
    r"(\d{1,9}(?:\.\d{1,6})?)(?![\d.,])\s*([kmb](?![a-z]))?\s*(?:/|per\b)?\s*([a-z]*).*", re.ASCII
)
_SIZES = {"k": 10**3, "m": 10**6, "b": 10**9}

Said = dict[str, list[str]]  # what a name says, by sort, in its order


@dataclass(frozen=True, slots=True)
class MeterName:
    """What a meter's name says. `kind` None: it counts no tokens of a deployment, and `why` says so."""

    model: str = ""  # as ARM names it, in any case; "" is none
    version: str = ""  # an ISO date, month and day ("1120"), or ARM's own text; "" is none
    sku: str = ""  # as ARM names it; "" is none
    kind: TokenKind | None = None
    counts: str = ""
    tier: Tier = Tier.STANDARD
    long_context: bool = False
    fine_tuned: bool = False
    why: str = ""


def read_unit(unit: str) -> tuple[Decimal, str] | None:
    """`unitOfMeasure` as a number and what of: "1M" is a million, "1 Hour" and "1/Hour" one "hour"."""
    found = _UNIT.fullmatch(unit.strip().casefold()[:40])
    if found is None or not Decimal(found[1]):
        return None
    return Decimal(found[1]) * _SIZES.get(found[2] or "", 1), found[3]


def read_meter(name: str, product: str = "", unit: str = "") -> MeterName:
    """A meter's or a SKU's name, with the product and `unitOfMeasure` that the list gives beside it."""
    said, usual, own = _sorted(_words(name))
    counts = _counts({**usual, **said}, unit)
    model, version = _model(own, product)
    provisioned = "ProvisionedManaged" in said.get("offer", ())
    of_something = said.keys() - {"counts", "nothing"} or usual or counts == "tokens"
    if not provisioned and not (model and of_something):
        return MeterName(counts=counts, why=NOT_A_MODEL)
    kind, why = _kind({**usual, **said}, counts)
    return MeterName(
        model=model,
        version=version,
        sku=_sku(said),
        kind=kind,
        counts=counts,
        tier=Tier(said.get("tier", ["standard"])[-1]),
        long_context="long" in said.get("context", ()),
        fine_tuned="tuning" in said,
        why=why,
    )


def _words(name: str) -> list[str]:
    text = " ".join(_WORD.findall(name[:LONGEST_NAME].casefold()))
    text = re.sub(r"(?<=[a-z]{3})(?=\d)", " ", text)  # mini0718, gpt4o, turbo128k
    text = re.sub(r"(?<=\d[a-z])(?=mini\b)", " ", text)  # 4omini
    text = re.sub(r"(?<=\d)(?=[a-z]{3})", " ", text)  # 56terra
    text = " ".join(_apart(word) for word in text.split())
    for phrase, meant in PHRASES:
        text = re.sub(phrase, meant, text)
    return text.split()


def _apart(word: str) -> str:
    if word in _SAYS or not _RUN_TOGETHER.fullmatch(word):
        return word
    return " ".join(re.findall(_GLUE, word))


def _sorted(words: Sequence[str]) -> tuple[Said, Said, list[str]]:
    """What the words say, what is usual for the model they name, and the model's own words."""
    said: Said = {}
    usual: Said = {}
    own = []
    for word in words:
        if word in _SAYS:
            what, value = _SAYS[word]
            said.setdefault(what, []).append(value)
            continue
        own.append(word)
        if word in USUAL:
            what, value = USUAL[word]
            usual.setdefault(what, []).append(value)
    return said, usual, own


def _counts(said: Said, unit: str) -> str:
    """What one unit is one of. The noun in the name says it, and where there is none the unit."""
    size, per = read_unit(unit) or (Decimal(), "")
    tuning = said.get("tuning", ())
    if "ProvisionedManaged" in said.get("offer", ()):
        return "PTU hours"
    if "hosting" in tuning:
        return "hosting hours"
    if per.startswith(("hour", "hr")):
        return "training hours" if "training" in tuning else "hours"
    if "counts" in said:
        return next((noun for noun in reversed(said["counts"]) if noun != "tokens"), "tokens")
    return "tokens" if size >= 1000 or not unit else "units"


def _kind(said: Said, counts: str) -> tuple[TokenKind | None, str]:
    """The kind of token, or None and why."""
    if "not its own" in said:
        return None, f"not a deployment's own tokens: {said['not its own'][0]}"
    if counts != "tokens":
        return None, f"{counts}, not tokens"
    scopes = sorted({scope or "regional" for scope in said.get("scope", ())})
    if len(scopes) > 1:
        return None, f"{UNKNOWN}: {' and '.join(scopes)} at once"
    spelt = _spelt(said)
    if spelt in set(TokenKind):
        return TokenKind(spelt), ""
    return None, f"{UNKNOWN}: {spelt or 'neither input nor output'}"


def _spelt(said: Said) -> str:
    """The kind of token in the words of `TokenKind`, or in words that it lacks."""
    if "training" in said.get("tuning", ()):
        return TokenKind.TRAINING
    for written in (TokenKind.CACHE_WRITE_HOUR, TokenKind.CACHE_WRITE):
        if written.removeprefix("cache ") in said.get("cache", ()):
            return written
    cached = "cached" if "cache" in said else ""
    directions = sorted(set(said.get("direction", ["input"] if cached else ())))
    modality = said.get("modality", [""])[-1]
    return " ".join(word for word in (cached, modality, " and ".join(directions)) if word)


def _sku(said: Said) -> str:
    offers = said.get("offer", ["Standard"])
    if "DeveloperTier" in offers:
        return "DeveloperTier"
    if "scope" not in said and offers[-1] == "Standard":
        return ""
    return said.get("scope", [""])[0] + offers[-1]


def _model(own: Sequence[str], product: str) -> tuple[str, str]:
    """Model and version from the words that say nothing else."""
    version, rest = "", []
    for word in own:
        date = _date(word)
        version = date or version
        rest += [] if date else [SHORT_FOR.get(word, word)]
    name = _with_family("-".join(rest), product)
    if version and folded(name) in _DATED:
        return _DATED[folded(name)], version
    model, its_version = _ALIASES.get(folded(name), (name, ""))
    return model, version or its_version


def _date(word: str) -> str:
    """ "1120" as it is, "08062026" and "20260806" as "2026-08-06"; "" for what is no date."""
    if re.fullmatch(_MONTH_DAY, word):
        return word
    if found := re.fullmatch(rf"{_MONTH_DAY}(20\d\d)", word):
        return f"{found[3]}-{found[1]}-{found[2]}"
    if found := re.fullmatch(rf"(20\d\d){_MONTH_DAY}", word):
        return f"{found[1]}-{found[2]}-{found[3]}"
    return ""


def _with_family(name: str, product: str) -> str:
    """The name with its family, where only the product tells that."""
    told = product.casefold()
    for vendor, family, first_word in VENDORS:
        if vendor in told and re.fullmatch(first_word, name.partition("-")[0]):
            name = f"{family}-{name}"
            break
    # The newer GPT lose their point too: "54 mini", "41 ft". A gpt-35 is called so by ARM.
    return re.sub(r"^gpt-([4-9])(\d)(?=-|$)", r"gpt-\1.\2", name)
