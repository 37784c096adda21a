"""Addresses that a secret or a token may be sent to."""

from urllib.parse import urlsplit

THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


def is_address(url: str) -> bool:
    """Whether it is a URL that a secret may be sent to: https, or http on this machine itself."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    sound = url.isascii() and url.isprintable() and " " not in url and bool(host)
    return sound and (parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(url)))


def is_this_machine(url: str) -> bool:
    """Whether a sound URL leads to this machine itself."""
    return urlsplit(url).hostname in THIS_MACHINE
