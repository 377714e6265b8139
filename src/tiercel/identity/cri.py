"""Containers and pods under Kubernetes, asked at the CRI sockets of containerd and CRI-O.

References: ``cri.go`` of Falco's container plugin, for what each entry is made of. Unlike there, ``cni_json`` is filled
and the sandbox of a pod is a container, too: that is what ``k8s.pod.ip`` is read from.

What a runtime leaves out is left out here, so that it takes nothing from what the files tell.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tiercel.identity.cri_messages import CONTAINER_STATUS, LIST, NODE, POD_STATUS, PROPAGATIONS, VERSION
from tiercel.identity.model import Found, Info, Subject
from tiercel.identity.rpc import Channel, NotServedError, NotThereError
from tiercel.identity.shape import (
    CPU_PERIOD,
    CPU_SHARES,
    MAX_ENV,
    MAX_MOUNTS,
    TYPES,
    blank,
    cpus,
    image_fields,
    labels,
    mount,
    object_in,
    part,
    pod_labels,
    repository,
    sequence,
    text,
)
from tiercel.wire.protobuf import Layout, data, number, read
from tiercel.wire.protobuf import text as text_field

_VERSIONS = ("v1", "v1alpha2")
_REST = 60.0  # seconds before a socket without the service is asked for it again
_MAX_CNI = 4096
_MAX_INTERFACES = 32
_HOST = ("host_ipc", "host_network", "host_pid")
_NAMES = ("io.kubernetes.cri.image-name", "io.kubernetes.cri-o.Image", "io.kubernetes.cri-o.ImageName")
_DIGEST = re.compile(r"(?:(.*)@)?(sha256:[0-9a-f]{64})")


class Cri:
    """Asks the sockets, in their order, until one knows a container."""

    name = "cri"
    engines = frozenset(("containerd", "cri-o"))

    def __init__(self, sockets: Sequence[str], label_length: int) -> None:
        self.services = [_Service(socket) for socket in sockets]
        self.label_length = label_length

    def close(self) -> None:
        for service in self.services:
            service.channel.close()

    def resolve(self, subject: Subject) -> Found | None:
        for service in self.services if subject.is_hex else ():
            if not service.channel.there:
                continue
            try:
                found = self._of_container(service, subject) or self._of_pod(service, subject)
            except NotServedError:
                continue
            if found is not None:
                return found
        return None

    def _of_container(self, service: _Service, subject: Subject) -> Found | None:
        request = text_field(1, subject.full_id) + number(2, 1)
        told = service.call("ContainerStatus", request, CONTAINER_STATUS)
        if not told or "status" not in told:
            return None
        listed = service.call("ListContainers", data(1, text_field(1, subject.full_id)), LIST) or {}
        sandbox = next((text(entry.get("pod_sandbox_id")) for entry in listed.get("containers", ())), "")
        pod = service.pod(sandbox) if sandbox else None
        info = _without(self._container(subject, service, told["status"], _verbose(told)), *_HOST)
        info |= self._in_pod(sandbox or subject.full_id, pod, info["labels"])
        return Found(info, service.engine, whole=_whole(info))

    def _of_pod(self, service: _Service, subject: Subject) -> Found | None:
        """Return what is known of a sandbox as a container."""
        pod = service.pod(subject.full_id)
        if pod is None:
            return None
        name = text(part(pod, "status", "metadata", "name"))
        info = _without(blank(subject, service.engine), "privileged") | {"name": name, "is_pod_sandbox": True}
        info["created_time"] = _seconds(part(pod, "status", "created_at"))
        info |= self._in_pod(subject.full_id, pod, {})
        info["labels"] = {**(info["pod_sandbox_labels"] or {}), **info["labels"]}
        return Found(info, service.engine, whole=_whole(info))

    def _container(self, subject: Subject, service: _Service, status: dict[str, Any], verbose: dict[str, Any]) -> Info:
        linux = part(status, "resources", "linux") or {}
        uid = part(status, "user", "linux", "uid")
        info = blank(subject, service.engine) | {
            "name": text(part(status, "metadata", "name")),
            **_image(status, verbose),
            "User": str(uid) if uid is not None else "",
            "cpu_period": linux.get("cpu_period") or CPU_PERIOD,
            "cpu_quota": linux.get("cpu_quota", 0),
            "cpu_shares": linux.get("cpu_shares") or CPU_SHARES,
            "cpuset_cpu_count": cpus(linux.get("cpuset_cpus")),
            "memory_limit": linux.get("memory_limit", 0),
            "swap_limit": linux.get("swap_limit", 0),
            "created_time": _seconds(status.get("created_at")),
            "env": [
                f"{text(entry.get('key'))}={text(entry.get('value'))}"
                for entry in sequence(part(verbose, "config", "envs"), MAX_ENV)
            ],
            "labels": labels(status.get("labels"), self.label_length),
            "Mounts": [
                mount(
                    entry.get("host_path"),
                    entry.get("container_path"),
                    "",
                    not entry.get("readonly"),
                    PROPAGATIONS.get(entry.get("propagation", 0), "unknown"),
                )
                for entry in status.get("mounts", ())[:MAX_MOUNTS]
            ],
        }
        return _without(info, "privileged") | _privileged(verbose)

    def _in_pod(self, sandbox: str, pod: dict[str, Any] | None, own: dict[str, str]) -> Info:
        """Return the entries that a pod adds to one of its containers."""
        metadata = part(pod, "status", "metadata") or {}
        options = part(pod, "status", "linux", "namespaces", "options") or {}
        names = pod_labels(metadata.get("name"), metadata.get("namespace"), metadata.get("uid"), sandbox)
        modes = {f"host_{kind}": options.get(kind) == NODE for kind in ("ipc", "network", "pid")}
        return {
            **(modes if pod else {}),
            "cni_json": _interfaces(pod),
            "ip": text(part(pod, "status", "network", "ip"), 64),
            "labels": {**own, **names},
            "pod_sandbox_id": sandbox,
            "pod_sandbox_labels": labels(part(pod, "status", "labels"), self.label_length) if pod else None,
        }


class _Service:
    """The runtime service behind one socket, in the newest version it speaks."""

    def __init__(self, socket: str) -> None:
        self.channel = Channel(socket)
        self.engine = "containerd"
        self._version = ""
        self._rest = 0.0

    def pod(self, id: str) -> dict[str, Any] | None:
        """Return the status of a sandbox."""
        return self.call("PodSandboxStatus", text_field(1, id) + number(2, 1), POD_STATUS)

    def call(self, method: str, request: bytes, layout: Layout) -> dict[str, Any] | None:
        """Return the answer of a method, None when it does not know what it was asked about.

        Raises:
            NotServedError: the service is not here.
            OSError: it does not answer.
        """
        if not self._version:
            self._greet()
        try:
            return self._call(self._version, method, request, layout)
        except NotThereError:
            return None

    def _call(self, version: str, method: str, request: bytes, layout: Layout) -> dict[str, Any]:
        return read(self.channel.call(f"/runtime.{version}.RuntimeService/{method}", request), layout)

    def _greet(self) -> None:
        if time.monotonic() < self._rest:
            raise NotServedError(self.channel.socket)
        for version in _VERSIONS:
            try:
                runtime = self._call(version, "Version", text_field(1, version), VERSION).get("runtime_name")
            except NotServedError:
                continue
            self.engine = runtime if runtime in TYPES else "cri"
            self._version = version
            return
        self._rest = time.monotonic() + _REST
        raise NotServedError(self.channel.socket)


def _verbose(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a runtime tells of itself besides, as JSON in a text."""
    return object_in(text(part(told, "info", "info"), 4 << 20).encode("utf-8", "replace")) or {}


