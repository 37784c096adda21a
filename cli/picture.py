"""Makes a picture of recorded messages: Slack's on the left, Teams' on the right.

The messages are drawn by the renderers that Microsoft and others publish, not by ours, so that the
picture shows how a real message is read. It needs Node with the packages of package.json, and Chromium.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

Message = Mapping[str, Any]

HERE = Path(__file__).resolve().parent.parent
BUNDLE = HERE / "sim" / "preview" / "bundle.mjs"
PACKAGES = ("adaptivecards", "esbuild", "markdown-it", "react", "react-dom", "slack-blocks-to-jsx")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_OPTIONS = (
    "--headless",
    "--no-sandbox",  # there is none in most containers; the page is our own and can reach nothing
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-device-scale-factor=2",
    "--virtual-time-budget=2000",
)
WIDTH = 1200  # CSS pixels; the picture has twice as many
FIRST_HEIGHT = 800  # any: the page says how high it became
PATIENCE = 60  # seconds for one program


class CannotDrawError(Exception):
    """No picture; the text says in one line what is missing."""


def main(arguments: Sequence[str]) -> int:
    """Make the picture. 0: made; 2: something is missing, and a line says what."""
    parser = argparse.ArgumentParser(prog="python -m cli picture", description="Draw recorded messages.")
    parser.add_argument(
        "--messages", type=Path, default=HERE / "out" / "messages.json", help="what a run left"
    )
    parser.add_argument("--out", type=Path, default=HERE / "docs" / "alerts.png", help="the picture to write")
    parser.add_argument(
        "--pick", type=int, action="append", help="a message by number, 0 the first; repeatable"
    )
    options = parser.parse_args(arguments)
    try:
        check_tools()
        chosen = choose(read(options.messages), options.pick)
        draw(chosen, options.out)
    except CannotDrawError as problem:
        print(f"No picture: {problem}", file=sys.stderr)
        return 2
    print(f"Drew {len(chosen)} messages: {options.out}")
    return 0


def check_tools() -> None:
    """Raise with all that is missing."""
    missing = [] if shutil.which("node") else ["Node (nodejs.org)"]
    if not all((HERE / "node_modules" / name).is_dir() for name in PACKAGES):
        missing.append("its packages (npm ci)")
    if browser() is None:
        missing.append("Chromium (apt-get install chromium)")
    if missing:
        raise CannotDrawError(f"not found: {', '.join(missing)}")


def browser() -> str | None:
    """The path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


# --- Which messages


def read(file: Path) -> list[Message]:
    """The recorded messages."""
    try:
        messages = json.loads(file.read_text(encoding="utf-8"))
    except OSError:
        raise CannotDrawError(f"{file} is not there; make run writes it") from None
    except ValueError:
        raise CannotDrawError(f"{file} is not JSON") from None
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise CannotDrawError(f"{file} holds no list of messages")
    return messages


def choose(messages: Sequence[Message], picks: Sequence[int] | None) -> list[Message]:
    """The picked messages; or the first critical one in Slack, and in Teams the first warning."""
    if picks:
        try:
            return [messages[number] for number in picks]
        except IndexError:
            raise CannotDrawError(f"there are {len(messages)} messages, numbered from 0") from None
    slack = [shown for message in messages if not is_reply(message) for shown in versions(message)]
    chosen = (first(slack, "slack", "Critical"), first(messages, "teams", "Warning"))
    found = [message for message in chosen if message is not None]
    if not found:
        raise CannotDrawError("no Slack or Teams message was recorded")
    return found


def is_reply(message: Message) -> bool:
    return message.get("thread_ts") not in (None, "", message.get("ts"))


def versions(message: Message) -> list[Message]:
    """The message as it was posted and after each edit: what is resolved now was critical before."""
    return [message, *({**message, **edit} for edit in message.get("versions") or ())]


def first(messages: Sequence[Message], kind: str, word: str) -> Message | None:
    """The first of a kind that has the word; else the first of the kind."""
    of_kind = [message for message in messages if str(message.get("kind")).startswith(kind)]
    with_word = [message for message in of_kind if word in json.dumps(message.get("body"))]
    return next(iter(with_word + of_kind), None)


# --- The picture


def draw(messages: Sequence[Message], out: Path) -> None:
    """Bundle the page, ask how high it is, take its picture."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        chosen, page = Path(directory, "chosen.json"), Path(directory, "page.html")
        chosen.write_text(json.dumps(messages), encoding="utf-8")
        output_of("node", str(BUNDLE), str(chosen), str(page))
        text = browse(page, FIRST_HEIGHT, "--dump-dom")
        height = re.search(r'<html[^>]* data-height="(\d+)"', text)
        if height is None:
            raise CannotDrawError("a message cannot be drawn by the public renderers")
        out.parent.mkdir(parents=True, exist_ok=True)
        browse(page, int(height[1]), f"--screenshot={out.resolve()}")


def browse(page: Path, height: int, task: str) -> str:
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        own = (f"--user-data-dir={profile}", f"--window-size={WIDTH},{height}", task, page.as_uri())
        return output_of(browser() or BROWSERS[0], *BROWSER_OPTIONS, *own)


def output_of(*command: str) -> str:
    """What a program wrote. Clocks in the picture are UTC."""
    environment = {**os.environ, "TZ": "UTC"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=PATIENCE, env=environment
        )
    except subprocess.CalledProcessError as failure:
        last = (failure.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CannotDrawError(f"{Path(command[0]).name} failed: {last}") from None
    except subprocess.TimeoutExpired:
        raise CannotDrawError(f"{Path(command[0]).name} took more than {PATIENCE} s") from None
    return done.stdout
