"""What every prior offers."""

import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.nn.configured import Configured


class Prior(Configured):
    """A distribution of codes; subclasses write `shaped`, and `log_prob` where it is known.

    Attributes:
        latent_dim: the number of dimensions.
        num_classes: how many classes it gives a part of itself each; None where it has no parts.
        masses: float [num_classes], the probability of each part; they sum to 1.
        masses_given: whether a user chose them; else they are all alike.
        extent: how far from the origin most of it reaches along an axis, for pictures.
    """

    latent_dim: int
    num_classes: int | None = None
    masses: np.ndarray | None = None
    masses_given = False
    extent: float

    def shaped(self, noise, uniform, label):
        """Make codes of noise.

        Args:
            noise: standard normal, [n, latent_dim]. uniform: in [0, 1), [n, 2].
            label: int32 [n], -1 for any part as likely as its mass; None where there are no parts.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define shaped().")

    def sample(self, n: int, labels=None, seed: int | None = None) -> np.ndarray:
        """Draw codes outside of any graph: the same on every backend for the same seed.

        Args:
            labels: integers [n], for priors with parts; -1, or None for all, for any part.

        Returns:
            float32 [n, latent_dim].
        """
        if labels is not None:
            labels = self._checked(labels, n)
        generator = np.random.default_rng(seed)
        noise = generator.standard_normal((n, self.latent_dim), np.float32)
        uniform = generator.random((n, 2), np.float32)
        label = self._all_parts(n) if labels is None else ops.convert_to_tensor(labels, "int32")
        codes = self.shaped(ops.convert_to_tensor(noise), ops.convert_to_tensor(uniform), label)
        return ops.convert_to_numpy(codes)

    def draw(self, n, seed, label=None):
        """Draw codes inside a training step, as a tensor, from a `SeedGenerator`."""
        noise = backend.normal((n, self.latent_dim), seed)
        uniform = backend.uniform((n, 2), seed) if self.needs_uniform else None
        return self.shaped(noise, uniform, self._all_parts(n) if label is None else label)

    needs_uniform = True

    def _all_parts(self, n):
        return ops.full((n,), -1, dtype="int32") if self.num_classes else None

    def _need_parts(self):
        if not self.num_classes:
            raise ValueError(
                f"{type(self).__name__} has no part for each class, so that labels say nothing "
                "of where to draw: use zoo.GaussianMixture or zoo.SwissRoll, or leave out labels."
            )

    def _checked(self, labels, n):
        self._need_parts()
        labels = np.asarray(labels)
        whole = np.issubdtype(labels.dtype, np.integer) and labels.shape == (n,)
        if not whole or not ((labels >= -1) & (labels < self.num_classes)).all():
            raise ValueError(
                f"labels of {n} draws are {n} integers from 0 to {self.num_classes - 1}, or -1 for "
                f"any; got {labels.dtype} of shape {labels.shape}."
            )
        return labels

    def parts_of(self, label, uniform):
        """Return which part each code is drawn from: the label's, or for -1 one by its mass."""
        ends = ops.convert_to_tensor(np.cumsum(self.masses)[:-1].astype("float32"))
        anyone = ops.sum(ops.cast(uniform[:, None] >= ends[None], "int32"), axis=1)
        return ops.where(label >= 0, label, anyone)

    def region(self, z: np.ndarray) -> np.ndarray:
        """Return the part that codes [n, latent_dim] most probably belong to, int32 [n]."""
        self._need_parts()
        raise NotImplementedError(f"{type(self).__name__} does not define region().")

    def log_prob(self, z: np.ndarray) -> np.ndarray:
        """Log-density of codes [n, latent_dim], in nats, as [n]."""
        raise NotImplementedError(f"{type(self).__name__} has no density in closed form.")

    def describe(self) -> dict:
        """What a consumer of exported files needs to know to draw from this prior."""
        return {"kind": type(self).__name__.lower()}

    def _masses_for_config(self):
        return self.masses.tolist() if self.masses_given else None

    def _set_masses(self, masses):
        self.masses_given = masses is not None
        masses = np.ones(self.num_classes) if masses is None else np.asarray(masses, float)
        if masses.shape != (self.num_classes,) or not ((masses > 0) & (masses < np.inf)).all():
            raise ValueError(
                f"masses is {masses.tolist()}; give {self.num_classes} numbers above 0, such as "
                "how many images each class has."
            )
        self.masses = masses / masses.sum()
