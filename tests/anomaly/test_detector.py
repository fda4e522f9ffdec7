"""Detectors: what fit does, signs, tables in their own units, and what is refused."""

import keras
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import zoo
from zoo.anomaly import Detector
from zoo.anomaly.training import is_trained
from zoo.checks.names import UnknownNameError


@pytest.fixture(scope="module")
def table():
    """Rows of six columns in units of their own, which depend on two numbers each."""
    generator = np.random.default_rng(0)
    hidden = generator.normal(size=(400, 2)) @ generator.normal(size=(2, 6))
    noise = 0.1 * generator.normal(size=hidden.shape)
    return (hidden + noise) * [1, 10, 100, 1e-3, 5, 7] + [0, 1000, -50, 2, 3, 1e4]


@pytest.fixture(scope="module")
def of_table(table):
    settings = {"latent_dim": 2, "hidden_units": (), "score": "reconstruction"}
    detector = Detector("Autoencoder", standardize=True, **settings)
    adam = keras.optimizers.Adam(3e-2)
    return detector.fit(table, trim=0, epochs=5, optimizer=adam, verbose=0)


@pytest.fixture
def detector(vae, few_digits):
    return Detector(vae, contamination=0.25).fit(few_digits[0], train=False)


def test_signs_are_those_of_scikit_learn(detector, few_digits):
    x, _ = few_digits
    scores = detector.scores(x)
    np.testing.assert_array_equal(detector.score_samples(x), -scores)
    np.testing.assert_allclose(detector.decision_function(x), detector.threshold - scores)
    np.testing.assert_array_equal(detector.predict(x) == -1, detector.decision_function(x) < 0)
    assert (detector.predict(x) == -1).sum() == len(x) // 4
    assert detector.explain(x).shape == x.shape


def test_a_class_is_made_for_its_data(few_digits):
    detector = Detector("vae", latent_dim=4, hidden_units=(8,))
    assert (detector.score, detector.model) == (None, None)
    detector.fit(few_digits[0], epochs=1, verbose=0)
    assert detector.score == "elbo_at_mean"
    assert isinstance(detector.model, zoo.VAE)
    assert detector.model.image_shape == (8, 8, 1)
    assert detector.model.latent_dim == 4


@pytest.mark.slow
def test_a_model_of_one_digit_finds_the_others(digits):
    (x, y), (x_test, y_test) = digits
    detector = Detector("VAE", latent_dim=4, hidden_units=(32,))
    adam = keras.optimizers.Adam(1e-2)
    detector.fit(x[y == 0], epochs=15, batch_size=36, optimizer=adam, verbose=0)
    assert roc_auc_score(y_test != 0, detector.scores(x_test)) > 0.95


@pytest.mark.slow
def test_a_trained_model_is_not_trained_again_unless_asked(few_digits):
    x, _ = few_digits
    model = zoo.load("vae_digits")
    assert is_trained(model)
    before = model.get_weights()
    Detector(model).fit(x, epochs=1, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    Detector(model).fit(x, train=True, epochs=1, verbose=0)
    assert not all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    fresh = zoo.Autoencoder((8, 8, 1), 2, hidden_units=(4,))
    assert not is_trained(fresh)
    Detector(fresh).fit(x, epochs=1, verbose=0)
    assert is_trained(fresh)


def test_the_threshold_is_set_on_validation_data(vae, few_digits):
    x, _ = few_digits
    normal, validation = x[:200], 0.5 * x[200:]
    detector = Detector(vae, quantile=0.9).fit(normal, validation_data=validation, train=False)
    share = (detector.scores(validation) > detector.threshold).mean()
    assert share == pytest.approx(0.1, abs=1 / len(validation))


def test_a_quantile_of_few_items_warns_at_the_call_of_fit(vae, few_digits):
    with pytest.warns(UserWarning, match="quantile=0.99 is set on 50 scores") as caught:
        detector = Detector(vae, quantile=0.99).fit(few_digits[0][:50], train=False)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="quantile=0.98 is set on 50 scores"):
        detector.quantile = 0.98


