"""Asks whether anything that is installed has a known weakness; `make audit`, and a part of CI.

python scripts/audit.py [--osv-url URL]    Python's packages by pip-audit from OSV, Node's by npm audit

Ends with 1 when one is found. Where a database cannot be reached, it says so, and that nothing was audited.
"""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent
SECONDS = 300


def python_weaknesses(arguments: list[str]) -> list[str] | None:
    """A line for each weakness of a package in the environment that runs this; None when nobody answered."""
    where = ["--path", sysconfig.get_path("purelib"), "--vulnerability-service", "osv"]
    command = [sys.executable, "-m", "pip_audit", *where, "--format", "json", "--progress-spinner", "off"]
    found = answer([*command, *arguments])
    if found is None:
        return None
    return [
        f"{package['name']} {package['version']}: {one['id']}, mended in {one['fix_versions'] or 'none'}"
        for package in found.get("dependencies", ())
        for one in package.get("vulns", ())
    ]


def node_weaknesses() -> list[str] | None:
    """The same of package-lock.json; of these only what is called high or critical."""
    found = answer(["npm", "audit", "--json", "--audit-level=high"])
    if found is None or "vulnerabilities" not in found:
        return None
    return [
        f"{name}: {one['severity']}"
        for name, one in found["vulnerabilities"].items()
        if one["severity"] in ("high", "critical")
    ]


def answer(command: list[str]) -> dict[str, Any] | None:
    """The JSON that a program prints; None when it prints none, or is not there."""
    try:
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=SECONDS, check=False)
        found = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return found if isinstance(found, dict) else None


def report(what: str, found: list[str] | None) -> bool:
    """Says what was found; whether that is nothing bad."""
    if found is None:
        print(f"{what}: NOT AUDITED, no database of known weaknesses could be reached")
        return True
    print(f"{what}: {len(found) or 'no'} known weaknesses")
    for line in found:
        print(f"  {line}")
    return not found


if __name__ == "__main__":
    fine = [
        report("Python packages", python_weaknesses(sys.argv[1:])),
        report("Node packages (for tests only)", node_weaknesses()),
    ]
    sys.exit(not all(fine))
