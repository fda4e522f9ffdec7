"""Models as scikit-learn estimators."""

import joblib
import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_classifiers_train, check_estimator

import zoo
from zoo.sklearn import (
    EXPECTED_FAILED_CHECKS,
    AnomalyDetector,
    AutoencoderImputer,
    AutoencoderTransformer,
    SemiSupervisedClassifier,
)

DIGITS = zoo.data.load("digits")[0]
X, Y = DIGITS[0][:200].reshape(-1, 64), DIGITS[1][:200]
NOISE = np.random.default_rng(0).normal(3.0, 2.0, (200, 6))
SHORT = {"check_classifiers_train": "an epoch is too short for it; it is checked below"}

ESTIMATORS = {
    name: found
    for name, found in vars(zoo.sklearn).items()
    if isinstance(found, type) and found.__module__.startswith("zoo.sklearn.")
}


def small(model="Autoencoder", cls=AutoencoderTransformer, **settings):
    return cls(model, **{"epochs": 1, "hidden_units": (8,), "random_state": 0, **settings})


def small_classifier(model="M2", **settings):
    return small(model, SemiSupervisedClassifier, **settings)


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="one backend is enough")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_scikit_learns_own_checks_pass(name):
    expected = EXPECTED_FAILED_CHECKS[name]
    if name == "SemiSupervisedClassifier":
        expected = expected | SHORT
    # Rows of any size are for standardized columns.
    settings = {"epochs": 1} | ({} if name == "AutoencoderImputer" else {"standardize": True})
    check_estimator(ESTIMATORS[name](**settings), expected_failed_checks=expected)


def test_every_estimator_is_checked():
    assert {*ESTIMATORS} == {*EXPECTED_FAILED_CHECKS}
    reasons = [reason for failed in EXPECTED_FAILED_CHECKS.values() for reason in failed.values()]
    assert all(reasons)


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="one backend is enough")
def test_a_classifier_that_is_trained_long_enough_learns():
    classifier = SemiSupervisedClassifier(epochs=10, batch_size=32, learning_rate=1e-2)
    check_classifiers_train("SemiSupervisedClassifier", classifier)


@pytest.mark.slow
def test_an_imputer_keeps_what_was_seen_and_survives_joblib(tmp_path):
    holes = np.random.default_rng(0).random(NOISE.shape) < 0.2
    rows = np.where(holes, np.nan, NOISE)
    imputer = AutoencoderImputer(latent_dim=2, epochs=1, random_state=0).fit(rows)
    full = imputer.transform(rows)
    np.testing.assert_array_equal(full[~holes], NOISE[~holes])
    expected = imputer.model_.impute(rows.astype("float32"))
    np.testing.assert_allclose(full, expected, rtol=1e-5)
    joblib.dump(imputer, tmp_path / "imputer")
    np.testing.assert_allclose(joblib.load(tmp_path / "imputer").transform(rows), full, rtol=1e-5)


@pytest.mark.slow
def test_settings_of_the_model_are_parameters():
    codes = small("VAE", beta=2.0)
    assert codes.get_params()["beta"] == 2.0
    copy = clone(codes).set_params(beta=3.0, epochs=2)
    assert copy.get_params() == {**codes.get_params(), "beta": 3.0, "epochs": 2}
    assert copy.set_params(beta=0.5).fit(X).model_.beta == 0.5
    assert codes.beta == 2.0


def test_codes_and_rows_are_those_of_the_model():
    codes = small(latent_dim=3).fit(X)
    scaled = ((X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1)).astype("f")
    z = codes.transform(X)
    np.testing.assert_allclose(z, codes.model_.encode(scaled), atol=1e-5)
    decoded = codes.model_.decode(z) * codes.scale_ + X.mean(axis=0)
    np.testing.assert_allclose(codes.inverse_transform(z), decoded, atol=1e-5)
    errors = np.square(codes.model_.reconstruct(scaled) - scaled).sum(axis=1)
    assert codes.score(X) == pytest.approx(-errors.mean(), rel=1e-5)


