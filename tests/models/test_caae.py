"""The CAAE: its updates against their formulas."""

import warnings

import keras
import numpy as np
import pytest
from keras import ops
from support.tiny import X, array, randomized

import zoo
from zoo.models.base import Batch
from zoo.models.caae import total_variation
from zoo.training.monitors import DiscriminatorMonitor

pytestmark = pytest.mark.backend

Y = np.arange(len(X), dtype="int32") % 3
NETWORKS = ("encoder", "decoder", "discriminator", "image_discriminator")


def caae(**options):
    options = {"num_classes": 3, "hidden_units": (5,), **options}
    return randomized(zoo.CAAE((4, 4, 1), 2, **options), scale=0.3)


def softplus(value):
    return np.log1p(np.exp(value))


def parts_of(losses):
    return [array(summand) for summand in losses.terms], {
        name: array(value) for name, value in losses.metrics.items()
    }


@pytest.mark.parametrize(("own", "conditional"), [(False, True), (True, False)])
def test_losses_equal_the_formulas(own, conditional):
    model = caae(
        own_labels=own,
        conditional_discriminator=conditional,
        image_weight=3.0,
        generator_weight=2.0,
        total_variation_weight=0.5,
        label_smoothing=0.1,
    )
    batch = Batch(ops.convert_to_tensor(X), ops.convert_to_tensor(Y))
    z = model.encode(X, Y)
    shown = Y if own else np.roll(Y, 1)

    def logits(images, labels):
        given = {"x": ops.convert_to_tensor(images), "label": ops.convert_to_tensor(labels)}
        return array(model.image_discriminator(given)["logit"])[:, 0]

    image, other = model.decode(z, Y), model.decode(z, shown)
    cross = -(X * np.log(image) + (1 - X) * np.log(1 - image)).sum(axis=(1, 2, 3))
    smoothness = np.abs(np.diff(image, axis=1)).sum((1, 2, 3))
    smoothness += np.abs(np.diff(image, axis=2)).sum((1, 2, 3))
    codes = ops.convert_to_tensor(z)
    given = {"z": codes, "label": ops.convert_to_tensor(Y)} if conditional else codes
    on_code = array(model.discriminator(given))[:, 0]
    summands, metrics = parts_of(model.autoencoder_losses(batch, training=False))
    expected = [
        cross,
        2 * softplus(-on_code),
        3 * softplus(-logits(other, shown)),
        0.5 * smoothness,
    ]
    np.testing.assert_allclose(sum(summands), sum(expected), rtol=1e-4)
    np.testing.assert_allclose(metrics["reconstruction"], cross, rtol=1e-4)
    np.testing.assert_allclose(metrics["total_variation"], smoothness, rtol=1e-4)

    (found,), metrics = parts_of(model.image_discriminator_losses(batch, training=False))
    real, fake = logits(X, Y), logits(other, shown)
    np.testing.assert_allclose(found, softplus(-real) + 0.1 * real + softplus(fake), rtol=1e-4)
    np.testing.assert_allclose(metrics["accuracy_on_images"], np.mean(real > 0))
    np.testing.assert_allclose(metrics["accuracy_on_decoded_images"], np.mean(fake < 0))


@pytest.mark.parametrize(
    ("update", "moved"),
    [
        ("autoencoder", {"encoder", "decoder"}),
        ("discriminator", {"discriminator"}),
        ("image_discriminator", {"image_discriminator"}),
    ],
)
def test_each_update_changes_its_own_networks_and_no_others(update, moved):
    model = caae()
    rates = {name: keras.optimizers.SGD(0.1 * (name == update)) for name in model.updates}
    model.compile(rates, run_eagerly=True)
    before = {name: getattr(model, name).get_weights() for name in NETWORKS}
    model.fit(X, Y, verbose=0)
    changed = {
        name
        for name, weights in before.items()
        if any(
            (a != b).any() for a, b in zip(weights, getattr(model, name).get_weights(), strict=True)
        )
    }
    assert changed == moved


def test_total_variation_is_the_sum_of_absolute_differences():
    image = np.array([[0.0, 1.0, 1.0], [0.5, 0.0, 1.0]], "float32")[None, :, :, None]
    assert float(array(total_variation(ops.convert_to_tensor(image)))[0]) == 4.0


def test_the_prior_is_uniform_and_settings_are_kept():
    model = caae(discriminator_hidden_units=(3,), own_labels=True, conditional_discriminator=True)
    assert isinstance(model.prior, zoo.Uniform)
    copy = zoo.CAAE.from_config(model.get_config())
    assert copy.get_config() == model.get_config()
    assert copy.image_discriminator.get_layer("dense_0").units == 3
    assert set(model.parts()) == {"encoder", "decoder", "discriminator", "image_discriminator"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_weight": 0}, "image_weight"),
        ({"total_variation_weight": -1}, "total_variation_weight"),
        ({"likelihood": "categorical"}, "one value for each pixel"),
        ({"generator_steps": 2}, "CAAE takes no generator_steps="),
        ({"tie_weights": True}, "CAAE takes no tie_weights="),
        ({"input_shape": (16,)}, "CAAE compares images"),
    ],
)
def test_settings_out_of_range_are_refused(options, message):
    options = {"input_shape": (4, 4, 1), "latent_dim": 2, "num_classes": 3, **options}
    with pytest.raises((TypeError, ValueError), match=message):
        zoo.CAAE(**options)


@pytest.mark.parametrize("posterior", ["gaussian", "universal"])
def test_codes_that_are_sampled_train_with_a_discriminator_of_code_and_level(posterior):
    model = caae(posterior=posterior, conditional_discriminator=True)
    assert set(model.discriminator.input) == {"z", "label"}
    model.compile()
    logs = model.fit(X, Y, epochs=2, verbose=0).history
    assert np.isfinite([values[-1] for values in logs.values()]).all()


def test_each_discriminator_that_is_always_right_is_reported():
    model = caae()
    sides = {name: 0.6 for names in model.accuracies for name in names}
    for names in model.accuracies:
        monitor = DiscriminatorMonitor()
        monitor.set_model(model)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            monitor.on_epoch_end(0, {**sides, names[0]: 1.0})
        with pytest.warns(UserWarning, match="discriminator of CAAE was right"):
            monitor.on_epoch_end(0, {**sides, **dict.fromkeys(names, 1.0)})


def test_levels_out_of_range_are_refused_and_named():
    model = caae()
    model.compile("adam")
    with pytest.raises(ValueError, match="from 0 to 2"):
        model.fit(X, Y + 1, verbose=0)
    with pytest.raises(ValueError, match="from 0 to 2"):
        model.decode(np.zeros((2, 2), "float32"), [0, 3])
