"""HTTP over the unix socket of a container engine."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import suppress
from typing import Any

from tiercel.identity.files import on_host
from tiercel.identity.shape import object_in

MAX_BODY = 4 << 20
"""Most bytes of an answer."""

TIMEOUT = 2.0
"""Seconds for a whole answer."""


def get(path: str, target: str, timeout: float = TIMEOUT) -> dict[str, Any] | None:
    """Ask for ``target`` and return the JSON object that is answered, None when there is none of that name.

    Args:
        path: of the socket, as the host has it.
        timeout: seconds from the first byte to the last; who dribbles gains nothing.

    Raises:
        OSError: nobody answers, or not in time (TimeoutError), or not what was asked for.
    """
    connection = _Connection(str(on_host(path)), timeout)
    timer = threading.Timer(timeout, connection.abort)
    timer.daemon = True
    try:
        connection.connect()
        timer.start()
        connection.request("GET", target)
        with connection.getresponse() as response:
            body = response.read(MAX_BODY + 1)
            status = response.status
    except (OSError, http.client.HTTPException, ValueError) as error:
        if connection.aborted or isinstance(error, TimeoutError):
            raise TimeoutError(f"{path}: no answer in {timeout:g} s") from None
        raise OSError(f"{path}: {error or type(error).__name__}") from None
    finally:
        timer.cancel()
        connection.close()
    if connection.aborted:
        raise TimeoutError(f"{path}: no whole answer in {timeout:g} s")
    if status == 404:
        return None
    found = object_in(body) if len(body) <= MAX_BODY else None
    if status != 200 or found is None:
        raise OSError(f"{path}: answered {status} and no JSON object")
    return found


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path
        self.aborted = False

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)

    def abort(self) -> None:
        """End the conversation from another thread."""
        self.aborted = True
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