def _seconds(nanoseconds: object) -> int:
    return nanoseconds // 1_000_000_000 if isinstance(nanoseconds, int) else 0


def _image(status: Mapping[str, Any], verbose: Mapping[str, Any]) -> Info:
    """Return the entries about the image; a runtime may give its name, its id or its digest for any of them."""
    name, ref = text(part(status, "image", "image")), text(status.get("image_ref"))
    known = repository(name)[1] if not name.startswith("sha256") else ""
    digest = _DIGEST.fullmatch(ref)
    from_ref = digest[1] if digest and digest[1] else ""
    if from_ref:
        name = from_ref + (f":{known}" if known else "")
    if not name or name.startswith("sha256"):
        notes = part(verbose, "runtimeSpec", "annotations") or {}
        name = next((text(notes.get(key)) for key in _NAMES if notes.get(key)), "")
    found = image_fields(name)
    if digest:
        found["imagedigest"] = digest[2]
    ids = (text(part(verbose, "config", "image", "image")), text(status.get("image_id")), ref)
    id = next((id for id in ids if id.startswith("sha256:")), "")
    return found | {"imageid": id.removeprefix("sha256:")}


def _privileged(verbose: Mapping[str, Any]) -> Info:
    for path in (
        ("runtimeSpec", "linux", "security_context", "privileged"),
        ("config", "linux", "security_context", "privileged"),
        ("privileged",),
    ):
        found = part(verbose, *path)
        if isinstance(found, bool):
            return {"privileged": found}
    return {"privileged": False} if part(verbose, "config", "linux") else {}  # false is left out of the JSON


def _without(info: Info, *keys: str) -> Info:
    return {key: value for key, value in info.items() if key not in keys}


def _whole(info: Info) -> bool:
    """Whether the network of a pod was made: until then its address may still come."""
    return bool(info["ip"]) or info.get("host_network") is True


def _interfaces(pod: Mapping[str, Any] | None) -> str:
    """Return the network interfaces of a pod as JSON text."""
    verbose = _verbose(pod or {})
    found = part(verbose, "cniResult", "Interfaces")
    if isinstance(found, dict):
        kept = {key: found[key] for key in list(found)[:_MAX_INTERFACES] if key not in ("lo", "veth")}
        return json.dumps(kept, separators=(",", ":"))[:_MAX_CNI] if kept else ""
    return text(part(verbose, "runtimeSpec", "annotations", "io.kubernetes.cri-o.CNIResult"), _MAX_CNI)
