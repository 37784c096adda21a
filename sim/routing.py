"""Which handler answers which request."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from sim.wire import Answer, Refusal, Request

At = Mapping[str, str]  # the named parts of a path
Handler = Callable[[Request, At], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """`name` and `api` are what its calls are counted under."""

    name: str
    api: str
    method: str
    pattern: re.Pattern[str]
    handler: Handler


def route(name: str, api: str, method: str, pattern: str, handler: Handler) -> Route:
    """A route whose path, in any case, is all of `pattern`."""
    return Route(name, api, method, re.compile(pattern, re.IGNORECASE), handler)


def dispatch(routes: Sequence[Route], request: Request) -> tuple[str, str, Answer]:
    """The name and the API of the route that fits, and its answer."""
    for one in routes:
        match = one.pattern.fullmatch(request.path) if one.method == request.method else None
        if match:
            return one.name, one.api, answered(one, request, match.groupdict())
    words = f"No route for {request.method} {request.path}"
    return "unknown", "unknown", Refusal(404, "NotFound", words).answer()


def answered(one: Route, request: Request, at: At) -> Answer:
    try:
        return one.handler(request, at)
    except Refusal as refused:
        return refused.answer()
    except (msgspec.ValidationError, ValueError, KeyError) as wrong:
        return Refusal(400, "BadRequest", f"{type(wrong).__name__}: {wrong}").answer()
