"""Detectors by the features of a network: defects are found, saved and exported."""

import json

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image
from sklearn.metrics import roc_auc_score

import export
import zoo
from zoo.anomaly import FeatureDetector, feature_files, load
from zoo.cli.main import main

pytestmark = pytest.mark.filterwarnings("ignore:quantile=")


def network():
    """Return a network of edges and their averages, whose weights a seed gives."""
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(12, 3, strides=2, padding="same", activation="relu", name="half"),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu", name="quarter"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )


def waves(n, seed):
    """Return images [n, 24, 24, 1] of the same stripes, each with a little noise."""
    generator = np.random.default_rng(seed)
    stripes = 0.5 + 0.3 * np.sin(np.arange(24))[:, None]
    noise = generator.normal(0, 0.02, (n, 24, 24))
    return (stripes + noise)[..., None].clip(0, 1).astype("float32")


X, NEW = waves(60, 0), waves(30, 1)
DRAWN = zoo.data.drawn_defects(NEW, seed=2)


@pytest.fixture(scope="module", params=["gaussian", "neighbors"])
def detector(request):
    detector = FeatureDetector(network(), method=request.param, projected=16, memory=100)
    return detector.fit(X, validation_split=0.4)


@pytest.fixture
def folder(detector, tmp_path):
    detector.save(tmp_path / "mine")
    return tmp_path / "mine"


def test_defects_are_found_and_shown(detector):
    scores = np.concatenate([detector.scores(NEW), detector.scores(DRAWN.x)])
    assert roc_auc_score(np.arange(60) >= 30, scores) > 0.95
    found = zoo.metrics.localization(detector.maps(DRAWN.x), DRAWN.masks)
    assert found.pixel_auroc > 0.85
    assert (detector.predict(DRAWN.x) == -1).mean() > 0.8
    np.testing.assert_array_equal(detector.score_samples(NEW), -detector.scores(NEW))


def test_the_threshold_is_a_quantile_of_images_that_were_held_out(detector):
    held_out = zoo.anomaly.training.hold_out(X, 0.4, 0)[1]
    scores = detector.scores(held_out)
    assert np.mean(scores > detector.threshold) == pytest.approx(1 / 24)
    detector.quantile = 0.5
    assert np.mean(scores > detector.threshold) == 0.5
    detector.quantile = 0.95


def test_an_image_has_the_same_score_alone(detector):
    alone = np.concatenate([detector.scores(image[None]) for image in NEW[:5]])
    np.testing.assert_allclose(alone, detector.scores(NEW)[:5], rtol=1e-4)


def test_the_map_of_a_gaussian_has_the_score_as_its_maximum():
    detector = FeatureDetector(network(), smoothing=0).fit(X, validation_data=NEW)
    np.testing.assert_allclose(detector.maps(NEW).max(axis=(1, 2)), detector.scores(NEW))


def test_many_channels_are_projected_and_few_are_not():
    few = FeatureDetector(network(), projected=8).fit(X)
    assert few.projection.shape == (28, 8)
    gram = few.projection.T @ few.projection
    np.testing.assert_allclose(gram, 28 / 8 * np.eye(8), atol=1e-5)
    all_channels = FeatureDetector(network()).fit(X)
    np.testing.assert_array_equal(all_channels.projection, np.eye(28))


def test_a_folder_of_images_is_learned_and_its_validation_images_are_held_out(tmp_path):
    for i, image in enumerate(X[:20]):
        pixels = np.round(255 * image[..., 0]).astype("uint8")
        Image.fromarray(pixels).save(tmp_path / f"{i:02d}.png")
    images = zoo.data.from_folder(tmp_path, 24, channels=1, validation=0.4)
    detector = FeatureDetector(network()).fit(images)
    assert len(detector.calibration) == 8
    np.testing.assert_array_equal(detector.calibration, detector.scores(images[1][0]))
    assert detector.scores(images).shape == (20,)


def test_a_saved_detector_comes_back(detector, folder):
    again = load(folder)
    np.testing.assert_array_equal(again.scores(NEW), detector.scores(NEW))
    np.testing.assert_array_equal(again.maps(NEW), detector.maps(NEW))
    assert again.get_config() == detector.get_config()
    assert repr(again) == repr(detector)
    with pytest.raises(FileExistsError):
        detector.save(folder)
    again.threshold = 3.5
    assert again.threshold == 3.5
    with pytest.raises(AttributeError, match=r"FeatureDetector\(network, quantile=0.9\)"):
        again.quantile = 0.9


@pytest.mark.slow
def test_export_equals_python(detector, tmp_path):
    export.export_model(detector, tmp_path / "out", formats=("onnx",), images=NEW)
    found = export.load(tmp_path / "out" / "detector")(x=DRAWN.x)
    scores, maps = detector.scores(DRAWN.x), detector.maps(DRAWN.x)
    np.testing.assert_allclose(found["score"], scores, rtol=1e-4)
    np.testing.assert_allclose(found["map"], maps, rtol=1e-3, atol=1e-3 * maps.std())
    np.testing.assert_array_equal(found["is_anomaly"] == 1, detector.predict(DRAWN.x) == -1)


