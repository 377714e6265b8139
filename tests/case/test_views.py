"""From a case to what happened."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from tests.custody.ledgers import signer_of
from tiercel.case import Case


def test_every_view(full: Case) -> None:
    scene = full.scene()
    assert scene.alerts.num_rows == 4
    assert full.scene() is scene
    for view in (full.timeline, full.tree, full.files, full.network, full.users, full.pods):
        table = view()
        assert isinstance(table, pa.Table)
        assert table.num_rows
    assert "cat /etc/shadow" in " ".join(full.tree(alert=0).column("cmdline").to_pylist())
    assert full.graph(0).nodes
    assert "/etc/shadow" in "".join(map(str, full.incidents()))


def test_a_part_of_what_happened(full: Case) -> None:
    assert full.scene(host="web-1").alerts.num_rows == 4
    assert full.scene(host="db-1").alerts.num_rows == 0


def test_a_scene_grows_with_its_case(case: Case, capture: Path) -> None:
    assert case.scene().alerts.num_rows == 0
    case.add(capture)
    assert case.scene().alerts.num_rows == 4


def test_a_case_shows_itself(tmp_path: Path) -> None:
    path = tmp_path / "<script>alert(1)<"
    path.write_text("x")
    case = Case.new(tmp_path / "c", "<b>Title</b> & more", signer_of("<i>"))
    case.add(path)
    shown = case._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;alert(1)&lt;" in shown
    assert "&lt;b&gt;Title&lt;/b&gt; &amp; more" in shown
    assert case.evidence[0].digests.sha256 in shown
