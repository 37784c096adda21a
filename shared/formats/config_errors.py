"""All mistakes of a configuration at once, where the decoder stops at the first.

Each mistake is noted, cut out of the input, and the rest decoded again. What was expected is read from
the type's JSON schema.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

MOST_PROBLEMS = 100
MOST_DEPTH = 20  # of mappings and lists within each other
MOST_VALUES = 20_000  # YAML's aliases can make a small file endless
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
_PLACE = re.compile(r"(.*?) - at (?P<key>`key` in )?`(?P<place>\$.*)`", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
MOST_PATH = 200  # characters
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
    """What `text_keys` made, as `kind`; raises Problems with all mistakes and contradictions.

    `raw` is taken apart on the way.
    """
    rest = _Rest(raw, kind)
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
        what, place = (found[1], found["place"]) if found else (text, "$")
        path = self._path(place + "[...]" if found and found["key"] else place, text)
        if unknown := _UNKNOWN.match(what):
            self.note([*path, unknown[1]], "a key that is not known", self._keys(path))
            return self._cut_out([*path, unknown[1]])
        if _MISSING.match(what):
            self._note_missing(path)
            return self._cut_out(path)
        expected = what.partition(", got")[0].removeprefix("Expected ").replace("`", "")
        if found and found["key"]:
            self.note(path, "this key", self._expected(path, expected, "propertyNames"))
        else:
            self.note(path, _shown(path, _at(self.tree, path)), self._expected(path, expected))
        return self._cut_out(path)

    def _note_missing(self, path: Path) -> None:
        there = _at(self.tree, path)
        for name in _schema_at(self._schema, path).get("required", ()):
            one = [*path, name]
            if name not in there and self._written(one) not in self._cut:  # else it was there, and wrong
                self.note(one, "nothing", self._expected(one, "a value"))

    def note(self, path: Path, value: str, expected: str) -> None:
        self.problems.append(Problem(self._written(path)[:MOST_PATH], value, expected))

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
            try:
                msgspec.convert(_with(self.tree, path, {key: mapping[key]}), self._kind, strict=True)
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

    def _expected(self, path: Path, otherwise: str, part: str = "") -> str:
        """What the schema says of the place in words, or what the decoder said.

        With `part` "propertyNames" it is the last step itself, a key, that was not as expected.
        """
        schema = _schema_at(self._schema, path[:-1])[part] if part else _schema_at(self._schema, path)
        if "enum" in schema:
            return "one of " + ", ".join(map(str, schema["enum"]))
        if "description" in schema and ("pattern" in schema or "format" in schema):
            longest = f", at most {schema['maxLength']}" if "maxLength" in schema else ""
            return f"{schema['description']}{longest}"
        return IN_WORDS.get(otherwise, otherwise)

    def _keys(self, path: Path) -> str:
        return "one of " + ", ".join(_schema_at(self._schema, path).get("properties", {}))


def text_keys(tree: Any) -> Any:
    """A copy of what YAML holds in JSON's terms: mappings with text keys, lists, single values.

    Raises ValueError when it is too deep or too large.
    """
    room = iter(range(MOST_VALUES))

    def copied(value: Any, depth: int) -> Any:
        if depth > MOST_DEPTH or next(room, None) is None:
            raise ValueError(f"at most {MOST_DEPTH} levels and {MOST_VALUES:,} values")
        if isinstance(value, dict):
            return {_key(key): copied(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, (list, tuple, set)):
            return [copied(inner, depth + 1) for inner in value]
        return value

    return copied(tree, 0)


def _key(key: Any) -> str:
    if key is None or isinstance(key, bool):
        return "null" if key is None else str(key).lower()
    return str(key).replace("`", "'")  # the decoder's messages quote a key with it


def _with(tree: Any, path: Path, part: Any) -> Any:
    """A copy of the tree with something else at `path`; what lies beside the path is not copied."""
    if not path:
        return part
    copy = tree.copy()
    copy[path[0]] = _with(tree[path[0]], path[1:], part)
    return copy


def _schema_at(schema: Mapping[str, Any], path: Iterable[Any]) -> Mapping[str, Any]:
    here = _resolved(schema, schema)
    for step in path:
        inner = here.get("items") if isinstance(step, int) else here.get("properties", {}).get(step)
        here = _resolved(schema, inner or here.get("additionalProperties") or {})
    return here


def _resolved(schema: Mapping[str, Any], here: Any) -> Mapping[str, Any]:
    if not isinstance(here, Mapping):
        return {}
    # What may be left out as null is described by its other alternative.
    here = next((one for one in here.get("anyOf", ()) if one.get("type") != "null"), here)
    name = str(here.get("$ref", "")).rpartition("/")[2]
    return {**schema["$defs"][name], **here} if name else here


def _at(tree: Any, path: Path) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def _shown(path: Path, value: Any) -> str:
    """A value as it stands, shortened; but where a secret's name should be, there may be the secret."""
    if path and path[-1] in ("secret", "key") and isinstance(value, str):
        return f"a text of {len(value)} characters"
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
