"""Sockets of container engines: found, answering, or not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer

import pytest

from tiercel.doctor import containers
from tiercel.doctor.model import Subject, Verdict

HOST = Subject("")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOST_ROOT", str(tmp_path))
    return tmp_path


class Engine(BaseHTTPRequestHandler):
    """Answers as Docker does to ``/_ping``."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/_ping" else 404)
        self.end_headers()
        self.wfile.write(b"OK")

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *values: object) -> None:
        pass


@pytest.fixture
def docker(root: Path) -> Iterator[Path]:
    path = root / "var/run/docker.sock"
    path.parent.mkdir(parents=True)
    with UnixStreamServer(str(path), Engine) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        yield path
        server.shutdown()


@pytest.fixture
def containerd(root: Path) -> Iterator[Path]:
    grpc = pytest.importorskip("grpc")
    path = root / "run/containerd/containerd.sock"
    path.parent.mkdir(parents=True)
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_insecure_port(f"unix:{path}")
    server.start()
    yield path
    server.stop(0).wait()


def test_docker_answers(docker: Path) -> None:
    assert containers.docker(HOST).found == f"{docker} answers"


def test_containerd_answers_as_grpc_does(containerd: Path) -> None:
    assert containers.cri(HOST).found == f"{containerd} answers"


def test_without_a_socket_there_is_no_engine(root: Path) -> None:
    assert {engine(HOST).found for engine in (containers.docker, containers.cri, containers.podman)} == {"not found"}


def test_a_socket_nobody_listens_on(root: Path) -> None:
    path = root / "run/crio/crio.sock"
    path.parent.mkdir(parents=True)
    UnixStreamServer(str(path), Engine).server_close()
    finding = containers.cri(HOST)
    assert finding.verdict is Verdict.WARN
    assert "refused" in finding.found
    assert "names and images stay unknown" in finding.advice


def test_something_else_that_listens(docker: Path, root: Path) -> None:
    (root / "run/crio").mkdir(parents=True)
    (root / "run/crio/crio.sock").symlink_to(docker)
    assert "answers something else" in containers.cri(HOST).found


def test_an_engine_that_is_switched_off(docker: Path) -> None:
    subject = Subject("", options=["container_engines.docker.enabled=false"])
    assert containers.docker(subject).found == "switched off in the configuration"
