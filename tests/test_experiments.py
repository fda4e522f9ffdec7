"""Comparisons run from end to end on little data, and write what they found."""

import json

import numpy as np
import pytest

import zoo
from zoo import data, experiments
from zoo.spelling import UnknownNameError


@pytest.fixture
def few_images(monkeypatch):
    """Enlarged digits in the place of MNIST."""
    (x, y), (x_test, y_test) = data.load("digits")

    def load(name):
        assert name == "mnist"
        large, large_test = (
            np.pad(np.kron(a[..., 0], np.ones((3, 3))), ((0, 0), (2, 2), (2, 2)))
            for a in (x[:300], x_test[:100])
        )
        large, large_test = (a[..., None].astype("float32") for a in (large, large_test))
        return (large, y[:300]), (large_test, y_test[:100])

    monkeypatch.setattr(data, "load", load)
    flat = zoo.VAE((28, 28, 1), 2, hidden=(4,))
    monkeypatch.setattr(zoo, "load", lambda name: flat, raising=False)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) for name in experiments.EXPERIMENTS]
)
def test_an_experiment_writes_its_table_with_protocol_and_command(name, few_images, tmp_path):
    table = experiments.reproduce(name, tmp_path, epochs=1, verbose=0)
    record = json.loads((tmp_path / f"{name}.json").read_text())
    assert record["command"] == f"zoo reproduce {name} --epochs 1"
    assert "epochs" not in record["protocol"] or "1 epochs" in record["protocol"]
    assert [len(row) for row in record["rows"]] == [len(record["columns"])] * len(table.rows)
    assert record["versions"]["autoencoder-zoo"] == zoo.__version__
    if record["picture"]:
        assert (tmp_path / record["picture"]).stat().st_size > 1000


def test_an_unknown_experiment_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(UnknownNameError, match="sparsity"):
        experiments.reproduce("sparsty", tmp_path)


def test_the_error_of_pca_is_that_of_its_definition():
    x = np.random.default_rng(0).random((50, 4, 4, 1))
    flat = x.reshape(50, 16)
    mean = flat.mean(0)
    _, _, axes = np.linalg.svd(flat - mean)
    restored = mean + (flat - mean) @ axes[:3].T @ axes[:3]
    expected = np.sum((flat - restored) ** 2) / 50
    assert experiments._pca_error(x, x, 3) == pytest.approx(expected, rel=1e-3)
