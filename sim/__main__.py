"""`python -m sim`: serve a simulated tenant until killed. Prints one line of JSON with its address."""

import argparse
import gc
import json
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from threading import Thread

from sim.estate import START
from sim.estates import NAMES, EstatePlan
from sim.scenarios import SCENARIOS
from sim.server import Server
from sim.tenant import Tenant


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sim", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--estate", choices=NAMES, default="story", help="what there is in the tenant")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="size of the large estate; 1 is 2,000 accounts"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--start", type=datetime.fromisoformat, default=START, help="a Monday, midnight UTC")
    parser.add_argument("--quiet-days", type=int, help="whole weeks of clean history")
    parser.add_argument("--days", type=int, help="days in which things go wrong")
    parser.add_argument("--scenario", choices=SCENARIOS, default="calm", metavar="NAME")
    parser.add_argument("--list-scenarios", action="store_true", help="say what the scenarios are, and end")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input is closed")
    return parser.parse_args(given)


def main(given: Sequence[str]) -> None:
    options = arguments(given)
    if options.list_scenarios:
        print("\n".join(f"{name:20} {found.words}" for name, found in SCENARIOS.items()))
        return
    plan = EstatePlan(
        options.estate, options.seed, options.start, options.quiet_days, options.days, options.scale
    )
    estate = plan.build()
    with Server(Tenant(estate), options.port) as server:
        server.controls.play(SCENARIOS[options.scenario])
        if options.with_parent:
            Thread(target=end_with_parent, daemon=True).start()
        print(json.dumps({"url": server.tenant.base, "now": estate.live.isoformat()}), flush=True)
        gc.freeze()
        server.serve_forever(poll_interval=60)


def end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(0)
