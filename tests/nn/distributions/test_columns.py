"""Rows of a table in their own units: a model must learn from them as from standardized ones."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from scipy.stats import norm
from support.each_class import LONGER
from support.scores import assert_same_scores

import export
import zoo
from zoo.checks.constructors import arguments_of
from zoo.models import CLASSES
from zoo.nn.distributions.columns import moments

NAMES = ("age", "income", "height", "weight", "share")
UNITS = np.array([10.0, 2e4, 1e-9, 20.0, 1e-3], "float32")
OFFSETS = np.array([40.0, 9e4, 5e-9, -70.0, 0.0], "float32")
OTHERS = {
    "RBM",
    "CAAE",
    "CorrespondenceAutoencoder",
    "DFCVAE",
    "GAN",
    "EBGAN",
    "BEGAN",
    "Pix2Pix",
    "PaletteNet",
    "TDAE",
    "M1M2",
    "CompressiveAutoencoder",
    "SequenceVAE",
    "SketchRNN",
}  # refused, for images or pairs; and inputs that are codes
FAST = {"VAE", "DenoisingAutoencoder", "ContractiveAutoencoder", "M2"}
MORE = {
    "DenoisingAutoencoder": {"corruption": zoo.Composition([zoo.GaussianNoise(0.3)])},
    "ContractiveAutoencoder": {"hidden_units": (8,), "jacobian": "exact"},
    "M1": {"classifier_epochs": 1},
    "VaDE": {"pretraining_epochs": 0},
    "LabelInformedAAE": {"prior": {"petals": {"num_classes": 2}}},
}


@pytest.fixture(scope="module")
def rows():
    """Forty rows of five columns that hang together, in units of their own, and labels."""
    generator = np.random.default_rng(0)
    hidden = generator.normal(size=(40, 2)) @ generator.normal(size=(2, 5))
    x = hidden + 0.1 * generator.normal(size=(40, 5))
    return (x * UNITS + OFFSETS).astype("float32"), np.arange(40) % 2


def made(name, likelihood, **more):
    takes = arguments_of(zoo.models.CLASSES[name])
    options = {"hidden_units": (8,), "num_classes": 2, "seed": 1, **MORE.get(name, {}), **more}
    options = {key: value for key, value in options.items() if key in takes}
    return CLASSES[name]((5,), 2, likelihood=likelihood, **options)


def test_the_density_is_that_of_scipy_in_the_units_of_the_rows(rows):
    x, _ = rows
    columns = zoo.GaussianColumns.adapted(x, NAMES, stddev=0.5)
    u = np.random.default_rng(1).normal(size=x.shape).astype("float32")
    m, d = x.mean(axis=0, dtype="float64"), x.std(axis=0, dtype="float64")
    expected = norm.logpdf(x, m + d * u, 0.5 * d).sum(axis=1)
    assert_same_scores(np.asarray(columns.log_prob(x, u)), expected)
    np.testing.assert_allclose(np.asarray(columns.mean(u)), m + d * u, rtol=1e-4)


@pytest.mark.backend
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in FAST else pytest.mark.slow)
        for name in sorted(CLASSES.keys() - OTHERS)
    ],
)
def test_a_model_learns_from_raw_rows_what_it_learns_from_standardized_ones(name, rows):
    x, y = rows
    columns = zoo.GaussianColumns.adapted(x, NAMES)
    models, data = [made(name, columns), made(name, "gaussian")], [x, columns.standardized(x)]
    for model, seen in zip(models, data, strict=True):
        learns = model.learns_labels or model.semi_supervised
        model.compile("adam")
        model.fit(seen, y if learns else None, epochs=1, batch_size=20, shuffle=False, verbose=0)
    labels = {"labels": y} if models[0].conditional else {}
    codes, wanted = (m.encode(seen, **labels) for m, seen in zip(models, data, strict=True))
    np.testing.assert_allclose(codes, wanted, atol=2e-3)
    restored, wanted = (m.reconstruct(s, **labels) for m, s in zip(models, data, strict=True))
    np.testing.assert_allclose(columns.standardized(restored), wanted, atol=2e-3)
    errors = [
        zoo.metrics.reconstruction_error(m, seen, y if labels else None)
        for m, seen in zip(models, data, strict=True)
    ]
    assert errors[0] == pytest.approx(errors[1], rel=1e-2)


def test_errors_and_angles_of_a_linear_model_count_in_standard_deviations(rows):
    x, _ = rows
    columns = zoo.GaussianColumns.adapted(x, NAMES)
    measured = []
    for likelihood, seen in ((columns, x), ("gaussian", columns.standardized(x))):
        model = made("Autoencoder", likelihood, hidden_units=())
        model.compile("adam")
        model.fit(seen, epochs=1, verbose=0)
        data = (seen, None), (seen, None)
        found = zoo.metrics.evaluate(model, "rows", arrays=data)
        measured.append({metric["name"]: metric["value"] for metric in found})
    assert measured[0] == pytest.approx(measured[1], rel=1e-2)
    assert {"reconstruction error", "angle to PCA"} <= measured[0].keys()


def test_the_elbo_is_that_of_standardized_rows_but_for_their_units(rows):
    x, _ = rows
    columns = zoo.GaussianColumns.adapted(x, NAMES)
    models, data = [made("VAE", columns), made("VAE", "gaussian")], [x, columns.standardized(x)]
    for model, seen in zip(models, data, strict=True):
        model.compile("adam")
        model.fit(seen, epochs=2, batch_size=20, verbose=0)
    raw, standardized = (
        m.log_likelihood(seen, samples=20).value for m, seen in zip(models, data, strict=True)
    )
    units = np.log(x.std(axis=0, dtype="float64")).sum()
    np.testing.assert_allclose(raw, standardized - units, atol=1e-2)
    assert models[0].likelihood.spread == pytest.approx(models[1].likelihood.spread, rel=1e-3)


def test_a_saved_model_keeps_units_and_names_and_refuses_a_card_with_others(rows, tmp_path):
    x, _ = rows
    model = made("VAE", zoo.GaussianColumns.adapted(x, NAMES))
    card = zoo.save(model, tmp_path / "saved", storage="float16")
    assert card["columns"] == list(NAMES)
    again = zoo.load(tmp_path / "saved")
    assert again.likelihood.names == NAMES
    np.testing.assert_array_equal(again.likelihood.means, model.likelihood.means)
    error = np.abs(again.reconstruct(x) - model.reconstruct(x))
    assert (error < 1e-2 * x.std(axis=0)).all()
    path = tmp_path / "saved" / "card.json"
    path.write_text(path.read_text().replace('"income"', '"outcome"'))
    with pytest.raises(ValueError, match="outcome"):
        zoo.load(tmp_path / "saved")


@pytest.mark.slow
def test_raw_rows_go_into_the_exported_detector(rows, tmp_path):
    x, _ = rows
    model = made("VAE", zoo.GaussianColumns.adapted(x, NAMES))
    model.compile("adam")
    model.fit(x, epochs=2, verbose=0)
    detector = zoo.anomaly.Detector(model, contamination=0.1).fit(x)
    export.export_model(detector, tmp_path / "out", formats=("onnx",))
    session = export.load(tmp_path / "out" / "detector")
    assert session.signature["inputs"][0]["columns"] == list(NAMES)
    found = session(x=x)
    assert_same_scores(found["score"], detector.scores(x))
    np.testing.assert_array_equal(found["is_anomaly"], detector.predict(x) == -1)
    wrong = np.square((x - model.reconstruct(x)) / x.std(axis=0))
    np.testing.assert_allclose(detector.explain(x), wrong, rtol=1e-2, atol=1e-4)
    np.testing.assert_allclose(found["map"], wrong, rtol=1e-2, atol=1e-4)


def test_what_is_built_on_a_model_takes_raw_rows_too(rows):
    x, y = rows
    columns = zoo.GaussianColumns.adapted(x)
    model, plain = made("VAE", columns), made("VAE", "gaussian")
    u = columns.standardized(x)
    network, expected = (zoo.classifier(m, 2) for m in (model, plain))
    expected.set_weights(network.get_weights())
    np.testing.assert_allclose(
        network.predict(x, verbose=0), expected.predict(u, verbose=0), atol=1e-3
    )
    stacks = [zoo.M1M2(m, 2, num_classes=2, hidden_units=(8,), seed=0) for m in (model, plain)]
    raw, standardized = (m.reconstruct(seen, y) for m, seen in zip(stacks, (x, u), strict=True))
    np.testing.assert_allclose(columns.standardized(raw), standardized, atol=1e-3)


def test_networks_of_a_users_own_begin_with_the_layer_that_standardizes(rows, tmp_path):
    x, _ = rows
    columns = zoo.GaussianColumns.adapted(x)
    down = keras.Sequential([columns.normalization(), keras.layers.Dense(2)])
    up = keras.Sequential([keras.layers.Dense(5)])
    options = {"input_shape": (5,), "latent_dim": 2, "likelihood": columns}
    model = zoo.Autoencoder(encoder=down, decoder=up, **options)
    kernel, bias = (np.asarray(weight) for weight in model.encoder.get_weights())
    np.testing.assert_allclose(model.encode(x), columns.standardized(x) @ kernel + bias, atol=1e-3)
    zoo.save(model, tmp_path / "own")
    again = zoo.load(tmp_path / "own").encode(x)
    np.testing.assert_allclose(again, model.encode(x), atol=1e-5)


def test_whole_numbers_up_to_255_are_no_pixels(rows):
    x = np.round(np.random.default_rng(0).uniform(0, 255, (20, 5))).astype("float32")
    model = made("VAE", zoo.GaussianColumns.adapted(x))
    assert model.encode(x).shape == (20, 2)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (([0.0], [0.0]), "above 0"),
        (([0.0, 1.0], [1.0]), "2 means and 1 deviations"),
        (([np.nan], [1.0]), "NaN"),
        (([0.0], [1.0], ("a", "b")), "2 names for 1 columns"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        zoo.GaussianColumns(*settings)


def test_what_cannot_have_columns_is_refused_in_words(rows):
    x, _ = rows
    columns = zoo.GaussianColumns.adapted(x)
    with pytest.raises(ValueError, match=r"input_shape=\(5,\)"):
        zoo.VAE((4,), 2, likelihood=columns)
    with pytest.raises(ValueError, match="does not standardize visible units"):
        zoo.RBM((5,), 2, likelihood=columns)
    with pytest.raises(ValueError, match="leave out standardize"):
        zoo.anomaly.Detector(made("VAE", columns), standardize=True)


def test_constant_columns_are_named_and_not_divided():
    x = np.random.default_rng(0).normal(size=(9, 3)).astype("float32")
    x[:, 1] = 7
    with pytest.warns(UserWarning, match=r"constant, .* in columns 'b': .*drop= or --drop"):
        mean, deviation = moments(x, ("a", "b", "c"))
    with pytest.warns(UserWarning, match="in columns 1: nothing is learned"):
        moments(x)
    assert (mean[1], deviation[1]) == (7.0, 1.0)
    np.testing.assert_allclose(deviation[[0, 2]], x[:, [0, 2]].std(axis=0), rtol=1e-6)


# Categories

MIXED = np.float32([[1.7, 1, 0, 9, 0, 0, 1], [1.8, 0, 1, 5, 1, 0, 0], [1.5, 0, 1, 7, 0, 1, 0]])


@pytest.mark.backend
@pytest.mark.parametrize("stddev", [None, 0.5])
def test_the_density_of_categories_and_numbers_is_that_of_scipy(stddev):
    columns = zoo.MixedColumns.adapted(MIXED, [(4, 7), (1, 3)], stddev=stddev)
    (size,) = columns.parameter_shape((7,))
    assert size == (7 if stddev else 9)
    u = np.random.default_rng(1).normal(size=(3, size)).astype("float32")
    numbers = MIXED[:, [0, 3]].astype("float64")
    m, d = numbers.mean(axis=0), numbers.std(axis=0)
    s = stddev or np.sqrt(0.05**2 * np.exp(np.log1p(np.exp(u[:, 7:] - 2 * np.log(0.05)))))
    expected = norm.logpdf(numbers, m + d * u[:, [0, 3]], s * d).sum(axis=1)
    for part in (slice(1, 3), slice(4, 7)):
        expected += (MIXED[:, part] * log_softmax(u[:, part], axis=1)).sum(axis=1)
    rows, outputs = keras.ops.convert_to_tensor(MIXED), keras.ops.convert_to_tensor(u)
    got = keras.ops.convert_to_numpy(columns.log_prob(rows, outputs))
    np.testing.assert_allclose(got, expected, rtol=1e-4)
    mean = keras.ops.convert_to_numpy(columns.mean(outputs))
    np.testing.assert_allclose(mean[:, [0, 3]], m + d * u[:, [0, 3]], rtol=1e-4)
    np.testing.assert_allclose(mean[:, 4:], softmax(u[:, 4:7], axis=1), rtol=1e-4)


@pytest.mark.backend
@pytest.mark.parametrize("name", [pytest.param(n, marks=LONGER) for n in ("VAE", "Autoencoder")])
def test_models_learn_categories(name, tmp_path):
    """A number tells the category: after training, it follows from the number."""
    x = np.zeros((200, 4), "float32")
    kind = np.arange(200) % 3
    x[:, 0] = 100.0 * kind + np.random.default_rng(0).normal(size=200)
    x[np.arange(200), 1 + kind] = 1.0
    columns = zoo.MixedColumns.adapted(x.tolist(), [(1, 4)], ("size", "a", "b", "c"))
    model = getattr(zoo, name)((4,), 2, hidden_units=(32,), likelihood=columns, seed=1)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(x, epochs=40, batch_size=50, verbose=0)
    restored = model.reconstruct(x)
    assert (restored[:, 1:].argmax(axis=1) == kind).all()
    np.testing.assert_allclose(restored[:, 1:].sum(axis=1), 1.0, rtol=1e-5)
    zoo.save(model, tmp_path / "model")
    again = zoo.load(tmp_path / "model")
    assert again.likelihood.categories == ((1, 4),)
    np.testing.assert_allclose(again.reconstruct(x), restored, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("categories", "says"),
    [
        ([], "use zoo.GaussianColumns"),
        ([(1, 2)], "at least two columns"),
        ([(5, 8)], "among the 7"),
        ([(1, 3), (2, 4)], "which belong to no other category"),
        ("ab", "give .start, stop. for each"),
        ([(2, 4)], "In each row one of .* must be 1"),
    ],
)
def test_columns_that_are_no_categories_are_refused(categories, says):
    with pytest.raises(ValueError, match=says):
        zoo.MixedColumns.adapted(MIXED, categories)


def test_a_category_with_one_value_is_refused():
    with pytest.raises(ValueError, match=r"columns 'b', 'c' has one value in all rows.*drop="):
        zoo.MixedColumns.adapted(MIXED[1:], [(1, 3)], list("abcdefg"))
