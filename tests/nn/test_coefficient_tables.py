"""Tables of integers from a density and from coefficients of images."""

import numpy as np
import pytest
from nn.distributions.test_factorized import logistic
from scipy import stats

from zoo.nn.coefficient_tables import TABLES, tables_of
from zoo.nn.distributions.factorized import GAIN, FactorizedDensity
from zoo.runtime.entropy_tables import CONTEXTS, HALF, SYMBOLS, TOTAL


def test_without_images_tables_hold_the_probabilities_of_the_density():
    scales, means, steps = [0.5, 2.0, 0.05], [0.3, -9.0, 0.0], np.float32([[0.5, 1.0, 0.5]])
    tables = tables_of(logistic(scales, means), steps)
    assert tables.shifts.tolist() == [[0, 0, 0]]
    assert tables.offsets.tolist() == [[1, -9, 0]]
    for i, (scale, mean) in enumerate(zip(scales, means, strict=True)):
        q = tables.offsets[0, i] + np.arange(-HALF, HALF + 1)
        ends = [stats.logistic.cdf((q + side) * steps[0, i], mean, scale) for side in (0.5, -0.5)]
        chosen = tables.frequencies[tables.choices[0, i]]
        assert chosen.shape == (CONTEXTS, SYMBOLS)
        p = chosen[0, :-1] / TOTAL
        np.testing.assert_allclose(p, ends[0] - ends[1], atol=2e-3)
        assert (chosen == chosen[0]).all()
        size = np.abs(q - tables.offsets[0, i]) @ (ends[0] - ends[1])
        assert tables.typical[0, i] == pytest.approx(max(256 * size, 4), abs=1)


def test_wide_densities_have_symbols_of_several_integers():
    tables = tables_of(logistic([100.0, 0.01], [0.0, 0.0]), np.float32([[1.0, 1.0], [8.0, 8.0]]))
    assert tables.shifts[0, 0] > tables.shifts[1, 0] > 0
    assert (tables.shifts[:, 1] == 0).all()
    assert tables.frequencies[tables.choices[0, 0], -1].max() < 0.002 * TOTAL  # of what is beyond


def of_two_sizes(n=30, channels=5, seed=0):
    """Coefficients whose size changes from place to place, for all channels together."""
    generator = np.random.default_rng(seed)
    sizes = np.where(generator.random((n, 2, 2, 1)) < 0.5, 0.3, 4.0).repeat(6, 1).repeat(6, 2)
    return (sizes * generator.laplace(size=(n, 12, 12, channels))).astype("float32")


def test_counted_contexts_need_fewer_bits_than_the_density_alone():
    """And about as many as a coder that is told the size of each place."""
    density, steps = logistic([1.5] * 5, [0.0] * 5), np.ones((1, 5), "float32")
    plain, counted = tables_of(density, steps), tables_of(density, steps, of_two_sizes())
    q = counted.quantized(of_two_sizes(seed=1), 0)
    bits = [sum(tables.bits(one, 0) for one in q) / q.size for tables in (plain, counted)]
    sides = np.arange(-200, 201)
    entropies = []
    for size in (0.3, 4.0):
        p = stats.laplace.cdf(sides + 0.5, 0, size) - stats.laplace.cdf(sides - 0.5, 0, size)
        entropies.append(-(p[p > 0] * np.log2(p[p > 0])).sum())
    told = np.mean(entropies)
    assert bits[0] > 1.15 * told
    assert bits[1] < 1.15 * told  # the first channel has no context
    for one in q[:3]:
        assert (counted.decode(counted.encode(one, 0), 12, 12, 0) == one).all()


def test_many_distributions_become_few_tables():
    generator = np.random.default_rng(0)
    density = logistic(np.exp(generator.normal(0, 2, 100)), generator.normal(0, 3, 100))
    steps = np.exp(generator.normal(0, 1, (3, 100))).astype("float32")
    tables = tables_of(density, steps)
    assert tables.frequencies.shape == (TABLES, SYMBOLS)
    assert len(np.unique(tables.choices)) > TABLES // 2
    # The tables cost little beside the exact distributions.
    for rate, channel in ((0, 0), (1, 50), (2, 99)):
        chosen = tables.frequencies[tables.choices[rate, channel, 0]] / TOTAL
        q = tables.offsets[rate, channel] + (
            np.arange(-HALF, HALF + 1) << tables.shifts[rate, channel]
        )
        width = 1 << tables.shifts[rate, channel]
        (matrix, _), (bias, _) = density.matrices[0], density.biases[0]
        scale = 1 / np.log1p(np.exp(GAIN * np.asarray(matrix)[channel]))
        mean = -GAIN * np.asarray(bias)[channel] * scale
        ends = [(q - 0.5 + side) * steps[rate, channel] for side in (width, 0)]
        p = np.subtract(*(stats.logistic.cdf(end, mean, scale) for end in ends))
        likely = p > 1e-9
        assert (p * np.log2(np.where(likely, p, 1) / chosen[:-1]))[likely].sum() < 0.05


def test_channels_that_are_alike_in_neighboring_blocks_are_written_as_differences():
    generator = np.random.default_rng(0)
    walk = np.cumsum(3 * generator.normal(size=(40, 30)), axis=1)
    examples = [np.stack([walk, 10 * generator.normal(size=(40, 30))], axis=-1).astype("float32")]
    density = FactorizedDensity(2, seed=0)
    tables = tables_of(density, np.ones((1, 2)), examples)
    np.testing.assert_array_equal(tables.differences, [[1, 0]])
    assert tables.offsets[0, 0] == 0
