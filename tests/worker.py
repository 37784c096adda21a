"""Drives the worker core that Azure runs on Python 3.13 and later: it indexes an app and calls its functions.

The core is handed plain Python stand-ins for its protobuf messages. What the host does around it (schedules,
retries, poison queues, routing, keys, base64) is not here. One app a process: a second one is refused.
"""

import asyncio
import json
import sys
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

Ended = TypeVar("Ended")


class WorkerError(Exception):
    """The worker refused the app; the text is the worker's own."""


class Message:
    """Stands for a protobuf message: a field not given is None, and an unknown one is refused."""

    fields: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **given: Any) -> None:
        unknown = sorted(given.keys() - set(self.fields))
        if unknown:
            raise TypeError(f"{type(self).__name__} knows no field {', '.join(unknown)}")
        for name in self.fields:
            setattr(self, name, given.get(name))

    def WhichOneof(self, group: str) -> str | None:  # noqa: N802, protobuf's own name
        return next((name for name in self.fields if getattr(self, name) is not None), None)


class ParameterBinding(Message):
    fields = ("name", "data")

    def WhichOneof(self, group: str) -> str | None:  # noqa: N802
        return "data"


def message(name: str, fields: str, **constants: int) -> Any:
    return type(name, (Message,), {"fields": tuple(fields.split()), **constants})


PROTOS = SimpleNamespace(
    StatusResult=message("StatusResult", "status exception result logs", Failure=0, Success=1, Cancelled=2),
    RpcException=message("RpcException", "message stack_trace source type is_user_exception"),
    WorkerMetadata=message(
        "WorkerMetadata", "runtime_name runtime_version worker_version worker_bitness custom_properties"
    ),
    BindingInfo=message(
        "BindingInfo",
        "type data_type direction properties",
        **{"in": 0, "out": 1, "inout": 2, "undefined": 0, "string": 1, "binary": 2, "stream": 3},
    ),
    RpcRetryOptions=message(
        "RpcRetryOptions", "max_retry_count retry_strategy delay_interval minimum_interval maximum_interval"
    ),
    RpcFunctionMetadata=message(
        "RpcFunctionMetadata",
        "name function_id managed_dependency_enabled directory script_file entry_point is_proxy language "
        "bindings raw_bindings retry_options properties",
    ),
    WorkerInitResponse=message("WorkerInitResponse", "capabilities worker_metadata result"),
    FunctionMetadataResponse=message(
        "FunctionMetadataResponse", "use_default_metadata_indexing function_metadata_results result"
    ),
    FunctionLoadResponse=message("FunctionLoadResponse", "function_id result"),
    InvocationResponse=message("InvocationResponse", "invocation_id return_value result output_data"),
    RpcHttp=message(
        "RpcHttp", "method url headers body params status_code query cookies enable_content_negotiation"
    ),
    TypedData=message("TypedData", "string json bytes int double http"),
    ParameterBinding=ParameterBinding,
)


@dataclass(frozen=True)
class Function:
    """A function as the worker indexed it."""

    name: str
    id: str
    bindings: list[dict[str, Any]]  # as in function.json, the trigger among them

    @property
    def trigger(self) -> dict[str, Any]:
        return next(binding for binding in self.bindings if binding["type"].endswith("Trigger"))


