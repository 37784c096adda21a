"""Posts by Apprise. The URLs are secrets: they are in no error and no log."""

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared.core.faults import Unreachable
from shared.edges.chat import Address, silently
from shared.formats.apprise import NO_SERVICE
from shared.formats.channel import Answer, Call

if TYPE_CHECKING:
    from apprise import Apprise


class ApprisePost:
    """Notifies the services whose URLs it knows. Apprise is imported when it is first used."""

    def __init__(self, addresses: Mapping[str, Address]) -> None:
        self._addresses = dict(addresses)

    def __call__(self, channel: str, call: Call) -> Answer:
        """Answers 200 with "true" or "false", as Apprise does; raises Unreachable when it fails itself."""
        service = _service(self._addresses[channel].url)
        if service is None:
            return Answer(NO_SERVICE)
        said = call.body
        try:
            with silently():
                went_well = service.notify(said["body"], said["title"], notify_type=said["type"])
        except Exception as lost:  # noqa: BLE001 - a hundred plug-ins, each with errors of its own
            why = type(lost).__name__
        else:
            return Answer(200, {}, json.dumps(bool(went_well)))
        # Outside of `except`: the exception's own text may hold the URL, and would come along as context.
        raise Unreachable(f"Apprise failed for channel {channel}: {why}")


def _service(url: str) -> "Apprise | None":
    from apprise import Apprise, AppriseAsset, PersistentStoreMode

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    # In memory: what Apprise keeps on disk, the URL among it, is nobody else's business.
    service = Apprise(asset=AppriseAsset(storage_mode=PersistentStoreMode.MEMORY, plugin_paths=[]))
    return service if service.add(url) else None
