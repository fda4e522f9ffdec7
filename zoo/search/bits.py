"""Codes of bits: Hamming distances to all codes, and buckets of equal codes as addresses."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np

_AT_ONCE = 2**24  # distances that are in memory


def packed(bits: np.ndarray) -> np.ndarray:
    """Return bits [n, length] of 0 and 1 as bytes, uint8 [n, ceil(length / 8)]."""
    return np.packbits(np.asarray(bits) > 0, axis=1)


def unpacked(codes: np.ndarray, length: int) -> np.ndarray:
    """Return the bits of packed codes, uint8 [n, length]; the inverse of `packed`."""
    return np.unpackbits(codes, axis=1, count=length)


def distances(queries: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Return how many bits differ, int32 [m, n], for bits [m, length] and [n, length]."""
    # Of bits as 1 and -1, the inner product is the number of equal bits minus that of others.
    a, b = (2 * np.asarray(some, "float32") - 1 for some in (queries, bits))
    different = a @ b.T
    different -= a.shape[1]
    different /= -2
    return different.astype("int32")  # float32 holds these whole numbers


def nearest(queries: np.ndarray, bits: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and the distances of the k nearest codes, by increasing distance, then row.

    Args:
        queries, bits: of 0 and 1, [m, length] and [n, length]. k: at most n.

    Returns:
        int64 [m, k] each.
    """
    n, length = bits.shape
    bits = np.asarray(bits, "float32")  # once for all blocks
    large = (length + 1) * n > np.iinfo("int32").max
    rows = np.arange(n, dtype="int64" if large else "int32")
    found = []
    for start in range(0, len(queries), max(1, _AT_ONCE // n)):
        # One number that orders by distance and then by row.
        some = queries[start : start + max(1, _AT_ONCE // n)]
        keys = distances(some, bits).astype(rows.dtype, copy=False)
        keys *= n
        keys += rows
        if k < n:
            keys.partition(k - 1, axis=1)
        found.append(np.sort(keys[:, :k], axis=1))
    keys = np.concatenate(found).astype("int64")
    return keys % n, keys // n


class Buckets:
    """Codes as addresses: the rows at each address, and those at addresses within a radius.

    Args:
        codes: packed bits, uint8 [n, bytes]. length: how many bits a code has.
    """

    def __init__(self, codes: np.ndarray, length: int):
        self.codes, self.length = codes, length
        rows: dict[bytes, list[int]] = defaultdict(list)
        for row, code in enumerate(codes):
            rows[code.tobytes()].append(row)
        self.rows = dict(rows)

    def within(self, query: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and distances of all codes that differ from a packed code in few bits.

        It looks at all addresses within the radius, or, if these are more than the codes, at all
        codes.

        Args:
            query: uint8 [bytes]. radius: the largest number of different bits, at least 0.

        Returns:
            int64 [hits] each, by increasing distance, then row.
        """
        radius = min(radius, self.length)
        addresses = sum(math.comb(self.length, r) for r in range(radius + 1))
        if addresses > len(self.rows):
            apart = distances(unpacked(query[None], self.length), unpacked(self.codes, self.length))
            (rows,) = np.nonzero(apart[0] <= radius)
            order = np.lexsort((rows, apart[0, rows]))
            return rows[order], apart[0, rows[order]]
        found: list[int] = []
        far: list[int] = []
        for r in range(radius + 1):
            there = [
                row for address in self._flipped(query, r) for row in self.rows.get(address, ())
            ]
            found += sorted(there)
            far += [r] * len(there)
        return np.array(found, "int64"), np.array(far, "int64")

    def _flipped(self, query, r):
        """Yield all addresses that differ from a packed code in exactly r bits."""
        for places in itertools.combinations(range(self.length), r):
            code = query.copy()
            for place in places:
                code[place // 8] ^= 128 >> place % 8
            yield code.tobytes()
