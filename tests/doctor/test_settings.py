"""What is missing of the packages that a configuration or this host takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiercel.doctor import settings
from tiercel.doctor.model import Subject, Verdict


@pytest.fixture
def without_grpc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda name: None)


@pytest.mark.usefixtures("without_grpc")
def test_the_grpc_output_takes_grpcio() -> None:
    options = ["grpc.enabled=true", "grpc_output.enabled=true"]
    found = settings.serve(Subject("", options=options))
    assert found.verdict is Verdict.FAIL
    assert "tiercel[serve]" in found.advice


@pytest.mark.usefixtures("without_grpc")
def test_so_does_a_runtime_of_kubernetes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_ROOT", str(tmp_path))
    assert settings.serve(Subject("")).verdict is Verdict.OK
    (tmp_path / "run/crio").mkdir(parents=True)
    (tmp_path / "run/crio/crio.sock").touch()
    assert "/run/crio/crio.sock cannot be asked" in settings.serve(Subject("")).found
    off = Subject("", options=["container_engines.cri.enabled=false"])
    assert settings.serve(off).verdict is Verdict.OK


def test_rules_that_are_all_off() -> None:
    found = settings.rules(Subject("", options=["rules[].disable.rule=*"]))
    assert found.found == "all rules are off"
