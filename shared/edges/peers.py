"""Connections that are given up, before a byte is sent, where the other end is not where it may be.

A name is looked up when the connection is made, so what a name led to when it was written down says nothing.
"""

import socket
from collections.abc import Callable
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

from shared.formats.addresses import THIS_MACHINE, is_public


class _ToThisMachine(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(self, super()._new_conn(), lambda address: address in THIS_MACHINE)


class _ToTheInternet(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(self, super()._new_conn(), is_public)


class _PoolToThisMachine(HTTPConnectionPool):
    ConnectionCls = _ToThisMachine


class _PoolToTheInternet(HTTPSConnectionPool):
    ConnectionCls = _ToTheInternet


class CheckedPeers(HTTPAdapter):
    """Over https to the open internet, over http to this machine itself; all else is a ConnectionError."""

    def init_poolmanager(self, *given: Any, **named: Any) -> None:
        super().init_poolmanager(*given, **named)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {"http": _PoolToThisMachine, "https": _PoolToTheInternet}


def _checked(connection: HTTPConnection, made: socket.socket, may_be: Callable[[str], bool]) -> socket.socket:
    if may_be(made.getpeername()[0]):
        return made
    made.close()
    raise NewConnectionError(connection, "the other end is not where it may be")
