"""Who was there."""

from __future__ import annotations

from tests.reconstruct.scenes import WEB, Stage, attacked
from tiercel.reconstruct.views.users import USERS, users


def test_the_one_with_most_alerts_comes_first() -> None:
    scene, _ = attacked()
    table = users(scene)
    assert table.schema.equals(USERS)
    first = table.to_pylist()[0]
    assert (first["user"], first["uid"], first["container"], first["tty"]) == ("root", 0, WEB, 34816)
    assert first["alerts"] == 5
    assert first["entries"] == ["exec into the container: bash (pid 106)"]
    assert "curl" in first["programs"]
    assert first["gained"] == []  # what the container runtime does is not what somebody gained


def test_a_user_gains_the_rights_of_another() -> None:
    stage = Stage()
    sshd = stage.process("sshd", stage.process("systemd", pid=1))
    shell = stage.run("bash", sshd, user="ann", uid=1000, loginuid=1000, tty=34817, sid=7)
    sudo = stage.run("sudo", shell, "sudo -i", user="root", uid=0, loginuid=1000, tty=34817, sid=7)
    stage.act("credential", sudo, "uid=0", detail="set-user-ID program: uid 1000 -> 0")
    stage.act("credential", sudo, "uid=0", detail="setuid: uid 0 (unchanged)")
    rows = {(row["user"], row["loginuid"]): row for row in users(stage.scene()).to_pylist()}
    ann = rows["ann", 1000]
    assert ann["gained"] == ["set-user-ID program: uid 1000 -> 0 in sudo (pid 103)"]
    assert ann["entries"] == ["SSH login: bash (pid 102)"]
    assert ann["sessions"] == 1
    assert rows["root", 1000]["gained"] == []
    assert rows["root", 1000]["programs"] == ["sudo"]


def test_an_empty_scene_has_no_users() -> None:
    assert users(Stage().scene()).num_rows == 0
