"""Settings of a detector act when they are set, or are refused; one seed makes the whole repeat."""

import inspect

import keras
import numpy as np
import pytest

import zoo
from zoo.anomaly import Detector, load, thresholds
from zoo.checks.constructors import arguments_of
from zoo.models import CLASSES

X = np.random.default_rng(0).normal(5.0, 2.0, (60, 4)).astype("float32")
NEW = np.random.default_rng(1).normal(5.0, 4.0, (20, 4)).astype("float32")


@pytest.fixture(scope="module")
def detector():
    settings = {"latent_dim": 2, "hidden_units": (4,), "score": "elbo_at_mean"}
    detector = Detector("VAE", standardize=True, **settings)
    return detector.fit(X, trim=0, epochs=1, verbose=0)


VALUES = {
    "model": "AAE",
    "score": "reconstruction",
    "contamination": 0.3,
    "quantile": 0.8,
    "false_positive_rate": 0.05,
    "standardize": False,
    "names": ["a", "b", "c", "d"],
    "units": ["m", "s", "kg", "K"],
    "samples": 3,
    "seed": 4,
    "settings": {"latent_dim": 3},
}
ACTING = {"contamination", "quantile"}


def test_every_setting_of_the_constructor_is_tested():
    assert set(VALUES) == set(inspect.signature(Detector.__init__).parameters) - {"self"}


@pytest.mark.parametrize("name", VALUES)
def test_a_setting_acts_or_is_refused(name, detector, tmp_path):
    before = detector.get_config()
    if name not in ACTING:
        with pytest.raises((AttributeError, ValueError), match=r"make a new one|needed"):
            setattr(detector, name, VALUES[name])
        assert detector.get_config() == before
        return
    setattr(detector, name, VALUES[name])
    same = Detector(detector.model, score="elbo_at_mean", standardize=True, **{name: VALUES[name]})
    same.fit(X, train=False, validation_split=0, trim=0)
    assert detector.threshold == same.threshold != before["threshold"]
    assert (detector.rule, detector.rule_value) == (name, VALUES[name])
    assert getattr(detector, name) == VALUES[name]
    assert [getattr(detector, rule) for rule in thresholds.RULES if rule != name] == [None, None]
    detector.save(tmp_path / "saved")
    assert load(tmp_path / "saved").get_config() == detector.get_config()


def test_results_are_read_only_too(detector):
    for name in ("mean", "deviation", "rule", "history", "names", "contaminaton"):
        with pytest.raises(AttributeError, match="cannot be set"):
            setattr(detector, name, None)


def test_a_threshold_can_be_set_and_acts(detector):
    before = detector.threshold
    detector.threshold = float(np.median(detector.scores(X)))
    assert (detector.predict(X) == -1).sum() == 30
    with pytest.raises(TypeError, match="threshold is 'high'"):
        detector.threshold = "high"
    detector.threshold = before


def test_a_rule_is_checked_and_can_be_set_before_fit():
    detector = Detector("VAE", latent_dim=2, hidden_units=(4,), likelihood="gaussian")
    detector.contamination = 0.5
    with pytest.raises(ValueError, match="contamination is 0.7"):
        detector.contamination = 0.7
    detector.fit(X, epochs=1, verbose=0)
    assert (detector.predict(X) == -1).sum() == 30


def test_a_loaded_detector_has_no_scores_to_set_a_threshold_on(detector, tmp_path):
    detector.save(tmp_path / "saved")
    again = load(tmp_path / "saved")
    with pytest.raises(AttributeError, match=r"contamination cannot be set.*fit\(x, train=False\)"):
        again.contamination = 0.3
    again.threshold = 7.0
    assert again.threshold == 7.0


# One seed


def trained(seed, **settings):
    options = {"latent_dim": 2, "hidden_units": (4,), "likelihood": "gaussian", **settings}
    detector = Detector("VAE", quantile=0.9, seed=seed, **options)
    detector.fit(X, epochs=2, batch_size=16, verbose=0)
    weights = [np.array(w) for w in detector.model.get_weights()]
    return detector.threshold, detector.scores(NEW), weights


@pytest.mark.slow
@pytest.mark.parametrize("score", ["elbo_at_mean", "elbo"])
def test_one_seed_repeats_weights_order_noise_split_and_draws(score):
    keras.utils.set_random_seed(1)
    threshold, scores, weights = trained(3, score=score, samples=4)
    keras.utils.set_random_seed(2)
    again = trained(3, score=score, samples=4)
    assert threshold == again[0]
    np.testing.assert_array_equal(scores, again[1])
    for one, other in zip(weights, again[2], strict=True):
        np.testing.assert_array_equal(one, other)
    other = trained(4, score=score, samples=4)
    assert not np.allclose(scores, other[1])
    assert not np.allclose(weights[0], other[2][0])


def test_a_model_gets_the_seed_of_its_detector():
    detector = Detector("AAE", seed=5, latent_dim=2, hidden_units=(4,), likelihood="gaussian")
    detector.fit(X, epochs=1, verbose=0)
    assert detector.model.seed == detector.seed == 5


# Names of columns


@pytest.mark.slow
def test_columns_of_tables_are_put_in_order_by_name(detector, tmp_path):
    pandas = pytest.importorskip("pandas")
    names, order = ["a", "b", "c", "d"], [3, 0, 2, 1]
    table = pandas.DataFrame(X, columns=names)
    shuffled = pandas.DataFrame(NEW, columns=names).iloc[:, order]
    named = Detector(detector.model, standardize=True).fit(table, train=False)
    assert named.names == tuple(names)
    named.save(tmp_path / "saved")
    for found in (named, load(tmp_path / "saved")):
        np.testing.assert_array_equal(found.scores(shuffled), found.scores(NEW))
        np.testing.assert_array_equal(found.predict(shuffled), found.predict(NEW))
        np.testing.assert_array_equal(found.explain(shuffled), found.explain(NEW)[:, order])
        np.testing.assert_array_equal(found.reconstruct(shuffled), found.reconstruct(NEW)[:, order])
        with pytest.raises(ValueError, match="lacks the columns 'b'"):
            found.scores(shuffled.drop(columns="b"))
        with pytest.raises(ValueError, match="does not know, 'e'"):
            found.explain(shuffled.assign(e=1.0))
    with pytest.raises(ValueError, match="lacks the columns 'a'"):
        named.fit(table, train=False, validation_data=table.rename(columns={"a": "z"}))
    zoo.anomaly.write_report(named, shuffled, tmp_path / "report")
    assert "a is " in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_a_model_that_knows_its_columns_orders_them_in_a_detector():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    likelihood = zoo.GaussianColumns.adapted(table)
    detector = Detector("VAE", likelihood=likelihood, latent_dim=2, hidden_units=(4,))
    detector.fit(table[["d", "b", "a", "c"]], epochs=1, verbose=0)
    assert detector.names == ("a", "b", "c", "d")
    np.testing.assert_array_equal(detector.scores(table[["c", "a", "d", "b"]]), detector.scores(X))


def needed_by(name):
    return [key for key, of in arguments_of(CLASSES[name]).items() if of.default is of.empty]


@pytest.mark.parametrize("name", [name for name in CLASSES if needed_by(name)])
def test_settings_that_a_class_needs_are_asked_for_at_once(name):
    with pytest.raises(TypeError, match=f"{name} needs {' and '.join(needed_by(name))}: give Det"):
        Detector(name)
