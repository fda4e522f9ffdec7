"""Linear and sigmoid codes, and the plane of PCA."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from zoo import data
from zoo.experiments import linear_codes as codes


@pytest.fixture(scope="module")
def x():
    return data.load("digits")[0][0][:300]


def test_the_components_are_those_of_scikit_learn(x):
    mean, components = codes.principal_components(x)
    pca = PCA(codes.CODES).fit(x.reshape(300, -1))
    np.testing.assert_allclose(mean, pca.mean_, atol=1e-5)
    np.testing.assert_allclose(
        np.abs(components @ pca.components_.T), np.eye(codes.CODES), atol=1e-3
    )


def test_the_sigmoid_model_approaches_pca_and_is_never_better(x):
    pca = PCA(codes.CODES).fit(x.reshape(300, -1))
    restored = pca.inverse_transform(pca.transform(x.reshape(300, -1)))
    least = np.square(restored - x.reshape(300, -1)).sum(axis=1).mean()
    errors = []
    for scale in (3.0, 0.3, 0.03):
        model = codes.in_linear_range(x, scale)
        errors.append(np.square(model.reconstruct(x) - x).sum(axis=(1, 2, 3)).mean())
    assert errors[0] > errors[1] > errors[2] >= least - 1e-4
    assert errors[2] == pytest.approx(least, rel=1e-3)
    np.testing.assert_allclose(model.reconstruct(x).reshape(300, -1), restored, atol=1e-2)


def test_angles_are_those_of_the_singular_values(x):
    """The cosines are the singular values of the product of two orthonormal bases."""
    model = codes.model_of("sigmoid", False)
    kernel = model.decoder.get_weights()[0]  # [codes, pixels]
    _, components = codes.principal_components(x)
    basis = np.linalg.qr(kernel.T.astype("float64"))[0]
    cosines = np.linalg.svd(basis.T @ components.T)[1]
    np.testing.assert_allclose(codes.angles_to(components, model), np.arccos(cosines), atol=1e-3)
    built = codes.angles_to(components, codes.in_linear_range(x, 1.0))
    assert built.max() < 1e-3