@pytest.mark.slow
def test_a_grid_search_chooses_a_setting_of_the_model():
    search = GridSearchCV(small("VAE"), {"latent_dim": [1, 4], "beta": [1.0]}, cv=2)
    search.fit(X)
    assert search.best_estimator_.model_.latent_dim == search.best_params_["latent_dim"]


def test_names_of_columns_come_out(tmp_path):
    codes = small(latent_dim=2).fit(X)
    names = ["autoencodertransformer0", "autoencodertransformer1"]
    assert list(codes.get_feature_names_out()) == names


@pytest.mark.slow
@pytest.mark.parametrize("image_shape", [None, (8, 8, 1)])
def test_joblib_keeps_all_of_it_without_code_in_the_model(image_shape, tmp_path):
    codes = small(latent_dim=2, image_shape=image_shape).fit(X)
    joblib.dump(codes, tmp_path / "codes")
    again = joblib.load(tmp_path / "codes")
    np.testing.assert_allclose(again.transform(X), codes.transform(X), atol=1e-6)
    assert isinstance(codes.__getstate__()["model_bytes"], bytes)


@pytest.mark.slow
def test_a_preset_is_trained_further():
    codes = AutoencoderTransformer(
        "vae_digits", image_shape=(8, 8, 1), standardize=False, epochs=1
    ).fit(X)
    assert codes.model_.based_on == "vae_digits"
    assert codes.transform(X).shape == (200, 4)


@pytest.mark.slow
def test_labels_may_be_words_and_may_be_missing():
    words = np.array(["even", "odd"])[Y % 2]
    assert set(small_classifier().fit(X, words).predict(X)) <= {"even", "odd"}
    few = np.where(np.arange(200) < 40, 10 + Y % 2, -1)
    classifier = small_classifier().fit(X, few)
    assert list(classifier.classes_) == [10, 11]
    assert classifier.predict_proba(X).shape == (200, 2)
    np.testing.assert_allclose(classifier.predict_proba(X).sum(axis=1), 1, atol=1e-5)


def refused(said, estimator, *data):
    with pytest.raises(ValueError, match=said):
        estimator.fit(*data)


def test_what_cannot_be_fitted_is_refused():
    refused("learns from labels; see SemiSupervised", small("CVAE", num_classes=10), X)
    refused("'VEA'.*VAE", small("VEA"), X)
    refused("64 features, which do not fit image_shape", small(image_shape=(7, 7, 1)), X)
    refused("leave out beta", AutoencoderTransformer("vae_digits", beta=2.0), X)
    refused("labels of 1 class", small_classifier(), X, np.where(Y > 0, -1, 0))
    refused("VAE does not classify", small_classifier("VAE"), X, Y)


def test_a_setting_that_the_class_lacks_is_answered_with_those_that_it_has():
    with pytest.raises(TypeError, match="takes no betta"):
        small("VAE", betta=2.0).fit(X)


# Anomalies


def test_anomalies_are_those_of_the_detector_inside(tmp_path):
    anomalies = AnomalyDetector(epochs=1, hidden_units=(8,), contamination=0.2, random_state=0)
    anomalies.fit(NOISE)
    assert (anomalies.predict(NOISE) == -1).sum() == 40
    detector = anomalies.detector_
    np.testing.assert_array_equal(anomalies.predict(NOISE), detector.predict(NOISE))
    decision = anomalies.decision_function(NOISE)
    np.testing.assert_allclose(decision, detector.decision_function(NOISE), atol=1e-4)
    np.testing.assert_allclose(decision, anomalies.score_samples(NOISE) - anomalies.offset_)
    joblib.dump(anomalies, tmp_path / "anomalies")
    again = joblib.load(tmp_path / "anomalies")
    np.testing.assert_allclose(again.decision_function(NOISE), decision, atol=1e-4)
    assert again.detector_.threshold == detector.threshold
    assert clone(again).get_params() == anomalies.get_params()


