"""An ensemble of detectors, which differ only in their seeds, and whose scores are averaged."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from zoo.anomaly import channels, ensemble_files, exported, thresholds
from zoo.anomaly.detector import Detector
from zoo.anomaly.settings import Settings
from zoo.checks.arguments import whole
from zoo.inference.parts import OptionalInput, Part


class DetectorEnsemble(Settings):
    """Averages the scores and maps of several detectors, which differ only in their seeds.

    Networks that start at different random weights, or learn in a different order, make different
    errors, and their mean varies less from seed to seed than each of them. An ensemble of n members
    takes n times as long to train and to run as one detector. It is exported as one graph.

    All members learn from the same items, and the same items are held out for the threshold. The
    score of an item is the mean of the members' scores, and its map the mean of their maps. So with
    the score "calibrated_error" the score is not the maximum of the map, but at least as large.

    Args:
        model: the name of a class, such as "VAE". Trained models are refused, as they have no seed.
        members: how many detectors, from 2 to 100. Their seeds are seed, seed + 1, ...
        seed: the first seed, and the seed of the choice of held-out items.
        options: all other arguments of `zoo.anomaly.Detector`.

    Attributes:
        members: the detectors.
        threshold: the score above which an item is an anomaly; None before `fit`. It can be
            assigned, and so can `contamination`, `quantile` and `false_positive_rate`, which set it
            again on the scores of the last `fit`. All others are read-only.
        history: a list with the metrics of each member, see `Detector.history`.

    Raises:
        TypeError, ValueError: as `Detector` does, or a number of members out of range.

    Example:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> settings = {"latent_dim": 4, "hidden_units": (64,)}
        >>> detector = zoo.anomaly.DetectorEnsemble("VAE", members=2, **settings)
        >>> detector = detector.fit(x[y == 0], epochs=5, verbose=0)
        >>> detector.predict(x_test).shape
        (360,)
    """

    members: tuple[Detector, ...]

    def __init__(self, model: str, *, members: int = 3, seed: int = 0, **options):
        if not isinstance(model, str):
            raise TypeError(
                f"model is a {type(model).__name__}; members are trained with seeds of their own, "
                'so give the name of a class with its settings, as in DetectorEnsemble("VAE").'
            )
        count = whole("members", members, least=2, most=ensemble_files.MOST)
        seed = whole("seed", seed)
        self._take_members([Detector(model, seed=seed + i, **options) for i in range(count)])

    @classmethod
    def of(cls, members: Sequence[Detector]) -> DetectorEnsemble:
        """Return an ensemble of fitted detectors, without a threshold, for `zoo.anomaly.load`."""
        ensemble = cls.__new__(cls)
        ensemble._take_members(members)
        return ensemble

    def _take_members(self, members):
        first = members[0]
        for member in members:
            member.take(split_seed=first.seed)
        self._set(members=tuple(members), seed=first.seed, threshold=None, calibration=None)
        self._take_rule(first.rule, first.rule_value)
        self._take_from_members()

    def _take_from_members(self):
        """Take over what reports read. What differs between members is taken from the first one."""
        first = self.members[0]
        taken = ("model", "score", "names", "units", "standardize", "mean", "deviation")
        self._set(**{name: getattr(first, name) for name in (*taken, "normal_map")})
        self._set(history=[member.history for member in self.members])
        found = [m.normal_error for m in self.members if m.normal_error is not None]
        self._set(normal_error=np.mean(found, axis=0) if found else None)

    def restore_rule(self, rule: str, value: float, threshold: float) -> None:
        """Store the rule and the threshold of an earlier `fit` in a loaded detector."""
        self._take_rule(rule, value)
        self._set(threshold=threshold)

    def fit(self, x: Any, **options) -> DetectorEnsemble:
        """Train all members, then set the threshold on the means of their scores.

        Args:
            x, options: as in `Detector.fit`.

        Returns:
            the detector itself.

        Raises:
            TypeError, ValueError: as `Detector.fit` does.
        """
        rated = []
        for member in self.members:
            rated.append(np.asarray(member.fit(x, **options).calibration))
            self._set(threshold=None, calibration=None)  # until all members have learned
        self._take_from_members()
        found = np.mean(rated, axis=0)
        threshold = thresholds.of_scores(self.rule, self.rule_value, found)
        self._set(threshold=threshold, calibration=found)
        return self

    def anew(self, option: str) -> str:
        """Return, in words, how a detector with another rule of the threshold is made."""
        return f"call fit(x, train=False) of this detector, made again with {option}"

    # Use

    def scores(self, x: Any) -> np.ndarray:
        """Return the mean of the members' scores, float32 [n]; higher is more unusual."""
        return self._mean("scores", x)

    def maps(self, x: Any) -> np.ndarray:
        """Return the mean of the members' maps of images, float32 [n, height, width]."""
        return self._mean("maps", x)

    def explain(self, x: Any) -> np.ndarray:
        """Return the mean error of every value, float32 of the shape of x."""
        return self._mean("explain", x)

    def reconstruct(self, x: Any) -> np.ndarray:
        """Return the mean of the members' reconstructions, float32 of the shape of x."""
        return self._mean("reconstruct", x)

    def worst_channels(self, x: Any) -> list[channels.WorstChannel]:
        """Return for each signal which channel is anomalous, see `Detector.worst_channels`."""
        return channels.worst_channels(self, x)

    def _mean(self, method, x):
        found = [getattr(member, method)(x) for member in self.members]
        return np.mean(found, axis=0, dtype="float32")

    def save(self, folder: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write a folder that `zoo.anomaly.load` reads; it raises the same errors as `zoo.save`."""
        self._fitted()
        ensemble_files.save(self, folder, overwrite)

    @property
    def formula(self) -> str:
        """What the score is, in words."""
        return f"mean over {len(self.members)} models: {self.members[0].formula}"

    # Export

    @property
    def licence(self) -> str | None:
        """The licence of the models' weights."""
        return self.members[0].licence

    @property
    def name(self) -> str:
        """The name of the models' class."""
        return self.members[0].name

    def parts(self) -> dict[str, Part]:
        """Return the part that can be exported: `detector`, `x` to `score`, `is_anomaly`, `map`.

        Raises:
            ValueError: the detector is not fitted, or its score needs draws.
        """
        threshold = self._fitted()
        parts = [member.parts()["detector"] for member in self.members]
        score, flag, shown = parts[0].outputs
        if self.normal_error is not None:
            shown = replace(shown, normal_error=tuple(self.normal_error.tolist()))

        def detect(tensors):
            found = [part.function(tensors) for part in parts]
            mean, errors = (
                sum(one[name] for one in found) / len(found) for name in ("score", "map")
            )
            flagged = exported.above(mean, tensors, threshold)
            return {"score": mean, "is_anomaly": flagged, "map": errors}

        networks = tuple(network for part in parts for network in part.networks)
        one = replace(parts[0], function=detect, networks=networks, outputs=(score, flag, shown))
        given = (OptionalInput(exported.THRESHOLD, threshold),)
        return {"detector": replace(one, optional=given)}

    def get_config(self) -> dict:
        """Return the configuration of the detector, without weights, as JSON values."""
        members = [member.get_config() for member in self.members]
        return {"members": members, **ensemble_files.settings(self)}

    def __repr__(self):
        return (
            f"DetectorEnsemble({self.members[0]!r}, members={len(self.members)}, "
            f"threshold={self.threshold})"
        )
