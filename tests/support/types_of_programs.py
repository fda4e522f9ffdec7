"""Check the types of `zoo`, `export` and the README's programs, and that mistakes are found.

`python tests/support/types_of_programs.py` does it, with `pyright` of the extra `lint`.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import documents

ROOT = Path(__file__).resolve().parents[2]

MISTAKES = """
import numpy as np

import export
import zoo

zoo.VAE((28, 28, 1), 16, hiden_units=(3,))  # mistake: hiden_units
zoo.VAE("28x28", 16)  # mistake: input_shape
zoo.GAN((28, 28, 1), 16, encoder=None)  # mistake: encoder
zoo.Pix2Pix((28, 28, 1), latent_dim=16)  # mistake: latent_dim
zoo.M2((28, 28, 1), 16, num_classes="ten")  # mistake: num_classes
zoo.Vae((28, 28, 1), 16)  # mistake: Vae
zoo.Gaussian(stdev=0.1)  # mistake: stdev
vae = zoo.VAE((28, 28, 1), 16)
vae.encode(np.zeros((4, 28, 28, 1)), batchsize=2)  # mistake: batchsize
vae.generate("four")  # mistake: n
vae.beta = 4.0
model = zoo.load("cvae_mnist", sha265="")  # mistake: sha265
vae.generate(label=[7])  # mistake: label
codes: str = vae.encode(np.zeros((4, 28, 28, 1)))  # mistake: codes
zoo.anomaly.Detector(vae).threshhold()  # mistake: threshhold
export.export_model(vae, "out", format="onnx")  # mistake: format
"""


def reports(folder: Path) -> list[dict]:
    """Return what pyright reports of `zoo`, `export` and the programs in a folder beside them."""
    pyright = shutil.which("pyright")
    assert pyright, "pyright is not there: pip install -e '.[lint]'"
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pyright"]
    include = [f"../{package}" for package in settings["include"]]
    settings |= {"include": [*include, "."], "exclude": [], "extraPaths": [".."]}
    project = folder / "pyrightconfig.json"
    project.write_text(json.dumps(settings), "utf-8")
    command = [pyright, "-p", project, "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr or done.stdout
    found = json.loads(done.stdout)
    assert found["summary"]["filesAnalyzed"] > 200, found["summary"]
    return [report for report in found["generalDiagnostics"] if report["severity"] == "error"]


def shown(report: dict) -> str:
    """Return a report as one line."""
    path, line = report["file"], report["range"]["start"]["line"] + 1
    return f"{path}:{line}: {report['message']}"


def main() -> None:
    """Exit with what is wrong, if anything is."""
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".types_") as folder:
        readme = documents.blocks((ROOT / "README.md").read_text("utf-8"))
        program = "\n".join(code for _, language, code in readme if language == "python")
        Path(folder, "readme.py").write_text(program, "utf-8")
        mistakes = Path(folder, "mistakes.py")
        mistakes.write_text(MISTAKES, "utf-8")
        found = reports(Path(folder))
    of_mistakes = [report for report in found if Path(report["file"]).name == mistakes.name]
    wrong = [shown(report) for report in found if report not in of_mistakes]
    if wrong := wrong + unexpected(of_mistakes):
        sys.exit("\n".join(wrong))
    print("no wrong types in zoo, in export and in the README's programs")


def unexpected(of_mistakes: list[dict]) -> list[str]:
    """Return which mistakes are not found, and what else is reported."""
    lines = MISTAKES.split("\n")
    expected = {i for i, line in enumerate(lines) if "# mistake" in line}
    seen = {report["range"]["start"]["line"] for report in of_mistakes}
    missed = [f"pyright does not find the mistake in: {lines[i]}" for i in sorted(expected - seen)]
    return missed + [f"pyright wrongly refuses: {lines[i]}" for i in sorted(seen - expected)]


if __name__ == "__main__":
    main()
