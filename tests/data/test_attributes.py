"""Data sets with levels of an attribute, and how far an attribute follows the level asked for."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from support.stand_in import StandIn

import zoo
from zoo import data, metrics
from zoo.data import attributes
from zoo.metrics import attributes as attribute_metrics


def bars(widths, side=28):
    images = np.zeros((len(widths), side, side), "uint8")
    for image, width in zip(images, widths, strict=True):
        image[4:24, 14 - width // 2 : 14 - width // 2 + width] = 200
    return images


def test_the_width_of_a_stroke_is_twice_its_area_over_its_perimeter():
    widths = np.arange(2, 9)
    found = attributes.stroke_width(bars(widths))
    expected = 2 * 20 * widths / (2 * (20 + widths))  # of a rectangle
    np.testing.assert_allclose(found, expected, rtol=0.06)  # a corner's gradient is a diagonal
    np.testing.assert_allclose(attributes.stroke_width(bars(widths)[..., None] / 255), found)
    assert attributes.stroke_width(np.zeros((1, 8, 8))) == 0


def test_the_thickness_of_a_stroke_is_measured_in_pixels():
    found = metrics.stroke_thickness(bars(range(2, 9)))
    np.testing.assert_allclose(found, np.arange(2, 9), atol=0.6)
    assert (np.diff(found) > 0.5).all()
    assert metrics.stroke_thickness(np.zeros((1, 28, 28, 1))) == 0
    assert metrics.stroke_thickness(np.zeros((0, 28, 28, 1))).shape == (0,)


def test_two_measures_of_thickness_agree(digits):
    x = np.kron(digits[0][0][:200, ..., 0], np.ones((3, 3)))  # 24x24
    both = attributes.stroke_width(x), metrics.stroke_thickness(x)
    assert spearmanr(*both).statistic > 0.6


@pytest.fixture
def few_of_mnist(monkeypatch):
    generator = np.random.default_rng(0)
    widths = generator.integers(2, 12, 300)
    arrays = bars(widths[:200]), widths[:200] % 10, bars(widths[200:]), widths[200:] % 10
    monkeypatch.setattr(attributes, "gray_images", lambda name: arrays)
    return arrays


def test_levels_of_thickness_are_tenths_of_the_training_images(few_of_mnist):
    (x, levels), (x_test, levels_test) = data.load("mnist_thickness")
    assert (x.shape, x.dtype, levels.dtype) == ((200, 28, 28, 1), "float32", "int32")
    np.testing.assert_array_equal(x[..., 0], few_of_mnist[0] / np.float32(255))
    width = attributes.stroke_width(few_of_mnist[0])
    assert (np.diff(levels[np.argsort(width)]) >= 0).all()  # the wider, the higher
    assert (width[levels == 0] < np.quantile(width, 0.1)).all()
    # The test images are compared with the training images' tenths.
    same = (few_of_mnist[2][:, None] == few_of_mnist[0][None]).all((2, 3)).argmax(axis=1)
    np.testing.assert_array_equal(levels_test, levels[same])
    assert len(x_test) == 100


def test_every_level_has_as_many_training_images():
    images = np.random.default_rng(0).integers(0, 256, (500, 8, 8)).astype("uint8")
    _, levels, _, _ = attributes.draw("mnist_thickness", [images, None, images[:5], None])
    assert set(np.bincount(levels)) == {50}


def test_angles_rotate_each_digit_and_can_be_read_back(few_of_mnist):
    (x, levels), (x_test, levels_test) = data.load("mnist_angles")
    assert set(levels) == set(range(10))
    angles = np.array(attributes.ANGLES)
    found = metrics.rotation(x, few_of_mnist[0], angles)
    np.testing.assert_array_equal(found, angles[levels])
    np.testing.assert_array_equal(
        metrics.rotation(x_test, few_of_mnist[2], angles), angles[levels_test]
    )
    again = data.load("mnist_angles")
    np.testing.assert_array_equal(again[0][0], x)
    assert data.SOURCES["mnist_angles"].classes[0] == "-45°"


def test_the_rank_correlation_is_spearmans_averaged_over_images():
    measured = np.random.default_rng(0).normal(size=(10, 7))
    measured[3] = measured[5]  # ties
    expected = [spearmanr(np.arange(10), column).statistic for column in measured.T]
    assert metrics.rank_correlation(measured) == pytest.approx(np.mean(expected))
    assert metrics.rank_correlation(np.ones((10, 3))) == 0
    assert metrics.rank_correlation(np.arange(10.0)[:, None]) == pytest.approx(1)


def test_an_image_without_a_background_is_as_thick_as_it_is_wide():
    found = metrics.stroke_thickness(np.ones((2, 28, 28, 1)))
    assert (found > 1).all()
    assert (found <= 28).all()
    with pytest.raises(ValueError, match="give gray ones"):
        metrics.stroke_thickness(np.ones((2, 8, 8, 3)))


def test_cards_have_the_correlation_and_the_class_kept(monkeypatch):
    """Of a model that draws bars as wide as their level, and a classifier that sees odd levels."""
    widths = np.arange(10) + 2
    x, y = bars(widths)[..., None] / 255.0, np.arange(10)

    def decode(z, labels):
        return bars(widths[labels])[..., None] / np.float32(255)

    model = StandIn(
        num_classes=10,
        conditional=True,
        learns_labels=True,
        card_metrics=("rank correlation of the attribute", "class kept"),
        encode=lambda x, labels: np.zeros((len(x), 2), "float32"),
        decode=decode,
        likelihood=StandIn(in_own_units=False),
    )

    def predict(images, **options):
        return np.eye(2)[(np.count_nonzero(images[:, 14], axis=(1, 2)) % 2)]

    monkeypatch.setattr(
        attribute_metrics, "load_reference_classifier", lambda name: StandIn(predict=predict)
    )
    arrays = (x, y), (x.astype("float32"), y)
    found = metrics.evaluate(model, "mnist_thickness", arrays=arrays)
    assert [metric["value"] for metric in found] == [1.0, 50.0]
    assert "10 levels" in found[0]["protocol"]


def test_images_are_decoded_at_every_level(few_digits):
    x, y = few_digits[0][:6], few_digits[1][:6]
    model = zoo.CAAE((8, 8, 1), 3, num_classes=10, hidden_units=(8,))
    decoded = metrics.through_all_levels(model, x, y)
    z = model.encode(x, y)
    np.testing.assert_allclose(decoded[7], model.decode(z, np.full(6, 7)), atol=1e-6)
