"""Residual networks: a linear stream that loses nothing, blocks that start at zero, shapes."""

import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA
from support.each_class import longer

import zoo
from zoo.data.own import read
from zoo.nn.residual_networks import doubled, halved, used_channels
from zoo.nn.seeds import Seeds

pytestmark = pytest.mark.backend


def values(network, x):
    return keras.ops.convert_to_numpy(keras.ops.stop_gradient(network(x)))


@pytest.mark.parametrize(
    ("shape", "filters", "grid"),
    [
        ((8, 8, 1), (4, 16), (2, 2, 16)),
        ((7, 5, 3), (12,), (4, 3, 12)),
        ((12, 2), (4, 8, 16), (2, 16)),
        ((35, 1), (2, 4), (9, 4)),
    ],
)
def test_halvings_start_as_an_orthonormal_transform_that_doublings_invert(shape, filters, grid):
    x = keras.Input(shape)
    down = keras.Model(x, halved(x, filters, "relu", Seeds(), None))
    assert tuple(down.output.shape[1:]) == grid
    images = np.random.default_rng(0).standard_normal((5, *shape)).astype("float32")
    if all(side % 2 ** len(filters) == 0 for side in shape[:-1]):
        np.testing.assert_allclose(
            np.sum(values(down, images) ** 2, axis=tuple(range(1, len(grid) + 1))),
            np.sum(images**2, axis=tuple(range(1, len(shape) + 1))),
            rtol=1e-4,
        )
    z = keras.Input((int(np.prod(grid)),))
    up = keras.Model(z, doubled(z, shape, filters, "relu", Seeds(), None))
    up.get_layer("grid").set_weights([np.eye(z.shape[1]), np.zeros(z.shape[1])])
    again = values(up, values(down, images).reshape(5, -1))
    np.testing.assert_allclose(again, images, atol=1e-5)


def test_the_first_channels_are_means_of_neighbors():
    x = keras.Input((4, 4, 1))
    image = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    down = values(keras.Model(x, halved(x, (4,), "relu", Seeds(), None)), image)[0]
    squares = image.reshape(2, 2, 2, 2)  # [row, place, column, place]
    np.testing.assert_allclose(down[..., 0], 2 * squares.mean(axis=(1, 3)), rtol=1e-5)
    np.testing.assert_allclose(down[..., 1], -1.0, rtol=1e-5)  # to the right it grows by 1
    np.testing.assert_allclose(down[..., 2], -4.0, rtol=1e-5)  # and downwards by 4


def test_channels_that_carry_data_are_at_most_those_that_there_are():
    assert [used_channels(3, (32, 64, 128)[:n], 2) for n in range(4)] == [3, 12, 48, 128]
    assert used_channels(1, (32, 64), 1) == 4


@pytest.mark.parametrize(
    ("shape", "network"), [((8, 8, 1), "resnet"), ((64,), "conv1d"), ((16, 4), "conv1d")]
)
def test_a_model_that_starts_at_pca_reconstructs_as_pca_does(shape, network, digits):
    (x, _), (x_test, _) = digits
    options = {"network": network, "filters": (8, 16), "likelihood": "squared_error"}
    model = zoo.Autoencoder(shape, 5, **options)
    x, x_test = (a.reshape(len(a), *shape) for a in (x, x_test))
    zoo.start_at_pca(model, x)
    flat, flat_test = (a.reshape(len(a), -1) for a in (x, x_test))
    pca = PCA(5, svd_solver="full").fit(flat)
    expected = pca.inverse_transform(pca.transform(flat_test))
    np.testing.assert_allclose(
        model.reconstruct(x_test).reshape(expected.shape), expected, atol=1e-4
    )
    codes = model.encode(x_test)  # those of PCA, up to signs
    np.testing.assert_allclose(np.abs(codes), np.abs(pca.transform(flat_test)), atol=1e-3)


