"""The notebook runs from top to bottom, and shows what it says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")


@pytest.mark.slow
def test_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERCEL_EXAMPLES", str(ROOT / "examples"))
    monkeypatch.setenv("TIERCEL_KEY", str(tmp_path / "key.pem"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(ROOT / "examples/case.ipynb", as_version=4)
    client: Any = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3")
    client.resources["metadata"] = {"path": str(tmp_path)}
    client.execute()
    shown = "\n".join(str(output) for cell in notebook.cells for output in cell.get("outputs", []))
    assert "The web shop" in shown  # the case shows itself
    assert "/etc/shadow" in shown
    assert "198.51.100.23" in shown
    assert "'ok'" in shown
