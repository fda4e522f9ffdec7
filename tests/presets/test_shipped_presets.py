"""Every shipped preset: its record, its outputs, its size, its export."""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from support import each_class
from support.presets import (
    command_of_figures,
    first_of_each,
    loaded,
    loaded_often,
    one_of_each,
)

import zoo
from zoo.checks.words import kind_of_items
from zoo.presets.card import describe_file
from zoo.presets.catalog import preset_folder

GOLDEN = Path(__file__).with_name("golden.json")
NAMES = zoo.list_models()
# At every turn: convolutions, labels, several updates. The contract does the same with tiny models.
OFTEN = ("vae_mnist_conv", "cvae_mnist", "aae_mnist")
LARGER = {"deep_belief_ae_mnist": 3.5e6}  # the network of 2006, layer for layer


def outputs(model):
    """Some outputs for fixed inputs: codes of a ramp, pixels of a fixed code."""
    shape = (1, *model.image_shape)
    ramp = np.linspace(0, 1, int(np.prod(shape)), dtype="float32").reshape(shape)
    ramp = each_class.data_like(model, ramp)
    if hasattr(model, "translate"):
        pixels = model.translate(ramp).ravel()
        found = [float(v) for v in pixels[:: len(pixels) // 16]]
        return {"pixels": found, "mean": float(pixels.mean())}
    z = np.linspace(-1, 1, model.latent_dim, dtype="float32")[None]
    label = [3] if model.conditional else None
    pixels = model.decode(z, label).ravel()
    codes = model.encode(ramp, label)[0].ravel()[:4] if hasattr(model, "encode") else ()
    found = {
        "codes": [float(v) for v in codes],
        "pixels": [float(v) for v in pixels[:: len(pixels) // 16]],
        "mean": float(pixels.mean()),
    }
    if "generator" in model.network_names:
        image = model.generate(1, seed=0).ravel()
        found["generated"] = [float(v) for v in image[:: len(image) // 16]]
    return found


def test_the_first_presets_are_there():
    assert {
        "ae_mnist",
        "vae_mnist",
        "vae_mnist_2d",
        "cvae_mnist",
        "cvae_fashion_mnist",
        "aae_mnist",
        "vae_digits",
        "linear_ae_mnist",
        "conv_ae_mnist",
        "sparse_ae_mnist",
        "denoising_ae_mnist",
        "contractive_ae_mnist",
        "stacked_denoising_ae_mnist",
        "deep_belief_ae_mnist",
        "target_prop_ae_mnist",
        "vae_mnist_binarized",
        "iwae_mnist_binarized",
        "beta_vae_mnist",
        "denoising_vae_mnist",
        "cvae_mnist_2d",
        "cvae_mnist_learned_prior",
        "vae_mnist_conv",
        "m1_mnist_100",
        "m2_mnist_100",
        "m1m2_mnist_100",
        "aae_mnist_mixture",
        "aae_mnist_swiss_roll",
        "supervised_aae_mnist",
        "semi_supervised_aae_mnist_100",
        "semi_supervised_aae_mnist_1000",
        "aae_mnist_clusters",
        "vaegan_mnist",
        "vaegan_fashion_mnist",
    } <= set(NAMES)


@pytest.mark.backend
@pytest.mark.lowest
@pytest.mark.parametrize("name", loaded_often())
def test_outputs_equal_the_recorded_ones(name):
    """The same on every backend: what the metrics were measured on is what users get."""
    expected = json.loads(GOLDEN.read_text())[name]
    got = outputs(loaded(name))
    for key, values in expected.items():
        np.testing.assert_allclose(got[key], values, atol=1e-5, rtol=1e-5, err_msg=key)


@pytest.mark.parametrize("name", NAMES)
def test_the_card_is_complete_and_true(name):
    card = zoo.card(name)
    assert card["name"] == name
    assert card["figures"]
    for metric in card["figures"]:
        assert set(metric) == {"name", "value", "unit", "protocol", "command"}
        assert metric["command"] == command_of_figures(card)
        assert f"test {kind_of_items(card['input']['shape'])}" in metric["protocol"]
    for key in ("description", "paper", "data", "licence", "recipe"):
        assert card[key], key
    folder = preset_folder(name)
    assert (folder / "README.md").read_text().count(str(card["figures"][0]["value"]))
    for file, recorded in card["files"].items():
        assert describe_file(folder / file) == recorded
    assert size_of(folder) <= LARGER.get(name, 3 * 2**20)


def size_of(folder):
    return sum(path.stat().st_size for path in folder.iterdir())


def test_all_presets_together_stay_light():
    assert sum(size_of(preset_folder(name)) for name in NAMES) <= 44e6


@pytest.mark.parametrize("name", NAMES)
def test_weights_hold_no_optimizer(name):
    import h5py

    with h5py.File(preset_folder(name) / "model.weights.h5") as file:
        assert "optimizer" not in file


# On other backends the contract trains each class; presets as large as these compile for minutes.
TRAINED = one_of_each("family", all_of="class", often=OFTEN)


@pytest.mark.backend
@pytest.mark.parametrize("name", TRAINED if keras.backend.backend() == "tensorflow" else OFTEN)
def test_a_loaded_preset_can_be_trained_and_evaluated_at_once(name):
    model = zoo.load(name)
    generator = np.random.default_rng(0)
    x = generator.random((40, *model.image_shape)).astype("float32")
    if model.image_shape == (32, 32, 3):  # squares, as white noise is too far from photographs
        x = np.kron(x[:, ::8, ::8], np.ones((1, 8, 8, 1), "float32"))
    x = each_class.data_like(model, x)
    data = (x, np.arange(40) % 10) if model.learns_labels else (x,)
    if model.label_shape:
        data = (np.round(x), x)
    before = model.evaluate(*data, verbose=0, return_dict=True)["loss"]
    model.fit(*data, batch_size=20, epochs=3, verbose=0)
    assert model.evaluate(*data, verbose=0, return_dict=True)["loss"] < before


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="export reads TF graphs")
@pytest.mark.lowest
@pytest.mark.parametrize("name", one_of_each("family", often=OFTEN))
def test_every_part_is_exported_within_the_bounds(name, tmp_path):
    import onnx

    import export

    model = zoo.load(name)
    report = export.export_model(model, tmp_path / "out")
    assert set(report) == set(model.parts())
    for name, part in report.items():
        assert part["passed"]
        nodes = onnx.load(tmp_path / "out" / name / "model.onnx").graph.node
        assert not [node for node in nodes if node.op_type == "Identity"]
        # One between convolutions and what is flattened, or made into an image, in Keras's order;
        # and at most two around each normalization of a residual block.
        kinds = [node.op_type for node in nodes]
        if getattr(model, "network", None) == "resnet" or hasattr(model, "translate"):
            assert kinds.count("Transpose") <= 2 + 4 * len(model.filters)
        elif model.takes_signals:  # time comes first in a loop, and is unrolled
            assert kinds.count("Transpose") <= 2
        elif hasattr(model, "tables"):  # from images to blocks, both in Keras's order
            assert kinds.count("Transpose") == 2
        else:
            assert kinds.count("Transpose") == any("Conv" in kind for kind in kinds)
        for result in part["results"]:
            assert result["bound"] == (1e-5 if result["measure"] == "absolute" else 1e-4)


def enlarged_digits(shape):
    """Return scikit-learn's digits, 8x8, or enlarged to 28x28 or 32x32x3, and their labels.

    For 14x28 these are upper halves, and for 36x5 drawings.
    """
    x, y = zoo.data.load("digits")[0]
    if shape == (14, 28, 1):
        return enlarged_digits((28, 28, 1))[0][:, :14], y
    if shape == (36, 5):
        return each_class.drawings_of(enlarged_digits((28, 28, 1))[0], 36), y
    if shape == (28, 28, 1):
        x = np.pad(np.kron(x, np.ones((1, 3, 3, 1), "float32")), ((0, 0), (2, 2), (2, 2), (0, 0)))
    if shape == (32, 32, 3):
        x = np.kron(x, np.ones((1, 4, 4, 3), "float32"))
    return x.reshape(-1, *shape), y[: len(x)]


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="export reads TF graphs")
@pytest.mark.parametrize("name", first_of_each("class", color=False))  # color ones take a minute
def test_every_part_has_variants_within_their_bounds(name, tmp_path, monkeypatch):
    import export
    from export import benchmark

    monkeypatch.setattr(benchmark, "RUNS", 1)  # times are of no interest here
    model = zoo.load(name)
    x, y = (a[:300] for a in enlarged_digits(model.image_shape))
    images = {"x": x, "label": y} if model.conditional else x
    # Networks of nothing but convolutions have no products that int8 would make smaller, and int8
    # changes bits whose logits are near 0.
    alone = hasattr(model, "translate") or getattr(model, "has_bits", False)
    variants = ("float16",) if alone else ("float16", "int8")
    options = {"formats": "onnx", "variants": variants, "images": images}
    report = export.export_model(model, tmp_path / "out", **options)
    for name, part in report.items():
        assert set(part["variants"]) == {"float32", *variants}
        errors = {key: about["reconstruction_error"] for key, about in part["variants"].items()}
        if name in ("encoder", "decoder") and hasattr(model, "encode"):
            assert errors["float16"] == pytest.approx(errors["float32"], rel=0.01)
            for int8 in {"int8"} & {*variants}:
                assert errors[int8] == pytest.approx(errors["float32"], rel=0.1)


@pytest.mark.parametrize(("name", "percent"), [("cvae_mnist", 98), ("cvae_fashion_mnist", 85)])
def test_generated_classes_are_recognized(name, percent):
    """By the card, whose metric an independently trained classifier gave."""
    metrics = {metric["name"]: metric["value"] for metric in zoo.card(name)["figures"]}
    assert metrics["generated class accuracy"] >= percent


if __name__ == "__main__":
    known = json.loads(GOLDEN.read_text("utf-8"))  # without a name, only new presets are recorded
    for new in sys.argv[1:] or sorted({*NAMES} - known.keys()):
        known[new] = outputs(zoo.load(new))
        print(f"recorded: {new}")
    GOLDEN.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