@pytest.mark.parametrize("hidden_units", [(), (8,)])
def test_dense_networks_beside_a_linear_path_start_as_pca_too(hidden_units, digits):
    (x, _), (x_test, _) = digits
    model = zoo.Autoencoder(
        (8, 8, 1), 5, network="dense_resnet", hidden_units=hidden_units, likelihood="gaussian"
    )
    zoo.start_at_pca(model, x)
    pca = PCA(5, svd_solver="full").fit(x.reshape(-1, 64))
    expected = pca.inverse_transform(pca.transform(x_test.reshape(-1, 64)))
    np.testing.assert_allclose(model.reconstruct(x_test).reshape(-1, 64), expected, atol=1e-5)


@longer
def test_a_variational_model_starts_as_probabilistic_pca(digits):
    """Its ELBO is log p(x) of a normal distribution: the posterior is the true one."""
    (x, _), (x_test, _) = digits
    x, x_test = x.reshape(-1, 64) * 8 - 3, x_test.reshape(-1, 64) * 8 - 3
    model = zoo.VAE((64,), 5, network="dense_resnet", likelihood="gaussian", hidden_units=(8,))
    zoo.start_at_pca(model, x)
    pca = PCA(5, svd_solver="full").fit(x)
    exact = pca.score(x_test)  # log p(x) of Tipping and Bishop's model, mean over rows
    assert model.likelihood.spread**2 == pytest.approx(pca.noise_variance_, rel=2e-3)
    assert model.log_likelihood(x_test, samples=20).value.mean() == pytest.approx(exact, abs=0.1)
    model.compile()
    assert model.evaluate(x_test, verbose=0, return_dict=True)["elbo"] == pytest.approx(
        exact, abs=0.2
    )


def test_rows_in_their_own_units_start_at_the_pca_of_standardized_ones(digits):
    x = digits[0][0].reshape(-1, 64)[:, 10:22] * np.logspace(-3, 3, 12)
    columns = zoo.GaussianColumns.adapted(x)
    model = zoo.Autoencoder((12,), 3, network="dense_resnet", likelihood=columns)
    zoo.start_at_pca(model, x)
    standardized = (x - columns.means) / columns.deviations
    pca = PCA(3, svd_solver="full").fit(standardized)
    expected = pca.inverse_transform(pca.transform(standardized))
    found = (model.reconstruct(x) - columns.means) / columns.deviations
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_tied_weights_have_no_linear_path():
    with pytest.raises(ValueError, match="tie_weights=True is for network='dense'"):
        zoo.Autoencoder((8, 8, 1), 5, network="dense_resnet", tie_weights=True)


@longer
def test_training_goes_on_from_pca(digits):
    x = digits[0][0][:256]
    model = zoo.Autoencoder(
        (8, 8, 1), 5, network="resnet", filters=(8, 16), likelihood="squared_error"
    )
    zoo.start_at_pca(model, x)
    model.compile(keras.optimizers.Adam(1e-3))
    before = model.evaluate(x, verbose=0, return_dict=True)["loss"]
    model.fit(x, epochs=2, batch_size=64, verbose=0)
    assert model.evaluate(x, verbose=0, return_dict=True)["loss"] < before


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: zoo.VAE((8, 8, 1), 2, network="resnet", likelihood="gaussian"), "VAE cannot"),
        (lambda: zoo.Autoencoder((8, 8, 1), 2, filters=(4,)), "'resnet' or 'conv1d'"),
        (lambda: zoo.Autoencoder((8, 8, 1), 2, network="resnet"), "Bernoulli reads logits"),
    ],
)
def test_models_that_cannot_start_at_pca_are_refused(make, match, few_digits):
    with pytest.raises(TypeError, match=match):
        zoo.start_at_pca(make(), few_digits[0])


def test_more_components_than_rows_are_refused(few_digits):
    model = zoo.Autoencoder((8, 8, 1), 9, network="resnet", likelihood="squared_error")
    with pytest.raises(ValueError, match="x has 9 rows"):
        zoo.start_at_pca(model, few_digits[0][:9])


