"""Judges a folder of series online and writes the times that would be told.

The folder: `series/NAME.csv` with the columns timestamp (ISO 8601; UTC when no zone is given) and value,
oldest first or not. `labels.json` beside it may say of a NAME when its history ends (`train_end`) and how
far apart its points are (`interval_minutes`); nothing else in it is read. Points of the history are learnt
and not told.
"""

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

USAGE = 2


@dataclass(frozen=True, slots=True)
class Series:
    """One file of the folder."""

    name: str
    points: list[tuple[datetime, float]]
    history_ends: datetime | None
    minutes: int | None
    odd: list[str]  # rows that could not be read


def main(arguments: Sequence[str]) -> int:
    """Answers 0, or 1 when a file could not be judged, or 2 when there is none to judge."""
    asked = _parser().parse_args(arguments)
    files = sorted((asked.folder / "series").glob("*.csv"))
    if not files:
        print(f"meterwatch judge: no series/*.csv in {asked.folder}", file=sys.stderr)
        return USAGE
    labels = _labels(asked.folder / "labels.json")
    told: dict[str, list[str]] = {}
    failed = 0
    for file in files:
        try:
            series = read_series(file, labels.get(file.stem))
            told[file.stem] = [at.isoformat() for at in judge(series, asked.until)]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            print(f"{file.stem}: not judged: {error}", file=sys.stderr)
            failed += 1
            continue
        for line in series.odd:
            print(f"{file.stem}: passed over: {line}", file=sys.stderr)
    asked.out.write_text(json.dumps(told, indent=1) + "\n")
    print(f"{sum(map(bool, told.values()))} of {len(told)} series have something to tell: {asked.out}")
    return 1 if failed else 0


def judge(series: Series, until: datetime | None = None) -> list[datetime]:
    """The times that would be told, oldest first; points after `until` are from the future and left out."""
    from shared.core.detection.history import grain_of, judge_history
    from shared.core.detection.state import Grain

    grain = Grain(series.minutes) if series.minutes else grain_of([at for at, _ in series.points])
    judged = judge_history(grain, series.points, until)
    after = series.history_ends or datetime.min.replace(tzinfo=UTC)
    return [at for at, told in zip(judged.times, judged.told, strict=True) if told and at > after]


def read_series(file: Path, label: Any = None) -> Series:
    """One file with what `labels.json` says of it; a row that cannot be read is named and passed over."""
    points, odd = [], []
    with file.open(newline="", encoding="utf-8-sig") as handle:
        for number, row in enumerate(csv.reader(handle), start=1):
            if number == 1 or not row:
                continue
            try:
                points.append((moment(row[0]), float(row[1])))
            except (ValueError, IndexError):
                odd.append(f"line {number}: {','.join(row)[:80]!r} is no time and number")
    label = label if isinstance(label, dict) else {}
    minutes = label.get("interval_minutes")
    ends = label.get("train_end")
    return Series(
        file.stem,
        points,
        moment(ends) if isinstance(ends, str) else None,
        minutes if isinstance(minutes, int) and minutes > 0 else None,
        odd,
    )


def moment(text: str) -> datetime:
    """An ISO 8601 time; without a zone it is UTC. Raises ValueError for anything else."""
    at = datetime.fromisoformat(text.strip())
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _labels(file: Path) -> dict[str, Any]:
    try:
        labels = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        print(f"{file}: not read: {error}", file=sys.stderr)
        return {}
    return labels if isinstance(labels, dict) else {}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="meterwatch judge", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="with series/*.csv and, if there is one, labels.json")
    parser.add_argument("--out", type=Path, default=Path("detections.json"), help="(default: %(default)s)")
    parser.add_argument("--until", type=moment, help="leave out what is later: the time it is now")
    return parser
