"""What HTTP functions answer: in time, and never an error of ours.

An action group repeats a call that is answered with 503, and gives up at 500. Whoever else calls learns
nothing of the inside; the log has it.
"""

import asyncio
import logging
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import azure.functions as func

from shared.flows.intake import Reply
from shared.flows.ports import Ports
from shared.formats.http_headers import PLAIN
from shared.settings import SettingsError
from shared.wiring import ports

LOG = logging.getLogger("meterwatch")
THREADS = 10  # they wait for the store, most of the time; its client keeps as many connections
IN_TIME = 8.0  # seconds; an action group has been documented to wait for ten
PATIENTLY = 100.0  # seconds; the platform cuts every call at 230
AGAIN = Reply(503, "not now; send it again")

_POOL = ThreadPoolExecutor(THREADS, "http")


async def answered(
    answer: Callable[[Ports], Reply], context: func.Context, seconds: float = IN_TIME
) -> Reply:
    """What a flow replies, or 503 after `seconds`: then it has not begun, or goes on and is repeated."""

    def work() -> Reply:
        # Without this the platform drops what a thread of ours logs.
        context.thread_local_storage.invocation_id = context.invocation_id  # type: ignore[attr-defined]
        return _replied(answer)

    try:
        return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(_POOL, work), seconds)
    except TimeoutError:
        LOG.error("%s: no answer within %.0f s", context.function_name, seconds)  # noqa: TRY400 - no bug
        return AGAIN


def response(reply: Reply, headers: Mapping[str, str] = PLAIN) -> func.HttpResponse:
    """The reply as it goes out, with the headers of what is no page, or those given."""
    return func.HttpResponse(
        reply.text, status_code=reply.status, headers=dict(headers), mimetype=reply.media
    )


def _replied(answer: Callable[[Ports], Reply]) -> Reply:
    try:
        return answer(ports())
    except SettingsError as wrong:
        LOG.error("settings: %s", wrong)  # noqa: TRY400 - it says where
    except Exception as bug:  # noqa: BLE001 - whatever it is: a 500 would lose the alert
        # Not its text and not its variables: what was sent to us may be in them.
        LOG.error("an HTTP function failed: %s at %s", type(bug).__name__, _place(bug))  # noqa: TRY400
    return AGAIN


def _place(bug: Exception) -> str:
    frames = traceback.extract_tb(bug.__traceback__)[:-5:-1]
    return " < ".join(f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in frames)