def changed(folder, seal=True, **entries):
    path = folder / feature_files.FILE
    content = json.loads(path.read_text()) | entries
    if seal:
        content["sha256"] = feature_files.digest(content)
    path.write_text(json.dumps(content))


def replaced(folder, name, content):
    """Write another file into the folder, and its hash into the list."""
    (folder / name).write_bytes(content)
    files = json.loads((folder / feature_files.FILE).read_text())["files"]
    changed(folder, files=files | {name: feature_files.describe(content)["sha256"]})


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"method": "magic"}, "unknown method"),
        ({"rule": "settings"}, "unknown method or rule"),
        ({"rule": "contamination", "rule_value": 0.1}, "does not describe"),
        ({"rule_value": 2}, "quantile is 2"),
        ({"threshold": float("nan")}, "invalid threshold"),
        ({"threshold": 1e300}, "invalid threshold"),
        ({"image_shape": [24, 24]}, "invalid image_shape"),
        ({"image_shape": [24, 10**9, 1]}, "invalid image_shape"),
        ({"image_shape": [24, 25, 1]}, "its network is not"),
        ({"image_shape": [24, 24, 2]}, "its network is not"),
        ({"smoothing": -1}, "smoothing is -1"),
        ({"smoothing": 1e300}, "smoothing is 1e"),
        ({"scale": [1, 2]}, "scale is"),
        ({"scale": [1, 2, 3]}, "scale has 3 numbers, but the network takes 1 channels"),
        ({"layers": [1]}, "invalid layers"),
        ({"projected": 10**9}, "projected is 1000000000"),
        ({"seed": "0"}, "invalid seed"),
        ({"files": {}}, "does not match the sha256"),
        ({"format_version": 2}, "has format 2"),
    ],
)
def test_entries_that_cannot_be_are_refused(folder, entries, said):
    changed(folder, **entries)
    with pytest.raises(ValueError, match=said):
        load(folder)


def test_altered_files_are_refused(folder):
    with (folder / "center.npy").open("ab") as file:
        file.write(b"0")
    with pytest.raises(ValueError, match=r"center.npy does not match the sha256"):
        load(folder)
    changed(folder, seal=False, threshold=1e9)
    with pytest.raises(ValueError, match="it was altered"):
        load(folder)
    (folder / "network.json").unlink()
    changed(folder)
    with pytest.raises(FileNotFoundError, match="network.json is missing"):
        load(folder)


def as_bytes(array):
    path = feature_files.io.BytesIO()
    np.save(path, array)
    return path.getvalue()


def test_arrays_that_do_not_fit_are_refused(folder):
    for array, said in (
        (np.zeros(3, "float32"), "does not fit a network"),
        (np.full(28, np.nan, "float32"), "no finite array"),
        (np.zeros(28, "float64"), "no finite array"),
        (np.zeros(28, "float32"), "not above 0"),
    ):
        replaced(folder, "spread.npy", as_bytes(array))
        with pytest.raises(ValueError, match=said):
            load(folder)


def test_networks_that_could_run_code_are_refused(folder):
    saved = json.loads((folder / "network.json").read_text())
    saved["config"]["layers"][1]["class_name"] = "Lambda"
    replaced(folder, "network.json", json.dumps(saved).encode())
    with pytest.raises(ValueError, match="Lambda"):
        load(folder)


def test_another_object_than_a_network_is_refused(folder):
    dense = keras.saving.serialize_keras_object(layers.Dense(3))
    replaced(folder, "network.json", json.dumps(dense).encode())
    with pytest.raises(ValueError, match="does not hold the network"):
        load(folder)


def test_numbers_beyond_the_memory_are_refused(tmp_path):
    FeatureDetector(network(), method="neighbors", memory=20).fit(X).save(tmp_path / "mine")
    nearby = np.full((20, 9), 20, "int32")
    replaced(tmp_path / "mine", "nearby.npy", as_bytes(nearby))
    with pytest.raises(ValueError, match="beyond the 20 items"):
        load(tmp_path / "mine")


@pytest.mark.parametrize(
    ("x", "error", "said"),
    [
        (X[0], ValueError, r"shape \(24, 24, 1\)"),
        (X * 255, ValueError, "not in"),
        ((X * 255).astype("uint8"), TypeError, "x / 255"),
        (np.full_like(X, np.nan), ValueError, "nan"),
        (X[:2], ValueError, "leaves"),
    ],
)
def test_data_that_cannot_be_learned_are_refused(x, error, said):
    with pytest.raises(error, match=said):
        FeatureDetector(network()).fit(x, validation_split=0.3)


