"""The steps of `Detector.fit` on checked items: moments, model, rows to compare with, threshold."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from zoo.anomaly import calibration, channels, joined, scores, standardization, thresholds, training


def learn(
    detector: Any,
    x: np.ndarray,
    held_out: np.ndarray | None,
    trim: float,
    options: dict | None,
    first: bool,
) -> None:
    """Fit a detector to checked items.

    Args:
        x: checked items [n, ...]. held_out: other items to set the threshold on; None uses x.
        trim: the share of x that may be anomalies and is left out.
        options: arguments of `training.train`; None does not train the model.
        first: whether this is the first training; later ones keep mean and deviation.
    """
    units = detector.standardize and (first or detector.mean is None)
    if units:
        detector.take(**standardization.moments_of(x, detector.names))
    kept = np.ones(len(x), bool)
    joins = detector.score == scores.JOINED and (options is not None or detector.joined is None)
    if trim and scores.of_numbers(detector.model) and (units or joins or options is not None):
        kept = joined.near(detector, x, trim)
        if units:
            with warnings.catch_warnings():  # the same warnings came above
                warnings.simplefilter("ignore")
                detector.take(**standardization.moments_of(x[kept], detector.names))
    if options is not None:
        detector.take(normal_map=None)
        history, kept = training.train(detector, x, kept, trim=trim, **options)
        detector.take(history=history)
    if detector.score == scores.CALIBRATED and detector.normal_map is None:
        detector.take(normal_map=calibration.normal_map(detector, x[np.flatnonzero(kept)]))
    found = None
    if joins:
        together, found = joined.fit(detector, x, kept)
        detector.take(joined=together)
    rated = x if held_out is None else held_out
    if found is None or held_out is not None:
        found = detector.scores(rated)
    threshold = thresholds.of_scores(detector.rule, detector.rule_value, found)
    detector.take(threshold=threshold, calibration=found)
    detector.take(of_pixels=_are_pixels(x))
    if len(detector.model.image_shape) == 2:
        detector.take(normal_error=channels.normal_errors(detector, rated, found))


def _are_pixels(x) -> bool:
    """Return whether items are images in [0, 1], as those that are read from files."""
    if len(x.shape) != 4:
        return False
    return not isinstance(x, np.ndarray) or bool(x.min() >= 0 and x.max() <= 1)
