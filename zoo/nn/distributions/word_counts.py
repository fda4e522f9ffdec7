"""The likelihood of word counts: a softmax over all words, given the length of the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks.arguments import number
from zoo.checks.array_types import ArrayLike, Tensor
from zoo.checks.arrays import as_array
from zoo.checks.tables import column_names
from zoo.nn.distributions.counts import log_poisson
from zoo.nn.distributions.likelihoods import Likelihood
from zoo.nn.layers import RelativeRoots

LEAST_SHARE = 1e-7  # for a word that no text has


@keras.saving.register_keras_serializable(package="zoo")
class Multinomial(Likelihood):
    """The counts of all words of a text, given how many words it has, N.

    The decoder gives a number a_i for every word i, and p_i is the softmax of ln(s_i) + a_i:

    log p(x) = ln N! - sum(ln x_i!) + sum(x_i ln p_i),  N = sum(x_i).

    N belongs to the input and is not modelled. The "constrained Poisson" likelihood of semantic
    hashing, counts with means N p_i, differs from it by ln N! - N ln N + N, which does not depend
    on the decoder, so both train the same model. A text without a known word has log p(x) = 0.

    The mean is that of a text of `length` words. Networks built from settings begin with the square
    roots of x / max(x), from 0 to 1, which do not depend on the length of the text; let your own
    networks begin with `normalization()`. Noise is added to, and squared errors are computed from,
    the same roots.

    Args:
        length: how many words the texts have that `mean` describes and `sample` draws, above 0.
        shares: s, a number above 0 or one for each word: shares of the words in all texts, with
            which training begins; `Multinomial.adapted(x)` computes them.
        names: the words, in the order of the columns; None for none.
        counting: how `zoo.data.texts` counted them, `stem` and `stop_words`, so that it counts
            other texts in the same way; None if this is unknown.

    Raises:
        ValueError: lengths or shares that are not above 0, or another number of names than shares.

    Examples:
        >>> counts = np.random.default_rng(0).poisson(2.0, (32, 6)).astype("float32")
        >>> likelihood = zoo.Multinomial.adapted(counts)
        >>> model = zoo.VAE((6,), 2, hidden_units=(8,), likelihood=likelihood)
        >>> model.compile("adam")
        >>> history = model.fit(counts, epochs=1, verbose=0)
        >>> totals = model.reconstruct(counts).sum(axis=1)  # of a text of the mean length
        >>> bool(np.allclose(totals, likelihood.length))
        True

    Source: Salakhutdinov and Hinton 2009, Semantic hashing (doi 10.1016/j.ijar.2008.11.006); the
    same authors 2009, Replicated softmax (NeurIPS 22).
    """

    low = 0.0
    whole = True
    in_own_units = True
    standardizes_to = "square roots of counts, relative to the largest of a row"
    reads, applies = "logarithms of shares", "softmax"

    def __init__(
        self,
        length: float = 100.0,
        shares: Any = 1.0,
        names: Sequence[str] | None = None,
        counting: dict[str, Any] | None = None,
    ):
        self.length = number("length", length, above=0)
        shares = np.asarray(shares)
        right = shares.ndim < 2 and shares.size and shares.dtype.kind in "fiu"
        if not right or not (np.isfinite(shares).all() and (shares > 0).all()):
            raise ValueError(
                f"shares is {shares!r}; give a number above 0, or one for each word, as "
                "zoo.Multinomial.adapted(x) does."
            )
        self.shares = shares.astype("float32")
        self.log_shares = np.log(self.shares)
        self.names = None if names is None else tuple(map(str, names))
        if self.names is not None and self.shares.shape != (len(self.names),):
            raise ValueError(
                f"There are {len(self.names)} names for shares of shape {self.shares.shape}."
            )

        if counting is not None and not {*counting} <= {"stem", "stop_words"}:
            raise ValueError(f"counting has {sorted(counting)}; give stem and stop_words, or None.")
        self.counting = None if counting is None else dict(counting)

    @classmethod
    def adapted(
        cls,
        x: ArrayLike,
        names: Sequence[str] | None = None,
        counting: dict[str, Any] | None = None,
    ) -> Multinomial:
        """Return the likelihood for counts like x, [n, words]: their mean length and shares.

        Args:
            names: the words; for a table in memory, such as a `DataFrame`, its column names by
                default.
            counting: see `Multinomial`.

        Raises:
            ValueError: no text has a word.
        """
        names = column_names(x) if names is None else names
        x = as_array(x, "x", names)
        totals = x.reshape(-1, x.shape[-1]).sum(axis=0, dtype="float64")
        if not totals.sum() > 0:
            raise ValueError("All counts are 0: no text has a known word.")
        shares = np.maximum(totals / totals.sum(), LEAST_SHARE)
        return cls(float(totals.sum()) / len(x), shares, names, counting)

    def parameter_shape(self, image_shape: Any) -> tuple[int, ...]:
        if len(image_shape) != 1:
            raise ValueError(
                f"zoo.Multinomial is for rows of counts, (words,); input_shape is {image_shape}."
            )
        if self.shares.ndim and len(self.shares) != image_shape[-1]:
            raise ValueError(
                f"Multinomial has {len(self.shares)} shares, and input_shape is "
                f"{tuple(image_shape)}; give one share for each word, or one number."
            )
        return super().parameter_shape(image_shape)

    def standardized(self, x: Tensor) -> Tensor:
        if isinstance(x, np.ndarray):
            return np.sqrt(x / np.maximum(x.max(axis=-1, keepdims=True), 1e-12))
        return ops.sqrt(x / ops.maximum(ops.max(x, axis=-1, keepdims=True), 1e-12) + 1e-8)

    def raw(self, standardized: Tensor) -> Tensor:
        if isinstance(standardized, np.ndarray):
            return np.square(np.maximum(standardized, 0.0))
        return ops.square(ops.relu(standardized))  # x / max(x), of which the encoder takes the same

    def normalization(self) -> keras.Layer:
        """Return a layer that takes the square roots of x / max(x), from 0 to 1."""
        return RelativeRoots(name="relative_roots")

    def describe_rows(self) -> dict:
        """Return a distribution for synthetic rows, of about the size of the counts."""
        shares = np.broadcast_to(self.shares, self.shares.shape or (1,))
        means = (self.length * shares / shares.sum()).tolist()
        means = means[0] if not self.shares.ndim else means
        return {"kind": "normal", "mean": means, "scale": means}

    def log_p(self, parameters: Tensor) -> Tensor:
        """Return ln p of every word for decoder outputs, [batch, words]."""
        return ops.log_softmax(parameters + ops.convert_to_tensor(self.log_shares), axis=-1)

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        # Independent Poisson counts with means N p_i, given that their sum is N.
        total = ops.maximum(ops.sum(x, axis=-1, keepdims=True), 1e-6)
        log_total = ops.log(total)
        of_words = log_poisson(x, log_total + self.log_p(parameters))
        some = ops.where(ops.sum(x, axis=-1) > 0.0, log_poisson(total, log_total)[..., 0], 0.0)
        return ops.sum(of_words, axis=-1) - some

    def mean(self, parameters: Tensor) -> Tensor:
        return self.length * ops.exp(self.log_p(parameters))

    def sample(self, parameters: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the counts of texts of `length` words, rounded, float32 [n, words]."""
        p = ops.convert_to_numpy(self.mean(ops.convert_to_tensor(parameters))).astype("float64")
        length = max(1, round(self.length))
        return generator.multinomial(length, p / p.sum(-1, keepdims=True)).astype("float32")

    def get_config(self) -> dict:
        names = None if self.names is None else list(self.names)
        config = {"length": self.length, "shares": self.shares.tolist(), "names": names}
        return config | ({"counting": self.counting} if self.counting else {})
