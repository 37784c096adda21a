"""All mistakes of a configuration at once, where the decoder stops at the first.

Each mistake is noted, cut out of a copy of the input, and the rest decoded again. What was expected is
read from the type's JSON schema.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

MOST_PROBLEMS = 100
IN_WORDS = {
    "Invalid decimal string": "a number",
    "decimal": "a number",
    "object": "a mapping",
    "array": "a list",
    "str": "text",
    "bool": "true or false",
}
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*?)`", re.DOTALL)
_PLACE = re.compile(r"(.*?) - at `(?:key in )?(\$.*)`", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
Decoded = TypeVar("Decoded")
Path = list[Any]  # keys of mappings and indexes of lists, from the outside in


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake: where, what stands there, what should."""

    path: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"{self.path}: {self.value}; expected {self.expected}"


class Problems(Exception):
    """A configuration with mistakes: all of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What is well formed but cannot be meant."""

    path: Path
    value: str
    expected: str


def convert_all(
    raw: Any, kind: type[Decoded], contradictions: Callable[[Decoded], Iterable[Contradiction]]
) -> Decoded:
    """`raw` (mappings with text keys) as `kind`; raises Problems with all mistakes and contradictions."""
    rest = _Rest(deepcopy(raw), kind)
    while len(rest.problems) < MOST_PROBLEMS:
        try:
            found = msgspec.convert(rest.tree, kind, strict=True)
        except msgspec.ValidationError as mistake:
            if rest.without(str(mistake)):
                continue
            break
        for one in contradictions(found):
            rest.note(one.path, one.value, one.expected)
        if rest.problems:
            break
        return found
    raise Problems(rest.problems)


class _Rest(Generic[Decoded]):
    """What is left of the input, and the problems cut out of it so far."""

    def __init__(self, tree: Any, kind: type[Decoded]) -> None:
        self.tree = tree
        self.problems: list[Problem] = []
        self._kind = kind
        self._schema = msgspec.json.schema(kind)
        self._cut: set[str] = set()
        self._indexes: dict[int, list[int]] = {}  # of lists that lost items: where each was at first

    def without(self, text: str) -> bool:
        """Notes the mistake a message tells of and cuts it out; False when nothing is left."""
        found = _PLACE.fullmatch(text)
        what, place = (found[1], found[2]) if found else (text, "$")
        path = self._path(place, text)
        if unknown := _UNKNOWN.match(what):
            self.note([*path, unknown[1]], "a key that is not known", self._keys(path))
            return self._cut_out([*path, unknown[1]])
        if missing := _MISSING.match(what):
            if self._written([*path, missing[1]]) not in self._cut:  # else it was there, and wrong
                self.note([*path, missing[1]], "nothing", self._expected([*path, missing[1]], "a value"))
            return self._cut_out(path)
        expected = what.partition(", got")[0].removeprefix("Expected ").replace("`", "")
        self.note(path, _shown(_at(self.tree, path)), self._expected(path, expected))
        return self._cut_out(path)

    def note(self, path: Path, value: str, expected: str) -> None:
        self.problems.append(Problem(self._written(path), value, expected))

    def _path(self, place: str, text: str) -> Path:
        """The steps of a msgspec path, which writes `[...]` for any key of a mapping."""
        path: Path = []
        for name, index in _STEP.findall(place):
            path.append(self._culprit(path, text) if index == "..." else name or int(index))
        return path

    def _culprit(self, path: Path, text: str) -> Any:
        """The first key of the mapping at `path` that alone makes the same mistake."""
        mapping = _at(self.tree, path)
        for key in mapping:
            alone = deepcopy(self.tree)
            _at(alone, path[:-1])[path[-1]] = {key: mapping[key]}
            try:
                msgspec.convert(alone, self._kind, strict=True)
            except msgspec.ValidationError as mistake:
                if str(mistake) == text:
                    return key
        return next(iter(mapping))

    def _cut_out(self, path: Path) -> bool:
        if not path:
            return False
        self._cut.add(self._written(path))
        holder, last = _at(self.tree, path[:-1]), path[-1]
        if isinstance(holder, list):
            self._indexes.setdefault(id(holder), list(range(len(holder)))).pop(last)
        del holder[last]
        return True

    def _written(self, path: Path) -> str:
        text, here = "$", self.tree
        for step in path:
            if isinstance(here, list):
                text += f"[{self._indexes.get(id(here), range(len(here)))[step]}]"
                here = here[step]
            else:
                text += f".{step}"
                here = here.get(step) if isinstance(here, dict) else None
        return text

    def _expected(self, path: Path, otherwise: str) -> str:
        """What the schema says of the place in words, or what the decoder said."""
        schema = _schema_at(self._schema, path)
        if "enum" in schema:
            return "one of " + ", ".join(map(str, schema["enum"]))
        if "description" in schema and "pattern" in schema:
            return str(schema["description"])
        return IN_WORDS.get(otherwise, otherwise)

    def _keys(self, path: Path) -> str:
        return "one of " + ", ".join(_schema_at(self._schema, path).get("properties", {}))


def text_keys(tree: Any) -> Any:
    """The tree with every mapping's keys as text, as JSON has them."""
    if isinstance(tree, dict):
        return {str(key): text_keys(value) for key, value in tree.items()}
    return [text_keys(value) for value in tree] if isinstance(tree, list) else tree


def _schema_at(schema: Mapping[str, Any], path: Iterable[Any]) -> Mapping[str, Any]:
    here = _resolved(schema, schema)
    for step in path:
        inner = here.get("items") if isinstance(step, int) else here.get("properties", {}).get(step)
        here = _resolved(schema, inner or here.get("additionalProperties") or {})
    return here


def _resolved(schema: Mapping[str, Any], here: Any) -> Mapping[str, Any]:
    if not isinstance(here, Mapping):
        return {}
    name = str(here.get("$ref", "")).rpartition("/")[2]
    return {**schema["$defs"][name], **here} if name else here


def _at(tree: Any, path: Path) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
