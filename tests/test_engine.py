"""`minimize` and several optimizers, against steps computed by hand; on every backend."""

import keras
import numpy as np
import pytest
from keras import ops

import zoo
from zoo import engine
from zoo.engine.optimizer_group import OptimizerGroup, group_of
from zoo.models.training import Batch

pytestmark = pytest.mark.backend

BACKEND = keras.backend.backend()


def array(variable):
    return np.array(ops.convert_to_numpy(variable))


def variable(value):
    return keras.Variable(np.array(value, "float32"))


def built(optimizer, variables):
    optimizer.build(variables)
    return optimizer


def test_a_step_goes_down_the_gradient_and_returns_the_terms_from_before_it():
    w = variable([3.0, -1.0])
    optimizer = built(keras.optimizers.SGD(0.1), [w])
    aux = engine.minimize(lambda: (ops.sum(w * w), {"w": w * 1.0}), [w], optimizer, [w])
    np.testing.assert_allclose(array(w), [2.4, -0.8], rtol=1e-6)
    np.testing.assert_allclose(array(aux["w"]), [3.0, -1.0])


def test_only_the_named_variables_change():
    w, other = variable(2.0), variable(5.0)
    optimizer = built(keras.optimizers.SGD(0.1), [w])
    engine.minimize(lambda: (w * other, ()), [w], optimizer, [w, other])
    np.testing.assert_allclose([array(w), array(other)], [1.5, 5.0])


def test_what_the_loss_assigns_stays_assigned():
    w, counter = variable(2.0), variable(0.0)
    optimizer = built(keras.optimizers.SGD(0.1), [w])

    def loss_fn():
        counter.assign(counter + 1.0)
        return w * counter, ()

    engine.minimize(loss_fn, [w], optimizer, [w, counter])
    np.testing.assert_allclose([array(w), array(counter)], [1.9, 1.0], rtol=1e-6)


def test_without_variables_the_loss_is_computed_and_nothing_changes():
    w = variable(2.0)
    optimizer = built(keras.optimizers.SGD(0.1), [])
    aux = engine.minimize(lambda: (w * w, {"loss": w * w}), [], optimizer, [w])
    np.testing.assert_allclose([array(w), array(aux["loss"])], [2.0, 4.0])


def test_adam_takes_the_step_of_its_paper():
    w = variable(1.0)
    optimizer = built(keras.optimizers.Adam(0.1, beta_1=0.9, beta_2=0.99, epsilon=1e-8), [w])
    value, m, v = 1.0, 0.0, 0.0
    for t in range(1, 6):
        engine.minimize(lambda: (w**3, ()), [w], optimizer, [w])
        g = 3 * value**2
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        value -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8)
        np.testing.assert_allclose(array(w), value, rtol=1e-4)


def test_gradients_are_clipped_and_accumulated():
    w = variable([3.0, 4.0])
    clipping = built(keras.optimizers.SGD(1.0, clipnorm=0.5), [w])
    engine.minimize(lambda: (ops.sum(w * w), ()), [w], clipping, [w])
    np.testing.assert_allclose(array(w), [3 - 0.3, 4 - 0.4], rtol=1e-5)
    u = variable(1.0)
    accumulating = built(keras.optimizers.SGD(0.1, gradient_accumulation_steps=3), [u])
    for factor, expected in ((1.0, 1.0), (2.0, 1.0), (6.0, 0.7)):
        engine.minimize(lambda f=factor: (u * f, ()), [u], accumulating, [u])
        np.testing.assert_allclose(array(u), expected, rtol=1e-6)


def test_every_loss_has_a_scale_of_its_own():
    """A gradient that overflows halves its own scale and skips its own step alone."""
    good, bad = variable(1.0), variable(1.0)
    group = OptimizerGroup({"good": keras.optimizers.SGD(0.1), "bad": keras.optimizers.SGD(0.1)})
    group.scale_losses()
    group.build_members({"good": [good], "bad": [bad]})
    state = [good, bad]
    engine.minimize(lambda: (good * 2.0, ()), [good], group["good"], state)
    engine.minimize(lambda: (bad * np.float32(3e38), ()), [bad], group["bad"], state)
    np.testing.assert_allclose([array(good), array(bad)], [0.8, 1.0], rtol=1e-6)
    scales = [float(array(group[name].dynamic_scale)) for name in ("good", "bad")]
    assert scales == [2.0**15, 2.0**14]


def aae(**options):
    keras.utils.set_random_seed(0)
    model = zoo.AAE((8, 8, 1), 2, hidden_units=(8,), **options)
    model.compile("adam", jit_compile=BACKEND == "jax")
    return model


