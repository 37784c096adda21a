"""How much waits in the app's queues. The host reads and writes them; this only looks."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:  # the SDK takes 0.2 s to import, and only readiness asks
    from azure.core.credentials import TokenCredential
    from azure.storage.queue import QueueServiceClient

# An answer is due in a few seconds, whatever becomes of the queues.
PATIENCE: Mapping[str, Any] = {"connection_timeout": 1, "read_timeout": 1, "retry_total": 0}


class Queues:
    """The queues of one storage account."""

    def __init__(self, service: "QueueServiceClient", names: Sequence[str]) -> None:
        self._service, self._names = service, names

    @classmethod
    def from_connection_string(cls, text: str, names: Sequence[str]) -> Self:
        from azure.storage.queue import QueueServiceClient

        return cls(QueueServiceClient.from_connection_string(text, **PATIENCE), names)

    @classmethod
    def at(cls, endpoint: str, credential: "TokenCredential", names: Sequence[str]) -> Self:
        """`endpoint` as in https://name.queue.core.windows.net; needs Storage Queue Data Contributor."""
        from azure.storage.queue import QueueServiceClient

        return cls(QueueServiceClient(endpoint, credential=credential, **PATIENCE), names)

    def depths(self) -> Mapping[str, int | None]:
        """About how many messages each queue holds; 0 for one that is not there yet, None for not known."""
        return {name: self._depth(name) for name in self._names}

    def _depth(self, name: str) -> int | None:
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        try:
            found = self._service.get_queue_client(name).get_queue_properties()
        except ResourceNotFoundError:
            return 0
        except (AzureError, ValueError):
            return None
        return found.approximate_message_count
