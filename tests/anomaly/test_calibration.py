"""Errors relative to the usual ones at the same place."""

import json

import numpy as np
import pytest
from scipy.ndimage import uniform_filter
from sklearn.metrics import roc_auc_score

import export
import zoo
from zoo.anomaly import Detector, calibration, load, saving, training


def images(n, seed):
    """Return images [n, 20, 18, 1] with noise above the middle, and hardly any below."""
    generator = np.random.default_rng(seed)
    x = 0.5 + np.linspace(-0.2, 0.2, 18) * generator.normal(size=(n, 1, 1))
    noise = np.where(np.arange(20) < 10, 0.1, 0.005)[:, None]
    return (x + noise * generator.normal(size=(n, 20, 18)))[..., None].clip(0, 1).astype("float32")


X, NEW = images(80, 0), images(40, 1)
BROKEN = NEW.copy()
BROKEN[:, 13:17, 6:10] += 0.06  # less than the noise above
MASKS = np.zeros((40, 20, 18), bool)
MASKS[:, 13:17, 6:10] = True


@pytest.fixture(scope="module")
def detector():
    settings = {"latent_dim": 2, "hidden_units": (16,), "quantile": 0.9, "seed": 0}
    return Detector("Autoencoder", score="calibrated_error", **settings).fit(X, epochs=5, verbose=0)


def test_means_over_windows_are_those_of_the_pixels_that_are_there():
    errors = np.random.default_rng(0).random((2, 9, 7, 3)).astype("float32")
    found = np.asarray(calibration.window_means(errors))
    sums, counts = (
        uniform_filter(a, (0, 5, 5), mode="constant")
        for a in (errors.mean(axis=-1, dtype="float64"), np.ones((2, 9, 7)))
    )
    np.testing.assert_allclose(found, sums / counts, rtol=1e-5)


def test_errors_are_divided_by_the_usual_ones(detector):
    kept = zoo.anomaly.training.hold_out(X, 0.1, 0)[0]
    means = np.asarray(calibration.window_means(detector.explain(kept))).mean(axis=0)
    normal = means + 0.1 * means.mean()
    np.testing.assert_allclose(detector.normal_map, normal, rtol=1e-4)
    expected = np.asarray(calibration.window_means(detector.explain(NEW))) / normal
    np.testing.assert_allclose(detector.maps(NEW), expected, rtol=1e-3)
    np.testing.assert_array_equal(detector.scores(NEW), detector.maps(NEW).max(axis=(1, 2)))


def test_a_weak_defect_beside_noise_is_found_by_calibration_alone(detector):
    plain = Detector(detector.model, score="largest_error", quantile=0.9).fit(X, train=False)
    areas = []
    for one in (detector, plain):
        scores = np.concatenate([one.scores(NEW), one.scores(BROKEN)])
        shown = zoo.metrics.pixel_auroc(one.maps(BROKEN), MASKS)
        areas.append((roc_auc_score(np.arange(80) >= 40, scores), shown))
    assert areas[0][0] > 0.9 > 0.7 > areas[1][0]
    assert areas[0][1] > 0.95 > areas[1][1]


@pytest.mark.slow
def test_it_is_saved_and_exported(detector, tmp_path):
    detector.save(tmp_path / "mine")
    again = load(tmp_path / "mine")
    np.testing.assert_array_equal(again.maps(NEW), detector.maps(NEW))
    assert again.threshold == detector.threshold
    export.export_model(again, tmp_path / "out", formats="onnx", images=NEW)
    found = export.load(tmp_path / "out/detector")(x=BROKEN)
    np.testing.assert_allclose(found["map"], detector.maps(BROKEN), rtol=1e-3)
    np.testing.assert_allclose(found["score"], detector.scores(BROKEN), rtol=1e-3)


def test_usual_errors_of_a_stranger_are_checked(detector, tmp_path):
    detector.save(tmp_path / "mine")
    path = tmp_path / "mine" / saving.FILE
    before = json.loads(path.read_text())
    for array, said in (
        (np.zeros((20, 18)), "above 0"),
        (np.ones((18, 20)), r"\(20, 18\)"),
        (np.full((20, 18), np.inf), "above 0"),
    ):
        data = calibration.to_bytes(array)
        (tmp_path / "mine" / calibration.FILE).write_bytes(data)
        content = before | {"normal_map_sha256": saving.describe(data)["sha256"]}
        path.write_text(json.dumps(content | {"sha256": saving.digest(content)}))
        with pytest.raises(ValueError, match=said):
            load(tmp_path / "mine")
    path.write_text(json.dumps(before))
    with pytest.raises(ValueError, match="does not match the sha256"):
        load(tmp_path / "mine")
    content = {key: value for key, value in before.items() if key != "normal_map_sha256"}
    path.write_text(json.dumps(content | {"sha256": saving.digest(content)}))
    with pytest.raises(ValueError, match="normal_map_sha256"):
        load(tmp_path / "mine")


def test_it_is_for_images_alone():
    with pytest.raises(ValueError, match="for images"):
        Detector(zoo.Autoencoder((8,), 2), score="calibrated_error")
    rows = np.random.default_rng(0).normal(size=(30, 5))
    table = Detector("Autoencoder", latent_dim=2, hidden_units=()).fit(rows, epochs=1, verbose=0)
    with pytest.raises(ValueError, match="maps is for images"):
        table.maps(rows)


def test_anomalies_in_the_data_are_left_out_of_the_usual_errors(monkeypatch):
    train, used = training.train, []

    def watched(*args, **options):
        history, kept = train(*args, **options)
        used.append(kept)
        return history, kept

    monkeypatch.setattr(training, "train", watched)
    mixed = np.concatenate([X, BROKEN[:10]])
    settings = {"latent_dim": 2, "hidden_units": (16,), "score": "calibrated_error"}
    detector = Detector("Autoencoder", contamination=0.1, **settings)
    detector.fit(mixed, epochs=4, verbose=0)
    assert np.isfinite(detector.scores(mixed)).all()
    assert (detector.predict(mixed) == -1).sum() == 9
    assert used[0].sum() == 81
    of_used, of_all = (calibration.normal_map(detector, x) for x in (mixed[used[0]], mixed))
    np.testing.assert_allclose(detector.normal_map, of_used, rtol=1e-4)
    assert not np.allclose(detector.normal_map, of_all, rtol=1e-2)
