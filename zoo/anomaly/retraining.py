"""Training a detector again that is in use, without losing what it has learned."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from keras import ops

LEARNING_RATE = 1e-4  # a tenth of the first: with that, the loss rises at first
HELD_OUT = 0.1  # of the items, to measure the loss before and after
LEAST = 10  # items, of which one is held out


class Again:
    """A training of a detector that was fitted before, which may not raise the held-out loss.

    Args:
        detector: fitted, with a compiled model.
        x: items [n, ...]. seen: the same as the model takes them.
        trim: share of the items that may be anomalies: those with the highest scores are not held
            out.

    Attributes:
        held_out: which items are not learned, bool [n].
    """

    def __init__(self, detector: Any, x: np.ndarray, seen: np.ndarray, trim: float):
        n = len(x)
        if n < LEAST:
            raise ValueError(
                f"x has {n} items. A detector that was fitted before is trained on {LEAST} at "
                "least, of which some are held out; fit(x, train=False) sets the threshold alone."
            )
        self.model = detector.model
        order = np.random.default_rng(detector.seed).permutation(n)
        usual = np.argsort(detector.scores(x), kind="stable")[: n - round(trim * n)]
        chosen = order[np.isin(order, usual)][: max(1, round(HELD_OUT * n))]
        self.held_out = np.zeros(n, bool)
        self.held_out[chosen] = True
        self._items = seen[np.sort(chosen)]
        self.weights = self.model.get_weights()
        self.before = self._loss()

    def end(self, detector: Any) -> None:
        """Take the earlier weights back if the loss has risen, and note the loss in `retrained`."""
        after = self._loss()
        detector.take(retrained=(self.before, after))
        if not after <= self.before:
            self.model.set_weights(self.weights)
            warnings.warn(
                f"Training again has not lowered the loss on held-out items ({self.before:.5g} "
                f"before, {after:.5g} after): the model keeps its earlier weights. Give more items,"
                " or a lower rate: optimizer=keras.optimizers.Adam(1e-5).",
                stacklevel=5,
            )

    def _loss(self) -> float:
        """Return the loss of the held-out items, each time with the same draws."""
        state = self.model.seed_generator.state
        now = ops.convert_to_numpy(state)
        state.assign(np.ones_like(now))
        found = self.model.evaluate(self._items, verbose=0, return_dict=True)
        state.assign(now)
        return float(found["loss"])
