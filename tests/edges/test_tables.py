"""What is particular to the store in Azure Tables: how names are written, and what faults become."""

import http.client
import itertools
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.data.tables import TableClient
from hypothesis import given
from hypothesis import strategies as st

from shared.core.faults import Conflict, StoreAway
from shared.core.rows import Put
from shared.edges.tables import PATIENCE, TableStore, escape, unescape
from tests.azurite import KEY, Azurite

ROOT = Path(__file__).parents[2]
TABLES = itertools.count(1)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)


@given(TEXTS)
def test_an_escaped_name_can_be_read_back_and_fits_the_limits_of_azure(name: str) -> None:
    written = escape(name)

    assert unescape(written) == name
    assert len(written.encode("utf-16-le")) // 2 <= 512
    assert not any(char in "/\\#?%" or ord(char) < 32 or 127 <= ord(char) < 160 for char in written)


@given(TEXTS, TEXTS)
def test_escaped_names_keep_their_order_and_their_prefixes(one: str, other: str) -> None:
    assert (escape(one) < escape(other)) == (one < other)
    assert escape(one + other).startswith(escape(one))


def test_a_plain_name_is_written_as_it_is() -> None:
    assert escape("incident:2026-01-31|gpt_4") == "incident:2026-01-31|gpt_4"


def test_the_sdk_is_not_imported_before_a_store_is_made() -> None:
    ask = "import sys, shared.edges.tables; print('azure.core' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True)

    assert run.stdout == "False\n"


# Faults. Where Azurite cannot show them, a small server answers as Azure does.

