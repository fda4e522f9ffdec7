"""The nearest of many vectors: by faiss where it is installed, else by scikit-learn.

Both find candidates in float32. Their distances are computed once more in float64, and equal
distances are ordered by row, so that both give the same result.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

LIBRARIES = ("auto", "faiss", "scikit-learn")
_MORE = 16  # further candidates, because float32 may confuse neighbors that are nearly as near


def chosen(library: str) -> str:
    """Return the library that is used: "faiss" or "scikit-learn".

    Raises:
        ValueError: an unknown name. ImportError: faiss is not installed.
    """
    if library not in LIBRARIES:
        raise ValueError(
            f"library is {library!r}; choose {', '.join(map(repr, LIBRARIES[:-1]))} or "
            f"{LIBRARIES[-1]!r}."
        )
    installed = importlib.util.find_spec("faiss") is not None
    if library == "faiss" and not installed:
        raise ImportError(
            "faiss is not installed: pip install 'autoencoder-zoo[search]', or leave library= out."
        )
    if library == "auto":
        return "faiss" if installed else "scikit-learn"
    return library


class NearestVectors:
    """Vectors that are ready to be searched.

    Args:
        vectors: float32 [n, dimensions]. library: "faiss" or "scikit-learn".
    """

    def __init__(self, vectors: np.ndarray, library: str):
        self.vectors, self.library = np.ascontiguousarray(vectors, "float32"), library
        self.searched: Any = None
        if library == "faiss":
            import faiss

            self.searched = faiss.IndexFlatL2(self.vectors.shape[1])
            self.searched.add(self.vectors)
        else:
            from sklearn.neighbors import NearestNeighbors

            self.searched = NearestNeighbors(algorithm="brute").fit(self.vectors)

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and squared Euclidean distances of the k nearest vectors of each query.

        Args:
            queries: float32 [m, dimensions]. k: at most the number of vectors.

        Returns:
            int64 and float64 [m, k], by increasing distance; equal distances by row.
        """
        queries = np.ascontiguousarray(queries, "float32")
        most = min(len(self.vectors), k + _MORE)
        if self.library == "faiss":
            rows = self.searched.search(queries, most)[1]
        else:
            rows = self.searched.kneighbors(queries, most, return_distance=False)
        squared = np.empty(rows.shape)
        for i, (query, candidates) in enumerate(zip(queries, rows, strict=True)):
            apart = self.vectors[candidates].astype("float64") - query
            squared[i] = np.einsum("ij,ij->i", apart, apart)
        order = np.lexsort((rows, squared), axis=-1)[:, :k]
        return np.take_along_axis(rows, order, 1), np.take_along_axis(squared, order, 1)
