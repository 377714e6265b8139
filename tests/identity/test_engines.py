"""Real containers of docker, podman and containerd, by their files and at their sockets."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.containerd.host import Containerd, with_containerd
from tests.containerd.image import WEB
from tests.identity.engines import IMAGE, Engine, docker, podman, why_not, with_engine
from tests.sources.live.host import watchable
from tiercel.capture.writer import CaptureWriter
from tiercel.identity.bundle import Bundles
from tiercel.identity.containerd import Containerd as ContainerdResolver
from tiercel.identity.cri import Cri
from tiercel.identity.docker import Docker, Podman
from tiercel.identity.identity import Identity
from tiercel.identity.model import Found, Info, Subject
from tiercel.identity.people import of_process, of_root
from tiercel.identity.settings import IdentitySettings
from tiercel.replay import Replay
from tiercel.scanning import prepare
from tiercel.watching.ebpf import LiveSource
from tiercel.watching.wanted import events_for

SAME = ("type", "id", "full_id", "name", "image", "imagerepo", "imagetag", "imageid", "host_network", "host_pid",
        "host_ipc", "privileged")  # fmt: skip


def about(id: str, pid: int, engine: str = "") -> Subject:
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return Subject(id[:12], id, engine, pid, lines[-1].split(":", 2)[2])


def agree(near: Found | None, far: Found | None) -> tuple[Info, Info]:
    """Return both after seeing that they say the same of what both know."""
    assert near is not None
    assert far is not None
    assert near.engine == far.engine
    assert {key: near.info[key] for key in SAME} == {key: far.info[key] for key in SAME}
    return near.info, far.info


@pytest.fixture(scope="module")
def dockerd() -> Iterator[Engine]:
    if why_not("dockerd"):
        pytest.skip(why_not("dockerd"))
    with docker() as engine:
        yield engine


@with_engine("dockerd")
def test_docker(dockerd: Engine) -> None:
    id = dockerd.run("run", "-d", "--name", "shop", "--net=none", "--label=team=ops", "-u", "shop",
                     "-v", "/usr/share:/host:ro", "--privileged", "--pid=host",
                     IMAGE, "/bin/sleep", "1000")  # fmt: skip
    pid = int(dockerd.run("inspect", "-f", "{{.State.Pid}}", id))
    settings = replace(
        IdentitySettings(),
        docker_roots=(f"{dockerd.home}/data",),
        containerd_states=(f"{dockerd.home}/exec/containerd/daemon",),
    )
    subject = about(id, pid)
    near = Bundles(settings).resolve(subject)
    asked = Docker((str(dockerd.socket),), 100)
    info, _ = agree(near, asked.resolve(subject))
    assert (info["name"], info["image"], info["User"]) == ("shop", IMAGE, "shop")
    assert (info["privileged"], info["host_pid"], info["host_network"]) == (True, True, False)
    assert info["labels"] == {"maintainer": "me", "team": "ops"}
    assert info["Mounts"] == [
        {"Source": "/usr/share", "Destination": "/host", "Mode": "ro", "RW": False, "Propagation": "rprivate"}
    ]
    assert near is not None
    people = of_root(near.root)
    assert people is not None
    assert people.users[4242].name == b"shop"
    assert of_process(pid, id[:12]) == people
    assert asked.resolve(Subject("f" * 12, "f" * 64)) is None


SLEPT = """
- rule: Slept
  desc: a program with an argument that nobody else gives
  condition: evt.type = execve and evt.arg.res = 0 and container.id != host and proc.args = "TAG"
  output: "%proc.name %container.name %container.image %container.type %user.name"
  priority: NOTICE