def snapshot(model):
    parts = {"encoder": model.encoder, "decoder": model.decoder, "critic": model.discriminator}
    return {name: [array(w).copy() for w in part.weights] for name, part in parts.items()}


def changed(model, before):
    after = snapshot(model)
    return {
        name
        for name in before
        if any(not np.array_equal(a, b) for a, b in zip(before[name], after[name], strict=True))
    }


@pytest.mark.parametrize(
    ("update", "terms", "expected"),
    [
        ("reconstruction", "reconstruction_terms", {"encoder", "decoder"}),
        ("discriminator", "discriminator_terms", {"critic"}),
        ("generator", "generator_terms", {"encoder"}),
    ],
)
def test_each_adversarial_update_changes_its_own_networks_and_no_others(update, terms, expected):
    model = aae()
    batch = Batch(ops.convert_to_tensor(np.random.default_rng(0).random((16, 8, 8, 1), "float32")))
    before = snapshot(model)
    states = {name: [array(v) for v in model.optimizer[name].variables] for name in model.updates()}
    model.minimize(
        lambda: getattr(model, terms)(batch, training=True),
        model.updates()[update],
        model.optimizer[update],
    )
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
        terms = getattr(by_hand, f"{update}_terms")
        by_hand.minimize(
            lambda terms=terms: terms(batch, training=True),
            by_hand.updates()[update],
            by_hand.optimizer[update],
        )
    for a, b in zip(by_keras.trainable_weights, by_hand.trainable_weights, strict=True):
        np.testing.assert_allclose(array(a), array(b), atol=1e-5)


@pytest.mark.compiled
def test_freezing_the_encoder_of_an_adversarial_model_leaves_the_others_learning():
    model = aae()
    model.encoder.trainable = False
    before = snapshot(model)
    model.fit(np.random.default_rng(0).random((32, 8, 8, 1), "float32"), verbose=0)
    assert changed(model, before) == {"decoder", "critic"}


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


def test_draws_are_seeded_and_advance():
    seeds = [keras.random.SeedGenerator(4) for _ in range(2)]
    for draw in (engine.normal, engine.uniform):
        first, again = (array(draw((100,), seed)) for seed in seeds)
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, array(draw((100,), seeds[0])))
        array(draw((100,), seeds[1]))


def test_a_term_that_is_one_number_a_batch_counts_by_the_images_of_the_batch():
    class Sizes(zoo.Autoencoder):
        terms = ("reconstruction", "images")

        def loss_terms(self, batch, training):
            images = ops.cast(ops.shape(batch.x)[0], "float32")
            return {**super().loss_terms(batch, training), "images": images}

    model = Sizes((8, 8, 1), 2, hidden_units=(4,))
    model.compile(jit_compile=BACKEND == "jax")
    logs = model.evaluate(
        np.zeros((10, 8, 8, 1), "float32"), batch_size=8, verbose=0, return_dict=True
    )
    np.testing.assert_allclose(logs["images"], (8 * 8 + 2 * 2) / 10)


@pytest.mark.compiled
def test_compiling_again_makes_steps_that_see_what_has_changed():
    """Also where somebody keeps the functions from before, and their traces with them."""
    kept = []
    model = zoo.Autoencoder((8, 8, 1), 2, hidden_units=(4,), l2=0.5)
    x = np.random.default_rng(0).random((8, 8, 8, 1)).astype("float32")
    for weight in (1.0, 3.0):
        model.term_weights["l2"] = weight
        model.compile(keras.optimizers.SGD(0.0), jit_compile=BACKEND == "jax")
        for logs in (
            {name: values[0] for name, values in model.fit(x, verbose=0).history.items()},
            model.evaluate(x, verbose=0, return_dict=True),
        ):
            expected = logs["reconstruction"] + weight * logs["l2"]
            np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)
        kept += [model.train_function, model.test_function]


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch traces nothing")
@pytest.mark.compiled
@pytest.mark.parametrize("rows", [40, 42])
def test_a_step_is_traced_in_the_first_epoch_alone(rows):
    """Also where the last batch is a short one, and where another training follows."""
    traces = []

    class Counting(zoo.Autoencoder):
        def loss_terms(self, batch, training):
            traces.append(batch.x.shape)
            return super().loss_terms(batch, training)

    model = Counting((4, 4, 1), 2, hidden_units=(4,))
    model.compile(jit_compile=BACKEND == "jax")
    seen = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: counts.append(len(traces)))
    counts = []
    x = np.zeros((rows, 4, 4, 1), "float32")
    for _ in range(2):
        model.fit(x, batch_size=8, epochs=3, callbacks=[seen], verbose=0)
    assert counts == [counts[0]] * 6
