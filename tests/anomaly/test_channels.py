"""Signals whose channels have units of their own: standardized, explained, saved and exported."""

import csv
import json

import numpy as np
import pytest

import export
import zoo
from zoo.anomaly import Detector, channels, load, saving, write_report

SIZES = np.array([1e-3, 1.0, 1e5])
NAMES, UNITS = ["vibration", "pressure", "load"], ["m", "bar", "N"]


def signals(n, seed, noise=0.1):
    """Return sines of one frequency in three channels of different sizes, [n, 20, 3]."""
    generator = np.random.default_rng(seed)
    start = generator.uniform(0, 2 * np.pi, (n, 1, 1))
    x = np.sin(start + np.arange(20)[:, None] * 0.5 + np.arange(3))
    return (x + noise * generator.normal(size=x.shape) + 4.0) * SIZES


X = signals(200, 0)


@pytest.fixture(scope="module")
def detector():
    settings = {"latent_dim": 2, "hidden_units": (8,), "standardize": True, "quantile": 0.9}
    detector = Detector("VAE", names=NAMES, units=UNITS, **settings)
    return detector.fit(X, epochs=1, verbose=0)


def with_spike(channel, step, size=3.0):
    """Return a signal with one value that is too large by deviations of its channel."""
    x = signals(1, 7)
    x[0, step, channel] += size * X.std(axis=(0, 1))[channel]
    return x


def test_channels_are_standardized_inside(detector):
    mean, deviation = X.mean(axis=(0, 1)), X.std(axis=(0, 1))
    np.testing.assert_allclose(detector.mean, mean, rtol=0.01)
    np.testing.assert_allclose(detector.deviation, deviation, rtol=0.02)
    z = ((X.astype("float32") - detector.mean) / detector.deviation).astype("float32")
    by_hand = Detector(detector.model, quantile=0.9)
    np.testing.assert_allclose(detector.scores(X), by_hand.scores(z), rtol=1e-4)
    restored = detector.reconstruct(X)
    errors = ((restored - X) / detector.deviation) ** 2
    np.testing.assert_allclose(errors, detector.explain(X), rtol=0.02, atol=1e-4)


@pytest.mark.slow
def test_the_result_is_that_of_signals_standardized_by_hand():
    settings = {"latent_dim": 2, "hidden_units": (8,), "seed": 3}
    raw = Detector("VAE", standardize=True, **settings).fit(X, epochs=2, verbose=0)
    z = (X - X.mean(axis=(0, 1))) / X.std(axis=(0, 1))
    by_hand = Detector("VAE", **settings).fit(z.astype("float32"), epochs=2, verbose=0)
    new = signals(50, 1)
    z = (new - X.mean(axis=(0, 1))) / X.std(axis=(0, 1))
    np.testing.assert_allclose(raw.scores(new), by_hand.scores(z.astype("float32")), rtol=0.01)


@pytest.mark.parametrize(("channel", "step"), [(0, 3), (1, 19), (2, 0)])
def test_channel_and_step_are_named(detector, channel, step):
    (found,) = detector.worst_channels(with_spike(channel, step))
    assert found[:4] == (channel, NAMES[channel], UNITS[channel], step)
    assert found.ratio > 3


def test_a_channel_is_judged_by_its_own_normal_error():
    """A channel of noise alone has the largest error of all in every signal."""
    generator = np.random.default_rng(0)
    x = X / SIZES
    x[..., 0] = 3 * generator.normal(size=x.shape[:2])
    settings = {"latent_dim": 2, "hidden_units": (8,), "standardize": True}
    detector = Detector("Autoencoder", **settings).fit(x, epochs=1, verbose=0)
    broken = x[:40].copy()
    broken[:, 5:10, 2] += 1.0
    assert (detector.explain(broken).mean(axis=1).argmax(axis=1) == 0).mean() > 0.9
    assert np.mean([found.channel == 2 for found in detector.worst_channels(broken)]) > 0.9
    normal = [found.ratio > 1 for found in detector.worst_channels(x)]
    assert 0 < np.mean(normal) < 0.35  # in each of three channels 5 % of the normal ones, and a few


def test_signals_with_anomalies_do_not_raise_the_normal_error():
    x = X.copy()
    x[:20, :, 1] += np.random.default_rng(0).normal(size=(20, 20)) * 5
    settings = {"latent_dim": 2, "hidden_units": (8,), "standardize": True}
    detector = Detector("Autoencoder", contamination=0.1, **settings).fit(x, epochs=1, verbose=0)
    normal = detector.explain(x[20:]).mean(axis=1)
    assert detector.normal_error[1] == pytest.approx(np.quantile(normal[:, 1], 0.95), rel=0.3)
    assert np.quantile(detector.explain(x).mean(axis=1)[:, 1], 0.95) > 2 * detector.normal_error[1]


