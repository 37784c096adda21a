"""How well and how fast the anomaly judge works: `python -m bench.detection [FOLDER]`.

FOLDER, or the environment's BENCH_SERIES, holds labelled series in the format that `meterwatch judge` reads;
`--scorer` names the program that scores detections against its labels (score_incidents.py beside the folder
when not given). Without a folder only the speed is measured: as it is, and against statsforecast in the same
run, which is installed in an environment of its own (out/peers), if it can be.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from cli.judge import main as judge
from shared.core.detection.bank import new_bank
from shared.core.detection.history import judge_history
from shared.core.detection.state import Grain, place

MONDAY = datetime(2025, 1, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
MANY = 10_000
PEERS_HOME = Path("out/peers")
PEERS = """
import sys, time, json, numpy as np
from statsforecast.models import MSTL, SeasonalNaive
y = np.array(json.load(sys.stdin)); out = {}
for name, model in (("seasonal naive", SeasonalNaive(168)), ("MSTL", MSTL([24, 168]))):
    begin = time.perf_counter(); model.forecast(y=y, h=1); out[name] = time.perf_counter() - begin
print(json.dumps(out))
"""


def main() -> int:
    """Prints the reports; answers 0, or what the scorer answered."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=os.environ.get("BENCH_SERIES"))
    parser.add_argument("--scorer", type=Path, help="(default: score_incidents.py beside the folder)")
    asked = parser.parse_args()
    answer = 0
    if asked.folder:
        answer = accuracy(asked.folder, asked.scorer or asked.folder.parent / "score_incidents.py")
    speed(peers_python())
    return answer


def accuracy(folder: Path, scorer: Path) -> int:
    """The scorer's report, by group, interval and kind of incident."""
    out = Path("out/detections.json")
    out.parent.mkdir(exist_ok=True)
    judge([str(folder), "--out", str(out)])
    program = [sys.executable, str(scorer), str(folder / "labels.json"), str(out)]
    return subprocess.run(program, check=False).returncode


def speed(peers: str | None) -> None:
    """Points a second of many series stepped together, and a new series of 60 days."""
    chance = np.random.default_rng(1)
    values = chance.lognormal(10, 0.2, (11 * 24, MANY)).astype(np.float32)
    bank, grain = new_bank(Grain(60), MANY), Grain(60)
    for day in range(10):
        number, _ = place(grain, MONDAY + day * 24 * HOUR)
        bank.block(number, np.arange(24), values[day * 24 : (day + 1) * 24])
    took = timed(lambda: [bank.step(MONDAY + hour * HOUR, values[hour]) for hour in range(240, 264)]) / 24
    print(f"{MANY} hourly series a step: {1000 * took:.2f} ms, {MANY / took / 1e6:.1f} million points/s")
    print(f"state: {4 * grain.size} bytes a series")
    series = [float(value) for value in chance.lognormal(10, 0.2, 60 * 24)]
    points = [(MONDAY + hour * HOUR, value) for hour, value in enumerate(series)]
    cold = min(timed(lambda: judge_history(grain, points)) for _ in range(5))
    print(f"a new series, 60 days hourly: {1000 * cold:.0f} ms")
    if peers:
        compare(peers, series, MANY / took)


def peers_python() -> str | None:
    """The Python of an environment with statsforecast, made when it is not there; None when it cannot be."""
    python = PEERS_HOME / "bin" / "python"
    if not python.exists():
        venv.create(PEERS_HOME, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "statsforecast"]
    if subprocess.run(install, check=False, capture_output=True).returncode:
        print("statsforecast cannot be installed here: no comparison")
        return None
    return str(python)


def compare(peers: str, series: list[float], points_a_second: float) -> None:
    """A point judged online costs the peers a fit of all before it."""
    program = [peers, "-c", PEERS]
    finished = subprocess.run(program, input=json.dumps(series), capture_output=True, text=True, check=False)
    if finished.returncode:
        print(f"peers: not measured: {finished.stderr.strip().splitlines()[-1:]}")
        return
    for name, seconds in json.loads(finished.stdout).items():
        ratio = points_a_second * seconds
        print(f"statsforecast {name}: {1 / seconds:.0f} points/s, the judge is {ratio:,.0f} times as fast")


def timed(run: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


if __name__ == "__main__":
    sys.exit(main())
