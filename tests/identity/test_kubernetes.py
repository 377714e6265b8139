"""Pods of a node, from an API server made for the test: it speaks the same list and watch."""

from __future__ import annotations

import json
import queue
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.identity.made import ID, UID, subject
from tests.outputs.channels.peers import certificates, server_tls
from tiercel.identity.kubernetes import Kubernetes
from tiercel.identity.model import Found
from tiercel.identity.settings import KubernetesSettings

CGROUP = f"/kubepods/besteffort/pod{UID}/{ID}"


def pod(name: str = "shop-7d9f", uid: str = UID, ip: str = "", container: str = "") -> dict[str, Any]:
    status = {"name": "web", "image": "shop/web:1.4", "imageID": "docker.io/shop/web@sha256:" + "cd" * 32,
              "containerID": f"containerd://{container}"}  # fmt: skip
    return {
        "metadata": {"name": name, "namespace": "store", "uid": uid, "labels": {"app": "shop"}, "resourceVersion": "7"},
        "status": {"podIP": ip, "containerStatuses": [status] if container else []},
    }


class Api:
    """An API server: ``pods`` are listed two at a time, what is put into ``changes`` is told to those who watch."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.scheme = "https" if tls else "http"
        self.pods: list[dict[str, Any]] = []
        self.changes: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.asked: list[dict[str, list[str]]] = []
        self.tokens: list[str] = []
        self.status = 200
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                api.asked.append(query)
                api.tokens.append(self.headers.get("Authorization", ""))
                self.send_response(api.status)
                self.end_headers()
                if api.status == 200 and "watch" in query:
                    while change := api.changes.get():
                        self.wfile.write(json.dumps(change).encode() + b"\n")
                elif api.status == 200:
                    at = int(query.get("continue", ["0"])[0])
                    metadata = {"resourceVersion": "5"} | ({"continue": str(at + 2)} if at + 2 < len(api.pods) else {})
                    self.wfile.write(json.dumps({"metadata": metadata, "items": api.pods[at : at + 2]}).encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"{self.scheme}://localhost:{self.server.server_address[1]}"


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    yield api
    api.changes.put(None)
    api.server.shutdown()
    api.server.server_close()


@pytest.fixture
def kubernetes(api: Api, tmp_path: Path) -> Iterator[Kubernetes]:
    (tmp_path / "token").write_text("secret\n")
    resolver = Kubernetes(KubernetesSettings(api.address, "node-1", str(tmp_path / "token")), 100)
    yield resolver
    resolver.close()


def wait_for(kubernetes: Kubernetes, there: bool = True, cgroup: str = CGROUP, ip: str | None = None) -> Found | None:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        found = kubernetes.resolve(subject(cgroup=cgroup))
        if (found is not None) == there and (ip is None or (found is not None and found.info["ip"] == ip)):
            return found
        time.sleep(0.01)
    raise AssertionError("it did not come")


def test_a_pod_is_known_by_its_uid_before_its_container_is_reported(api: Api, kubernetes: Kubernetes) -> None:
    api.changes.put({"type": "ADDED", "object": pod()})
    found = wait_for(kubernetes)
    assert found is not None
    assert found.info["labels"]["io.kubernetes.pod.name"] == "shop-7d9f"
    assert found.info["pod_sandbox_labels"] == {"app": "shop"}
    assert not found.whole
    assert "privileged" not in found.info  # it takes nothing from what the files tell
    api.changes.put({"type": "MODIFIED", "object": pod(ip="10.244.0.7", container=ID)})
    found = wait_for(kubernetes, ip="10.244.0.7")
    assert found is not None
    assert found.whole
    assert (found.info["name"], found.info["image"]) == ("web", "shop/web:1.4")
    assert found.info["imagedigest"] == "sha256:" + "cd" * 32
    assert kubernetes.resolve(subject(cgroup="/somewhere/else")) is not None  # by the container's id now
    systemd = f"/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/cri-containerd-{'f' * 64}.scope"
    assert kubernetes.resolve(subject("f" * 64, cgroup=systemd)) is not None
    api.changes.put({"type": "DELETED", "object": pod()})
    wait_for(kubernetes, there=False)


def test_only_this_nodes_pods_are_asked_for_and_pages_are_turned(api: Api, tmp_path: Path) -> None:
    api.pods = [pod(str(number), UID[:-1] + str(number)) for number in range(5)]
    (tmp_path / "token").write_text("secret\n")
    kubernetes = Kubernetes(KubernetesSettings(api.address, "node-1", str(tmp_path / "token")), 100)
    for number in range(5):
        wait_for(kubernetes, cgroup=f"/kubepods/pod{UID[:-1]}{number}/{ID}")
    kubernetes.close()
    assert all(query["fieldSelector"] == ["spec.nodeName=node-1"] for query in api.asked)
    assert set(api.tokens) == {"Bearer secret"}


@pytest.mark.parametrize(
    "change", [{"type": "ERROR", "object": {"code": 410, "message": "too old"}}, {"type": 1}, {"type": "ADDED"}]
)
def test_after_an_error_everything_is_listed_anew(api: Api, kubernetes: Kubernetes, change: dict[str, Any]) -> None:
    api.changes.put({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}})
    api.pods = [pod()]
    api.changes.put(change)
    wait_for(kubernetes)


def test_a_server_that_refuses_us_is_asked_again(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tiercel.identity.kubernetes._AGAIN", (0.05,))
    api.status, api.pods = 403, [pod()]
    (tmp_path / "token").write_text("secret\n")
    kubernetes = Kubernetes(KubernetesSettings(api.address, "node-1", str(tmp_path / "token")), 100)
    time.sleep(0.3)
    api.status = 200
    wait_for(kubernetes)
    kubernetes.close()
    assert next(record.levelname for record in caplog.records if "403" in record.getMessage()) == "WARNING"


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Api]:
    certificates(tmp_path)
    api = Api(server_tls(tmp_path))
    api.pods = [pod()]
    yield api
    api.changes.put(None)
    api.server.shutdown()
    api.server.server_close()


def test_the_server_proves_who_it_is(secure: Api, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trusting = Kubernetes(KubernetesSettings(secure.address, "node-1", ca=str(tmp_path / "ca.crt")), 100)
    doubting = Kubernetes(KubernetesSettings(secure.address, "node-1"), 100)
    wait_for(trusting)
    trusting.close()
    time.sleep(0.2)
    doubting.close()
    assert doubting.resolve(subject(cgroup=CGROUP)) is None
    assert "certificate verify failed" in caplog.text