@dataclass(frozen=True)
class HttpAnswer:
    """What an HTTP function answered."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: str


@dataclass(frozen=True)
class Result:
    """How one call went."""

    exception: str = ""  # "ValueError: ..." of a call that failed
    returned: Any = None  # an HttpAnswer of an HTTP function
    outputs: dict[str, Any] = field(default_factory=dict)  # by binding; a list is one message an element

    @property
    def ok(self) -> bool:
        return not self.exception


class Worker:
    """The worker core with the app of a directory in it; raises WorkerError when it refuses the app."""

    def __init__(self, app_dir: Path) -> None:
        sys.path.append(str(app_dir))  # last, as the platform does
        import azure_functions_runtime

        self._runtime = azure_functions_runtime
        self._loop = asyncio.new_event_loop()
        self._runtime.start_threadpool_executor()
        self._ask("worker_init_request", capabilities={}, function_app_directory=str(app_dir))
        indexed = self._ask("functions_metadata_request").function_metadata_results or []
        self.functions = {
            one.name: Function(one.name, one.function_id, [json.loads(raw) for raw in one.raw_bindings])
            for one in indexed
        }
        for function in self.functions.values():
            self._ask("function_load_request", function_id=function.id)

    def close(self) -> None:
        self._runtime.stop_threadpool_executor()
        self._loop.close()

    def timer(self, name: str, past_due: bool = False) -> Result:
        tick = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": past_due}
        return self._invoke(name, PROTOS.TypedData(json=json.dumps(tick)))

    def queue(self, name: str, text: str, dequeue_count: int = 1) -> Result:
        """Hand over a message's text; the host has already decoded its base64."""
        return self._invoke(name, PROTOS.TypedData(string=text), queue_metadata(dequeue_count))

    def http(self, name: str, *given: Any, **named: Any) -> Result:
        """Call an HTTP function; takes what `http_soon` takes."""
        return self.run(self.http_soon(name, *given, **named))

    async def http_soon(
        self,
        name: str,
        method: str = "GET",
        url: str = "http://localhost/api/",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: bytes | str = b"",
    ) -> Result:
        """The same as a coroutine for `run`, since the core works on many calls at once.

        `params` are the route's; `query` is read from the URL unless given.
        """
        request = PROTOS.RpcHttp(
            method=method,
            url=url,
            headers=dict(headers or {}),
            query=dict(parse_qsl(urlsplit(url).query) if query is None else query),
            params=dict(params or {}),
            body=PROTOS.TypedData(bytes=body.encode() if isinstance(body, str) else body),
        )
        return await self._invoked(name, PROTOS.TypedData(http=request))

    def run(self, work: Coroutine[Any, Any, Ended]) -> Ended:
        """Runs a coroutine in the worker's loop to its end."""
        return self._loop.run_until_complete(work)

    def _invoke(self, name: str, data: Any, metadata: Mapping[str, Any] | None = None) -> Result:
        return self.run(self._invoked(name, data, metadata))

    async def _invoked(self, name: str, data: Any, metadata: Mapping[str, Any] | None = None) -> Result:
        function = self.functions[name]
        answer = await self._asked(
            "invocation_request",
            invocation_id=str(uuid4()),
            function_id=function.id,
            input_data=[PROTOS.ParameterBinding(name=function.trigger["name"], data=data)],
            trigger_metadata=metadata,
            trace_context=SimpleNamespace(trace_parent="", trace_state="", attributes={}),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        if answer.result.status != PROTOS.StatusResult.Success:
            return Result(exception=answer.result.exception.message)
        outputs = {output.name: decoded(output.data) for output in answer.output_data}
        return Result(returned=decoded(answer.return_value), outputs=outputs)

    def _ask(self, kind: str, **fields: Any) -> Any:
        return self.run(self._asked(kind, **fields))

    async def _asked(self, kind: str, **fields: Any) -> Any:
        request = SimpleNamespace(
            request=SimpleNamespace(**{kind: SimpleNamespace(**fields)}),
            properties={"host": "127.0.0.1", "protos": PROTOS},
        )
        answer = await getattr(self._runtime, kind)(request)
        if kind != "invocation_request" and answer.result.status != PROTOS.StatusResult.Success:
            raise WorkerError(answer.result.exception.message)
        return answer


def queue_metadata(dequeue_count: int) -> dict[str, Any]:
    """What the host tells about a queue message beside its text."""
    now = datetime.now(UTC)
    times = {"InsertionTime": now, "NextVisibleTime": now, "ExpirationTime": now + timedelta(days=7)}
    texts = {name: PROTOS.TypedData(json=json.dumps(moment.isoformat())) for name, moment in times.items()}
    return {
        "Id": PROTOS.TypedData(string=str(uuid4())),
        "PopReceipt": PROTOS.TypedData(string="receipt"),
        "DequeueCount": PROTOS.TypedData(json=str(dequeue_count)),
        **texts,
    }


def decoded(data: Any) -> Any:
    """The Python value of a TypedData, or None for none."""
    kind = data.WhichOneof("data") if data else None
    if kind is None:
        return None
    value = getattr(data, kind)
    if kind == "json":
        return json.loads(value)
    if kind == "http":
        body = decoded(value.body)
        text = body.decode() if isinstance(body, bytes) else body or ""
        headers = {name.lower(): content for name, content in value.headers.items()}
        return HttpAnswer(int(value.status_code), headers, text)
    return value
