"""Images made from what the machine has: no registry is asked.

An image is a folder tree of one layer in the layout of OCI images (image-spec 1.0: ``oci-layout``, ``index.json``,
``blobs``), with the annotation by which ``ctr image import`` names it.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

BUSYBOX = "/bin/busybox"
_PYTHON = "/usr/bin/python3"
_SERVER = ("runpy", "http.server", "argparse", "encodings.idna")
_SERVE = (_PYTHON, "-I", "-S", "-B", "-m", "http.server", "80", "--directory", "/srv")
_APPLETS = (
    "cat", "chmod", "cp", "cut", "date", "env", "find", "grep", "head", "hostname", "id", "kill", "ls",
    "mkdir", "mv", "nc", "ps", "rm", "sed", "sleep", "stat", "tail", "tar", "touch", "true", "uname", "wget", "whoami",
)  # fmt: skip
_SHELL = {"dash": "sh"}  # that of busybox runs its own applets as /proc/self/exe, which no other shell does
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_ACCOUNTS = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nshop:x:4242:4242:the shop:/srv:/bin/bash\n",
    "/etc/group": "root:x:0:\nshop:x:4242:\n",
}


@dataclass(frozen=True)
class Image:
    """What an image holds.

    Args:
        name: its reference, with registry and tag.
        entrypoint: what a container of it runs.
        programs: programs of the host to take along with their libraries, each at its own path.
        modules: modules of the host's Python to take along, with what they import.
        files: texts by path.
    """

    name: str
    entrypoint: tuple[str, ...]
    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)


WEB = Image(
    "registry.test/store/web:1.4",
    _SERVE,
    ("bash", "curl", "dash", _PYTHON),
    _SERVER,
    {**_ACCOUNTS, "/srv/index.html": "<h1>shop</h1>\n"},
)
"""Serves /srv over HTTP on port 80; has bash, curl, dash as sh and busybox for the rest."""

PAUSE = Image("registry.test/pause:1", (BUSYBOX, "sleep", "2147483647"))
"""What holds the namespaces of a pod."""


def why_not() -> str:
    """Return what the machine lacks for these images, empty if nothing."""
    missing = [program for program in ("busybox", *WEB.programs) if shutil.which(program) is None]
    if missing:
        return f"takes {', '.join(missing)}"
    shared = subprocess.run(["ldd", str(shutil.which("busybox"))], capture_output=True).returncode == 0
    return "takes the static busybox (package busybox-static)" if shared else ""


def write(image: Image, path: Path) -> None:
    """Write an image as a tar archive of the OCI layout."""
    layer = _layer(image)
    config = {
        "architecture": _ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {
            "Entrypoint": list(image.entrypoint),
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        },
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    config_bytes = json.dumps(config).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _described("application/vnd.oci.image.config.v1+json", config_bytes),
        "layers": [_described("application/vnd.oci.image.layer.v1.tar", layer)],
    }
    manifest_bytes = json.dumps(manifest).encode()
    entry = _described("application/vnd.oci.image.manifest.v1+json", manifest_bytes)
    entry["annotations"] = {"io.containerd.image.name": image.name}
    with tarfile.open(path, "w") as archive:
        _put(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        _put(archive, "index.json", json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode())
        for blob in (config_bytes, layer, manifest_bytes):
            _put(archive, f"blobs/sha256/{_digest(blob).removeprefix('sha256:')}", blob)


def _layer(image: Image) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for folder in ("bin", "dev", "etc", "lib", "proc", "root", "run", "srv", "sys", "tmp", "usr/bin", "var/tmp"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder.endswith("tmp") else 0o755
            archive.addfile(entry)
        _put(archive, BUSYBOX[1:], Path(str(shutil.which("busybox"))).read_bytes(), 0o755)
        for applet in _APPLETS:
            _link(archive, f"bin/{applet}", "busybox")
        programs = {program: str(shutil.which(program)) for program in image.programs}
        for source in dict.fromkeys(chain.from_iterable((found, *_libraries(found)) for found in programs.values())):
            _put(archive, source[1:], Path(source).read_bytes(), 0o755)
        for source in _modules(image.modules) if image.modules else ():
            _put(archive, source[1:], Path(source).read_bytes())
        for program, found in programs.items():
            name = Path(program).name
            for link in {f"/bin/{name}", f"/bin/{_SHELL.get(name, name)}"} - {found}:
                _link(archive, link[1:], found)
        for name, text in image.files.items():
            _put(archive, name[1:], text.encode())
    return written.getvalue()


def _libraries(program: str) -> Iterator[str]:
    """Yield the paths of the loader and libraries of a program, as ldd lists them."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    for line in listed.splitlines():
        if found := re.search(r"(?:=> )?(/\S+) \(0x", line):
            yield found[1]


def _modules(names: tuple[str, ...]) -> list[str]:
    """Return the files of these modules of Python, and of all they import."""
    script = f"import sys, {', '.join(names)}\nfor m in list(sys.modules.values()): print(getattr(m, '__file__', None))"
    listed = subprocess.run([_PYTHON, "-I", "-S", "-c", script], capture_output=True, text=True, check=True).stdout
    return [line for line in dict.fromkeys(listed.splitlines()) if line.startswith("/")]


def _put(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _link(archive: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
    archive.addfile(entry)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _described(kind: str, content: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": _digest(content), "size": len(content)}
