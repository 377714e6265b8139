"""Containers as their runtimes' files describe them.

Nobody is asked: a runtime writes these files before it starts the first process of a container, and reading one takes
a fraction of a millisecond. So names, image and pod are known when that process runs its program.

Where they lie:

- containerd: ``STATE/io.containerd.runtime.v2.task/NAMESPACE/ID/config.json``, see also :mod:`tiercel.identity.shims`
- docker: ``ROOT/containers/ID/config.v2.json`` and ``hostconfig.json``, and containerd's in the namespace ``moby``
- CRI-O, podman: ``STORAGE/DRIVER-containers/ID/userdata/config.json``, and ``containers.json`` for podman's names
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tiercel.identity.docker_state import from_files
from tiercel.identity.files import on_host, read
from tiercel.identity.model import Found, Subject
from tiercel.identity.oci import engine_of, from_spec, root_of
from tiercel.identity.settings import IdentitySettings
from tiercel.identity.shape import image_fields, object_in, part, text
from tiercel.identity.shims import TASKS, state_of

MAX_FILE = 2 << 20
"""Most bytes of a configuration."""

_MAX_LIST = 16 << 20
_MAX_NAMESPACES = 64
_MAX_LEARNT = 16
_USER = re.compile(r"/user-([0-9]{1,10})\.slice/")


class Bundles:
    """Reads the files of docker, containerd, CRI-O and podman."""

    name = "bundle"
    engines = frozenset(("docker", "podman", "containerd", "cri-o"))

    def __init__(self, settings: IdentitySettings) -> None:
        self.settings = settings
        self._learnt: tuple[str, ...] = ()  # folders of containerds that shims led to

    def close(self) -> None:
        """Nothing is held."""

    def resolve(self, subject: Subject) -> Found | None:
        if not subject.is_hex and not (subject.engine == "containerd" and subject.is_name):
            return None
        for engines, look in (
            (("", "docker"), self._docker),
            (("", "podman", "cri-o"), self._stored),
            (("", "containerd", "docker"), self._containerd),
        ):
            if subject.engine in engines and (found := look(subject)) is not None:
                return found if self.settings.looks_up(found.engine) else None
        return None

    def _docker(self, subject: Subject) -> Found | None:
        for root in self.settings.docker_roots:
            folder = on_host(f"{root}/containers/{subject.full_id}")
            state = _load(folder / "config.v2.json")
            if state is not None:
                host = _load(folder / "hostconfig.json")
                info = from_files(subject, state, host, self.settings.label_length)
                bundle = self._task(subject, ("moby",))
                file_system = root_of(bundle[1], bundle[0]) if bundle else ""
                return Found(info, "docker", file_system, whole=False)
        return None

    def _containerd(self, subject: Subject) -> Found | None:
        first = subject.cgroup.strip("/").partition("/")[0]
        bundle = self._task(subject, () if subject.is_hex else (first,))
        if bundle is None:
            return None
        folder, spec = bundle
        engine = "docker" if folder.split("/")[-2] == "moby" else engine_of(spec)
        info = from_spec(subject, engine, spec, _made(folder), self.settings.label_length)
        return Found(info, engine, root_of(spec, folder), whole=False)

    def _task(self, subject: Subject, namespaces: tuple[str, ...]) -> tuple[str, dict[str, Any]] | None:
        """Return folder and configuration of a container of containerd, in one of these namespaces or in any."""
        found = self._task_in((*self.settings.containerd_states, *self._learnt), subject, namespaces)
        if found is None and subject.pid:
            state = state_of(subject.pid)
            if state and state not in self._learnt and state not in self.settings.containerd_states:
                self._learnt = (*self._learnt, state)[-_MAX_LEARNT:]
                found = self._task_in((state,), subject, namespaces)
        return found

    def _task_in(
        self, states: tuple[str, ...], subject: Subject, namespaces: tuple[str, ...]
    ) -> tuple[str, dict[str, Any]] | None:
        for state in states:
            tasks = f"{state}/{TASKS}"
            for namespace in namespaces or _names(on_host(tasks)):
                folder = f"{tasks}/{namespace}/{subject.full_id}"
                spec = _load(on_host(folder) / "config.json")
                if spec is not None:
                    return folder, spec
        return None

    def _stored(self, subject: Subject) -> Found | None:
        for storage in (*self.settings.storages, *_of_user(subject.cgroup)):
            for name in _names(on_host(storage), "-containers"):
                folder = f"{storage}/{name}/{subject.full_id}/userdata"
                spec = _load(on_host(folder) / "config.json")
                if spec is not None:
                    return self._from_storage(subject, folder, spec)
        return None

    def _from_storage(self, subject: Subject, folder: str, spec: dict[str, Any]) -> Found:
        engine = engine_of(spec)
        info = from_spec(subject, engine, spec, _made(folder), self.settings.label_length)
        if engine == "podman":
            listed = _listed(on_host(folder).parents[1], subject.full_id)
            names = part(listed, "names")
            about = object_in(text(part(listed, "metadata"), MAX_FILE).encode("utf-8", "replace")) or {}
            name = text(names[0]) if isinstance(names, list) and names else text(about.get("name"))
            info |= {
                "name": name,
                **image_fields(text(about.get("image-name"))),
                "imageid": text(about.get("image-id")),
            }
        return Found(info, engine, root_of(spec, folder), whole=False)


def _load(path: Path) -> dict[str, Any] | None:
    try:
        return object_in(read(path, MAX_FILE))
    except OSError:
        return None


def _names(folder: Path, ending: str = "") -> Iterator[str]:
    """Return the names in a folder that end so, at most so many as there are namespaces or drivers."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(ending))
    except OSError:
        names = []
    return iter(names[:_MAX_NAMESPACES])


def _made(folder: str) -> int:
    try:
        return int((on_host(folder) / "config.json").stat().st_mtime)
    except OSError:
        return 0


def _listed(folder: Path, id: str) -> dict[str, Any] | None:
    """Return the entry of a container in the list of a storage."""
    for name in ("containers.json", "volatile-containers.json"):
        try:
            data = read(folder / name, _MAX_LIST)
        except OSError:
            continue
        wrapped = object_in(b'{"all":' + data + b"}")
        entries = part(wrapped, "all")
        for entry in entries if isinstance(entries, list) else ():
            if part(entry, "id") == id:
                return entry if isinstance(entry, dict) else None
    return None


def _of_user(cgroup: str) -> tuple[str, ...]:
    """Return the storages of the user whose session a rootless container runs in."""
    found = _USER.search(cgroup)
    if found is None:
        return ()
    try:
        lines = read(on_host("/etc/passwd"), MAX_FILE).decode("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    homes = [fields[5] for line in lines if len(fields := line.split(":")) > 5 and fields[2] == found[1]]
    kept = [f"{home}/.local/share/containers/storage" for home in homes[:1] if home.startswith("/")]
    return (*kept, f"/run/user/{found[1]}/containers")
