"""The scenario builder."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from tests.capture.stories import break_in
from tiercel.capture.scenario import Emitted, Scenario
from tiercel.wire.event_table import EVENTS


def values(event: Emitted) -> dict[str, bytes]:
    return {param.name: value for param, value in zip(EVENTS[event.type].params, event.parameters, strict=True)}


def find(story: Scenario, constant: str) -> list[Emitted]:
    return [event for event in story.events if EVENTS[event.type].constant == constant]


def number(value: bytes) -> int:
    return int.from_bytes(value, "little", signed=True)


def test_the_same_story_gives_the_same_bytes() -> None:
    assert break_in().to_bytes() == break_in().to_bytes()


def test_time_goes_by_steps_and_as_told() -> None:
    story = Scenario(start=datetime(2026, 1, 1), step=10)
    start = story.now
    story.init.chdir("/a")
    story.wait(1.5)
    story.init.chdir("/b")
    story.at(start + 7_000_000_000)
    story.init.chdir("/c")
    assert [event.ts - start for event in story.events] == [0, 1_500_000_010, 7_000_000_000]
    assert start == 1_767_225_600_000_000_000


def test_every_parameter_of_the_common_events_has_a_value() -> None:
    empty = {
        (EVENTS[event.type].constant, name)
        for event in break_in().events
        for name, value in values(event).items()
        if not value
    }
    # the arguments of a program without any, and the tuple of a connect that failed
    assert empty <= {("SYSCALL_CLONE_20_X", "args"), ("SYSCALL_EXECVE_19_X", "args"), ("SOCKET_CONNECT_X", "tuple")}


def test_a_child_in_a_container_is_seen_with_both_ids() -> None:
    story = Scenario()
    web = story.container("web", image="nginx")
    nginx = story.process("/usr/sbin/nginx", container=web)
    child = nginx.spawn("/bin/sh")
    caller, called = (values(event) for event in find(story, "SYSCALL_CLONE_20_X"))
    assert number(caller["res"]) == child.vtid == 2
    assert number(called["vtid"]) == 2
    assert number(called["tid"]) == child.tid != 2
    assert web.full_id.encode() in called["cgroups"]


def test_a_container_started_by_its_shim_gets_a_new_pid_namespace() -> None:
    story = Scenario()
    shim = story.process("/usr/bin/containerd-shim-runc-v2")
    api = story.container("api", image="shop/api:2", pod=story.pod("api-1", "shop"))
    first = shim.spawn("/app/api", container=api)
    second = shim.spawn("/bin/sh", container=api)
    assert (first.vtid, second.vtid) == (1, 2)
    flags = [number(values(event)["flags"]) for event in find(story, "SYSCALL_CLONE_20_X")]
    assert [bool(bits & 64) for bits in flags] == [True, True, False, False]  # CLONE_NEWPID
    assert [bool(bits & 1 << 29) for bits in flags] == [False, False, True, True]  # in a pid namespace already


def test_metadata_of_containers_and_pods() -> None:
    story = Scenario()
    pod = story.pod("api-1", "shop", labels={"app": "api"})
    made = story.container("api", image="registry.local:5000/shop/api:2.1", pod=pod, privileged=True)
    (event,) = find(story, "ASYNCEVENT_E")
    told = values(event)
    assert told["name"] == b"container\0"
    info = json.loads(told["data"].rstrip(b"\0"))["container"]
    assert (info["id"], info["full_id"], info["type"]) == (made.full_id[:12], made.full_id, 7)
    assert (info["imagerepo"], info["imagetag"]) == ("registry.local:5000/shop/api", "2.1")
    assert info["privileged"] is True
    assert info["labels"]["io.kubernetes.pod.name"] == "api-1"
    assert info["pod_sandbox_labels"]["app"] == "api"
    assert info["pod_sandbox_id"] == pod.sandbox


def test_an_image_without_a_tag_is_the_latest() -> None:
    info = Scenario().container("db", image="registry.local:5000/db").info()
    assert (info["imagerepo"], info["imagetag"]) == ("registry.local:5000/db", "latest")


def test_descriptors_are_the_lowest_free_and_close_on_exec_works() -> None:
    story = Scenario()
    shell = story.process("/bin/sh")
    assert shell.open("/a", "O_RDONLY|O_CLOEXEC") == 3
    assert shell.open("/b") == 4
    shell.close(3)
    assert shell.open("/c", "O_RDONLY|O_CLOEXEC") == 3
    assert shell.open("/none", fail="ENOENT") == -2
    shell.exec("/bin/ls")
    assert sorted(shell.files) == [0, 1, 2, 4]


def test_threads_share_descriptors_and_children_do_not() -> None:
    story = Scenario()
    shell = story.process("/bin/sh")
    thread = shell.thread()
    thread.open("/a")
    child = shell.fork()
    child.open("/b")
    assert sorted(shell.files) == [0, 1, 2, 3]
    assert sorted(child.files) == [0, 1, 2, 3, 4]
    assert (thread.pid, thread.tid != shell.tid) == (shell.pid, True)


def test_orphans_are_adopted() -> None:
    story = Scenario()
    shell = story.process("/bin/sh")
    parent = shell.spawn("/bin/a")
    child = parent.spawn("/bin/b")
    parent.exit(3)
    assert child.parent is story.init
    (end,) = find(story, "PROCEXIT_1_E")
    assert number(values(end)["reaper_tid"]) == 1
    assert number(values(end)["status"]) == 3 << 8


def test_a_server_answers_its_client() -> None:
    story = Scenario()
    server = story.process("/usr/bin/server")
    client = server.accept(server.listen(("0.0.0.0", 80)), ("198.51.100.7", 51000))
    server.receive(client, b"?")
    server.send(client, b"!")
    received = values(find(story, "SOCKET_RECVFROM_X")[0])["tuple"]
    sent = values(find(story, "SOCKET_SENDTO_X")[0])["tuple"]
    assert received == b"\x02\xc6\x33\x64\x07\x38\xc7\x0a\0\0\x05\x50\0"
    assert sent == b"\x02\x0a\0\0\x05\x50\0\xc6\x33\x64\x07\x38\xc7"


def test_running_processes_come_before_events() -> None:
    story = Scenario()
    story.init.chdir("/")
    with pytest.raises(ValueError, match="before the first event"):
        story.process("/bin/late")
