"""``tiercel events``: print the events of a capture."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np

from tiercel.cli.progress import counting
from tiercel.cli.results import results
from tiercel.engine.bulk import Compiler, Context, Evaluator
from tiercel.errors import InputError
from tiercel.model.batch import Batch
from tiercel.outputs.events import DEFAULT_TEMPLATE, EventLines
from tiercel.outputs.overlap import Overlap
from tiercel.replay import Replay
from tiercel.rules.condition import ConditionCompiler, ConditionError, parse
from tiercel.rules.output_template import compile_output


def run(path: Path, condition: str | None, template: str | None, as_json: bool, strict: bool) -> None:
    """Print the events of ``path`` for which ``condition`` holds."""
    compiler = ConditionCompiler(strict=strict)
    try:
        what = "filter"
        evaluator = None if condition is None else Compiler().compile(compiler.compile(parse(condition)).node)
        what = "-p"
        compiled = compile_output(template or DEFAULT_TEMPLATE, compiler)
    except ConditionError as error:
        raise InputError(f"{what}:{error.located()}") from None
    lines = EventLines(compiled.template, as_json)
    replay = Replay(path)
    with counting(path.name) as progress, Overlap(results(), lambda _: None) as overlap:
        for batch in replay:
            overlap.submit(partial(_lines, batch, evaluator, lines))
            progress(replay.events)
    if message := replay.damage_message():
        raise InputError(message)


def _lines(batch: Batch, evaluator: Evaluator | None, lines: EventLines) -> tuple[Iterable[bytes], None]:
    """Return the lines of the events of a batch that the filter lets through."""
    indices = np.flatnonzero(batch.visible)
    if evaluator is not None:
        indices = evaluator.narrow(Context(batch), indices)
    return lines.chunks(batch, indices), None
