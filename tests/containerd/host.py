"""A containerd of its own in a temporary folder, and pods in it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

import pytest

from tests.containerd import image as images
from tests.containerd.cri import Runtime
from tests.containerd.image import Image
from tests.containerd.service import service
from tests.containerd.terminal import Terminal

_PLUGINS = Path("/usr/lib/cni")
_CGROUPS = Path("/sys/fs/cgroup")

_CONFIG = """
version = 2
root = "{home}/root"
state = "{home}/state"
[grpc]
  address = "{home}/state/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{home}/net.d"
[plugins."io.containerd.internal.v1.opt"]
  path = "{home}/opt"
"""

_PATIENCE = 30.0


@cache
def why_not() -> str:
    """Return why no containerd can be run here, empty if it can."""
    if os.geteuid() != 0:
        return "takes root"
    missing = [program for program in ("containerd", "ctr", "runc") if shutil.which(program) is None]
    if missing:
        return f"takes {', '.join(missing)}"
    if not (_PLUGINS / "bridge").exists():
        return "takes the package containernetworking-plugins"
    return images.why_not()


def with_containerd(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that takes a containerd; it is skipped elsewhere, with the reason."""
    why = why_not()
    marked: Callable[..., None] = pytest.mark.skipif(bool(why), reason=f"no containerd here: {why}")(test)
    return pytest.mark.privileged(marked)


@dataclass(frozen=True)
class Done:
    """What a command in a container printed, and its exit code."""

    out: bytes
    error: bytes
    code: int

    @property
    def text(self) -> str:
        return self.out.decode()


@dataclass
class Container:
    """A running container of a pod. ``id`` has 64 hexadecimal digits."""

    pod: Pod
    id: str
    name: str
    image: str

    @property
    def pid(self) -> int:
        """The process id of its first process, as the host sees it."""
        listed = self.pod.host.ctr("task", "ls")
        for line in listed.splitlines():
            words = line.split()
            if words[0] == self.id:
                return int(words[1])
        raise LookupError(f"no task of container {self.id}:\n{listed}")

    def listening(self, port: int = 80) -> Self:
        """Wait until something in it listens on a TCP port; return it.

        Raises:
            TimeoutError: nothing does.
        """
        table, until = Path(f"/proc/{self.pid}/net/tcp"), time.monotonic() + _PATIENCE
        while not any(line.split()[1].endswith(f":{port:04X}") for line in table.read_text().splitlines()[1:]):
            if time.monotonic() > until:
                raise TimeoutError(f"nothing listens on port {port} in {self.name}")
            time.sleep(0.02)
        return self

    def exec(self, *command: str, timeout: int = 20) -> Done:
        """Run a command in it without a terminal and wait for its end."""
        answer = self.pod.host.runtime.call("ExecSync", container_id=self.id, cmd=command, timeout=timeout)
        return Done(answer.stdout, answer.stderr, answer.exit_code)

    def terminal(self, *command: str) -> Terminal:
        """Run a command in it on a terminal, as ``kubectl exec -it`` does."""
        answer = self.pod.host.runtime.call(
            "Exec", container_id=self.id, cmd=command, tty=True, stdin=True, stdout=True
        )
        return Terminal(answer.url)

    def remove(self) -> None:
        """Stop and remove it."""
        self.pod.host.runtime.call("StopContainer", container_id=self.id, timeout=0)
        self.pod.host.runtime.call("RemoveContainer", container_id=self.id)


