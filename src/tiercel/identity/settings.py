"""Which engines are asked, and where they are found."""

from __future__ import annotations

from dataclasses import dataclass

CRI_SOCKETS = (
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/host-containerd/containerd.sock",
)
"""Where Falco looks, too."""


@dataclass(frozen=True, slots=True)
class KubernetesSettings:
    """An API server: its address, and files or texts that prove who we are. ``node`` is the one we run on.

    ``token`` is a file, read anew with every connection, ``ca`` one of certificates, "" for those of the system; both
    are paths of the watcher itself, not of the host.
    """

    server: str
    node: str
    token: str = ""
    ca: str = ""
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """What to look up. Paths are those of the host, whatever ``HOST_ROOT`` is.

    Attributes:
        docker, podman, cri, lxc, libvirt_lxc, bpm: whether containers of these kinds are looked up. ``cri`` is
            containerd and CRI-O, under Kubernetes or not.
        whole: whether events wait for all that is known of a container, not only for names, image and pod
            (``container_engines.cri.disable_async``).
        patience: seconds that events of a new container wait for what is known of it.
        linger: seconds that the metadata of a container is kept when it has ended.
        label_length: longer values of labels are left out.
        containerd_states, docker_roots, storages: folders of running containers of containerd (``state``), all
            containers of docker (``data-root``), and of CRI-O and podman.
    """

    docker: bool = True
    podman: bool = True
    cri: bool = True
    lxc: bool = True
    libvirt_lxc: bool = True
    bpm: bool = True
    whole: bool = False
    patience: float = 0.5
    linger: float = 10.0
    label_length: int = 100
    cri_sockets: tuple[str, ...] = CRI_SOCKETS
    docker_sockets: tuple[str, ...] = ("/var/run/docker.sock",)
    podman_sockets: tuple[str, ...] = ("/run/podman/podman.sock",)
    containerd_states: tuple[str, ...] = (
        "/run/containerd",
        "/run/k3s/containerd",
        "/run/docker/containerd/daemon",
        "/var/run/docker/containerd",
        "/run/host-containerd",
        "/run/k0s/containerd",
        "/var/snap/microk8s/common/run",
    )
    docker_roots: tuple[str, ...] = ("/var/lib/docker",)
    storages: tuple[str, ...] = ("/var/lib/containers/storage", "/run/containers/storage")
    kubernetes: KubernetesSettings | None = None

    def looks_up(self, engine: str) -> bool:
        """Return whether containers of a kind are looked up; those of unknown kind are."""
        return {
            "docker": self.docker,
            "podman": self.podman,
            "containerd": self.cri,
            "cri-o": self.cri,
            "lxc": self.lxc,
            "libvirt-lxc": self.libvirt_lxc,
            "bpm": self.bpm,
        }.get(engine, True)
