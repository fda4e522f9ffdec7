"""Bits back: lossless compression of binary images by a variational autoencoder."""

from __future__ import annotations

import hashlib
import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from zoo.checks.arguments import whole
from zoo.checks.array_types import ArrayLike
from zoo.checks.arrays import as_array
from zoo.inference.compiled import run_in_batches
from zoo.nn.distributions import Bernoulli, Normal
from zoo.runtime.entropy_tables import entropy_coder

MAGIC = b"\x89ZBB\r\n\x1a\n"
FORMAT_VERSION = 1
GRID = 256  # values of a coordinate of z for each standard deviation of the prior
RADIUS = 8  # standard deviations of the prior, beyond which there is no z
MOST_PIXELS = 2**28  # of images that are compressed together
LEAST_SPARE = 128  # words of 32 bits, from which the first z is taken
_FIXED = struct.Struct("<BI8sII")
_SUM = struct.Struct("<I")


class Compressed(NamedTuple):
    """Images that were compressed together; see `BitsBack.compress`.

    Attributes:
        data: the bytes of a file.
        bits: of the images: those of the stream, less the spare bits that are got back.
        stream_bits: of the stream, the spare bits included.
    """

    data: bytes
    bits: int
    stream_bits: int


class BitsBack:
    """Compresses binary images without loss to nearly the negative ELBO of a VAE.

    An image x is written as a code z, with the prior p(z), and as its pixels, with p(x | z); the
    code is not any one, but is read, as a sample of q(z | x), from the bits that are written
    already. Who reads the image gets these bits back. So an image costs

        -log p(z) - log p(x | z) + log q(z | x),

    which is the negative ELBO on average. For this, z lies on a grid of 1/256 of the prior's
    standard deviation, which both densities share, so that the grid costs nothing. The first code
    takes spare bits, of a random generator; they are stored in the stream, and with many images
    they hardly count. Bits that are written are those of the last z, which are not random unless
    the codes of all images together have the distribution p(z); so they are mixed with random bits
    before the next z is read from them.

    Images are restored bit by bit on a machine that computes the same probabilities as the one that
    compressed them; another one (another processor, backend or version) may round them otherwise,
    and then reading ends in an error, never in other images.

    Args:
        model: a VAE with a normal prior, a Bernoulli likelihood, and no labels.

    Raises:
        TypeError, ValueError: another model.
        ImportError: when something is compressed or restored, if constriction is not installed.

    Examples:
        >>> model = zoo.load("vae_digits")
        >>> x = (zoo.data.load("digits")[1][0] > 0.5).astype("float32")[:20]
        >>> coder = zoo.compression.BitsBack(model)
        >>> compressed = coder.compress(x)
        >>> bool((coder.decompress(compressed.data) == x).all())
        True

    Source: Townsend, Bird and Barber 2019, Practical lossless compression with latent variables
    using bits back coding (arXiv 1901.04866), section 2. There z is discretized into intervals of
    equal prior probability.
    """

    def __init__(self, model: Any):
        fits = isinstance(getattr(model, "prior", None), Normal) and hasattr(model, "posterior")
        if not fits or not isinstance(model.likelihood, Bernoulli) or model.conditional:
            raise TypeError(
                "Bits back needs a variational autoencoder with q(z | x), a normal prior, a "
                f"Bernoulli likelihood and no labels, such as vae_mnist_binarized; this is a "
                f"{type(model).__name__}."
            )
        self.model = model
        self._grid = GRID / model.prior.scale  # values of a coordinate for each unit
        self._largest = RADIUS * GRID
        self._spare_words = max(LEAST_SPARE, 64 + model.latent_dim)

    def compress(self, x: ArrayLike, seed: int = 0) -> Compressed:
        """Compress images together.

        Args:
            x: images [n, *input_shape], whose pixels are 0 or 1.
            seed: of the spare bits.

        Raises:
            ValueError: images of another shape, or with other pixels.
        """
        x, _ = self.model.checked_images(as_array(x, "x"), None)
        if not np.isin(x, (0.0, 1.0)).all():
            raise ValueError("x has pixels other than 0 and 1; binarize it: (x > 0.5).")
        if x.size > MOST_PIXELS:
            raise ValueError(
                f"x has {x.size:,} pixels; compress at most {MOST_PIXELS:,} of them together."
            )
        seed = whole("seed", seed, least=0, most=2**32 - 1)
        coder = entropy_coder().stack.AnsCoder(self._spare(seed))
        before = coder.num_valid_bits()
        for i, image in enumerate(x):
            coder = self._mixed(coder, seed, i)
            k = self._read_code(coder, image)
            self._write_pixels(coder, image, k)
            coder.encode_reverse(k, *self._prior())
        words = coder.get_compressed().astype("<u4").tobytes()
        identity = self._identity()
        fixed = _FIXED.pack(FORMAT_VERSION, len(x), identity, seed, len(words))
        body = MAGIC + fixed + words
        bits = coder.num_valid_bits()
        return Compressed(body + _SUM.pack(zlib.crc32(body)), bits - before, bits)

    def decompress(self, data: bytes, what: str = "the data") -> np.ndarray:
        """Return the images, float32 [n, *input_shape], of what `compress` returned.

        Args:
            data: the bytes. what: where they are from, for errors.

        Raises:
            ValueError: these are no such bytes, they were damaged or made by another model, or this
                machine computes other probabilities.
        """
        n, seed, words = self._parsed(data, what)
        try:
            images = self._images(n, seed, words)
        except (AssertionError, KeyError, ValueError) as error:  # constriction's, too
            raise ValueError(
                f"{what} cannot be restored here: this machine, or this version of the backend, "
                "computes other probabilities than those that it was compressed with."
            ) from error
        return np.stack(images[::-1]).astype("float32")

    def _images(self, n, seed, words) -> list[np.ndarray]:
        """Return images, the last one first."""
        coder = entropy_coder().stack.AnsCoder(words)
        images = []
        for i in reversed(range(n)):
            k = coder.decode(*self._prior(), self.model.latent_dim)
            images.append(self._read_pixels(coder, k))
            self._write_code(coder, images[-1], k)
            if coder.num_words() < self._spare_words // 2:
                raise ValueError("the stream ends before its images")
            coder = self._mixed(coder, seed, i)
        if not np.array_equal(coder.get_compressed(), self._spare(seed)):
            raise ValueError("the spare bits do not come back")
        return images

    def _parsed(self, data, what):
        start = len(MAGIC) + _FIXED.size
        if data[: len(MAGIC)] != MAGIC or len(data) < start + _SUM.size:
            raise ValueError(f"{what} is not what BitsBack.compress returned.")
        version, n, identity, seed, size = _FIXED.unpack_from(data, len(MAGIC))
        if version != FORMAT_VERSION:
            raise ValueError(f"{what} has format version {version}, not {FORMAT_VERSION}.")
        if len(data) != start + size + _SUM.size or size % 4:
            raise ValueError(f"{what} is incomplete, or something was added. Copy it again.")
        if _SUM.unpack(data[-_SUM.size :])[0] != zlib.crc32(data[: -_SUM.size]):
            raise ValueError(f"{what} was damaged: its checksum differs. Copy it again.")
        if identity != self._identity():
            raise ValueError(f"{what} was made by another model, or another version of it.")
        if not 1 <= n <= 8 * size or n * math.prod(self.model.image_shape) > MOST_PIXELS:
            raise ValueError(f"{what} states {n} images, which is too many for {size} bytes.")
        return n, seed, np.frombuffer(data[start : start + size], "<u4").astype("uint32")

    def _identity(self) -> bytes:
        digest = hashlib.sha256()
        for weight in self.model.weights:
            digest.update(np.ascontiguousarray(ops.convert_to_numpy(weight)).tobytes())
        return digest.digest()[:8]

    def _prior(self):
        largest = self._largest
        return (entropy_coder().model.QuantizedGaussian(-largest, largest, 0.0, float(GRID)),)

    def _posterior(self, image) -> Iterator[tuple]:
        """Yield parts of q(z | x) on the grid: coordinates, their center, and the distribution.

        The entropy coder gives every value a probability of at least 2^-24, so that values far away
        would be drawn too often, and cost many bits. So coordinates of similar deviation belong
        together, with values at most 7 to 14 deviations from the mean.
        """
        x = image[None].astype("float32")
        moments = run_in_batches(self.model._moments, x, batch_size=1)[0]
        mean, log_var = moments.astype("float64").reshape(2, -1)
        mean, deviation = self._grid * mean, self._grid * np.exp(0.5 * log_var)
        sizes = np.clip(np.ceil(np.log2(deviation)), 0, math.log2(self._largest / 14)).astype(int)
        for size in np.unique(sizes).tolist():
            part, farthest = np.flatnonzero(sizes == size), 7 << size
            most = self._largest - farthest
            center = np.clip(np.rint(mean[part]), -most, most)
            family = entropy_coder().model.QuantizedGaussian(-farthest, farthest)
            yield part, center.astype("int32"), (family, mean[part] - center, deviation[part])

    def _read_code(self, coder, image) -> np.ndarray:
        """Take a sample of q(z | x) from the stream: places on the grid, int32 [latent_dim]."""
        k = np.empty(self.model.latent_dim, "int32")
        for part, center, distribution in self._posterior(image):
            k[part] = center + coder.decode(*distribution)
        return k

    def _write_code(self, coder, image, k) -> None:
        """Undo `_read_code`: write the code, with q(z | x)."""
        for part, center, distribution in reversed([*self._posterior(image)]):
            coder.encode_reverse(k[part] - center, *distribution)

    def _probabilities(self, k):
        z = (k / self._grid).astype("float32")[None]
        return run_in_batches(self.model.image, z, batch_size=1)[0].astype("float64").ravel()

    def _write_pixels(self, coder, image, k):
        pixels = image.ravel().astype("int32")
        coder.encode_reverse(
            pixels, entropy_coder().model.Bernoulli(perfect=False), self._probabilities(k)
        )

    def _read_pixels(self, coder, k):
        pixels = coder.decode(
            entropy_coder().model.Bernoulli(perfect=False), self._probabilities(k)
        )
        return pixels.astype("uint8").reshape(self.model.image_shape)

    def _spare(self, seed: int) -> np.ndarray:
        """Return the spare words; the coder does not store a last word of 0."""
        words = _random_words(f"spare {seed}", self._spare_words)
        words[-1] |= np.uint32(1)
        return words

    def _mixed(self, coder: Any, seed: int, i: int) -> Any:
        """Return a coder whose last words are mixed with random ones; doing it twice undoes it."""
        words = coder.get_compressed()
        n = self._spare_words // 2
        last = words[-1 - n : -1]  # the very last word must not become 0
        last ^= _random_words(f"image {i} of {seed}", n)[-len(last) :]
        return entropy_coder().stack.AnsCoder(words)


def _random_words(key: str, n: int) -> np.ndarray:
    """Return n words that every machine computes in the same way."""
    found = hashlib.shake_256(key.encode()).digest(4 * n)
    return np.frombuffer(found, "<u4").astype("uint32")
