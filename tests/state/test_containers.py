"""Container ids from cgroup paths, metadata from container events."""

from __future__ import annotations

import pytest

from tiercel.model.tables import Strings
from tiercel.model.world import World
from tiercel.state.containers import MAX_VERSIONS, ContainerIds, match, tell

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
    ],
)
def test_an_id_is_cut_from_a_cgroup_path(cgroup: str, expected: str) -> None:
    assert match(cgroup.encode()) == expected.encode()


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