def test_a_constant_channel_is_said_and_counts_in_its_unit():
    x = X.copy()
    x[..., 1] = 7.0
    settings = {"latent_dim": 2, "hidden_units": (8,), "standardize": True, "names": NAMES}
    with pytest.warns(UserWarning, match="constant, .* in channel 'pressure'") as caught:
        detector = Detector("VAE", **settings).fit(x, epochs=1, verbose=0)
    assert [w.filename for w in caught if "constant" in str(w.message)] == [__file__]
    assert detector.deviation[1] == 1.0
    changed = x[:1].copy()
    changed[..., 1] += 5.0
    assert detector.worst_channels(changed)[0].name == "pressure"
    assert detector.predict(changed) == [-1]
    with pytest.raises(ValueError, match="fit.x. makes the"):
        Detector("VAE", **settings).worst_channels(x)


def test_images_are_standardized_by_channel():
    images = np.random.default_rng(0).integers(0, 4000, (30, 6, 6, 5)).astype("uint16")
    images[..., 2] //= 100
    settings = {"latent_dim": 2, "hidden_units": (4,), "standardize": True}
    detector = Detector("VAE", **settings, names=list("abcde")).fit(images, epochs=1, verbose=0)
    np.testing.assert_allclose(detector.mean, images.mean(axis=(0, 1, 2)), rtol=0.02)
    assert detector.normal_error is None
    assert detector.explain(images).shape == images.shape
    with pytest.raises(ValueError, match="worst_channels is for signals"):
        detector.worst_channels(images)


def test_a_detector_without_units_is_told_of_standardize():
    with pytest.raises(ValueError, match=r"in channel 2 .*standardize=True"):
        Detector("VAE", latent_dim=2, hidden_units=(8,)).fit(X.astype("float32"), verbose=0)


# What is refused


def test_channels_with_nan_are_named(detector):
    x = X[:5].copy()
    x[3, 4, 1] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite .* in channel 'pressure'"):
        detector.scores(x)
    x[3, 4, 1] = 1e39
    with pytest.raises(ValueError, match="in channel 'pressure'"):
        detector.scores(x)
    with pytest.raises(ValueError, match=r"For a single one: x\[None\]"):
        detector.scores(X[0])
    with pytest.raises(TypeError, match="dtype <U3; signals of numbers"):
        detector.scores(np.full((2, 20, 3), "abc"))


def test_an_image_folder_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((10, 8, 8, 3), "uint8"))
    stored = zoo.data.StoredImages(tmp_path / "x.npy")
    with pytest.raises(TypeError, match=r"stays on disk.*np.asarray\(x\)"):
        Detector("VAE", latent_dim=2, hidden_units=(4,), standardize=True).fit(stored)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"names": "abc"}, TypeError, "names is 'abc'; give a list"),
        ({"units": [1, 2, 3]}, TypeError, "units is"),
        ({"names": ["a", "a", "b"]}, ValueError, "'a' twice"),
        ({"names": ["a", "b"], "units": ["m"]}, ValueError, "2 names and 1 units"),
        ({"names": ["a", "b"]}, ValueError, "2 names for 3 channels"),
        ({"units": ["a", "b"]}, ValueError, "2 units for 3 channels"),
    ],
)
def test_names_that_do_not_fit_are_refused(given, error, said):
    with pytest.raises(error, match=said):
        Detector("VAE", latent_dim=2, standardize=True, **given).fit(X, epochs=1, verbose=0)


def test_a_model_with_names_takes_no_others():
    likelihood = zoo.GaussianColumns([0.0, 1.0], [1.0, 2.0], ["a", "b"])
    model = zoo.VAE((2,), 1, hidden_units=(4,), likelihood=likelihood)
    with pytest.raises(ValueError, match="leave out names="):
        Detector(model, names=["b", "a"])


def test_names_of_columns_order_a_table():
    pandas = pytest.importorskip("pandas")
    rows = np.random.default_rng(0).normal(size=(60, 2)) * [1.0, 50.0]
    settings = {"latent_dim": 1, "hidden_units": (4,), "standardize": True}
    detector = Detector("VAE", names=["small", "large"], units=["m", "s"], **settings)
    detector.fit(rows, epochs=1, verbose=0)
    table = pandas.DataFrame(rows[:, ::-1], columns=["large", "small"])
    np.testing.assert_array_equal(detector.scores(table), detector.scores(rows))
    with pytest.raises(ValueError, match="does not know"):
        detector.fit(table.rename(columns={"large": "other"}), train=True, epochs=1, verbose=0)


# Files


