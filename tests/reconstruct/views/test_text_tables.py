"""Views as text."""

from __future__ import annotations

from tests.reconstruct.scenes import Stage, attacked
from tiercel.reconstruct.incidents.find import incidents
from tiercel.reconstruct.views.files import files
from tiercel.reconstruct.views.network import network
from tiercel.reconstruct.views.pods import pods
from tiercel.reconstruct.views.text_tables import (
    render_files,
    render_incidents,
    render_network,
    render_pods,
    render_users,
)
from tiercel.reconstruct.views.users import users
from tiercel.reconstruct.wording.shown import terminal, utc


def test_files_that_stand_out_come_alone_unless_all_are_asked_for() -> None:
    table = files(attacked()[0])
    lines = list(render_files(table))
    assert any(line.startswith("!!!!!") and "/tmp/.b" in line for line in lines)
    assert not any("/var/log/nginx/access.log" in line for line in lines)
    assert lines[-1] == "2 more files were changed or run in ordinary places (--all shows them)."
    assert any("/var/log/nginx/access.log" in line for line in render_files(table, everything=True))


def test_what_was_not_seen_is_said() -> None:
    scene = Stage().scene()
    assert list(render_files(files(scene))) == ["No file was changed."]
    assert list(render_network(network(scene))) == ["No connection was seen."]
    assert list(render_users(users(scene))) == ["No process was seen."]
    assert list(render_pods(pods(scene))) == ["No container was seen."]
    assert list(render_incidents([])) == ["No incident was found."]
    assert any("name not seen" in line for line in render_network(network(attacked()[0])))


def test_an_incident_is_told_with_what_it_rests_on() -> None:
    lines = list(render_incidents(incidents(attacked()[0]), [("Other rule", 3)]))
    assert lines[0].startswith("1. bash in container")
    assert any("credential access" in line and "/etc/shadow" in line and "alert 1]" in line for line in lines)
    assert lines[-2:] == ["Alerts that belong to no incident:", "      3  Other rule"]


def test_nothing_from_evidence_reaches_the_terminal_raw() -> None:
    stage = Stage()
    name = "x\x1b[2J\r\n\u202e"
    row = stage.run(name, stage.process("sshd", stage.process("systemd", pid=1)), user=name, container=name, image=name)
    act = stage.act("create", row, f"/etc/cron.d/{name}")
    stage.connect(row, "203.0.113.9", 80)
    stage.alert(name, act, "Error")
    scene = stage.scene()
    views = (
        render_files(files(scene)),
        render_network(network(scene)),
        render_users(users(scene)),
        render_pods(pods(scene)),
        render_incidents(incidents(scene), [(name, 1)]),
    )
    for lines in views:
        for line in lines:
            assert line.isprintable(), line


def test_lines_fit_the_terminal() -> None:
    scene, _ = attacked()
    assert max(map(len, list(render_files(files(scene), columns=60))[:-1])) <= 60
    assert max(map(len, render_network(network(scene), columns=60))) <= 60


def test_times_and_terminals() -> None:
    assert utc(1_795_309_486_770_529_123) == "2026-11-22 01:04:46.770529"
    assert utc(1_795_309_486_770_529_123, date=False, digits=0) == "01:04:46"
    assert utc(None) == "-"
    assert utc(2**62) == "2116-02-20 23:53:38.427387"
    assert utc(-(2**63)) == str(-(2**63)) or utc(-(2**63)).startswith("1677-09-21")
    assert [terminal(tty) for tty in (0, None, 34816, 34819, 1025)] == ["", "", "pts/0", "pts/3", "tty1"]
