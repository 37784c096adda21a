"""`python -m fuzz RUNS`: each target for so many inputs, one after the other; ends with 1 when one fails.

What a target has found is kept in out/fuzz, so that a longer run goes on from there. An input that fails is
written to out/fuzz too; the module of its target, given that file, shows the failure again.
"""

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from tests.pushed_bodies import real_bodies

PRESS = {
    "type": "block_actions",
    "user": {"id": "U1", "username": "ann"},
    "actions": [
        {"action_id": "acknowledge", "value": "MW-00000000", "action_ts": "1757340300.1"},
        {"action_id": "silence", "selected_option": {"value": "MW-00000000 60"}, "action_ts": "1757340300.2"},
    ],
}
FORM = b"payload=" + quote(json.dumps(PRESS)).encode()
ROOT = Path(__file__).resolve().parents[1]
FOUND = ROOT / "out" / "fuzz"
SEEDS = {
    "parser": real_bodies(),
    # The first byte says who calls: an action group, Slack, who holds a link.
    "functions": [
        *(b"\x00" + one for one in real_bodies()),
        b"\x03" + FORM,
        b"\x06who=ann&why=on+it",
        b"\x06on-call|0\x0001|1",
    ],
}
LIMITS = ("-max_len=6000", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1")


def fuzz(target: str, runs: int) -> int:
    """Runs one target and answers its exit code, 0 when nothing was found."""
    corpus = FOUND / target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[target]):
        (corpus / f"seed-{number:03d}").write_bytes(seed)
    print(f"fuzzing {target} with {runs:,} inputs", flush=True)
    command = [sys.executable, "-m", f"fuzz.{target}", str(corpus), f"-runs={runs}", *LIMITS]
    return subprocess.run([*command, f"-artifact_prefix={FOUND}/{target}-"], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(max([fuzz(target, int(sys.argv[1])) for target in SEEDS]))