def test_settings_are_checked_and_cannot_be_changed():
    for options, said in (
        ({"method": "nearest"}, "neighbors"),
        ({"quantile": 1.5}, "quantile is 1.5"),
        ({"quantile": 0.9, "false_positive_rate": 0.01}, "each set the threshold"),
        ({"memory": 1}, "memory is 1"),
        ({"offset": [1, 2]}, "offset is"),
    ):
        with pytest.raises(ValueError, match=said):
            FeatureDetector(network(), **options)
    with pytest.raises(TypeError, match=r"give a Keras model, such as zoo.load\('vae_cifar10'\)"):
        FeatureDetector("vae_cifar10")
    dense = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
    with pytest.raises(ValueError, match="give one with convolutions"):
        FeatureDetector(dense).fit(np.zeros((20, 4, 4, 1), "float32"))
    detector = FeatureDetector(network())
    with pytest.raises(ValueError, match=r"call fit\(x\) first"):
        detector.scores(X)
    with pytest.raises(ValueError, match=r"call fit\(x\) first"):
        detector.save("nowhere")
    with pytest.raises(AttributeError, match="make a new one"):
        detector.method = "neighbors"


def test_the_command_takes_a_folder_and_writes_a_report(tmp_path, capsys):
    FeatureDetector(network(), quantile=0.9).fit(X).save(tmp_path / "mine")
    for kind, images in (("good", NEW[:4]), ("bad", DRAWN.x[:4])):
        (tmp_path / "new" / kind).mkdir(parents=True)
        for i, image in enumerate(images):
            pixels = np.round(255 * image[..., 0]).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / "new" / kind / f"{i}.png")
    options = ("--labels", "from_subfolders", "--normal", "good", "--out", tmp_path / "report")
    assert main(["detect", str(tmp_path / "mine"), str(tmp_path / "new"), *map(str, options)]) == 0
    assert "AUROC" in capsys.readouterr().out
    page = (tmp_path / "report/report.html").read_text()
    assert "Mahalanobis" in page
    assert page.count('alt="map"') == 8
    assert 'alt="reconstruction"' not in page
    again = [str(tmp_path / "mine"), str(tmp_path / "new"), "--out", str(tmp_path / "renewed")]
    assert main(["renew", *again]) == 1
    assert "FeatureDetector: fit it on the new data" in capsys.readouterr().err
    np.save(tmp_path / "new.npy", NEW)
    arrays = (str(tmp_path / "mine"), str(tmp_path / "new.npy"), "--out", str(tmp_path / "other"))
    assert main(["detect", *arrays]) == 0


def test_smoothing_follows_the_size_of_the_images_of_each_fit():
    detector = FeatureDetector(network())
    assert detector.fit(X).smoothing == pytest.approx(24 / 56)
    larger = np.repeat(np.repeat(X, 2, axis=1), 2, axis=2)
    assert detector.fit(larger).smoothing == pytest.approx(48 / 56)
    assert FeatureDetector(network(), smoothing=0.5).fit(X).smoothing == 0.5


def test_contamination_is_no_rule_and_one_layer_may_be_a_name(detector):
    with pytest.raises(AttributeError, match="threshold, quantile, false_positive_rate can"):
        detector.contamination = 0.1
    assert FeatureDetector(network(), layers="half").fit(X).grid == (12, 12)


def test_a_folder_without_validation_images_is_split(tmp_path):
    for i, image in enumerate(X[:20, ..., 0]):
        Image.fromarray(np.uint8(255 * image)).save(tmp_path / f"{i:02d}.png")
    images = zoo.data.from_folder(tmp_path, 24, channels=1, validation=0)
    assert FeatureDetector(network()).fit(images).threshold > 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"projected": 1}, "projected=1"),
        ({"scale": 10**400}, "does not describe"),
    ],
)
def test_entries_that_do_not_fit_the_arrays_are_refused(folder, changes, said):
    path = folder / feature_files.FILE
    content = {**json.loads(path.read_text()), **changes}
    content["sha256"] = feature_files.digest(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=said):
        load(folder)


def test_a_network_of_enormous_outputs_is_not_loaded(monkeypatch, tmp_path):
    large = keras.Sequential([keras.Input((8, 8, 1)), layers.UpSampling2D(4, name="large")])
    detector = FeatureDetector(large, layers="large").fit(X[:, :8, :8])
    detector.save(tmp_path / "large")
    load(tmp_path / "large")
    monkeypatch.setattr("zoo.anomaly.feature_networks.LARGEST", 1000)
    with pytest.raises(ValueError, match="1,024 values a layer and image"):
        load(tmp_path / "large")


def test_a_layer_that_loading_refuses_is_warned_of(tmp_path):
    given = keras.Input((16, 16, 1))
    features = keras.layers.Conv2D(4, 3, padding="same")(keras.layers.Lambda(lambda x: x)(given))
    network = keras.Model(given, keras.layers.MaxPooling2D(2)(features))
    detector = FeatureDetector(network).fit(np.random.default_rng(0).random((8, 16, 16, 1), "f"))
    with pytest.warns(UserWarning, match="of the class Lambda, which is refused"):
        detector.save(tmp_path / "saved")
    with pytest.raises(ValueError, match="'Lambda'"):
        load(tmp_path / "saved")
