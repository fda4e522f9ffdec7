"""The guide to variants of one's own runs on JAX and PyTorch, too; exports need TensorFlow."""

from pathlib import Path

import keras
import pytest
from support import documents

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "own-variant.md"


@pytest.mark.backend
@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="test_documents.py runs it")
def test_the_guide_runs_on_other_backends(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    documents.run(GUIDE, tmp_path / "page.py", without="import export")
