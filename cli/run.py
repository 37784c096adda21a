"""`meterwatch run`: the main job on the embedded default, from a simulated tenant to a page to look at.

A tenant on loopback, a SQLite file, local chat receivers; the app's own flows on a simulated clock.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cli.replay import Sent, replay
from cli.report import incidents_told, truth_told
from shared.core.wording import moment
from shared.flows.ports import Ports
from shared.settings import Settings
from shared.wiring import build
from sim.estate import LIVE_DAYS
from sim.page import page
from sim.process import RunningTenant, running_tenant

HERE = Path(__file__).resolve().parents[1]
BEFORE = timedelta(days=1)  # a quiet day that is replayed too; those before it are read as history
MOST_DAYS = 60
ERASE = "\r\x1b[K"  # the line that the cursor is in
OURS = ("index.html", "messages.json", "meterwatch.db*")  # what a run leaves, and the next one replaces


def main(arguments: Sequence[str]) -> int:
    """0: the run ended, and its page is in the folder; 2: the folder cannot be used."""
    options = _options(arguments)
    began = time.monotonic()
    try:
        _clear(options.out)
    except OSError as unusable:
        print(f"meterwatch run: {unusable}", file=sys.stderr)
        return 2
    print("starting the simulated tenant: 3 subscriptions, 8 AI accounts, 20 deployments", flush=True)
    with running_tenant(seed=options.seed, days=options.days) as tenant:
        story = _watch(tenant, options.out, began)
        file = _write(tenant, options.out, story)
    print(f"done in {time.monotonic() - began:.0f} s: {file}")
    if options.serve:
        _serve(options.out, options.port)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="meterwatch run", description="Watch a simulated tenant.")
    parser.add_argument("--no-serve", dest="serve", action="store_false", help="end when the page is written")
    parser.add_argument("--port", type=int, default=8707, help="of the page; another where it is taken")
    parser.add_argument("--seed", type=int, default=7, help="of the tenant; the same gives the same run")
    parser.add_argument("--days", type=_days, default=LIVE_DAYS, help="in which things go wrong")
    parser.add_argument("--out", type=Path, default=HERE / "out", help="the folder for the page")
    return parser.parse_args(arguments)


def _days(text: str) -> int:
    """A number of days; argparse says so when it is none."""
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST_DAYS:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r}, expected 1 to {MOST_DAYS}")


def _clear(folder: Path) -> None:
    """Makes the folder, or takes what an earlier run left out of it; what is not ours stays."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in (file for pattern in OURS for file in folder.glob(pattern)):
        old.unlink()


def ports_for(tenant: RunningTenant, folder: Path) -> Ports:
    """The app's ports, by its own settings, pointed at the tenant; a quiet log."""
    settings = Settings.read(environment_for(tenant, folder))
    return replace(build(settings), log=lambda event: None)


def environment_for(tenant: RunningTenant, folder: Path) -> Mapping[str, str]:
    """The settings that a deployed app would have, with the tenant in Azure's and the chats' place."""
    return {
        "METERWATCH_STORE": str(folder / "meterwatch.db"),
        "METERWATCH_WATCH_FILE": str(HERE / "sim" / "watch.yaml"),
        "METERWATCH_CREDENTIAL": "simulated",
        "METERWATCH_ARM_ENDPOINT": tenant.arm,
        "METERWATCH_METRICS_ENDPOINT": tenant.metrics,
        "METERWATCH_LOGIN_ENDPOINT": tenant.login,
        "METERWATCH_LOGS_ENDPOINT": tenant.logs,
        "METERWATCH_PRICES_ENDPOINT": tenant.prices,
        "METERWATCH_SLACK_ENDPOINT": tenant.slack_api,
        "METERWATCH_WEBHOOK_AUTH": "key",  # nothing on this machine signs an action group in
        "SLACK_BOT_TOKEN": "xoxb-simulated",
        "TEAMS_WEBHOOK_URL": tenant.teams_webhook("on-call"),
        "SLACK_SIGNING_SECRET": "simulated-signing-secret",
        "METERWATCH_PUBLIC_URL": "https://meterwatch.example",
        "METERWATCH_LINK_KEY": "simulated-link-key-of-32-characters",
    }


def _watch(tenant: RunningTenant, folder: Path, began: float) -> list[str]:
    estate = tenant.estate
    start = estate.live - BEFORE
    print(f"replaying {moment(start)} to {moment(estate.end)}, after the history before it", flush=True)
    story: list[str] = []
    day: date | None = None
    rounds = replay(ports_for(tenant, folder), start, estate.end, estate.webhooks, tenant.set_clock)
    for now, sent in rounds:
        if now.date() != day:
            day = now.date()
            _print_progress(now, (now - start) / (estate.end - start), time.monotonic() - began)
        lines = [f"{moment(now)}  {text}" for text in _told(sent)]
        story += lines
        for line in lines:
            _end_progress()
            print(line, flush=True)
    _end_progress()
    return story


def _print_progress(now: datetime, share: float, seconds: float) -> None:
    """A line a day; on a terminal each in the place of the one before."""
    line = f"-- {now:%a} {now.day} {now:%b}  {share:4.0%}  {seconds:3.0f} s"
    print(f"{ERASE}{line}" if sys.stderr.isatty() else f"{line}\n", end="", file=sys.stderr, flush=True)


def _end_progress() -> None:
    if sys.stderr.isatty():
        print(ERASE, end="", file=sys.stderr, flush=True)


def _told(sent: Sequence[Sent]) -> list[str]:
    """What was told in one round: each text once, with the channels that took it."""
    channels: dict[str, list[str]] = {}
    for one in sent:
        if one.call.path != "chat.update":  # the same text follows in the thread
            taken = (
                one.channel if one.answer.status < 300 else f"{one.channel} (answered {one.answer.status})"
            )
            channels.setdefault(_text(one.call.body), []).append(taken)
    return [f"{text}  -> {', '.join(names)}" for text, names in channels.items()]


def _text(body: Mapping[str, Any]) -> str:
    text = body.get("text") or body["attachments"][0]["content"]["fallbackText"]
    return str(text).replace("\u034f", "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _write(tenant: RunningTenant, folder: Path, story: list[str]) -> Path:
    """The page, and the messages as data for the picture."""
    messages = tenant.messages()
    (folder / "messages.json").write_text(json.dumps(messages, indent=1), encoding="utf-8")
    store = ports_for(tenant, folder).store
    incidents, truth = incidents_told(store), truth_told(tenant.estate.incidents, store)
    file = folder / "index.html"
    file.write_text(page("Meterwatch: a simulated run", story, incidents, messages, truth), encoding="utf-8")
    return file


def _serve(folder: Path, port: int) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(folder))

        def log_message(self, *given: Any) -> None:
            """Nothing: the terminal has the account."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Quiet)
    except OSError:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    with server:
        print(
            f"every message and incident: http://127.0.0.1:{server.server_port}/  (Ctrl-C ends)", flush=True
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("ended")
