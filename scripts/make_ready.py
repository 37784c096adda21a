"""Makes ready what a make target needs; instant when nothing has changed since the last time.

python scripts/make_ready.py run    .venv with what the app needs, and the command meterwatch
python scripts/make_ready.py dev    what tests and checks need too, and the Node packages in node_modules

.venv is made with the Python that runs this, and made anew when it is broken or of another Python.
"""

import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
VENV = HERE / ".venv"
LOGS = HERE / ".setup"
REQUIREMENTS = {
    "run": [HERE / "requirements.txt"],
    "dev": [HERE / "requirements.txt", HERE / "requirements-dev.txt"],
}
PROJECT = HERE / "pyproject.toml"
SECONDS_BETWEEN_LINES = 5.0  # where the terminal cannot rewrite its last line


class Failed(Exception):
    """A step did not work; the text says what a person can do."""


def main(purpose: str) -> None:
    """Make ready for "run" or "dev"."""
    make_python_ready(purpose)
    if purpose == "dev":
        make_node_ready()


def make_python_ready(purpose: str) -> None:
    """Install what is wanted into .venv."""
    files = REQUIREMENTS[purpose]
    wish = fingerprint([*files, PROJECT], sys.executable, sys.version)
    stamp = VENV / f"ready-for-{purpose}"
    if holds(stamp, wish) and python_of_venv().exists():
        return
    if not is_sound():
        make_venv()
    pip = [str(python_of_venv()), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    wanted = [part for file in files for part in ("-r", str(file))]
    with_progress(f"Installing {', '.join(file.name for file in files)}", [*pip, *wanted])
    with_progress("Installing the command meterwatch", [*pip, "--no-deps", "--editable", str(HERE)])
    stamp.write_text(wish)
    if purpose == "dev":
        wish = fingerprint([*REQUIREMENTS["run"], PROJECT], sys.executable, sys.version)
        (VENV / "ready-for-run").write_text(wish)


def make_venv() -> None:
    """Make an empty .venv in the place of what is there."""
    shutil.rmtree(VENV, ignore_errors=True)
    version = ".".join(map(str, sys.version_info[:3]))
    try:
        with_progress(f"Making .venv with Python {version}", [sys.executable, "-m", "venv", str(VENV)])
    except Failed as failure:
        hint = f"apt-get install python3.{sys.version_info.minor}-venv"
        raise Failed(f"{failure}\nOn Debian and Ubuntu this helps: {hint}") from None


def is_sound() -> bool:
    """Tell whether .venv is whole, and of this very Python."""
    ask = "import sys, pip; print(sys.version, sys._base_executable)"
    try:
        answer = subprocess.run([python_of_venv(), "-c", ask], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    version, _, base = answer.stdout.strip().rpartition(" ")
    return version == sys.version and Path(base).resolve() == Path(sys.executable).resolve()


def make_node_ready() -> None:
    """Install the Node packages, or say that they are not there: without them their tests are skipped."""
    files = [HERE / "package.json", HERE / "package-lock.json"]
    stamp = HERE / "node_modules" / ".ready"
    wish = fingerprint(files)
    if holds(stamp, wish):
        return
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        print("Node and npm are not here: the tests against Azurite will be skipped.")
        return
    try:
        with_progress("Installing Azurite and the renderers (npm ci)", [npm, "ci", "--no-audit", "--no-fund"])
    except Failed as failure:
        print(f"{failure}\nThe tests against Azurite will be skipped.")
        return
    stamp.write_text(wish)


def with_progress(title: str, command: list[str]) -> None:
    """Run a command, its output to a log, and show how far it is; raises Failed with the log's end."""
    LOGS.mkdir(exist_ok=True)
    log = LOGS / "log.txt"
    begun = time.monotonic()
    print(f"{title} ...", flush=True)
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=HERE)
        wait_for(process, log, begun)
    show("", rewrite=True)
    if process.returncode:
        tail = "\n".join(last_lines(log, 30))
        raise Failed(f"{tail}\n{title}: failed. Its whole output is in {log.relative_to(HERE)}.")
    print(f"  done in {time.monotonic() - begun:.1f} s", flush=True)


def wait_for(process: subprocess.Popen[bytes], log: Path, begun: float) -> None:
    """Wait until the process ends, showing how far it is."""
    on_terminal = sys.stdout.isatty()
    while True:
        try:
            process.wait(timeout=0.5 if on_terminal else SECONDS_BETWEEN_LINES)
        except subprocess.TimeoutExpired:
            newest = "".join(last_lines(log, 1)).strip()[:80]
            show(f"  {time.monotonic() - begun:3.0f} s  {newest}", rewrite=on_terminal)
        else:
            return


def show(line: str, *, rewrite: bool) -> None:
    """Print a line, on a terminal in the place of the one before."""
    if not rewrite:
        print(line, flush=True)
    elif sys.stdout.isatty():
        print(f"\r\x1b[K{line}", end="", flush=True)


def last_lines(log: Path, count: int) -> list[str]:
    """The last lines of a log that hold anything."""
    return [line for line in log.read_text(errors="replace").splitlines() if line.strip()][-count:]


def python_of_venv() -> Path:
    """The interpreter in .venv, whether or not it is there."""
    return VENV / "bin" / "python"


def fingerprint(files: list[Path], *more: str) -> str:
    """A text that changes when a file or one of the other texts does."""
    parts = [file.read_bytes() for file in files] + [text.encode() for text in more]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def holds(stamp: Path, wish: str) -> bool:
    """Tell whether the step that leaves this stamp was done, and for this very wish."""
    return stamp.is_file() and stamp.read_text() == wish


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Failed as failure:
        sys.exit(str(failure))
