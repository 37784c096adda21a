"""Which of two words about one alert is the newer, by the sender's clock: they come in any order."""

from datetime import datetime

from shared.core.model import Alert, Incident


def is_late(alert: Alert, incident: Incident | None, over_at: datetime | None) -> bool:
    """Whether something newer is known of the same alert already, so that this must change nothing.

    `incident` is the newest of its key; `over_at` is when the alert was last said to be over, None is never.
    Of two words of one moment, that it is over is the newer. The steps of a budget are never late: each is
    told once, whenever it comes.
    """
    if alert.test or alert.steps:
        return False
    if incident is not None and alert.at < incident.alert.at:
        return True
    ended = incident is not None and not incident.open and alert.at == incident.alert.at
    return alert.firing and (ended or (over_at is not None and alert.at <= over_at))
