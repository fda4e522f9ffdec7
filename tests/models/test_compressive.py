"""The compressive autoencoder: bits, rates, tables, and what is refused."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops
from support.each_class import longer

import zoo
from zoo.backend import backend
from zoo.models.base import Batch
from zoo.models.compressive import relative
from zoo.nn.distributions.factorized import GAIN, FactorizedDensity

IMAGES = zoo.data.load("digits")[0][0][:256]


def make(**options):
    settings = {"filters": (8,), "tradeoffs": (5.0, 50.0), "seed": 1, **options}
    return zoo.CompressiveAutoencoder((8, 8, 1), 4, **settings)


@pytest.fixture(scope="module")
def trained():
    model = make()
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(IMAGES, epochs=12, batch_size=16, verbose=0)
    return model


@pytest.mark.backend
def test_the_loss_of_all_rates_is_length_and_distortion_by_hand():
    model = make()
    model.log_steps.assign(model.log_steps - 0.2)
    x = IMAGES[:6]
    y = ops.convert_to_numpy(model.encoder(x)).reshape(6, 1, 4)
    steps = np.exp(GAIN * ops.convert_to_numpy(model.log_steps)).reshape(2, 4)
    wanted = np.zeros((3, 6))
    for t, step in zip(model.tradeoffs, steps, strict=True):
        z = np.rint(y / step) * step
        ends = [
            ops.convert_to_numpy(model.density.logits(ops.convert_to_tensor(end.T)))
            for end in ((z[:, 0] + step / 2), (z[:, 0] - step / 2))
        ]
        p = np.subtract(*(1 / (1 + np.exp(-end.astype("float64"))) for end in ends)).T
        decoded = ops.convert_to_numpy(model.decoder(z.reshape(6, 4).astype("float32")))
        error = np.square(decoded - x).sum(axis=(1, 2, 3))
        wanted += np.stack([error, -np.log(p).sum(axis=1), t * error]) / 2
    losses = model.losses(Batch(ops.convert_to_tensor(x)), training=False)
    for name, value in zip(("reconstruction", "rate", "distortion"), wanted, strict=True):
        found = ops.convert_to_numpy(losses.metrics[name])
        np.testing.assert_allclose(found, value, rtol=2e-4, err_msg=name)
    np.testing.assert_allclose(ops.convert_to_numpy(losses.terms[0]), wanted[1] + wanted[2], 2e-4)


@pytest.mark.backend
def test_noise_gives_the_length_of_rounded_coefficients_under_wide_densities():
    density = FactorizedDensity(2, units=())
    for (matrix, _), (bias, _) in zip(density.matrices, density.biases, strict=True):
        matrix.assign(np.log(np.expm1([1 / 0.8, 1 / 3.0])) / GAIN)
        bias.assign([0.0, 0.0])
    generator = np.random.default_rng(0)
    y = generator.logistic(0, [0.8, 3.0], (20000, 2)).astype("float32")
    step = np.float32([0.5, 0.5])
    noise = generator.uniform(-0.5, 0.5, y.shape).astype("float32")
    both = (np.rint(y / step) * step, y + step * noise)
    p = (density.probability(*map(ops.convert_to_tensor, (v, step))) for v in both)
    rounded, noisy = (-np.log(ops.convert_to_numpy(found)).mean(0) for found in p)
    np.testing.assert_allclose(noisy, rounded, rtol=0.02)


@pytest.mark.slow
def test_a_negative_distortion_is_lowered_too():
    """Such as -log p of a narrow Gaussian density."""
    model = make(likelihood=zoo.Gaussian(0.1))
    model.compile(keras.optimizers.Adam(3e-3))
    before = model.evaluate(IMAGES, verbose=0, return_dict=True)["loss"]
    model.fit(IMAGES, epochs=8, batch_size=16, verbose=0)
    assert model.evaluate(IMAGES, verbose=0, return_dict=True)["loss"] < before


@pytest.mark.slow
def test_tables_belong_to_the_steps_after_an_interrupted_training(tmp_path):
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    model = make()
    model.compile(keras.optimizers.Adam(0.05), run_eagerly=True)
    with pytest.raises(KeyboardInterrupt):
        model.fit(IMAGES[:64], batch_size=16, callbacks=[Interrupt()], verbose=0)
    np.testing.assert_array_equal(model.tables.steps, model._steps())
    for _ in range(3):
        model.train_on_batch(IMAGES[:16])
    stored = ops.convert_to_numpy(model._tables["steps"])
    assert not np.allclose(stored, model._steps().ravel(), rtol=0.01)
    model.save(tmp_path / "a.keras")
    loaded = zoo.load(tmp_path / "a.keras")
    np.testing.assert_array_equal(loaded.tables.steps, model._steps())
    assert loaded.identity() == model.identity()


@pytest.mark.backend
def test_the_rates_of_a_batch_are_all_rates_in_turn():
    model = make(tradeoffs=(1.0, 2.0, 3.0))
    drawn = [ops.convert_to_numpy(model.drawn_rates(7)).tolist() for _ in range(20)]
    for rates in drawn:
        assert [(b - a) % 3 for a, b in itertools.pairwise(rates)] == [1] * 6
    assert {rates[0] for rates in drawn} == {0, 1, 2}


@pytest.mark.backend
def test_rounding_has_the_gradient_1():
    model = make()
    y = np.random.default_rng(0).normal(size=(3, 1, 4)).astype("float32")

    def rounded(y):
        return model.rounded(y, ops.zeros(3, "int32"))[0]

    ones = np.ones((3, 1, 4), "float32")
    arguments = map(ops.convert_to_tensor, (y, ones))
    gradient = backend.vector_jacobian_product(rounded, *arguments)
    np.testing.assert_allclose(ops.convert_to_numpy(gradient), ones, rtol=1e-6)


@pytest.mark.backend
def test_gradients_are_those_of_the_logarithm():
    loss = ops.convert_to_tensor([2.0, 500.0])
    gradient = backend.vector_jacobian_product(relative, loss, ops.ones_like(loss))
    np.testing.assert_allclose(ops.convert_to_numpy(relative(loss)), [2.0, 500.0])
    np.testing.assert_allclose(ops.convert_to_numpy(gradient), [500.0, 2.0], rtol=1e-6)


@pytest.mark.slow
def test_higher_rates_need_more_bits_and_restore_better(trained):
    bits = [trained.bits_per_pixel(IMAGES, rate=rate) for rate in (1, 2)]
    errors = [
        np.square(trained.reconstruct(IMAGES, rate=rate) - IMAGES).sum(axis=(1, 2, 3)).mean()
        for rate in (1, 2)
    ]
    assert 0 < bits[0] < 0.8 * bits[1]
    assert errors[1] < errors[0]
    np.testing.assert_array_equal(trained.reconstruct(IMAGES), trained.reconstruct(IMAGES, rate=2))
    assert trained.reconstruction_error(IMAGES).mean() == pytest.approx(errors[1], rel=1e-5)


@pytest.mark.slow
def test_the_bits_of_the_tables_are_nearly_the_rate_that_was_trained(trained):
    """And images need fewer bits than by the density, as contexts were counted."""
    by_tables = np.mean([trained.bits_per_pixel(IMAGES, rate=rate) for rate in (1, 2)])
    by_density = trained.evaluate(IMAGES, verbose=0, return_dict=True)["rate"] / np.log(2) / 64
    assert 0.75 * by_density < by_tables < 1.02 * by_density
    alone = make()
    alone.set_weights(trained.get_weights())
    alone.update_tables()
    without = np.mean([alone.bits_per_pixel(IMAGES, rate=rate) for rate in (1, 2)])
    assert without == pytest.approx(by_density, rel=0.03)


@longer
@pytest.mark.backend
def test_calling_it_reconstructs_at_the_last_rate(trained):
    called = ops.convert_to_numpy(trained(IMAGES[:9]))
    np.testing.assert_allclose(called, trained.reconstruct(IMAGES[:9]), atol=0.02)


@pytest.mark.slow
def test_tables_follow_every_way_of_training():
    """Arrays, lists and data sets of batches; of a generator only the density is known."""
    batches = [IMAGES[:32], IMAGES[32:64]]
    for data in (IMAGES[:64], list(IMAGES[:64]), (batch for batch in batches)):
        model = make()
        before = model.tables.frequencies.copy()
        model.compile("adam", run_eagerly=True)
        steps = {"steps_per_epoch": 2} if hasattr(data, "__next__") else {"batch_size": 32}
        model.fit(data, epochs=1, verbose=0, **steps)
        assert (model.tables.frequencies != before).any()
        uses_contexts = (np.ptp(model.tables.choices, axis=-1) > 0).any()
        assert uses_contexts == (not hasattr(data, "__next__"))


@pytest.mark.slow
def test_a_further_rate_is_trained_with_frozen_networks(trained):
    model = make(tradeoffs=(5.0, 50.0, 400.0))
    model.encoder.set_weights(trained.encoder.get_weights())
    model.decoder.set_weights(trained.decoder.get_weights())
    model.density.set_weights(trained.density.get_weights())
    model.encoder.trainable = model.decoder.trainable = False
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(IMAGES, epochs=3, batch_size=16, verbose=0)
    for a, b in zip(model.decoder.get_weights(), trained.decoder.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    bits = [model.bits_per_pixel(IMAGES, rate=rate) for rate in (1, 2, 3)]
    assert bits == sorted(bits)
    errors = [np.square(model.reconstruct(IMAGES, rate=r) - IMAGES).mean() for r in (2, 3)]
    assert errors[1] < errors[0]


@pytest.mark.slow
def test_networks_of_ones_own_may_have_any_code():
    encoder = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(5, 4, 4)])
    decoder = keras.Sequential([keras.Input((2, 2, 5)), keras.layers.Conv2DTranspose(1, 4, 4)])
    model = zoo.CompressiveAutoencoder(encoder=encoder, decoder=decoder, tradeoffs=(1.0,))
    assert (model.code_shape, model.block, model.margin) == ((2, 2, 5), 4, 2)
    model.compile("adam", run_eagerly=True)
    model.fit(IMAGES[:32], verbose=0)
    codec = zoo.compression.Codec(model)
    image = np.zeros((7, 8, 1), "uint8")
    assert codec.decompress(codec.compress(image)).shape == image.shape
    flat = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    back = [keras.Input((3,)), keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))]
    model = zoo.CompressiveAutoencoder(encoder=flat, decoder=keras.Sequential(back))
    assert model.reconstruct(IMAGES[:2], rate=1).shape == (2, 8, 8, 1)
    assert model.bits_per_pixel(IMAGES[:2]) > 0


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"tradeoffs": ()}, ValueError, "1 to 64 different weights"),
        ({"tradeoffs": (5, 5)}, ValueError, "different weights"),
        ({"tradeoffs": (50, 5)}, ValueError, "from the smallest on"),
        ({"tradeoffs": (0, 5)}, ValueError, "tradeoffs"),
        ({"tradeoffs": (1e-9, 5)}, ValueError, "tradeoffs"),
        ({"tradeoffs": 5}, TypeError, "a weight of the distortion for each rate"),
        ({"tradeoffs": range(1, 66)}, ValueError, "1 to 64"),
        ({"filters": ()}, ValueError, "give one width or more"),
    ],
)
def test_impossible_settings_are_refused(options, error, said):
    with pytest.raises(error, match=said):
        make(**options)


def test_rows_and_signals_are_refused():
    with pytest.raises(ValueError, match="the networks are convolutions"):
        zoo.CompressiveAutoencoder((64,), 4)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0, 3, 1.5, "best"])
def test_rates_that_there_are_not_are_refused(trained, rate):
    with pytest.raises((ValueError, TypeError), match="rate"):
        trained.reconstruct(IMAGES[:2], rate=rate)


@pytest.mark.slow
def test_the_identity_changes_with_decoder_and_tables_alone(trained):
    model = make()
    model.set_weights(trained.get_weights())
    assert model.identity() == trained.identity()
    model.decoder.weights[0].assign(model.decoder.weights[0] + 1e-3)
    assert model.identity() != trained.identity()


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["float32", "float16", "compact"])
def test_every_storage_keeps_the_tables(trained, tmp_path, storage):
    zoo.save(trained, tmp_path / "mine", storage=storage)
    loaded = zoo.load(tmp_path / "mine")
    for a, b in zip(loaded.tables, trained.tables, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (loaded.identity() == trained.identity()) == (storage == "float32")
