"""A model and the data set on which it is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from zoo.checks.words import kind_of_items
from zoo.metrics import likelihood
from zoo.metrics.representation import flat_codes
from zoo.metrics.retrieval import Retrieval, retrieval
from zoo.nn.distributions.likelihoods import Bernoulli, Categorical

if TYPE_CHECKING:
    from zoo.models.autoencoder import BaseAutoencoder


MOST_QUERIES = 1000


@dataclass
class Evaluation:
    """A model and the data set on which it is evaluated, with values that several metrics share.

    Attributes:
        model: a model of the zoo.
        data_name: the name of the data set.
        train, test: images, float32 [n, *input_shape], and labels, int32 [n] or None.

    Examples:
        >>> model = zoo.load("vae_digits")
        >>> evaluation = zoo.metrics.Evaluation(model, "digits", *zoo.data.load("digits"))
        >>> evaluation.pixels
        'grey pixels, so no likelihood'
    """

    model: BaseAutoencoder
    data_name: str
    train: tuple[np.ndarray, np.ndarray | None]
    test: tuple[np.ndarray, np.ndarray | None]

    @property
    def x(self) -> np.ndarray:
        """The test images, float32 [n, *input_shape]."""
        return self.test[0]

    @property
    def kind(self) -> str:
        """The kind of the test items: images, signals or rows."""
        return kind_of_items(self.x.shape[1:])

    @property
    def y(self) -> np.ndarray | None:
        """The labels of the test images, int32 [n], or None if the data set has none."""
        return self.test[1]

    @property
    def labels(self) -> np.ndarray | None:
        """The labels that the networks of the model need besides the test images, or None."""
        return self.y if self.model.conditional and self.model.learns_labels else None

    @property
    def queries(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The test items that are searched for among the training items: the first 1,000."""
        x, y = self.test
        return x[:MOST_QUERIES], None if y is None else y[:MOST_QUERIES]

    @cached_property
    def retrieval(self) -> Retrieval:
        """How well the codes of `queries` find training items of their class."""
        (x, y), (train, labels) = self.queries, self.train
        codes, searched = flat_codes(self.model, x), flat_codes(self.model, train)
        metric = "hamming" if self.model.has_bits else "cosine"
        return retrieval(codes, y, searched, labels, metric=metric)

    @cached_property
    def elbo_and_kl(self) -> tuple[float, float]:
        """The negative ELBO of the test images and its KL divergence, in nats."""
        return likelihood.negative_elbo(self.model, self.x, self.labels)

    @cached_property
    def has_binary_pixels(self) -> bool:
        """Whether the likelihood of a Bernoulli model is measured on pixels that are 0 or 1."""
        return bool(self.model.binarize or np.isin(self.x, (0, 1)).all())

    @property
    def pixels(self) -> str:
        """A description of the pixels whose likelihood is measured."""
        kind = self.model.likelihood
        if isinstance(kind, Categorical):
            return f"grey levels, {kind.levels} of them"
        if kind.whole:
            return "counts"
        if kind.in_own_units:
            return "density of the columns in their own units"
        if not isinstance(kind, Bernoulli):
            return "real-valued pixels"
        if not self.has_binary_pixels:
            return "grey pixels, so no likelihood"
        return {
            "dynamic": "binary pixels, drawn of the grey ones with seed 0",
            "threshold": "binary pixels, 1 above one half",
            None: "binary pixels as in the data",
        }[self.model.binarize]
