"""Rules and configuration read again while a watch goes on."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from tests.sources.live.host import watchable
from tests.watching.watcher import RULE, run, until, watching


def write(path: Path, *rules: tuple[str, str]) -> Path:
    """Write rules in place, as (name, word)."""
    path.write_text("".join(RULE.format(name=name, word=word) for name, word in rules))
    return path


@watchable
def test_edited_rules_are_in_force_soon_and_the_totals_go_on(tmp_path: Path) -> None:
    rules = write(tmp_path / "rules.yaml", ("First", "reload-a1"))
    with watching(tmp_path, "-r", str(rules), "--stats") as watcher:
        run("reload-a1")
        watcher.alerted("First")
        write(rules, ("Second", "reload-a2"), ("First", "reload-a1"))
        watcher.says("rules reloaded: 2 rules are in force")
        run("reload-a1")
        run("reload-a2")
        watcher.alerted("First", 2)
        watcher.alerted("Second")
        said = watcher.end()
    assert "First: 2" in said
    assert "Second: 1" in said
    assert "Traceback" not in said


@watchable
def test_a_broken_edit_is_told_with_its_place_and_the_rules_before_it_stay(tmp_path: Path) -> None:
    rules = write(tmp_path / "rules.yaml", ("Kept", "reload-b1"))
    with watching(tmp_path, "-r", str(rules)) as watcher:
        broken = "- rule: Broken\n  desc: d\n  condition: no.such = 1\n  output: x\n  priority: INFO\n"
        rules.write_text(rules.read_text() + broken)
        (alert,) = watcher.alerted("Tiercel internal: rules not reloaded")
        assert (alert["source"], alert["priority"]) == ("internal", "Error")
        assert alert["output_fields"]["error"].startswith(f"{rules}:10:14: error: unknown field 'no.such'")
        assert alert["output_fields"]["n_errors"] == "1"
        watcher.says(f"{rules}:")
        run("reload-b1")
        watcher.alerted("Kept")
        write(rules, ("Mended", "reload-b1"))
        watcher.says("rules reloaded: 1 rules are in force")
        run("reload-b1")
        watcher.alerted("Mended")
        said = watcher.end()
    assert "those from before stay in force" in said
    assert len(watcher.alerts("Tiercel internal: rules not reloaded")) == 1


@watchable
def test_files_moved_over_others_and_links_turned_elsewhere_are_seen(tmp_path: Path) -> None:
    folder = tmp_path / "rules.d"  # as Kubernetes mounts a ConfigMap
    folder.mkdir()
    for number in (1, 2):
        (folder / f"..{number}").mkdir()
        write(folder / f"..{number}/rules.yaml", (f"Version {number}", f"reload-c{number}"))
    (folder / "..data").symlink_to("..1")
    (folder / "rules.yaml").symlink_to("..data/rules.yaml")
    with watching(tmp_path, "-r", str(folder)) as watcher:
        (folder / "..new").symlink_to("..2")
        os.rename(folder / "..new", folder / "..data")
        watcher.says("rules reloaded")
        run("reload-c2")
        watcher.alerted("Version 2")
        write(folder / ".rules.swp", ("Another", "reload-c3"))
        os.rename(folder / ".rules.swp", folder / "another.yaml")
        watcher.says("rules reloaded: 2 rules are in force")
        run("reload-c3")
        watcher.alerted("Another")


@watchable
def test_without_watching_files_only_the_signal_reads_them_again(tmp_path: Path) -> None:
    rules = write(tmp_path / "rules.yaml", ("Before", "reload-d1"))
    with watching(tmp_path, "-r", str(rules), "-o", "watch_config_files=false") as watcher:
        write(rules, ("After", "reload-d1"))
        for _ in range(40):
            run("reload-d1")
        watcher.alerted("Before", 40)
        assert "reloaded" not in watcher.said
        watcher.process.send_signal(signal.SIGHUP)
        watcher.says("rules reloaded")
        run("reload-d1")
        watcher.alerted("After")


@watchable
def test_a_changed_configuration_changes_outputs_without_losing_alerts(tmp_path: Path) -> None:
    first, second, config = tmp_path / "first.log", tmp_path / "second.log", tmp_path / "falco.yaml"
    rules = write(tmp_path / "rules.yaml", ("Counted", "reload-e"))
    given = "file_output: {{enabled: true, filename: {}}}\nrules_files: [{}]\nengine: {{kind: {}}}\n"
    config.write_text(given.format(first, rules, "modern_ebpf"))
    with watching(tmp_path, "-c", str(config)) as watcher:
        for number in range(20):
            run(f"reload-e{number}")
        config.write_text(given.format(second, rules, "kmod"))
        for number in range(20, 60):
            run(f"reload-e{number}")
        watcher.says("rules reloaded")
        for number in range(60, 80):
            run(f"reload-e{number}")
        watcher.alerted("Counted", 80)
        until(second.exists, "the second file")
        said = watcher.end()
    lines = [json.loads(line) for path in (first, second) for line in path.read_text().splitlines()]
    assert [line["output_fields"]["proc.cmdline"] for line in lines] == [f"true reload-e{n}" for n in range(80)]
    assert "engine.kind was changed: that takes a restart" in said


@watchable
def test_outputs_that_cannot_be_opened_leave_those_there_are(tmp_path: Path) -> None:
    log, config = tmp_path / "alerts.log", tmp_path / "falco.yaml"
    rules = write(tmp_path / "rules.yaml", ("Counted", "reload-f"))
    before = f"rules_files: [{rules}]\nfile_output: {{enabled: true, filename: {log}}}\n"
    config.write_text(before)
    with watching(tmp_path, "-c", str(config)) as watcher:
        config.write_text(before + "http_output: {enabled: true, url: 'https://x/', ca_cert: /no/such.pem}\n")
        watcher.says("the outputs stay as they were")
        run("reload-f")
        until(lambda: log.exists() and "reload-f" in log.read_text(), "the alert in the file")