@pytest.mark.slow
@pytest.mark.parametrize("image_shape", [None, (8, 8, 1)])
def test_with_nothing_set_scores_are_those_of_the_detector(image_shape, monkeypatch):
    monkeypatch.setattr(zoo.anomaly.training, "EPOCHS", 1)
    monkeypatch.setattr(zoo.anomaly.training, "STEPS", 1)
    rows = NOISE / 4 if image_shape is None else X[:40]
    items = rows.astype("float32").reshape(len(rows), *(image_shape or (6,)))
    detector = zoo.anomaly.Detector("VAE").fit(items, verbose=0)
    anomalies = AnomalyDetector(image_shape=image_shape).fit(rows)
    np.testing.assert_allclose(anomalies.score_samples(rows), -detector.scores(items), rtol=1e-6)
    np.testing.assert_array_equal(anomalies.predict(rows), detector.predict(items))
    assert {len(losses) for losses in anomalies.history_.values()} == {1}
    assert repr(anomalies.detector_) == repr(detector)


@pytest.mark.slow
def test_an_anomaly_detector_hands_over_what_is_given():
    given = {"hidden_units": (8,), "beta": 0.5, "standardize": True, "random_state": 3}
    anomalies = AnomalyDetector("VAE", 2, **given, epochs=2, batch_size=50, learning_rate=0.01)
    anomalies.set_params(contamination=0.2, anomaly_score="prior").fit(NOISE)
    detector = anomalies.detector_
    settings = {"hidden_units": (8,), "beta": 0.5}
    same = zoo.anomaly.Detector(
        "VAE",
        **{"latent_dim": 2, "score": "prior", "contamination": 0.2, "seed": 3},
        **settings,
        standardize=True,
    )
    same.fit(NOISE, epochs=2, batch_size=50, optimizer=keras.optimizers.Adam(0.01), verbose=0)
    np.testing.assert_array_equal(detector.scores(NOISE), same.scores(NOISE))
    assert detector.threshold == same.threshold
    drawn = AnomalyDetector(random_state=np.random.RandomState(0))._detector()
    assert drawn.seed == np.random.RandomState(0).randint(2**31 - 1)


@pytest.mark.slow
def test_a_grid_search_chooses_how_to_detect_by_labels_of_anomalies():
    y = np.where(np.arange(200) % 10 == 0, -1, 1)
    rows = np.where(y[:, None] == -1, NOISE + 6.0, NOISE)
    pipeline = make_pipeline(StandardScaler(), AnomalyDetector(epochs=2, random_state=0))
    grid = {"anomalydetector__anomaly_score": ["reconstruction", "prior"]}
    search = GridSearchCV(pipeline, grid, scoring="roc_auc", cv=2).fit(rows, y)
    assert search.best_score_ > 0.9


def test_images_are_scored_as_images_and_what_cannot_be_scored_is_refused():
    flat = AnomalyDetector(
        "vae_digits", epochs=1, image_shape=(8, 8, 1), anomaly_score="reconstruction"
    )
    assert flat.fit(X).detector_.explain(X[:3].reshape(-1, 8, 8, 1)).shape == (3, 8, 8, 1)
    refused("CVAE is conditional", AnomalyDetector("CVAE", num_classes=10), X)
    refused("contamination is 0.7", AnomalyDetector(contamination=0.7), X)
    refused("is not for a Autoencoder", AnomalyDetector("Autoencoder", anomaly_score="energy"), X)


# Constant columns, seeds, and settings after `fit`


def test_a_constant_column_is_not_divided_by_its_rounding_error():
    rows = np.column_stack([NOISE, np.full(len(NOISE), 0.1)])
    assert 0 < rows.std(axis=0)[-1] < 1e-10
    codes = small(latent_dim=2).fit(rows)
    assert codes.scale_[-1] == 1.0
    rows[:, -1] = 0.2
    assert np.abs(codes.transform(rows)).max() < 1e3


