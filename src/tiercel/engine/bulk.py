"""The bulk evaluator: conditions over the events of a batch, narrowing a selection step by step.

Equal sub-conditions of all rules share one evaluator. What an evaluator answered for a selection is remembered for
the batch, and since conjunctions are evaluated in one global order, rules that begin alike share their first steps.
The order follows measurement: what rejects the most for the least time comes first.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np

from tiercel.engine.columns import Indices, Mask, MaskGetter, check_mask
from tiercel.engine.fuse import grouped, subject, text_mask
from tiercel.model.batch import Batch
from tiercel.rules.syntax import And, Check, FieldRef, Node, Not, Or

_CALL = 2e-5  # seconds that evaluating anything takes at least
_DOUBT = 4096  # events that the guess weighs as much as


class Context:
    """One batch under evaluation: answers by evaluator and selection."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.everything = np.arange(batch.count)
        self.masks: dict[tuple[int, int], tuple[Indices, Mask]] = {}
        self.asked: dict[int, int] = {}  # how many answers each shared evaluator has given
        self.whole: dict[int, Mask] = {}  # answers for every event of the batch
        self.narrowed: dict[tuple[int, int], tuple[Indices, Indices]] = {}


class Evaluator:
    """One distinct sub-condition. ``seen``, ``passed`` and ``seconds`` measure what it costs and rejects."""

    shared = False

    def __init__(self) -> None:
        self.calls = 0
        self.seen = 0
        self.passed = 0
        self.seconds = 0.0
        self.guess = 1e-8  # seconds per event before anything was measured

    def compute(self, context: Context, indices: Indices) -> Mask:
        raise NotImplementedError

    def mask(self, context: Context, indices: Indices) -> Mask:
        """Return where among ``indices`` the condition holds."""
        if self.shared:
            return self._remembered(context, indices)
        return self._measured(context, indices)

    def _remembered(self, context: Context, indices: Indices) -> Mask:
        """Answer from what was computed before; for all events at once when that has been asked in pieces."""
        whole = context.whole.get(id(self))
        if whole is not None:
            return np.asarray(whole[indices])
        key = (id(self), id(indices))
        known = context.masks.get(key)
        if known is not None:
            return known[1]
        asked = context.asked[id(self)] = context.asked.get(id(self), 0) + len(indices)
        if asked > context.batch.count:
            whole = context.whole[id(self)] = self._measured(context, context.everything)
            return np.asarray(whole[indices])
        mask = self._measured(context, indices)
        context.masks[key] = (indices, mask)  # the selection is kept alive: its id is the key
        return mask

    def _measured(self, context: Context, indices: Indices) -> Mask:
        began = time.perf_counter()
        mask = self.compute(context, indices)
        self.seconds += time.perf_counter() - began
        self.calls += 1
        self.seen += len(indices)
        self.passed += int(np.count_nonzero(mask))
        return mask

    def narrow(self, context: Context, indices: Indices) -> Indices:
        """Return those of ``indices`` for which the condition holds; ``indices`` itself when all do."""
        key = (id(self), id(indices))
        known = context.narrowed.get(key)
        if known is not None:
            return known[1]
        mask = self.mask(context, indices)
        result = indices if mask.all() else indices[mask]
        context.narrowed[key] = (indices, result)
        return result

    def rank_and(self) -> float:
        """Seconds spent per event rejected: conjunctions start with the least."""
        if self.seen == 0:
            return self.guess
        return self._cost() / max(1e-6, 1.0 - self.passed / self.seen)

    def rank_or(self) -> float:
        """Seconds spent per event accepted: disjunctions start with the least."""
        if self.seen == 0:
            return self.guess
        return self._cost() / max(1e-6, self.passed / self.seen)

    def _cost(self) -> float:
        """Seconds per event, what a call costs in itself left out: few events make it look dear."""
        seconds = max(0.0, self.seconds - self.calls * _CALL)
        return (seconds + self.guess * _DOUBT) / (self.seen + _DOUBT)


