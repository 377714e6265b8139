"""Who forked whom."""

from __future__ import annotations

from tests.reconstruct.scenes import Stage
from tiercel.reconstruct.lineage import Lineage


def test_a_process_is_called_what_it_was_called_then() -> None:
    stage = Stage()
    shell = stage.run("bash", stage.process("sshd"))
    before = stage.ts
    child = stage.process("bash", shell)
    forked = stage.ts
    stage.exec(child, "curl")
    lineage = Lineage(stage.scene().processes)
    assert lineage.name_at(child, forked) == "bash"
    assert lineage.name_at(child, stage.ts) == "curl"
    assert lineage.chain(child, stage.ts) == "sshd → bash → curl"
    assert lineage.chain(child, forked) == "sshd → bash"
    assert lineage.chain(child, stage.ts, top=shell) == "bash → curl"
    assert lineage.name_at(shell, before) == "bash"


def test_a_long_chain_is_cut_in_the_middle() -> None:
    stage = Stage()
    row = stage.process("p0")
    for number in range(1, 10):
        row = stage.run(f"p{number}", row)
    assert Lineage(stage.scene().processes).chain(row) == "p0 → … → p6 → p7 → p8 → p9"


def test_a_circle_in_damaged_evidence_ends() -> None:
    stage = Stage()
    first = stage.process("a")
    second = stage.process("b", first)
    stage.processes[first]["parent"] = second
    lineage = Lineage(stage.scene().processes)
    assert list(lineage.ancestors(first)) == [second]
    assert lineage.descendants(first) == [first, second]


def test_the_nearest_common_ancestor() -> None:
    stage = Stage()
    top = stage.process("top")
    shell = stage.run("sh", top)
    left, right = stage.run("a", shell), stage.run("b", shell)
    below = stage.run("c", left)
    lineage = Lineage(stage.scene().processes)
    assert lineage.common([below, right]) == shell
    assert lineage.common([below, left]) == left
    assert lineage.common([below]) == below
    assert lineage.common([top, stage.process("other")][:1]) == top
