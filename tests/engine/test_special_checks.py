"""Checks that mean something else than their operator says, in both evaluators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tiercel.capture.scenario import Scenario
from tiercel.engine.bulk import Compiler, Context
from tiercel.engine.row import evaluator
from tiercel.model.batch import Batch
from tiercel.model.event import Event
from tiercel.replay import Replay
from tiercel.rules.condition import compile_condition

START = 1_767_225_600_000_000_000


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    story = Scenario("host", start=START)
    shell = story.process("/bin/bash")
    cat = shell.spawn("/bin/cat", "/etc/hosts")
    cat.close(cat.open("/etc/hosts"))
    cat.connect(("192.0.2.1", 443))
    story.wait(10)
    cat.exit()
    path: Path = tmp_path_factory.mktemp("special") / "story.scap"
    story.write(path)
    return next(iter(Replay(path)))


def holding(batch: Batch, condition: str) -> list[str]:
    """Return the types of the events for which a condition holds, the same from both evaluators."""
    node = compile_condition(condition)
    everything = np.flatnonzero(batch.visible)
    bulk = Compiler().compile(node).narrow(Context(batch), everything)
    row = [i for i in everything.tolist() if evaluator(node)(Event(batch, i))]
    assert bulk.tolist() == row
    return [Event(batch, i).type.name for i in row]


def test_around_holds_within_the_distance(batch: Batch) -> None:
    assert holding(batch, f"evt.around[{START}] = 5000 and evt.type in (close, procexit)") == ["close"]
    assert holding(batch, f"evt.around[{START}] = 60000 and evt.type in (close, procexit)") == ["close", "procexit"]


def test_an_address_exists_wherever_a_descriptor_is_known(batch: Batch) -> None:
    assert "close" in holding(batch, "fd.ip exists")
    assert "close" not in holding(batch, "fd.ip != 192.0.2.1")


def test_not_equal_needs_both_ends_to_differ(batch: Batch) -> None:
    assert "connect" not in holding(batch, "fd.port != 443")
    assert "connect" in holding(batch, "fd.port = 443")
    assert holding(batch, 'fd.net = "192.0.2.0/24" and evt.type = connect') == ["connect"]


def test_a_network_is_sought_in_the_first_one_alone(batch: Batch) -> None:
    assert "connect" in holding(batch, 'fd.net in ("192.0.2.0/24", "10.0.0.0/8")')
    assert "connect" not in holding(batch, 'fd.net in ("172.16.0.0/12", "192.0.2.0/24")')
    assert "connect" in holding(batch, 'fd.snet in ("172.16.0.0/12", "192.0.2.0/24")')


@pytest.mark.parametrize(
    "condition",
    [
        "proc.name = val(proc.name)",
        "proc.name != val(proc.pname)",
        "tolower(proc.name) in (cat, bash)",
        'concat(proc.name, ":", proc.pname) = "cat:bash"',
        "len(proc.args) > 0",
        "proc.aname = bash",
        "proc.aname in (bash, zsh)",
        "evt.rawres >= 0 and not fd.name exists",
        "fd.types in (file, ipv4)",
        "fd.types intersects (ipv4)",
        "not (evt.type = close or proc.name = cat) or fd.name glob /etc/h*",
        "evt.arg.flags contains O_RDONLY",
        "evt.args contains hosts",
        'proc.cmdline regex "cat .*"',
        "proc.pid in (1, 2, 3, 4, 5, 6, 7)",
        "net.port = 443 and net.protocol = tcp and net.addr = 192.0.2.1 and evt.remote_port = 443",
    ],
)
def test_evaluators_agree(batch: Batch, condition: str) -> None:
    holding(batch, condition)
