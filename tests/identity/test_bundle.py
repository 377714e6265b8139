"""Containers as the files of their runtimes describe them."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.identity.made import ID, SANDBOX, UID, kubernetes, spec, subject, task, write
from tests.identity.test_shape import JSON
from tiercel.identity.bundle import Bundles
from tiercel.identity.docker_state import from_files, from_inspection
from tiercel.identity.model import Found
from tiercel.identity.oci import from_spec
from tiercel.identity.people import of_root
from tiercel.identity.settings import IdentitySettings
from tiercel.identity.shape import encoded


@pytest.fixture
def settings(tmp_path: Path) -> IdentitySettings:
    return replace(
        IdentitySettings(),
        containerd_states=(str(tmp_path / "containerd"),),
        docker_roots=(str(tmp_path / "docker"),),
        storages=(str(tmp_path / "storage"), str(tmp_path / "run")),
    )


def resolve(settings: IdentitySettings, engine: str = "", id: str = ID, cgroup: str = "") -> Found | None:
    return Bundles(settings).resolve(subject(id, engine, cgroup))


def test_a_container_of_a_pod(settings: IdentitySettings, tmp_path: Path) -> None:
    folder = task(tmp_path / "containerd", "k8s.io", ID, spec(kubernetes()))
    found = resolve(settings)
    assert found is not None
    assert (found.engine, found.root) == ("containerd", f"{folder}/rootfs")
    info = found.info
    assert (info["type"], info["id"], info["full_id"]) == (7, ID[:12], ID)
    assert (info["name"], info["image"]) == ("web", "registry.test:5000/shop/web:1.4")
    assert (info["imagerepo"], info["imagetag"]) == ("registry.test:5000/shop/web", "1.4")
    assert info["labels"] == {
        "io.kubernetes.container.name": "web",
        "io.kubernetes.pod.name": "shop-7d9f",
        "io.kubernetes.pod.namespace": "store",
        "io.kubernetes.pod.uid": UID,
        "io.kubernetes.sandbox.id": SANDBOX,
    }
    assert info["pod_sandbox_id"] == SANDBOX
    assert (info["User"], info["env"]) == ("4242", ["PATH=/bin", "A=b"])
    assert info["Mounts"] == [
        {"Source": "/srv", "Destination": "/data", "Mode": "", "RW": False, "Propagation": "rprivate"}
    ]
    assert (info["cpu_shares"], info["cpu_quota"], info["cpu_period"], info["cpuset_cpu_count"]) == (
        512,
        20000,
        50000,
        4,
    )
    assert (info["host_network"], info["host_pid"], info["host_ipc"], info["privileged"]) == (False,) * 4


def test_the_sandbox_of_a_pod(settings: IdentitySettings, tmp_path: Path) -> None:
    notes = {
        "io.kubernetes.cri.container-type": "sandbox",
        "io.kubernetes.cri.sandbox-id": SANDBOX,
        "io.kubernetes.cri.sandbox-log-directory": f"/var/log/pods/store_shop-7d9f_{UID}",
        "io.kubernetes.cri.sandbox-name": "shop-7d9f",
        "io.kubernetes.cri.sandbox-namespace": "store",
    }
    task(tmp_path / "containerd", "k8s.io", SANDBOX, spec(notes))
    found = resolve(settings, "containerd", SANDBOX)
    assert found is not None
    assert found.info["is_pod_sandbox"] is True
    assert found.info["name"] == "shop-7d9f"
    assert found.info["labels"]["io.kubernetes.pod.uid"] == UID  # older versions name it in the folder of logs alone


def test_a_container_of_containerd_is_found_by_its_name(settings: IdentitySettings, tmp_path: Path) -> None:
    task(tmp_path / "containerd", "default", "a-container-with-a-long-name", spec())
    found = resolve(settings, "containerd", "a-container-with-a-long-name", "/default/a-container-with-a-long-name")
    assert found is not None
    assert found.info["name"] == "a-container-"
    elsewhere = resolve(settings, "containerd", "a-container-with-a-long-name", "/other/a-container-with-a-long-name")
    assert elsewhere is None


def test_a_container_of_cri_o(settings: IdentitySettings, tmp_path: Path) -> None:
    notes = {
        "io.kubernetes.cri-o.ContainerType": "container",
        "io.kubernetes.cri-o.SandboxID": SANDBOX,
        "io.kubernetes.cri-o.ImageName": "quay.io/shop/web:1.4",
        "io.kubernetes.cri-o.IP.0": "10.88.0.9",
        "io.kubernetes.cri-o.Labels": json.dumps({"io.kubernetes.container.name": "web", "tier": "front"}),
        "io.kubernetes.pod.name": "shop-7d9f",
        "io.kubernetes.pod.namespace": "store",
        "io.kubernetes.pod.uid": UID,
    }
    write(tmp_path / f"run/overlay-containers/{ID}/userdata/config.json", spec(notes, root={"path": "/merged"}))
    found = resolve(settings, "cri-o")
    assert found is not None
    assert (found.engine, found.root, found.info["type"]) == ("cri-o", "/merged", 8)
    assert (found.info["name"], found.info["image"], found.info["ip"]) == ("web", "quay.io/shop/web:1.4", "10.88.0.9")
    assert found.info["labels"]["io.kubernetes.pod.name"] == "shop-7d9f"
    assert found.info["labels"]["tier"] == "front"


def test_a_container_of_podman(settings: IdentitySettings, tmp_path: Path) -> None:
    notes = {"io.container.manager": "libpod", "io.podman.annotations.privileged": "TRUE"}
    containers = tmp_path / "storage/overlay-containers"
    write(containers / ID / "userdata/config.json", spec(notes))
    about = {"image-name": "quay.io/shop/web:1.4", "image-id": "ab" * 32, "name": "box"}
    listed = [{"id": "f" * 64}, {"id": ID, "names": ["box"], "metadata": json.dumps(about)}]
    write(containers / "containers.json", listed)
    found = resolve(settings, "podman")
    assert found is not None
    assert (found.engine, found.info["type"]) == ("podman", 11)
    assert (found.info["name"], found.info["image"]) == ("box", "quay.io/shop/web:1.4")
    assert (found.info["imageid"], found.info["privileged"]) == ("ab" * 32, True)


def test_a_container_of_docker(settings: IdentitySettings, tmp_path: Path) -> None:
    folder = tmp_path / "docker/containers" / ID
    state = {
        "ID": ID,
        "Name": "/web",
        "Created": "2026-01-02T03:04:05.6Z",
        "Image": "sha256:" + "ab" * 32,
        "Config": {"Image": "shop/web:1.4", "Env": ["A=b"], "Labels": {"team": "ops"}, "User": "shop"},
        "NetworkSettings": {"Networks": {"bridge": {"IPAddress": "172.17.0.2"}}},
        "MountPoints": {"/data": {"Source": "/srv", "Destination": "/data", "RW": True, "Propagation": "rprivate"}},
    }
    write(folder / "config.v2.json", state)
    write(folder / "hostconfig.json", {"Privileged": True, "NetworkMode": "host", "PidMode": "host", "CpuShares": 7})
    found = resolve(settings, "docker")
    assert found is not None
    info = found.info
    assert (info["name"], info["image"], info["imageid"], info["User"]) == ("web", "shop/web:1.4", "ab" * 32, "shop")
    assert (info["privileged"], info["host_network"], info["host_pid"], info["host_ipc"]) == (True, True, True, False)
    assert (info["ip"], info["labels"], info["cpu_shares"]) == ("172.17.0.2", {"team": "ops"}, 7)
    assert info["created_time"] == 1767323045
    assert info["Mounts"][0]["Destination"] == "/data"


def test_a_watcher_in_a_container_finds_the_hosts_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mounted below HOST_ROOT, or through the root of the host's first process where only /proc is."""
    monkeypatch.setenv("HOST_ROOT", str(tmp_path))
    for number, top in enumerate((tmp_path, tmp_path / "proc/1/root")):
        id = f"{number}" * 64
        folder = task(top / "run/containerd", "k8s.io", id, spec(kubernetes()))
        (folder / "rootfs/etc").mkdir(parents=True)
        (folder / "rootfs/etc/passwd").write_text("shop:x:4242:4242::/:\n")
        found = resolve(IdentitySettings(), id=id)
        assert found is not None
        assert found.info["name"] == "web"
        people = of_root(found.root)
        assert people is not None
        assert people.users[4242].name == b"shop"
        shutil.rmtree(top / "run")


