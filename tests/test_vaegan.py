"""The VAE-GAN: its updates against their formulas."""

import keras
import numpy as np
import pytest
from keras import ops
from support.tiny import X, array, randomised

import zoo
from zoo.trainer import Batch

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
    """Make q(z | x) as good as certain, so that terms do not depend on its draws."""
    head = model.encoder.get_layer("z_log_var")
    kernel, bias = head.get_weights()
    head.set_weights([0 * kernel, 0 * bias - 1e6])
    return model


def test_terms_are_what_the_formulas_say():
    model = certain(
        randomised(vaegan(label_smoothing=0.1, generator_weight=2.0, feature_stddev=0.5), scale=0.3)
    )
    batch = Batch(ops.convert_to_tensor(X))
    image = model.reconstruct(X)
    seen, made = (model.discriminator(ops.convert_to_tensor(i)) for i in (X, image))
    mismatch = 2 * ((array(seen["features"]) - array(made["features"])) ** 2).sum(axis=1)
    first = model.encoder_terms(batch, training=False)
    np.testing.assert_allclose(array(first["features"]), mismatch, rtol=1e-3)
    cross = -(X * np.log(image) + (1 - X) * np.log(1 - image)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(array(first["reconstruction"]), cross, rtol=1e-3)
    np.testing.assert_allclose(
        float(array(model.total(first))),
        np.mean(mismatch + array(first["kl"])),
        rtol=1e-3,
    )

    # Draws from the prior decode to one image where the decoder does not listen.
    kernel, bias = model.decoder.get_layer("dense_0").get_weights()
    model.decoder.get_layer("dense_0").set_weights([0 * kernel, bias])
    image = model.reconstruct(X)
    made = model.discriminator(ops.convert_to_tensor(image))
    mismatch = 2 * ((array(seen["features"]) - array(made["features"])) ** 2).sum(axis=1)
    real, fake = (array(judged["logit"])[:, 0] for judged in (seen, made))
    second = model.decoder_terms(batch, training=False)
    np.testing.assert_allclose(array(second["generator"]), 2 * softplus(-fake), rtol=1e-4)
    total = np.mean(mismatch + 2.0 * 2 * softplus(-fake))
    np.testing.assert_allclose(float(array(model.total(second))), total, rtol=1e-3)
    third = model.discriminator_terms(batch, training=False)
    expected = 0.9 * softplus(-real) + 0.1 * softplus(real) + 2 * softplus(fake)
    np.testing.assert_allclose(array(third["discriminator"]), expected, rtol=1e-4)


def test_a_schedule_moves_beta_here_too():
    model = vaegan(beta=keras.optimizers.schedules.PolynomialDecay(0.0, 10, 1.0))
    model.compile()
    model.fit(X, batch_size=4, verbose=0)
    assert float(array(model.term_weights["kl"])) == pytest.approx(0.3)


def test_the_loss_that_is_reported_is_that_of_pixels():
    model = vaegan()
    model.compile()
    history = model.fit(X, verbose=0).history
    assert history["loss"] == history["reconstruction"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 2}, "samples= is not taken"),
        ({"binarize": "dynamic"}, "binarize= is not taken"),
        ({"generator_weight": 0.0}, "generator_weight is 0.0"),
        ({"label_smoothing": 0.5}, "label_smoothing is 0.5"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        vaegan(**options)
