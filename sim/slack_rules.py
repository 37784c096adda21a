"""What Slack refuses in the blocks of a message. Each rule answers the place and the fault.

Limits count code points. A place is a JSON pointer, as Slack gives it in its answer.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

MOST_BLOCKS = 50
MOST_TEXT = 13_000  # of all blocks together: no document says so, Slack does
MOST_CHARTS = 2

Block = Mapping[str, Any]
Rule = Callable[[Block, str], Iterator[str]]


def too_long(text: Any, most: int, place: str, least: int = 1) -> Iterator[str]:
    if not isinstance(text, str) or len(text) < least:
        yield f"must be at least {least} character long [json-pointer:{place}]"
    elif len(text) > most:
        yield f"must be less than {most + 1} characters [json-pointer:{place}]"


def text_object(
    value: Any, most: int, place: str, kinds: Sequence[str] = ("plain_text", "mrkdwn")
) -> Iterator[str]:
    if not isinstance(value, Mapping) or value.get("type") not in kinds:
        yield f"must be a text object of {' or '.join(kinds)} [json-pointer:{place}]"
    else:
        yield from too_long(value.get("text"), most, f"{place}/text")


def header(block: Block, place: str) -> Iterator[str]:
    yield from text_object(block.get("text"), 150, f"{place}/text", ("plain_text",))


def section(block: Block, place: str) -> Iterator[str]:
    fields = block.get("fields")
    if "text" not in block and not fields:
        yield f"must have text or fields [json-pointer:{place}]"
    if "text" in block:
        yield from text_object(block["text"], 3000, f"{place}/text")
    if fields is not None:
        yield from counted(fields, 10, f"{place}/fields")
        for number, value in enumerate(fields):
            yield from text_object(value, 2000, f"{place}/fields/{number}")
    if "accessory" in block:
        yield from element(block["accessory"], f"{place}/accessory")


def counted(values: Any, most: int, place: str, least: int = 1) -> Iterator[str]:
    if not isinstance(values, list) or not least <= len(values) <= most:
        yield f"must have {least} to {most} items [json-pointer:{place}]"


def context(block: Block, place: str) -> Iterator[str]:
    elements = block.get("elements")
    yield from counted(elements, 10, f"{place}/elements")
    for number, value in enumerate(elements or []):
        if value.get("type") != "image":
            yield from text_object(value, 3000, f"{place}/elements/{number}")


def actions(block: Block, place: str) -> Iterator[str]:
    elements = block.get("elements")
    yield from counted(elements, 25, f"{place}/elements")
    for number, value in enumerate(elements or []):
        yield from element(value, f"{place}/elements/{number}")


def element(value: Any, place: str) -> Iterator[str]:
    if not isinstance(value, Mapping) or "type" not in value:
        yield f"must be an element [json-pointer:{place}]"
        return
    if len(str(value.get("action_id", ""))) > 255:
        yield f"must be less than 256 characters [json-pointer:{place}/action_id]"
    if value["type"] == "button":
        yield from text_object(value.get("text"), 75, f"{place}/text", ("plain_text",))
        yield from too_long(value.get("value", ""), 2000, f"{place}/value", least=0)
        yield from too_long(value.get("url", ""), 3000, f"{place}/url", least=0)


def image(block: Block, place: str) -> Iterator[str]:
    if "slack_file" not in block:
        yield from too_long(block.get("image_url"), 3000, f"{place}/image_url")
    yield from too_long(block.get("alt_text"), 2000, f"{place}/alt_text")


def markdown(block: Block, place: str) -> Iterator[str]:
    yield from too_long(block.get("text"), 12_000, f"{place}/text")


def table(block: Block, place: str) -> Iterator[str]:
    rows = block.get("rows")
    yield from counted(rows, 100, f"{place}/rows")
    for number, row in enumerate(rows or []):
        yield from counted(row, 20, f"{place}/rows/{number}")
        if any(cell.get("type") != "rich_text" and cell.get("text") in ("", None) for cell in row):
            yield f"must not hold an empty cell [json-pointer:{place}/rows/{number}]"


def data_visualization(block: Block, place: str) -> Iterator[str]:
    chart = block.get("chart")
    if not isinstance(chart, Mapping) or chart.get("type") not in ("line", "bar", "area", "pie"):
        yield f"must be a line, bar, area or pie [json-pointer:{place}/chart]"
        return
    yield from too_long(block.get("title", ""), 50, f"{place}/title", least=0)
    if chart["type"] == "pie":
        yield from counted(chart.get("segments"), 12, f"{place}/chart/segments")
        return
    yield from counted(chart.get("series"), 12, f"{place}/chart/series")
    categories = (chart.get("axis_config") or {}).get("categories") or []
    yield from counted(categories, 20, f"{place}/chart/axis_config/categories")
    for name in categories:
        yield from too_long(name, 20, f"{place}/chart/axis_config/categories")
    for number, series in enumerate(chart.get("series") or []):
        if [point.get("label") for point in series.get("data", [])] != categories:
            yield f"must cover exactly the categories [json-pointer:{place}/chart/series/{number}]"


def anything(block: Block, place: str) -> Iterator[str]:
    yield from ()


# "alert" is not among them: Slack takes it in modals only.
RULES: Mapping[str, Rule] = {
    "header": header,
    "section": section,
    "context": context,
    "actions": actions,
    "image": image,
    "markdown": markdown,
    "table": table,
    "data_visualization": data_visualization,
    "divider": anything,
    "rich_text": anything,
    "data_table": anything,
    "video": anything,
    "file": anything,
}


def block_faults(blocks: Any, place: str = "/blocks") -> list[str]:
    """Why Slack would answer invalid_blocks; empty when it would not."""
    if not isinstance(blocks, list):
        return [f"must be an array [json-pointer:{place}]"]
    faults = []
    if len(blocks) > MOST_BLOCKS:
        faults.append(f"no more than {MOST_BLOCKS} items allowed [json-pointer:{place}]")
    for number, block in enumerate(blocks):
        faults += one_block(block, f"{place}/{number}")
    return faults + message_faults([block for block in blocks if isinstance(block, Mapping)], place)


def one_block(block: Any, place: str) -> list[str]:
    kind = str(block.get("type")) if isinstance(block, Mapping) else ""
    if kind not in RULES:
        return [f"unsupported type: {kind} [json-pointer:{place}/type]"]
    try:
        faults = list(RULES[kind](block, place))
    except (AttributeError, TypeError):
        return [f"malformed {kind} [json-pointer:{place}]"]
    if len(str(block.get("block_id", ""))) > 255:
        faults.append(f"must be less than 256 characters [json-pointer:{place}/block_id]")
    return faults


def message_faults(blocks: Sequence[Block], place: str) -> list[str]:
    kinds = [block.get("type") for block in blocks]
    named = [block["block_id"] for block in blocks if block.get("block_id")]
    faults = []
    if len(named) != len(set(named)):
        faults.append(f"block_id must be unique [json-pointer:{place}]")
    if kinds.count("data_visualization") > MOST_CHARTS:
        faults.append(f"no more than {MOST_CHARTS} data_visualization blocks allowed [json-pointer:{place}]")
    if kinds.count("table") > 1:
        faults.append(f"only one table allowed [json-pointer:{place}]")
    return faults


def text_length(value: Any) -> int:
    """The characters of every text in blocks, at any depth."""
    if isinstance(value, Mapping):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(text_length(inner) for inner in value.values())
    if isinstance(value, list):
        return sum(text_length(inner) for inner in value)
    return 0
