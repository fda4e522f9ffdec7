"""Models with parts, one that was exported, and pages in a browser, for the tests of export."""

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


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder with the pages of presets, and the address where they are served."""
    from support import page_presets

    root = tmp_path_factory.mktemp("site")
    page_presets.write_pages(root)
    server = page_presets.served(root)
    yield root, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    from support import chromium

    driver = chromium.started(tmp_path_factory.mktemp("downloads"))
    yield driver
    driver.quit()
