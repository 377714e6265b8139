"""Fields of class ``k8s``: the pod of the caller's container, as its labels tell."""

from __future__ import annotations

from tiercel.fields.container import joined_labels, labels
from tiercel.fields.container_info import Info, Reader, encode, info_field, info_of
from tiercel.fields.model import Argument, Field, Value, ValueType
from tiercel.model.world import World

CLASS = "k8s"
DESCRIPTION = "The Kubernetes pod the process runs in."

_SHORT = 12


def _label(name: str) -> Reader:
    def read(info: Info, argument: str | int | None, world: World, num: int) -> Value | None:
        found = labels(info).get(name)
        return None if found is None else encode(found)

    return read


def _sandbox_id(info: Info) -> bytes:
    return encode(info.get("pod_sandbox_id", ""))


def _sandbox(info: Info, world: World, num: int) -> Info | None:
    """Return what is known of the pod's sandbox container, when the container itself does not carry it."""
    if info.get("cni_json"):
        return None
    return info_of(world, _sandbox_id(info)[:_SHORT], num)


def _full_sandbox_id(info: Info, argument: str | int | None, world: World, num: int) -> Value | None:
    return _sandbox_id(info)


def _short_sandbox_id(info: Info, argument: str | int | None, world: World, num: int) -> Value | None:
    return _sandbox_id(info)[:_SHORT]


def _pod_label(info: Info, argument: str | int | None, world: World, num: int) -> Value | None:
    for source in (_sandbox(info, world, num), info):
        found = {} if source is None else labels(source, "pod_sandbox_labels")
        if str(argument) in found:
            return encode(found[str(argument)])
    return None


def _pod_labels(info: Info, argument: str | int | None, world: World, num: int) -> Value | None:
    return joined_labels(labels(_sandbox(info, world, num) or info, "pod_sandbox_labels"))


def _of_pod(key: str) -> Reader:
    def read(info: Info, argument: str | int | None, world: World, num: int) -> Value | None:
        source = info if info.get("cni_json") else _sandbox(info, world, num)
        return None if source is None else encode(source.get(key, ""))

    return read


_TEXT = ValueType.CHARBUF
_REQUIRED = Argument.REQUIRED


def _retired(name: str) -> Field:
    labelled = name.endswith(".label")
    return info_field(
        name,
        _TEXT,
        None,
        "Named by Falco but never filled.",
        "",
        argument=_REQUIRED if labelled else Argument.NONE,
        key=labelled,
        deprecated=True,
    )


FIELDS: tuple[Field, ...] = (
    info_field("k8s.pod.name", _TEXT, _label("io.kubernetes.pod.name"), "Name of the pod.", "web-7d4b9c6f5-x2x9z"),
    info_field("k8s.ns.name", _TEXT, _label("io.kubernetes.pod.namespace"), "Namespace of the pod.", "default"),
    info_field("k8s.pod.id", _TEXT, _label("io.kubernetes.pod.uid"), "The same as k8s.pod.uid.", "3e41dc6b-08a8-44db"),
    info_field("k8s.pod.uid", _TEXT, _label("io.kubernetes.pod.uid"), "Unique id of the pod.", "3e41dc6b-08a8-44db"),
    info_field(
        "k8s.pod.sandbox_id", _TEXT, _short_sandbox_id, "First 12 characters of the sandbox id.", "63060edc2d3a"
    ),
    info_field(
        "k8s.pod.full_sandbox_id", _TEXT, _full_sandbox_id, "Whole id of the pod's sandbox.", "63060edc2d3aa803"
    ),
    info_field(
        "k8s.pod.label",
        _TEXT,
        _pod_label,
        "Value of one label of the pod, as in k8s.pod.label[app].",
        "web",
        argument=_REQUIRED,
        key=True,
    ),
    info_field("k8s.pod.labels", _TEXT, _pod_labels, "Labels of the pod as name:value pairs.", "app:web, tier:front"),
    info_field("k8s.pod.ip", _TEXT, _of_pod("ip"), "First IPv4 address of the pod.", "10.244.0.7"),
    info_field(
        "k8s.pod.cni.json", _TEXT, _of_pod("cni_json"), "Network interfaces of the pod as JSON text.", '{"eth0":{}}'
    ),
    *map(
        _retired,
        (
            *(f"k8s.{kind}.{part}" for kind in ("rc", "svc") for part in ("name", "id", "label", "labels")),
            *(f"k8s.ns.{part}" for part in ("id", "label", "labels")),
            *(f"k8s.{kind}.{part}" for kind in ("rs", "deployment") for part in ("name", "id", "label", "labels")),
        ),
    ),
)
