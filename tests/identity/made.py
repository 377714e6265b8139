"""Bundles of made-up containers, as the runtimes lay them out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tiercel.identity.model import Subject

ID = "5d146d898ce4" + "0f" * 26
SANDBOX = "63060edc2d3a" + "1e" * 26
UID = "3e41dc6b-08a8-44db-bc2a-3724b18ab19a"


def subject(id: str = ID, engine: str = "", cgroup: str = "") -> Subject:
    return Subject(id[:12], id, engine, 1, cgroup)


def spec(annotations: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """Return an OCI configuration as containerd writes it, shortened."""
    return {
        "ociVersion": "1.0.2-dev",
        "process": {
            "user": {"uid": 4242, "gid": 4242},
            "env": ["PATH=/bin", "A=b"],
            "apparmorProfile": "cri-containerd.apparmor.d",
        },
        "root": {"path": "rootfs"},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/etc/hosts", "type": "bind", "source": "/var/lib/h", "options": ["rbind"]},
            {"destination": "/data", "type": "bind", "source": "/srv", "options": ["rbind", "rprivate", "ro"]},
        ],
        "annotations": annotations or {},
        "linux": {
            "resources": {
                "cpu": {"shares": 512, "quota": 20000, "period": 50000, "cpus": "0-2,5"},
                "memory": {"limit": 1},
            },
            "namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "network", "path": "/proc/9/ns/net"}],
            "maskedPaths": ["/proc/kcore"],
        },
        **more,
    }


def kubernetes() -> dict[str, str]:
    """Return the annotations of containerd's CRI."""
    return {
        "io.kubernetes.cri.container-name": "web",
        "io.kubernetes.cri.container-type": "container",
        "io.kubernetes.cri.image-name": "registry.test:5000/shop/web:1.4",
        "io.kubernetes.cri.sandbox-id": SANDBOX,
        "io.kubernetes.cri.sandbox-name": "shop-7d9f",
        "io.kubernetes.cri.sandbox-namespace": "store",
        "io.kubernetes.cri.sandbox-uid": UID,
    }


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def task(state: Path, namespace: str, id: str, value: object) -> Path:
    """Write a bundle of containerd; return its folder."""
    folder = state / "io.containerd.runtime.v2.task" / namespace / id
    write(folder / "config.json", value)
    return folder
