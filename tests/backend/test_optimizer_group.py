"""Several optimizers of one model; on every backend."""

import keras
import numpy as np
import pytest
from keras import ops

import zoo
from zoo.backend import backend
from zoo.backend.optimizer_group import OptimizerGroup, group_of
from zoo.models.base import Batch

pytestmark = pytest.mark.backend

BACKEND = keras.backend.backend()


def array(variable):
    return np.array(ops.convert_to_numpy(variable))


def variable(value):
    return keras.Variable(np.array(value, "float32"))


def built(optimizer, variables):
    optimizer.build(variables)
    return optimizer


def test_every_loss_has_its_own_scale():
    """A gradient that overflows halves its own scale and skips its own step alone."""
    good, bad = variable(1.0), variable(1.0)
    group = OptimizerGroup({"good": keras.optimizers.SGD(0.1), "bad": keras.optimizers.SGD(0.1)})
    group.scale_losses()
    group.build_members({"good": [good], "bad": [bad]})
    state = [good, bad]
    backend.minimize(lambda: (good * 2.0, ()), [good], group["good"], state)
    backend.minimize(lambda: (bad * np.float32(3e38), ()), [bad], group["bad"], state)
    np.testing.assert_allclose([array(good), array(bad)], [0.8, 1.0], rtol=1e-6)
    scales = [float(array(group[name].dynamic_scale)) for name in ("good", "bad")]
    assert scales == [2.0**15, 2.0**14]


def aae(**options):
    keras.utils.set_random_seed(0)
    model = zoo.AAE((8, 8, 1), 2, hidden_units=(8,), **options)
    model.compile("adam", jit_compile=BACKEND == "jax")
    return model


def snapshot(model):
    parts = {
        "encoder": model.encoder,
        "decoder": model.decoder,
        "discriminator": model.discriminator,
    }
    return {name: [array(w).copy() for w in part.weights] for name, part in parts.items()}


def changed(model, before):
    after = snapshot(model)
    return {
        name
        for name in before
        if any(not np.array_equal(a, b) for a, b in zip(before[name], after[name], strict=True))
    }


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        ("reconstruction", {"encoder", "decoder"}),
        ("discriminator", {"discriminator"}),
        ("generator", {"encoder"}),
    ],
)
def test_each_adversarial_update_changes_its_own_networks_and_no_others(update, expected):
    model = aae()
    batch = Batch(ops.convert_to_tensor(np.random.default_rng(0).random((16, 8, 8, 1), "float32")))
    before = snapshot(model)
    states = {name: [array(v) for v in model.optimizer[name].variables] for name in model.updates}
    losses = getattr(model, f"{update}_losses")
    model.minimize(lambda: losses(batch, training=True), batch, update)
    assert changed(model, before) == expected
    for name, state in states.items():
        now = [array(v) for v in model.optimizer[name].variables]
        same = all(np.array_equal(a, b) for a, b in zip(state, now, strict=True))
        assert same == (name != update), name


def test_a_step_makes_the_three_updates_in_the_papers_order():
    """One Keras step equals the three updates made by hand, each on what the last one left."""
    x = np.random.default_rng(0).random((16, 8, 8, 1), "float32")
    by_keras, by_hand = aae(), aae()
    by_keras.train_on_batch(x)
    batch = Batch(ops.convert_to_tensor(x))
    for update in ("reconstruction", "discriminator", "generator"):
        losses = getattr(by_hand, f"{update}_losses")
        by_hand.minimize(lambda losses=losses: losses(batch, training=True), batch, update)
    for a, b in zip(by_keras.trainable_weights, by_hand.trainable_weights, strict=True):
        np.testing.assert_allclose(array(a), array(b), atol=1e-5)


@pytest.mark.slow
@pytest.mark.compiled
def test_freezing_the_encoder_of_an_adversarial_model_leaves_the_others_learning():
    model = aae()
    model.encoder.trainable = False
    before = snapshot(model)
    model.fit(np.random.default_rng(0).random((32, 8, 8, 1), "float32"), verbose=0)
    assert changed(model, before) == {"decoder", "discriminator"}


def test_an_optimizer_alone_is_the_pattern_for_every_update():
    group = group_of(keras.optimizers.SGD(0.3), ["a", "b"])
    assert set(group.members) == {"a", "b"}
    assert group["a"] is not group["b"]
    assert float(array(group["b"].learning_rate)) == np.float32(0.3)


def test_a_dict_of_optimizers_must_name_the_updates():
    model = zoo.AAE((8, 8, 1), 2, hidden_units=(8,))
    with pytest.raises(ValueError, match="reconstruction', 'discriminator', 'generator"):
        model.compile({"encoder": "adam"})
    rates = {"reconstruction": 0.1, "discriminator": 0.2, "generator": 0.3}
    model.compile({name: keras.optimizers.SGD(rate) for name, rate in rates.items()})
    for name, rate in rates.items():
        assert float(array(model.optimizer[name].learning_rate)) == np.float32(rate)


def test_setting_the_rate_of_a_group_scales_all_rates():
    group = OptimizerGroup({"a": keras.optimizers.SGD(0.1), "b": keras.optimizers.SGD(0.4)})
    group.learning_rate = 0.05
    rates = [float(array(group[name].learning_rate)) for name in "ab"]
    np.testing.assert_allclose(rates, [0.05, 0.2], rtol=1e-6)


def test_the_config_of_a_group_makes_an_equal_group():
    group = OptimizerGroup({"a": keras.optimizers.SGD(0.1), "b": keras.optimizers.Adam(0.2)})
    copy = OptimizerGroup.from_config(group.get_config())
    assert copy.get_config() == group.get_config()


def test_gradients_cannot_be_applied_to_the_group_itself():
    with pytest.raises(RuntimeError, match="one of the members"):
        OptimizerGroup({"a": keras.optimizers.SGD(0.1)}).apply([])
