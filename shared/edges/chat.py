"""Posts to chat services. An address is a secret: it is in no error and no log."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import requests
from urllib3.exceptions import HTTPError

from shared.core.faults import Unreachable
from shared.edges.peers import CheckedPeers
from shared.formats.channel import Answer, Call, encoded

TIMEOUT = (5, 20)  # seconds to connect, to answer; well within a delivery's lease
MOST_BODY = 1_000_000  # bytes of an answer that are read; Slack's repeats the message
LOGS = ("connection", "connectionpool", "poolmanager", "response", "util.retry")

_POSTING = ContextVar("posting", default=False)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a channel is: its URL, before a call's path, and the headers that prove who we are.

    `anywhere` says that the URL may lead to a private network, or over https to this machine.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    anywhere: bool = False


class ChatPost:
    """Sends calls to the channels it knows the addresses of."""

    def __init__(self, addresses: Mapping[str, Address]) -> None:
        self._addresses = dict(addresses)
        self._checked, self._anywhere = _session(), _session()
        for scheme in ("https://", "http://"):
            self._checked.mount(scheme, CheckedPeers())

    def __call__(self, channel: str, call: Call) -> Answer:
        """What the channel answered; raises Unreachable when nothing came back. Follows no redirect."""
        address = self._addresses.get(channel)
        if address is None:
            raise Unreachable(f"no address is known of channel {channel}")
        try:
            with silently():
                return self._post(address, call)
        except (requests.RequestException, HTTPError, ValueError) as lost:
            why = type(lost).__name__
        # Outside of `except`: the exception's own text holds the address, and would come along as context.
        raise Unreachable(f"no answer from channel {channel}: {why}")

    def _post(self, address: Address, call: Call) -> Answer:
        session = self._anywhere if address.anywhere else self._checked
        with session.post(
            address.url + call.path,
            data=encoded(call),
            headers={
                "Content-Type": "application/json; charset=utf-8",
                "Accept-Encoding": "identity",  # a small answer must not become a huge one
                **call.headers,
                **address.headers,
            },
            timeout=TIMEOUT,
            allow_redirects=False,
            stream=True,
        ) as answer:
            body = _beginning(answer)
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status_code, headers, body.decode("utf-8", errors="replace"))


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a .netrc must not add credentials, nor a proxy go elsewhere
    return session


def _beginning(answer: requests.Response) -> bytes:
    """All of the body, or as much as is of interest; raises when it breaks off before that."""
    body = bytearray()
    while len(body) < MOST_BODY and (part := answer.raw.read(MOST_BODY - len(body), decode_content=False)):
        body += part
    return bytes(body)


@contextmanager
def silently() -> Iterator[None]:
    """Keeps urllib3, which logs URLs, from logging anything about the calls in this block."""
    for name in LOGS:
        logging.getLogger(f"urllib3.{name}").addFilter(_says_no_address)  # once, however often it is said
    before = _POSTING.set(True)
    try:
        yield
    finally:
        _POSTING.reset(before)


def _says_no_address(record: logging.LogRecord) -> bool:
    return not _POSTING.get()
