"""Made-up containers and pods, described as the container plugin describes real ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tiercel.identity.shape import TYPES

_SCOPES = {"docker": "docker", "containerd": "cri-containerd", "cri-o": "crio", "podman": "libpod", "cri": "cri"}
_SUBSYSTEMS = ("cpuset", "cpu", "cpuacct", "io", "memory")


def made_up_id(*parts: str) -> str:
    """Return 64 hex digits that depend on ``parts`` alone."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Pod:
    """A Kubernetes pod."""

    name: str
    namespace: str
    uid: str
    sandbox: str
    labels: Mapping[str, str] = field(default_factory=dict)
    ip: str = ""

    @property
    def sandbox_labels(self) -> dict[str, str]:
        return dict(self.labels) | {
            "io.kubernetes.pod.name": self.name,
            "io.kubernetes.pod.namespace": self.namespace,
            "io.kubernetes.pod.uid": self.uid,
        }


@dataclass(slots=True)
class Container:
    """A container. ``last_vpid`` is the newest process id in its pid namespace."""

    name: str
    image: str
    runtime: str
    full_id: str
    pod: Pod | None = None
    privileged: bool = False
    ip: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    env: Sequence[str] = ()
    mounts: Sequence[tuple[str, str]] = ()
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    created: int = 0  # seconds since epoch
    last_vpid: int = 0
    init_tid: int = 0  # host thread id of its first process
    started: int = 0  # ns after boot, when its first process started

    @property
    def id(self) -> str:
        """The first twelve digits, as ``container.id`` has them."""
        return self.full_id[:12]

    @property
    def cgroup(self) -> str:
        """Path of its control group under systemd."""
        scope = f"{_SCOPES.get(self.runtime, self.runtime)}-{self.full_id}.scope"
        if self.pod is None:
            return f"/system.slice/{scope}"
        pod = f"kubepods-besteffort-pod{self.pod.uid.replace('-', '_')}.slice"
        return f"/kubepods.slice/kubepods-besteffort.slice/{pod}/{scope}"

    def info(self) -> dict[str, object]:
        """Return the ``container`` object of the event that announces it."""
        repository, colon, tag = self.image.rpartition(":")
        if not colon or "/" in tag:  # no tag, or the colon of a registry's port
            repository, tag = self.image, "latest"
        labels = dict(self.labels)
        if self.pod is not None:
            labels |= {
                "io.kubernetes.container.name": self.name,
                "io.kubernetes.pod.name": self.pod.name,
                "io.kubernetes.pod.namespace": self.pod.namespace,
                "io.kubernetes.pod.uid": self.pod.uid,
            }
        return {
            "type": TYPES[self.runtime],
            "id": self.id,
            "name": self.name,
            "image": self.image,
            "imagedigest": "sha256:" + made_up_id("digest", self.image),
            "imageid": made_up_id("image", self.image),
            "imagerepo": repository,
            "imagetag": tag,
            "User": "",
            "cni_json": "",
            "cpu_period": 100000,
            "cpu_quota": 0,
            "cpu_shares": 1024,
            "cpuset_cpu_count": 0,
            "created_time": self.created,
            "env": list(self.env),
            "full_id": self.full_id,
            "host_ipc": self.host_ipc,
            "host_network": self.host_network,
            "host_pid": self.host_pid,
            "ip": self.ip or (self.pod.ip if self.pod else ""),
            "size": -1,
            "is_pod_sandbox": False,
            "labels": labels,
            "memory_limit": 0,
            "swap_limit": 0,
            "pod_sandbox_id": self.pod.sandbox if self.pod else "",
            "privileged": self.privileged,
            "pod_sandbox_labels": self.pod.sandbox_labels if self.pod else None,
            "port_mappings": [],
            "Mounts": [
                {"Source": source, "Destination": target, "Mode": "", "RW": True, "Propagation": "rprivate"}
                for source, target in self.mounts
            ],
        }


def cgroups(path: str) -> list[str]:
    """Return the control groups of a process as the drivers report them, all at ``path``."""
    return [f"{subsystem}={path}" for subsystem in _SUBSYSTEMS]