def test_items_are_held_out_of_training_for_a_quantile(few_digits, monkeypatch):
    x, _ = few_digits
    trained_on = []
    model = zoo.Autoencoder((8, 8, 1), 2, hidden_units=(4,))
    fit = model.fit
    monkeypatch.setattr(model, "fit", lambda x, **o: trained_on.append(len(x)) or fit(x, **o))
    Detector(model, quantile=0.9).fit(x, epochs=1, verbose=0)
    Detector(model).fit(x, train=True, epochs=1, verbose=0)
    assert trained_on == [256 - 26, 256]


@pytest.mark.slow
def test_the_items_with_the_highest_scores_are_left_out_of_the_second_half(few_digits, monkeypatch):
    x = few_digits[0].copy()
    x[10:20] = 1 - x[10:20]
    model = zoo.Autoencoder((8, 8, 1), 2, hidden_units=(4,), seed=0)
    detector, fit, seen = Detector(model, contamination=0.1), model.fit, []

    def watched(x, **options):
        seen.append((x, detector.scores(few), options["epochs"], options.get("initial_epoch", 0)))
        return fit(x, **options)

    few = x[:200]
    monkeypatch.setattr(model, "fit", watched)
    detector.fit(few, epochs=3, verbose=0)
    (first, _, *of_first), (second, scores, *of_second) = seen
    assert (of_first, of_second) == ([2, 0], [3, 2])
    np.testing.assert_array_equal(first, few)
    np.testing.assert_array_equal(second, few[np.sort(np.argsort(scores)[:180])])
    assert len(detector.history["loss"]) == 3
    seen.clear()
    detector.fit(few, train=True, trim=0, epochs=3, verbose=0)
    detector.fit(few, train=True, validation_data=few, epochs=3, verbose=0)
    assert [len(call[0]) for call in seen] == [180, 180]  # a tenth tells whether the loss falls


def test_codes_have_a_third_of_the_columns_where_nothing_is_said():
    rows = np.random.default_rng(0).normal(size=(50, 12))
    detector = Detector("VAE", hidden_units=(4,), standardize=True)
    assert detector.fit(rows, epochs=1, verbose=0).model.latent_dim == 4


# Tables


