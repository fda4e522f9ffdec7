"""Conditional models whose labels are arrays: several images for one that is given."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.special import log_softmax
from support.tiny import array

import zoo
from zoo.models.base import Batch
from zoo.nn.distributions.likelihoods import Categorical

SHAPE = (8, 8, 1)


@pytest.fixture(scope="module")
def pairs():
    (x, _), _ = zoo.data.load("digits")
    return x[:120], np.round(x[:120])


def small(**options):
    options = {"hidden_units": (16,), "label_shape": SHAPE, "seed": 0, **options}
    return zoo.CVAE(SHAPE, 3, **options)


@pytest.mark.backend
def test_the_bound_is_that_of_the_paper_given_the_array(pairs):
    """One draw: log p(x | z, c) by SciPy, and KL(q(z | x, c) || N(0, I)) in closed form."""
    x, c = (a[:4] for a in pairs)
    model = small(likelihood=Categorical(4))
    mean, log_var = model.posterior_moments(x, c)
    z = mean  # as good a draw as any
    kl, log_prob = model.kl_and_log_prob(x, z, c)
    expected = 0.5 * (mean**2 + np.exp(log_var) - log_var - 1).sum(axis=1)
    np.testing.assert_allclose(kl, expected, rtol=1e-5)
    inputs = {"z": ops.convert_to_tensor(z), "label": ops.convert_to_tensor(c)}
    logits = array(model.decoder(inputs)).astype("float64").reshape(4, 8, 8, 1, 4)
    level = np.round(3 * x).astype(int)
    chosen = np.take_along_axis(log_softmax(logits, axis=-1), level[..., None], axis=-1)
    np.testing.assert_allclose(log_prob, chosen.sum(axis=(1, 2, 3, 4)), rtol=1e-5)


@pytest.mark.backend
@pytest.mark.parametrize("samples", [1, 3])
def test_each_draw_is_given_the_array_of_its_own_image(pairs, samples):
    x, c = (ops.convert_to_tensor(a[:5]) for a in pairs)
    model = small(samples=samples)
    z = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(5, samples, 3)), "float32")
    together = array(model.log_likelihoods(x, z, c))
    alone = [
        array(model.log_likelihoods(x[i : i + 1], z[i : i + 1], c[i : i + 1])) for i in range(5)
    ]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-4)
    losses = model.losses(Batch(x, c), training=False)
    assert array(losses.metrics["kl"]).shape == (5,)


@pytest.mark.slow
@pytest.mark.compiled
def test_draws_follow_what_is_given_and_differ_among_each_other(pairs):
    """x is c or its half, at random: draws for one c are both, and for another c others."""
    generator = np.random.default_rng(0)
    c = np.repeat(np.repeat(generator.integers(0, 2, (400, 4, 4, 1)), 2, 1), 2, 2).astype("float32")
    x = c * generator.choice([0.5, 1.0], (400, 1, 1, 1)).astype("float32")
    model = zoo.CVAE(
        SHAPE, 2, label_shape=SHAPE, hidden_units=(64,), seed=0, likelihood=zoo.Gaussian(0.1)
    )
    model.compile(keras.optimizers.Adam(0.005))
    model.fit(x, c, batch_size=50, epochs=60, verbose=0)
    given = np.repeat(c[:2], 40, axis=0)
    drawn = model.generate(labels=given, seed=0)
    inside = given > 0
    assert np.abs(drawn[~inside]).mean() < 0.1
    bright = (drawn * given).sum((1, 2, 3)) / given.sum((1, 2, 3))
    for each in (bright[:40], bright[40:]):
        assert (each < 0.7).any()
        assert (each > 0.8).any()


def test_arrays_are_checked_where_labels_are(pairs):
    x, c = pairs
    model = small()
    model.compile()
    for call, says in (
        (lambda: model.fit(x, verbose=0), r"y of shape \(n, 8, 8, 1\); y is missing"),
        (lambda: model.fit(x, np.arange(120), verbose=0), r"y has shape \(120,\)"),
        (lambda: model.fit(x, 2 * c, verbose=0), "y reach 2.0"),
        (lambda: model.encode(x, c[:3]), "120 inputs, but 3 in labels"),
        (lambda: model.encode(x), "labels is missing: CVAE takes labels of shape"),
        (lambda: model.generate(3, labels=c[:2]), "3 inputs, but 2 in labels"),
        (lambda: zoo.plots.style_grid(model), "have the shape .* See `preview`"),
        (lambda: zoo.plots.samples(model), "are not classes"),
        (lambda: zoo.plots.translations(model, x), "CVAE does not translate"),
        (
            lambda: zoo.plots.draws_for_labels(zoo.CVAE(SHAPE, 2, num_classes=3), c),
            "labels that are images of the model",
        ),
    ):
        with pytest.raises(ValueError, match=says):
            call()
    assert model.generate(labels=c[:2], seed=0).shape == (2, *SHAPE)
    assert model.predict({"x": x[:3], "label": c[:3]}, verbose=0).shape == (3, *SHAPE)


def test_a_model_of_pairs_is_measured_by_what_applies(pairs):
    model = small(likelihood="gaussian")
    data = pairs, pairs
    found = zoo.metrics.evaluate(model, "fashion_mnist", arrays=data)
    assert {"reconstruction error", "negative ELBO"} <= {metric["name"] for metric in found}
    assert "generated class accuracy" not in {metric["name"] for metric in found}


def test_a_preset_of_pairs_shows_draws(pairs, tmp_path):
    model = small()
    zoo.plots.preview(model, *pairs).savefig(tmp_path / "draws.png")
    card = zoo.save(model, tmp_path / "mine")
    assert card["num_classes"] is None
    copy = zoo.load(tmp_path / "mine")
    assert copy.label_shape == SHAPE
    np.testing.assert_allclose(copy.encode(*pairs), model.encode(*pairs), atol=1e-6)


def own_networks(label_shape, code_shape=(3,)):
    from keras import layers

    x, label = keras.Input(SHAPE), keras.Input(label_shape, name="label")
    both = layers.Concatenate()([layers.Flatten()(x), layers.Flatten()(label)])
    codes = {
        name: layers.Reshape(code_shape)(layers.Dense(int(np.prod(code_shape)))(both))
        for name in ("z_mean", "z_log_var")
    }
    z, given = keras.Input(code_shape, name="z"), keras.Input(label_shape, name="label")
    both = layers.Concatenate()([layers.Flatten()(z), layers.Flatten()(given)])
    return {
        "encoder": keras.Model({"x": x, "label": label}, codes),
        "decoder": keras.Model(
            {"z": z, "label": given}, layers.Reshape(SHAPE)(layers.Dense(64)(both))
        ),
    }


@pytest.mark.parametrize("code_shape", [(3,), (2, 2, 2)])
def test_own_networks_take_arrays(pairs, code_shape):
    model = zoo.CVAE(label_shape=SHAPE, **own_networks(SHAPE, code_shape))
    model.compile("adam")
    model.fit(*pairs, verbose=0)
    assert model.encode(*pairs).shape == (120, *code_shape)
    with pytest.raises(ValueError, match=r"takes labels of shape \(8, 8, 1\) .* is \(4, 4, 1\)"):
        zoo.CVAE(label_shape=(4, 4, 1), **own_networks(SHAPE))


@pytest.mark.slow
def test_images_as_labels_are_trained_from_by_command(pairs, tmp_path, capsys):
    from zoo.cli.main import main

    np.savez(tmp_path / "pairs.npz", x=pairs[0], y=pairs[1])
    words = [
        "--data",
        str(tmp_path / "pairs.npz"),
        "--out",
        str(tmp_path / "mine"),
        "--epochs",
        "1",
    ]
    assert main(["train", "CVAE", *words, "--latent-dim", "2"]) == 0, capsys.readouterr().err
    model = zoo.load(tmp_path / "mine")
    assert (model.label_shape, model.num_classes) == (SHAPE, None)


def test_pictures_of_ways_between_codes_keep_the_given_image(pairs):
    zoo.plots.interpolations(small(), *pairs, pairs=1, steps=3).canvas.draw()
    with pytest.raises(ValueError, match="Give labels="):
        zoo.plots.preview(small(), pairs[0])
