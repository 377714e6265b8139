"""What the OCI configuration of a container says, made the metadata of a container event.

Runtimes under Kubernetes note name, image and pod of a container as annotations in it, before its first process runs.

References: runtime-spec 1.0 ``config.md``; ``pkg/cri/annotations`` of containerd; ``pkg/annotations`` of CRI-O;
``containerd.go`` of Falco's container plugin, for what is privileged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiercel.identity.model import Info, Subject
from tiercel.identity.shape import (
    CPU_PERIOD,
    CPU_SHARES,
    MAX_ENV,
    MAX_MOUNTS,
    MAX_TEXT,
    blank,
    cpus,
    image_fields,
    integer,
    labels,
    mount,
    object_in,
    part,
    pod_labels,
    sequence,
    text,
    texts,
)

_CRI, _CRIO = "io.kubernetes.cri.", "io.kubernetes.cri-o."
_OF_THE_RUNTIME = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/dev/shm", "/run/.containerenv")
_PROPAGATIONS = ("private", "rprivate", "slave", "rslave", "shared", "rshared")
_MAX_CNI = 4096


def engine_of(spec: Mapping[str, Any]) -> str:
    """Return the kind of container a configuration is of: ``cri-o``, ``podman``, else ``containerd``."""
    notes = notes_of(spec)
    if f"{_CRIO}ContainerType" in notes or f"{_CRIO}SandboxID" in notes:
        return "cri-o"
    return "podman" if notes.get("io.container.manager") == "libpod" else "containerd"


def notes_of(spec: Mapping[str, Any]) -> dict[str, str]:
    found = part(spec, "annotations")
    pairs = found.items() if isinstance(found, dict) else ()
    return {str(key): value for key, value in pairs if isinstance(value, str)}


def from_spec(subject: Subject, engine: str, spec: dict[str, Any], created: int, label_length: int) -> Info:
    """Return the metadata in a configuration made at ``created``, seconds since the epoch."""
    linux, process = part(spec, "linux"), part(spec, "process")
    namespaces = {text(entry.get("type")) for entry in sequence(part(linux, "namespaces"), 16)}
    user = part(process, "user", "uid")
    info = blank(subject, engine) | {
        "name": text(notes_of(spec).get("nerdctl/name")) or subject.id,
        "User": str(integer(user)) if isinstance(user, int) else "",
        **_limits(part(linux, "resources")),
        "created_time": created,
        "env": texts(part(process, "env"), MAX_ENV),
        "host_ipc": "ipc" not in namespaces,
        "host_network": "network" not in namespaces,
        "host_pid": "pid" not in namespaces,
        "privileged": _privileged(spec),
        "Mounts": list(_mounts(spec)),
    }
    return info | _pod(notes_of(spec), engine, label_length)


def root_of(spec: Mapping[str, Any], bundle: str) -> str:
    """Return where the container's file system is, given the folder of its configuration."""
    path = text(part(spec, "root", "path"), 4096)
    return path if path.startswith("/") else f"{bundle}/{path}" if path else ""


def _pod(notes: Mapping[str, str], engine: str, label_length: int) -> Info:
    """Return what the annotations of a runtime under Kubernetes add."""
    if engine == "cri-o":
        return _crio(notes, label_length)
    sandbox = text(notes.get(f"{_CRI}sandbox-id"))
    if not sandbox:
        return {}
    name, space = notes.get(f"{_CRI}sandbox-name"), notes.get(f"{_CRI}sandbox-namespace")
    uid = notes.get(f"{_CRI}sandbox-uid") or _uid(notes.get(f"{_CRI}sandbox-log-directory", ""))
    of_pod = pod_labels(name, space, uid, sandbox)
    container = text(notes.get(f"{_CRI}container-name"))
    image = notes.get(f"{_CRI}image-name") or notes.get(f"{_CRI}podsandbox.image-name")
    return _in_pod(container, text(image), sandbox, of_pod, notes.get(f"{_CRI}container-type") == "sandbox")


