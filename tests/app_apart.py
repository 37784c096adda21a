"""The app in a process of its own, since a worker takes one app and the app reads its environment once."""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.worker import Result, Worker

ROOT = Path(__file__).resolve().parents[1]
OURS = ("METERWATCH_", "AzureWebJobsStorage", "SLACK_", "TEAMS_", "AZURE_", "WEBSITE_")
workers: list[Worker] = []  # the one of the child process


def open_app(environment: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith(OURS)]:
        del os.environ[name]
    os.environ.update(environment)
    workers.append(Worker(ROOT))


def invoke(trigger: str, *args: Any, **fields: Any) -> Result:
    result: Result = getattr(workers[0], trigger)(*args, **fields)
    return result


@contextmanager
def app(environment: Mapping[str, str]) -> Iterator[Callable[..., Result]]:
    """Calls of the app in a child process whose environment holds these settings and no other of ours."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        pool.submit(open_app, dict(environment)).result()
        yield lambda *args, **fields: pool.submit(invoke, *args, **fields).result()
