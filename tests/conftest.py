"""Fixtures and settings of all tests: the mode of steps, the backend, the data, small models."""

import os
import shutil
import sys
import zlib

import pytest
from support.memory import (  # noqa: F401
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

# Two workers share the cores. Before any backend starts, as it reads these when it does.
for _name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

FORGET_AFTER = 40  # tests

# Keras and the zoo are imported where they are needed: the process that hands tests to the workers
# needs neither.


def pytest_addoption(parser):
    parser.addoption(
        "--compiled",
        action="store_true",
        help="trace and compile steps as users do; without it tests run them eagerly, but for "
        "those that are marked `compiled`",
    )
    parser.addoption(
        "--part",
        metavar="K/N",
        help="run part K of N of the selected tests, K from 0 to N - 1; the part of a test follows "
        "from its name alone",
    )


def pytest_configure(config):
    """Let JAX keep what it compiles, as many tests make the same small model, and compile fast."""
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(config.rootpath / ".pytest_cache/jax"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    if os.environ.get("KERAS_BACKEND") == "jax":  # small models compile much longer than they train
        os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")


def pytest_collection_modifyitems(config, items):
    """Leave out other parts, and let one worker run the tests of a file that share a fixture.

    Otherwise each worker would make this fixture. What is long comes first and single tests come
    last, so that no worker waits for another's.
    """
    if config.getoption("--part"):
        part, parts = (int(number) for number in config.getoption("--part").split("/"))
        other = [item for item in items if zlib.crc32(item.nodeid.encode()) % parts != part % parts]
        config.hook.pytest_deselected(items=other)
        left_out = set(other)
        items[:] = [item for item in items if item not in left_out]
    for item in items:
        if _shares_fixtures_of_its_module(item) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(
        key=lambda item: (
            item.get_closest_marker("long") is None,
            item.get_closest_marker("xdist_group") is None,
        )
    )


def _shares_fixtures_of_its_module(item) -> bool:
    """Say whether a test uses a fixture that is made once for its module."""
    fixtures = getattr(item, "_fixtureinfo", None)
    defined = fixtures.name2fixturedefs.values() if fixtures else ()
    return any(fixture.scope == "module" for several in defined for fixture in several)


def pytest_runtest_setup(item):
    """Choose how the steps of this test's models run, before any fixture makes one.

    Tracing and compiling a tiny model takes ten times as long as its training and more, and memory
    that XLA never gives back.
    """
    from support import steps

    compiled = item.config.getoption("--compiled") or item.get_closest_marker("compiled")
    steps.run_as_users_do() if compiled else steps.run_eagerly()


def pytest_runtest_teardown(item):
    """Let JAX forget what it compiled, now and then: what comes again lies in its cache on disk."""
    item.session.finished = getattr(item.session, "finished", 0) + 1
    if "jax" in sys.modules and item.session.finished % FORGET_AFTER == 0:
        sys.modules["jax"].clear_caches()


@pytest.fixture(autouse=True)
def seeded():
    import keras

    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def digits():
    """Scikit-learn's digits: `(x, y), (x_test, y_test)`, x [n, 8, 8, 1] in [0, 1]."""
    from zoo import data

    return data.load("digits")


@pytest.fixture(scope="session")
def few_digits(digits):
    """The first 256 of them: `(x, y)`."""
    x, y = digits[0]
    return x[:256], y[:256]


@pytest.fixture(scope="session")
def vae():
    """An untrained VAE of digits, for tests that do not change it."""
    import zoo

    return zoo.VAE((8, 8, 1), 2, hidden_units=(16,))


@pytest.fixture(scope="session")
def cvae():
    """An untrained conditional VAE of digits, for tests that do not change it."""
    import zoo

    return zoo.CVAE((8, 8, 1), 3, hidden_units=(16,), num_classes=10)


@pytest.fixture(scope="session")
def plain():
    """An untrained autoencoder without a prior."""
    import zoo

    return zoo.Autoencoder((8, 8, 1), 2, hidden_units=(16,))


@pytest.fixture(scope="session")
def saved_vae(tmp_path_factory):
    """The preset folder of an untrained VAE of digits, for tests that only read it."""
    import zoo

    model = zoo.VAE((8, 8, 1), 3, hidden_units=(16,))
    model.compile()
    folder = tmp_path_factory.mktemp("presets") / "preset"
    zoo.save(model, folder)
    return folder


@pytest.fixture
def vae_preset(saved_vae, tmp_path):
    """A copy of that folder, which a test may spoil."""
    return shutil.copytree(saved_vae, tmp_path / "preset")


@pytest.fixture(scope="module")
def digit_presets(tmp_path_factory):
    """Preset folders: a flat VAE and a CVAE of digits, and one that does not say of what."""
    import keras

    import zoo

    folder = tmp_path_factory.mktemp("presets")
    keras.utils.set_random_seed(0)
    about = {"recipe": {"data": "digits"}}
    zoo.save(zoo.VAE((8, 8, 1), 2, hidden_units=(4,)), folder / "flat", about=about)
    cvae = zoo.CVAE((8, 8, 1), 2, hidden_units=(4,), num_classes=10)
    zoo.save(cvae, folder / "classes", about=about)
    zoo.save(zoo.VAE((8, 8, 1), 2, hidden_units=(4,)), folder / "mine")
    return folder


@pytest.fixture(scope="session")
def conditional():
    """A conditional convolutional model of two parts, to export."""
    from support import parts

    return parts.Model(parts.gaussian_encoder(), parts.conditional_decoder())


@pytest.fixture(scope="session")
def exported(conditional, tmp_path_factory):
    """That model, exported once: the folder and the report."""
    import keras

    import export

    if keras.backend.backend() != "tensorflow":
        pytest.skip("export needs the TensorFlow backend")
    out = tmp_path_factory.mktemp("export") / "out"
    return out, export.export_model(conditional, out)


@pytest.fixture(scope="session")
def make():
    """The builders of models to export, for tests that want one of their own."""
    from support import parts

    return parts