def _crio(notes: Mapping[str, str], label_length: int) -> Info:
    sandbox = text(notes.get(f"{_CRIO}SandboxID"))
    own = labels(object_in(notes.get(f"{_CRIO}Labels", "").encode()), label_length)
    told = {**own, **{key: value for key, value in notes.items() if key.startswith("io.kubernetes.pod.")}}
    name = told.get("io.kubernetes.pod.name") or notes.get(f"{_CRIO}KubeName")
    space = told.get("io.kubernetes.pod.namespace") or notes.get(f"{_CRIO}Namespace")
    of_pod = {**own, **pod_labels(name, space, told.get("io.kubernetes.pod.uid"), sandbox)}
    container = notes.get("io.kubernetes.container.name") or own.get("io.kubernetes.container.name", "")
    image = notes.get(f"{_CRIO}ImageName") or notes.get(f"{_CRIO}Image")
    is_sandbox = notes.get(f"{_CRIO}ContainerType") == "sandbox"
    info = _in_pod(container, text(image), sandbox, of_pod, is_sandbox)
    info["ip"] = text(notes.get(f"{_CRIO}IP.0"), 64)
    info["cni_json"] = text(notes.get(f"{_CRIO}CNIResult"), _MAX_CNI)
    return info


def _in_pod(name: str, image: str, sandbox: str, of_pod: dict[str, str], is_sandbox: bool) -> Info:
    """Return the entries about a container of a pod, or about the sandbox that holds its namespaces."""
    own = {"io.kubernetes.container.name": name} if name and not is_sandbox else {}
    return {
        "name": name if name and not is_sandbox else of_pod.get("io.kubernetes.pod.name", ""),
        **image_fields(image),
        "is_pod_sandbox": is_sandbox,
        "pod_sandbox_id": sandbox,
        "labels": {**of_pod, **own},
    }


def _uid(folder: str) -> str:
    """Return the uid of a pod from the folder of its logs, ``…/NAMESPACE_NAME_UID``."""
    words = folder.rstrip("/").rpartition("/")[2].split("_")
    return words[2] if len(words) == 3 and folder.startswith("/") else ""


def _limits(resources: object) -> Info:
    return {
        "cpu_period": integer(part(resources, "cpu", "period")) or CPU_PERIOD,
        "cpu_quota": integer(part(resources, "cpu", "quota")),
        "cpu_shares": integer(part(resources, "cpu", "shares")) or CPU_SHARES,
        "cpuset_cpu_count": cpus(part(resources, "cpu", "cpus")),
        "memory_limit": integer(part(resources, "memory", "limit")),
        "swap_limit": integer(part(resources, "memory", "swap")),
    }


def _privileged(spec: dict[str, Any]) -> bool:
    """Whether nothing is kept from the container, which the configuration does not say in one word."""
    noted = notes_of(spec).get("io.podman.annotations.privileged")
    if noted is not None:
        return bool(noted == "TRUE")
    linux, process = part(spec, "linux"), part(spec, "process")
    if not isinstance(linux, dict) or not isinstance(process, dict):
        return False
    if any(linux.get(key) for key in ("maskedPaths", "readonlyPaths", "seccomp")) or process.get("selinuxLabel"):
        return False
    if process.get("apparmorProfile") not in (None, "", "unconfined"):
        return False
    system = [m for m in sequence(spec.get("mounts"), MAX_MOUNTS) if text(m.get("type")) in ("sysfs", "cgroup")]
    return not any("ro" in texts(m.get("options"), MAX_ENV) for m in system)


def _mounts(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what of the host is mounted into the container."""
    for entry in sequence(spec.get("mounts"), MAX_MOUNTS):
        options = texts(entry.get("options"), MAX_ENV)
        bound = entry.get("type") == "bind" or "bind" in options or "rbind" in options
        if bound and text(entry.get("destination"), MAX_TEXT) not in _OF_THE_RUNTIME:
            propagation = next((option for option in options if option in _PROPAGATIONS), "rprivate")
            yield mount(entry.get("source"), entry.get("destination"), "", "ro" not in options, propagation)
