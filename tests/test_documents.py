"""The documents say what is so: commands run, keys and settings are listed, links lead somewhere."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from shared.core.model import FAILED_SHARE, THROTTLED_SHARE
from shared.formats.channels import KINDS
from shared.formats.gateway_log import METERS
from shared.formats.metric_names import QUESTIONS
from shared.formats.token_metrics import outcomes_of
from shared.formats.watch_file import MeterName, WatchFile, json_schema, parse_watch
from shared.settings import DEFAULTS, HOST_SETTINGS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONFIGURE = (ROOT / "docs" / "configure.md").read_text(encoding="utf-8")
# What a command of the README answers where nobody is signed in to Azure.
EXPECTED = {
    ".venv/bin/meterwatch check": (2, "az login"),
    ".venv/bin/meterwatch config check": (0, "watch.yaml is right"),
}


def printed_commands():
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.mark.parametrize("command", printed_commands())
def test_every_command_of_the_readme_is_run(command):
    if command.startswith("make "):
        # These run for a minute or more: CI runs them as they stand, but for the page that waits.
        assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
        return
    status, words = EXPECTED[command]
    typed = shlex.split(command.replace(".venv/bin/meterwatch", f"{sys.executable} -m cli"))
    ours = ("AZURE_", "METERWATCH_")
    nobody = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    ran = subprocess.run(typed, cwd=ROOT, env=nobody, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == status, ran.stderr
    assert words in ran.stdout + ran.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_within_the_project_leads_somewhere(document):
    links = re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]

    assert missing == []


def test_configure_lists_every_key_of_the_watch_file():
    for name in WatchFile.__struct_fields__:
        assert f"`{name}`" in CONFIGURE, name


def test_configure_lists_every_meter_with_its_unit_and_metrics():
    rows = dict(re.findall(r"^\| (`.*?`) \| (.*) \|$", CONFIGURE, re.MULTILINE))
    sources = [source for question in QUESTIONS for source in question.sources]

    for meter, names in [(one.meter, set(one.names())) for one in sources if one.meter]:
        unit, _, metrics = rows[f"`{meter.name}`"].partition(" | ")
        assert unit.split(",")[0] == meter.unit
        assert names <= set(re.findall(r"\w+", metrics))
    for name in get_args(MeterName):
        assert f"`{name}`" in CONFIGURE, name


def test_a_limit_can_be_set_on_every_meter_that_is_read():
    by_status = {meter.name for code in ("200", "404", "429", "500") for meter in outcomes_of(code)}
    read = {source.meter.name for question in QUESTIONS for source in question.sources if source.meter}
    consumers = {meter.name for meter in METERS.values()}
    made = {THROTTLED_SHARE.name, FAILED_SHARE.name}

    assert set(get_args(MeterName)) == read | by_status | consumers | made


def test_configure_lists_every_setting_and_every_kind_of_channel():
    for name in (*DEFAULTS, *(name for name in HOST_SETTINGS if name.endswith("SCHEDULE")), *KINDS):
        assert f"`{name}`" in CONFIGURE, name


def test_the_examples_of_configure_are_right_together():
    parts = re.findall(r"```yaml\n(.*?)```", CONFIGURE, re.DOTALL)

    watch = parse_watch("\n".join(parts))

    counts = map(len, (watch.channels, watch.routes.routes, watch.budgets, watch.limits))
    assert list(counts) == [2, 2, 1, 3]


def test_the_schema_for_editors_is_that_of_the_code():
    kept = json.loads((ROOT / "docs" / "watch.schema.json").read_text(encoding="utf-8"))

    assert kept == json.loads(json.dumps(json_schema()))


def test_the_file_that_ships_tells_nobody_and_watches_everything():
    watch = parse_watch((ROOT / "watch.yaml").read_text(encoding="utf-8"))

    assert watch == parse_watch("")


def test_the_commented_examples_of_the_file_that_ships_are_right():
    text = (ROOT / "watch.yaml").read_text(encoding="utf-8")
    examples = [line[2:] for line in text.splitlines() if re.match(r"#  |# \w+:$", line)]

    watch = parse_watch("\n".join(examples))

    assert [name for name, _ in watch.channels] == ["finops", "on-call"]
    assert len(watch.budgets) == 1
