"""What is built of the project: which versions it asks for, and what goes into which package."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import keras
import pytest
from packaging.requirements import Requirement
from support.lowest import PROJECT, lowest, pinned

import export
import zoo

ROOT = PROJECT.parent
RUNTIME = ROOT / "runtime" / "pyproject.toml"


def project(path):
    return tomllib.loads(path.read_text("utf-8"))


def test_every_requirement_has_a_lowest_version():
    pins = lowest(project(PROJECT)["project"])
    names = {pin.partition("==")[0] for pin in pins}
    assert {"keras", "h5py", "numpy", "scipy", "scikit-learn", "matplotlib", "pillow"} <= names
    assert not any(">=" in pin for pin in pins)


def test_a_pin_keeps_what_stands_behind_the_version():
    assert pinned("a-b>=1.2.post1; os == 'c'") == "a-b==1.2.post1; os == 'c'"
    assert pinned("a>=1.2,!=1.5,!=1.6; os == 'c'") == "a==1.2; os == 'c'"
    for requirement in ("a", "a==1", "a>=1,<2"):
        with pytest.raises(ValueError, match="must have a lowest version"):
            pinned(requirement)


def test_the_lowest_onnxruntime_loads_its_cuda_libraries():
    """`preload_dlls` came with 1.21; the runtime calls it wherever CUDA is built in."""
    for path in (PROJECT, RUNTIME):
        found = [n for n in project(path)["project"]["dependencies"] if n.startswith("onnxruntime")]
        assert found
        assert all(n.partition(">=")[2].startswith("1.21") for n in found)


def test_a_release_that_needs_cuda_to_be_imported_is_left_out():
    """onnxruntime-gpu 1.27.0 is linked to libcudart.so.13; the releases around it are not."""
    needs = project(PROJECT)["project"]["dependencies"]
    (gpu,) = [Requirement(need) for need in needs if need.startswith("onnxruntime-gpu")]
    assert not gpu.specifier.contains("1.27.0")
    for version in ("1.21.0", "1.26.0", "1.28.0", "1.31.1"):
        assert gpu.specifier.contains(version)


def test_both_packages_name_the_same_versions_of_python():
    named = [
        {name for name in project(path)["project"]["classifiers"] if "Python :: 3" in name}
        for path in (PROJECT, RUNTIME)
    ]
    assert named[0] == named[1]
    assert "Programming Language :: Python :: 3.13" in named[0]


# The runtime alone


def test_the_runtimes_package_has_the_requirements_of_the_whole():
    whole = project(PROJECT)["project"]
    alone = project(RUNTIME)["project"]
    assert set(alone["dependencies"]) == {
        need
        for need in (full.partition(";")[0] for full in whole["dependencies"])
        if need.startswith(("numpy>", "onnxruntime>"))
    }
    assert alone["requires-python"] == whole["requires-python"]
    assert "never both" in alone["description"]


def files_of_the_runtime():
    """Return what goes into its package, as paths from its pyproject.toml and in the package."""
    return project(RUNTIME)["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]


def modules_needed(*names):
    """Return modules of export by name, with all that they import when they are imported."""
    needed, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed.add(name)
        tree = ast.parse((ROOT / "export" / f"{name}.py").read_text("utf-8"))
        for statement in tree.body:
            if isinstance(statement, ast.ImportFrom) and statement.level:
                inside = [alias.name for alias in statement.names]
                waiting += [statement.module] if statement.module else inside
    return needed


def test_the_runtimes_package_has_the_modules_that_it_imports_and_no_more():
    listed = {
        Path(target).stem for target in files_of_the_runtime().values() if target.endswith(".py")
    }
    assert listed == modules_needed("__init__", "runtime", "golden")


@pytest.fixture
def runtime(tmp_path):
    """The files of the runtime's package in a folder of their own."""
    files = files_of_the_runtime()
    for source, target in files.items():
        (tmp_path / target).parent.mkdir(exist_ok=True)
        shutil.copyfile(RUNTIME.parent / source, tmp_path / target)
    return tmp_path


def run(folder, program, *arguments):
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="export reads TF graphs")
def test_the_runtimes_files_run_and_test_an_export(runtime, tmp_path, vae):
    export.export_model(vae, tmp_path / "out", parts=["decoder"], formats=["onnx"])
    deployed = ROOT / "tests" / "support" / "deployed.py"
    program = f"import export; assert export.__file__.startswith({str(runtime)!r})\n"
    done = run(runtime, program + deployed.read_text("utf-8"), tmp_path / "out" / "decoder")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("x (3, 8, 8, 1)")


def test_the_error_for_functions_outside_of_the_runtime_says_where_they_are(runtime):
    done = run(runtime, "import export; export.export_model")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: export.export_model is not in autoencoder-zoo-runtime")
    assert "pip install autoencoder-zoo." in last


def test_the_version_is_that_of_the_whole():
    place = project(RUNTIME)["tool"]["hatch"]["version"]["path"]
    assert zoo.__version__ in (RUNTIME.parent / place).read_text("utf-8")