"""


@watchable
@with_engine("dockerd")
def test_the_first_program_of_a_container_of_docker_is_already_known(dockerd: Engine, tmp_path: Path) -> None:
    tag = str(31_337_000 + os.getpid() % 1000)
    (tmp_path / "rules.yaml").write_text(SLEPT.replace("TAG", tag))
    detection = prepare([], [tmp_path / "rules.yaml"]).detection
    assert detection is not None
    settings = replace(
        IdentitySettings(), docker_roots=(f"{dockerd.home}/data",), docker_sockets=(str(dockerd.socket),)
    )
    identity = Identity(settings)
    lines: list[str] = []
    with LiveSource(events_for(detection.rules), seconds=20, identity=identity) as source:

        def act() -> None:
            try:
                dockerd.run("run", "-d", "--name=first", "--net=none", "-u", "shop", IMAGE, "/bin/sleep", tag)
            finally:
                source.stop()

        thread = threading.Thread(target=act)
        thread.start()
        for batch in source:
            lines += detection.lines(batch, detection.match(batch)).decode().splitlines()
        thread.join()
    identity.close()
    assert len(lines) == 1
    assert f"sleep first {IMAGE} docker shop" in lines[0]
    assert identity.metrics.by_resolver["bundle"] >= 1


@with_engine("podman")
def test_podman() -> None:
    with podman() as engine:
        limits = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000")
        id = engine.run(
            "run", "-d", "--name", "shop", "--net=none", "--label=team=ops", *limits, IMAGE, "sleep", "1000"
        )
        pid = int(engine.run("inspect", "-f", "{{.State.Pid}}", id))
        settings = replace(IdentitySettings(), storages=(f"{engine.home}/root",))
        subject = about(id, pid, "podman")
        near = Bundles(settings).resolve(subject)
        asked = Podman((str(engine.socket),), 100)
        _, info = agree(near, asked.resolve(subject))
        assert (info["name"], info["image"]) == ("shop", IMAGE)
        assert info["labels"] == {"maintainer": "me", "team": "ops"}
        assert info["imagedigest"].startswith("sha256:")
        assert near is not None
        people = of_root(near.root)
        assert people is not None
        assert people.users[4242].name == b"shop"
        assert asked.resolve(Subject("f" * 12, "f" * 64)) is None


@pytest.fixture(scope="module")
def containerd() -> Iterator[Containerd]:
    with Containerd.start() as host:
        yield host


def settings_for(host: Containerd) -> IdentitySettings:
    return replace(
        IdentitySettings(), containerd_states=(f"{host.home}/state",), cri_sockets=(str(host.socket),), linger=0.5
    )


@with_containerd
def test_a_pod(containerd: Containerd) -> None:
    pod = containerd.pod("shop-7d9f", "store", labels={"app": "shop"})
    web = pod.run("web", WEB, labels={"tier": "front"}, mounts={"/mine": "/tmp"}, environment={"A": "b"})
    settings = settings_for(containerd)
    subject = about(web.id, web.pid)
    cri = Cri(settings.cri_sockets, 100)
    near, far = agree(
        (found := Bundles(settings).resolve(subject)) and replace(found, info=found.info | {"imageid": ""}),
        (found := cri.resolve(subject)) and replace(found, info=found.info | {"imageid": ""}),
    )
    assert near["name"] == "web"
    assert near["image"] == WEB.name
    for info in (near, far):
        assert info["pod_sandbox_id"] == pod.id
        assert info["labels"]["io.kubernetes.pod.name"] == "shop-7d9f"
        assert info["labels"]["io.kubernetes.pod.namespace"] == "store"
        assert info["labels"]["io.kubernetes.pod.uid"] == pod.uid
        assert "A=b" in info["env"]
        assert [mount["Destination"] for mount in info["Mounts"]] == ["/mine"]
    assert far["ip"] == pod.address
    assert far["labels"]["tier"] == "front"
    assert far["pod_sandbox_labels"]["app"] == "shop"
    assert far["imagedigest"].startswith("sha256:")
    assert pod.address in far["cni_json"]
    sandbox = cri.resolve(Subject(pod.id[:12], pod.id))
    assert sandbox is not None
    assert (sandbox.info["is_pod_sandbox"], sandbox.info["ip"]) == (True, pod.address)
    assert cri.resolve(Subject("f" * 12, "f" * 64)) is None
    cri.close()


@with_containerd
def test_a_container_outside_kubernetes(containerd: Containerd) -> None:
    pod = containerd.pod("other")
    resolver = ContainerdResolver((str(containerd.socket),), 100)
    found = resolver.resolve(Subject(pod.id[:12], pod.id))  # its namespace is not told, so all are asked
    assert found is not None
    assert found.info["image"] == "registry.test/pause:1"
    assert found.info["imagedigest"].startswith("sha256:")
    assert resolver.resolve(Subject("missing", "missing", "containerd", 1, "/default/missing")) is None
    resolver.close()


RULES = """
- rule: First program
  desc: a program starts in a container of this namespace
  condition: evt.type in (execve, execveat) and evt.arg.res = 0 and k8s.ns.name = NAMESPACE
  output: >-
    %proc.name %container.name %container.image.repository %container.image.tag %k8s.pod.name %k8s.ns.name
    %k8s.pod.uid %user.name %container.privileged
  priority: NOTICE