def test_a_rootless_container_is_found_in_its_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_ROOT", str(tmp_path))
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("ann:x:1000:1000::/home/ann:/bin/sh\n")
    notes = {"io.container.manager": "libpod"}
    stored = tmp_path / "home/ann/.local/share/containers/storage/overlay-containers"
    write(stored / ID / "userdata/config.json", spec(notes))
    session = f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope"
    assert resolve(IdentitySettings(), "podman", cgroup=session) is not None
    assert resolve(IdentitySettings(), "podman", cgroup=session.replace("1000", "1001")) is None


def test_an_engine_that_is_switched_off_is_not_looked_at(settings: IdentitySettings, tmp_path: Path) -> None:
    task(tmp_path / "containerd", "k8s.io", ID, spec(kubernetes()))
    assert resolve(settings) is not None
    assert resolve(replace(settings, cri=False)) is None


@pytest.mark.parametrize("id", ["../" * 10 + "etc", "a/b", "..", ".", "", "a" * 64 + "\0", "G" * 64, "a" * 200])
def test_what_is_no_id_never_becomes_a_path(settings: IdentitySettings, tmp_path: Path, id: str) -> None:
    (tmp_path / "containerd/io.containerd.runtime.v2.task/default").mkdir(parents=True)
    write(tmp_path / "containerd/io.containerd.runtime.v2.task/config.json", spec())
    assert resolve(settings, "containerd", id, "/default/x") is None


