"""The chart's pod as a container of runc: what the manifest says of privileges, mounts, variables and arguments holds.

The image is the file system of this host, seen through a layer of its own, in which the Python of the tests runs. What
a kubelet does besides is left out: no network but its own, no service account, no limits.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tests.deploy.chart import Rendered

SOURCE = Path(__file__).parents[2] / "src"
_NODE = "worker-1"


@cache
def why_not() -> str:
    """Return why no container can be run here, empty when it can."""
    if os.geteuid() != 0:
        return "takes root"
    missing = [name for name in ("runc", "mount", "umount") if not shutil.which(name)]
    return f"{', '.join(missing)} missing" if missing else ""


@dataclass
class Running:
    """A container that runs the pod's command."""

    name: str
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def err(self) -> Path:
        return self.folder / "err"

    def update(self, rendered: Rendered) -> None:
        """Give the running pod what its ConfigMaps say now."""
        for volume in rendered.pod["volumes"]:
            if "projected" in volume:
                _project(self.folder / "volumes" / volume["name"], volume, rendered)

    def exec(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the container, as ``kubectl exec`` does."""
        return subprocess.run(
            ["runc", "exec", self.name, *command], capture_output=True, text=True, check=False, timeout=60
        )


@contextmanager
def running(folder: Path, rendered: Rendered) -> Iterator[Running]:
    """Run the pod's container until the end of the ``with`` statement."""
    name = f"tiercel-test-{os.getpid()}"
    rootfs = folder / "bundle/rootfs"
    layers = folder / "layers"
    for made in (rootfs, layers):
        made.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", layers], check=True)
    try:
        (layers / "upper").mkdir()
        (layers / "work").mkdir()
        options = f"lowerdir=/,upperdir={layers}/upper,workdir={layers}/work"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, rootfs], check=True)
        try:
            (folder / "bundle/config.json").write_text(json.dumps(_specification(folder, rendered)))
            with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
                process = subprocess.Popen(
                    ["runc", "run", "--bundle", folder / "bundle", name],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                )
            try:
                yield Running(name, folder, process)
            finally:
                subprocess.run(["runc", "delete", "--force", name], capture_output=True, check=False)
                process.wait(20)
        finally:
            subprocess.run(["umount", rootfs], check=True)
    finally:
        subprocess.run(["umount", layers], check=True)


def _specification(folder: Path, rendered: Rendered) -> dict[str, Any]:
    """Return what runc is to do, as the runtime of a node would make it of the pod."""
    subprocess.run(["runc", "spec", "--bundle", folder], check=True)
    spec: dict[str, Any] = json.loads((folder / "config.json").read_text())
    container, context = rendered.container, rendered.container["securityContext"]
    capabilities = [f"CAP_{name}" for name in context["capabilities"]["add"]]
    process = spec["process"]
    process["terminal"] = False
    process["args"] = [sys.executable, "-m", "tiercel", *container["args"]]
    process["env"] = [f"PYTHONPATH={SOURCE}", "PATH=/usr/bin:/bin", *map(_variable, container["env"])]
    process["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), capabilities)
    process["noNewPrivileges"] = not context["allowPrivilegeEscalation"]
    spec["root"]["readonly"] = context["readOnlyRootFilesystem"]
    if rendered.pod.get("hostPID"):
        spec["linux"]["namespaces"] = [space for space in spec["linux"]["namespaces"] if space["type"] != "pid"]
    volumes = {volume["name"]: volume for volume in rendered.pod["volumes"]}
    for mount in container["volumeMounts"]:
        options = ["rbind", "rslave" if mount.get("mountPropagation") else "rprivate"]
        options.append("ro" if mount.get("readOnly") else "rw")
        source = _source(folder, volumes[mount["name"]], rendered)
        spec["mounts"].append(
            {"destination": mount["mountPath"], "type": "bind", "source": str(source), "options": options}
        )
    hidden = [mount["mountPath"] for mount in container["volumeMounts"]]
    for place in dict.fromkeys((str(SOURCE.parent), sys.prefix)):
        if any(Path(place).is_relative_to(path) for path in hidden):  # a volume lies over what the image is to have
            spec["mounts"].append(
                {"destination": place, "type": "bind", "source": place, "options": ["rbind", "rprivate", "ro"]}
            )
    return spec


def _variable(variable: dict[str, Any]) -> str:
    return f"{variable['name']}={variable.get('value', _NODE)}"


def _source(folder: Path, volume: dict[str, Any], rendered: Rendered) -> Path:
    """Return the place of a volume on this host."""
    if "hostPath" in volume:
        place = Path(volume["hostPath"]["path"])
        if volume["hostPath"].get("type") == "DirectoryOrCreate":
            place.mkdir(parents=True, exist_ok=True)
        return place
    place = folder / "volumes" / str(volume["name"])
    place.mkdir(parents=True)
    if "projected" in volume:
        _project(place, volume, rendered)
    return place


def _project(place: Path, volume: dict[str, Any], rendered: Rendered) -> None:
    """Write ConfigMaps as a kubelet does: into a folder of their own, to which a link leads that is moved at once."""
    data = {document["metadata"]["name"]: document["data"] for document in rendered.of("ConfigMap")}
    written = Path(mkdtemp(prefix="..", dir=place))
    for source in volume["projected"]["sources"]:
        texts = data[source["configMap"]["name"]]
        items = source["configMap"].get("items") or [{"key": key, "path": key} for key in texts]
        for item in items:
            (written / item["path"]).parent.mkdir(exist_ok=True)
            (written / item["path"]).write_text(texts[item["key"]])
    (place / "..data_tmp").symlink_to(written.name)
    (place / "..data_tmp").rename(place / "..data")
    for entry in written.iterdir():
        if not (place / entry.name).is_symlink():
            (place / entry.name).symlink_to(f"..data/{entry.name}")
