"""Data goes one way: no folder imports what comes later on its way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "tiercel"
WAY = [
    *(
        "errors",
        "wire",
        "model",
        "sources",
        "state",
        "identity",
        "fields",
        "kernels",
        "replay",
        "rules",
        "engine",
        "capture",
    ),
    *(
        "outputs",
        "config",
        "content",
        "detect",
        "scanning",
        "store",
        "hunt",
        "reconstruct",
        "custody",
        "case",
        "report",
    ),
    *("recording", "watching", "serving", "doctor", "cli"),
]
"""Folders and modules at the top, in the order data goes through them."""


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, folder) of what a module imports of tiercel, wherever in it, but not for types alone."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.test, node.body = ast.Constant(False), []
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "tiercel" else [node.module]
            )
        for name in names:
            parts = name.split(".")
            if parts[0] == "tiercel" and len(parts) > 1:
                yield node.lineno, parts[1]


def stage(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("folder", WAY)
def test_imports_nothing_downstream(folder: str) -> None:
    later = set(WAY[WAY.index(folder) + 1 :])
    paths = [ROOT / f"{folder}.py"] if (ROOT / f"{folder}.py").exists() else sorted((ROOT / folder).rglob("*.py"))
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in paths
        for line, name in imports(path)
        if name in later
    ]
    assert wrong == []


def test_every_folder_is_on_the_way() -> None:
    found = {stage(path) for path in ROOT.rglob("*.py")} - {"__init__", "__main__"}
    assert found == set(WAY)
