"""Ten thousand inputs for each fuzzing target; `make fuzz` tries a million."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RUNS = 10_000

pytestmark = [
    pytest.mark.skipif(sys.version_info < (3, 13), reason="the worker core needs Python 3.13"),
    pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed"),
]


def test_no_input_brings_an_exception_a_500_or_a_loss():
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", str(RUNS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )

    assert done.returncode == 0, (done.stdout + done.stderr)[-4_000:]
    executed = re.findall(r"number_of_executed_units: (\d+)", done.stderr)
    assert [int(one) for one in executed] == [RUNS, RUNS]


def test_a_target_notices_an_exception(tmp_path):
    """The parser with a fault planted in it, for inputs that only coverage leads to quickly."""
    planted = (
        "import runpy, shared.formats.azure_alert as parser; found = parser._read_or_why\n"
        "def faulty(one, at):\n"
        "    assert not (isinstance(one, dict) and 'data' in one and len(one) == 1), 'planted'\n"
        "    return found(one, at)\n"
        "parser._read_or_why = faulty\n"
        "runpy.run_module('fuzz.parser', run_name='__main__')\n"
    )
    (tmp_path / "seed").write_bytes(b'{"data": {}}')
    done = subprocess.run(
        [sys.executable, "-c", planted, str(tmp_path), "-runs=100", f"-artifact_prefix={tmp_path}/"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode != 0
    assert "planted" in done.stdout + done.stderr