class CheckEvaluator(Evaluator):
    def __init__(self, check: Check) -> None:
        super().__init__()
        self.function: MaskGetter = check_mask(check)
        name = check.left.field.name if isinstance(check.left, FieldRef) else ""
        self.guess = 1e-9 if name == "evt.type" else 2e-8 if name.startswith(("evt.", "fd.", "proc.name")) else 5e-8

    def compute(self, context: Context, indices: Indices) -> Mask:
        return self.function(context.batch, indices)


class TextEvaluator(Evaluator):
    """Several checks of one text, evaluated as one predicate."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.function: MaskGetter = text_mask(node)
        self.guess = 3e-8

    def compute(self, context: Context, indices: Indices) -> Mask:
        return self.function(context.batch, indices)


class NotEvaluator(Evaluator):
    def __init__(self, child: Evaluator) -> None:
        super().__init__()
        self.child = child
        self.guess = child.guess * 4

    def compute(self, context: Context, indices: Indices) -> Mask:
        return ~self.child.mask(context, indices)


class AndEvaluator(Evaluator):
    def __init__(self, children: list[Evaluator]) -> None:
        super().__init__()
        self.children = children
        self.guess = sum(child.guess for child in children)

    def compute(self, context: Context, indices: Indices) -> Mask:
        selected = indices
        for child in self.children:
            selected = child.narrow(context, selected)
            if not len(selected):
                return np.zeros(len(indices), bool)
        if selected is indices:
            return np.ones(len(indices), bool)
        mask = np.zeros(len(indices), bool)
        mask[np.searchsorted(indices, selected)] = True
        return mask

    def reorder(self) -> None:
        self.children.sort(key=Evaluator.rank_and)


class OrEvaluator(Evaluator):
    def __init__(self, children: list[Evaluator]) -> None:
        super().__init__()
        self.children = children
        self.guess = sum(child.guess for child in children)

    def compute(self, context: Context, indices: Indices) -> Mask:
        mask = self.children[0].mask(context, indices).copy()
        for child in self.children[1:]:
            rest = np.flatnonzero(~mask)
            if not len(rest):
                break
            if len(rest) * 2 > len(indices):  # little to gain from narrowing; the whole selection may be shared
                mask |= child.mask(context, indices)
            else:
                mask[rest[child.mask(context, indices[rest])]] = True
        return mask

    def reorder(self) -> None:
        self.children.sort(key=Evaluator.rank_or)


class Compiler:
    """Turns conditions into evaluators, one for each distinct sub-condition over all of them."""

    def __init__(self) -> None:
        self.known: dict[Node, Evaluator] = {}

    def compile(self, node: Node) -> Evaluator:
        """Return the evaluator of a condition.

        Raises:
            ValueError: a right-hand value cannot be used.
        """
        known = self.known.get(node)
        if known is not None:
            known.shared = True
            return known
        evaluator = self._build(node)
        self.known[node] = evaluator
        return evaluator

    def _build(self, node: Node) -> Evaluator:
        if isinstance(node, Check):
            return CheckEvaluator(node)
        if subject(node) is not None:
            return TextEvaluator(node)
        if isinstance(node, Not):
            return NotEvaluator(self.compile(node.child))
        kind: type[And] | type[Or] = And if isinstance(node, And) else Or
        children: list[Evaluator] = []
        for child in grouped(flatten(node.children, kind), kind):
            evaluator = self.compile(child)
            if evaluator not in children:
                children.append(evaluator)
        if len(children) == 1:
            return children[0]
        return AndEvaluator(children) if kind is And else OrEvaluator(children)

    def reorder(self) -> None:
        """Put cheap and selective conditions first, from what was measured so far."""
        for evaluator in self.known.values():
            if isinstance(evaluator, AndEvaluator | OrEvaluator):
                evaluator.reorder()

    def forget_measures(self) -> None:
        """Measure anew: the first batch pays for verdicts that later ones find in their tables."""
        for evaluator in self.known.values():
            evaluator.calls = evaluator.seen = evaluator.passed = 0
            evaluator.seconds = 0.0


def flatten(children: Iterable[Node], kind: type[And] | type[Or]) -> Iterable[Node]:
    """Yield the operands of nested conjunctions (or disjunctions) as one list."""
    for child in children:
        if isinstance(child, kind):
            yield from flatten(child.children, kind)
        else:
            yield child
