"""Containers of containerd outside Kubernetes, asked at its own service.

References: ``containers.proto``, ``images.proto`` and ``namespace.proto`` of containerd's API;
``containerd.go`` of Falco's container plugin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tiercel.identity.model import Found, Subject
from tiercel.identity.oci import from_spec
from tiercel.identity.rpc import Channel, NotServedError, NotThereError
from tiercel.identity.shape import image_fields, labels, object_in, part, text
from tiercel.wire.protobuf import Layout, read
from tiercel.wire.protobuf import text as text_field

_CONTAINER: Layout = {
    1: (
        "container",
        {
            2: ("labels", "map"),
            3: ("image", "text"),
            5: ("spec", {2: ("value", "bytes")}),
            8: ("created_at", {1: ("seconds", "number")}),
        },
    )
}
_IMAGE: Layout = {1: ("image", {3: ("target", {2: ("digest", "text")})})}
_NAMESPACES: Layout = {1: ("namespaces", ({1: ("name", "text")},))}
_SERVICES = "/containerd.services"
_MAX_NAMESPACES = 64


class Containerd:
    """Asks the sockets, in their order, until one knows a container."""

    name = "containerd"
    engines = frozenset(("containerd",))

    def __init__(self, sockets: Sequence[str], label_length: int) -> None:
        self.channels = [Channel(socket) for socket in sockets]
        self.label_length = label_length

    def close(self) -> None:
        for channel in self.channels:
            channel.close()

    def resolve(self, subject: Subject) -> Found | None:
        for channel in self.channels if subject.is_name else ():
            if not channel.there:
                continue
            try:
                for namespace in self._namespaces(channel, subject):
                    found = self._in(channel, namespace, subject)
                    if found is not None:
                        return found
            except NotServedError:
                continue
        return None

    def _namespaces(self, channel: Channel, subject: Subject) -> Sequence[str]:
        """Return where a container may be: a name that is no full id stands behind its namespace in the cgroup."""
        if not subject.is_hex:
            return (subject.cgroup.strip("/").partition("/")[0],)
        told = read(channel.call(f"{_SERVICES}.namespaces.v1.Namespaces/List", b""), _NAMESPACES)
        return [text(entry.get("name")) for entry in told.get("namespaces", ())[:_MAX_NAMESPACES]]

    def _in(self, channel: Channel, namespace: str, subject: Subject) -> Found | None:
        where = (("containerd-namespace", namespace),) if namespace.isascii() and namespace.isprintable() else ()
        told = _ask(channel, "containers.v1.Containers/Get", subject.full_id, _CONTAINER, where)
        if told is None:
            return None
        container = told.get("container", {})
        spec = object_in(part(container, "spec", "value") or b"") or {}
        created = part(container, "created_at", "seconds") or 0
        info = from_spec(subject, "containerd", spec, created, self.label_length)
        info["labels"] = {**labels(container.get("labels"), self.label_length), **info["labels"]}
        info["name"] = text(info["labels"].get("nerdctl/name")) or info["name"]
        image = text(container.get("image"))
        if image:
            listed = _ask(channel, "images.v1.Images/Get", image, _IMAGE, where)
            info |= image_fields(image) | {"imagedigest": text(part(listed, "image", "target", "digest"))}
        in_pod = "io.cri-containerd.kind" in info["labels"]  # of which its own service will tell more
        return Found(info, "docker" if namespace == "moby" else "containerd", whole=not in_pod)


def _ask(
    channel: Channel, method: str, name: str, layout: Layout, where: tuple[tuple[str, str], ...]
) -> dict[str, Any] | None:
    try:
        return read(channel.call(f"{_SERVICES}.{method}", text_field(1, name), where), layout)
    except NotThereError:
        return None
