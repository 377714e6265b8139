"""Pods of this node, from the API server: a list, then what changes, followed on a thread of its own.

Asked last, where the runtime does not tell: a pod is known as soon as it is scheduled, by the uid in the cgroup, and
its containers once the kubelet has reported them.

References: Kubernetes API v1, ``/api/v1/pods`` with ``watch``.
"""

from __future__ import annotations

import http.client
import json
import logging
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tiercel.identity.files import read
from tiercel.identity.model import Found, Info, Subject
from tiercel.identity.settings import KubernetesSettings
from tiercel.identity.shape import blank, image_fields, labels, object_in, part, pod_labels, sequence, text

log = logging.getLogger("tiercel.identity")

MAX_PODS = 2048
"""Most pods of a node that are kept."""

_UID = re.compile(r"pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12})")
_MAX_LINE = 4 << 20  # bytes of one pod
_MAX_LIST = 256 << 20
_PAGE = 200
_WATCH = 240  # seconds after which the server ends a watch
_SILENCE = 300.0  # seconds without a word after which the connection counts as dead
_AGAIN = (1.0, 2.0, 5.0, 15.0, 30.0)
_STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
_LEAVE_OUT = ("host_ipc", "host_network", "host_pid", "privileged", "is_pod_sandbox", "type")


class Kubernetes:
    """Follows the pods of one node; begins at once."""

    name = "kubernetes"
    engines = frozenset(("docker", "containerd", "cri-o"))

    def __init__(self, settings: KubernetesSettings, label_length: int) -> None:
        self.settings, self.label_length = settings, label_length
        self._pods: dict[str, dict[str, Any]] = {}  # by uid
        self._containers: dict[str, str] = {}  # uid by whole id of the container
        self._stop = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None  # of the connection, which hands it on to the answer
        self._thread = threading.Thread(target=self._follow, name="tiercel pods", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        open_socket = self._socket
        if open_socket is not None:
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(1.0)

    def resolve(self, subject: Subject) -> Found | None:
        uid = self._containers.get(subject.full_id, "")
        named = _UID.search(subject.cgroup)
        pod = self._pods.get(uid or (named[1].replace("_", "-") if named else ""))
        if pod is None:
            return None
        metadata = part(pod, "metadata")
        names = pod_labels(part(metadata, "name"), part(metadata, "namespace"), part(metadata, "uid"), "")
        info = {key: value for key, value in blank(subject, subject.engine).items() if key not in _LEAVE_OUT}
        info |= self._container(pod, subject.full_id)
        container = {"io.kubernetes.container.name": info["name"]} if info["name"] else {}
        info |= {
            "ip": text(part(pod, "status", "podIP"), 64),
            "labels": {**names, **container},
            "pod_sandbox_labels": labels(part(metadata, "labels"), self.label_length),
        }
        return Found(info, subject.engine or "containerd", whole=bool(uid and info["ip"]))

    def _container(self, pod: dict[str, Any], id: str) -> Info:
        """Return what the status of a pod tells of one container."""
        for status in _statuses(pod):
            if _id_of(status) == id:
                digest = text(status.get("imageID")).rpartition("@")[2]
                found = {"name": text(status.get("name")), **image_fields(text(status.get("image")))}
                return found | ({"imagedigest": digest} if digest.startswith("sha256:") else {})
        return {}

    # On the thread that follows

    def _follow(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                version = self._list()
                failures = 0
                while not self._stop.is_set():
                    version = self._watch(version)
            except (OSError, http.client.HTTPException, ValueError) as error:
                if self._stop.is_set():
                    return
                message = "%s does not tell of the pods of %s: %s"
                tell = log.warning if not failures else log.debug
                tell(message, self.settings.server, self.settings.node, error or type(error).__name__)
                self._stop.wait(_AGAIN[min(failures, len(_AGAIN) - 1)])
                failures += 1

    def _list(self) -> str:
        """Take in all pods; return the version of the list."""
        pods: dict[str, dict[str, Any]] = {}
        going_on = ""
        while True:
            query = f"limit={_PAGE}" + (f"&continue={quote(going_on)}" if going_on else "")
            with self._ask(query) as response:
                told = object_in(response.read(_MAX_LIST)) or {}
            for pod in sequence(told.get("items"), MAX_PODS):
                if len(pods) < MAX_PODS:
                    pods[text(part(pod, "metadata", "uid"))] = dict(pod)
            going_on = text(part(told, "metadata", "continue"), 4096)
            if not going_on or len(pods) >= MAX_PODS:
                break
        self._pods = pods
        self._containers = {id: uid for uid, pod in pods.items() for id in _ids(pod)}
        return text(part(told, "metadata", "resourceVersion"))

    def _watch(self, version: str) -> str:
        """Take in changes until the server ends the watch; return the last version seen.

        Raises:
            ValueError: the version is too old, or an answer makes no sense: list anew.
        """
        with self._ask(f"watch=true&timeoutSeconds={_WATCH}&resourceVersion={quote(version)}") as response:
            for line in _lines(response):
                change = json.loads(line)
                kind, pod = part(change, "type"), part(change, "object")
                if kind == "ERROR" or not isinstance(pod, dict):
                    raise ValueError(text(part(pod, "message")) or "the watch ended")
                version = text(part(pod, "metadata", "resourceVersion")) or version
                if kind != "BOOKMARK":
                    self._take(pod, kind == "DELETED")
        return version

    def _take(self, pod: dict[str, Any], gone: bool) -> None:
        uid = text(part(pod, "metadata", "uid"))
        if gone:
            for id in _ids(self._pods.pop(uid, {})):
                self._containers.pop(id, None)
        elif uid in self._pods or len(self._pods) < MAX_PODS:
            self._pods[uid] = pod
            self._containers.update(dict.fromkeys(_ids(pod), uid))

    def _ask(self, query: str) -> http.client.HTTPResponse:
        """Ask for pods of this node.

        Raises:
            OSError: nobody answers, or with an error.
        """
        settings = self.settings
        if self._connection is not None:
            self._connection.close()
        address = urlsplit(settings.server)
        if address.scheme == "https":
            context = ssl.create_default_context(cafile=settings.ca or None)
            if settings.insecure:
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self._connection = http.client.HTTPSConnection(address.netloc, timeout=_SILENCE, context=context)
        else:
            self._connection = http.client.HTTPConnection(address.netloc, timeout=_SILENCE)
        headers = {"Accept": "application/json"}
        if settings.token:
            token = read(Path(settings.token), 1 << 16).decode("ascii", "replace").strip()
            headers["Authorization"] = f"Bearer {token}"
        path = f"{address.path.rstrip('/')}/api/v1/pods?fieldSelector=spec.nodeName%3D{quote(settings.node)}&{query}"
        self._connection.connect()
        self._socket = self._connection.sock
        self._connection.request("GET", path, headers=headers)
        response = self._connection.getresponse()
        if response.status != 200:
            raise OSError(f"answered {response.status} {response.reason}")
        return response


def _lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield the lines of an answer that goes on.

    Raises:
        ValueError: one is too long.
    """
    while line := response.readline(_MAX_LINE):
        if len(line) >= _MAX_LINE:
            raise ValueError("a pod is too long")
        yield line


def _statuses(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(entry) for key in _STATUSES for entry in sequence(part(pod, "status", key), 128)]


def _id_of(status: dict[str, Any]) -> str:
    """Return the whole id of a container, as in ``containerd://ID``."""
    return text(status.get("containerID")).rpartition("://")[2]


def _ids(pod: dict[str, Any]) -> list[str]:
    return [id for status in _statuses(pod) if (id := _id_of(status))]
