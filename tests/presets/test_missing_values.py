"""Files of models that learned with missing values, changed as somebody might."""

import numpy as np
import pytest
from support.tampering import rewrite_config

import zoo

X = np.random.default_rng(0).normal(size=(30, 3)).astype("float32")
HOLES = np.where(np.random.default_rng(1).random(X.shape) < 0.3, np.float32(np.nan), X)


def saved(folder, likelihood):
    zoo.save(zoo.VAE((3,), 2, hidden_units=(4,), likelihood=likelihood), folder)
    return folder


def of_likelihood(config):
    return config["config"]["likelihood"]["config"]


@pytest.fixture
def learned(tmp_path):
    return saved(tmp_path / "learned", zoo.GaussianColumns.adapted(HOLES, missing="learn"))


def test_what_a_model_does_with_holes_is_saved(learned):
    model = zoo.load(learned)
    assert model.likelihood.missing == "learn"
    assert np.isfinite(model.impute(HOLES)).all()


@pytest.mark.parametrize("value", ["drop", "", 1, None, True, ["learn"], {"learn": 1}])
def test_another_word_for_missing_is_refused(value, learned):
    rewrite_config(learned, lambda config: of_likelihood(config).update(missing=value))
    with pytest.raises(ValueError, match="missing is"):
        zoo.load(learned)


def test_a_model_with_a_mask_is_not_loaded_as_one_without(learned):
    rewrite_config(learned, lambda config: of_likelihood(config).pop("missing"))
    with pytest.raises(ValueError, match=r"model\.weights\.h5"):
        zoo.load(learned)


def test_a_model_without_a_mask_is_not_loaded_as_one_with(tmp_path):
    folder = saved(tmp_path / "plain", zoo.GaussianColumns.adapted(X))
    rewrite_config(folder, lambda config: of_likelihood(config).update(missing="learn"))
    with pytest.raises(ValueError, match=r"model\.weights\.h5"):
        zoo.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"degrees": 1},
        {"degrees": float("nan")},
        {"degrees": "3"},
        {"means": [0.0, 0.0]},
        {"means": [0.0, 0.0, float("nan")]},
        {"deviations": [1.0, 1.0, 0.0]},
        {"missing": "drop"},
        {"stddev": 1.0},
    ],
)
def test_a_changed_likelihood_of_student_columns_is_refused(change, tmp_path):
    folder = saved(tmp_path / "t", zoo.StudentColumns.adapted(HOLES, missing="learn"))
    assert zoo.load(folder).likelihood.degrees == 3
    rewrite_config(folder, lambda config: of_likelihood(config).update(change))
    with pytest.raises((ValueError, TypeError), match=next(iter(change))):
        zoo.load(folder)
