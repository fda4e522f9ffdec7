"""Arrays in, arrays out: what a trained model is used for."""

from __future__ import annotations

import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.models import checks, streams


class Inference:
    """A model with an encoder and a decoder, used on whole arrays: checked, and run in batches."""

    @streams.by_batch
    def encode(self, x, labels=None, *, batch_size: int = 1024) -> np.ndarray:
        """Return the codes of images; deterministic.

        Args:
            x: images [n, *input_shape], in the likelihood's range; or a stream of batches.
            labels: integers [n] for conditional models.
            batch_size: how many images to hold in a network at once.

        Returns:
            float32 [n, *code_shape], which is [n, latent_dim] unless the networks are of your own.
        """
        x, labels = self._checked_images(x, labels)
        return self._shaped(self._run("code", x, labels, batch_size))

    @streams.by_batch
    def decode(self, z, labels=None, *, batch_size: int = 1024) -> np.ndarray:
        """Return the mean images of codes.

        Args:
            z: [n, *code_shape], or [n, latent_dim]; or a stream of batches.
            labels: integers [n] for conditional models.

        Returns:
            float32 [n, *input_shape]; in [0, 1] for a Bernoulli likelihood.
        """
        z = checks.check_codes(z, self.code_shape)
        return self._run("image", z, self._checked_labels(labels, len(z)), batch_size)

    @streams.by_batch
    def reconstruct(self, x, labels=None, *, batch_size: int = 1024) -> np.ndarray:
        """Return the images that the codes of `x` decode to, [n, *input_shape]."""
        z = self.encode(x, labels, batch_size=batch_size)
        return self.decode(z, labels, batch_size=batch_size)

    @property
    def can_generate(self) -> bool:
        """Whether `generate` makes images."""
        return self.prior is not None

    def generate(self, n: int | None = None, labels=None, *, seed: int | None = None) -> np.ndarray:
        """Decode draws from the prior.

        Args:
            n: how many; may be left out where labels are given.
            labels: integers [n], for conditional models.
            seed: the same seed gives the same images.

        Returns:
            float32 [n, *input_shape]: mean images.

        Raises:
            TypeError: for models without a prior.
        """
        if not self.can_generate:
            raise TypeError(
                f"{type(self).__name__} has no prior over codes and cannot generate; use a VAE, "
                "CVAE or AAE, or decode() codes of your own."
            )
        if n is None:
            if labels is None:
                raise ValueError("Say how many images to generate: generate(16).")
            n = np.size(labels)
        if n < 1:
            raise ValueError(f"n is {n}; generate at least one image.")
        labels = self._checked_labels(labels, n)
        return self.decode(self.codes_to_generate(n, labels, seed), labels)

    def codes_to_generate(self, n, labels, seed) -> np.ndarray:
        """Return draws from the prior, float32 [n, latent_dim]; its labels were checked."""
        del labels
        return self.prior.sample(n, seed=seed)

    def style(self, z, labels):
        """Return what codes [n, latent_dim] of a conditional model say beside their labels."""
        del labels
        return z

    def styled(self, style, labels):
        """Return the codes of styles [n, latent_dim] with labels [n]; undoes `style`."""
        del labels
        return style

    def prior_description(self) -> dict | None:
        """Return what a consumer of exported files needs to know to draw codes."""
        return self.prior.describe() if self.prior else None

    def _shaped(self, codes):
        """Return codes [n, latent_dim], an array or tensor, as [n, *code_shape]."""
        if len(self.code_shape) == 1:
            return codes
        return (
            codes.reshape(-1, *self.code_shape)
            if isinstance(codes, np.ndarray)
            else (ops.reshape(codes, (-1, *self.code_shape)))
        )

    def _flat(self, codes):
        """Undo `_shaped`, for tensors."""
        if len(self.code_shape) == 1:
            return codes
        return ops.reshape(codes, (-1, self.latent_dim))

    def _checked_images(self, x, labels):
        x = checks.check_images(x, self.image_shape, self.likelihood)
        return checks.in_numpy(x), self._checked_labels(labels, len(x))

    def _checked_labels(self, labels, n):
        if self.conditional:
            return checks.check_labels(labels, n, self.num_classes, "labels")
        if labels is not None:
            raise ValueError(f"{type(self).__name__} is not conditional and takes no labels.")
        return None

    def _run(self, method, values, labels, batch_size):
        """Run `self.<method>` compiled, in batches, on an array or a tuple of arrays."""
        checks.positive(batch_size, "batch_size")
        functions = self.__dict__.setdefault("_compiled_functions", {})
        if method not in functions:
            functions[method] = backend.compiled(getattr(self, method), self.variables)
        arrays = [*values] if isinstance(values, tuple) else [values]
        arrays += [] if labels is None else [labels]
        pieces = [
            functions[method](
                *(ops.convert_to_tensor(np.asarray(a[i : i + batch_size])) for a in arrays)
            )
            for i in range(0, len(arrays[0]), batch_size)
        ]
        return np.concatenate([ops.convert_to_numpy(piece) for piece in pieces])
