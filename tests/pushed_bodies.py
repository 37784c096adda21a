"""Webhook bodies to test with, and what must hold of any."""

import codecs
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from shared.core.model import Alert
from shared.formats import records
from shared.formats.azure_alert import parse_all
from shared.formats.pushed_body import Unreadable

AZURE = Path(__file__).parent / "fixtures" / "azure"
RECEIVED = datetime(2026, 9, 21, 4, 12, tzinfo=UTC)


def assert_kept_or_refused(body: bytes) -> None:
    """Whatever a body is: what is made of it can be written down, is small, and is the same when read."""
    for one in parse_all(body, RECEIVED):
        if isinstance(one, Unreadable):
            records.encode(str(one))
            continue
        assert records.decode(records.encode(one), Alert) == one
        key = records.incident_key(one)
        assert "\x00" not in key
        assert len(key) <= 200
        assert len(records.encode(one)) < 20_000


def real_bodies() -> list[bytes]:
    """Those that Azure sends, of every kind."""
    paths = sorted(path for path in AZURE.glob("*.json") if not path.name.endswith(".expected.json"))
    return [path.read_bytes() for path in paths]


def hostile_bodies() -> Iterator[bytes]:
    """Those that somebody sends who means harm: deep, long, huge, broken in their letters."""
    native = (AZURE / "budget-native-ratio.json").read_bytes()
    yield from (b"", b"\x00", b"\xff\xfe" * 50, codecs.BOM_UTF16 + b"{}", b"\xed\xa0\x80", b'"\\ud800"')
    for deep in (1_000, 100_000):
        yield from (b"[" * deep, b'{"a":' * deep, b"[" * deep + b"]" * deep)
        yield native.replace(b'"10000"', b"[" * deep + b"]" * deep)
    for number in (b"1e400", b"-1e999999999", b"NaN", b"9" * 4_000, b"9" * 100_000):
        yield native.replace(b'"10000"', number)
        yield native.replace(b'"10000"', b'"' + number + b'"')
    for text in (b"\\u0000", b"\\udc00\\ud800", b"<!channel>", b"A" * 500_000, b"\\n" * 50_000):
        yield native.replace(b'"10000"', b'"' + text + b'"')
    yield b"[" + b",".join([native] * 40) + b"]"
    yield b"[" + b"1," * 200_000 + b"1]"
    yield b"{" + b",".join(b'"k%d":1' % one for one in range(50_000)) + b"}"
    yield native + b" " * 1_000_000
