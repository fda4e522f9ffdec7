"""Imputation of missing values."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from zoo.checks.names import UnknownNameError
from zoo.checks.tables import explained_text, listed
from zoo.models import CLASSES
from zoo.nn.distributions import StudentColumns
from zoo.sklearn.trained import TrainedEstimator

EPOCHS = 20  # of many steps, if the number of epochs is not given


class AutoencoderImputer(OneToOneFeatureMixin, TransformerMixin, TrainedEstimator):
    """Fills in missing values (NaN) by an autoencoder that learns from rows with missing values.

    Rows are vectors of numbers. Values that were seen do not change. By default it is an IWAE with
    20 samples and Student's t distribution for each column, as in MIWAE; missing values are means
    over codes, weighted by their importance. `zoo reproduce imputation` compares these defaults
    with the imputers of scikit-learn.

    Args:
        model: "Autoencoder", "DenoisingAutoencoder", "VAE" or "IWAE"; None is "IWAE".
        latent_dim: the length of a code.
        epochs: by default as many as make 2,000 steps; each epoch then goes over few rows several
            times.
        batch_size: by default a twentieth of the rows, from 16 to 64.
        learning_rate: of Adam at the start; it falls along half a cosine to a hundredth.
        random_state, verbose: as in `AutoencoderTransformer`.
        settings: arguments of the class; by default `hidden_units=(64,)`, a `zoo.StudentColumns`
            as the `likelihood`, and `samples=20` for an IWAE.

    Attributes:
        model_: the trained model, whose `impute` also draws several imputations.
        history_: losses by epoch.

    Source: Mattei and Frellsen 2019, MIWAE (arXiv 1812.02633).

    Examples:
        >>> rows = np.random.default_rng(0).normal(size=(100, 1)) * np.ones((1, 3))
        >>> rows[::2, 0] = np.nan
        >>> imputer = zoo.sklearn.AutoencoderImputer(latent_dim=1, epochs=1, random_state=0)
        >>> int(np.isnan(imputer.fit_transform(rows)).sum())
        0
    """

    default_model = "IWAE"
    steps, largest_batch = 2000, 64

    def __init__(
        self,
        model: str | None = None,
        latent_dim: int = 8,
        *,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 2e-3,
        random_state: Any = None,
        verbose: int = 0,
        **settings,
    ):
        self.model, self.latent_dim = model, latent_dim
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.random_state, self.verbose = random_state, verbose
        self._keep_settings(settings)

    def fit(self, X: Any, y: Any = None) -> AutoencoderImputer:
        """Train the model on rows X [n, features], with NaN for what was not seen."""
        del y
        X = self._checked(X, ensure_min_samples=2)
        if len(empty := np.flatnonzero(np.isnan(X).all(axis=0))):
            raise ValueError(
                f"X holds only NaN in {listed(empty, getattr(self, 'feature_names_in_', None))}, "
                "so nothing can be learned about these columns: leave them out."
            )
        name = self.model or self.default_model
        if name not in CLASSES:
            raise UnknownNameError("class", name, CLASSES)
        rows = X.astype("float32")
        settings = {
            "hidden_units": (64,),
            "likelihood": StudentColumns.adapted(rows, missing="learn"),
            **({"samples": 20} if name == "IWAE" else {}),
            **self._settings(),
            "seed": self._drawn_seed(),
        }
        model = CLASSES[name]((X.shape[1],), self.latent_dim, **settings)
        epochs, size = self._length(len(rows))
        if self.epochs is None:  # beginning an epoch takes longer than many steps on few rows
            steps, repeats = epochs * math.ceil(len(rows) / size), max(1, epochs // EPOCHS)
            rows = np.tile(rows, (repeats, 1))
            epochs = math.ceil(steps / math.ceil(len(rows) / size))
        steps = epochs * math.ceil(len(rows) / size)
        rate = keras.optimizers.schedules.CosineDecay(self.learning_rate, steps, alpha=0.01)
        model.compile(keras.optimizers.Adam(rate))
        return self._train(model, rows, length=(epochs, size))

    def transform(self, X: Any) -> np.ndarray:
        """Return rows without NaN, float64 [n, features]."""
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        return np.where(np.isnan(X), self.model_.impute(X.astype("float32")), X)

    def _checked(self, X, **options):
        with explained_text(
            "an AutoencoderImputer takes columns of numbers. Choose these, as by a "
            "ColumnTransformer; or fill in a whole table, with its categories, by a zoo.VAE and "
            'the likelihood of zoo.data.from_table(X, missing="learn").'
        ):
            return validate_data(
                self, X, dtype=np.float64, ensure_all_finite="allow-nan", copy=True, **options
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []
        return tags
