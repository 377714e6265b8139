"""Which resolvers there are, in the order they are asked."""

from __future__ import annotations

import logging

from tiercel.identity.bundle import Bundles
from tiercel.identity.containerd import Containerd
from tiercel.identity.cri import Cri
from tiercel.identity.docker import Docker, Podman
from tiercel.identity.files import is_there
from tiercel.identity.kubernetes import Kubernetes
from tiercel.identity.model import Resolver
from tiercel.identity.rpc import installed
from tiercel.identity.settings import IdentitySettings

log = logging.getLogger("tiercel.identity")


def local_resolvers(settings: IdentitySettings) -> list[Resolver]:
    """Return those that read files: they answer at once."""
    return [Bundles(settings)]


def remote_resolvers(settings: IdentitySettings) -> list[Resolver]:
    """Return those that ask sockets and servers."""
    length = settings.label_length
    found: list[Resolver] = []
    if settings.docker:
        found.append(Docker(settings.docker_sockets, length))
    if settings.podman:
        found += [Podman(settings.podman_sockets, length), Podman(None, length)]
    if settings.cri and installed():
        found += [Cri(settings.cri_sockets, length), Containerd(settings.cri_sockets, length)]
    elif settings.cri and any(is_there(socket) for socket in settings.cri_sockets):
        log.warning(
            "names of containers come from the files of their runtime alone: "
            "install tiercel[serve] for labels and addresses of pods"
        )
    if settings.kubernetes is not None:
        found.append(Kubernetes(settings.kubernetes, length))
    return found
