"""The networks of compression: divisive normalization, sizes, and how far they see."""

import numpy as np
import pytest
import scipy.fft
from keras import ops
from support.codecs import draw_zeros

from zoo.nn import compression_networks as networks
from zoo.nn.seeds import Seeds

SEEDS = Seeds(0)


@pytest.mark.backend
@pytest.mark.parametrize("inverse", [False, True])
def test_divisive_normalization_is_its_formula(inverse):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, 3, 4, 5)).astype("float32")
    layer = networks.DivisiveNormalization(inverse)
    layer.build(x.shape)
    layer.root_b.assign(generator.uniform(0.5, 1.5, 5))
    layer.root_g.assign(generator.uniform(-1, 1, (5, 5)))
    b = np.square(ops.convert_to_numpy(layer.root_b)).astype("float64")
    g = np.square(ops.convert_to_numpy(layer.root_g)).astype("float64")
    norm = np.empty(x.shape)
    for index in np.ndindex(x.shape[:3]):
        for i in range(5):
            squares = [g[j, i] * x[index][j] ** 2 for j in range(5)]
            norm[(*index, i)] = np.sqrt(b[i] + sum(squares) + networks.LEAST)
    wanted = x * norm if inverse else x / norm
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), wanted, rtol=1e-5)


@pytest.mark.parametrize("shape", [(4, 4, 1), (28, 28, 1), (33, 17, 3)])
@pytest.mark.parametrize("filters", [(4,), (4, 6)])
def test_images_of_any_size_have_a_row_of_coefficients_for_each_block(shape, filters):
    encoder = networks.encoder(shape, 3, filters=filters, seeds=SEEDS)
    decoder = networks.decoder(shape, 3, filters=filters, seeds=SEEDS)
    rows, columns, channels = networks.code_shape(shape, 3)
    assert (rows - 1) * 8 < shape[0] <= rows * 8
    assert (columns - 1) * 8 < shape[1] <= columns * 8
    assert encoder.output.shape[1:] == (rows * columns * channels,)
    assert decoder.output.shape[1:] == shape


@pytest.mark.parametrize("filters", [(3,), (3, 3), (3, 3, 3)])
def test_results_depend_on_blocks_in_the_margin_and_no_others(filters):
    """So tiles that overlap by the margin on each side give what the whole image gives."""
    block, margin = networks.BLOCK, networks.margin(filters)
    n = 2 * margin + 3
    middle = n // 2
    shape = (n * block, n * block, 1)
    encoder = networks.encoder(shape, 2, filters=filters, seeds=SEEDS)
    decoder = networks.decoder(shape, 2, filters=filters, seeds=SEEDS)
    draw_zeros(encoder, decoder)
    generator = np.random.default_rng(0)
    x = generator.uniform(size=(1, *shape)).astype("float32")
    changed = x.copy()
    inside = slice(middle * block, (middle + 1) * block)
    changed[:, inside, inside] += 1.0
    codes = [ops.convert_to_numpy(encoder(a)).reshape(n, n, 2) for a in (x, changed)]
    spread = [np.flatnonzero((codes[0] != codes[1]).any(axis=(1, 2)))]
    z = generator.normal(size=(1, n, n, 2)).astype("float32")
    changed = z.copy()
    changed[:, middle, middle] += 1.0
    images = [ops.convert_to_numpy(decoder(a.reshape(1, -1)))[0] for a in (z, changed)]
    spread.append(np.flatnonzero((images[0] != images[1]).any(axis=(1, 2))) // block)
    for reached in spread:
        assert reached.min() >= middle - margin
        assert reached.max() <= middle + margin
    assert max(reached.max() for reached in spread) == middle + margin  # not larger than needed


@pytest.mark.backend
def test_before_training_a_codec_is_the_cosine_transform_of_blocks_and_colors():
    """Against SciPy's, of three axes; with all functions, every image comes back."""
    shape = (16, 24, 3)
    x = np.random.default_rng(0).random((2, *shape)).astype("float32")
    encoder = networks.encoder(shape, 192, filters=(4,), seeds=Seeds(0))
    z = ops.convert_to_numpy(encoder(x))
    blocks = (x - 0.5).reshape(2, 2, 8, 3, 8, 3).transpose(0, 1, 3, 2, 4, 5)
    wanted = scipy.fft.dctn(blocks, axes=(3, 4, 5), norm="ortho").reshape(2, 6, 192)
    np.testing.assert_allclose(np.sort(z.reshape(2, 6, 192)), np.sort(wanted), atol=1e-5)
    np.testing.assert_allclose(z.reshape(2, 6, 192)[..., 0], wanted[..., 0], atol=1e-5)
    decoder = networks.decoder(shape, 192, filters=(4,), seeds=Seeds(0))
    np.testing.assert_allclose(ops.convert_to_numpy(decoder(z)), x, atol=1e-5)


@pytest.mark.backend
def test_further_channels_begin_at_zero():
    kernel = ops.convert_to_numpy(networks.CosineTransform()((2, 2, 1, 6)))
    norms = np.sqrt(np.square(kernel).sum(axis=(0, 1, 2)))
    np.testing.assert_allclose(norms, [1, 1, 1, 1, 0, 0], atol=1e-6)


def test_few_channels_are_the_smoothest_functions():
    kernel = ops.convert_to_numpy(networks.CosineTransform()((8, 8, 3, 4)))
    of_blocks, of_colors = (scipy.fft.dct(np.eye(n), norm="ortho", axis=0) for n in (8, 3))
    for channel, (i, j) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        wanted = np.einsum("y,x,k->yxk", of_blocks[i], of_blocks[j], of_colors[0])
        np.testing.assert_allclose(kernel[..., channel], wanted, atol=1e-6)
