"""The log: every record, of whichever logger and for whichever handler, is made without secrets.

The platform's handler, a test's and those that somebody adds later all get what was made here; a filter
would have to stand on each of them.
"""

import logging
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from shared.formats.redaction import one_record, redactor

NOISY = ("azure", "httpcore", "httpx", "msal", "requests", "urllib3")  # they log each call, with its URL
INDENT = "\n    "  # nothing inside a traceback can look like a record of its own

Record = Callable[..., logging.LogRecord]


class RecordsWithoutSecrets:
    """Makes log records; takes the place of the factory that was there before."""

    def __init__(self, made: Record, known: Mapping[str, str]) -> None:
        self.made, self._redacted = made, redactor(known)

    def __call__(self, *given: Any, **named: Any) -> logging.LogRecord:
        record = self.made(*given, **named)
        record.msg, record.args = one_record(self._redacted(_message(record))), None
        if record.exc_info and record.exc_info[0]:
            lines = "".join(traceback.format_exception(*record.exc_info)).splitlines()
            record.exc_text = INDENT.join(map(one_record, self._redacted("\n".join(lines)).split("\n")))
        record.exc_info = None  # some handlers would write it out anew
        if record.stack_info:
            record.stack_info = self._redacted(record.stack_info)
        return record


def guard_logs(known: Mapping[str, str]) -> None:
    """From now on no record holds these values, nor what looks like a secret. Replaces an earlier call.

    `known` has for each value the name to show in its place. Safe to repeat.
    """
    made = logging.getLogRecordFactory()
    if isinstance(made, RecordsWithoutSecrets):
        made = made.made
    logging.setLogRecordFactory(RecordsWithoutSecrets(made, known))
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as odd:  # noqa: BLE001 - a log line must not end what it tells of
        return f"{record.msg} (and what belongs into it cannot be shown: {type(odd).__name__})"
