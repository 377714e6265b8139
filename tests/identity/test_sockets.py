"""Sockets that answer, do not answer, or answer what makes no sense."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.identity.made import ID, subject
from tiercel.identity.cri import Cri
from tiercel.identity.docker import Docker, Podman
from tiercel.identity.rpc import Channel, installed
from tiercel.identity.unix_http import MAX_BODY, get

Answer = Callable[[bytes, socket.socket], object]


@contextmanager
def serving(path: Path, answer: Answer) -> Iterator[list[bytes]]:
    """Answer every connection to a socket; yield the first lines of the requests."""
    asked: list[bytes] = []
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen()

    def talk(client: socket.socket) -> None:
        with client:
            try:
                request = client.recv(65536)
                asked.append(request.partition(b"\r\n")[0])
                answer(request, client)
            except OSError:
                pass

    def run() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(client,), daemon=True).start()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield asked
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(2)


def http(body: bytes, status: str = "200 OK", head: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n".encode() + head + b"\r\n" + body


def answering(answers: Mapping[str, object]) -> Answer:
    """Answer with JSON by the path asked for, with 404 for the rest."""

    def answer(request: bytes, client: socket.socket) -> None:
        path = request.split()[1].decode()
        found = answers.get(path)
        client.sendall(http(json.dumps(found).encode()) if found is not None else http(b"{}", "404 Not Found"))

    return answer


def test_an_object_is_read(tmp_path: Path) -> None:
    with serving(tmp_path / "s", answering({"/a": {"b": 1}})) as asked:
        assert get(str(tmp_path / "s"), "/a") == {"b": 1}
        assert get(str(tmp_path / "s"), "/c") is None
    assert asked == [b"GET /a HTTP/1.1", b"GET /c HTTP/1.1"]


def dribble(request: bytes, client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        client.sendall(b"X: y\r\n")
        time.sleep(0.02)


def flood(request: bytes, client: socket.socket) -> None:
    client.sendall(http(b"", head=b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
    for _ in range(2 + MAX_BODY // 65536):
        client.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda request, client: client.sendall(http(b"[]")), OSError),
        (lambda request, client: client.sendall(http(b"{")), OSError),
        (lambda request, client: client.sendall(http(b"{}", "500 Oh")), OSError),
        (lambda request, client: client.sendall(b"\xff\0 what\r\n\r\n"), OSError),
        (lambda request, client: client.sendall(http(b"{}")[:-1]), OSError),
        (lambda request, client: None, OSError),
        (flood, OSError),
        (dribble, OSError),
        (lambda request, client: time.sleep(2), TimeoutError),
    ],
)
def test_anything_else_is_an_error_in_time(tmp_path: Path, answer: Answer, error: type[Exception]) -> None:
    began = time.monotonic()
    with serving(tmp_path / "s", answer), pytest.raises(error):
        get(str(tmp_path / "s"), "/a", timeout=0.5)
    assert time.monotonic() - began < 1.9


def test_nobody_is_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="/s"):
        get(str(tmp_path / "s"), "/a")


INSPECTION: dict[str, Any] = {
    "Id": ID,
    "Name": "/shop",
    "Image": "sha256:" + "ab" * 32,
    "Config": {"Image": "shop/web:1.4", "Labels": {"team": "ops"}},
    "HostConfig": {"NetworkMode": f"container:{'e' * 64}"},
    "NetworkSettings": {"IPAddress": "", "Ports": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}},
}


def test_docker_tells_of_a_container_its_image_and_the_network_it_shares(tmp_path: Path) -> None:
    image = {"RepoDigests": ["shop/web@sha256:" + "cd" * 32], "RepoTags": ["shop/web:1.4"]}
    other = {"NetworkSettings": {"Networks": {"bridge": {"IPAddress": "172.17.0.2"}}}}
    answers = {
        f"/containers/{ID}/json": INSPECTION,
        f"/containers/{'e' * 64}/json": other,
        f"/images/sha256%3A{'ab' * 32}/json": image,
    }
    with serving(tmp_path / "s", answering(answers)) as asked:
        docker = Docker((str(tmp_path / "missing"), str(tmp_path / "s")), 100)
        found = docker.resolve(subject())
        docker.resolve(subject())
    assert found is not None
    info = found.info
    assert (info["name"], info["image"], info["ip"]) == ("shop", "shop/web:1.4", "172.17.0.2")
    assert (info["imagerepo"], info["imagetag"], info["imagedigest"]) == ("shop/web", "1.4", "sha256:" + "cd" * 32)
    assert info["port_mappings"] == [{"HostIp": 0x7F000001, "HostPort": 8080, "ContainerPort": 80}]
    assert sum(b"/images/" in line for line in asked) == 1  # an image is asked for once


def test_podman_of_a_user_tells_of_that_users_containers_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_ROOT", str(tmp_path))
    for folder in ("run/podman", "run/user/1000/podman"):
        (tmp_path / folder).mkdir(parents=True)
    told = {f"/v4.0.0/libpod/containers/{ID}/json": {"Id": ID, "Name": "mine", "ImageName": "shop/web:1.4"}}
    session = f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope"
    with serving(tmp_path / "run/user/1000/podman/podman.sock", answering(told)):
        podman = Podman(None, 100)
        found = podman.resolve(subject(cgroup=session))
        assert found is not None
        assert (found.info["name"], found.info["type"]) == ("mine", 11)
        assert podman.resolve(subject(cgroup=f"/machine.slice/libpod-{ID}.scope")) is None
        assert podman.resolve(subject(cgroup=session.replace("1000", "1001"))) is None


@pytest.mark.skipif(not installed(), reason="grpcio is not installed")
class TestRpc:
    """gRPC with those who do not speak it."""

    def test_a_socket_that_says_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tiercel.identity.rpc.TIMEOUT", 0.3)
        with serving(tmp_path / "s", lambda request, client: time.sleep(2)):
            channel = Channel(str(tmp_path / "s"))
            with pytest.raises(OSError, match="/s"):
                channel.call("/runtime.v1.RuntimeService/Version", b"")
            channel.close()

    def test_a_socket_that_speaks_something_else(self, tmp_path: Path) -> None:
        with serving(tmp_path / "s", lambda request, client: client.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")):
            cri = Cri((str(tmp_path / "missing"), str(tmp_path / "s")), 100)
            with pytest.raises(OSError, match="/s"):
                cri.resolve(subject())
            cri.close()
