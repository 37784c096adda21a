"""The harness around the worker core. It runs in child processes, since a process takes one app only."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from tests.worker import PROTOS, Function, HttpAnswer, Result, Worker, WorkerError

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the worker core needs Python 3.13")

APP = """
import typing
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.timer_trigger(schedule="0 */5 * * * *", arg_name="timer")
@app.queue_output(arg_name="jobs", queue_name="jobs", connection="Storage")
def tick(timer: func.TimerRequest, jobs: func.Out[typing.List[str]]) -> None:
    jobs.set(["late"] if timer.past_due else ["a", "b"])

@app.queue_trigger(arg_name="message", queue_name="jobs", connection="Storage")
@app.queue_output(arg_name="reply", queue_name="replies", connection="Storage")
def work(message: func.QueueMessage, reply: func.Out[str]) -> None:
    if message.get_body() == b"bad":
        raise ValueError("cannot work on bad")
    reply.set(f"{message.get_body().decode()} {message.dequeue_count}")

@app.route(route="echo/{word}", methods=["POST"])
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    parts = [req.route_params["word"], req.params["n"], req.headers["X-Who"], req.get_body().decode()]
    return func.HttpResponse(" ".join(parts), status_code=202, headers={"X-Seen": req.method})
"""

Call = Callable[..., Any]
workers: list[Worker] = []  # the one of the child process


def open_worker(app_dir: Path) -> None:
    sys.path.insert(0, str(app_dir))  # before the project's own function_app.py
    workers.append(Worker(app_dir))


def functions() -> dict[str, Function]:
    return workers[0].functions


def call(trigger: str, *args: Any, **fields: Any) -> Any:
    return getattr(workers[0], trigger)(*args, **fields)


def refusal(app_dir: Path) -> str:
    try:
        open_worker(app_dir)
    except WorkerError as error:
        return str(error)
    return ""


def child() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))


@pytest.fixture(scope="module")
def in_child(tmp_path_factory) -> Iterator[Call]:
    app_dir = tmp_path_factory.mktemp("app")
    (app_dir / "function_app.py").write_text(APP)
    with child() as pool:
        pool.submit(open_worker, app_dir).result()
        yield lambda function, *args, **fields: pool.submit(function, *args, **fields).result()


def test_functions_are_indexed_with_their_bindings(in_child):
    found = in_child(functions)

    assert {name: function.trigger["type"] for name, function in found.items()} == {
        "tick": "timerTrigger",
        "work": "queueTrigger",
        "echo": "httpTrigger",
    }
    assert [binding["name"] for binding in found["work"].bindings] == ["reply", "message"]
    assert found["tick"].trigger["schedule"] == "0 */5 * * * *"


@pytest.mark.parametrize(("past_due", "jobs"), [(False, ["a", "b"]), (True, ["late"])])
def test_a_timer_puts_its_messages_out(in_child, past_due, jobs):
    assert in_child(call, "timer", "tick", past_due=past_due) == Result(outputs={"jobs": jobs})


def test_a_queue_message_comes_with_its_count(in_child):
    assert in_child(call, "queue", "work", "hello", dequeue_count=3) == Result(outputs={"reply": "hello 3"})


def test_an_exception_in_a_function_is_the_result_of_its_call(in_child):
    result = in_child(call, "queue", "work", "bad")

    assert not result.ok
    assert result.exception == "ValueError: cannot work on bad"


def test_an_http_function_sees_route_query_headers_and_body(in_child):
    fields = {"url": "http://localhost/api/echo/hi?n=2", "headers": {"x-who": "me"}, "params": {"word": "hi"}}

    result = in_child(call, "http", "echo", method="POST", body="text", **fields)

    answer = result.returned
    assert isinstance(answer, HttpAnswer)
    assert (answer.status, answer.body, answer.headers["x-seen"]) == (202, "hi 2 me text", "POST")


def test_an_app_that_the_worker_refuses_is_an_error_with_the_reason(tmp_path):
    text = APP.replace("typing.List[str]", "list[str]")
    (tmp_path / "function_app.py").write_text(text)

    with child() as pool:
        assert "invalid non-type annotation" in pool.submit(refusal, tmp_path).result()


def test_a_message_refuses_a_field_it_does_not_know():
    with pytest.raises(TypeError, match="StatusResult knows no field news"):
        PROTOS.StatusResult(status=1, news="x")
