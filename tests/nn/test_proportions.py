"""Networks in proportion to their images."""

import warnings

import pytest

import zoo
from zoo.nn import proportions
from zoo.nn.proportions import MOST_PARAMETERS, suited_filters, suited_hidden_units


@pytest.mark.parametrize("side", [8, 9, 16, 17, 28, 32, 48, 64, 96, 100, 128, 200, 256])
def test_convolutions_end_in_five_to_eight_pixels_a_side(side):
    for shape in ((side, side, 3), (side, 8, 1), (9, side, 1)):
        end = max(shape[:2])
        for _ in suited_filters(shape):
            end = -(-end // 2)  # a convolution of stride 2
        assert 5 <= end <= 8


def test_vectors_and_tiny_images_have_no_convolutions():
    assert suited_filters((12,)) == suited_filters((8, 8, 1)) == ()


@pytest.mark.parametrize("shape", [(4,), (784,), (64, 64, 3), (256, 256, 3)])
def test_dense_layers_have_a_bounded_number_of_weights(shape):
    first, second = suited_hidden_units(shape)
    assert 32 <= first <= 512
    assert second == first // 2
    values = 1
    for size in shape:
        values *= size
    assert first * values <= 4_000_000 or first == 32


def test_a_model_out_of_proportion_is_warned_of_and_the_advice_mends_it(monkeypatch):
    assert MOST_PARAMETERS == 20_000_000
    monkeypatch.setattr(proportions, "MOST_PARAMETERS", 1_000_000)  # large models take memory
    with pytest.warns(UserWarning, match=r"3\.4 million .* filters=\(32, 64\), hidden"):
        zoo.VAE((32, 32, 3), 16)
    with pytest.warns(UserWarning, match=r"filters=\(32, 64\), hidden_units=\(\)"):
        zoo.VAE((32, 32, 3), 16, filters=(32,))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = zoo.VAE((32, 32, 3), 16, filters=(32, 64), hidden_units=())
    assert model.count_params() < 1_000_000 / 4
    with pytest.warns(UserWarning, match=r"hidden_units=\(256, 128\)"):
        zoo.Autoencoder((10_000,), 8)
