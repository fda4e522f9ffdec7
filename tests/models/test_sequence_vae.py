"""Sequences of different lengths: what is after their end counts for nothing."""

import numpy as np
import pytest
from keras import ops
from scipy.stats import norm

import export
import zoo
import zoo.runtime.tensors

GENERATOR = np.random.default_rng(0)
pytestmark = pytest.mark.compiled  # a step for each time, one by one, takes long
WAVES = [np.sin(1.5 * np.arange(3 + i % 6) + i)[:, None] * [1.0, -0.5] for i in range(60)]
X = zoo.data.padded(WAVES, 8)
SETTINGS = {"encoder_units": 8, "decoder_units": 8, "seed": 0}


def made(**options):
    model = zoo.SequenceVAE((8, 2), 3, **{**SETTINGS, **options})
    model.compile("adam", jit_compile=False)
    return model


def test_the_density_is_the_sum_over_the_steps_that_are_there():
    mean = GENERATOR.normal(size=X.shape).astype("float32")
    found = zoo.Padded(zoo.Gaussian(0.5)).log_prob(X, mean)
    expected = [norm.logpdf(wave, mean[i, : len(wave)], 0.5).sum() for i, wave in enumerate(WAVES)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("autoregressive", [False, True])
def test_a_longer_array_with_the_same_signals_gives_the_same_codes_and_bounds(autoregressive):
    short = made(autoregressive=autoregressive)
    long = zoo.SequenceVAE((12, 2), 3, autoregressive=autoregressive, **SETTINGS)
    long.set_weights(short.get_weights())
    x = zoo.data.padded(WAVES, 12)
    np.testing.assert_allclose(long.encode(x), short.encode(X), atol=1e-5)
    if autoregressive:  # else a step gets its time as a part of the whole
        z = short.encode(X)
        bounds = [m.kl_and_log_prob(a, z) for m, a in ((long, x), (short, X))]
        np.testing.assert_allclose(bounds[0], bounds[1], rtol=1e-4)
        np.testing.assert_allclose(long.decode(z)[:, :8], short.decode(z), atol=1e-5)


def test_an_autoregressive_step_depends_on_the_steps_before_and_no_other():
    model = made(autoregressive=True)
    x = GENERATOR.normal(size=(1, 8, 2)).astype("float32")
    other = x.copy()
    other[0, 4] += 1.0
    z = ops.zeros((1, 3))
    one, two = (model.decoder({"z": z, "previous": model.previous(a)}) for a in (x, other))
    changed = np.abs(np.asarray(one - two)).max(axis=(0, 2)) > 1e-6
    assert not changed[:5].any()
    assert changed[5]


def test_steps_one_after_the_other_give_what_the_whole_decoder_gives():
    model = made(autoregressive=True)
    x = np.nan_to_num(X[:3])
    z = ops.convert_to_tensor(model.encode(X[:3]))
    whole = np.asarray(model.decoder({"z": z, "previous": model.previous(x)}))
    state, previous = model.initial_state(z), ops.zeros((3, 2))
    for t in range(8):
        parameters, state = model.next_step(z, previous, state)
        np.testing.assert_allclose(parameters, whole[:, t], atol=1e-5)
        previous = ops.convert_to_tensor(x[:, t])


@pytest.mark.slow
def test_training_lowers_the_loss_and_calibrates_by_the_steps_that_are_there():
    model = made()
    history = model.fit(X, epochs=30, batch_size=20, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    errors = model.reconstruction_error(X).sum() / (~np.isnan(X)).sum()
    assert model.likelihood.step.spread == pytest.approx(errors**0.5, rel=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("autoregressive", [False, True])
def test_silence_has_finite_gradients(autoregressive):
    model = zoo.SequenceVAE((40, 1), 2, autoregressive=autoregressive, **SETTINGS)
    model.compile("adam", jit_compile=False)
    history = model.fit(np.zeros((4, 40, 1), "float32"), epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.slow
def test_reconstructions_end_where_the_signals_end():
    restored = made().reconstruct(X)
    np.testing.assert_array_equal(np.isnan(restored), np.isnan(X))


@pytest.mark.slow
def test_signals_are_detected_whatever_their_length(tmp_path):
    detector = zoo.anomaly.Detector(made(), standardize=True, quantile=0.9)
    detector.fit(X, epochs=20, verbose=0)
    strange = [np.full((n, 2), 6.0) for n in (3, 5, 8)]
    assert (detector.predict(zoo.data.padded(strange, 8)) == -1).all()
    lengths = (~np.isnan(X[..., 0])).sum(axis=1)
    assert abs(np.corrcoef(lengths, detector.scores(X))[0, 1]) < 0.7
    assert (detector.explain(X)[np.isnan(X)] == 0).all()
    export.export_model(detector, tmp_path / "out", formats=("onnx",))
    found = export.load(tmp_path / "out" / "detector")(x=X)
    np.testing.assert_allclose(found["score"], detector.scores(X), rtol=1e-3)


@pytest.mark.slow
def test_exported_files_take_signals_that_end_early(tmp_path):
    model = made(autoregressive=True)
    export.export_model(model, tmp_path / "out", formats=("onnx",))
    found = export.load(tmp_path / "out" / "encoder")(x=X)["z_mean"]
    np.testing.assert_allclose(found, model.encode(X), atol=1e-5)
    z = model.encode(X[:4])
    start, step = (export.load(tmp_path / "out" / name) for name in ("initial_state", "step"))
    state, previous, steps = start(z=z)["state"], np.zeros((4, 2), "float32"), []
    for _ in range(8):
        after = step(z=z, previous=previous, state=state)
        state, previous = after["next_state"], after["x"]
        steps.append(previous)
    np.testing.assert_allclose(np.stack(steps, axis=1), model.decode(z), atol=1e-4)
    whole = export.load(tmp_path / "out" / "decoder")(z=z)["x"]
    np.testing.assert_allclose(whole, model.decode(z), atol=1e-4)


def gap(x):
    x = x.copy()
    x[0, 0] = np.nan
    return x


def half(x):
    x = x.copy()
    x[0, 4:, 0] = np.nan
    x[0, 4:, 1] = 0.0
    return x


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (gap, "before the end"),
        (half, "some of its channels"),
        (lambda x: np.full_like(x, np.nan), "no steps"),
        (lambda x: x[:, :6], r"\(8, 2\)"),
        (lambda x: np.where(np.isnan(x), x, np.inf), "infinite"),
    ],
)
def test_bad_signals_are_refused(change, said):
    with pytest.raises(ValueError, match=said):
        made().fit(change(X), verbose=0)


def test_bad_settings_are_refused():
    for shape in ((8,), 8):
        with pytest.raises(ValueError, match="time, channels"):
            zoo.SequenceVAE(shape, 2)
    with pytest.raises(ValueError, match="single values"):
        zoo.Padded(zoo.Padded())
    with pytest.raises(ValueError, match="5 channels"):
        zoo.SequenceVAE((8, 2), 2, likelihood=zoo.SketchMixture(2))
    with pytest.raises(ValueError, match=r"\(140, 1\)"):
        zoo.SequenceVAE()
    for cls in (zoo.VAE, zoo.Autoencoder, zoo.GAN):
        with pytest.raises(ValueError, match="likelihood of sequences"):
            cls((8, 2), 2, likelihood=zoo.Padded())


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16", "float64"])
def test_steps_run_in_every_precision(dtype):
    model = made(autoregressive=True, dtype=dtype)
    assert np.isfinite(model.generate(2, seed=0)).all()
    z = ops.zeros((2, 3))
    state = model.initial_state(z)
    assert {str(t.dtype) for t in model.next_step(z, ops.zeros((2, 2)), state)} == {
        str(state.dtype)
    }


@pytest.mark.slow
def test_targets_that_are_the_signals_are_none():
    made().evaluate(X, X.copy(), verbose=0)


@pytest.mark.slow
def test_short_signals_are_measured_by_their_own_steps():
    x, shape = np.ones((1, 8, 2), "float32"), (8, 2)
    x[:, 2:] = np.nan
    model = made()
    found = zoo.anomaly.Detector(model, score="largest_error").scores(x)[0]
    errors = np.square(model.reconstruct(x) - 1)[0, :2]
    assert errors.shape == (2, shape[1])
    assert found == pytest.approx(errors.mean(), rel=1e-4)
    ratio = zoo.anomaly.Detector(model).worst_channels(x)[0].ratio
    assert ratio == pytest.approx(errors.mean(axis=0).max(), rel=1e-4)


@pytest.mark.parametrize("change", [gap, half, lambda x: np.full_like(x, np.nan)])
def test_exported_files_refuse_gaps(change):
    x = zoo.runtime.tensors.TensorSpec("x", "float32", (8, 2), padded=True)
    np.testing.assert_array_equal(zoo.runtime.tensors.check_array(x, X), X)
    with pytest.raises(ValueError, match="got NaN"):
        zoo.runtime.tensors.check_array(x, change(X))
