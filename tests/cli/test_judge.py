"""`meterwatch judge FOLDER`: times that would be told, from files as people have them."""

import json
import math
import random
from datetime import UTC, datetime, timedelta

import pytest

from cli.__main__ import main

START = datetime(2025, 1, 6, tzinfo=UTC)
SPIKE = 25 * 24 + 10


def a_file(folder, name, values, zone="Z"):
    (folder / "series").mkdir(exist_ok=True)
    times = [START + timedelta(hours=index) for index in range(len(values))]
    rows = [f"{at:%Y-%m-%dT%H:%M:%S}{zone},{value}" for at, value in zip(times, values, strict=True)]
    (folder / "series" / f"{name}.csv").write_text("\n".join(["timestamp,value", *rows]) + "\n")


def usual(hours=28 * 24):
    chance = random.Random(1)
    return [1000 * math.exp(chance.gauss(0, 0.1)) for _ in range(hours)]


def judged(folder, *more):
    out = folder / "out.json"
    answer = main(["judge", str(folder), "--out", str(out), *more])
    return answer, json.loads(out.read_text()) if out.exists() else None


def test_a_spike_is_written_and_a_quiet_series_is_there_and_empty(tmp_path):
    spiky = usual()
    spiky[SPIKE] *= 5
    a_file(tmp_path, "spiky", spiky)
    a_file(tmp_path, "quiet", usual(), zone="")

    answer, told = judged(tmp_path)

    assert answer == 0
    assert told == {"quiet": [], "spiky": [(START + timedelta(hours=SPIKE)).isoformat()]}


def test_of_the_labels_only_the_end_of_the_history_and_the_grain_are_used(tmp_path):
    spiky = usual()
    spiky[SPIKE] *= 5
    a_file(tmp_path, "spiky", spiky)
    label = {
        "train_end": (START + timedelta(hours=SPIKE)).isoformat(),
        "interval_minutes": 60,
        "incidents": 7,
    }
    (tmp_path / "labels.json").write_text(json.dumps({"spiky": label}))

    assert judged(tmp_path) == (0, {"spiky": []})


@pytest.mark.parametrize("labels", ["", "[]", "{", '{"odd": 3}', '{"odd": {"interval_minutes": "x"}}'])
def test_labels_that_make_no_sense_are_passed_over(tmp_path, labels):
    a_file(tmp_path, "odd", usual())
    (tmp_path / "labels.json").write_text(labels)

    assert judged(tmp_path) == (0, {"odd": []})


def test_one_odd_file_or_row_does_not_stop_the_others(tmp_path, capsys):
    a_file(tmp_path, "good", usual())
    a_file(tmp_path, "odd", ["nan", "-3", "many", "1e400", ""] * 40)
    (tmp_path / "series" / "bytes.csv").write_bytes(b"timestamp,value\n\xff\xfe\n")
    (tmp_path / "series" / "empty.csv").write_text("")

    answer, told = judged(tmp_path)
    said = capsys.readouterr().err

    assert answer == 1
    assert told == {"empty": [], "good": [], "odd": []}
    assert "bytes: not judged" in said
    assert "odd: passed over: line 4: '2025-01-06T02:00:00Z,many' is no time and number" in said


def test_what_is_later_than_now_is_left_out(tmp_path):
    spiky = usual()
    spiky[SPIKE] *= 5
    a_file(tmp_path, "spiky", spiky)

    assert judged(tmp_path, "--until", "2025-01-20T00:00:00Z") == (0, {"spiky": []})


def test_a_folder_without_series_is_said(tmp_path, capsys):
    assert judged(tmp_path) == (2, None)
    assert "no series/*.csv" in capsys.readouterr().err
