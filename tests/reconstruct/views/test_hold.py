"""No scene, however odd or damaged, makes a view fail."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tiercel.reconstruct.graph.provenance import graph
from tiercel.reconstruct.graph.write import to_dot, to_graphml, to_json
from tiercel.reconstruct.incidents.find import alone, as_document, incidents
from tiercel.reconstruct.kinds import KINDS
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.schema import ACTS, ALERTS, PROCESSES
from tiercel.reconstruct.views.files import FILES, files
from tiercel.reconstruct.views.network import NETWORK_VIEW, network
from tiercel.reconstruct.views.pods import PODS, pods
from tiercel.reconstruct.views.text_tables import (
    render_files,
    render_incidents,
    render_network,
    render_pods,
    render_users,
)
from tiercel.reconstruct.views.users import USERS, users

ROWS = 5
TIMES = st.integers(0, 60)
TEXTS = st.sampled_from(
    ["", "bash", "sshd", "nginx", "cron", "runc", "curl https://a.example.com/x -o /tmp/x", "sh /tmp/x", "\x00\x1b["]
)
PATHS = st.sampled_from(
    ["", "/tmp/x", "/tmp/.x", "/etc/shadow", "/etc/cron.d/x", "/var/log/auth.log", "/dev/null", "x", "pid 100 (x)"]
)
DETAILS = st.sampled_from(
    ["u+s 04755", "+x 0755", "setuid: uid 33 -> 0", "O_TRUNC", "runc exec x", "stdin", "capset: gained x"]
)
ADDRESSES = st.sampled_from(["10.0.0.1", "203.0.113.9", "127.0.0.1", "::1", "no address"])
OTHERS: dict[pa.DataType, Any] = {
    pa.int64(): st.integers(-3, 5),
    pa.string(): TEXTS,
    pa.bool_(): st.booleans(),
    pa.list_(pa.string()): st.lists(st.sampled_from(["mitre_persistence", "x"]), max_size=2),
}


def cells(schema: pa.Schema, **known: Any) -> Any:
    """Return a strategy for rows: columns not named are null, or anything of their type."""
    columns = {}
    for field in schema:
        if field.name in known:
            columns[field.name] = known[field.name]
        else:
            columns[field.name] = st.none() | OTHERS.get(field.type, st.none())
    return st.fixed_dictionaries(columns)


EXECS = st.lists(
    st.fixed_dictionaries(
        {"ts": TIMES, "num": TIMES, "exepath": PATHS, "cmdline": TEXTS, "name": TEXTS, "uid": TIMES, "user": TEXTS}
    ),
    max_size=2,
)
ROW = st.integers(0, ROWS - 1)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Draw a scene of a few processes that may be their own ancestors, and acts and alerts with anything missing."""
    processes = draw(
        st.lists(
            cells(
                PROCESSES,
                process=st.just(0),
                host=st.just("h"),
                pid=st.integers(100, 102),
                parent=st.none() | ROW,
                container=st.sampled_from(["", "c1"]),
                execs=EXECS,
                first_ts=TIMES,
                from_start=st.booleans(),
            ),
            min_size=ROWS,
            max_size=ROWS,
        )
    )
    acts = draw(
        st.lists(
            cells(
                ACTS,
                ts=TIMES,
                num=TIMES,
                kind=st.sampled_from(sorted(KINDS)),
                process=st.none() | ROW,
                pid=st.integers(100, 102),
                ok=st.booleans(),
                object=st.none() | PATHS | st.just("a->b /run/docker.sock"),
                target=st.none() | PATHS,
                detail=st.none() | DETAILS,
                laddr=st.none() | ADDRESSES,
                raddr=st.none() | ADDRESSES,
                proto=st.sampled_from([None, "tcp", "udp", "unix"]),
            ),
            max_size=12,
        )
    )
    alerts = draw(
        st.lists(
            cells(
                ALERTS,
                ts=TIMES,
                process=st.none() | ROW,
                act=st.none() | st.integers(0, max(0, len(acts) - 1)),
                priority=st.sampled_from(["Critical", "Warning", "Notice", "odd", None]),
                output_fields=st.sampled_from(['{"container.id": "c1"}', "{", "[]", None]),
            ),
            max_size=4,
        )
    )
    for rows, name in ((processes, "process"), (acts, "act"), (alerts, "alert")):
        for number, row in enumerate(rows):
            row[name] = number
    return Scene(
        pa.Table.from_pylist(processes, schema=PROCESSES),
        pa.Table.from_pylist(sorted(acts, key=lambda row: row["ts"]), schema=ACTS),
        pa.Table.from_pylist(alerts, schema=ALERTS),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(scenes())
def test_every_view_holds(scene: Scene) -> None:
    views = (
        (files(scene), FILES, render_files),
        (network(scene), NETWORK_VIEW, render_network),
        (users(scene), USERS, render_users),
        (pods(scene), PODS, render_pods),
    )
    for table, schema, render in views:
        assert table.schema.equals(schema)
        assert all(line.isprintable() for line in render(table))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(scenes())
def test_incidents_hold_and_lose_no_alert(scene: Scene) -> None:
    found = incidents(scene)
    assert all(line.isprintable() for line in render_incidents(found))
    explained = [alert for incident in found for alert in incident.alerts]
    assert sorted(explained + alone(scene, found)) == list(range(scene.alerts.num_rows))
    for incident in found:
        json.dumps(as_document(incident))
        assert {alert for sentence in incident.story for alert in sentence.alerts} == set(incident.alerts)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(scenes())
def test_graphs_hold(scene: Scene) -> None:
    whole = graph(scene)
    for found in (whole, *(graph(scene, alert, depth=4, most=6) for alert in range(scene.alerts.num_rows))):
        known = set(found.nodes["id"].to_pylist())
        assert set(found.edges["source"].to_pylist()) | set(found.edges["target"].to_pylist()) <= known
        ET.fromstring(to_graphml(found))
        json.loads(to_json(found))
        assert to_dot(found).endswith("}\n")
