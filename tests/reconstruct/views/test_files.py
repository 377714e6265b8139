"""What happened to files, and why it may matter."""

from __future__ import annotations

from typing import Any

from tests.reconstruct.scenes import WEB, Stage, attacked
from tiercel.reconstruct.views.files import FILES, files


def by_path(stage: Stage) -> dict[str, dict[str, Any]]:
    return {row["path"]: row for row in files(stage.scene()).to_pylist()}


def test_an_intrusion_shows_what_it_changed_gravest_first() -> None:
    scene, _ = attacked()
    table = files(scene)
    assert table.schema.equals(FILES)
    found = table.to_pylist()
    grave = [row["path"] for row in found if row["weight"] >= 4]
    assert set(grave) == {"/tmp/evil.sh", "/etc/cron.d/x", "/tmp/.b"}
    assert [row["weight"] for row in found] == sorted((row["weight"] for row in found), reverse=True)
    rows = {row["path"]: row for row in found}
    script = rows["/tmp/evil.sh"]
    assert script["what"] == ["created", "modified", "permissions", "run", "deleted"]
    assert script["reasons"][0] in ("run from a temporary directory", "deleted after it was run")
    assert "deleted after it was run" in script["reasons"]
    assert script["exists"] is False
    assert script["bytes"] == 400
    assert "bash → curl" in script["chains"]
    assert script["container"] == WEB
    setuid = rows["/tmp/.b"]
    assert setuid["reasons"][0] == "runs with the rights of its owner (setuid)"
    assert setuid["mode"] == "u+s 04755"
    assert setuid["exists"] is True
    assert "hidden name" in setuid["reasons"]
    assert rows["/etc/cron.d/x"]["reasons"] == ["runs at set times (cron)"]
    assert rows["/home/app/hello"]["weight"] <= 3


def test_a_move_shows_at_both_ends() -> None:
    stage = Stage()
    shell = stage.run("mv", stage.process("bash"), "mv /tmp/x /etc/ld.so.preload")
    stage.act("rename", shell, "/tmp/x", target="/etc/ld.so.preload")
    rows = by_path(stage)
    assert rows["/tmp/x"]["moved_to"] == "/etc/ld.so.preload"
    assert rows["/tmp/x"]["exists"] is False
    assert rows["/etc/ld.so.preload"]["moved_from"] == "/tmp/x"
    assert rows["/etc/ld.so.preload"]["reasons"] == ["loaded into every program (ld.so.preload)"]


def test_emptied_logs_and_histories_are_told_from_written_ones() -> None:
    stage = Stage()
    shell = stage.process("bash")
    stage.act("write", shell, "/var/log/syslog", bytes=10)
    stage.act("open_write", shell, "/var/log/auth.log", detail="O_TRUNC")
    stage.act("delete", shell, "/root/.bash_history")
    rows = by_path(stage)
    assert rows["/var/log/syslog"]["weight"] == 0
    assert rows["/var/log/auth.log"]["reasons"] == ["a log was emptied, moved or deleted"]
    assert rows["/root/.bash_history"]["reasons"] == ["shell history emptied, moved or deleted"]


def test_what_failed_is_an_attempt_and_changes_nothing() -> None:
    stage = Stage()
    stage.act("open_write", stage.process("bash"), "/etc/shadow", ok=False, res=-13)
    row = by_path(stage)["/etc/shadow"]
    assert row["what"] == ["attempted"]
    assert row["failed"] == 1
    assert row["exists"] is None


def test_devices_and_pipes_are_no_files() -> None:
    stage = Stage()
    shell = stage.process("bash")
    for path in ("/dev/null", "/dev/pts/0", "pipe:[12]", "/proc/self/oom_score_adj", ""):
        stage.act("write", shell, path)
    assert files(stage.scene()).num_rows == 0


def test_one_container_alone() -> None:
    scene, _ = attacked()
    assert {row["container"] for row in files(scene, container=WEB).to_pylist()} == {WEB}
    assert {row["container"] for row in files(scene, container="").to_pylist()} == {""}
    assert min(files(scene, suspicious_only=True)["weight"].to_pylist()) >= 2
