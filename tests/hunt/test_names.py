"""Names that a store does not know, and what it knows of logs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tiercel.errors import InputError
from tiercel.hunt.names import check_names
from tiercel.hunt.query import Queries
from tiercel.sources.alert_log import read_alerts
from tiercel.store.alert_rows import table_of
from tiercel.store.ingest import ingest_alerts
from tiercel.store.manifest import Source
from tiercel.store.store import Store

ALERT = {
    "hostname": "node-1",
    "output": "22:04:44.781819348: Notice A shell",
    "output_fields": {"container.id": "3f4e9a1b7c2d", "container.name": "web", "k8s.pod.name": "web-0"},
    "priority": "Notice",
    "rule": "A shell",
    "source": "syscall",
    "tags": [],
    "time": "2026-11-22T01:04:44.781819348Z",
}
OWN = {"rule": "Falco internal: syscall event drop", "source": "internal", "output_fields": {"n_drops": "12"}}


@pytest.fixture
def logged(tmp_path: Path) -> Store:
    """A store of a log with an alert and a message of Falco about itself."""
    log = tmp_path / "falco.log"
    log.write_text(f"{json.dumps(ALERT)}\n{json.dumps(ALERT | OWN)}\n")
    store = Store.create(tmp_path / "store")
    ingest_alerts(store, Source("E001", log.name, "falco_alerts"), table_of(read_alerts([log])))
    return store


def test_what_only_alerts_name_is_known(logged: Store) -> None:
    for name in ("web", "3f4e"):
        check_names(logged, container=name)
    check_names(logged, host="node-1", pod="web-0", evidence="E001")
    with pytest.raises(InputError, match=r"--container wbe: no such container in the store; it knows web"):
        check_names(logged, container="wbe")
    with pytest.raises(InputError, match=r"--pod web-1: .* it knows web-0"):
        check_names(logged, pod="web-1")


def test_sql_marks_what_falco_says_of_itself(logged: Store) -> None:
    with Queries(logged) as queries:
        found = queries.run("SELECT evidence, kind, alert_in_segment FROM alerts ORDER BY kind").read_all().to_pylist()
    assert [(row["evidence"], row["kind"]) for row in found] == [("E001", "internal"), ("E001", "log")]
    assert {row["alert_in_segment"] for row in found} == {0, 1}
