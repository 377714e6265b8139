"""Alerts posted to a real server, over TLS with client certificates, too."""

from __future__ import annotations

import gzip
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from tests.outputs.channels.peers import alert, certificates, http_server, line, server_tls, until
from tiercel.errors import InputError
from tiercel.outputs.channels.front import Outputs
from tiercel.outputs.channels.settings import HttpSettings, OutputSettings, TlsSettings


def outputs(url: str, **changes: Any) -> Outputs:
    settings = HttpSettings(url, **{"timeout": 2.0, "json": True, **changes})
    return Outputs.of(OutputSettings(json=True, http=settings, retry_first=0.01, retry_most=0.05))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    certificates(folder)
    return folder


def test_each_alert_is_a_post_with_its_id() -> None:
    with http_server() as server:
        out = outputs(f"http://127.0.0.1:{server.port}/in?a=b", headers={"Authorization": "Bearer x"}, keep_alive=True)
        ids = [out.send(line(i) + b"\n", alert(i)) for i in range(20)]
        assert out.flush(5)
        out.close()
    assert server.bodies == [line(i) for i in range(20)]
    assert server.ids == ids
    assert server.connections == 1
    headers = server.headers[0]
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "falcosecurity/falco"
    assert headers["authorization"] == "Bearer x"


def test_text_and_compressed_uploads() -> None:
    with http_server() as server:
        out = outputs(f"http://127.0.0.1:{server.port}", json=False, compress_uploads=True)
        out.send(b"10:00: Warning x", alert())
        assert out.flush(5)
        out.close()
    assert gzip.decompress(server.bodies[0]) == b"10:00: Warning x"
    assert server.headers[0]["content-type"] == "text/plain"
    assert server.headers[0]["content-encoding"] == "gzip"


def test_what_the_server_cannot_take_now_is_tried_again_in_order() -> None:
    with http_server(answer=lambda request: 503 if request % 3 == 1 else 200) as server:
        out = outputs(f"http://127.0.0.1:{server.port}/")
        for i in range(10):
            out.send(line(i), alert(i))
        assert out.flush(10)
        (metrics,) = out.metrics().outputs
        out.close()
    assert server.bodies == [line(i) for i in range(10)]
    assert (metrics.sent, metrics.waiting, metrics.lost) == (10, 0, 0)
    assert metrics.failed > 0


def test_an_alert_the_server_refuses_for_good_does_not_stop_the_others() -> None:
    with http_server(answer=lambda request: 413 if request == 1 else 200) as server:
        out = outputs(f"http://127.0.0.1:{server.port}/")
        for i in range(3):
            out.send(line(i), alert(i))
        assert out.flush(5)
        assert out.metrics().outputs[0].refused == 1
        out.close()
    assert server.bodies == [line(0), line(2)]


def test_a_server_that_is_away_gets_everything_when_it_is_back() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    out = outputs(f"http://127.0.0.1:{port}/")
    for i in range(100):
        out.send(line(i), alert(i))
    assert not out.flush(0.2)
    assert "refused" in out.metrics().outputs[0].error.lower()
    with http_server(port=port) as server:
        assert out.flush(10)
        assert server.bodies == [line(i) for i in range(100)]
        assert out.metrics().outputs[0].error == ""
        out.close()


def test_a_server_that_never_answers_is_left_after_a_while() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        out = outputs(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.1)
        out.send(line(0), alert())
        until(lambda: out.metrics().outputs[0].failed >= 2)
        assert "no answer within 0.1 s" in out.metrics().outputs[0].error
        began = time.monotonic()
        out.close()
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("by", ["ca_cert", "ca_bundle", "ca_path"])
def test_tls_with_a_client_certificate(keys: Path, by: str) -> None:
    trusted = {by: str(keys if by == "ca_path" else keys / "ca.crt")}
    mine = {"client_cert": str(keys / "client.crt"), "client_key": str(keys / "client.key")}
    with http_server(tls=server_tls(keys, client=True)) as server:
        out = outputs(f"https://localhost:{server.port}/", tls=TlsSettings(**trusted, **mine))
        out.send(line(0), alert())
        assert out.flush(5)
        out.close()
        assert server.bodies == [line(0)]
        out = outputs(f"https://localhost:{server.port}/", tls=TlsSettings(**trusted))  # without one
        out.send(line(1), alert())
        assert not out.flush(0.3)
        out.close()
    assert server.bodies == [line(0)]


def test_a_server_nobody_vouches_for_is_not_spoken_to_unless_told(keys: Path) -> None:
    with http_server(tls=server_tls(keys)) as server:
        out = outputs(f"https://localhost:{server.port}/")
        out.send(line(0), alert())
        until(lambda: out.metrics().outputs[0].error)
        assert "certificate is not trusted" in out.metrics().outputs[0].error
        out.close()
        assert server.bodies == []
        out = outputs(f"https://localhost:{server.port}/", tls=TlsSettings(insecure=True))
        out.send(line(0), alert())
        assert out.flush(5)
        out.close()


@pytest.mark.parametrize(
    ("url", "changes", "message"),
    [
        ("ftp://x/", {}, "no http:// or https://"),
        ("http://[x/", {}, "http_output.url"),
        ("https://x/", {"tls": TlsSettings(ca_cert="/nonexistent")}, "no certificates could be read"),
        ("https://x/", {"tls": TlsSettings(client_cert="/nonexistent")}, "cannot be used with its key"),
        ("http://x/", {"headers": {"a": "b\r\nc: d"}}, "cannot be a header"),
    ],
)
def test_settings_that_cannot_be_used_are_named(url: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        outputs(url, **changes)


def test_several_posts_before_the_first_answer() -> None:
    with http_server() as server:
        out = outputs(f"http://127.0.0.1:{server.port}/", pipeline=16)
        for i in range(200):
            out.send(line(i), alert(i))
        assert out.flush(5)
        out.close()
    assert server.bodies == [line(i) for i in range(200)]
    assert server.connections == 1


def test_a_server_that_closes_after_each_answer_gets_all() -> None:
    with http_server(close=True) as server:
        for pipeline in (1, 8):
            server.bodies.clear()
            out = outputs(f"http://127.0.0.1:{server.port}/", pipeline=pipeline)
            for i in range(30):
                out.send(line(i), alert(i))
            assert out.flush(5)
            out.close()
            assert server.bodies == [line(i) for i in range(30)]
