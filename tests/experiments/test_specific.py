"""Sizes of JPEG data and of rounded codes, against what can be counted by hand."""

import numpy as np
import pytest

from zoo.experiments import specific


def test_a_plain_image_takes_six_bits_a_block_in_jpeg():
    """A difference of 0 between means is 2 bits, and the end of a block 4; gray 128 codes as 0."""
    plain = np.full((28, 28, 1), 128 / 255)  # 16 blocks of 8x8 after padding
    headers, scan, end = specific.jpeg(plain, 50)
    assert len(scan) == 16 * 6 / 8
    assert (headers[:2], end) == (b"\xff\xd8", b"\xff\xd9")
    size, restored = specific.by_jpeg(np.stack([plain, plain]), 50)
    assert size == 12
    np.testing.assert_allclose(restored, [plain, plain], atol=1e-6)


def test_codes_are_rounded_to_the_nearest_of_all_levels():
    generator = np.random.default_rng(0)
    known, z = generator.normal(size=(50, 3)), 2 * generator.normal(size=(20, 3))
    found = specific.quantized(z, known, 3)
    for k in range(3):
        levels = np.linspace(known[:, k].min(), known[:, k].max(), 8)
        nearest = levels[np.abs(z[:, k, None] - levels).argmin(axis=1)]
        np.testing.assert_allclose(found[:, k], nearest, atol=1e-5)


def test_a_code_number_that_never_changes_stays():
    constant = np.full((4, 1), 0.7)
    assert specific.quantized(constant, constant, 8) == pytest.approx(0.7)
