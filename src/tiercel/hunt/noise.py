"""What the alerts of a rule have in common: the values that most of them share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiercel.engine.columns import column_getter
from tiercel.fields.catalogue import FIELDS
from tiercel.model.batch import Batch
from tiercel.rules.syntax import FieldRef

NOISE_FIELDS = (
    "proc.name",
    "proc.pname",
    "proc.exepath",
    "proc.cmdline",
    "proc.pcmdline",
    "fd.name",
    "fd.directory",
    "user.name",
    "container.name",
    "container.image.repository",
    "k8s.ns.name",
    "k8s.pod.name",
)
"""The fields looked at."""

_MOST_VALUES = 20_000
_KEPT_VALUES = 5_000
_SMALLEST_SHARE = 0.05
_VALUES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Share:
    """A value of a field, how many alerts have it and what part of all that is."""

    field: str
    value: str
    alerts: int
    share: float


class Noise:
    """Counts the values of :data:`NOISE_FIELDS` over alerts; can be pickled and added up."""

    def __init__(self) -> None:
        self.alerts = 0
        self.values: dict[str, Counter[bytes]] = {name: Counter() for name in NOISE_FIELDS}

    def count(self, batch: Batch, indices: NDArray[np.int64]) -> None:
        """Count the values of the events at ``indices``."""
        self.alerts += len(indices)
        for name, counter in self.values.items():
            get = column_getter(FieldRef(FIELDS[name], None))
            if get is None:
                continue
            numbers, counts = np.unique(get(batch, indices).values, return_counts=True)
            strings = batch.tables.strings
            for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
                text = strings.get(number)
                if text:
                    counter[text] += count
            _limit(counter)

    def add(self, other: Noise) -> None:
        """Add what another has counted."""
        self.alerts += other.alerts
        for name, counter in self.values.items():
            counter.update(other.values[name])
            _limit(counter)

    def shares(self) -> list[Share]:
        """Return the commonest values of each field, the fields that cover most alerts first."""
        fields = []
        for name, counter in self.values.items():
            shares = [
                Share(name, value.decode("utf-8", "replace"), count, count / self.alerts)
                for value, count in sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:_VALUES_SHOWN]
                if count >= self.alerts * _SMALLEST_SHARE
            ]
            if shares:
                fields.append(shares)
        fields.sort(key=lambda shares: -sum(share.share for share in shares))
        return [share for shares in fields for share in shares]


def _limit(counter: Counter[bytes]) -> None:
    """Forget rare values when there are many: none of them will cover most alerts."""
    if len(counter) > _MOST_VALUES:
        for value, _ in counter.most_common()[_KEPT_VALUES:]:
            del counter[value]
