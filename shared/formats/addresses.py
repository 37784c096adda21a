"""Addresses that a secret or a token may be sent to."""

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import SplitResult, parse_qs, urlsplit

THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
SLACK = ("hooks.slack.com", "hooks.slack-gov.com")
FLOWS = (".api.powerplatform.com", ".logic.azure.com")  # Power Automate's new and old addresses
CONNECTORS = (".webhook.office.com", "outlook.office.com", "outlook.office365.com")
RETIRED = (
    "an Office 365 connector, which Microsoft has switched off; make a webhook with the Workflows app of "
    "Teams: at the channel ... > Workflows > Send webhook alerts to a channel"
)
NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
AZURES_HOST = ipaddress.ip_address("168.63.129.16")  # public by its number, and inside every machine of Azure
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # its last four bytes are an address of version 4


def is_address(url: str) -> bool:
    """Whether it is a URL that a secret may be sent to: https, or http on this machine itself."""
    parts = _parts(url)
    if parts is None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in THIS_MACHINE)


def is_this_machine(url: str) -> bool:
    """Whether a sound URL leads to this machine itself."""
    return urlsplit(url).hostname in THIS_MACHINE


def is_host(name: str) -> bool:
    """Whether it is the name of a host, in lower case with a dot: no address of numbers, in whatever form."""
    return len(name) <= 253 and bool(NAME.fullmatch(name))


def webhook_fault(url: str, kind: str, named: Collection[str] = ()) -> str:
    """Why a message must not be posted to a URL, as the end of a sentence; "" when it may.

    `kind` is "teams", "slack webhook" or "webhook"; `named` are further hosts that the configuration trusts.
    The text holds nothing of the URL, which is a secret.
    """
    parts = _parts(url)
    if parts is None or parts.scheme not in ("https", "http"):
        return "is not a webhook's URL; expected https://..."
    host = parts.hostname or ""
    if host in THIS_MACHINE or (parts.scheme == "https" and host in named):
        return ""
    if host.endswith(CONNECTORS):
        return f"is the URL of {RETIRED}"
    if parts.scheme != "https" or parts.port not in (None, 443):
        return "does not lead to https on its usual port"
    if kind == "webhook":
        return "does not lead to a host that METERWATCH_CHAT_HOSTS names"
    fault = _slack_fault(parts) if kind == "slack webhook" else _flow_fault(parts)
    return fault and f"{fault}; other hosts must be named in METERWATCH_CHAT_HOSTS"


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: no private network's, no machine's own."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and (inner := _inside(found)):
        found = inner
    return found.is_global and not found.is_multicast and found != AZURES_HOST


def _parts(url: str) -> SplitResult | None:
    """A URL's parts; None for what is none, and for what two programs might read in two ways."""
    if not (url.isascii() and url.isprintable()) or set(url) & set(" \\"):
        return None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    return parts if host and "@" not in parts.netloc else None


def _slack_fault(parts: SplitResult) -> str:
    sound = parts.hostname in SLACK and parts.path.startswith("/services/")
    return "" if sound else "is no incoming webhook of Slack; expected https://hooks.slack.com/services/..."


def _flow_fault(parts: SplitResult) -> str:
    known = (parts.hostname or "").endswith(FLOWS) and is_host(parts.hostname or "")
    if known and "/workflows/" in parts.path and "sig" in parse_qs(parts.query):
        return ""
    return "is no Workflows webhook; expected https://....api.powerplatform.com/.../workflows/...&sig=..."


def _inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The address of version 4 that one of version 6 stands for, if it does."""
    if address in NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
