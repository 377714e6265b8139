"""Renders the chart as Helm does: with Helm's own engine, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).parents[2] / "deploy/helm/tiercel"

needs_helm = pytest.mark.skipif(find_spec("helm_python") is None, reason="takes helm-python-sdk, which carries Helm")

_RENDER = """
import json, sys
import helm_python as helm
asked = json.load(sys.stdin)
with helm.Chart.load(asked["chart"]) as chart:
    chart.validate_schema(asked["values"])
    json.dump(chart.render(asked["values"], name=asked["name"], namespace=asked["namespace"]), sys.stdout)
"""
_LINT = """
import json, sys
import helm_python as helm
asked = json.load(sys.stdin)
json.dump(helm.lint(asked["chart"], asked["values"], strict=True, namespace=asked["namespace"]), sys.stdout)
"""


class ChartError(Exception):
    """What Helm says when it does not render."""


@dataclass(frozen=True)
class Rendered:
    """What became of the templates, by their paths."""

    files: dict[str, str]

    @cached_property
    def documents(self) -> list[dict[str, Any]]:
        """The manifests, in the order of the templates."""
        return [
            document
            for path, text in sorted(self.files.items())
            if path.endswith(".yaml")
            for document in yaml.safe_load_all(text)
            if document
        ]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the manifests of a kind."""
        return [document for document in self.documents if document["kind"] == kind]

    def one(self, kind: str) -> dict[str, Any]:
        """Return the only manifest of a kind."""
        (document,) = self.of(kind)
        return document

    @property
    def pod(self) -> dict[str, Any]:
        pod: dict[str, Any] = self.one("DaemonSet")["spec"]["template"]["spec"]
        return pod

    @property
    def container(self) -> dict[str, Any]:
        (container,) = self.pod["containers"]
        found: dict[str, Any] = container
        return found

    @property
    def config(self) -> dict[str, Any]:
        """tiercel.yaml as the pod gets it."""
        config: dict[str, Any] = yaml.safe_load(self.of("ConfigMap")[0]["data"]["tiercel.yaml"])
        return config

    @property
    def notes(self) -> str:
        return next(text for path, text in self.files.items() if path.endswith("NOTES.txt"))


def _helm(script: str, values: dict[str, Any]) -> Any:
    asked = {"chart": str(CHART), "values": values, "name": "watch", "namespace": "security"}
    done = subprocess.run(
        [sys.executable, "-c", script], input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        raise ChartError(done.stderr)
    return json.loads(done.stdout)


def render(**values: Any) -> Rendered:
    """Render the chart as release ``watch`` in namespace ``security``. Raises ChartError where Helm would not."""
    return Rendered(_helm(_RENDER, values))


def lint(**values: Any) -> list[str]:
    """Return what ``helm lint --strict`` finds, advice about what is not wrong left out."""
    found = _helm(_LINT, values)
    return [message["error"] for message in found["messages"] if message["severity"] > 1] + found["errors"]
