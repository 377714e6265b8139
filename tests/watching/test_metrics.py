"""What a watch tells of itself: over HTTP as Prometheus reads it, as an alert, and in a file."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.sources.live.host import watchable
from tests.watching.watcher import RULE, Watcher, run, until, watching

SERVED = ("webserver.enabled=true", "webserver.listen_port=0", "webserver.listen_address=127.0.0.1")
SCRAPED = (*SERVED, "webserver.prometheus_metrics_enabled=true", "metrics.enabled=true")

Found = dict[str, list[tuple[dict[str, str], float]]]


def options(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("-o", setting)]


def get(watcher: Watcher, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{watcher.port}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def scrape(watcher: Watcher) -> Found:
    """Return the samples by name, as Prometheus would take them."""
    found: Found = {}
    for family in text_string_to_metric_families(get(watcher, "/metrics")[1]):
        assert family.documentation
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def one(found: Found, name: str, **labels: str) -> float:
    values = [value for given, value in found[name] if labels.items() <= given.items()]
    assert len(values) == 1, (name, labels, found.get(name))
    return values[0]


@watchable
def test_prometheus_reads_falcos_metrics_and_ours(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULE.format(name="Counted", word="metrics-a"))
    log = tmp_path / "alerts.log"
    given = options(*SCRAPED, "file_output.enabled=true", f"file_output.filename={log}")
    with watching(tmp_path, "-r", str(rules), *given) as watcher:
        for _ in range(3):
            run("metrics-a")
        watcher.alerted("Counted", 3)
        until(lambda: log.exists() and log.read_text().count("\n") == 3)
        until(lambda: one(scrape(watcher), "tiercel_outputs_sent_total", output="file_output") == 3)
        before, after = scrape(watcher), scrape(watcher)
    counted = {"rule_name": "Counted", "priority": "5", "source": "syscall", "tag_test": "true"}
    assert one(after, "falcosecurity_falco_rules_matches_total", **counted) == 3
    digest = hashlib.sha256(rules.read_bytes()).hexdigest()
    assert one(after, "falcosecurity_falco_sha256_rules_files_info", file_name="rules.yaml", sha256=digest) == 1
    assert one(after, "falcosecurity_evt_hostname_info") == 1
    assert one(after, "falcosecurity_falco_kernel_release_info", kernel_release=os.uname().release) == 1
    assert one(after, "falcosecurity_scap_engine_name_info", engine_name="ebpf", evt_source="syscall") == 1
    assert one(after, "falcosecurity_falco_host_num_cpus_total") == os.cpu_count()
    assert 0 < one(after, "falcosecurity_falco_cpu_usage_ratio") < os.cpu_count()  # type: ignore[operator]
    assert 20e6 < one(after, "falcosecurity_falco_memory_rss_bytes") < 500e6
    assert one(after, "falcosecurity_falco_start_timestamp_nanoseconds") > 1.7e18
    assert 0 < one(before, "falcosecurity_scap_n_evts_total") <= one(after, "falcosecurity_scap_n_evts_total")
    by_cpu = [value for _, value in after["falcosecurity_scap_n_evts_cpu_total"]]
    assert sum(by_cpu) == one(after, "falcosecurity_scap_n_evts_total")
    assert one(after, "falcosecurity_scap_n_drops_total") == 0
    assert one(after, "falcosecurity_scap_n_threads_total") > 10
    assert one(after, "falcosecurity_falco_outputs_queue_num_drops_total") == 0
    assert one(after, "tiercel_outputs_waiting", output="file_output") == 0
    assert one(after, "tiercel_events_total", source="ebpf") > 0
    assert one(after, "tiercel_rules_loaded") == 1


@watchable
def test_a_failed_reload_is_a_metric_and_the_watch_stays_well(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULE.format(name="Counted", word="metrics-b"))
    with watching(tmp_path, "-r", str(rules), *options(*SCRAPED)) as watcher:
        assert one(scrape(watcher), "tiercel_rules_stale") == 0
        rules.write_text("- rule: Broken\n")
        watcher.says("rules not reloaded")
        found = scrape(watcher)
        assert one(found, "tiercel_reloads_total", result="failed") == 1
        assert one(found, "tiercel_rules_stale") == 1
        assert get(watcher, "/healthz") == (200, '{"status": "ok"}')


@watchable
def test_groups_of_values_can_be_left_out(tmp_path: Path) -> None:
    left_out = ("resource_utilization_enabled", "kernel_event_counters_per_cpu_enabled", "state_counters_enabled")
    settings = options(*SCRAPED, *(f"metrics.{name}=false" for name in left_out))
    with watching(tmp_path, *settings) as watcher:
        names = scrape(watcher).keys()
    assert "falcosecurity_scap_n_evts_total" in names
    for part in ("memory", "cpu_total", "n_threads"):
        assert not [name for name in names if part in name and "host_num_cpus" not in name]


@watchable
def test_paths_are_falcos(tmp_path: Path) -> None:
    with watching(tmp_path, *options(*SERVED, "webserver.k8s_healthz_endpoint=/live")) as watcher:
        until(lambda: get(watcher, "/live")[0] == 200)
        assert get(watcher, "/healthz")[0] == 404
        assert get(watcher, "/metrics")[0] == 404  # not asked for
        told = json.loads(get(watcher, "/versions")[1])
        assert get(watcher, "/version")[1] == get(watcher, "/versions")[1]
    assert told["engine_version_semver"] == "0.62.0"
    assert told["falco_version"].startswith("0.44.1+tiercel.")


@watchable
def test_snapshots_come_as_alerts_and_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULE.format(name="Counted, twice (and more)", word="metrics-c"))
    asked = ("enabled=true", "interval=500ms", "output_rule=true", f"output_file={file}")
    with watching(tmp_path, "-r", str(rules), *options(*(f"metrics.{setting}" for setting in asked))) as watcher:
        run("metrics-c")
        watcher.alerted("Counted, twice (and more)")
        told = len(watcher.alerts("Falco internal: metrics snapshot"))
        alert = watcher.alerted("Falco internal: metrics snapshot", told + 2)[-1]
        until(lambda: file.read_text().count("\n") >= 3)
    fields = alert["output_fields"]
    assert (alert["source"], alert["priority"], alert["output"]) == (
        "internal", "Informational", "Falco metrics snapshot",
    )  # fmt: skip
    assert fields["falco.rules.Counted_twice_and_more"] == fields["falco.rules.matches_total"] == 1
    assert fields["falco.num_evts"] >= fields["falco.num_evts_prev"] > 0
    assert fields["scap.n_evts"] >= fields["scap.n_evts_prev"] > 0
    assert (fields["scap.n_drops"], fields["scap.n_drops_perc"]) == (0, 0)
    assert 20 < fields["falco.memory_rss_mb"] < 500
    assert fields["falco.host_num_cpus"] == os.cpu_count()
    assert fields["evt.hostname"] == alert["hostname"]
    assert "tiercel.reload_last_ts" not in fields  # 0: left out
    samples = [json.loads(line) for line in file.read_text().splitlines()]
    assert [sample["sample"] for sample in samples] == list(range(1, len(samples) + 1))
    assert samples[0]["output_fields"].keys() <= samples[-1]["output_fields"].keys()


@watchable
def test_empty_values_and_memory_as_it_is_can_be_asked_for(tmp_path: Path) -> None:
    asked = (
        "enabled=true",
        "interval=200ms",
        "output_rule=true",
        "include_empty_values=true",
        "convert_memory_to_mb=false",
    )
    with watching(tmp_path, *options(*(f"metrics.{setting}" for setting in asked))) as watcher:
        fields = watcher.alerted("Falco internal: metrics snapshot")[0]["output_fields"]
    assert fields["falco.memory_rss_kb"] > 20 << 10
    assert fields["tiercel.reload_last_ts"] == 0
    assert [name for name, value in fields.items() if name.startswith("falco.rules.") and value == 0]


@watchable
def test_an_address_in_use_ends_the_start_with_what_is_wrong(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(AssertionError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"),
            watching(tmp_path, *options(*SERVED, f"webserver.listen_port={port}")),
        ):
            pass
