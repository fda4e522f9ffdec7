"""From a file to score, label and map by Pillow and onnxruntime alone: equal to Python's."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

import export
import zoo
from zoo.anomaly import Detector, FeatureDetector

# What an application does that has neither Keras nor the zoo.
PROGRAM = """
import json, sys
import numpy as np
import onnxruntime
from PIL import Image, ImageOps

folder, path, out = sys.argv[1:]
with open(f"{folder}/signature.json", encoding="utf-8") as file:
    signature = json.load(file)
steps = signature["inputs"][0]["image_file"]
height, width = steps["size"]
with Image.open(path) as image:
    image.draft(None, (steps["draft"], steps["draft"]))  # a JPEG is decoded no larger than needed
    ImageOps.exif_transpose(image, in_place=True)
    image = image.convert(steps["mode"])
    image = ImageOps.fit(image, (width, height), method=Image.Resampling.LANCZOS)
x = np.asarray(image, "float32").reshape(1, height, width, -1) / steps["divide_by"]
session = onnxruntime.InferenceSession(f"{folder}/model.onnx")
names = [tensor.name for tensor in session.get_outputs()]
np.savez(out, **dict(zip(names, session.run(names, {"x": x}))))
assert not {"keras", "tensorflow", "zoo"} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Write large JPEG files in color, of which one is turned by its EXIF entry."""
    folder = tmp_path_factory.mktemp("photographs")
    generator = np.random.default_rng(0)
    for i in range(12):
        coarse = generator.integers(0, 256, (9, 13, 3)).astype("uint8")
        image = Image.fromarray(coarse).resize((260, 180), Image.Resampling.BICUBIC)
        exif = Image.Exif()
        exif[0x0112] = 6 if i == 11 else 1
        image.save(folder / f"{i:02d}.jpg", quality=90, exif=exif)
    return folder


def of_autoencoder(images):
    return Detector("VAE", latent_dim=4, hidden_units=(16,), quantile=0.6).fit(
        images, epochs=2, verbose=0
    )


def of_features(images):
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [keras.Input((None, None, 3)), layers.Conv2D(8, 3, strides=2, name="edges")]
    )
    return FeatureDetector(network, layers=["edges"], quantile=0.6).fit(images)


@pytest.mark.slow
@pytest.mark.parametrize("made", [of_autoencoder, of_features])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.filterwarnings("ignore:quantile=")
def test_a_file_has_the_same_score_label_and_map(made, channels, photographs, tmp_path):
    images = zoo.data.from_folder(photographs, (20, 24), channels=channels, validation=0.4)
    detector = made(images)
    export.export_model(detector, tmp_path / "out", formats="onnx")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    x = np.asarray(images.images)
    score, flag = detector.scores(x), detector.predict(x) == -1
    shown = detector.maps(x)
    for name in ("00.jpg", "11.jpg"):
        i = images.files.index(name)
        arguments = [tmp_path / "out/detector", photographs / name, tmp_path / "found.npz"]
        subprocess.run([sys.executable, "-I", program, *map(str, arguments)], check=True)
        found = np.load(tmp_path / "found.npz")
        np.testing.assert_allclose(found["score"], score[i : i + 1], rtol=1e-4)
        assert found["is_anomaly"][0] == flag[i]
        np.testing.assert_allclose(found["map"][0], shown[i], rtol=1e-3, atol=1e-4 * shown.std())


@pytest.mark.slow
def test_items_without_files_have_no_steps(tmp_path):
    rows = np.random.default_rng(0).normal(size=(30, 5))
    table = Detector("Autoencoder", latent_dim=2, hidden_units=()).fit(rows, epochs=1, verbose=0)
    export.export_model(table, tmp_path / "out", formats="onnx")
    signature = json.loads((tmp_path / "out/detector/signature.json").read_text())
    assert "image_file" not in signature["inputs"][0]
