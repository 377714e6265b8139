"""Where sessions enter."""

from __future__ import annotations

import pytest

from tests.reconstruct.scenes import WEB, Stage
from tiercel.reconstruct.entry import Door, entry, is_runtime
from tiercel.reconstruct.lineage import Lineage


def door(stage: Stage, row: int) -> tuple[Door, int, int | None]:
    found = entry(Lineage(stage.scene().processes), row)
    return found.door, found.root, found.by


@pytest.mark.parametrize(
    ("doorkeeper", "expected"),
    [
        ("sshd", Door.SSH),
        ("login", Door.LOGIN),
        ("cron", Door.CRON),
        ("crond", Door.CRON),
        ("nginx", Door.SERVER),
        ("php-fpm8.2", Door.SERVER),
        ("java", Door.SERVER),
    ],
)
def test_a_door_is_the_nearest_above(doorkeeper: str, expected: Door) -> None:
    stage = Stage()
    keeper = stage.run(doorkeeper, stage.process("systemd", pid=1))
    shell = stage.run("bash", keeper)
    cat = stage.run("cat", stage.run("sh", shell))
    assert door(stage, cat) == (expected, shell, keeper)
    assert door(stage, shell) == (expected, shell, keeper)


def test_the_second_sshd_of_a_login_is_no_session() -> None:
    stage = Stage()
    listener = stage.run("sshd", stage.process("systemd", pid=1))
    session = stage.run("sshd", listener)
    shell = stage.run("bash", session)
    assert door(stage, shell) == (Door.SSH, shell, session)


def test_a_container_is_entered_where_its_parent_is_outside() -> None:
    stage = Stage()
    shim = stage.run("containerd-shim", stage.process("systemd", pid=1), "containerd-shim-runc-v2 -namespace k8s.io")
    main = stage.run("app", shim, container=WEB, vpid=1)
    visit = stage.run("sh", shim, container=WEB, vpid=40)
    runc = stage.run("runc", shim, "runc --root /run/x exec --process /tmp/p abc")
    executed = stage.run("sh", runc, container=WEB, vpid=41)
    assert door(stage, main)[0] is Door.START
    assert door(stage, stage.run("worker", main)) == (Door.START, main, shim)
    assert door(stage, visit) == (Door.EXEC, visit, shim)
    assert door(stage, executed) == (Door.EXEC, executed, runc)


def test_a_server_that_starts_its_workers_is_no_door() -> None:
    stage = Stage()
    init = stage.process("systemd", pid=1)
    master = stage.run("nginx", init)
    worker = stage.process("nginx", master)
    assert door(stage, worker) == (Door.SERVICE, master, init)


def test_what_ran_before_the_recording_without_a_known_parent_was_not_seen_to_enter() -> None:
    stage = Stage()
    lost = stage.process("bash", None, from_start=False)
    assert door(stage, lost) == (Door.UNKNOWN, lost, None)


def test_names_of_runtimes() -> None:
    assert all(map(is_runtime, ("runc", "runc:[2:INIT]", "crun", "containerd-shim-runc-v2")))
    assert not any(map(is_runtime, ("bash", "exe", "runc.sh")))
