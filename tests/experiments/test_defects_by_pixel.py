"""The images of defects_by_pixel, and how maps are measured."""

import numpy as np
import pytest
from PIL import Image

from zoo import data
from zoo.experiments import defects_by_pixel
from zoo.experiments.defects_by_pixel import Split, cell, measured, split


@pytest.fixture
def little(monkeypatch):
    monkeypatch.setattr(defects_by_pixel, "TRAINING", 30)
    monkeypatch.setattr(defects_by_pixel, "TESTING", 9)


def test_squares_to_learn_from_and_to_test_are_of_different_parts(little, tmp_path, monkeypatch):
    (tmp_path / "bsds500_train").mkdir()
    pixels = np.zeros((120, 200, 3), "uint8")
    pixels[:, 120:] = 200
    for name in ("87065", "35091"):
        Image.fromarray(pixels).save(tmp_path / f"bsds500_train/{name}.jpg", quality=95)
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    found = split("texture", 0)
    assert found.x.shape == (30, 32, 32, 3)
    assert found.x.max() < 0.2 < 0.7 < found.good.min()
    np.testing.assert_array_equal(found.good[~found.masks], found.bad[~found.masks])
    assert found.masks.any(axis=(1, 2)).all()
    other = split("texture", 0, validation=True)
    assert (other.masks != found.masks).any()


def test_images_of_the_validation_are_not_among_those_of_the_test(little, monkeypatch):
    x = np.random.default_rng(0).random((400, 28, 28, 1)).astype("float32")
    y = np.arange(400) % 10
    monkeypatch.setattr(data, "load", lambda name: ((x[:300], y[:300]), (x[300:], y[300:])))
    test, validation = split("clothes", 0), split("clothes", 0, validation=True)
    seen = [
        {image.tobytes() for image in images}
        for images in (test.x, test.good, validation.x, validation.good)
    ]
    assert not any(a & b for i, a in enumerate(seen) for b in seen[i + 1 :])


def test_areas_are_of_images_and_of_pixels():
    masks = np.zeros((3, 8, 8), bool)
    masks[:, 2:4, 2:4] = True
    images = Split(None, np.zeros((2, 8, 8, 1)), np.zeros((3, 8, 8, 1)), masks)
    scores = np.array([0.0, 3.0, 1.0, 2.0, 4.0])
    assert measured(images, scores, masks.astype(float)) == pytest.approx([400 / 6, 100, 100])
    of_two = [measured(images, scores, None), measured(images, -scores, None)]
    assert cell(of_two) == "50.0"
    assert cell([[50.0, 70.04, 20.0], [60.0, 80.0, 30.0]]) == "55.0 / 75.0 / 25.0"
