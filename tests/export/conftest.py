"""Pages in a browser, for the tests of export."""

import pytest


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


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory):
    """A folder with onnxruntime-node in it."""
    from support import node_project

    return node_project.install(tmp_path_factory.mktemp("node"))
