"""One call of one of Azure's APIs: what is sent, where a token may go, and refusals as faults in our words.

A throttled call is not waited for inside a function: it raises, and the next round comes after the wait.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.core.rest import HttpRequest

from shared.core.faults import Unreachable
from shared.formats.addresses import is_this_machine
from shared.formats.azure_answers import Reply
from shared.formats.azure_errors import Asked, fault_of, is_empty
from shared.formats.azure_meanings import Api

DEFAULT_PORTS = {"https": 443, "http": 80}


class Client(Protocol):
    """What the clients of Azure's SDKs have in common: their sign-in, retries and pipeline."""

    def send_request(self, request: HttpRequest, **options: Any) -> Any: ...


def ask(client: Client, endpoint: str, request: HttpRequest, asked: Asked) -> dict[str, Any] | None:
    """The JSON object that a request answers, None for no data. Raises a SourceFault or a SignInFault."""
    return read(asked, send(client, endpoint, request, asked))


def send(client: Client, endpoint: str, request: HttpRequest, asked: Asked) -> Reply:
    """What came back, whatever it says; Unreachable when nothing did."""
    try:
        return _reply(client.send_request(request, **_options(asked, endpoint)))
    except HttpResponseError as unread:  # the pipeline could not make sense of the body
        if unread.response is None:
            raise Unreachable(f"{asked.what}: {how_lost(unread)}") from None
        return _reply(unread.response)
    except AzureError as lost:
        raise Unreachable(f"{asked.what}: {how_lost(lost)}") from None


def how_lost(lost: AzureError) -> str:
    """What became of a call that nothing came back of; the next poll tries again."""
    if isinstance(lost, (ServiceRequestTimeoutError, ServiceResponseTimeoutError)):
        return f"no answer in time ({type(lost).__name__})"
    if isinstance(lost, ServiceRequestError):
        return f"cannot be reached ({type(lost).__name__})"
    if isinstance(lost, ServiceResponseError):
        return f"the connection was cut ({type(lost).__name__})"
    return f"no answer ({type(lost).__name__})"


def _options(asked: Asked, endpoint: str) -> dict[str, Any]:
    """A token is sent over plain http only to this machine itself; the price list gets none."""
    return {} if asked.api is Api.PRICES else {"enforce_https": not is_this_machine(endpoint)}


def _reply(answer: Any) -> Reply:
    headers = {str(name).lower(): str(value) for name, value in answer.headers.items()}
    return Reply(int(answer.status_code), headers, answer.content or b"")


def read(asked: Asked, reply: Reply) -> dict[str, Any] | None:
    """The JSON object in an answer, None for no data."""
    if is_empty(reply):
        return None
    if reply.status >= 300:
        raise fault_of(asked, reply, datetime.now(UTC))
    try:
        found = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, RecursionError):
        raise senseless(asked, "no JSON") from None
    if not isinstance(found, dict):
        raise senseless(asked, f"JSON of type {type(found).__name__}, expected an object")
    return found


def senseless(asked: Asked, why: str) -> Unreachable:
    """The fault of an answer that cannot be what was asked for."""
    return Unreachable(f"{asked.what}: an answer that makes no sense ({why})")


def listed(asked: Asked, answer: Mapping[str, Any], name: str) -> list[Any]:
    """The list of that name; without one the answer says nothing, which is not the same as none."""
    found = answer.get(name)
    if not isinstance(found, list):
        raise senseless(asked, f"no {name}")
    return found


def refuse_elsewhere(asked: Asked, link: str, endpoint: str) -> None:
    """Unreachable for a next page on another host than the endpoint's, which would get our token."""
    there = _host(link)
    if there != _host(endpoint):
        raise Unreachable(
            f"{asked.what}: the next page is on another host: {there[1] if there else 'no address'}"
        )


def _host(url: str) -> tuple[str, str | None, int | None] | None:
    """Scheme, host and port of a URL; None for what is none."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