def test_a_pipe_in_place_of_a_file_holds_nobody_up(settings: IdentitySettings, tmp_path: Path) -> None:
    folder = tmp_path / "containerd/io.containerd.runtime.v2.task/k8s.io" / ID
    folder.mkdir(parents=True)
    os.mkfifo(folder / "config.json")
    assert resolve(settings) is None


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 200_000, b'{"a":"' + b"x" * (3 << 20) + b'"}'])
def test_a_bundle_that_makes_no_sense_tells_nothing(settings: IdentitySettings, tmp_path: Path, text: bytes) -> None:
    (task(tmp_path / "containerd", "k8s.io", ID, {}) / "config.json").write_bytes(text)
    assert resolve(settings) is None


PARTS = ("process", "root", "mounts", "annotations", "linux")
HOSTILE = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(PARTS, JSON),
        "linux": st.fixed_dictionaries({}, optional=dict.fromkeys(("resources", "namespaces", "maskedPaths"), JSON))
        | JSON,
        "mounts": st.lists(st.fixed_dictionaries({"type": st.just("bind")}, optional={"options": JSON, "source": JSON}))
        | JSON,
        "annotations": st.dictionaries(st.sampled_from(sorted(kubernetes())), JSON) | JSON,
    },
)


@given(HOSTILE)
def test_a_hostile_configuration_makes_metadata_within_bounds(value: dict[str, Any]) -> None:
    for engine in ("containerd", "cri-o", "podman"):
        info = from_spec(subject(), engine, value, 0, 100)
        assert json.loads(encoded(info)[:-1])["container"]["id"] == ID[:12]


@given(
    st.dictionaries(
        st.sampled_from(
            ("Config", "HostConfig", "NetworkSettings", "Mounts", "MountPoints", "Name", "Image", "Created")
        ),
        st.dictionaries(
            st.sampled_from(("Env", "Labels", "Image", "Ports", "Networks", "IPAddress", "CpusetCpus", "80/tcp")), JSON
        )
        | JSON,
    )
)
def test_a_hostile_inspection_makes_metadata_within_bounds(value: dict[str, Any]) -> None:
    for info in (
        from_inspection(subject(), "docker", value, 100),
        from_inspection(subject(), "podman", value, 100),
        from_files(subject(), value, value, 100),
    ):
        assert json.loads(encoded(info)[:-1])["container"]["id"] == ID[:12]
