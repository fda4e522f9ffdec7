"""What is built of the project: which versions it asks for, and what goes into which package."""

import ast
import os
import subprocess
import sys
import tomllib
import zipfile

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
        found = onnxruntimes(path)
        assert {need.name for need in found} == {"onnxruntime", "onnxruntime-gpu"}
        assert all(">=1.21" in str(need.specifier) for need in found)


def onnxruntimes(path):
    """Return what a project requires of onnxruntime, also as an extra."""
    about = project(path)["project"]
    lists = [about["dependencies"], *about["optional-dependencies"].values()]
    return [Requirement(n) for named in lists for n in named if n.startswith("onnxruntime")]


def test_a_release_that_needs_cuda_to_be_imported_is_left_out():
    """onnxruntime-gpu 1.27.0 is linked to libcudart.so.13; the releases around it are not."""
    for path in (PROJECT, RUNTIME):
        (gpu,) = [need for need in onnxruntimes(path) if need.name == "onnxruntime-gpu"]
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


# The runtime, alone and beside the zoo


def test_the_runtimes_package_has_the_requirements_of_the_whole():
    whole, alone = (project(path)["project"] for path in (PROJECT, RUNTIME))
    assert alone["dependencies"] == [n for n in whole["dependencies"] if n.startswith("numpy>")]
    assert alone["requires-python"] == whole["requires-python"]
    wanted = {need.name: need.specifier for need in onnxruntimes(PROJECT)}
    assert {need.name: need.specifier for need in onnxruntimes(RUNTIME)} == wanted


def test_the_runtime_brings_no_second_onnxruntime_beside_that_of_the_zoo():
    """On most machines the zoo needs onnxruntime-gpu, whose files onnxruntime would overwrite."""
    assert onnxruntimes(RUNTIME)
    assert not [n for n in project(RUNTIME)["project"]["dependencies"] if "onnxruntime" in n]


def imported(path, everywhere):
    """Yield the names that a file imports, relative ones with their dots.

    Args:
        path: the file. everywhere: also within functions; else what importing the file imports.
    """
    waiting = [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def test_the_runtime_imports_itself_numpy_and_onnxruntime():
    """By relative imports, as its files have two import names; what is optional, in functions."""
    paths = sorted((ROOT / "zoo" / "runtime").glob("*.py"))
    assert len(paths) > 10
    siblings = {".", *(f".{path.stem}" for path in paths)}
    allowed = siblings | {"numpy", "onnxruntime"} | sys.stdlib_module_names
    optional = {"constriction", "pyarrow"}
    for path in paths:
        for everywhere, known in ((True, allowed | optional), (False, allowed)):
            names = imported(path, everywhere)
            names = {name if name[0] == "." else name.partition(".")[0] for name in names}
            assert names <= known, path.name


DISTRIBUTIONS = {"export": PROJECT.parent, "zoo_runtime": RUNTIME.parent}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """The wheel of each distribution, by the name under which it holds the runtime."""
    built = {}
    for name, folder in DISTRIBUTIONS.items():
        out = tmp_path_factory.mktemp(name)
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (built[name],) = out.glob("*.whl")
    return built


def held(wheel):
    """Return the files of a wheel by path, without those of presets, which are large."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.startswith("zoo/pretrained/")]
        return {name: archive.read(name) for name in names}


def test_the_wheels_hold_the_same_runtime_and_share_no_path(wheels):
    whole, alone = held(wheels["export"]), held(wheels["zoo_runtime"])
    assert not whole.keys() & alone.keys()
    folders = ("zoo/runtime/", "zoo_runtime/")
    same, files = (
        {name.removeprefix(folder): data for name, data in wheel.items() if name.startswith(folder)}
        for wheel, folder in zip((whole, alone), folders, strict=True)
    )
    assert files.pop("LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert files == same
    written = {path.name for path in (ROOT / "zoo" / "runtime").glob("*.*")}
    assert set(files) == written >= {"__init__.py", "session.py", "py.typed"}
    _, about = sorted({name.partition("/")[0] for name in alone}, reverse=True)
    assert about.endswith(".dist-info")


def install(wheel, folder):
    for name, data in held(wheel).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def uninstall(wheel, folder):
    for name in held(wheel):
        (folder / name).unlink()


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


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    """The folder of an exported decoder."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("export reads TF graphs")
    out = tmp_path_factory.mktemp("exported") / "out"
    model = zoo.VAE((8, 8, 1), 2, hidden_units=(8,))
    export.export_model(model, out, parts=["decoder"], formats=["onnx"])
    return out / "decoder"


def check_deployed(name, folder, decoder):
    """Run the deployed application with the runtime of this name, which lies in the folder."""
    program = (ROOT / "tests" / "support" / "deployed.py").read_text("utf-8")
    program = program.replace("zoo_runtime", name)
    if name == "export":  # which has its runtime in the package zoo
        program = program.replace(', "zoo"', "")
    found = f"import {name}; assert {name}.__file__.startswith({str(folder)!r})\n"
    done = run(folder, found + program, decoder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("x (3, 8, 8, 1)")


@pytest.mark.slow
@pytest.mark.parametrize("order", [["export", "zoo_runtime"], ["zoo_runtime", "export"]])
def test_both_are_installed_in_either_order_and_either_is_removed(order, wheels, decoder, tmp_path):
    for name in order:
        install(wheels[name], tmp_path)
    for name in order:
        check_deployed(name, tmp_path, decoder)
    first, last = order
    uninstall(wheels[first], tmp_path)
    assert not [*tmp_path.glob(f"{first}/**/*.py")]
    check_deployed(last, tmp_path, decoder)


def test_the_error_where_onnxruntime_is_missing_says_what_to_install(wheels, tmp_path):
    install(wheels["zoo_runtime"], tmp_path)
    hide = "import sys; sys.modules['onnxruntime'] = None\n"
    done = run(tmp_path, f"{hide}import zoo_runtime; zoo_runtime.load('decoder')")
    last = done.stderr.splitlines()[-1]
    assert last.startswith(
        "ImportError: zoo_runtime.load needs onnxruntime, which is not installed"
    )
    assert "pip install onnxruntime, or onnxruntime-gpu" in last


def test_the_version_is_that_of_the_whole():
    place = project(RUNTIME)["tool"]["hatch"]["version"]["path"]
    assert zoo.__version__ in (RUNTIME.parent / place).read_text("utf-8")
