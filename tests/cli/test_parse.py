"""`meterwatch parse`: the alert of each body as one JSON document, as docs/webhook.md describes it."""

import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.__main__ import main
from shared.formats.azure_alert import OTHER, parse
from shared.formats.pushed_words import SEVERITIES
from tests.commands import ROOT

AZURE = ROOT / "tests" / "fixtures" / "azure"
DOCUMENT = (ROOT / "docs" / "webhook.md").read_text(encoding="utf-8")
RECEIVED = datetime(2026, 9, 21, 4, 12, tzinfo=UTC)
AT = ["--received", "2026-09-21T04:12:00Z"]
BUDGET, METRIC = (str(AZURE / f"{name}.json") for name in ("budget-common-actual", "metric-common-fired"))


def printed(capsys, *arguments):
    status = main(["parse", *arguments, *AT])
    return status, json.loads(capsys.readouterr().out)


def test_the_document_is_the_one_that_is_described(capsys):
    example = json.loads(re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)[0])

    status, document = printed(capsys, BUDGET)

    assert status == 0
    assert document == {**example, "file": BUDGET}
    for key in document:
        assert f"`{key}`" in DOCUMENT, key


def test_several_files_are_a_list_in_their_order(capsys):
    status, document = printed(capsys, METRIC, BUDGET)

    assert status == 0
    assert [(one["file"], one["what"]) for one in document] == [
        (METRIC, "TotalErrors 12 > 5 on app-x"),
        (BUDGET, "Budget ai-products-monthly: 82 % of 10,000 USD spent"),
    ]


def test_a_body_that_is_no_alert_says_why_beside_those_that_are(capsys, tmp_path):
    odd = tmp_path / "odd.json"
    odd.write_text('{"hello": 1}')

    status, document = printed(capsys, str(odd), BUDGET)

    assert status == 1
    assert document[0] == {
        "file": str(odd),
        "error": "a JSON object with the keys hello; expected an Azure alert with data",
    }
    assert document[1]["kind"] == "budget"


def test_a_file_that_cannot_be_read_is_worse_than_one_that_is_no_alert(capsys, tmp_path):
    status, document = printed(capsys, str(tmp_path / "nowhere.json"))

    assert status == 2
    assert document["error"] == "cannot be read: No such file or directory"


def test_a_body_comes_from_standard_input_and_may_be_a_list(capsys, monkeypatch):
    body = b"[" + Path(BUDGET).read_bytes() + b", 7]"
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(body)))

    status, document = printed(capsys, "-")

    assert status == 1
    assert document[0]["what"].startswith("Budget ai-products-monthly")
    assert document[1] == {"file": "-", "error": "JSON of type int; expected an object"}


def test_a_time_that_is_none_is_refused(capsys):
    with pytest.raises(SystemExit) as refused:
        main(["parse", BUDGET, "--received", "soon"])

    assert refused.value.code == 2
    assert "'soon' is no time" in capsys.readouterr().err


def rows_of(heading):
    section = DOCUMENT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


@pytest.mark.parametrize(("kind", "name", "what"), rows_of("Kinds of alert"))
def test_every_example_of_the_document_is_what_is_told(kind, name, what):
    alert = parse((AZURE / f"{name.strip('`')}.json").read_bytes(), RECEIVED)

    assert alert.what == what


def test_the_document_has_every_kind_and_every_severity():
    from shared.formats import azure_alert

    kinds = {kind.words for kind in vars(azure_alert).values() if isinstance(kind, azure_alert.AlertKind)}
    described = " ".join(row[0] for row in rows_of("Kinds of alert"))
    words = {word: ours for row, ours in rows_of("Severity") for word in re.findall(r"`(\w+)`", row)}

    assert OTHER.words in kinds
    assert [kind for kind in kinds if kind not in described] == []
    assert words == {word: severity.name.lower() for word, severity in SEVERITIES.items()}
