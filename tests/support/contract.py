"""What every model of the zoo must do; `test_contract.py` runs it for each class.

A check is a function of a `Case`: a way to make a fresh tiny model, and data that fits it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from support.cases import (
    BACKEND,
    equal,
    inputs_of_images,
    made_of_images,
    measured,
    seen,
    tolerance,
    two_networks,
    weights,
)
from zoo.models.generator import BaseGenerator


def fit_lowers_the_loss(case):
    model = case.new()
    model.compile(keras.optimizers.Adam(0.01))
    before = model.evaluate(*case.data(model), verbose=0, return_dict=True)
    history = model.fit(*case.data(model), batch_size=64, epochs=3, verbose=0).history
    after = model.evaluate(*case.data(model), verbose=0, return_dict=True)
    assert after["loss"] < before["loss"]
    if hasattr(model, "encode"):
        assert history["reconstruction"][-1] < history["reconstruction"][0]


def every_metric_is_reported_and_the_loss_follows_from_them(case):
    model = case.compiled()
    logs = model.evaluate(*case.data(model), verbose=0, return_dict=True)
    assert set(logs) == {"loss", *model.metric_names}
    assert np.isfinite(list(logs.values())).all()
    hint = "loss_of in tests/support/contract.py must know every term of the loss and its weight"
    np.testing.assert_allclose(logs["loss"], loss_of(model, logs), rtol=1e-5, err_msg=hint)


def loss_of(model, logs) -> float:
    """Return what the papers minimize, or for several updates report, of the metrics of a model."""
    if isinstance(model, zoo.BEGAN):
        on_images, on_samples = logs["energy_of_images"], logs["energy_of_samples"]
        return on_images + abs(model.diversity * on_images - on_samples)
    if isinstance(model, zoo.EBGAN):
        return logs["energy_of_images"]
    if isinstance(model, zoo.GAN):
        return logs["discriminator"]
    if isinstance(model, zoo.Pix2Pix | zoo.PaletteNet | zoo.TDAE):
        return logs[model.metric_names[0]]
    if model.updates or isinstance(model, zoo.RBM):
        return logs["amortized" if "amortized" in logs else "reconstruction"]
    if isinstance(model, zoo.IWAE):
        return -logs["iw_elbo"]
    if isinstance(model, zoo.CorrespondenceAutoencoder):
        errors = sum(value for name, value in logs.items() if name.endswith("reconstruction"))
        return (1 - model.alpha) * errors + model.alpha * logs["code_distance"]
    if isinstance(model, zoo.CompressiveAutoencoder):
        return logs["rate"] + logs["distortion"]
    beta = float(getattr(model, "beta_now", 0.0))
    if isinstance(model, zoo.DFCVAE):
        return beta * logs["kl"] + logs["features"]
    weights = {"reconstruction": 1.0, "kl": beta, "free_bits_penalty": beta, "label": beta}
    weights |= {"labeled_bound": 1.0, "classification": getattr(model, "alpha", 0.0)}
    weights |= dict.fromkeys(("sparsity", "contraction"), getattr(model, "weight", 0.0))
    weights |= {name: getattr(model, name, 0.0) for name in ("l1", "l2")}
    weights["imbalance"] = getattr(model, "balance", 0.0)
    return sum(weights.get(name, 0.0) * value for name, value in logs.items())


def the_reconstruction_term_does_not_depend_on_the_batch_size(case):
    model = case.compiled()
    one, other = (
        model.evaluate(*case.data(model, 50), batch_size=size, verbose=0, return_dict=True)
        for size in (50, 17)
    )
    rtol = tolerance(model)
    if hasattr(model, "recolor"):  # by an angle that depends on the place in the batch
        rtol = 0.2
    name = measured(model)
    np.testing.assert_allclose(one[name], other[name], rtol)


def encoding_is_deterministic_and_decoding_stays_in_range(case):
    model = case.new()
    if not hasattr(model, "encode"):
        assert not hasattr(model, "reconstruct")
        return
    z = model.encode(*case.images(model, 9))
    assert (z.shape, z.dtype) == ((9, *model.code_shape), np.float32)
    np.testing.assert_array_equal(z, model.encode(*case.images(model, 9)))
    images = model.reconstruct(*case.images(model, 9))
    assert images.shape == case.x[:9].shape
    if model.likelihood.low is not None:
        assert images.min() >= model.likelihood.low
        assert images.max() <= model.likelihood.high
    one_by_one = model.encode(*case.images(model, 9), batch_size=4)
    np.testing.assert_allclose(one_by_one, z, atol=1e-5)


def calling_and_predicting_reconstruct(case):
    model = case.compiled()
    if (made := made_of_images(case, model, 5)) is not None:
        inputs = inputs_of_images(case, model, 5)
        inputs = inputs if len(inputs) > 1 else inputs["x"]
        np.testing.assert_allclose(model.predict(inputs, verbose=0), made, atol=1e-5)
        return
    if not hasattr(model, "encode"):  # a call makes images of codes
        z = np.random.default_rng(0).standard_normal((5, model.latent_dim)).astype("float32")
        made = keras.ops.convert_to_numpy(keras.ops.stop_gradient(model(z)))
        np.testing.assert_allclose(made, model.decode(z), atol=1e-5)
        np.testing.assert_allclose(model.predict(z, verbose=0), made, atol=1e-5)
        return
    x, y = case.x[:5], case.labels(model, 5)
    inputs = {"x": x, "label": y} if model.conditional else x
    expected = model.reconstruct(*case.images(model, 5))
    called = keras.ops.convert_to_numpy(keras.ops.stop_gradient(model(inputs)))
    np.testing.assert_allclose(called, expected, atol=1e-5)
    np.testing.assert_allclose(model.predict(inputs, verbose=0), expected, atol=1e-5)


def predict_refuses_what_the_model_does_not_take(case):
    model = case.compiled()
    inputs = inputs_of_a_call(case, model, 3)
    images = inputs["x"] if isinstance(inputs, dict) else inputs
    wrong = [(np.full_like(images, np.nan), ValueError), (images[:, :1], ValueError)]
    if model.likelihood.bounded and not isinstance(model, BaseGenerator):
        wrong += [(images + 5.0, ValueError), ((255 * images).astype("uint8"), TypeError)]
    for changed, error in wrong:
        with pytest.raises(error):
            model.predict({**inputs, "x": changed} if inputs is not images else changed, verbose=0)


def inputs_of_a_call(case, model, n):
    """Return the inputs of `model(...)`: codes of a generator, images, or images with labels."""
    if isinstance(model, BaseGenerator):
        return model.prior_samples(n, None, seed=0)
    if not hasattr(model, "encode"):
        inputs = inputs_of_images(case, model, n)
        return inputs if len(inputs) > 1 else inputs["x"]
    return {"x": case.x[:n], "label": case.labels(model, n)} if model.conditional else case.x[:n]


def generating_is_seeded_or_refused(case):
    model = case.new()
    if not hasattr(model, "generate"):
        assert not model.can_generate
        return
    if not model.can_generate:
        with pytest.raises(TypeError, match="no prior"):
            model.generate(4)
        return
    labels = case.labels(model, 3) if model.conditional else None
    first, again, other = (model.generate(3, labels, seed=seed) for seed in (0, 0, 1))
    assert first.shape == (3, *model.image_shape)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def the_config_makes_an_equal_model(case):
    model = case.new()
    copy = type(model).from_config(model.get_config())
    assert copy.get_config() == model.get_config()
    assert [w.shape for w in copy.weights] == [w.shape for w in model.weights]


def a_keras_file_holds_everything_and_training_goes_on_the_same(case):
    model = case.compiled()
    model.fit(*case.data(model, 64), batch_size=32, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        loaded = keras.saving.load_model(path)
    assert type(loaded) is type(model)
    np.testing.assert_allclose(seen(case, loaded), seen(case, model), atol=1e-6)
    states = [
        [np.array(keras.ops.convert_to_numpy(v)) for v in m.optimizer.variables]
        for m in (model, loaded)
    ]
    assert len(states[0]) > 2
    assert equal(*states)
    for m in (model, loaded):
        m.fit(*case.data(m, 64), batch_size=32, shuffle=False, verbose=0)
    assert equal(weights(model), weights(loaded), atol=1e-5)


def a_preset_folder_gives_the_model_back(case):
    model = case.compiled(keras.optimizers.Adam(0.0123))
    model.fit(*case.data(model, 64), verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        zoo.save(model, Path(folder, "mine"))
        loaded = zoo.load(Path(folder, "mine"))
    assert equal(weights(model), weights(loaded))
    np.testing.assert_array_equal(seen(case, loaded), seen(case, model))
    assert float(keras.ops.convert_to_numpy(loaded.optimizer.learning_rate)) == np.float32(0.0123)
    loaded.fit(*case.data(model, 64), verbose=0)


def the_same_seed_trains_the_same_weights(case):
    runs = []
    for _ in range(2):
        model = case.compiled()
        model.fit(*case.data(model, 96), batch_size=32, verbose=0)
        runs.append(weights(model))
    assert equal(*runs, atol=1e-6)


def a_frozen_encoder_stays_and_an_unfrozen_one_learns_again(case):
    model = case.compiled()
    model.fit(*case.data(model, 64), verbose=0)
    first, second = two_networks(model)
    first.trainable = False
    frozen, free = weights(first), weights(second)
    model.fit(*case.data(model, 64), verbose=0)
    assert equal(frozen, weights(first))
    assert not equal(free, weights(second))
    first.trainable = True
    model.fit(*case.data(model, 64), verbose=0)
    assert not equal(frozen, weights(first))


def mixed_precision_trains_float32_weights(case):
    for policy in ("mixed_bfloat16", "mixed_float16"):
        model = case.compiled(dtype=policy)
        logs = model.fit(*case.data(model, 64), batch_size=32, verbose=0).history
        assert np.isfinite([values[-1] for values in logs.values()]).all(), policy
        assert {keras.backend.standardize_dtype(w.dtype) for w in model.trainable_weights} == {
            "float32"
        }
        assert seen(case, model).dtype == np.float32
        optimizers = getattr(model.optimizer, "members", {"": model.optimizer}).values()
        scaled = [isinstance(o, keras.optimizers.LossScaleOptimizer) for o in optimizers]
        assert all(scaled) if policy == "mixed_float16" else not any(scaled)


def gradients_are_accumulated(case):
    accumulating = keras.optimizers.SGD(0.01, gradient_accumulation_steps=2)
    model = case.compiled(accumulating)
    network = two_networks(model)[-1]
    before = weights(network)
    model.fit(*case.data(model, 32), batch_size=32, shuffle=False, verbose=0)
    assert equal(before, weights(network))
    model.fit(*case.data(model, 32), batch_size=32, shuffle=False, verbose=0)
    assert not equal(before, weights(network))


def gradients_are_clipped(case):
    model = case.compiled(keras.optimizers.SGD(1.0, clipnorm=1e-3))
    network = two_networks(model)[-1]
    before = weights(network)
    model.fit(*case.data(model, 32), batch_size=32, verbose=0)
    moved = [np.linalg.norm(a - b) for a, b in zip(before, weights(network), strict=True)]
    assert max(moved) > 1e-4
    assert max(moved) < 1.1e-3


def what_is_frozen_stays_frozen_in_a_file(case):
    model = case.new()
    two_networks(model)[0].trainable = False
    model.compile(jit_compile=BACKEND == "jax")
    model.fit(*case.data(model, 32), verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder, "model.keras"))
        zoo.save(model, Path(folder, "mine"))
        copies = (
            keras.saving.load_model(Path(folder, "model.keras")),
            zoo.load(Path(folder, "mine")),
        )
    assert len(copies[0].optimizer.variables) == len(model.optimizer.variables)
    for copy in copies:
        before = weights(two_networks(copy)[0])
        copy.fit(*case.data(copy, 32), verbose=0)
        assert equal(before, weights(two_networks(copy)[0]))


def parts_compute_what_the_methods_do(case):
    model = case.new()
    parts = model.parts()
    if (made := made_of_images(case, model, 4)) is not None:
        inputs = keras.tree.map_structure(
            keras.ops.convert_to_tensor, inputs_of_images(case, model, 4)
        )
        y = parts["generator"].function(inputs)["y"]
        y = keras.ops.convert_to_numpy(keras.ops.stop_gradient(y))
        np.testing.assert_allclose(y, made, atol=1e-5)
        return
    if not hasattr(model, "encode"):
        z = model.prior.sample(4, seed=0)
        images = parts["decoder"].function({"z": keras.ops.convert_to_tensor(z)})["x"]
        images = keras.ops.convert_to_numpy(keras.ops.stop_gradient(images))
        np.testing.assert_allclose(images, model.decode(z), atol=1e-5)
        return
    assert set(parts) >= {"encoder", "decoder"}
    x, y = case.x[:4], case.labels(model, 4)
    y = y if model.label_shape else y.astype("int32")
    label = {"label": keras.ops.convert_to_tensor(y)} if model.conditional else {}
    labels = y if model.conditional else None
    codes = parts["encoder"].function({"x": keras.ops.convert_to_tensor(x), **label})
    assert list(codes) == [info.name for info in parts["encoder"].outputs]
    z = keras.ops.convert_to_numpy(keras.ops.stop_gradient(codes[model.encoder_outputs[0]]))
    np.testing.assert_allclose(z, model.encode(x, labels), atol=1e-5)
    images = parts["decoder"].function({"z": keras.ops.convert_to_tensor(z), **label})["x"]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(keras.ops.stop_gradient(images)),
        model.decode(z, labels),
        atol=1e-5,
    )


def every_part_is_exported_and_proved_equal(case):
    if BACKEND != "tensorflow":
        return  # the converter reads TensorFlow graphs; presets written elsewhere load there
    import export

    model = case.new()
    generator = np.random.default_rng(0)
    model.set_weights(
        [
            w + 0.1 * generator.standard_normal(w.shape).astype(w.dtype)
            if w.dtype == np.float32
            else w
            for w in model.get_weights()
        ]
    )  # fresh biases are zero, and would be folded away
    with tempfile.TemporaryDirectory() as folder:
        report = export.export_model(model, Path(folder, "out"))
        assert set(report) == set(model.parts())
        assert all(part["passed"] for part in report.values())
        if (made := made_of_images(case, model, 3)) is not None:
            session = export.load(Path(folder, "out", "generator"))
            y = session(**inputs_of_images(case, model, 3))["y"]
            np.testing.assert_allclose(y, made, atol=1e-5)
            return
        session = export.load(Path(folder, "out", "decoder"))
        z = generator.standard_normal((3, *model.code_shape)).astype("float32")
        label = {"label": case.labels(model, 3)} if model.conditional else {}
        np.testing.assert_allclose(
            session(z=z, **label)["x"], model.decode(z, label.get("label")), atol=1e-5
        )


CHECKS = [
    fit_lowers_the_loss,
    every_metric_is_reported_and_the_loss_follows_from_them,
    the_reconstruction_term_does_not_depend_on_the_batch_size,
    encoding_is_deterministic_and_decoding_stays_in_range,
    calling_and_predicting_reconstruct,
    predict_refuses_what_the_model_does_not_take,
    generating_is_seeded_or_refused,
    the_config_makes_an_equal_model,
    a_keras_file_holds_everything_and_training_goes_on_the_same,
    a_preset_folder_gives_the_model_back,
    the_same_seed_trains_the_same_weights,
    a_frozen_encoder_stays_and_an_unfrozen_one_learns_again,
    mixed_precision_trains_float32_weights,
    gradients_are_accumulated,
    gradients_are_clipped,
    what_is_frozen_stays_frozen_in_a_file,
    parts_compute_what_the_methods_do,
    every_part_is_exported_and_proved_equal,
]
