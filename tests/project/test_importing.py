"""What `import zoo` brings, when, and what editors and type checkers see of it."""

import ast
import importlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import export
import zoo
import zoo.runtime

ROOT = Path(zoo.__file__).parent.parent


def run(folder, program, **environment):
    """Run a program in a fresh process that finds the packages, and has `folder` as its own."""
    (folder / "program.py").write_text(program, "utf-8")
    return subprocess.run(
        [sys.executable, "program.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# Names


@pytest.mark.parametrize("package", [zoo, export, zoo.runtime])
def test_type_checkers_see_the_names_that_there_are(package):
    """What is imported for them alone is what the package finds when it is used."""
    source = Path(package.__file__)
    assert (source.parent / "py.typed").is_file()
    tree = ast.parse(source.read_text("utf-8"))
    blocks = [n for n in tree.body if isinstance(n, ast.If) and isinstance(n.test, ast.Name)]
    (block,) = [block for block in blocks if block.test.id == "TYPE_CHECKING"]
    aliases = [alias for statement in block.body for alias in statement.names]
    assert all(alias.asname == alias.name for alias in aliases), "names are re-exported by `as`"
    assert {alias.name for alias in aliases} == set(package.__all__) - {"__version__"}
    for statement in block.body:
        if isinstance(statement, ast.ImportFrom) and statement.module != "zoo":
            home = ("." * statement.level) + statement.module
            module = importlib.import_module(home, package.__name__)
            for alias in statement.names:
                found = getattr(package, alias.name)  # imports a module
                assert getattr(module, alias.name) is found


@pytest.mark.parametrize("package", [zoo, export, zoo.runtime])
def test_a_package_lists_only_its_public_names(package):
    assert dir(package) == sorted(package.__all__)
    for name in dir(package):
        assert getattr(package, name) is not None


@pytest.mark.slow
def test_modules_of_networks_are_found_by_the_packages_name(tmp_path):
    program = "import zoo; print(zoo.nn.distributions.Gaussian(0.5), zoo.nn.corruption)"
    done = run(tmp_path, program)
    assert done.stdout.startswith("Gaussian(stddev=0.5) "), done.stderr


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (lambda: zoo.nn.distributions.likelihoods.Bernoulli(), "Bernoulli()"),
        (lambda: zoo.Categorical(4), "Categorical(levels=4)"),
        (lambda: zoo.Normal(2, scale=5.0), "Normal(latent_dim=2, scale=5.0)"),
        (lambda: zoo.Uniform(1), "Uniform(latent_dim=1, low=-1.0, high=1.0)"),
        (
            lambda: zoo.GaussianMixture(np.eye(6)),
            "GaussianMixture(means=[[1.0, 0.0, 0.0, 0.0, ...], [",
        ),
        (lambda: zoo.Masking(0.25), "Masking(level=0.25)"),
        (
            lambda: zoo.Composition([zoo.Translation(2), zoo.GaussianNoise(0.1)]),
            "Composition(steps=[Translation(pixels=2), GaussianNoise(stddev=0.1)])",
        ),
        (
            lambda: zoo.CustomPrior(lambda n, g: g.random((n, 2)), 2, pool=5),
            "CustomPrior(function=<function ",
        ),
    ],
)
def test_priors_and_likelihoods_have_a_repr(made, shown):
    assert repr(made()).startswith(shown)


def test_the_package_lists_what_it_offers():
    assert {"load", "save", "VAE", "plots"} <= set(dir(zoo))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = zoo.nothing
    with pytest.raises(AttributeError, match="'export' has no attribute 'exprot_model'"):
        _ = export.exprot_model
    with pytest.raises(AttributeError, match="'zoo.runtime' has no attribute 'laod'"):
        _ = zoo.runtime.laod


# A script that hides the package


@pytest.mark.slow
def test_a_script_with_the_name_export_does_not_hide_the_package(tmp_path):
    program = """
import zoo, zoo.presets.loading
from zoo import export
print(export.load.__name__, export.__all__ == zoo.export.__all__)
assert zoo.VAE and zoo.presets.loading and zoo.list_models()
try:
    export.load("nowhere")
except FileNotFoundError as error:
    print(error)
import sys
page = sys.modules[export.write_page.__module__]
assert (page.Path(page.__file__).parent / "page_files" / page._FILES[0]).is_file()
"""
    (tmp_path / "export.py").write_text(program, "utf-8")
    done = run(tmp_path, "import export")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "load True\nnowhere is not a folder; load takes the folder of one part, as in "
        "'out/decoder'.\n"
    )


def test_there_is_one_export_package_if_nothing_hides_it():
    assert zoo.export is export


# Keras and the classes


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a model in a `.keras` file, and codes that it gives."""
    folder = tmp_path_factory.mktemp("saved")
    model = zoo.AAE((4, 4, 1), 2, hidden_units=(4,), prior=zoo.Normal(2, scale=5.0))
    model.compile()
    model.save(folder / "m.keras")
    np.save(folder / "codes.npy", model.encode(np.full((1, 4, 4, 1), 0.5, "float32")))
    return folder


@pytest.mark.parametrize(
    "imports",
    [
        "import keras, zoo",
        *(
            pytest.param(imports, marks=pytest.mark.slow)
            for imports in (
                "import zoo; zoo.Masking; import keras",
                "import zoo; zoo.VAE; import keras",
                "import zoo; zoo.load; import keras",
                "import keras, zoo.models.vae",
            )
        ),
    ],
)
def test_importing_the_zoo_is_enough_for_keras_to_load_a_model(imports, saved):
    program = f"""
{imports}
import numpy as np
codes = keras.models.load_model("m.keras").encode(np.full((1, 4, 4, 1), 0.5, "float32"))
np.testing.assert_allclose(codes, np.load("codes.npy"), rtol=1e-5)
"""
    done = run(saved, program)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_missing_backend_has_a_clear_error(tmp_path):
    """PyTorch is hidden here by a finder that comes first, as where it is not installed."""
    hide = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Hidden())
"""
    environment = {"KERAS_BACKEND": "torch"}
    command = "from zoo.cli.main import main; sys.exit(main(['generate', 'vae_digits']))"
    done = run(tmp_path, hide + command, **environment)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("zoo: Keras needs torch, which is not installed: pip ")
    assert "KERAS_BACKEND" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    done = run(tmp_path, f"{hide}\nimport zoo; zoo.VAE", **environment)
    assert "ImportError: Keras needs torch" in done.stderr.splitlines()[-1]


# From an archive


def test_the_error_for_presets_in_an_archive_says_what_to_do(tmp_path):
    with zipfile.ZipFile(tmp_path / "zoo.whl", "w") as wheel:
        for path in (*(ROOT / "zoo").rglob("*.py"), *(ROOT / "export").rglob("*.py")):
            wheel.write(path, path.relative_to(ROOT))
    program = """
import sys
sys.path.insert(0, "zoo.whl")
import zoo
assert "zoo.whl" in zoo.__file__
zoo.list_models()
"""
    done = run(tmp_path, program)
    assert done.stderr.splitlines()[-1].startswith("FileNotFoundError: The shipped presets are not")
    assert "pip install autoencoder-zoo" in done.stderr


def test_the_package_is_a_command():
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "list", "vae_digits"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("vae_digits  ")


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="one backend is enough")
def test_the_first_import_needs_no_keras(tmp_path):
    program = """
import sys, zoo, export, zoo.runtime.json_file
print(sorted({"keras", "numpy", "onnxruntime"} & {*sys.modules}))
"""
    done = run(tmp_path, program)
    assert done.stdout.strip() == "[]", done.stderr
