"""Detectors on disk: what was saved comes back, and what was altered is refused."""

import json

import numpy as np
import pytest

import zoo
from zoo.anomaly import Detector, load, saving

X = np.random.default_rng(0).normal(size=(50, 4)) * [1, 10, 100, 1000]


@pytest.fixture(scope="module")
def detector():
    settings = {"latent_dim": 2, "hidden_units": (4,), "standardize": True}
    return Detector("VAE", quantile=0.9, **settings).fit(X, epochs=1, verbose=0)


@pytest.fixture
def folder(detector, tmp_path):
    detector.save(tmp_path / "mine")
    return tmp_path / "mine"


def test_a_detector_comes_back(detector, folder):
    again = load(folder)
    np.testing.assert_array_equal(again.scores(X), detector.scores(X))
    np.testing.assert_array_equal(again.predict(X), detector.predict(X))
    assert repr(again) == repr(detector)
    assert again.get_config().keys() == detector.get_config().keys()


def test_a_loaded_detector_gets_a_new_threshold_without_training(folder):
    again = load(folder)
    mean, weights = again.mean, again.model.get_weights()
    again.fit(2 * X)
    assert again.mean is mean
    assert all(
        np.array_equal(a, b) for a, b in zip(weights, again.model.get_weights(), strict=True)
    )


def test_the_model_is_a_preset_of_its_own(detector, folder):
    model = zoo.load(folder / "model")
    assert zoo.card(folder / "model")["name"] == "mine"
    assert isinstance(model, zoo.VAE)


def test_a_folder_is_replaced_only_if_asked(detector, folder):
    with pytest.raises(FileExistsError):
        detector.save(folder)
    detector.save(folder, overwrite=True)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="notes.txt"):
        detector.save(folder, overwrite=True)


def test_before_fit_nothing_is_saved(vae, tmp_path):
    with pytest.raises(ValueError, match="no threshold yet"):
        Detector(vae).save(tmp_path / "out")
    assert not list(tmp_path.iterdir())


def changed(folder, seal=True, **entries):
    path = folder / saving.FILE
    content = json.loads(path.read_text()) | entries
    if seal:
        content["sha256"] = saving.digest(content)
    path.write_text(json.dumps(content))


def test_an_altered_threshold_is_noticed(folder):
    changed(folder, seal=False, threshold=1e9)
    with pytest.raises(ValueError, match="it was altered"):
        load(folder)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"threshold": "high"}, "invalid threshold: 'high'"),
        ({"threshold": float("inf")}, "invalid threshold: inf"),
        ({"threshold": None}, "invalid threshold: None"),
        ({"score": "os.system"}, "unknown score or rule"),
        ({"score": "energy"}, "not for a VAE"),
        ({"rule": "settings"}, "unknown score or rule"),
        ({"rule_value": 2}, "quantile is 2"),
        ({"samples": 0}, "samples is 0"),
        ({"samples": 10_001}, "samples is 10001; give .* at most 10,000"),
        ({"samples": 10**24}, "samples is 1000000"),
        ({"samples": True}, "invalid samples: True"),
        ({"seed": 10**24}, "seed is 1000000"),
        ({"seed": -1}, "seed is -1"),
        ({"threshold": 10**400}, "invalid threshold: 1000000"),
        ({"threshold": 1e300}, "invalid threshold: 1e.300"),
        ({"threshold": float("nan")}, "invalid threshold: nan"),
        ({"rule_value": 10**400}, "quantile is 1000000"),
        ({"rule_value": True}, "invalid rule_value: True"),
        ({"mean": [10**400, 0, 0, 0]}, "4 numbers are expected, finite in float32"),
        ({"mean": [1e300, 0, 0, 0]}, "4 numbers are expected, finite in float32"),
        ({"mean": [True, 0, 0, 0]}, "4 numbers are expected, finite in float32"),
        ({"deviation": [1e-320, 1, 1, 1]}, "not above 0"),
        ({"mean": [0.0]}, "4 numbers are expected"),
        ({"mean": None}, "only one of mean"),
        ({"deviation": [0.0, 1.0, 1.0, 1.0]}, "not above 0"),
        ({"deviation": [1.0, 1.0, 1.0, "1"]}, "4 numbers are expected"),
        ({"weights_sha256": "0" * 64}, "other weights"),
        ({"format_version": 2}, "has format 2"),
    ],
)
def test_entries_that_cannot_be_are_refused(folder, entries, said):
    changed(folder, **entries)
    with pytest.raises(ValueError, match=said):
        load(folder)


def test_missing_files_are_named(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no detector.json"):
        load(folder / "model")
    (folder / "model").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match="model is missing"):
        load(folder)
    (folder / saving.FILE).write_text("[1]")
    with pytest.raises(ValueError):
        load(folder)