@pytest.mark.parametrize(
    ("shape", "network", "filters", "units"),
    [
        ((32, 32, 3), "resnet", (32, 64), ()),
        ((64, 64, 1), "resnet", (32, 64, 128), ()),
        ((8, 8, 1), "resnet", (32,), ()),
        ((28, 28, 1), "conv", (32, 64), (512, 256)),
        ((140, 1), "conv1d", (32, 64, 128, 128), ()),
        ((140,), "conv1d", (32, 64, 128, 128), ()),
    ],
)
def test_sizes_follow_from_the_shape(shape, network, filters, units):
    model = zoo.Autoencoder(shape, 2, network=network)
    assert (model.network, model.filters, model.hidden_units) == (network, filters, units)
    assert model.decoder.output.shape[1:] == shape
    again = zoo.Autoencoder.from_config(model.get_config())
    assert again.get_config() == model.get_config()


def test_models_with_other_networks_have_dense_layers():
    aae = zoo.AAE((8, 8, 1), 2, network="resnet")
    assert aae.hidden_units == (256, 128)  # also of its discriminator
    assert zoo.CVAE((8, 8, 1), 2, num_classes=3, network="resnet").hidden_units == (256, 128)


def test_what_was_meant_without_a_network_is_said_in_the_config():
    assert zoo.VAE((8, 8, 1), 2).network == "dense"
    assert zoo.VAE((8, 8, 1), 2, filters=(4,)).get_config()["network"] == "conv"


@pytest.mark.parametrize(
    ("shape", "options", "match"),
    [
        ((8, 8, 1), {"network": "resnett"}, "did you mean 'resnet'"),
        ((64, 1), {"network": "resnet"}, r"height, width, channels\).*network='conv1d'"),
        ((8, 8, 1), {"network": "conv1d"}, r"\(time, channels\).*network='resnet'"),
        ((64,), {"network": "conv"}, "network='dense'"),
        ((8, 8, 1), {"network": "dense", "filters": (4,)}, "has no convolutions"),
        ((5, 1), {"network": "conv1d", "filters": (4, 4, 4)}, "halved 2 times at most"),
        ((8, 8, 1), {"network": "resnet", "tie_weights": True}, "tie_weights=True is for dense"),
    ],
)
def test_networks_that_do_not_fit_are_refused(shape, options, match):
    with pytest.raises(ValueError, match=match):
        zoo.Autoencoder(shape, 2, **options)


def test_a_network_beside_ones_own_is_refused():
    encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)])
    with pytest.raises(ValueError, match="network='conv1d' describes networks"):
        zoo.Autoencoder(encoder=encoder, decoder=decoder, network="conv1d")


def test_models_that_build_otherwise_take_no_network():
    with pytest.raises(TypeError, match="takes no network="):
        zoo.RBM((8, 8, 1), 4, network="resnet")


def test_contrast_is_kept_through_the_stream():
    model = zoo.Autoencoder((32, 1), 8, network="conv1d", filters=(8, 16), seed=0)
    wave = np.sin(np.linspace(0, 6, 32, dtype="float32"))[None, :, None]
    one, ten = (values(model.encoder, scale * wave) for scale in (1.0, 10.0))
    np.testing.assert_allclose(ten, 10 * one, rtol=1e-4)  # linear before any training


def test_a_file_of_three_axes_holds_signals_for_a_network_of_signals(tmp_path):
    waves = np.random.default_rng(0).random((40, 16, 2)).astype("float32")
    np.save(tmp_path / "waves.npy", waves)
    np.savez(tmp_path / "waves.npz", x_train=waves, x_test=waves[:5])
    for name in ("waves.npy", "waves.npz"):
        own = read(tmp_path / name, signals=True)
        assert own.x.shape == (40, 16, 2)
        np.testing.assert_array_equal(np.asarray(own.x[3:5]), waves[3:5])
        assert read(tmp_path / name).x.shape == (40, 16, 2, 1)
    test, _ = read(tmp_path / "waves.npz", signals=True).test
    assert test.shape == (5, 16, 2)