@pytest.mark.slow
@pytest.mark.parametrize("cls", [AutoencoderTransformer, AnomalyDetector])
def test_random_state_repeats_everything(cls):
    def found(state):
        estimator = small("VAE", cls, latent_dim=2, random_state=state).fit(NOISE)
        weights = [np.array(w) for w in estimator.model_.get_weights()]
        return [*weights, *([estimator.offset_] if cls is AnomalyDetector else [])]

    keras.utils.set_random_seed(1)
    first = found(3)
    keras.utils.set_random_seed(2)
    for one, again in zip(first, found(3), strict=True):
        np.testing.assert_array_equal(one, again)
    assert not np.allclose(first[0], found(4)[0])
    if cls is AnomalyDetector:
        detector = small("VAE", cls, random_state=3).fit(NOISE).detector_
        assert detector.seed == detector.model.seed


@pytest.mark.slow
def test_parameters_act_at_the_next_fit_and_not_before(tmp_path):
    codes = small(latent_dim=2).fit(NOISE)
    expected = codes.transform(NOISE)
    codes.set_params(standardize=False)
    np.testing.assert_array_equal(codes.transform(NOISE), expected)
    anomalies = small("VAE", AnomalyDetector).fit(NOISE)
    expected = anomalies.score_samples(NOISE)
    anomalies.set_params(anomaly_score="reconstruction", standardize=False, contamination=0.4)
    joblib.dump(anomalies, tmp_path / "anomalies")
    again = joblib.load(tmp_path / "anomalies")
    np.testing.assert_allclose(again.score_samples(NOISE), expected, rtol=1e-6)
    assert again.detector_.rule_value == 0.1


@pytest.mark.parametrize(
    ("given", "size", "epochs"),
    [
        ({"epochs": None}, 16, 750 // 8 + 1),
        ({"epochs": 20}, 16, 20),  # 160 steps instead of 20
        ({"batch_size": 128, "epochs": None}, 128, 750),
    ],
)
def test_few_rows_are_trained_for_enough_steps(given, size, epochs, monkeypatch):
    """Not for 20 steps, as 20 epochs of one batch would be."""
    seen = {}

    def fit(self, rows, labels, **options):
        seen.update(options, n=len(rows))
        return keras.callbacks.History()

    monkeypatch.setattr(zoo.Autoencoder, "fit", fit)
    monkeypatch.setattr(keras.callbacks.History, "history", {}, raising=False)
    small(**given).fit(X[:119])
    assert (seen["n"], seen["batch_size"], seen["epochs"]) == (119, size, epochs)


def test_batches_of_no_rows_are_refused():
    with pytest.raises(ValueError, match="batch_size is 0"):
        small(batch_size=0, epochs=None).fit(X[:20])


@pytest.mark.slow
@pytest.mark.parametrize("rows", [3, 17, 178])
def test_an_imputer_makes_its_steps_on_few_rows(rows, monkeypatch):
    x = np.random.default_rng(0).normal(size=(rows, 3))
    x[0, 0] = np.nan
    imputer = zoo.sklearn.AutoencoderImputer(random_state=0)
    monkeypatch.setattr(zoo.sklearn.AutoencoderImputer, "steps", 40)  # in place of 2,000
    imputer.fit(x)
    made = int(keras.ops.convert_to_numpy(imputer.model_.optimizer.iterations))
    assert made >= 40


def test_columns_that_cannot_be_imputed_are_named():
    imputer = AutoencoderImputer(latent_dim=1, epochs=1)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2, 3], "b": [np.nan] * 3, "c": ["x", "y", None]})
    with pytest.raises(ValueError, match="only NaN in columns 'b'"):
        imputer.fit(frame[["a", "b"]])
    with pytest.raises(ValueError, match="'x': .*takes columns of numbers"):
        imputer.fit(frame[["a", "c"]])
