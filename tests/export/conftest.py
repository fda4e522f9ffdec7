"""Models with parts, and one that was exported, for the tests of export."""

import keras
import pytest
from support import parts

import export


@pytest.fixture(scope="session")
def conditional():
    """A conditional convolutional model of two parts."""
    return parts.Model(parts.gaussian_encoder(), parts.conditional_decoder())


@pytest.fixture(scope="session")
def exported(conditional, tmp_path_factory):
    """That model, exported once: the folder and the report."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("export needs the TensorFlow backend")
    out = tmp_path_factory.mktemp("export") / "out"
    return out, export.export_model(conditional, out)


@pytest.fixture(scope="session")
def make():
    """The builders, for tests that want a model of their own."""
    return parts