- rule: Address known
  desc: what the sockets tell has come, too
  condition: >-
    evt.type in (execve, execveat) and k8s.pod.ip exists and k8s.pod.label[app] = shop and k8s.ns.name = NAMESPACE
  output: "%k8s.pod.ip %k8s.pod.label[app]"
  priority: NOTICE
"""


@watchable
@with_containerd
def test_the_first_program_of_a_container_is_already_known(containerd: Containerd, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES.replace("NAMESPACE", containerd.bridge))
    detection = prepare([], [tmp_path / "rules.yaml"], json=True).detection
    assert detection is not None
    identity = Identity(settings_for(containerd))
    lines: list[bytes] = []
    made: list[Any] = []
    with LiveSource(events_for(detection.rules), seconds=30, identity=identity) as source:

        def act() -> None:
            try:
                pod = containerd.pod("shop-7d9f", containerd.bridge, labels={"app": "shop"})
                web = pod.run("web", WEB)
                for _ in range(20):
                    web.exec("sh", "-c", "true")
                made.append((pod, web))
            finally:
                source.stop()

        thread = threading.Thread(target=act)
        thread.start()
        stream = source.stream
        with CaptureWriter(tmp_path / "seen.scap", stream.world, stream.threads, []) as writer:
            for batch in source:
                writer.write_batch(batch)
                lines += detection.lines(batch, detection.match(batch)).splitlines()
        thread.join()
    identity.close()
    pod, web = made[0]
    alerts = [line.decode() for line in lines]
    mine = [alert for alert in alerts if f'"container.id":"{web.id[:12]}"' in alert]
    program = Path(WEB.entrypoint[0]).name
    assert any(f'"proc.name":"{program}"' in alert for alert in mine), mine
    first = mine[0]
    for text in ('"container.name":"web"', f'"k8s.pod.name":"{pod.name}"', f'"k8s.pod.uid":"{pod.uid}"',
                 '"container.image.repository":"registry.test/store/web"',
                 '"user.name":"root"'):  # fmt: skip
        assert text in first, first
    assert identity.metrics.overdue == 0
    again = prepare([], [tmp_path / "rules.yaml"], json=True).detection
    assert again is not None
    replay = Replay(tmp_path / "seen.scap")
    replayed = [line for batch in replay for line in again.lines(batch, again.match(batch)).splitlines()]
    assert replayed == lines


@watchable
@with_containerd
def test_containers_that_were_there_are_known_from_the_start(containerd: Containerd) -> None:
    pod = containerd.pod("early", "store")
    web = pod.run("web", WEB)
    identity = Identity(settings_for(containerd))
    with LiveSource(events_for([]), seconds=0.3, identity=identity) as source:
        for _ in source:
            pass
        known = source.stream.world.containers[web.id[:12].encode()][-1]
        assert known.info["name"] == "web"
        assert source.stream.world.users[web.id[:12].encode(), 4242].name == b"shop"
    identity.close()


@with_containerd
def test_a_containerd_in_an_unusual_folder_is_found_by_its_shims(containerd: Containerd) -> None:
    pod = containerd.pod("shop-7d9f", "store")
    web = pod.run("web", WEB)
    found = Bundles(IdentitySettings()).resolve(about(web.id, web.pid))
    assert found is not None
    assert found.info["name"] == "web"
    assert found.info["labels"]["io.kubernetes.pod.name"] == "shop-7d9f"
    assert Bundles(IdentitySettings()).resolve(replace(about(web.id, web.pid), pid=0)) is None
