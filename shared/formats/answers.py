"""What an HTTP status means for a delivery, where the channel has no finer word for it."""

from collections.abc import Mapping
from datetime import timedelta

from shared.core.model import Outcome, Refused, RetryLater
from shared.formats.channel import Answer

LONGEST = timedelta(hours=24)  # no channel's Retry-After is believed beyond this


def by_status(answer: Answer, who: str) -> Outcome:
    """A refusal for what will not change by waiting, else another try; the body is quoted, shortened."""
    what = f"{who} answered {answer.status}: {' '.join(answer.body.split())[:200]}"
    if answer.status in (425, 429):
        return RetryLater(what, retry_after(answer.headers))
    if answer.status == 408 or answer.status >= 500:
        return RetryLater(what, retry_after(answer.headers), unsure=True)
    # Of a webhook these say that its address is no longer one; 400 and 413 that this message is none.
    return Refused(what, form=answer.status in (400, 413), closed=answer.status in (401, 403, 404, 410))


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """The wait a Retry-After header asks for, in seconds; None when it says none that is sensible."""
    text = headers.get("retry-after", "").strip()
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        return None
    return min(timedelta(seconds=int(text)), LONGEST)
