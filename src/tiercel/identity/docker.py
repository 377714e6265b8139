"""Containers of docker and of podman, asked at their sockets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from tiercel.identity.docker_state import from_inspection
from tiercel.identity.files import is_there
from tiercel.identity.model import Found, Info, Subject
from tiercel.identity.shape import part, repository, text, texts
from tiercel.identity.unix_http import get

_CONTAINER = re.compile(r"container:([0-9a-f]{64})")
_IMAGE = re.compile(r"sha256:[0-9a-f]{64}")
_USER = re.compile(r"/user-([0-9]{1,10})\.slice/")
_MAX_IMAGES = 1024
_MAX_NAMES = 64


class Docker:
    """Asks docker at the first of its sockets that knows a container."""

    name = "docker"
    engines = frozenset(("docker",))

    def __init__(self, sockets: Sequence[str], label_length: int) -> None:
        self.sockets, self.label_length = tuple(sockets), label_length
        self._images: dict[str, Info] = {}

    def close(self) -> None:
        """Nothing is held."""

    def resolve(self, subject: Subject) -> Found | None:
        for socket in self.sockets if subject.is_hex else ():
            if is_there(socket):
                told = get(socket, f"/containers/{subject.full_id}/json")
                if told is not None:
                    return self._found(socket, subject, told)
        return None

    def _found(self, socket: str, subject: Subject, told: dict[str, Any]) -> Found:
        info = from_inspection(subject, "docker", told, self.label_length)
        mode = text(part(told, "HostConfig", "NetworkMode"))
        other = _CONTAINER.fullmatch(mode)
        if other is not None and not info["ip"]:
            lender = get(socket, f"/containers/{other[1]}/json")
            info["ip"] = from_inspection(subject, "docker", lender or {}, 0)["ip"]
        info |= self._image(socket, text(told.get("Image")))
        return Found(info, "docker", whole=bool(info["ip"]) or mode in ("host", "none"))

    def _image(self, socket: str, id: str) -> Info:
        """Return repository, tag and digest of an image as docker lists them; nothing where it lists none."""
        if not _IMAGE.fullmatch(id):
            return {}
        if id not in self._images:
            told = get(socket, f"/images/{quote(id)}/json") or {}
            if len(self._images) >= _MAX_IMAGES:
                self._images.clear()
            self._images[id] = _listed(told)
        return self._images[id]


def _listed(told: dict[str, Any]) -> Info:
    pairs = [entry.split("@") for entry in texts(told.get("RepoDigests"), _MAX_NAMES)]
    digests = [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]
    tags = [pair for entry in texts(told.get("RepoTags"), _MAX_NAMES) if all(pair := repository(entry))]
    repo = digests[0][0] if digests else tags[0][0] if tags else ""
    tag = next((tag for name, tag in tags if repo in name), "")
    found = {"imagerepo": repo, "imagedigest": digests[0][1] if digests else "", "imagetag": tag}
    return {key: value for key, value in found.items() if value}


class Podman:
    """Asks podman: root's at its sockets, or with ``None`` that of the user in whose session a container runs.

    That of a user may tell of that user's containers alone, and has a name of its own: it cannot be trusted to answer.
    """

    engines = frozenset(("podman",))

    def __init__(self, sockets: Sequence[str] | None, label_length: int) -> None:
        self.name = "podman" if sockets is not None else "podman_of_users"
        self.sockets, self.label_length = sockets, label_length

    def close(self) -> None:
        """Nothing is held."""

    def resolve(self, subject: Subject) -> Found | None:
        for socket in self._sockets(subject.cgroup) if subject.is_hex else ():
            if is_there(socket):
                told = get(socket, f"/v4.0.0/libpod/containers/{subject.full_id}/json")
                if told is not None:
                    info = from_inspection(subject, "podman", told, self.label_length)
                    return Found(info, "podman", whole=bool(info["ip"]) or info["host_network"])
        return None

    def _sockets(self, cgroup: str) -> Sequence[str]:
        if self.sockets is not None:
            return self.sockets
        user = _USER.search(cgroup)
        return (f"/run/user/{user[1]}/podman/podman.sock",) if user else ()
