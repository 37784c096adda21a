"""Connections to where they may not lead are given up before a byte of the secret is sent."""

import socket
import threading

import pytest

from shared.core.faults import Unreachable
from shared.edges.chat import Address, ChatPost
from shared.formats.channel import Call

SECRET = "sig-nobody-may-see"


@pytest.fixture
def listener():
    """A port of this machine, and all that was ever sent to it."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hear():
            while True:
                try:
                    with server.accept()[0] as connection:
                        connection.settimeout(2)
                        heard.append(connection.recv(4096))
                except OSError:
                    return

        threading.Thread(target=hear, daemon=True).start()
        yield server.getsockname()[1], heard
        server.close()


def leading_to(monkeypatch, address, port):
    """A name server that has been told that hooks.slack.com is somewhere else."""
    real = socket.getaddrinfo

    def answer(host, *given, **named):
        return real(address if host == "hooks.slack.com" else host, port, *given[1:], **named)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def post(url, anywhere=False):
    return ChatPost({"ops": Address(url, anywhere=anywhere)})("ops", Call({"text": SECRET}))


def test_a_public_name_that_leads_to_this_machine_gets_nothing(monkeypatch, listener):
    port, heard = listener
    leading_to(monkeypatch, "127.0.0.1", port)

    with pytest.raises(Unreachable) as raised:
        post(f"https://hooks.slack.com/services/T/B/{SECRET}")

    assert SECRET not in str(raised.value)
    assert b"".join(heard) == b""


def test_http_to_a_name_that_leads_elsewhere_gets_nothing(monkeypatch, listener):
    port, heard = listener
    leading_to(monkeypatch, "127.0.0.2", port)

    with pytest.raises(Unreachable):
        post(f"http://hooks.slack.com:{port}/{SECRET}")

    assert b"".join(heard) == b""


def test_what_the_configuration_names_may_be_in_a_private_network(monkeypatch, listener):
    port, heard = listener
    leading_to(monkeypatch, "127.0.0.1", port)

    with pytest.raises(Unreachable):  # it speaks no TLS, but it was greeted
        post("https://hooks.slack.com/services/T/B/x", anywhere=True)

    assert b"".join(heard)
    assert b"services" not in b"".join(heard)


def test_this_machine_is_posted_to_over_http(listener):
    port, heard = listener

    with pytest.raises(Unreachable):  # it says nothing, but it was told
        post(f"http://127.0.0.1:{port}/here")

    assert heard[0].startswith(b"POST /here")
