"""Distances to a normal distribution for each place: those of SciPy."""

import numpy as np
from scipy.spatial.distance import mahalanobis

from zoo.anomaly.places import GaussianPlaces


def test_distances_are_those_of_mahalanobis():
    generator = np.random.default_rng(0)
    f = generator.normal(size=(20, 70, 5)) @ generator.normal(size=(5, 5)) + 3
    places = GaussianPlaces.fitted(f, regularization=0.1)
    new = generator.normal(size=(4, 70, 5)).astype("float32")
    found = np.asarray(places.distances(new))
    assert found.shape == (4, 70)
    for place in (0, 33, 69):
        covariance = np.cov(f[:, place], rowvar=False) + 0.1 * np.eye(5)
        inverse, mean = np.linalg.inv(covariance), f[:, place].mean(axis=0)
        expected = [mahalanobis(row, mean, inverse) for row in new[:, place]]
        np.testing.assert_allclose(found[:, place], expected, rtol=1e-4)


def test_fewer_images_than_features_have_distances_by_regularization():
    f = np.random.default_rng(0).normal(size=(3, 2, 8))
    places = GaussianPlaces.fitted(f, regularization=0.5)
    unlike = f.mean(axis=0) + np.linalg.svd(f[:, 0] - f[:, 0].mean(axis=0))[2][-1]
    found = np.asarray(places.distances(unlike[None].astype("float32")))
    np.testing.assert_allclose(found[0, 0], 1 / np.sqrt(0.5), rtol=1e-4)
