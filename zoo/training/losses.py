"""What a step gets and gives: a batch, and the loss of a batch as a sum of terms."""

from __future__ import annotations

from typing import Any, NamedTuple


class Batch(NamedTuple):
    """A batch of a step: x, its labels or None, weights or None, and what noisy x should become."""

    x: Any
    label: Any = None
    weight: Any = None
    clean: Any = None

    @property
    def target(self) -> Any:
        """What reconstructions are compared with."""
        return self.x if self.clean is None else self.clean


class Losses:
    """The loss of a step, and its metrics.

    Args:
        terms: of the loss, each [batch] or a scalar; the loss is the sum of their batch means.
        metrics: by name, [batch] or scalars.
    """

    def __init__(self, *terms, **metrics):
        self.terms, self.metrics = terms, metrics

    def plus(self, *terms, **metrics) -> Losses:
        """Return these losses with further terms and metrics."""
        return self + Losses(*terms, **metrics)

    def __add__(self, other: Losses) -> Losses:
        return Losses(*self.terms, *other.terms, **self.metrics, **other.metrics)

    def weighted(self, weight: Any) -> Losses:
        """Return these losses times sample weights [batch]; scalars do not change."""
        if weight is None:
            return self
        terms = [weighted(term, weight) for term in self.terms]
        return Losses(*terms, **{k: weighted(v, weight) for k, v in self.metrics.items()})


def weighted(values: Any, weight: Any) -> Any:
    """Return values [batch] times sample weights [batch] or None; a scalar does not change."""
    return values if weight is None or not len(values.shape) else values * weight
