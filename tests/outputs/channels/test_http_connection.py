"""What servers answer, well and badly."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tiercel.outputs.channels.http_connection import BadAnswer, Connection


@contextmanager
def answering(data: bytes, slowly: bool = False) -> Iterator[Connection]:
    """A connection to a server that says this, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            peer.recv(65536)
            try:
                for part in [data[i : i + 1] for i in range(len(data))] if slowly else [data]:
                    peer.sendall(part)
            except OSError:  # the client had enough
                pass
            peer.close()

        thread = threading.Thread(target=serve)
        thread.start()
        connection = Connection("127.0.0.1", server.getsockname()[1], 2.0, None, False)
        connection.ask([b"POST / HTTP/1.1\r\n\r\n"])
        yield connection
        connection.close()
        thread.join()


GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("slowly", [False, True])
def test_several_answers_of_every_kind(slowly: bool) -> None:
    data = (
        b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD + b"HTTP/1.1 204 No Content\r\n\r\n"
        b"HTTP/1.1 503 Busy\r\nretry-AFTER: 7\r\ntransfer-encoding: chunked\r\n\r\n"
        b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: x\r\n\r\n"
        b"HTTP/1.1 200\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n"
        b"HTTP/1.0 200 OK\r\n\r\nall of it"
    )
    with answering(data, slowly) as connection:
        answers = [connection.answer() for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 204, 503, 200, 200]
    assert [answer.body for answer in answers] == [b"ok", b"", b"abc0123456789", b"", b"all of it"]
    assert [answer.last for answer in answers] == [False, False, False, True, True]
    assert (answers[2].reason, answers[2].retry_after) == ("Busy", "7")


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        b"x" * 200_000,
    ],
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with answering(data) as connection, pytest.raises(BadAnswer):
        connection.answer()


@pytest.mark.parametrize("cut", range(0, len(GOOD), 7))
def test_an_answer_that_is_cut_off(cut: int) -> None:
    with answering(GOOD[:cut]) as connection, pytest.raises(ConnectionResetError):
        connection.answer()