@dataclass
class Pod:
    """A pod sandbox. ``id`` is that of the sandbox, ``address`` where its network is reached from other pods."""

    host: Containerd = field(repr=False)
    config: dict[str, Any]
    id: str
    address: str

    @property
    def name(self) -> str:
        return str(self.config["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.config["metadata"]["namespace"])

    @property
    def uid(self) -> str:
        return str(self.config["metadata"]["uid"])

    def run(
        self,
        name: str,
        image: Image,
        command: Sequence[str] = (),
        *,
        environment: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        mounts: Mapping[str, str] | None = None,
        user: int | None = None,
        privileged: bool = False,
    ) -> Container:
        """Create and start a container in this pod.

        Args:
            command: what it runs instead of the image's entrypoint.
            mounts: paths of the host by path in the container.
            labels: more labels than a kubelet gives it.
        """
        self.host.add(image)
        security: dict[str, Any] = {"privileged": privileged, "namespace_options": {"pid": 1}}
        if user is not None:
            security["run_as_user"] = {"value": user}
        config = {
            "metadata": {"name": name},
            "image": {"image": image.name},
            "command": command,
            "envs": [{"key": key, "value": value} for key, value in (environment or {}).items()],
            "mounts": [{"container_path": inside, "host_path": path} for inside, path in (mounts or {}).items()],
            "labels": {**_kubernetes(self.config["metadata"]), "io.kubernetes.container.name": name, **(labels or {})},
            "log_path": f"{name}.log",
            "linux": {"security_context": security},
        }
        runtime = self.host.runtime
        made = runtime.call("CreateContainer", pod_sandbox_id=self.id, config=config, sandbox_config=self.config)
        runtime.call("StartContainer", container_id=made.container_id)
        return Container(self, made.container_id, name, image.name)

    def remove(self) -> None:
        """Stop and remove the pod with its containers."""
        self.host.runtime.call("StopPodSandbox", pod_sandbox_id=self.id)
        self.host.runtime.call("RemovePodSandbox", pod_sandbox_id=self.id)
        self.host.pods.remove(self)


def _kubernetes(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the labels a kubelet gives pods and containers."""
    return {f"io.kubernetes.pod.{key}": metadata[key] for key in ("name", "namespace", "uid")}


@dataclass
class Containerd:
    """A running containerd; see the package's docstring. ``socket`` is the path of its CRI socket."""

    home: Path
    process: subprocess.Popen[bytes]
    runtime: Runtime
    bridge: str
    pods: list[Pod] = field(default_factory=list)
    images: set[str] = field(default_factory=set)

    @property
    def socket(self) -> Path:
        return self.home / "state" / "containerd.sock"

    @classmethod
    @contextmanager
    def start(cls) -> Iterator[Self]:
        """Start it; when left, its pods, processes, mounts, bridge and files are gone."""
        home = Path(tempfile.mkdtemp(prefix="tiercel-containerd-"))
        bridge = f"tcl{secrets.token_hex(4)}"
        config = home / "config.toml"
        config.write_text(_CONFIG.format(home=home, pause=images.PAUSE.name, plugins=_PLUGINS))
        (home / "net.d").mkdir()
        (home / "net.d" / "pods.conflist").write_text(json.dumps(_network(home, bridge)))
        socket = home / "state" / "containerd.sock"
        with service(bridge), (home / "log").open("wb") as log, Runtime(socket) as runtime:
            process = subprocess.Popen(["containerd", "--config", config], stdout=log, stderr=log)
            host = cls(home, process, runtime, bridge)
            try:
                runtime.call("Version", _PATIENCE)
                host.add(images.PAUSE)
                yield host
            except BaseException:
                print((home / "log").read_text()[-4000:])
                raise
            finally:
                host._remove()

    def pod(
        self,
        name: str,
        namespace: str = "default",
        *,
        uid: str = "",
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        host_network: bool = False,
    ) -> Pod:
        """Run a pod sandbox, in the cgroup a kubelet with the cgroupfs driver and a cgroup root chooses."""
        metadata = {"name": name, "namespace": namespace, "uid": uid or str(uuid.uuid4())}
        config = {
            "metadata": metadata,
            "hostname": "" if host_network else name,
            "log_directory": str(self.home / "logs" / name),
            "dns_config": {"servers": ["127.0.0.1"]},  # nobody
            "labels": {**_kubernetes(metadata), **(labels or {})},
            "annotations": dict(annotations or {}),
            "linux": {
                "cgroup_parent": f"/{self.bridge}/kubepods/besteffort/pod{metadata['uid']}",
                "security_context": {"namespace_options": {"network": 2 if host_network else 0, "pid": 1}},
            },
        }
        made = self.runtime.call("RunPodSandbox", config=config)
        status = self.runtime.call("PodSandboxStatus", pod_sandbox_id=made.pod_sandbox_id).status
        pod = Pod(self, config, made.pod_sandbox_id, status.network.ip)
        self.pods.append(pod)
        return pod

    def add(self, image: Image) -> None:
        """Import an image if it is not there yet."""
        if image.name in self.images:
            return
        archive = self.home / "image.tar"
        images.write(image, archive)
        self.ctr("image", "import", str(archive))
        archive.unlink()
        self.images.add(image.name)

    def ctr(self, *arguments: str) -> str:
        """Run ctr in the namespace of Kubernetes; return what it printed."""
        command = ["ctr", "--address", str(self.socket), "--namespace", "k8s.io", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)
        assert done.returncode == 0, f"ctr {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def _remove(self) -> None:
        if self.process.poll() is None:
            for pod in [*self.pods]:
                with suppress(Exception):  # what is left is ended below
                    pod.remove()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in _named(str(self.home)):  # shims of pods that did not go
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for mount in _mounts(self.home):
            subprocess.run(["umount", "-l", mount], capture_output=True)
        subprocess.run(["ip", "link", "delete", self.bridge], capture_output=True)
        _remove_cgroups(self.bridge)
        shutil.rmtree(self.home, ignore_errors=True)


def _network(home: Path, bridge: str) -> dict[str, Any]:
    """Return a CNI configuration: a bridge without an address, so that pods reach each other and nothing else.

    The addresses are those reserved for documentation (RFC 5737): to a pod they are somewhere in the internet.
    """
    ranges = [[{"subnet": "203.0.113.0/24"}]]
    return {
        "cniVersion": "0.4.0",
        "name": bridge,
        "plugins": [
            {
                "type": "bridge",
                "bridge": bridge,
                "isGateway": False,
                "ipMasq": False,
                "ipam": {"type": "host-local", "dataDir": str(home / "ipam"), "ranges": ranges},
            }
        ],
    }


def _named(home: str) -> Iterator[int]:
    """Yield the processes whose command line names this host's folder."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{home}/".encode() in (folder / "cmdline").read_bytes() and int(folder.name) != os.getpid():
                yield int(folder.name)


def _mounts(home: Path) -> list[str]:
    """Return the mount points below a folder, innermost first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return sorted((path for line in lines if (path := line.split()[4]).startswith(f"{home}/")), reverse=True)


def _remove_cgroups(root: str) -> None:
    """Remove the cgroups below this one, in every hierarchy; a moment may pass before the kernel has emptied them."""
    until = time.monotonic() + 5
    for top in (*_CGROUPS.glob(f"*/{root}"), _CGROUPS / root):
        while top.is_dir() and time.monotonic() < until:
            for folder, _, _ in os.walk(top, topdown=False):
                with suppress(OSError):
                    os.rmdir(folder)
            time.sleep(0.01)
