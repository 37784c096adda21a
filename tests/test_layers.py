"""Imports point one way: core <- formats <- (flows, edges) <- wiring <- function_app."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FUNCTION_APP = ROOT / "function_app.py"
OURS = {"shared", "function_app", "cli", "sim", "tests", "bench", "fuzz", "scripts"}

# The part of the standard library that only calculates: no clock, no chance, no files, no network, no log.
CALCULATING = set(
    "abc base64 binascii bisect calendar collections contextlib copy dataclasses datetime decimal enum "
    "fractions functools hashlib heapq hmac html ipaddress itertools json math numbers operator re "
    "statistics string textwrap types typing unicodedata urllib.parse zlib".split()
)
STANDARD = set(sys.stdlib_module_names)
ANYTHING_OF_OTHERS = {"*"}
ALLOWED = {
    "core": CALCULATING | {"shared.core"},
    "detection": CALCULATING | {"numpy", "shared.core"},  # a part of core that steps many series at once
    # zoneinfo reads files, but only the tables of the time zones, which are the same everywhere.
    "formats": CALCULATING | {"zoneinfo", "msgspec", "yaml", "shared.core", "shared.formats"},
    "edges": ANYTHING_OF_OTHERS | {"shared.core", "shared.formats", "shared.edges"},
    "flows": STANDARD | {"shared.core", "shared.formats", "shared.flows"},
    "shared": ANYTHING_OF_OTHERS | {"shared"},  # settings and wiring
    "function_app": STANDARD | {"azure.functions", "shared"},
}
FILES = [*sorted((ROOT / "shared").rglob("*.py")), FUNCTION_APP]
PURE = [path for path in FILES if path.parent.name in {"core", "detection", "formats"}]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def layer_of(path: Path) -> str:
    return "function_app" if path == FUNCTION_APP else path.relative_to(ROOT).parts[-2]


def imports_of(path: Path) -> Iterator[str]:
    """Every imported module, those for type checking too; `from x import y` is given as x.y."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module}.{name.name}" for name in node.names)


def is_allowed(module: str, allowed: set[str]) -> bool:
    if "*" in allowed and module.partition(".")[0] not in OURS | {""}:
        return True
    return any(f"{module}.".startswith(f"{prefix}.") for prefix in allowed)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_imports_only_what_its_layer_may(path):
    assert [name for name in imports_of(path) if not is_allowed(name, ALLOWED[layer_of(path)])] == []


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_pure_code_asks_no_clock(path):
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]

    assert [
        ast.unparse(call) for call in calls if ast.unparse(call).endswith((".now", ".utcnow", ".today"))
    ] == []


@pytest.mark.parametrize(
    ("module", "layer"),
    [
        ("os.path", "core"),
        ("time", "core"),
        ("urllib.request", "formats"),
        ("shared.formats.slack", "core"),
        ("shared.flows.ports.Store", "edges"),
        ("shared.edges.tables", "flows"),
        ("requests", "flows"),
        (".sqlite", "edges"),
        ("sim", "shared"),
        ("azure.identity", "function_app"),
    ],
)
def test_what_breaks_the_rule_is_seen(module, layer):
    assert not is_allowed(module, ALLOWED[layer])


def test_importing_the_app_loads_nothing_heavy():
    """A cold start waits for this import; azure.core is there when azure.functions brings it."""
    heavy = {"azure.identity", "azure.mgmt", "azure.monitor", "azure.data", "azure.storage"}
    heavy |= {"numpy", "pandas", "requests", "slack_sdk"}

    with_app, without = modules_after("import function_app"), modules_after("import azure.functions")

    assert {name for name in with_app if name in heavy} == set()
    assert "azure.core" in without or "azure.core" not in with_app


def modules_after(statement: str) -> list[str]:
    """The modules that a fresh process holds after a statement."""
    program = f"import json, sys; {statement}; print(json.dumps(list(sys.modules)))"
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    loaded: list[str] = json.loads(finished.stdout.splitlines()[-1])
    return loaded
