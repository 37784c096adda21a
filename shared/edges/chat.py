"""Posts to chat services. An address is a secret: it is in no error and no log."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import requests

from shared.core.faults import Unreachable
from shared.formats.channel import Answer, Call

TIMEOUT = (5, 20)  # seconds to connect, to answer; well within a delivery's lease
MOST_BODY = 20_000  # bytes of an answer that are read


@dataclass(frozen=True, slots=True)
class Address:
    """Where a channel is: its URL, before a call's path, and the headers that prove who we are."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class ChatPost:
    """Sends calls to the channels it knows the addresses of."""

    def __init__(self, addresses: Mapping[str, Address]) -> None:
        self._addresses = dict(addresses)
        self._session = requests.Session()
        self._session.trust_env = False  # a .netrc must not add credentials

    def __call__(self, channel: str, call: Call) -> Answer:
        """What the channel answered; raises Unreachable when nothing came back. Follows no redirect."""
        address = self._addresses[channel]
        try:
            answer = self._session.post(
                address.url + call.path,
                data=json.dumps(call.body, ensure_ascii=False, separators=(",", ":")).encode(),
                headers={"Content-Type": "application/json; charset=utf-8", **address.headers},
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,  # only the beginning of the answer is of interest, however long it is
            )
            with answer:
                body = next(answer.iter_content(MOST_BODY), b"")
        except requests.RequestException as lost:
            # The exception's own text holds the address.
            raise Unreachable(f"no answer from channel {channel}: {type(lost).__name__}") from None
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status_code, headers, body.decode("utf-8", errors="replace"))
