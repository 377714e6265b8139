"""Fields about containers and pods."""

from __future__ import annotations

import pytest

from tests.fields.sample import Sample
from tiercel.model.world import Container

WEB: dict[str, object] = {
    "id": "c010f5a08549",
    "full_id": "c010f5a08549441f",
    "name": "web",
    "type": 0,
    "image": "nginx:1.25",
    "imagerepo": "nginx",
    "imagetag": "1.25",
    "privileged": True,
    "labels": {"team": "ops", "io.kubernetes.pod.name": "web-0", "bare": ""},
    "Mounts": [
        {"Source": "/data", "Destination": "/srv", "Mode": "", "RW": True, "Propagation": "rprivate"},
        {"Source": "/etc/x", "Destination": "/etc/y", "Mode": "ro", "RW": False, "Propagation": ""},
    ],
    "pod_sandbox_id": "5a4db0c5a4db0c5a",
}
SANDBOX: dict[str, object] = {"id": "5a4db0c5a4db", "ip": "10.0.0.9", "pod_sandbox_labels": {"app": "shop"}}


@pytest.fixture
def sample() -> Sample:
    sample = Sample()
    sample.world.containers[b"c010f5a08549"] = [Container(b"c010f5a08549", 0, WEB)]
    sample.world.containers[b"5a4db0c5a4db"] = [Container(b"5a4db0c5a4db", 0, SANDBOX)]
    sample.process(1, PIDNS_START_TS=0)
    sample.process(2, CONTAINER=b"c010f5a08549", PIDNS_START_TS=300)
    sample.process(3, CONTAINER=b"unheard-of")
    return sample


@pytest.mark.parametrize(
    ("name", "argument", "host", "web", "unknown"),
    [
        ("container.id", None, b"host", b"c010f5a08549", b"unheard-of"),
        ("container.full_id", None, b"host", b"c010f5a08549441f", None),
        ("container.name", None, b"host", b"web", None),
        ("container.type", None, b"host", b"docker", None),
        ("container.image", None, b"", b"nginx:1.25", None),
        ("container.image.repository", None, b"", b"nginx", None),
        ("container.image.digest", None, b"", b"", None),
        ("container.privileged", None, False, True, None),
        ("container.mounts", None, b"", b"/data:/srv::true:rprivate,/etc/x:/etc/y:ro:false:", None),
        ("container.mount", 1, None, b"/etc/x:/etc/y:ro:false:", None),
        ("container.mount", 2, None, None, None),
        ("container.mount.dest", "^/data", None, b"/srv", None),
        ("container.mount.source", "/srv", None, b"/data", None),
        ("container.mount.rdwr", "/etc", None, b"false", None),
        ("container.mount.mode", "(", None, None, None),
        ("container.label", "team", None, b"ops", None),
        ("container.labels", None, b"", b"bare, team:ops", None),
        ("container.healthcheck", None, None, None, None),
        ("container.start_ts", None, None, 300, None),
        ("container.duration", None, None, 700, None),
        ("k8s.pod.name", None, None, b"web-0", None),
        ("k8s.ns.name", None, None, None, None),
        ("k8s.pod.sandbox_id", None, b"", b"5a4db0c5a4db", None),
        ("k8s.pod.ip", None, b"", b"10.0.0.9", None),
        ("k8s.pod.label", "app", None, b"shop", None),
        ("k8s.pod.labels", None, b"", b"app:shop", None),
        ("k8s.rc.label", "x", None, None, None),
    ],
)
def test_value(
    sample: Sample, name: str, argument: str | int | None, host: object, web: object, unknown: object
) -> None:
    assert list(sample.ask(name, argument).values()) == [host, web, unknown, None]


def test_odd_metadata() -> None:
    sample = Sample()
    odd: dict[str, object] = {
        "name": "\ud800",
        "image": 5,
        "labels": [],
        "Mounts": {"a": 1},
        "type": "docker",
        "ip": None,
    }
    sample.world.containers[b"c"] = [Container(b"c", 0, odd)]
    sample.process(1, CONTAINER=b"c")
    assert sample.ask("container.name")[1] == b"?"
    for name in ("container.image", "container.labels", "container.mounts", "container.type", "container.ip"):
        assert sample.ask(name)[1] == b""


def test_metadata_counts_from_the_event_that_told_it(sample: Sample) -> None:
    sample.world.containers[b"unheard-of"] = [
        Container(b"unheard-of", 3, {"name": "first"}),
        Container(b"unheard-of", 4, {"name": "second"}),
    ]
    assert sample.ask("container.name")[3] == b"first"
    sample.process(4, CONTAINER=b"unheard-of")
    assert sample.ask("container.name")[4] == b"second"
    assert sample.ask("container.name")[3] == b"first"


def test_metadata_told_again_with_nothing_new(sample: Sample) -> None:
    sample.world.containers[b"again"] = [
        Container(b"again", 4, {"name": "first"}),
        Container(b"again", 5, {"name": "first"}),
        Container(b"again", 6, {"name": "second"}),
    ]
    for tid in range(4, 8):
        sample.process(tid, CONTAINER=b"again")
    names = sample.ask("container.name")
    assert [names[tid] for tid in range(4, 8)] == [b"first", b"first", b"second", b"second"]