@pytest.mark.slow
def test_a_detector_of_signals_comes_back(detector, tmp_path):
    detector.save(tmp_path / "saved")
    again = load(tmp_path / "saved")
    np.testing.assert_array_equal(again.scores(X), detector.scores(X))
    spike = with_spike(1, 6)
    assert again.worst_channels(spike) == detector.worst_channels(spike)
    assert (again.names, again.units) == (tuple(NAMES), tuple(UNITS))
    assert again.get_config() == detector.get_config()
    again.fit(X, train=True, epochs=1, verbose=0)
    assert again.names == tuple(NAMES)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"mean": [0.0] * 20}, "3 numbers are expected"),
        ({"normal_error": [1.0, 0.0, 1.0]}, "normal_error that is not above 0"),
        ({"normal_error": [1.0]}, "3 numbers are expected"),
        ({"units": ["m"]}, "3 are expected"),
        ({"units": "mmm"}, "invalid units: 'mmm'"),
        ({"names": ["a", "a", "b"]}, "invalid names: "),
    ],
)
def test_entries_that_cannot_be_are_refused(detector, tmp_path, entries, said):
    detector.save(tmp_path / "saved")
    path = tmp_path / "saved" / saving.FILE
    content = json.loads(path.read_text()) | entries
    content["sha256"] = saving.digest(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=said):
        load(tmp_path / "saved")


def test_a_file_of_before_names_no_normal_error(detector, tmp_path):
    detector.save(tmp_path / "saved")
    path = tmp_path / "saved" / saving.FILE
    content = json.loads(path.read_text())
    for name in ("names", "units", "normal_error"):
        del content[name]
    content["sha256"] = saving.digest(content)
    path.write_text(json.dumps(content))
    again = load(tmp_path / "saved")
    assert (again.names, again.units, again.normal_error) == (None, None, None)
    assert again.worst_channels(with_spike(1, 6))[0].step == 6


@pytest.mark.slow
def test_the_exported_graph_takes_raw_signals(detector, tmp_path):
    export.export_model(detector, tmp_path / "out", formats=("onnx",))
    found = export.load(tmp_path / "out" / "detector")(x=X)
    np.testing.assert_allclose(found["score"], detector.scores(X), rtol=1e-3)
    np.testing.assert_array_equal(found["is_anomaly"] == 1, detector.predict(X) == -1)
    signature = json.loads((tmp_path / "out" / "detector" / "signature.json").read_text())
    (x,), outputs = signature["inputs"], {o["name"]: o for o in signature["outputs"]}
    assert (x["channels"], x["units"]) == (NAMES, UNITS)
    assert outputs["map"]["channels"] == NAMES
    # The channel that is to blame, from what the file and its signature say.
    errors = export.load(tmp_path / "out" / "detector")(x=with_spike(0, 8))["map"][0]
    ratios = errors.mean(axis=0) / outputs["map"]["normal_error"]
    assert ratios.argmax() == 0


@pytest.mark.slow
def test_standardized_images_are_exported_with_channels_first(tmp_path):
    images = np.random.default_rng(0).normal(size=(40, 6, 6, 3)) * [1, 100, 1e4]
    settings = {"latent_dim": 2, "hidden_units": (4,), "standardize": True}
    detector = Detector("VAE", **settings).fit(images, epochs=1, verbose=0)
    export.export_model(detector, tmp_path, formats=("onnx",), layout="channels_first")
    found = export.load(tmp_path / "detector")(x=np.moveaxis(images, -1, 1))
    np.testing.assert_allclose(found["score"], detector.scores(images), rtol=1e-3)


# The report


def test_the_report_says_which_channel_and_when(detector, tmp_path):
    x = np.concatenate([signals(5, 1), with_spike(1, 6, size=6.0)])
    write_report(detector, x, tmp_path / "report", top=2)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    value = f"{x[5, 6, 1]:.4g}"
    assert f"<td>pressure, step 6: {value} bar, reconstructed " in page
    with open(tmp_path / "report" / "scores.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert (rows[5]["channel"], rows[5]["step"]) == ("pressure", "6")
    assert len(rows) == 6


def test_a_report_of_signals_of_one_channel_says_when(tmp_path):
    x = (X / SIZES)[..., :1]
    detector = Detector("Autoencoder", latent_dim=2, hidden_units=(8,), standardize=True)
    detector.fit(x, epochs=1, verbose=0)
    x[3, 4] += 5
    write_report(detector, x, tmp_path / "report", top=1)
    assert "<td>step 4: " in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    with open(tmp_path / "report" / "scores.csv", encoding="utf-8") as file:
        assert list(next(csv.DictReader(file))) == ["item", "score", "is_anomaly", "step"]


def test_a_perfect_channel_has_a_normal_error_above_0(detector):
    class Perfect:
        threshold = 1.0

        def explain(self, x):
            return np.zeros_like(x)

    assert (channels.normal_errors(Perfect(), X[:3], np.zeros(3)) > 0).all()
