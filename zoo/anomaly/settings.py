"""What all detectors have: read-only settings, a threshold, and decisions by it."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.anomaly import thresholds
from zoo.checks.arguments import number
from zoo.checks.constructors import arguments_of
from zoo.checks.names import UnknownNameError
from zoo.inference.compiled import forget_compiled
from zoo.models import CLASSES
from zoo.models.base import BaseModel


class Settings:
    """The base class of `zoo.anomaly.Detector` and `FeatureDetector`; it holds their attributes.

    Settings are read-only because an assignment without effect would be saved as if it had been
    used.

    Attributes:
        retrained: the loss of held-out items before and after the last training of a detector that
            was fitted before, else None. If the loss rose, the earlier weights were restored.
    """

    retrained: tuple[float, float] | None = None
    rules: tuple[str, ...] = tuple(thresholds.RULES)  # that can set the threshold

    # Set by `_set`, not by assignments. `fit` makes the model; until then it is None.
    model: Any
    model_class: type[BaseModel]
    settings: dict[str, Any]
    score: str
    own_score: str
    joined: Any
    normal_map: np.ndarray | None
    of_pixels: bool  # whether the items of `fit` were images in [0, 1]
    standardize: bool
    samples: int
    seed: int
    split_seed: int  # of the choice of held-out items
    threshold: Any  # a float; None before `fit`
    rule: str
    rule_value: float
    contamination: float | None
    quantile: float | None
    false_positive_rate: float | None
    history: Any
    calibration: np.ndarray | None
    mean: np.ndarray | None
    deviation: np.ndarray | None
    names: tuple[str, ...] | None
    names_given: bool
    units: tuple[str, ...] | None
    normal_error: np.ndarray | None

    def scores(self, x: Any) -> np.ndarray:
        """Return how unusual items are, float32 [n]; higher is more unusual."""
        raise NotImplementedError

    def score_samples(self, x: Any) -> np.ndarray:
        """Return -`scores(x)`, float32 [n], as scikit-learn does: higher is more normal."""
        return -self.scores(x)

    def decision_function(self, x: Any) -> np.ndarray:
        """Return threshold - `scores(x)`, float32 [n]: negative for anomalies."""
        return np.float32(self._fitted()) - self.scores(x)

    def predict(self, x: Any) -> np.ndarray:
        """Return 1 for normal items and -1 for anomalies, int32 [n]."""
        return np.where(self.decision_function(x) < 0, -1, 1).astype("int32")

    def _fitted(self) -> float:
        if self.threshold is None:
            raise ValueError("The detector has no threshold yet: call fit(x) first.")
        return self.threshold

    def __setattr__(self, name: str, value: Any) -> None:
        """Set the threshold, or the rule that sets it; refuse all other attributes."""
        if name == "threshold":
            self._set(threshold=number("threshold", value))
        elif name in self.rules:
            self._set_rule(name, value)
        else:
            raise AttributeError(
                f"{name} of a detector cannot be set: make a new one, "
                f"zoo.anomaly.{type(self).__name__}(...), and call fit(x). "
                f"threshold, {', '.join(self.rules)} can be set."
            )

    def _set(self, **values):
        vars(self).update(values)

    def take(self, **found: Any) -> None:
        """Store results of `fit` under the names of their attributes."""
        self._set(**found)
        forget_compiled(self)  # compiled functions hold the old values

    def restore(
        self,
        threshold: float,
        mean: Any = None,
        deviation: Any = None,
        names: Any = None,
        normal_error: Any = None,
        joined: Any = None,
        own_score: str | None = None,
        normal_map: np.ndarray | None = None,
        of_pixels: bool = False,
    ) -> None:
        """Store the results of an earlier `fit` in a loaded detector."""
        self._set(threshold=threshold, mean=mean, deviation=deviation, normal_error=normal_error)
        self._set(joined=joined, own_score=own_score, normal_map=normal_map, of_pixels=of_pixels)
        if self.names is None and names is not None:
            self._set(names=tuple(names))

    def anew(self, option: str) -> str:
        """Return, in words, how a detector with another rule of the threshold is made."""
        return f"call fit(x, train=False) of a new zoo.anomaly.Detector(detector.model, {option})"

    def _set_rule(self, rule, value):
        rule, value = thresholds.chosen(**{rule: value})
        if self.threshold is not None and self.calibration is None:
            option = f"{rule}={value:g}"
            raise AttributeError(
                f"{rule} cannot be set, because a saved detector does not have the scores that its "
                f"threshold was set on: {self.anew(option)}, or set threshold."
            )
        if self.calibration is not None:
            self._set(threshold=thresholds.of_scores(rule, value, self.calibration))
        self._take_rule(rule, value)

    def _take_rule(self, rule, value):
        self._set(rule=rule, rule_value=value)
        self._set(**{name: value if name == rule else None for name in thresholds.RULES})


def class_of(model: Any, settings: dict) -> type[BaseModel]:
    """Return the class of a model, or the class of that name, after checks.

    Raises:
        TypeError, ValueError: not a model, settings for an existing model, or a conditional class.
    """
    if isinstance(model, str):
        names = {name.casefold(): name for name in CLASSES}
        if model.casefold() not in names:
            raise UnknownNameError("class of models", model, CLASSES)
        model_class = CLASSES[names[model.casefold()]]
        needed = [name for name, of in arguments_of(model_class).items() if of.default is of.empty]
        missing = [name for name in needed if name not in settings]
        if missing and not model_class.conditional:
            given = ", ".join(f"{name}=..." for name in missing)
            raise TypeError(
                f"{model_class.__name__} needs {' and '.join(missing)}: give "
                f'Detector("{model_class.__name__}", {given}).'
            )
    elif not isinstance(model, BaseModel):
        raise TypeError(
            f"model is a {type(model).__name__}; give a model of the zoo, such as zoo.load(name), "
            "or the name of a class with its settings."
        )
    else:
        model_class = type(model)
        if settings:
            raise TypeError(
                f"{', '.join(settings)}: the model exists already. Settings are for the name of a "
                'class, as in Detector("VAE", latent_dim=8).'
            )
    if model_class.conditional:
        raise ValueError(
            f"{model_class.__name__} is conditional: it needs the label of each item, which is "
            "unknown for new items. Use a model without labels, such as a VAE."
        )
    return model_class
