"""What the documents say is run, word for word."""

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from generated_pages import FAMILIES, generated_pages
from support import documents
from support.few_images import few_images

import zoo
from zoo.models import CLASSES

ROOT = Path(__file__).parents[2]
PAGES = [
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "pretrained/README.md", "results/*.md", "runtime/*.md")
    for path in sorted(ROOT.glob(pattern))
]
# The code of lessons runs in tests/lessons.
RUN = [page for page in PAGES if not re.match(r"docs/lessons/(?!README)", str(page))]
SHORT = ("README.md", "docs/README.md")  # the others run longer
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


def test_generated_pages_are_up_to_date():
    for path, text in generated_pages(ROOT).items():
        assert path.read_text("utf-8") == text, f"{path}; run: python docs/generated_pages.py"


@pytest.mark.parametrize("page", PAGES)
def test_every_row_of_a_table_has_as_many_cells_as_its_head(page):
    for table in re.findall(r"(?:^\|.*\n)+", (ROOT / page).read_text("utf-8"), re.MULTILINE):
        cells = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(cells) == 1, table


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    path = ROOT / page
    for target in re.findall(r"\]\(([^()\s]+)\)", without_code(path.read_text("utf-8"))):
        file, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found.read_text("utf-8")), target


def without_code(text):
    return re.sub(r"^```.*?^```|`[^`\n]+`", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(text):
    """Return the names that links into a page may use: of headings, and those given."""
    headings = re.findall(r"^#+ (.*)$", without_code(text), re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)"', text))


def test_the_documents_count_classes_and_pages_rightly():
    from zoo.models import CLASSES

    pages = len([*(ROOT / "docs/families").glob("*.md")]) - 1  # without the page that lists them
    families = (ROOT / "docs/families/README.md").read_text(encoding="utf-8")
    assert f"{len(CLASSES)} model classes on {pages} pages" in families
    assert f"are {len(CLASSES)} Keras model classes" in (ROOT / "README.md").read_text("utf-8")
    assert f"{len(CLASSES)} [model classes]" in (ROOT / "docs/README.md").read_text("utf-8")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_a_page_that_is_read_first_is_short(page):
    assert len((ROOT / page).read_bytes()) <= 8_000


def test_the_readme_names_every_class():
    text = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in CLASSES if f"[`{name}`]" not in text] == []


def test_every_class_has_a_page_and_every_page_its_presets():
    named = [name for family in FAMILIES.values() for name in family.classes]
    assert sorted(named) == sorted(CLASSES)
    pages = {path.stem for path in (ROOT / "docs" / "families").glob("*.md")} - {"README"}
    assert pages == set(FAMILIES)


def test_every_command_exists_and_is_told_of(capsys):
    from zoo.cli.main import main

    text = (ROOT / "docs" / "guides" / "command-line.md").read_text("utf-8")
    for name in (
        "list",
        "card",
        "demo",
        "generate",
        "compare",
        "train",
        "impute",
        "evaluate",
        "detect",
        "encode",
        "renew",
        "export",
        "reproduce",
        "lesson",
        "push",
    ):
        assert f"zoo {name}" in text
        with pytest.raises(SystemExit) as end:
            main([name, "--help"])
        assert end.value.code == 0


@pytest.fixture(scope="module")
def runtime_alone(tmp_path_factory):
    """A folder with `zoo_runtime`, as the package `autoencoder-zoo-runtime` installs it."""
    folder = tmp_path_factory.mktemp("packages")
    (folder / "zoo_runtime").symlink_to(ROOT / "zoo" / "runtime")
    return folder


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="pages export models")
@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=() if page in SHORT else pytest.mark.slow) for page in RUN]
)
def test_every_block_of_code_runs(page, runtime_alone, tmp_path, monkeypatch):
    for package in documents.needs((ROOT / page).read_text("utf-8")):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(zoo.data, "load", few_images(zoo.data.load))
    monkeypatch.syspath_prepend(runtime_alone)
    documents.run(ROOT / page, tmp_path / "page.py")


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


def test_the_rest_server_has_25_lines():
    lines = block("docs/guides/rest-server.md", "FastAPI()").splitlines()
    assert len([line for line in lines if line.strip()]) == 25


def test_the_new_variant_of_contributing_is_short():
    assert len(block("CONTRIBUTING.md", "class InfoVAE").splitlines()) < 40
