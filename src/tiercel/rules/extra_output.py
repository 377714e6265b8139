"""What the configuration adds to the output of rules: ``append_output`` and ``static_fields``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tiercel.fields.model import Column, Field, ValueType

if TYPE_CHECKING:
    from tiercel.model.batch import Batch
    from tiercel.model.event import Event

SUGGESTED = (
    "container.id",
    "container.name",
    "container.image.repository",
    "container.image.tag",
    "k8s.pod.name",
    "k8s.ns.name",
)
"""Fields that ask to be part of every output, in the order Falco's container plugin lists them."""


@dataclass(frozen=True, slots=True)
class AppendOutput:
    """One entry of ``append_output``: which rules it is for, and what it adds.

    An empty ``source`` or ``rule`` and no ``tags`` match every rule; a rule must have all the tags. ``fields`` maps
    the name of an added output field to its format, ``raw_fields`` are fields added under their own names.
    """

    source: str = ""
    tags: frozenset[str] = frozenset()
    rule: str = ""
    extra_output: str = ""
    suggested_output: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    raw_fields: tuple[str, ...] = ()

    def matches(self, rule: str, source: str, tags: set[str]) -> bool:
        return (not self.source or self.source == source) and (not self.rule or self.rule == rule) and self.tags <= tags


@dataclass(frozen=True, slots=True)
class ExtraOutput:
    """Everything the configuration adds."""

    appended: Sequence[AppendOutput] = ()
    static: Mapping[str, str] = field(default_factory=dict)

    def formats(self, rule: str, source: str, tags: set[str]) -> Iterator[str]:
        """Yield what is put behind a rule's output, each after a blank."""
        for entry in self.appended:
            if not entry.matches(rule, source, tags):
                continue
            if entry.extra_output:
                yield entry.extra_output
            if entry.suggested_output:
                for name in (*(f"static.{key}" for key in sorted(self.static)), *SUGGESTED):
                    yield f"{name.replace('.', '_')}=%{name}"

    def fields(self, rule: str, source: str, tags: set[str]) -> Iterator[tuple[str, str, bool]]:
        """Yield (name, format, whether its value is kept as it is) of the output fields added to a rule's alerts."""
        for entry in self.appended:
            if not entry.matches(rule, source, tags):
                continue
            for name, format in entry.fields.items():
                yield name, format, False
            for name in entry.raw_fields:
                yield name, f"%{name}", True

    def finder(self, find: Callable[[str], Field | None]) -> Callable[[str], Field | None]:
        """Return a field look-up that also knows the static fields."""
        if not self.static:
            return find
        known = {f"static.{name}": _static_field(f"static.{name}", value) for name, value in self.static.items()}
        return lambda name: known.get(name) or find(name)


def _static_field(name: str, value: str) -> Field:
    constant = value.encode()

    def row(event: Event, argument: str | int | None) -> bytes:
        return constant

    def bulk(batch: Batch, indices: NDArray[np.int64], argument: str | int | None) -> Column:
        number = batch.tables.strings.intern(constant)
        return Column(np.full(len(indices), number, np.int64), text=True)

    return Field(name, ValueType.CHARBUF, "Set in the configuration.", value, row, bulk, number_format="na")
