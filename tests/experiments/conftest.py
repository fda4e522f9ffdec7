"""Little data in the place of the data sets of experiments, and small models."""

import numpy as np
import pytest
from PIL import Image
from support import each_class

import zoo
from zoo import data
from zoo.data import variants
from zoo.experiments import densities


@pytest.fixture
def folder_of_tables(tmp_path):
    """A folder with a table of three columns and 7 anomalies among 70 rows; one is constant.

    There are some photographs, too.
    """
    x = np.random.default_rng(0).normal(size=(70, 3)) * [1, 100, 0] + [0, 5, 3]
    y = np.arange(70) % 10 == 0
    x[y, 0] += 20
    for name in ("adbench", "kodak", "bsds500_train"):
        (tmp_path / "tables" / name).mkdir(parents=True)
    for i in range(5):
        pixels = np.random.default_rng(i).integers(0, 255, (360, 380, 3)).astype("uint8")
        Image.fromarray(pixels).save(tmp_path / "tables" / f"bsds500_train/{100075 + i}.jpg")
        if i < 3:
            names = ("11", "01", "02")  # 11: of which parts are cut
            Image.fromarray(pixels).save(tmp_path / "tables" / f"kodak/{names[i]}.png")
    for name in ("few", "cardio", "thyroid", "vertebral"):
        np.savez(tmp_path / "tables" / "adbench" / f"{name}.npz", X=x, y=y.astype("uint8"))
    return tmp_path / "tables"


def three_digits():
    """A few images of the digits 0 to 2, as rows."""
    (x, y), (x_test, y_test) = data.load("digits")
    pairs = ((x[:250], y[:250]), (x_test, y_test))
    return [a for x, y in pairs for a in (2 * x[y < 3].reshape(-1, 64) - 1, y[y < 3])]


SETS = ("mnist", "fashion_mnist", "mnist_thickness", "mnist_angles")


@pytest.fixture
def few_images(monkeypatch, folder_of_tables):
    """Enlarged digits in the place of MNIST."""
    (x, y), (x_test, y_test) = data.load("digits")

    def load(name):
        if name == "digits":
            return (x[:300], y[:300]), (x_test[:100], y_test[:100])
        if name == "newsgroups":
            draw = np.random.default_rng(0)
            shares = draw.dirichlet(np.full(150, 0.1), 20)  # of the words of each group
            parts = (draw.integers(0, 20, n) for n in (200, 120))
            return tuple(
                (np.stack([draw.multinomial(60, shares[g]) for g in y]).astype("float32"), y)
                for y in parts
            )
        if name == "ecg5000":
            rows = x.reshape(-1, 64, 1)
            return (rows[y == 0], y[y == 0]), (rows[:200], (y[:200] > 0).astype("int32"))
        if name == "frey_faces":
            frames = np.pad(x[:1], ((0, 0), (0, 20), (0, 12), (0, 0)))
            film = [np.roll(frames[0], (i % 20, i % 12), axis=(0, 1)) for i in range(60)]
            return (np.stack(film[:40]), None), (np.stack(film[40:]), None)
        if name == "tones":
            rows = np.pad(x[:300].reshape(-1, 64, 1), ((0, 0), (32, 32), (0, 0)))
            return (rows, y[:300]), (rows[:100], y[:100])
        others = ("fashion_silhouettes", "cifar10_jpeg", "cifar10_subset", "olivetti")
        if name in ("bsds500", "photographs"):
            squares = np.random.default_rng(0).random((8, 128, 128, 3), "float32")
            return (squares, None), (squares[:2], None)
        if name in ("mnist_strokes", "sheep_strokes"):
            length = 60 if name == "sheep_strokes" else 36
            drawings = each_class.drawings_of(x[:60], 10)
            rows = data.strokes.to_stroke5(list(map(data.strokes.stroke3_of, drawings)), length)
            return (rows, y[:60]), (rows[:40], y[:40])
        if name == "mnist_binarized":
            return tuple(((a > 0.5).astype("float32"), None) for a, _ in load("mnist"))
        assert name in (*SETS, *others, "olivetti_unaligned", *variants.TRAINING)
        if name == "olivetti":
            faces, faces_test = (np.kron(a, np.ones((1, 8, 8, 1), "float32")) for a in (x, x_test))
            return (faces[:40], y[:40]), (faces_test[:20], y_test[:20])
        if name == "olivetti_unaligned":
            pairs = [np.kron(a, np.ones((1, 8, 8, 1), "float32")) for a in (x[:40], x_test[:20])]
            return tuple((data.unaligned(faces), faces) for faces in pairs)
        large, large_test = (
            np.pad(np.kron(a[..., 0], np.ones((3, 3))), ((0, 0), (2, 2), (2, 2)))
            for a in (x[:300], x_test[:100])
        )
        large, large_test = (a[..., None].astype("float32") for a in (large, large_test))
        if name.startswith("cifar10"):
            color = np.kron(x[:120], np.ones((1, 4, 4, 1))) * [1.0, 0.6, 0.3]
            return (color.astype("float32"), y[:120]), (color[:40].astype("float32"), y[:40])
        if name == "fashion_silhouettes":
            return (data.silhouettes(large), large), (data.silhouettes(large_test), large_test)
        return (large, y[:300]), (large_test, y_test[:100])

    monkeypatch.setattr(data, "load", load)
    presets = {
        "aae_mnist": zoo.AAE((28, 28, 1), 3, hidden_units=(4,)),
        "sketch_rnn_mnist": zoo.SketchRNN((36, 5), 3, encoder_units=4, decoder_units=8),
        "vae_mnist": zoo.VAE((28, 28, 1), 3, hidden_units=(4,)),
        "vae_mnist_2d": zoo.VAE((28, 28, 1), 2, hidden_units=(4,)),
        "m1_mnist_100": zoo.M1((28, 28, 1), 3, num_classes=10, hidden_units=(4,)),
        "contractive_ae_mnist": zoo.ContractiveAutoencoder((28, 28, 1), 5),
    }
    shipped_preset = zoo.load
    monkeypatch.setattr(zoo, "load", lambda name: presets.get(name) or shipped_preset(name))
    monkeypatch.setenv("ZOO_DATA", str(folder_of_tables))
    monkeypatch.setattr(densities, "_digits", three_digits)
