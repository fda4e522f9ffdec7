"""Training a fitted detector again, without losing what it has learned."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from keras import ops

LEARNING_RATE = 1e-4  # a tenth of the first rate, with which the loss would rise at first
HELD_OUT = 0.1  # share of the items to measure the loss before and after
LEAST = 10  # items; one of them is held out


class Again:
    """Another training of a fitted detector, which must not raise the held-out loss.

    Args:
        detector: a fitted detector with a compiled model.
        x: items [n, ...]. seen: the same items in the units of the model.
        trim: share of the items that may be anomalies: those with the highest scores are not held
            out.

    Attributes:
        held_out: the items that are not used for training, bool [n].
    """

    def __init__(self, detector: Any, x: np.ndarray, seen: np.ndarray, trim: float):
        n = len(x)
        if n < LEAST:
            raise ValueError(
                f"x has {n} items. To train a fitted detector again, at least {LEAST} are needed, "
                "because some are held out; fit(x, train=False) only sets the threshold."
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
        """Restore the earlier weights if the loss has risen; store the losses in `retrained`."""
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
        """Return the loss of the held-out items, with the same draws at each call."""
        state = self.model.seed_generator.state
        now = ops.convert_to_numpy(state)
        state.assign(np.ones_like(now))
        found = self.model.evaluate(self._items, verbose=0, return_dict=True)
        state.assign(now)
        return float(found["loss"])
