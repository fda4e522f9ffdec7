"""Generated images are counted by class, and compared by a Fréchet distance as SciPy does."""

import keras
import numpy as np
import pytest
from scipy import linalg
from support.stand_in import StandIn, classifier_that

from zoo import metrics


@pytest.mark.parametrize(
    ("choose", "accuracy"),
    [
        (lambda asked: asked, 100.0),
        (lambda asked: (asked + 1) % 10, 0.0),
        (lambda asked: np.zeros_like(asked), 10.0),
    ],
)
def test_generated_classes_are_counted(choose, accuracy, cvae):
    found = metrics.generated_class_accuracy(cvae, classifier_that(choose), n=200)
    assert found == pytest.approx(accuracy)


def test_the_classifier_gets_the_generated_images(cvae):
    seen = []

    def predict(images, **options):
        del options
        seen.append(images)
        return np.eye(10)[[0] * len(images)]

    metrics.generated_class_accuracy(cvae, StandIn(predict=predict), n=30, seed=4)
    labels = [*range(10)] * 3
    np.testing.assert_allclose(seen[0], cvae.generate(labels=labels, seed=4), atol=1e-6)


@pytest.mark.backend
@pytest.mark.parametrize("sizes", [(500, 400), (500, 3), (3, 2)])
def test_the_frechet_distance_is_that_of_two_gaussians(sizes):
    """Against SciPy's root of a matrix, on features that a linear layer gives."""
    classifier = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4, name="features"), keras.layers.Dense(2)]
    )
    generator = np.random.default_rng(0)
    a, b = (
        generator.normal(m, s, (n, 3)).astype("float32")
        for m, s, n in zip((0, 1), (1, 2), sizes, strict=True)
    )
    kernel, bias = classifier.layers[0].get_weights()
    (fa, fb) = (sample.astype("float64") @ kernel + bias for sample in (a, b))
    root = linalg.sqrtm(np.cov(fa, rowvar=False) @ np.cov(fb, rowvar=False) + 1e-12 * np.eye(4))
    covariances = np.cov(fa, rowvar=False) + np.cov(fb, rowvar=False) - 2 * root.real
    expected = np.sum((fa.mean(0) - fb.mean(0)) ** 2) + np.trace(covariances)
    assert metrics.frechet_distance(a, b, classifier) == pytest.approx(expected, rel=1e-3)
    assert metrics.frechet_distance(a, a, classifier) == pytest.approx(0, abs=1e-5)
