"""A detector of anomalies: a model, a score, and a threshold."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from zoo.anomaly import (
    calibration,
    channels,
    columns,
    defaults,
    exported,
    fitting,
    folders,
    saving,
    scores,
    standardization,
    thresholds,
    training,
)
from zoo.anomaly.settings import Settings, class_of
from zoo.checks import data as checks
from zoo.checks.arguments import number, whole
from zoo.checks.arrays import as_array, is_stored, with_nan
from zoo.checks.tables import as_given
from zoo.inference.compiled import run_in_batches
from zoo.inference.parts import Part
from zoo.models.base import BaseModel

MOST_SAMPLES = 10_000  # each draw decodes all items
HELD_OUT = 0.1  # share of the training data for thresholds that need held-out data


class Detector(Settings):
    """Scores items by how unusual they are to a model, and flags anomalies.

    The model learns from items that are mostly, or all, normal. `zoo.anomaly.scores` has the
    formulas of the scores; those with * can be exported:

        reconstruction*  squared error, summed over values; all with an encoder
        largest_error*   largest mean of the squared error over 5x5 pixels; images, signals
        calibrated_error*  the same, relative to the usual one at the same place; images
        elbo_at_mean*    the negative ELBO at the mean code instead of a draw; VAE
        elbo             the negative ELBO, mean over draws; VAE
        log_likelihood   -log p(x) by importance sampling; VAE
        prior*           -log p(z) of the mean code; VAE, AAE
        energy*          free energy; RBM
        discriminator*   negative logit of the code; AAE
        joined*          the larger of one of these and the distance to a few training rows; rows

    Args:
        model: a model of the zoo that is not conditional; or the name of a class, such as "VAE".
            Then `fit` makes the model with `settings` for the shape of its data.
        score: one of these names. By default "joined" for rows of numbers, "largest_error" for
            images of 16 pixels a side or more ("calibrated_error" if `fit` makes the model for a
            folder of them), "energy" for an RBM; otherwise "elbo_at_mean" for a
            VAE whose likelihood is not "bernoulli", else "reconstruction".
        contamination: share of anomalies in the data that the threshold is set on, in (0, 0.5].
        quantile: the quantile of the scores of normal data that is the threshold, in (0, 1).
        false_positive_rate: share of normal items that may be called anomalies, below 0.1; the
            threshold is extrapolated by a generalized Pareto distribution, fitted to the largest
            tenth of the scores. Give at most one of these three; the default is contamination=0.1.
        standardize: for values with different units: subtracts the mean and divides by the
            standard deviation of each column of rows, or of each channel of signals and images, in
            the training data, also in the exported file. Scores and `explain` are then in
            standardized units.
        names, units: lists of strings for the columns or channels, for reports and exported files.
            A table in memory has names already.
        samples: draws per item for "elbo" and "log_likelihood", at most 10,000.
        seed: seed of these draws, of the choice of held-out items, and of a model that `fit` makes:
            its initial weights, the order of the items, and the noise in training.
        settings: constructor arguments of the named class. The defaults are in
            `zoo.anomaly.defaults`: the likelihood "gaussian", codes of a third of the columns of
            rows or of a 49th of the values of images, and for images `VAE` and `Autoencoder` that
            start as PCA.

    Rows may hold NaN, for values that were not seen, if the model's likelihood takes it
    (`missing="learn"`).

    Assigning `contamination`, `quantile` or `false_positive_rate` sets the threshold again, on the
    scores of the last `fit`; `threshold` can also be assigned. All other settings are read-only.

    Attributes:
        threshold: the score above which an item is an anomaly; None before `fit`.
        history: the metrics of each epoch by name, lists; None unless `fit` trained the model.
        mean, deviation: of the columns or channels, float32; None without `standardize`.
        names: names of the columns or channels: the given ones, or those of the model's likelihood,
            or of the table that was passed to `fit`; else None. They order the columns of tables.
        normal_error: for signals, the mean squared error of each channel that 95 % of the normal
            signals do not exceed, float32 [channels]; see `worst_channels`.

    Raises:
        TypeError, ValueError: a conditional model, a score that does not fit the model, or a number
            out of range.

    Example:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> detector = zoo.anomaly.Detector("VAE", latent_dim=4, hidden_units=(64,))
        >>> detector = detector.fit(x[y == 0], epochs=5, verbose=0)
        >>> detector.predict(x_test).shape
        (360,)
    """

    def __init__(
        self,
        model: BaseModel | str,
        *,
        score: str | None = None,
        contamination: float | None = None,
        quantile: float | None = None,
        false_positive_rate: float | None = None,
        standardize: bool = False,
        names: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
        samples: int = 64,
        seed: int = 0,
        **settings,
    ):
        rule, rule_value = thresholds.chosen(
            contamination=contamination,
            quantile=quantile,
            false_positive_rate=false_positive_rate,
        )
        model_class = class_of(model, settings)
        if not hasattr(model_class, "encode"):
            raise TypeError(
                f"{model_class.__name__} has no encoder, so it has no reconstruction error that "
                "could reveal unusual items: use zoo.VAE or zoo.VAEGAN."
            )
        if standardize and isinstance(model, str):
            settings = {"likelihood": "gaussian", **settings}
        names, units = channels.checked_names(names, units)
        self._set(
            standardize=bool(standardize),
            samples=whole("samples", samples, least=1, most=MOST_SAMPLES),
            seed=whole("seed", seed),
            split_seed=seed,
            settings=settings,
            model=None,
            model_class=model_class,
            score=score,
            **{"own_score": None, "joined": None, "normal_map": None, "of_pixels": False},
            threshold=None,
            history=None,
            calibration=None,
            mean=None,
            deviation=None,
            names=names,
            names_given=names is not None,
            units=units,
            normal_error=None,
        )
        if score is not None:
            scores.check_name(model_class, score)
        self._take_rule(rule, rule_value)
        if isinstance(model, BaseModel):
            self._take(model)

    def _take(self, model, of_files=False):
        self._set(score=self.score or scores.default_of(model, of_files))
        scores.check(model, self.score)
        own = {scores.JOINED: scores.own_of(model), scores.CALIBRATED: "largest_error"}
        self._set(own_score=own.get(self.score, self.score))
        if self.standardize:
            standardization.check_model(model)
        known = getattr(model.likelihood, "names", None)
        if known is not None and self.names not in (None, known):
            raise ValueError(f"The model already names its columns, {known}: leave out names=.")
        self._set(names=self.names if known is None else known)
        channels.check_count(self, model.image_shape)
        self._set(model=model)

    # Learning

    def fit(
        self,
        x: Any,
        *,
        validation_data: Any = None,
        validation_split: float | None = None,
        train: bool | None = None,
        trim: float | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        optimizer: Any = None,
        verbose: int | str = "auto",
        **options,
    ) -> Detector:
        """Train the model unless it is trained already, then set the threshold.

        Args:
            x: 2 or more items [n, *input_shape], most or all of them normal; or the result of
                `zoo.data.from_folder`, whose validation images are held out.
            validation_data: items to set the threshold on, instead of x; they must be normal for
                `quantile` and `false_positive_rate`.
            validation_split: share of x to hold out of training for the threshold. By default 0.1
                for these two rules if the model is trained here, else 0.
            train: whether to train the model; by default, a model that is not trained yet. A
                detector that was fitted before takes small steps, and keeps its weights if a
                held-out loss would rise.
            trim: share of x, in [0, 0.5], that is left out so that fewer anomalies are learned: of
                rows of numbers those farthest from a few others; of other items those with the
                highest scores after half of the epochs. By default `contamination` if that is the
                rule for x, else 0.
            epochs: by default 20 for rows. For images and signals, by default enough for 1,500
                steps, at least 20; of 100 items or more, a tenth is held out for early stopping.
            batch_size: by default 128 for rows, else a twentieth of the images, from 16 to 128.
            optimizer: by default the one that the model is compiled with, or Adam.
            verbose, options: of `model.fit`, which trimming may call twice.

        Returns:
            the detector itself.

        Raises:
            TypeError, ValueError: data that do not fit the model, NaN, or a single row.
        """
        of_files = folders.is_folder(x)
        x, validation_data = folders.for_fit(self, x, validation_data, validation_split, train)
        x = x if hasattr(x, "shape") else as_array(x)
        new = self._build(tuple(x.shape), of_files)
        train = not training.is_trained(self.model) if train is None else bool(train)
        first = train and self.threshold is None  # later trainings keep the columns and their scale
        names = columns.names_for(self, x, first)
        x = self._checked(x, names=names)
        if len(x) < 2:
            raise ValueError(f"x has {len(x)} row; a threshold needs at least 2 items.")
        self._set(names=names and tuple(names))
        held_out = None
        if trim is None:
            mixed = self.rule == "contamination" and validation_data is None
            trim = self.rule_value if mixed else 0.0
        trim = number("trim", trim, least=0, most=0.5)
        if validation_data is not None:
            held_out = self._checked(validation_data, "validation_data")
        else:
            if validation_split is None:
                validation_split = HELD_OUT if train and self.rule != "contamination" else 0.0
            x, held_out = training.hold_out(x, validation_split, self.split_seed)
        thresholds.check_count(self.rule, len(x if held_out is None else held_out))
        options |= {"epochs": epochs, "batch_size": batch_size, "verbose": verbose}
        options |= {"optimizer": optimizer, "new": new}
        fitting.learn(self, x, held_out, trim, options if train else None, first)
        return self

    def _build(self, shape, of_files):
        """Make the model unless it exists; return whether it is new."""
        if self.model is not None:
            return False
        if len(shape) < 2:
            raise ValueError(f"x has shape {shape}; items (n, ...) are expected.")
        made = defaults.settings_of(self.model_class, shape[1:], self.settings)
        model = self.model_class(**{"input_shape": shape[1:], "seed": self.seed, **made})
        self._take(model, of_files)
        return True

    # Use

    def scores(self, x: Any, *, batch_size: int = 1024) -> np.ndarray:
        """Return how unusual items [n, *input_shape] are, float32 [n]; higher is more unusual.

        Raises:
            ValueError: data that do not fit the model, or scores that are not finite.
        """
        x = self._items(x)
        if self.score in scores.SAMPLED:
            sampled = scores.SAMPLED[self.score]
            found = sampled(self.model, np.asarray(self.standardized(x)), self.samples, self.seed)
        else:
            found = run_in_batches(self.scored, x, batch_size=batch_size)
        lost = np.flatnonzero(~np.isfinite(found))
        if len(lost):
            raise ValueError(
                f"The {self.score} score of {len(lost)} of {len(x)} items is not finite; the "
                f"first is item {lost[0]}: it is too far from the training data. Check its values."
            )
        return found.astype("float32")

    def explain(self, x: Any, *, batch_size: int = 1024) -> np.ndarray:
        """Return the squared error of every value, float32 of the shape of x.

        It shows where an item differs from its reconstruction, by pixel or by column. The columns
        have the order of x, also if x is a table whose order differs from `names`. A value that was
        not seen has no error.
        """
        errors = run_in_batches(self.errors, self._items(x), batch_size=batch_size)
        return as_given(errors, x, self.names)

    def maps(self, x: Any, *, batch_size: int = 256) -> np.ndarray:
        """Return a map of each image, float32 [n, height, width]; higher is more unusual.

        It is the mean of the squared error over channels and over 5x5 pixels, at the sides over
        those that are there; the score "largest_error" counts whole windows only. For the score
        "calibrated_error" it is divided by what is usual at the same place, and its maximum is the
        score.

        Raises:
            ValueError: the model is not a model of images.
        """
        x = self._items(x)
        if len(self.model.image_shape) != 3:
            raise ValueError(
                f"maps is for images, but the model takes {tuple(self.model.image_shape)}: use "
                "explain(x), which returns the error of every value."
            )
        return run_in_batches(self.mapped, x, batch_size=batch_size)

    def worst_channels(self, x: Any) -> list[channels.WorstChannel]:
        """Return for each signal [n, steps, channels] which channel is anomalous, and when.

        Each channel is compared with its own normal error, because a noisy channel has a large
        error in every signal. An entry has `channel`, `name`, `unit`, `step` and `ratio`, the mean
        squared error of the channel divided by `normal_error`.

        Raises:
            ValueError: the model is not a model of signals.
        """
        return channels.worst_channels(self, x)

    def reconstruct(self, x: Any) -> np.ndarray:
        """Return the reconstructions of items, float32 of their shape, in the units of the data."""
        restored = self.model.reconstruct(self.standardized(self._items(x)))
        if self.mean is not None:
            restored = restored * self.deviation + self.mean
        return as_given(restored, x, self.names)

    def save(self, folder: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write a folder that `zoo.anomaly.load` reads; it raises the same errors as `zoo.save`."""
        self._fitted()
        saving.save(self, folder, overwrite)

    def _checked(self, x, name="x", names=None):
        names = names or self.names
        if self.model is None:
            raise ValueError(f"fit(x) makes the {self.model_class.__name__}: call that first.")
        if self.standardize:
            x, shape = folders.images_of(x), tuple(self.model.image_shape)
            likelihood = self.model.likelihood
            return standardization.check_items(x, shape, name, names, likelihood)
        x, likelihood = folders.images_of(x), self.model.likelihood
        x = as_array(with_nan(x) if likelihood.takes_missing else x, name, names)
        x = checks.check_images(x, self.model.image_shape, likelihood, name)
        return x if is_stored(x) else np.asarray(checks.in_numpy(x), "float32")

    def _items(self, x):
        """Return items after checks, for the methods that need a fitted detector."""
        x = self._checked(x)
        if self.standardize and self.mean is None:
            what = "columns" if len(self.model.image_shape) == 1 else "channels"
            raise ValueError(f"The {what} have no mean and deviation yet: call fit(x) first.")
        return x

    # Tensors

    def standardized(self, x: Any) -> Any:
        """Return items in the units of the model, arrays or tensors of the shape of x."""
        if self.mean is None:
            return x
        if isinstance(x, np.ndarray):
            return (x - self.mean) / self.deviation
        return ops.divide(ops.subtract(x, self.mean), self.deviation)

    def in_deviations(self, x: Any) -> Any:
        """Return items in the units of errors: for rows, standard deviations."""
        return self.model.likelihood.standardized(self.standardized(x))

    def scored_by_model(self, x: Any) -> Any:
        """Return the score of the model alone, if it needs no draws, tensors [batch]."""
        return scores.DETERMINISTIC[self.own_score](self.model, self.standardized(x))

    def scored(self, x: Any) -> Any:
        """Return `scores(x)`, for scores that need no draws, tensors [batch].

        For "joined" and "calibrated_error", until `fit` has rows or usual errors, it is the score
        of the model alone.
        """
        if self.normal_map is not None:
            return ops.max(self.mapped(x), axis=(1, 2))
        a = self.scored_by_model(x)
        return a if self.joined is None else self.joined.scored(a, self.in_deviations(x))

    def errors(self, x: Any) -> Any:
        """Return `explain(x)` for tensors, as tensors."""
        return scores.squared_errors(self.model, self.standardized(x))

    def smoothed(self, x: Any) -> Any:
        """Return the means of `explain(x)` over channels and 5x5 pixels, for tensors of images."""
        return calibration.window_means(self.errors(x))

    def mapped(self, x: Any) -> Any:
        """Return `maps(x)` for tensors, as a tensor [batch, height, width]."""
        found = self.smoothed(x)
        return found if self.normal_map is None else ops.divide(found, self.normal_map)

    @property
    def variables(self) -> list:
        """The variables of the model."""
        return self.model.variables

    @property
    def formula(self) -> str:
        """What the score is, in words."""
        return scores.FORMULAS[self.score]

    # Export

    @property
    def licence(self) -> str | None:
        """The licence of the model's weights."""
        return self.model.licence

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    def parts(self) -> dict[str, Part]:
        """Return the part that can be exported: `detector`, `x` to `score`, `is_anomaly`, `map`.

        Raises:
            ValueError: the detector is not fitted, or its score needs draws.
        """
        return exported.parts(self, self._fitted())

    def get_config(self) -> dict:
        """Return the configuration of the detector, without weights, as JSON values."""
        return {"model": self.model.get_config(), **saving.settings(self)}

    def __repr__(self):
        model = self.model_class.__name__ if self.model is None else type(self.model).__name__
        return (
            f"Detector({model}, score={self.score!r}, {self.rule}={self.rule_value:g}, "
            f"threshold={self.threshold})"
        )
