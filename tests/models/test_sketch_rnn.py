"""Sketch-RNN: the density of a step, sequences that end, temperature, completion, and exports."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import multivariate_normal

import export
import zoo
from zoo.data import strokes

pytestmark = pytest.mark.compiled  # a step for each point, one by one, takes long
SQUARE = np.array([(0, 0), (4, 0), (4, 4), (0, 4), (0, 0)], "float64")
CROSS = [np.array([(0, 0), (4, 4)], "float64"), np.array([(4, 0), (0, 4)], "float64")]
X = strokes.to_stroke5([[SQUARE], CROSS] * 8, length=8)
SETTINGS = {"encoder_units": 12, "decoder_units": 24, "mixtures": 3, "seed": 0}


def made(latent_dim=2, **options):
    model = zoo.SketchRNN((8, 5), latent_dim, **{**SETTINGS, **options})
    model.compile(keras.optimizers.Adam(0.01, global_clipnorm=1.0), jit_compile=False)
    return model


@pytest.fixture(scope="module")
def trained():
    generator = np.random.default_rng(0)
    drawings = [
        [stroke + 0.1 * generator.normal(size=stroke.shape) for stroke in drawing]
        for drawing in [[SQUARE], CROSS] * 64
    ]
    model = made(beta=0.1, scaling=0.0)
    model.fit(strokes.to_stroke5(drawings, 8), epochs=60, batch_size=16, verbose=0)
    return model


def test_the_density_of_a_step_is_that_of_scipy():
    generator = np.random.default_rng(0)
    likelihood, m = zoo.SketchMixture(3), 3
    parameters = generator.normal(size=(1, 2, 21)).astype("float32")
    x = np.array([[[0.4, -0.3, 0, 1, 0], [0, 0, 0, 0, 1]]], "float32")
    pen, weight, mu_x, mu_y, log_x, log_y, rho = np.split(
        parameters[0, 0].astype("float64"), [3, 3 + m, 3 + 2 * m, 3 + 3 * m, 3 + 4 * m, 3 + 5 * m]
    )
    s_x, s_y, rho = 0.05 + np.exp(log_x), 0.05 + np.exp(log_y), 0.99 * np.tanh(rho)
    density = sum(
        np.exp(log_softmax(weight))[j]
        * multivariate_normal.pdf(
            [0.4, -0.3],
            [mu_x[j], mu_y[j]],
            [[s_x[j] ** 2, rho[j] * s_x[j] * s_y[j]], [rho[j] * s_x[j] * s_y[j], s_y[j] ** 2]],
        )
        for j in range(m)
    )
    expected = np.log(density) + log_softmax(pen)[1]
    expected += log_softmax(parameters[0, 1, :3].astype("float64"))[2]  # the end: its pen alone
    np.testing.assert_allclose(likelihood.log_prob(x, parameters), [expected], rtol=1e-5)


def test_draws_have_the_moments_of_the_mixture_and_of_the_pen():
    likelihood, n = zoo.SketchMixture(2), 40000
    pen, weight = np.log([0.5, 0.3, 0.2]), np.log([0.25, 0.75])
    row = np.concatenate([pen, weight, [1, -1], [2, 0], np.log([0.5, 1.0]), np.log([1.0, 0.2])])
    row = np.concatenate([row, [0.0, np.arctanh(0.8 / 0.99)]]).astype("float32")
    generator = np.random.default_rng(0)
    noise = np.concatenate([generator.random((n, 2)), generator.normal(size=(n, 2))], axis=1)
    drawn = np.asarray(
        likelihood.draw(np.tile(row, (n, 1)), noise.astype("float32"), np.ones((n, 1), "float32"))
    )
    np.testing.assert_allclose(drawn[:, 2:].mean(axis=0), [0.5, 0.3, 0.2], atol=0.01)
    moved = drawn[drawn[:, 4] == 0]
    np.testing.assert_allclose(moved[:, :2].mean(axis=0), [-0.5, 0.5], atol=0.03)
    second = moved[moved[:, 1] < 1.0]  # nearly all of the second Gaussian, whose sigma_y is 0.25
    assert 0.7 < np.corrcoef(second[:, 0], second[:, 1])[0, 1] < 0.9
    assert (drawn[drawn[:, 4] == 1][:, :2] == 0).all()


def test_a_temperature_divides_logits_and_multiplies_variances():
    likelihood, n, t = zoo.SketchMixture(2), 40000, 0.25
    row = np.concatenate([np.log([0.5, 0.3, 0.2]), np.log([0.4, 0.6]), [3, -3], [3, -3]])
    row = np.concatenate([row, np.zeros(6)]).astype("float32")  # deviations of 1.05
    generator = np.random.default_rng(0)
    noise = np.concatenate([generator.random((n, 2)), generator.normal(size=(n, 2))], axis=1)
    given = (np.tile(row, (n, 1)), noise.astype("float32"), np.full((n, 1), t, "float32"))
    drawn = np.asarray(likelihood.draw(*given))
    pen = np.array([0.5, 0.3, 0.2]) ** 4
    np.testing.assert_allclose(drawn[:, 2:].mean(axis=0), pen / pen.sum(), atol=0.01)
    moved = drawn[drawn[:, 4] == 0]
    second = moved[moved[:, 0] < 0]
    assert len(second) / len(moved) == pytest.approx(0.6**4 / (0.6**4 + 0.4**4), abs=0.01)
    np.testing.assert_allclose(second[:, :2].std(axis=0), 1.05 / 2, rtol=0.03)


@pytest.mark.slow
def test_what_comes_after_the_end_counts_for_nothing():
    model = made()
    longer = zoo.SketchRNN((12, 5), 2, **SETTINGS)
    longer.set_weights(model.get_weights())
    x = strokes.to_stroke5([[SQUARE], CROSS], length=12)
    np.testing.assert_allclose(longer.encode(x), model.encode(X[:2]), atol=1e-5)
    z = model.encode(X[:2])
    bounds = [m.kl_and_log_prob(a, z)[1] for m, a in ((model, X[:2]), (longer, x))]
    np.testing.assert_allclose(bounds[0], bounds[1], rtol=1e-5)


@pytest.mark.slow
def test_drawings_come_back_from_their_codes(trained):
    restored = trained.reconstruct(X[:2])
    np.testing.assert_array_equal(restored[..., 2:], X[:2, :, 2:])
    np.testing.assert_allclose(restored[..., :2], X[:2, :, :2], atol=0.8)


@pytest.mark.slow
def test_temperature_and_seed_decide_the_draws(trained):
    z = trained.encode(X[:1]).repeat(30, axis=0)
    cold, hot = (trained.decode(z, temperature=t, seed=1) for t in (0.01, 1.5))
    assert cold[..., :2].std(axis=0).mean() < 0.5 * hot[..., :2].std(axis=0).mean()
    again = trained.decode(z, temperature=1.5, seed=1)
    np.testing.assert_array_equal(hot, again)
    assert not np.array_equal(hot, trained.decode(z, temperature=1.5, seed=2))
    for drawing in (*cold, *hot):  # once it has ended it stays so
        ended = np.flatnonzero(drawing[:, 4])
        assert not len(ended) or (drawing[ended[0] :] == strokes.END).all()


@pytest.mark.slow
def test_a_begun_drawing_is_kept_and_goes_on_as_drawings_do(trained):
    begun = strokes.to_stroke3([SQUARE[:3]])
    found = trained.complete(begun, 6, pen_down=True, temperature=0.05, seed=0)
    assert found.shape == (6, 8, 5)
    np.testing.assert_array_equal(found[:, :2], X[:1, :2].repeat(6, axis=0))
    third = found[:, 2, :2]  # the square goes on to the left
    assert np.median(third[:, 0]) < -2


@pytest.mark.slow
def test_below_the_floor_the_kl_divergence_has_no_gradient():
    trained = {}
    for beta, floor in ((0.0, 0.0), (1.0, 1e3), (1.0, 0.0)):
        model = made(beta=beta, kl_floor=floor, scaling=0.0)
        keras.utils.set_random_seed(0)
        model.train_on_batch(X)
        trained[beta, floor] = [np.asarray(w) for w in model.trainable_weights]
    alike = [np.allclose(*pair) for pair in zip(trained[0.0, 0.0], trained[1.0, 1e3], strict=True)]
    assert all(alike)
    alike = [np.allclose(*pair) for pair in zip(trained[0.0, 0.0], trained[1.0, 0.0], strict=True)]
    assert not all(alike)


@pytest.mark.slow
def test_the_loss_counts_at_least_the_floor():
    loss = {}
    for floor in (0.0, 1e3):
        model = made(beta=1.0, kl_floor=floor, scaling=0.0)
        logs = model.evaluate(X, verbose=0, return_dict=True)
        loss[floor] = logs["loss"] - logs["reconstruction"]
        assert loss[floor] == pytest.approx(max(floor, logs["kl"]), rel=1e-3)


@pytest.mark.slow
def test_the_weight_of_the_kl_divergence_rises():
    model = made()
    model.fit(X, epochs=3, batch_size=8, verbose=0)
    assert float(model.beta_now) == pytest.approx(0.6 * (1 - 0.99 * 0.9995**6), rel=1e-4)


def test_training_scales_both_axes_of_a_drawing_each_on_its_own():
    scaled = np.asarray(made(scaling=0.3).scaled(X))
    np.testing.assert_array_equal(scaled[..., 2:], X[..., 2:])
    with np.errstate(invalid="ignore"):
        factors = scaled[..., :2] / X[..., :2]
    by_drawing = np.nanmean(factors, axis=1)  # [n, 2]
    np.testing.assert_allclose(factors[0][~np.isnan(factors[0][:, 0]), 0], by_drawing[0, 0])
    assert ((by_drawing > 0.7) & (by_drawing < 1.3)).all()
    assert by_drawing.std(axis=1).min() > 0


@pytest.mark.slow
def test_exported_steps_draw_fifty_steps_as_the_model_does(tmp_path):
    model = zoo.SketchRNN((50, 5), 3, **SETTINGS)
    export.export_model(model, tmp_path / "out", formats=("onnx",), parts=("initial_state", "step"))
    start, step = (export.load(tmp_path / "out" / name) for name in ("initial_state", "step"))
    z = np.random.default_rng(0).normal(size=(7, 3)).astype("float32")
    state = start(z=z)["state"]
    own = np.asarray(model.initial_state(z))
    previous = np.tile(np.array([0, 0, 1, 0, 0], "float32"), (7, 1))
    for _ in range(50):
        found = step(z=z, previous=previous, state=state)
        parameters, own = model.next_step(z, previous, own)
        state = found["next_state"]
        np.testing.assert_allclose(state, own, atol=1e-4)
        expected = model.step_outputs(parameters)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-3, atol=1e-4, err_msg=name)
        best = found["log_weight"].argmax(axis=1)
        pen = np.eye(3, dtype="float32")[found["pen"].argmax(axis=1)]
        previous = np.concatenate([found["mean"][np.arange(7), best], pen], axis=1)


def one_hot_lost(x):
    x[0, 0, 2:] = 0.5
    return x


def empty(x):
    x[1] = strokes.END
    return x


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (one_hot_lost, "to_stroke5"),
        (empty, "drawing 1 of x is empty"),
        (lambda x: x[..., :3], r"\(8, 5\)"),
        (lambda x: x[:, :4], r"\(8, 5\)"),
        (lambda x: np.where(x == 4.0, np.nan, x), "NaN"),
    ],
)
def test_bad_drawings_are_refused(change, said):
    x = change(X.copy())
    with pytest.raises(ValueError, match=said):
        made().encode(x)
    with pytest.raises(ValueError, match=said):
        made().fit(x, verbose=0)


def test_a_bad_drawing_is_found_among_thousands():
    x = np.repeat(X, 400, axis=0)
    x[4500, 0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        made().encode(x)
    x[4500] = strokes.END
    with pytest.raises(ValueError, match="drawing 4500"):
        made().encode(x)


@pytest.mark.slow
def test_candidates_are_of_the_prior():
    model, seen = made(prior=zoo.Normal(2, 5.0)), []
    draw = model.prior_samples
    vars(model)["prior_samples"] = lambda *given: seen.append(draw(*given)) or seen[-1]
    model.complete(strokes.to_stroke3([SQUARE[:2]]), 1, seed=0)
    assert 4 < seen[0].std() < 6


def test_bad_drawings_in_a_stream_of_tensorflow_are_refused():
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices(one_hot_lost(X.copy())).batch(4)
    with pytest.raises(ValueError, match="to_stroke5"):
        made().fit(data, verbose=0)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda model: model.decode(np.zeros((1, 2)), temperature=-1), "temperature"),
        (lambda model: model.complete([[(0, 0), (1e9, 0)]]), "fitted"),
        (lambda model: zoo.anomaly.Detector(model, standardize=True), "drawings"),
        (lambda model: zoo.SketchRNN(8, 2), "stroke-5"),
        (lambda model: model.generate(0), "n is 0"),
        (lambda model: model.complete([]), "no points"),
        (lambda model: model.complete([np.zeros((40, 2)) + np.arange(40)[:, None]]), "39 rows"),
        (lambda model: zoo.SketchRNN((8, 3), 2), "stroke-5"),
        (lambda model: zoo.SketchRNN((8, 5), 2, scaling=1.0), "scaling"),
    ],
)
def test_bad_arguments_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call(made())
