"""Sending the alerts of a scan or of a running host to the outputs that the configuration asks for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from tiercel.config import Config
from tiercel.errors import InputError
from tiercel.outputs.channels.settings import OutputSettings

if TYPE_CHECKING:
    from tiercel.outputs.channels.front import Outputs

STATE = "/var/lib/tiercel"
"""In its folder ``outputs`` alerts about a running host wait, unless systemd or the configuration names another."""

PATIENCE = 10.0
"""For how many seconds the end waits for outputs that get nothing delivered."""


def state_folder() -> str:
    """Return the folder that a watcher keeps its state in."""
    return os.environ.get("STATE_DIRECTORY", "").partition(":")[0] or STATE  # systemd's StateDirectory=


@contextmanager
def delivery(config: Config, json: bool, live: bool = False) -> Iterator[Outputs | None]:
    """Open the outputs a configuration asks for; None when there are none.

    Args:
        json: whether alerts are JSON, whatever the configuration says.
        live: alerts come as things happen, and wait for nobody; else they are few enough to wait for.

    Raises:
        InputError: an address, file or certificate cannot be used.
    """
    settings = replace(config.outputs, json=json)
    if settings.http is not None:
        settings = replace(settings, http=replace(settings.http, json=json))
    if settings.grpc is not None and not live:
        print("tiercel: grpc_output is for live detection: a scan serves nobody", file=sys.stderr)
        settings = replace(settings, grpc=None)
    if not settings.names:
        yield None
        return
    outputs = _live(settings) if live else _waiting(settings)
    try:
        yield outputs
    finally:
        outputs.close()


def _waiting(settings: OutputSettings) -> Outputs:
    from tiercel.outputs.channels.front import Outputs

    return Outputs.of(settings, wait=True)


def _live(settings: OutputSettings) -> Outputs:
    """Open outputs whose alerts wait on the disk, or where that cannot be, in memory."""
    from tiercel.outputs.channels.front import Outputs

    if settings.queue.path:
        return Outputs.of(settings)
    queue = replace(settings.queue, path=os.path.join(state_folder(), "outputs"))
    try:
        return Outputs.of(replace(settings, queue=queue))
    except InputError as error:
        outputs = Outputs.of(settings)  # when it is not about the folder, this says so
        print(f"tiercel: {error}; alerts wait in memory only", file=sys.stderr)
        return outputs


def undelivered(outputs: Outputs | None, patience: float = PATIENCE) -> list[str]:
    """Wait for the outputs for as long as they deliver; return what to say of those that did not."""
    if outputs is None:
        return []
    idle, least = 0.0, -1
    while not outputs.flush(0.5):
        waiting = sum(output.waiting for output in outputs.metrics().outputs)
        idle = 0.0 if waiting != least else idle + 0.5
        least = waiting
        if idle >= patience:
            break
    kept = f"; they are kept in {outputs.settings.queue.path}" if outputs.settings.queue.path else ""
    told = []
    for output in outputs.metrics().outputs:
        if output.waiting:
            why = output.error or "no answer"
            told.append(f"{output.name}: {output.waiting:,} alerts could not be delivered: {why}{kept}")
        if output.lost:
            told.append(f"{output.name}: {output.lost:,} alerts were lost: more waited than the queue may hold")
    return told
