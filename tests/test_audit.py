"""`make audit` against a database that answers at the wire, and against none."""

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def database(weak):
    """OSV's API: knows one weakness of each package in `weak`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = asked["package"]["name"]
            affected = [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": [], "versions": []}]
            known = [{"id": "PYSEC-1", "summary": "s", "details": "d", "affected": affected}]
            body = json.dumps({"vulns": known} if name in weak else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *given):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()


def audit(url):
    command = [sys.executable, "scripts/audit.py", "--osv-url", url]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)


def test_a_known_weakness_is_named_and_ends_with_1():
    with database({"requests"}) as url:
        done = audit(url)

    assert done.returncode == 1
    assert "Python packages: 1 known weaknesses\n  requests " in done.stdout
    assert "PYSEC-1" in done.stdout


def test_nothing_known_is_fine():
    with database(set()) as url:
        assert "Python packages: no known weaknesses" in audit(url).stdout


def test_without_a_database_it_says_that_nothing_was_audited():
    done = audit("http://127.0.0.1:9/v1/query")

    assert "Python packages: NOT AUDITED" in done.stdout