def test_columns_are_standardized_by_the_training_data(of_table, table):
    z = (table - table.mean(0)) / table.std(0)
    np.testing.assert_allclose(of_table.mean, table.mean(0), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(of_table.deviation, table.std(0), rtol=1e-4)
    errors = (z - of_table.model.reconstruct(z.astype("float32"))) ** 2
    np.testing.assert_allclose(of_table.explain(table), errors, rtol=0.02, atol=1e-3)
    np.testing.assert_allclose(of_table.scores(table), errors.sum(1), rtol=0.02, atol=1e-3)


def test_the_column_that_broke_the_pattern_is_explained(of_table, table):
    row = table[:1].copy()
    row[0, 3] += 10 * table[:, 3].std()
    assert of_table.explain(row)[0].argmax() == 3
    assert of_table.predict(row) == [-1]
    restored = of_table.reconstruct(row)
    errors = ((restored - row) / of_table.deviation) ** 2
    np.testing.assert_allclose(errors, of_table.explain(row), rtol=0.02, atol=1e-2)


def test_whole_numbers_are_taken_in_tables(of_table, table):
    whole = np.round(table).astype("int64")
    np.testing.assert_array_equal(of_table.scores(whole), of_table.scores(np.round(table)))


def test_constant_columns_are_named_and_not_divided(table):
    table = table.copy()
    table[:, 2], table[:, 4] = 7.0, 1e6
    detector = Detector("Autoencoder", latent_dim=2, standardize=True)
    with pytest.warns(
        UserWarning, match="constant, or nearly so .* in columns 2, 4: nothing is"
    ) as w:
        detector.fit(table, epochs=2, verbose=0)
    (said,) = [warned for warned in w if "constant" in str(warned.message)]
    assert said.filename == __file__
    np.testing.assert_array_equal(detector.deviation[[2, 4]], 1.0)
    table[0, 2] = 70.0
    assert detector.scores(table).argmax() == 0


def test_columns_with_nan_are_named(of_table, table):
    table = table.copy()
    table[5, 1] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite values in columns 1"):
        of_table.scores(table)


def test_standardization_needs_values_of_any_size():
    with pytest.raises(ValueError, match='likelihood="gaussian"'):
        Detector(zoo.Autoencoder((6,), 2), standardize=True)


# What is refused


@pytest.mark.parametrize("name", ["CVAE", "M2", "ClusteringAAE"])
def test_conditional_models_are_refused(name, cvae):
    with pytest.raises(ValueError, match="is conditional"):
        Detector(name, latent_dim=2, num_classes=10)
    with pytest.raises(ValueError, match="is conditional"):
        Detector(cvae)


def test_a_model_that_learns_from_labels_is_to_be_trained_before(few_digits):
    model = zoo.LabelInformedAAE(
        (8, 8, 1), 2, hidden_units=(4,), num_classes=10, prior=zoo.GaussianMixture.petals(10)
    )
    with pytest.raises(ValueError, match=r"train it with model.fit\(x, y\)"):
        Detector(model).fit(few_digits[0])


def test_what_is_no_model_is_refused(vae):
    with pytest.raises(UnknownNameError, match="did you mean 'VAE'"):
        Detector("VAEE", latent_dim=2)
    with pytest.raises(TypeError, match="model is a list"):
        Detector([vae])
    with pytest.raises(TypeError, match="latent_dim: the model exists already"):
        Detector(vae, latent_dim=3)
    with pytest.raises(ValueError, match=r"contamination is 0.6"):
        Detector(vae, contamination=0.6)


def test_wrong_data_are_refused(vae, few_digits):
    x, _ = few_digits
    detector = Detector(vae)
    with pytest.raises(ValueError, match="has 1 row"):
        detector.fit(x[:1])
    with pytest.raises(ValueError, match="NaN or infinite"):
        detector.fit(np.where(x > 0.9, np.nan, x), train=False)
    with pytest.raises(ValueError, match=r"shape \(256, 64\)"):
        detector.fit(x.reshape(256, 64))
    with pytest.raises(TypeError, match="uint8"):
        detector.fit((255 * x).astype("uint8"))
    with pytest.raises(ValueError, match="validation_data has shape"):
        detector.fit(x, validation_data=x[..., 0])
    with pytest.raises(ValueError, match="200 items are needed"):
        Detector(vae, false_positive_rate=0.01).fit(x[:100], train=False)
    assert detector.threshold is None


def test_before_fit_there_is_no_decision(vae, few_digits):
    with pytest.raises(ValueError, match=r"call fit\(x\) first"):
        Detector(vae).predict(few_digits[0])
    with pytest.raises(ValueError, match=r"fit\(x\) makes the"):
        Detector("VAE", latent_dim=2).scores(few_digits[0])
    unfitted = Detector(zoo.Autoencoder((6,), 2, likelihood="gaussian"), standardize=True)
    for method in (unfitted.scores, unfitted.explain, unfitted.reconstruct):
        with pytest.raises(ValueError, match=r"no mean and deviation yet: call fit\(x\)"):
            method(np.zeros((2, 6)))
    assert Detector(vae).scores(few_digits[0]).shape == (256,)  # needs no threshold


def test_a_preset_with_another_size_is_not_trained_yet(few_digits):
    with pytest.warns(UserWarning, match="Train it before you use it"):
        model = zoo.load("vae_digits", latent_dim=6)
    detector = Detector(model).fit(few_digits[0], epochs=1, verbose=0)
    assert detector.history
    assert Detector(zoo.load("vae_digits")).fit(few_digits[0]).history is None
