"""The near end of a connection, as the kernel's tables have it."""

from __future__ import annotations

import os
import socket

import pytest

from tiercel.sources.audit_live import near_end
from tiercel.sources.audit_live.near_end import NearEnds


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_of_an_open_connection(address: str) -> None:
    with socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET) as server:
        far = server.getsockname()[:2]
        with socket.create_connection(far) as client:
            assert NearEnds().find(os.getpid(), client.fileno(), far) == client.getsockname()[:2]


def test_of_a_datagram_socket() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", 9999))
        assert NearEnds().find(os.getpid(), client.fileno(), ("127.0.0.1", 9999)) == client.getsockname()


def test_of_one_that_was_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        far = server.getsockname()
        client = socket.create_connection(far)
        near = client.getsockname()
        client.close()
        peer, _ = server.accept()
        peer.close()
        assert NearEnds().find(os.getpid(), 9999, far) in (near, None)


def test_of_none() -> None:
    assert NearEnds().find(os.getpid(), 9999, ("127.0.0.1", 1)) is None
    assert NearEnds().find(1 << 30, 3, ("127.0.0.1", 1)) is None


def test_not_more_often_than_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_end, "A_SECOND", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", 9998))
        ends = NearEnds()
        found = [ends.find(os.getpid(), client.fileno(), ("127.0.0.1", 9998)) for _ in range(2)]
    assert found[0] is not None
    assert found[1] is None
