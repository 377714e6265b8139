"""What is done about lost events."""

from __future__ import annotations

import logging

import pytest

from tiercel.outputs.drops import SECOND, DropAction, DropSettings
from tiercel.watching.losses import Losses

START = 1_700_000_000 * SECOND


def test_an_alert_names_how_many_were_lost_in_the_last_second() -> None:
    losses = Losses(DropSettings(actions=(DropAction.ALERT,)), "host")
    assert losses.look(START, 1000, 0) is None
    assert losses.look(START + SECOND // 2, 1200, 500) is None  # not yet
    alert = losses.look(START + SECOND, 1500, 500)
    assert alert is not None
    assert alert.rule == "Falco internal: syscall event drop"
    assert alert.output.endswith("500 system calls dropped in last second.")
    assert alert.output_fields["n_evts"] == "500"
    assert losses.look(START + 2 * SECOND, 2000, 500) is None


def test_a_few_among_many_are_let_pass() -> None:
    losses = Losses(DropSettings(actions=(DropAction.ALERT,), threshold=0.1), "host")
    assert losses.look(START, 10_000, 10) is None


def test_actions_are_limited() -> None:
    losses = Losses(DropSettings(actions=(DropAction.ALERT,), rate=0.1, max_burst=1), "host")
    raised = [losses.look(START + k * SECOND, 10 * k, 100 * (k + 1)) is not None for k in range(12)]
    assert raised.count(True) == 2


def test_exit_stops_the_watch_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    losses = Losses(DropSettings(actions=(DropAction.EXIT,)), "host")
    with caplog.at_level(logging.ERROR, "tiercel.drops"):
        assert losses.look(START, 10, 90) is None
    assert losses.stopped
    assert "90 system calls dropped" in caplog.text
