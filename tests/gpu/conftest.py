"""A GPU or a reason why not, the exports that run on it, and the file that keeps what was found."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from support import gpu_exports

HERE = Path(__file__).parent
REPORT = HERE.parent / "benchmarks" / "gpu.md"


def card() -> str:
    """Return the names of the GPUs with their driver; "" where there is none."""
    if not shutil.which("nvidia-smi"):
        return ""
    asked = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False)
    return "; ".join(said.stdout.splitlines()) if said.returncode == 0 else ""


def pytest_collection_modifyitems(items):
    ours = [item for item in items if item.path.is_relative_to(HERE)]
    reason = None if card() else "no GPU of NVIDIA here: nvidia-smi names none"
    for item in ours:
        item.add_marker(pytest.mark.gpu)
        # One worker has them all: they share the GPU, and the report.
        item.add_marker(pytest.mark.xdist_group("gpu"))
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


class Report:
    """Tables of what was measured, written anew after every line, so that none is lost."""

    def __init__(self, path: Path):
        self.path, self.tables = path, {}
        self.head = (
            f"What was measured by `pytest -m gpu` on {card()}, {time.strftime('%Y-%m-%d')}."
        )

    def add(self, title: str, columns: tuple, row: tuple):
        self.tables.setdefault((title, columns), []).append(row)
        lines = [self.head]
        for (each, names), rows in self.tables.items():
            lines += [
                "",
                f"**{each}**",
                "",
                "| " + " | ".join(names) + " |",
                "|---" * len(names) + "|",
            ]
            lines += ["| " + " | ".join(map(str, cells)) + " |" for cells in rows]
        new = self.path.with_suffix(".new")
        new.write_text("\n".join(lines) + "\n")
        new.replace(self.path)


@pytest.fixture(scope="session")
def report():
    return Report(Path(os.environ.get("ZOO_GPU_REPORT", REPORT)))


@pytest.fixture(scope="session")
def exports(tmp_path_factory):
    """Exported presets: of the folder ZOO_EXPORTS, or made here, where there is TensorFlow."""
    if "ZOO_EXPORTS" in os.environ:
        return Path(os.environ["ZOO_EXPORTS"])
    pytest.importorskip("tensorflow", reason="set ZOO_EXPORTS to what gpu_exports.py has written")
    folder = tmp_path_factory.mktemp("exports")
    gpu_exports.write(folder)
    return folder
