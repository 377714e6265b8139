"""Fields of class ``container``: what the container engine told of the caller's container."""

from __future__ import annotations

import numpy as np

from tiercel.fields.bulk import I64, Cell
from tiercel.fields.container_id import CONTAINER_ID
from tiercel.fields.container_info import Info, Reader, encode, info_field
from tiercel.fields.container_mount import MOUNT_FIELDS
from tiercel.fields.make import number
from tiercel.fields.model import Argument, Column, Field, Value, ValueType
from tiercel.fields.subjects import CALLER
from tiercel.model.batch import Batch
from tiercel.model.columns import P
from tiercel.model.event import Event
from tiercel.model.world import World

CLASS = "container"
DESCRIPTION = "The container the process runs in. On the host its id and name are 'host'."

_TYPES = {
    0: b"docker",
    1: b"lxc",
    2: b"libvirt-lxc",
    3: b"mesos",
    4: b"rkt",
    6: b"cri",
    7: b"containerd",
    8: b"cri-o",
    9: b"bpm",
    11: b"podman",
    0xFFFE: b"host",
}


def _text(key: str) -> Reader:
    return lambda info, argument, world, num: encode(info.get(key, ""))


def _flag(key: str) -> Reader:
    return lambda info, argument, world, num: bool(info.get(key, False))


def _type(info: Info, argument: str | int | None, world: World, num: int) -> Value | None:
    kind = info.get("type")
    return _TYPES.get(kind, b"") if isinstance(kind, int) else b""


def labels(info: Info, key: str = "labels") -> dict[str, str]:
    """Return the labels of a container (or of its pod's sandbox), sorted by name."""
    found = info.get(key)
    if not isinstance(found, dict):
        return {}
    return {name: found[name] for name in sorted(found) if isinstance(found[name], str)}


def joined_labels(found: dict[str, str]) -> bytes:
    """Return labels as ``name:value`` pairs, without annotations and Kubernetes' own."""
    shown = [
        f"{name}:{value}" if value else name
        for name, value in found.items()
        if not name.startswith(("annotation.", "io.kubernetes."))
    ]
    return encode(", ".join(shown))


def label(info: Info, argument: str | int | None, world: World, num: int) -> Value | None:
    found = labels(info).get(str(argument))
    return None if found is None else encode(found)


def _labels(info: Info, argument: str | int | None, world: World, num: int) -> Value | None:
    return joined_labels(labels(info))


def _age_row(event: Event, argument: str | int | None) -> Value | None:
    if event.process < 0:
        return None
    started = event.process_cell(P.PIDNS_START_TS) & 0xFFFFFFFFFFFFFFFF
    return None if started == 0 else (event.ts - started) & 0xFFFFFFFFFFFFFFFF


def _age_bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
    rows = batch.process[indices]
    started = batch.tables.processes.array[rows, P.PIDNS_START_TS].view(np.uint64)
    return Column(batch.ts[indices] - started, valid=(rows >= 0) & (started != 0))


_TEXT, _BOOL = ValueType.CHARBUF, ValueType.BOOL

FIELDS: tuple[Field, ...] = (
    CONTAINER_ID,
    info_field(
        "container.full_id", _TEXT, _text("full_id"), "Whole id of the container.", "c010f5a08549441fb384b5e9ede5"
    ),
    info_field("container.name", _TEXT, _text("name"), "Name of the container.", "web"),
    info_field("container.image", _TEXT, _text("image"), "Name of the image with its tag.", "alpine:latest"),
    info_field("container.image.id", _TEXT, _text("imageid"), "Id of the image.", "f70734b6a266"),
    info_field("container.type", _TEXT, _type, "Kind of container engine.", "docker"),
    info_field("container.privileged", _BOOL, _flag("privileged"), "Whether the container is privileged.", "false"),
    *MOUNT_FIELDS,
    info_field("container.image.repository", _TEXT, _text("imagerepo"), "Repository of the image.", "library/alpine"),
    info_field("container.image.tag", _TEXT, _text("imagetag"), "Tag of the image.", "latest"),
    info_field(
        "container.image.digest", _TEXT, _text("imagedigest"), "Digest of the image.", "sha256:9a839e63dad54c3a"
    ),
    *(
        info_field(name, _TEXT, None, "Named by Falco but never filled.", "", deprecated=True)
        for name in ("container.healthcheck", "container.liveness_probe", "container.readiness_probe")
    ),
    number(
        "container.start_ts",
        ValueType.ABSTIME,
        CALLER,
        Cell(P.PIDNS_START_TS),
        "When the first process of the container's pid namespace started, in nanoseconds.",
        "5432792464456",
        none=0,
    ),
    Field(
        "container.duration",
        ValueType.RELTIME,
        "Time from the start of the container's pid namespace to the event, in nanoseconds.",
        "5303981974547",
        _age_row,
        _age_bulk,
    ),
    info_field("container.ip", _TEXT, _text("ip"), "First IPv4 address of the container or its pod.", "172.17.0.2"),
    info_field(
        "container.cni.json", _TEXT, _text("cni_json"), "Network interfaces of the pod as JSON text.", '{"eth0":{}}'
    ),
    info_field("container.host_pid", _BOOL, _flag("host_pid"), "Whether it shares the host's pid namespace.", "false"),
    info_field(
        "container.host_network", _BOOL, _flag("host_network"), "Whether it shares the host's network.", "false"
    ),
    info_field("container.host_ipc", _BOOL, _flag("host_ipc"), "Whether it shares the host's IPC namespace.", "false"),
    info_field(
        "container.label",
        _TEXT,
        label,
        "Value of one label of the container, as in container.label[maintainer].",
        "ops",
        argument=Argument.REQUIRED,
        key=True,
    ),
    info_field(
        "container.labels", _TEXT, _labels, "Labels of the container as name:value pairs.", "env:prod, team:ops"
    ),
    *(
        info_field(name, _BOOL, None, "Named by Falco but never filled.", "false", deprecated=True)
        for name in (
            "proc.is_container_healthcheck",
            "proc.is_container_liveness_probe",
            "proc.is_container_readiness_probe",
        )
    ),
)
