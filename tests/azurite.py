"""A real Azurite for tests: Azure's storage emulator, on ports of its own, gone when the test ends."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(__file__).parents[1] / "node_modules/azurite/dist/src/azurite.js"
ACCOUNT = "devstoreaccount1"
# Published by Microsoft for every emulator: no secret.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (http://\S+)")
# --skipApiVersionCheck: the SDKs are newer than the emulator. --disableTelemetry: else it calls out.
FLAGS = "--silent --inMemoryPersistence --skipApiVersionCheck --disableTelemetry".split()
FLAGS += "--blobPort 0 --queuePort 0 --tablePort 0".split()


@dataclass(frozen=True, slots=True)
class Azurite:
    """A running emulator; the endpoints end in the account's name."""

    blob_endpoint: str
    queue_endpoint: str
    table_endpoint: str
    account: str = ACCOUNT
    key: str = KEY

    @property
    def connection_string(self) -> str:
        return (
            f"DefaultEndpointsProtocol=http;AccountName={self.account};AccountKey={self.key};"
            f"BlobEndpoint={self.blob_endpoint};QueueEndpoint={self.queue_endpoint};"
            f"TableEndpoint={self.table_endpoint};"
        )


def why_no_azurite() -> str | None:
    """What is missing to run it, or None when nothing is."""
    if shutil.which("node") is None:
        return "Node is not installed"
    if not PROGRAM.exists():
        return "Azurite is not installed: npm ci"
    return None


@contextmanager
def running_azurite() -> Iterator[Azurite]:
    """Start an emulator that keeps everything in memory, and end it."""
    # What it would write to its error stream nobody reads, and a full pipe would stop it.
    with tempfile.TemporaryDirectory() as scratch:
        process = subprocess.Popen(
            ["node", str(PROGRAM), *FLAGS],
            cwd=scratch,
            env=os.environ | {"NODE_NO_WARNINGS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            yield _started(process)
        finally:
            _end(process)


def _started(process: "subprocess.Popen[str]") -> Azurite:
    assert process.stdout is not None
    said: list[str] = []
    found: dict[str, str] = {}
    for line in process.stdout:  # ends by itself when the process does
        said.append(line)
        if told := LISTENING.search(line):
            found[told[1]] = f"{told[2]}/{ACCOUNT}"
        if len(found) == 3:
            return Azurite(found["Blob"], found["Queue"], found["Table"])
    raise RuntimeError("Azurite did not start: " + "".join(said))


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