Answering = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def answering(answer: Answering) -> Iterator[str]:
    """An HTTP server on loopback; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            answer(self)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def read(handler: BaseHTTPRequestHandler) -> bytes:
    return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))


def write(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def connection_string(url: str) -> str:
    return f"AccountName=devstoreaccount1;AccountKey={KEY};TableEndpoint={url}/devstoreaccount1;"


def uses_of(store: TableStore) -> list[Callable[[], object]]:
    return [
        lambda: store.get("p", "k"),
        lambda: list(store.scan("p")),
        lambda: store.commit("p", [Put("k", b"x", "")]),
    ]


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 503])
def test_a_refusal_is_a_store_away_and_a_long_retry_after_does_not_hold_the_caller(status: int) -> None:
    def refuse(handler: BaseHTTPRequestHandler) -> None:
        read(handler)
        write(handler, status, {"Retry-After": "600", "x-ms-error-code": "ServerBusy"}, b"")

    with (
        answering(refuse) as url,
        closing(TableStore.from_connection_string(connection_string(url))) as store,
    ):
        started = time.monotonic()
        for use in uses_of(store):
            with pytest.raises(StoreAway, match=f"answered {status} ServerBusy") as told:
                use()
            assert KEY not in str(told.value)
        assert time.monotonic() - started < 3 * 8


def test_a_brief_refusal_is_tried_again(azurite: Azurite) -> None:
    refusals = iter([503, 500])

    def refuse_then_pass(handler: BaseHTTPRequestHandler) -> None:
        if status := next(refusals, None):
            read(handler)
            write(handler, status, {}, b"")
        else:
            pass_on(handler, azurite)

    with proxied(refuse_then_pass) as store:
        assert store.get("p", "k") is None


def test_a_port_where_nobody_listens_is_a_store_away() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # held, so that nobody else takes it, and not listening
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        with closing(TableStore.from_connection_string(connection_string(url))) as store:
            for use in uses_of(store):
                with pytest.raises(StoreAway, match="cannot be reached"):
                    use()


def test_a_server_that_never_answers_is_given_up_before_a_webhook_caller_gives_up_on_us() -> None:
    done = threading.Event()
    tenth: dict[str, Any] = {name: limit / 10 for name, limit in PATIENCE.items()} | {"retry_total": 2}

    with answering(lambda handler: (done.wait(), None)[1]) as url:
        client = TableClient.from_connection_string(connection_string(url), "meterwatch", **tenth)
        with closing(TableStore(client)) as store:
            started = time.monotonic()
            with pytest.raises(StoreAway, match="cannot be reached"):
                store.get("p", "k")
            took = time.monotonic() - started
        done.set()

    assert took < 8 / 10


def test_a_credential_that_cannot_be_had_is_a_store_away() -> None:
    class NoCredential:
        def get_token(self, *scopes: str, **_: object) -> AccessToken:
            raise ClientAuthenticationError("with a secret in it")

    with closing(TableStore.at("https://127.0.0.1:1", NoCredential())) as store:
        with pytest.raises(StoreAway, match="ClientAuthenticationError") as told:
            store.get("p", "k")
        assert "secret" not in str(told.value)


def test_a_wrong_key_is_a_store_away(azurite: Azurite) -> None:
    wrong = azurite.connection_string.replace(KEY, KEY.replace("Eby8", "Eby9"))

    with closing(TableStore.from_connection_string(wrong)) as store:
        for use in uses_of(store):
            with pytest.raises(StoreAway, match="answered 403"):
                use()


def test_a_table_taken_away_is_a_store_away_and_not_an_empty_store(azurite: Azurite) -> None:
    name = f"own{next(TABLES)}"
    with closing(TableStore.from_connection_string(azurite.connection_string, name)) as store:
        store.commit("p", [Put("k", b"x")])
        TableClient.from_connection_string(azurite.connection_string, name).delete_table()

        for use in uses_of(store):
            with pytest.raises(StoreAway, match="TableNotFound"):
                use()


def test_a_table_made_by_another_worker_is_shared(azurite: Azurite) -> None:
    name = f"own{next(TABLES)}"
    with (
        closing(TableStore.from_connection_string(azurite.connection_string, name)) as ours,
        closing(TableStore.from_connection_string(azurite.connection_string, name)) as theirs,
    ):
        ours.commit("p", [Put("k", b"ours")])

        assert theirs.get("p", "k") == ours.get("p", "k")


@pytest.mark.parametrize("keys", [["k"], ["k", "l"]], ids=["one row", "two rows"])
def test_a_commit_whose_answer_was_lost_is_a_conflict_and_reading_shows_it_was_made(
    azurite: Azurite, keys: list[str]
) -> None:
    lost = threading.Event()

    def lose_first_commit(handler: BaseHTTPRequestHandler) -> None:
        answer = ask(handler, azurite)
        makes_the_table = handler.path.split("?")[0].endswith("/Tables")
        if handler.command == "POST" and not makes_the_table and not lost.is_set():
            lost.set()
            handler.close_connection = True
        else:
            write(handler, *answer)

    with proxied(lose_first_commit) as store:
        with pytest.raises(Conflict):
            store.commit("p", [Put(key, b"ours", "") for key in keys])
        assert lost.is_set()
        assert [row.body for row in store.scan("p")] == [b"ours"] * len(keys)


def test_bodies_and_keys_of_the_account_are_never_logged(
    azurite: Azurite, caplog: pytest.LogCaptureFixture
) -> None:
    for logger in ("", "azure", "urllib3"):  # the app may have quietened them in this process
        caplog.set_level(logging.DEBUG, logger=logger)
    name = f"own{next(TABLES)}"
    with closing(TableStore.from_connection_string(azurite.connection_string, name)) as store:
        store.commit("p", [Put("k", b"a confidential body")])
        store.get("p", "k")
        list(store.scan("p"))

    assert caplog.records
    assert "confidential" not in caplog.text
    assert "YSBjb25maWRlbnRpYWwg" not in caplog.text  # the same in base64
    assert KEY not in caplog.text


@contextmanager
def proxied(answer: Answering) -> Iterator[TableStore]:
    """A store with a new table that reaches the emulator only through `answer`."""
    with answering(answer) as url:
        store = TableStore.from_connection_string(connection_string(url), f"own{next(TABLES)}")
        with closing(store):
            yield store


def pass_on(handler: BaseHTTPRequestHandler, azurite: Azurite) -> None:
    write(handler, *ask(handler, azurite))


def ask(handler: BaseHTTPRequestHandler, azurite: Azurite) -> tuple[int, dict[str, str], bytes]:
    """What the emulator answers to the handler's request."""
    with closing(http.client.HTTPConnection(urlsplit(azurite.table_endpoint).netloc)) as connection:
        connection.request(handler.command, handler.path, read(handler), dict(handler.headers))
        response = connection.getresponse()
        body = response.read()
        plain = {name: value for name, value in response.getheaders() if name.lower() not in FRAMING}
        return response.status, plain, body


FRAMING = {"transfer-encoding", "content-length", "connection", "keep-alive", "date", "server"}
