"""Container ids from cgroup paths, metadata from container events."""

from __future__ import annotations

import pytest

from tiercel.model.tables import Strings
from tiercel.model.world import User, World
from tiercel.state.containers import MAX_REMOVED, MAX_VERSIONS, ContainerIds, match, name, tell

FULL = "5d146d898ce4" + "0f" * 26


@pytest.mark.parametrize(
    ("cgroup", "expected"),
    [
        ("/", ""),
        ("/init.scope", ""),
        ("/user.slice/user-1000.slice/session-2.scope", ""),
        ("/system.slice/ssh.service", ""),
        (f"/docker/{FULL}", FULL[:12]),
        (f"/system.slice/docker-{FULL}.scope", FULL[:12]),
        (f"/machine.slice/libpod-{FULL}.scope", FULL[:12]),
        (f"/machine.slice/libpod-{FULL}.scope/container", FULL[:12]),
        (f"/machine.slice/libpod-payload-{FULL}.scope", FULL[:12]),
        (f"/kubepods/besteffort/pod1d0e/{FULL}", FULL[:12]),
        (f"/kubepods.slice/kubepods-pod1.slice/cri-containerd-{FULL}.scope", FULL[:12]),
        (f"/kubepods.slice/kubepods-pod1.slice/crio-{FULL}.scope", FULL[:12]),
        (f"/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{FULL}", FULL[:12]),
        ("/default/nginx", "nginx"),
        ("/default/a-container-with-a-long-name", "a-container-"),
        ("/lxc/web", "web"),
        ("/lxc.payload/web/0", "web/0"),
        ("/lxc.payload.web", "web"),
        ("/box.libvirt-lxc", "box"),
        (r"/machine-lxc\x2d2293906\x2dbox.scope", r"2293906\x2dbox"),
        ("/bpm-job.scope", "job"),
        (f"/docker/{FULL}0", ""),
        ("/docker/" + "z" * 64, "z" * 12),  # no full id, but in the form of containerd's
        # pods of every class, with the drivers of systemd and of plain cgroups
        (f"/kubepods/pod1d0e/{FULL}", FULL[:12]),
        (f"/kubepods/burstable/pod1d0e/{FULL}", FULL[:12]),
        (f"/kubepods/burstable/pod1d0e/crio-{FULL}", FULL[:12]),
        (f"/kubepods/pod1d0e/crio-conmon-{FULL}", ""),  # its monitor
        (f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/crio-{FULL}.scope", FULL[:12]),
        (f"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod1.slice/docker-{FULL}.scope", FULL[:12]),
        (f"/system.slice/k3s.service/kubepods/besteffort/pod1/{FULL}", FULL[:12]),
        (f"/k8s.io/{FULL}", FULL[:12]),
        (f"/system.slice/nerdctl-{FULL}.scope", FULL[:12]),
        (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{FULL}.scope", FULL[:12]),
        (f"/docker/{'e' * 64}/docker/{FULL}", FULL[:12]),  # a container in a container
        # groups below a container's own, made by an init system in it
        (f"/docker/{FULL}/init.scope", FULL[:12]),
        (f"/system.slice/docker-{FULL}.scope/system.slice/ssh.service", FULL[:12]),
        (f"/kubepods.slice/kubepods-pod1.slice/cri-containerd-{FULL}.scope/app", FULL[:12]),
        (f"/machine.slice/libpod-{FULL}.scope/container/init.scope", FULL[:12]),
        # systemd-nspawn
        ("/machine.slice/machine-web.scope", "web"),
        ("/machine.slice/machine-web.scope/payload/system.slice/ssh.service", "web"),
        (r"/machine.slice/machine-web\x2d01.scope/payload", "web-01"),
        ("/machine.slice/systemd-nspawn@web.service/payload", "web"),
        ("/machine.slice/systemd-nspawn@web.service/supervisor", ""),
        (r"/machine.slice/machine-qemu\x2d1\x2dvm.scope", ""),  # a virtual machine
    ],
)
def test_an_id_is_cut_from_a_cgroup_path(cgroup: str, expected: str) -> None:
    assert match(cgroup.encode()) == expected.encode()


@pytest.mark.parametrize(
    ("cgroup", "full", "engine"),
    [
        (f"/docker/{FULL}", FULL, ""),
        (f"/system.slice/docker-{FULL}.scope", FULL, "docker"),
        (f"/machine.slice/libpod-{FULL}.scope/container", FULL, "podman"),
        (f"/kubepods/pod1/crio-{FULL}", FULL, "cri-o"),
        (f"/a.slice:cri-containerd:{FULL}", FULL, "containerd"),
        ("/default/a-container-with-a-long-name", "a-container-with-a-long-name", "containerd"),
        ("/lxc.payload.web", "web", "lxc"),
    ],
)
def test_a_cgroup_path_tells_the_whole_id_and_the_engine(cgroup: str, full: str, engine: str) -> None:
    found = name(cgroup.encode())
    assert found is not None
    assert (found.full, found.engine) == (full.encode(), engine)


def test_the_first_cgroup_with_a_container_counts() -> None:
    strings = Strings()
    ids = ContainerIds(strings)
    listed = strings.intern(f"cpu=/\0memory=/docker/{FULL}\0pids=/docker/{'e' * 64}\0".encode())
    assert strings.get(ids.of(listed)) == FULL[:12].encode()
    assert ids.of(strings.intern(b"cpu=/\0")) == -1
    assert ids.of(0) == -1


def test_what_is_told_is_kept_by_event() -> None:
    world = World()
    tell(world, b'{"container": {"id": "a", "image": "x:1"}}\0', 10)
    tell(world, b'{"container": {"id": "a", "image": "x:2"}}', 20)
    assert world.told == 20
    assert world.container(b"a", 9) is None
    assert world.container(b"a", 15).info["image"] == "x:1"  # type: ignore[union-attr]
    assert world.container(b"a", 20).info["image"] == "x:2"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"container": 1}',
        b'{"container": {"id": 1}}',
        b'{"container": {"id": "\\ud800"}}',
        b"[" * 100_000,
    ],
)
def test_what_makes_no_sense_tells_nothing(text: bytes) -> None:
    world = World()
    tell(world, text, 1)
    assert world.containers == {}


def test_a_container_told_without_end_does_not_fill_memory() -> None:
    world = World()
    for num in range(3 * MAX_VERSIONS):
        tell(world, b'{"container": {"id": "a"}}', num)
    assert len(world.containers[b"a"]) == MAX_VERSIONS


def test_a_removed_container_is_kept_for_a_while_without_its_users() -> None:
    world = World(users={(b"a", 1): User(1, 1, b"u", b"/", b"sh"), (b"b", 1): User(1, 1, b"v", b"/", b"sh")})
    tell(world, b'{"container": {"id": "a", "name": "web"}}', 1)
    tell(world, b'{"container": {"id": "a", "name": "web"}}', 5, removed=True)
    assert world.container(b"a", 4).info["name"] == "web"  # type: ignore[union-attr]
    assert list(world.users) == [(b"b", 1)]
    for number in range(MAX_REMOVED):
        tell(world, b'{"container": {"id": "c%d"}}' % number, 10 + number)
        tell(world, b'{"container": {"id": "c%d"}}' % number, 10 + number, removed=True)
    assert b"a" not in world.containers
    assert len(world.containers) == len(world.removed) == MAX_REMOVED


def test_a_container_that_came_back_is_not_forgotten() -> None:
    world = World()
    for removed in (False, True, False):
        tell(world, b'{"container": {"id": "a", "name": "web"}}', 1, removed)
    assert world.removed == {}
