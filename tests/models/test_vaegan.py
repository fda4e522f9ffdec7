"""The VAE-GAN: its updates against their formulas."""

import keras
import numpy as np
import pytest
from keras import ops
from support.tiny import X, array, randomized

import zoo
from zoo.models.base import Batch

pytestmark = pytest.mark.backend

MOVED = {"encoder": {"encoder"}, "decoder": {"decoder"}, "discriminator": {"discriminator"}}


def vaegan(**options):
    return zoo.VAEGAN((4, 4, 1), 2, hidden_units=(5,), **options)


@pytest.mark.parametrize("update", MOVED)
def test_each_update_changes_its_own_variables_and_no_others(update):
    model = vaegan()
    model.compile(
        {name: keras.optimizers.SGD(0.1 * (name == update)) for name in MOVED}, run_eagerly=True
    )
    before = {part: [array(v) for v in getattr(model, part).weights] for part in MOVED}
    model.fit(X, verbose=0)
    moved = {
        part
        for part, weights in before.items()
        if any(
            (a != array(b)).any()
            for a, b in zip(weights, getattr(model, part).weights, strict=True)
        )
    }
    assert moved == MOVED[update]


def softplus(value):
    return np.log1p(np.exp(value))


def certain(model):
    """Make q(z | x) as good as certain, so that losses do not depend on its samples."""
    head = model.encoder.get_layer("z_log_var")
    kernel, bias = head.get_weights()
    head.set_weights([0 * kernel, 0 * bias - 1e6])
    return model


def loss_of(losses):
    return float(array(sum(ops.mean(summand) for summand in losses.terms)))


def test_losses_equal_the_formulas():
    model = certain(
        randomized(vaegan(label_smoothing=0.1, generator_weight=2.0, feature_stddev=0.5), scale=0.3)
    )
    batch = Batch(ops.convert_to_tensor(X))

    def discriminated(images):
        return {k: array(v) for k, v in model.discriminator(ops.convert_to_tensor(images)).items()}

    image, real = model.reconstruct(X), discriminated(X)
    generated = discriminated(image)
    feature_error = 2 * ((real["features"] - generated["features"]) ** 2).sum(axis=1)
    first = model.encoder_losses(batch, training=False)
    np.testing.assert_allclose(array(first.metrics["features"]), feature_error, rtol=1e-3)
    cross = -(X * np.log(image) + (1 - X) * np.log(1 - image)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(array(first.metrics["reconstruction"]), cross, rtol=1e-3)
    total = np.mean(feature_error + array(first.metrics["kl"]))
    np.testing.assert_allclose(loss_of(first), total, rtol=1e-3)

    # Samples of the prior decode to one image where the decoder does not listen.
    kernel, bias = model.decoder.get_layer("dense_0").get_weights()
    model.decoder.get_layer("dense_0").set_weights([0 * kernel, bias])
    generated = discriminated(model.reconstruct(X))
    feature_error = 2 * ((real["features"] - generated["features"]) ** 2).sum(axis=1)
    on_real, on_generated = (seen["logit"][:, 0] for seen in (real, generated))
    second = model.decoder_losses(batch, training=False)
    confusion = 2 * softplus(-on_generated)
    np.testing.assert_allclose(array(second.metrics["generator"]), confusion, rtol=1e-4)
    total = np.mean(feature_error + 2.0 * confusion)
    np.testing.assert_allclose(loss_of(second), total, rtol=1e-3)
    third = model.discriminator_losses(batch, training=False)
    expected = 0.9 * softplus(-on_real) + 0.1 * softplus(on_real) + 2 * softplus(on_generated)
    np.testing.assert_allclose(array(third.metrics["discriminator"]), expected, rtol=1e-4)
    np.testing.assert_allclose(loss_of(third), np.mean(expected), rtol=1e-4)
    accuracies = {
        "accuracy_on_images": on_real > 0,
        "accuracy_on_reconstructions": on_generated < 0,
        "accuracy_on_samples": on_generated < 0,
    }
    for name, right in accuracies.items():
        assert array(third.metrics[name]) == pytest.approx(np.mean(right))


def test_a_schedule_moves_beta_here_too():
    model = vaegan(beta=keras.optimizers.schedules.PolynomialDecay(0.0, 10, 1.0))
    model.compile()
    model.fit(X, batch_size=4, verbose=0)
    assert float(array(model.beta_now)) == pytest.approx(0.3)


def test_the_loss_that_is_reported_is_that_of_pixels():
    model = vaegan()
    model.compile()
    history = model.fit(X, verbose=0).history
    assert history["loss"] == history["reconstruction"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 2}, "takes no samples="),
        ({"binarize": "dynamic"}, "takes no binarize="),
        ({"generator_weight": 0.0}, "generator_weight is 0.0"),
        ({"label_smoothing": 0.5}, "label_smoothing is 0.5"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        vaegan(**options)
