"""An index: the codes of many items, and a search for the nearest ones."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from zoo.checks.arguments import whole
from zoo.checks.array_types import ArrayLike, Labels
from zoo.data.folders import ImageFolder
from zoo.files.atomic_writes import publish_file
from zoo.search import bits, nearest
from zoo.search.saving import save

METRICS = ("cosine", "euclidean", "hamming")
LARGEST = 1e18  # of a code's numbers
_FEW = 50  # items; among fewer, many bits are equal by chance


class Hits(NamedTuple):
    """The nearest items of each query.

    Attributes:
        ids: [queries, k], the nearest first. Equal distances keep the order of adding.
        distances: float64 [queries, k]: 1 - cosine, Euclidean, or the number of different bits.
        rows: int64 [queries, k], the places of the items in the index, from 0.
    """

    ids: np.ndarray
    distances: np.ndarray
    rows: np.ndarray


class Index:
    """The codes of items, by which similar items are found.

    Codes are those of `model.encode`. A `zoo.BinaryAutoencoder` has codes of bits, which are
    compared by the number of different bits, and are addresses for `within`. All other codes are
    compared by the angle between them, or by their distance.

    Args:
        model: a trained model with `encode`, such as a `zoo.VAE`.
        metric: "cosine", "euclidean" or "hamming"; by default "hamming" for bits, else "cosine".
        library: what searches real-valued codes: "faiss", "scikit-learn", or "auto", which is faiss
            where it is installed (`pip install 'autoencoder-zoo[search]'`). Both give the same
            results.

    Attributes:
        ids: the names of the items, an array [n]. codes: float32 [n, latent_dim], or uint8 for
            bits. constant_bits: for bits, how many are the same in all items.

    Raises:
        TypeError: a model without codes. ValueError: an unknown metric or library, or one that
            does not suit the codes.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> index = zoo.search.Index(zoo.load("vae_digits"))
        >>> index.add(x)
        >>> hits = index.query(x_test, k=5)
        >>> hits.ids.shape
        (360, 5)
        >>> bool((y[hits.rows] == y_test[:, None]).mean() > 0.7)  # of the same class
        True
        >>> index.save("digits_index")
        >>> len(zoo.search.load("digits_index"))
        1437
    """

    def __init__(self, model: Any, metric: str | None = None, library: str = "auto"):
        if not hasattr(model, "encode"):
            raise TypeError(
                f"{type(model).__name__} has no encode(), so that its items have no codes: use a "
                "model with an encoder, such as zoo.BinaryAutoencoder or zoo.VAE."
            )
        has_bits = getattr(model, "has_bits", False)
        metric = metric or ("hamming" if has_bits else "cosine")
        if metric not in METRICS:
            raise ValueError(
                f"metric is {metric!r}; choose {', '.join(map(repr, METRICS[:-1]))} or "
                f"{METRICS[-1]!r}."
            )
        if metric == "hamming" and not has_bits:
            raise ValueError(
                f"metric='hamming' counts different bits, and the codes of {type(model).__name__} "
                "are real numbers: choose 'cosine' or 'euclidean', or train a "
                "zoo.BinaryAutoencoder."
            )
        self.model, self.metric = model, metric
        self.library = nearest.chosen(library)
        self.has_bits = has_bits
        self.ids = np.zeros(0, "int64")
        self.codes = np.zeros((0, model.latent_dim), "uint8" if has_bits else "float32")
        self.fingerprint = fingerprint(model)
        self._searched: Any = None

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        kind = f"{self.codes.shape[1]} {'bits' if self.has_bits else 'numbers'}"
        return f"<zoo.search.Index of {len(self):,} items, codes of {kind}, {self.metric}>"

    def add(
        self,
        items: Any,
        ids: Sequence | np.ndarray | None = None,
        *,
        labels: Labels = None,
        batch_size: int = 1024,
    ) -> None:
        """Encode items and add them.

        Args:
            items: what `model.encode` takes, [n, *input_shape]; or the folder that
                `zoo.data.from_folder` returned, whose file names are then the ids.
            ids: names of the items, integers or strings, all different; by default numbers,
                continued from the number of items so far.
            labels: integer labels [n], for conditional models.
            batch_size: how many items the encoder processes at once.

        Raises:
            ValueError: ids that occur twice or are in the index already, another number of ids than
                items, items that the model refuses, or a model that was trained since the first
                items were added. Nothing is added then.
        """
        if isinstance(items, ImageFolder):
            ids = items.files if ids is None else ids
            items = items.images
        self.add_codes(self.encode(items, labels, batch_size=batch_size), ids)

    def add_codes(self, codes: ArrayLike, ids: Sequence | np.ndarray | None = None) -> None:
        """Add codes that another program or `encode` computed; see `add`.

        Args:
            codes: finite numbers [n, latent_dim]; for bits 0 and 1.
            ids: as for `add`.

        Raises:
            ValueError: as `add` does.
        """
        self._check_version()
        codes = self._checked_codes(codes)
        ids = self._checked_ids(ids, len(codes))
        self.codes = np.concatenate([self.codes, codes])
        self.ids = ids if not len(self.ids) else np.concatenate([self.ids, ids])
        self._searched = None
        if self.has_bits and len(self) >= _FEW and self.constant_bits:
            warnings.warn(
                f"{self.constant_bits} of {self.codes.shape[1]} bits are the same in all "
                f"{len(self):,} items and do not distinguish them: train the model longer, or with "
                "fewer bits or more balance=.",
                stacklevel=3,
            )

    def encode(self, items: Any, labels: Labels = None, *, batch_size: int = 1024) -> np.ndarray:
        """Return the codes of items as the index compares them, [n, latent_dim].

        Args:
            items, labels, batch_size: as for `add`.
        """
        conditional = () if labels is None else (labels,)
        codes = self.model.encode(items, *conditional, batch_size=batch_size)
        return self._checked_codes(codes.reshape(len(codes), -1))

    def query(
        self, items: Any, k: int = 10, *, labels: Labels = None, batch_size: int = 1024
    ) -> Hits:
        """Return the k nearest items of each of the given items.

        Args:
            items, labels, batch_size: as for `add`.
            k: how many, from 1 to the number of items in the index.

        Raises:
            ValueError: k is too large, items that the model refuses, or a model that was trained
                since the items were added.
        """
        self._check_version()
        k = self._checked_k(k)
        return self.query_codes(self.encode(items, labels, batch_size=batch_size), k)

    def query_codes(self, codes: ArrayLike, k: int = 10) -> Hits:
        """Return the k nearest items of codes [n, latent_dim]; see `query`."""
        k, codes = self._checked_k(k), self._checked_codes(codes)
        if not len(codes):
            rows, distances = np.zeros((0, k), "int64"), np.zeros((0, k))
        elif self.metric == "hamming":
            rows, distances = bits.nearest(codes, self.codes, k)
        else:
            if not isinstance(self._searched, nearest.NearestVectors):
                self._searched = nearest.NearestVectors(self._vectors(self.codes, 0), self.library)
            rows, squared = self._searched.search(self._vectors(codes, 1), k)
            # Of vectors of length 1, half of the squared distance is 1 - cosine.
            distances = squared / 2 if self.metric == "cosine" else np.sqrt(squared)
        return Hits(self.ids[rows], distances.astype("float64"), rows)

    def within(
        self, items: Any, radius: int, *, labels: Labels = None, batch_size: int = 1024
    ) -> list[Hits]:
        """Return, for each item, all items of the index whose bits differ in at most `radius`.

        The bits are addresses: all addresses within the radius are looked up, which takes as long
        for a thousand items as for a million. Where there are more such addresses than items, all
        items are compared.

        Args:
            items, labels, batch_size: as for `add`.
            radius: the largest number of different bits, at least 0.

        Returns:
            `Hits` of each item, whose arrays are [hits] each, and may be empty.

        Raises:
            TypeError: the codes are not bits. ValueError: as `query` does.
        """
        self._check_version()
        return self.within_codes(self.encode(items, labels, batch_size=batch_size), radius)

    def within_codes(self, codes: ArrayLike, radius: int) -> list[Hits]:
        """Return all items within a number of different bits from codes; see `within`."""
        if not self.has_bits:
            raise TypeError(
                f"The codes of {type(self.model).__name__} are no bits, so they are no addresses: "
                "use query(), or a zoo.BinaryAutoencoder."
            )
        radius, codes = whole("radius", radius), self._checked_codes(codes)
        if not isinstance(self._searched, bits.Buckets):
            self._searched = bits.Buckets(bits.packed(self.codes), self.codes.shape[1])
        found = [self._searched.within(code, radius) for code in bits.packed(codes)]
        return [Hits(self.ids[rows], apart.astype("float64"), rows) for rows, apart in found]

    @property
    def constant_bits(self) -> int:
        """How many bits are the same in all items; 0 for real-valued codes."""
        if not self.has_bits or not len(self):
            return 0
        return int((self.codes == self.codes[:1]).all(axis=0).sum())

    def save(self, folder: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write the index and its model as a folder, atomically; `zoo.search.load` reads it.

        Args:
            folder: the folder to write. overwrite: replace a folder that an index wrote.

        Raises:
            FileExistsError: the folder exists, and `overwrite` is false or it holds no index.
        """
        self._check_version()
        save(self, folder, overwrite)

    def save_codes(self, file: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write the codes for another program, such as a vector database.

        Args:
            file: a name that ends in .npy, for codes alone in the order of `ids`; or in .parquet,
                for a table with the columns `id` and `code`, a list of numbers, which needs
                pyarrow. overwrite: replace an existing file.

        Raises:
            ValueError: another ending. ImportError: pyarrow is not installed.
            FileExistsError: the file exists, and `overwrite` is false.
        """
        ending = Path(file).suffix
        if ending not in (".npy", ".parquet"):
            raise ValueError(f"{file} ends in {ending!r}; give a name with .npy or .parquet.")
        if ending == ".parquet":
            try:
                import pyarrow
                from pyarrow import parquet
            except ImportError as error:
                raise ImportError(
                    f"pyarrow, which writes {file}, is not installed: pip install "
                    "'autoencoder-zoo[parquet]', or give a name with .npy."
                ) from error
        with publish_file(file, overwrite) as scratch:
            if ending == ".npy":
                np.save(scratch, self.codes, allow_pickle=False)
            else:
                width = self.codes.shape[1]
                flat = pyarrow.array(self.codes.ravel())
                lists = pyarrow.FixedSizeListArray.from_arrays(flat, width)
                table = pyarrow.table({"id": pyarrow.array(self.ids.tolist()), "code": lists})
                parquet.write_table(table, scratch)

    # Checks

    def _checked_k(self, k):
        k = whole("k", k, least=1)
        if k > len(self):
            what = "is empty: add items first" if not len(self) else f"has {len(self):,} items"
            raise ValueError(f"k is {k}, but the index {what}.")
        return k

    def _checked_codes(self, codes) -> np.ndarray:
        codes = np.asarray(codes)
        width = self.codes.shape[1]
        if codes.ndim != 2 or codes.shape[1] != width or codes.dtype.kind not in "fiub":
            raise ValueError(
                f"Codes have the shape {codes.shape} and the dtype {codes.dtype}; numbers of shape "
                f"(n, {width}) are expected."
            )
        if codes.size and not (np.abs(codes) <= LARGEST).all():  # also NaN
            raise ValueError(
                f"Codes hold NaN, infinite values or values beyond {LARGEST:g}, whose squares "
                "float32 cannot hold; remove these items first."
            )
        if self.has_bits and not np.isin(codes, (0, 1)).all():
            raise ValueError("Codes hold other values than 0 and 1, but the codes are bits.")
        return codes.astype(self.codes.dtype)

    def _checked_ids(self, ids, n) -> np.ndarray:
        if ids is None:
            ids = np.arange(len(self), len(self) + n)
        ids = np.asarray(ids)
        if ids.dtype.kind not in "iuU" or ids.shape != (n,):
            raise ValueError(
                f"ids have the shape {ids.shape} and the dtype {ids.dtype}; integers or strings of "
                f"shape ({n},) are expected, one for each item."
            )
        kind = "U" if ids.dtype.kind == "U" else "i"
        if kind == "i":
            if n and ids.max() > np.iinfo("int64").max:
                raise ValueError(f"ids go up to {ids.max()}; give integers below 2^63, or strings.")
            ids = ids.astype("int64")
        if len(self) and n and (self.ids.dtype.kind == "U") != (kind == "U"):
            raise ValueError(
                f"The index has {'strings' if self.ids.dtype.kind == 'U' else 'integers'} as ids, "
                f"and these are {'strings' if kind == 'U' else 'integers'}: give ids of one kind."
            )
        both = np.concatenate([self.ids, ids]) if len(self) else ids
        values, counts = np.unique(both, return_counts=True)
        if (counts > 1).any():
            some = ", ".join(map(str, values[counts > 1][:3].tolist()))
            raise ValueError(
                f"{int((counts > 1).sum())} ids occur more than once, such as {some}: give each "
                "item its own. Nothing was added."
            )
        return ids

    def _check_version(self):
        if fingerprint(self.model) != self.fingerprint:
            raise ValueError(
                "The model was trained since the items of this index were encoded, so that their "
                "codes are those of another version: make a new index with zoo.search.Index(model) "
                "and add the items again."
            )

    def _vectors(self, codes, column) -> np.ndarray:
        """Return what is compared by Euclidean distance, float32 [n, dimensions].

        For cosines these are vectors of length 1. Codes of zeros have no direction; their distance
        from all others is 1, so they get a dimension of their own, another one as queries.
        """
        if self.metric == "euclidean":
            return codes
        codes = codes.astype("float64")
        lengths = np.linalg.norm(codes, axis=1, keepdims=True)
        alone = np.zeros((len(codes), 2))
        alone[:, column] = lengths[:, 0] == 0
        return np.concatenate([codes / np.maximum(lengths, 1e-30), alone], 1).astype("float32")


def fingerprint(model: Any) -> str:
    """Return a hash of what determines the codes of a model: the weights of its encoder."""
    digest = hashlib.sha256(type(model).__name__.encode())
    for network in model.parts()["encoder"].networks:
        for weight in network.variables:
            values = np.ascontiguousarray(ops.convert_to_numpy(weight), "float32")
            digest.update(str(values.shape).encode())
            digest.update(values.tobytes())
    return digest.hexdigest()
