"""Made-up conditions over events: the bulk and the row evaluator must agree on every one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

import numpy as np

from tests.capture.stories import break_in
from tests.fuzz import mutate_text
from tests.fuzz.grammar import Grammar
from tests.reference import SHARED
from tiercel.engine.bulk import Compiler, Context
from tiercel.engine.row import evaluator
from tiercel.model.batch import Batch
from tiercel.model.event import Event
from tiercel.replay import Replay
from tiercel.rules.condition import ConditionError, compile_condition

_RECORDED = SHARED / "captures" / "modern" / "a-seed-webshell" / "a-seed-webshell.scap"
_SAMPLE = 60  # events of a recorded batch that each condition is tried on


class EvaluateTarget:
    """Input ``number`` is a condition, made up and sometimes damaged after that."""

    name = "evaluate"

    def __init__(self, base: int = 0) -> None:
        self.base = base
        self.grammar = Grammar()
        self.batches = tracked()

    def input(self, number: int) -> str:
        random = Random(self.base << 40 | number)
        text = self.grammar.condition(random, random.randrange(4))
        if random.random() < 0.1:
            words = mutate_text.tokens(text)
            text = mutate_text.mutate(words, random, words, 4096)
        return text

    def run(self, number: int, text: str) -> None:
        """Evaluate the condition in both ways on the same events."""
        try:
            node = compile_condition(text, strict=False)
        except ConditionError:
            return
        random = Random(number)
        batch = self.batches[number % len(self.batches)]
        count = min(_SAMPLE, batch.count)
        indices = np.array(sorted(random.sample(range(batch.count), count)), dtype=np.int64)
        try:
            bulk = Compiler().compile(node)
            row = evaluator(node)
        except ValueError:  # a value that cannot be used, such as a bad pattern
            return
        mask = bulk.mask(Context(batch), indices)
        expected = [row(Event(batch, index)) for index in indices.tolist()]
        if mask.tolist() != expected:
            differ = [int(i) for i, a, b in zip(indices, mask.tolist(), expected, strict=True) if bool(a) != bool(b)]
            raise AssertionError(
                f"{text!r}: evaluators disagree on events {differ[:5]} of batch {number % len(self.batches)}"
            )


def tracked() -> list[Batch]:
    """Return batches to evaluate on: the made-up story, and a recorded capture when there is one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "story.scap"
        break_in().write(path)
        found = list(Replay(path))
    if _RECORDED.exists():
        found += list(Replay(_RECORDED))
    return found
