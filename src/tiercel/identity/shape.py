"""The shape of container metadata, and its bounds: whatever comes from a host is untrusted.

References: ``go-worker/pkg/event/event.go`` and ``engine.go`` of Falco's container plugin.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tiercel.identity.model import Info, Subject

TYPES = {
    "docker": 0,
    "lxc": 1,
    "libvirt-lxc": 2,
    "cri": 6,
    "containerd": 7,
    "cri-o": 8,
    "bpm": 9,
    "podman": 11,
}
"""Numbers of the container plugin; other kinds have none."""

UNKNOWN_TYPE = 0xFFFF
CPU_PERIOD, CPU_SHARES = 100_000, 1024
_USUAL = {"cpu_period": CPU_PERIOD, "cpu_shares": CPU_SHARES, "size": -1}
MAX_TEXT = 1024
MAX_LABELS = 128
MAX_MOUNTS = 128
MAX_ENV = 64
MAX_JSON = 56 << 10
"""Bytes of the JSON of a container; environment, mounts and labels are left out where it would be longer."""

_LABEL_KEY = 256
_DIGITS = re.compile("[0-9]{1,6}")


def blank(subject: Subject, engine: str) -> Info:
    """Return metadata that says nothing but which container it is about."""
    return {
        "type": TYPES.get(engine, UNKNOWN_TYPE),
        "id": subject.id,
        "name": "",
        "image": "",
        "imagedigest": "",
        "imageid": "",
        "imagerepo": "",
        "imagetag": "",
        "User": "",
        "cni_json": "",
        "cpu_period": CPU_PERIOD,
        "cpu_quota": 0,
        "cpu_shares": CPU_SHARES,
        "cpuset_cpu_count": 0,
        "created_time": 0,
        "env": [],
        "full_id": subject.full_id,
        "host_ipc": False,
        "host_network": False,
        "host_pid": False,
        "ip": "",
        "size": -1,
        "is_pod_sandbox": False,
        "labels": {},
        "memory_limit": 0,
        "swap_limit": 0,
        "pod_sandbox_id": "",
        "privileged": False,
        "pod_sandbox_labels": None,
        "port_mappings": [],
        "Mounts": [],
    }


def text(value: object, most: int = MAX_TEXT) -> str:
    """Return a text, cut where it is too long; "" for anything else."""
    return value[:most] if isinstance(value, str) else ""


def integer(value: object, default: int = 0) -> int:
    """Return a number that fits 64 bits, else the default."""
    fits = isinstance(value, int) and not isinstance(value, bool) and -(1 << 63) <= value < 1 << 63
    return value if fits and isinstance(value, int) else default


def part(value: object, *path: str) -> Any:
    """Return what stands at a path of keys, None where it does not lead anywhere."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def texts(value: object, most: int) -> list[str]:
    """Return the texts of a list, at most so many."""
    found = value if isinstance(value, list) else []
    return [text(entry) for entry in found[:most] if isinstance(entry, str)]


def labels(value: object, length: int) -> dict[str, str]:
    """Return labels whose values have at most ``length`` characters, as Falco leaves out longer ones."""
    found = value if isinstance(value, dict) else {}
    kept = {}
    for key, entry in found.items():
        if isinstance(key, str) and isinstance(entry, str) and len(entry) <= length and len(key) <= _LABEL_KEY:
            kept[key] = entry
            if len(kept) == MAX_LABELS:
                break
    return kept


def mount(source: object, target: object, mode: object, writable: bool, propagation: object) -> dict[str, Any]:
    """Return one entry of ``Mounts``."""
    return {
        "Source": text(source),
        "Destination": text(target),
        "Mode": text(mode, 64),
        "RW": writable,
        "Propagation": text(propagation, 64),
    }


def repository(image: str) -> tuple[str, str]:
    """Return repository and tag of an image's name; a digest behind it belongs to neither.

    >>> repository("registry.example.com:5000/shop/web:1.4@sha256:0f")
    ('registry.example.com:5000/shop/web', '1.4')
    >>> repository("registry.example.com:5000/shop/web")
    ('registry.example.com:5000/shop/web', '')
    """
    image = image.partition("@")[0]
    before, colon, tag = image.rpartition(":")
    return (before, tag) if colon and "/" not in tag else (image, "")


def image_fields(image: str) -> Info:
    """Return the entries that follow from an image's name."""
    repo, tag = repository(image)
    digest = image.partition("@")[2]
    return {"image": image, "imagerepo": repo, "imagetag": tag, "imagedigest": digest}


def cpus(value: object) -> int:
    """Return how many processors a set such as ``0-3,7`` has; 0 for what is none."""
    count = 0
    for span in text(value).split(",") if value else ():
        low, dash, high = span.partition("-")
        if not _DIGITS.fullmatch(low) or (dash and not _DIGITS.fullmatch(high)):
            return 0
        count += int(high) - int(low) + 1 if dash else 1
    return count if 0 <= count < 1 << 31 else 0


def pod_labels(name: object, namespace: object, uid: object, sandbox: str) -> dict[str, str]:
    """Return the labels that the fields of a pod are read from."""
    found = {
        "io.kubernetes.pod.name": text(name),
        "io.kubernetes.pod.namespace": text(namespace),
        "io.kubernetes.pod.uid": text(uid),
        "io.kubernetes.sandbox.id": sandbox,
    }
    return {key: value for key, value in found.items() if value}


def merged(known: Info, fuller: Info) -> Info:
    """Return what is known with what a fuller answer adds; an empty or usual entry of that takes nothing away."""
    out = dict(known)
    for key, value in fuller.items():
        if key in out and value == _USUAL.get(key):
            continue
        if key == "type" and value == UNKNOWN_TYPE and key in out:
            continue
        if key in ("labels", "pod_sandbox_labels") and value and out.get(key):
            out[key] = {**out[key], **value}
        elif value or isinstance(value, bool) or key == "type" or key not in out:
            out[key] = value
    return out


def encoded(info: Info) -> bytes:
    """Return the JSON of an event about a container, and a NUL byte; at most :data:`MAX_JSON` bytes.

    What is most and matters least is left out first.
    """
    info = dict(info)
    for key, empty in (("", None), ("env", []), ("Mounts", []), ("labels", {}), ("pod_sandbox_labels", {})):
        if key == "labels":
            info[key] = {name: value for name, value in info[key].items() if name.startswith("io.kubernetes.")}
        elif key:
            info[key] = empty
        made = json.dumps({"container": info}, separators=(",", ":")).encode() + b"\0"
        if len(made) <= MAX_JSON:
            return made
    bare = {key: info[key] for key in ("type", "id", "full_id")}
    return json.dumps({"container": bare}, separators=(",", ":")).encode() + b"\0"


def object_in(data: bytes) -> dict[str, Any] | None:
    """Return the JSON object that the bytes hold, None when they hold none."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def sequence(value: object, most: int) -> Iterable[Mapping[str, Any]]:
    """Return the objects in a list, at most so many."""
    found = value if isinstance(value, list) else []
    return [entry for entry in found[:most] if isinstance(entry, dict)]
