"""Tables of integers for the entropy coder, from a learned density and from images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from keras import ops
from scipy.special import expit

from zoo.nn.distributions.factorized import FactorizedDensity
from zoo.runtime.entropy_tables import (
    CONTEXTS,
    HALF,
    LARGEST,
    LEAST_TYPICAL,
    MOST_SHIFTED,
    SYMBOLS,
    TOTAL,
    Tables,
    check_tables,
)

TABLES = 64
LESS = 0.9  # how large differences may be, compared with the coefficients
WEIGHT_OF_DENSITY = 20  # coefficients, for which the density counts in each context
_BEYOND = 0.001  # the share of coefficients that may lie beyond the symbols
_ROUNDS = 20


def tables_of(
    density: FactorizedDensity, steps: np.ndarray, examples: Iterable[Any] | None = None
) -> Tables:
    """Return tables for the coefficients of a model.

    Probabilities of a channel are those of the density. With examples, they are counted for each
    context, and the density counts like 20 coefficients; and channels whose coefficients differ by
    less than 0.9 of their own size from one block to the next are written as differences. The
    distributions of all rates, channels and contexts are replaced by 64 tables: by the clustering
    of Lloyd 1982, where each goes to the table with which it needs the fewest bits, and each table
    is the sum of its distributions.

    Args:
        density: of coefficients, before they are divided by their steps.
        steps: float32 [rates, channels].
        examples: coefficients of images, float32 [rows, columns, channels] each.
    """
    p, tables = _from_density(density, steps)
    examples = [] if examples is None else list(examples)
    if examples:
        tables = _with_differences(tables, examples)
        tables = tables._replace(typical=_whole(256 * _sizes(tables, examples)))
    weights = WEIGHT_OF_DENSITY * np.repeat(p[:, :, None], CONTEXTS, axis=2)
    for rate in range(tables.rates):
        for coefficients in examples:
            tables.count(tables.quantized(coefficients, rate), rate, weights[rate])
    frequencies, choices = _clustered(weights.reshape(-1, SYMBOLS))
    made = tables._replace(
        frequencies=frequencies, choices=choices.reshape(*steps.shape, CONTEXTS).astype("int32")
    )
    check_tables(made)
    return made


def _from_density(density, steps) -> tuple[np.ndarray, Tables]:
    """Return the probabilities of symbols, [rates, channels, 64], and tables without choices.

    The offset of a channel is its median. Its shift is the smallest one with which at most one in a
    thousand coefficients lies beyond the symbols.
    """
    rates, channels = steps.shape
    offsets = np.clip(np.rint(_median(density) / steps), -LARGEST, LARGEST).astype("int32")
    shifts = np.zeros_like(offsets)
    inner = np.zeros((rates, channels, SYMBOLS - 1))
    undecided = np.ones((rates, channels), bool)
    for shift in range(MOST_SHIFTED + 1):
        ends = (np.arange(-HALF, HALF + 2) << shift) - 0.5  # of symbols
        x = (offsets[..., None] + ends) * steps[..., None]
        found = np.maximum(np.diff(_cumulative(density, x)), 0.0)
        inner = np.where(undecided[..., None], found, inner)
        shifts[undecided] = shift
        undecided &= found.sum(axis=-1) < 1 - _BEYOND
    beyond = np.maximum(1.0 - inner.sum(axis=-1, keepdims=True), 0.0)
    p = np.concatenate([inner, beyond], axis=-1)
    p /= p.sum(axis=-1, keepdims=True)
    size = np.abs(np.arange(-HALF, HALF + 2)) << shifts[..., None]
    typical = _whole(256 * (p * size).sum(axis=-1))
    choices = np.zeros((rates, channels, CONTEXTS), "int32")
    none = np.zeros_like(offsets)  # no channel is written as differences
    steps = steps.astype("float32")
    return p, Tables(steps, none, offsets, shifts, typical, choices, _frequencies(p[0]))


def _with_differences(tables, examples) -> Tables:
    """Return tables that write differences of neighbors where these are smaller in examples."""
    every = np.ones_like(tables.offsets)
    differences = tables._replace(differences=every, offsets=np.zeros_like(every))
    medians = np.stack([np.rint(np.median(q, axis=0)) for q in _written(tables, examples)])
    usual = _sizes(tables._replace(offsets=medians), examples)
    chosen = _sizes(differences, examples) < LESS * usual
    offsets = np.where(chosen, 0, tables.offsets).astype("int32")
    return tables._replace(differences=chosen.astype("int32"), offsets=offsets)


def _sizes(tables, examples) -> np.ndarray:
    """Return the mean of |q - offset| in examples, as q is written, [rates, channels]."""
    written = zip(_written(tables, examples), tables.offsets, strict=True)
    return np.stack([np.abs(q - offsets).mean(axis=0) for q, offsets in written])


def _written(tables, examples) -> Iterator[np.ndarray]:
    """Yield for each rate the integers in examples as they are written, [n, channels]."""
    for rate in range(tables.rates):
        quantized = (tables.quantized(e, rate) for e in examples)
        written = [tables.as_written(q, rate).reshape(-1, tables.channels) for q in quantized]
        yield np.concatenate(written)


def _whole(typical) -> np.ndarray:
    return np.clip(np.rint(typical), LEAST_TYPICAL, 2**30).astype("int32")


def _clustered(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies [tables, 64], and the number of the table of each row [n, 64]."""
    totals = weights.sum(axis=1)
    number = min(TABLES, len(weights))
    # Begin with groups of similar entropy, which hold equally many coefficients.
    p = weights / totals[:, None]
    entropy = -(p * np.log2(np.maximum(p, 1e-12))).sum(axis=1)
    order = np.argsort(entropy, kind="stable")
    shares = np.cumsum(totals[order]) / totals.sum()
    chosen = np.empty(len(weights), int)
    chosen[order] = np.minimum((shares * number).astype(int), number - 1)
    frequencies = _frequencies(np.ones((number, SYMBOLS)))
    for _ in range(_ROUNDS):
        sums = np.zeros((number, SYMBOLS))
        np.add.at(sums, chosen, weights)
        used = sums.sum(axis=1) > 0
        frequencies[used] = _frequencies(sums[used])
        bits = -weights @ np.log2(frequencies / TOTAL).T
        before, chosen = chosen, bits.argmin(axis=1)
        if (before == chosen).all():
            break
    return frequencies, chosen


def _frequencies(weights: np.ndarray) -> np.ndarray:
    """Return weights [n, 64] as integers of at least 1 whose sum is 65536, int32."""
    shares = weights / weights.sum(axis=-1, keepdims=True)
    found = 1 + np.floor(shares * (TOTAL - SYMBOLS)).astype("int32")
    largest = found.argmax(axis=-1)
    found[np.arange(len(found)), largest] += TOTAL - found.sum(axis=-1)
    return found


def _cumulative(density, x):
    """Return F of x, float64 [rates, channels, n]."""
    rates, channels, n = x.shape
    flat = x.transpose(1, 0, 2).reshape(channels, -1).astype("float32")
    logits = ops.convert_to_numpy(density.logits(ops.convert_to_tensor(flat))).astype("float64")
    return expit(logits).reshape(channels, rates, n).transpose(1, 0, 2)


def _median(density) -> np.ndarray:
    """Return where F of each channel is 1/2, by bisection."""
    low, high = np.full(density.channels, -1e4), np.full(density.channels, 1e4)
    for _ in range(40):
        middle = (low + high) / 2
        below = _cumulative(density, middle[None, :, None])[0, :, 0] < 0.5
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2
