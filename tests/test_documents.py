"""What the documents say is run, word for word."""

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import zoo
from zoo.readme_tables import with_tables

ROOT = Path(__file__).parent.parent
# A process inherits the memory record of the one that starts it, so a small one starts it.
LAUNCHER = """
import os, sys
child = os.posix_spawn(sys.argv[1], [sys.argv[1], "-I", sys.argv[2]], os.environ)
_, status, usage = os.wait4(child, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def block(document, word):
    (found,) = [b for b in CODE.findall((ROOT / document).read_text("utf-8")) if word in b]
    return found


def test_the_table_of_models_is_up_to_date():
    text = (ROOT / "README.md").read_text("utf-8")
    assert with_tables(text, ROOT / "results") == text, "run: python -m zoo.readme_tables"


@pytest.mark.parametrize("file", [".", *(f"pretrained/{name}" for name in zoo.list_models())])
def test_every_row_of_a_table_has_as_many_cells_as_its_head(file):
    text = (ROOT / file / "README.md").read_text("utf-8")
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        cells = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(cells) == 1, table


def test_the_readme_shows_the_start_within_two_screens():
    text = (ROOT / "README.md").read_text("utf-8")
    assert text.index("## Models") < 100 * 50
    assert len(text[: text.index("## Models")].splitlines()) < 80


def test_every_command_of_the_readme_exists(capsys):
    from zoo.cli import main

    for name in ("list", "card", "demo", "generate", "train", "evaluate", "export"):
        assert f"zoo {name} " in (ROOT / "README.md").read_text("utf-8")
        with pytest.raises(SystemExit) as end:
            main([name, "--help"])
        assert end.value.code == 0


def packages_alone(folder, *names):
    """Fill a fresh environment with installed distributions and what they need, by links."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    site = next(folder.glob("[lL]ib/**/site-packages"))
    waiting, done = list(names), set()
    while waiting:
        name = waiting.pop()
        if name.lower() in done:
            continue
        done.add(name.lower())
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # an extra or another platform's need
        for file in {Path(str(f)).parts[0] for f in found.files or ()} - {".."}:
            target = Path(found.locate_file(file))
            if target.exists() and not (site / file).exists():
                (site / file).symlink_to(target)
        needs = [need for need in found.requires or () if "extra ==" not in need]
        waiting += [re.match(r"[\w.-]+", need)[0] for need in needs]
    return folder / ("Scripts" if os.name == "nt" else "bin") / "python"


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="export reads TF graphs")
@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process")
def test_the_readmes_application_runs_with_onnxruntime_and_numpy_alone(tmp_path):
    """Exactly the text of the README, where neither Keras nor TensorFlow can be imported."""
    import export

    export.export_model(zoo.load("cvae_mnist"), tmp_path / "out", parts=["decoder"])
    runtimes = {d.name for d in importlib.metadata.distributions()}
    runtime = "onnxruntime-gpu" if "onnxruntime-gpu" in runtimes else "onnxruntime"
    python = packages_alone(tmp_path / "alone", runtime)
    for absent in ("keras", "tensorflow", "zoo", "onnx", "sklearn"):
        missing = subprocess.run([python, "-I", "-c", f"import {absent}"], capture_output=True)
        assert missing.returncode, f"{absent} can be imported"

    application = tmp_path / "application.py"
    application.write_text(block("README.md", "onnxruntime as ort"), "utf-8")
    assert len(application.read_text().splitlines()) <= 10
    launched = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LAUNCHER, python, application],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert launched.returncode == 0, launched.stderr
    said, kilobytes = launched.stdout.strip().splitlines()
    assert said == "(10, 28, 28, 1) True True"
    assert int(kilobytes) < 120 * 1024


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="one backend is enough")
def test_the_new_variant_of_contributing_works_and_is_short(tmp_path):
    example = block("CONTRIBUTING.md", "class InfoVAE")
    assert len(example.splitlines()) < 40
    (tmp_path / "infovae.py").write_text(example, "utf-8")
    path = os.pathsep.join(
        [str(Path(zoo.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    )
    result = subprocess.run(
        [sys.executable, "infovae.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "infovae_digits {" in result.stdout
    assert "'mmd': " in result.stdout
