"""The tenant on a socket: HTTP/1.1 with keep-alive, each answer in one write."""

import socket
import time
from http.client import responses
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any
from urllib.parse import unquote

from sim.controls import Controls
from sim.tenant import Tenant
from sim.wire import Answer, Request


class Handler(BaseHTTPRequestHandler):
    """One connection. Knows nothing but how to read a request and write an answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Server"

    def serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        path, _, query = self.path.partition("?")
        request = Request(
            self.command,
            unquote(path),
            query,
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length),
        )
        asked = self.server.controls if request.path.startswith("/sim/") else self.server.tenant
        answer = asked.answer(request)
        if answer.delay:
            time.sleep(answer.delay)
        if not answer.lost:
            sent = as_bytes(answer)
            self.wfile.write(sent[: -(len(answer.body) // 2)] if answer.torn else sent)
        if answer.lost or answer.torn:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PUT = serve

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing: what was asked is at GET /sim/requests."""


class Server(ThreadingTCPServer):
    """Listens on loopback from the moment it is made; port 0 picks a free one."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, tenant: Tenant, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.tenant, self.controls = tenant, Controls(tenant)
        tenant.base = f"http://127.0.0.1:{self.server_address[1]}"


def as_bytes(answer: Answer) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Other')}"]
    if answer.body:
        lines.append(f"Content-Type: {answer.content_type}")
    if answer.status != 204:
        lines.append(f"Content-Length: {len(answer.body)}")
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body
