"""`zoo compress`, `zoo decompress` and `zoo card` of a file; mistakes in words, nothing is lost."""

import keras
import numpy as np
import pytest
from compression.conftest import SETTINGS, drawn
from PIL import Image

import export
import zoo
from zoo.cli.main import main
from zoo.runtime.compressed_file import parse


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a model, and an image beside it."""
    monkeypatch.chdir(tmp_path)
    model = zoo.CompressiveAutoencoder(**SETTINGS)
    model.log_steps.assign(model.log_steps - 0.4)
    model.update_tables()
    zoo.save(model, "model")
    Image.fromarray(drawn(100, 70)).save("in.png")
    return tmp_path


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.mark.slow
def test_an_image_goes_into_a_small_file_and_back(place, capsys):
    assert main(["compress", "in.png", "out.zae", "--model", "model", "--rate", "2"]) == 0
    said = capsys.readouterr().out
    assert "rate 2 of 4" in said
    assert "PSNR" in said
    data = (place / "out.zae").read_bytes()
    assert f"out.zae: {len(data):,} bytes, {8 * len(data) / 7000:.3f} bits a pixel" in said
    assert main(["decompress", "out.zae", "back.png", "--model", "model"]) == 0
    assert "back.png: 70 x 100 pixels" in capsys.readouterr().out
    wanted = zoo.compression.Codec(zoo.load("model")).decompress(data)
    assert (pixels("back.png") == wanted).all()
    assert main(["card", "out.zae"]) == 0
    said = capsys.readouterr().out
    for text in ("70 x 100 pixels, unharmed", "rate: 2", parse(data).identity.hex()):
        assert text in said


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="export needs TensorFlow")
def test_exported_files_do_the_same(place, capsys):
    export.export_model(zoo.load("model"), "exported", formats=("onnx",))
    assert main(["compress", "in.png", "out.zae", "--model", "exported"]) == 0
    assert main(["decompress", "out.zae", "a.png", "--model", "model"]) == 0
    assert main(["decompress", "out.zae", "b.webp", "--model", "exported"]) == 0
    assert np.abs(pixels("a.png").astype(int) - pixels("b.webp")).max() <= 1


@pytest.mark.slow
def test_what_the_file_does_not_keep_is_said(place, capsys):
    Image.fromarray(drawn(20, 20, 4)).save("clear.png")
    assert main(["compress", "clear.png", "out.zae", "--model", "model"]) == 0
    assert "clear.png: transparent pixels are put on white" in capsys.readouterr().out


MISTAKES = [
    (["compress", "none.png", "out.zae", "--model", "model"], "does not exist"),
    (["compress", "model", "out.zae", "--model", "model"], "does not exist, or is no file"),
    (
        ["compress", "model/config.json", "out.zae", "--model", "model"],
        "cannot be read as an image",
    ),
    (["compress", "in.png", "old.zae", "--model", "model"], "exists"),
    (["compress", "in.png", "in.png", "--model", "model", "--overwrite"], "end its name in .zae"),
    (["compress", "old.zae", "old.zae", "--model", "model", "--overwrite"], "is the file that is"),
    (["compress", "in.png", "out.zae", "--model", "modle"], "modle"),
    (["compress", "in.png", "out.zae", "--model", "vae_digits"], "needs a CompressiveAutoencoder"),
    (["compress", "in.png", "out.zae", "--model", "model", "--rate", "5"], "rates 1"),
    (["compress", "in.png", "out.zae", "--model", "model", "--rate", "0"], "rates 1"),
    (["decompress", "in.png", "out.png", "--model", "model"], "is not an image that"),
    (["decompress", "none.zae", "out.png", "--model", "model"], "none.zae does not exist"),
    (["decompress", "good.zae", "out.jpg", "--model", "model"], ".png or .webp"),
    (["decompress", "cut.zae", "out.png", "--model", "model"], "was cut"),
    (["decompress", "bad.zae", "out.png", "--model", "model"], "was damaged"),
    (["decompress", "good.zae", "out.png", "--model", "other"], "another model"),
    (["decompress", "good.zae", "in.png", "--model", "model"], "exists"),
    (["card", "cut.zae"], "was cut"),
    (["card", "none.zae"], "none.zae does not exist"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("line", "said"), MISTAKES)
def test_mistakes_are_explained_and_nothing_is_written(place, capsys, line, said):
    data = zoo.compression.Codec(zoo.load("model")).compress(drawn(30, 30))
    zoo.save(zoo.CompressiveAutoencoder(**{**SETTINGS, "seed": 5}), "other")
    (place / "good.zae").write_bytes(data)
    (place / "cut.zae").write_bytes(data[:-9])
    (place / "bad.zae").write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    (place / "old.zae").write_text("mine")
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert main(line) == 1 or "modle" in line
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_the_limit_of_pixels_is_that_of_the_environment(place, capsys, monkeypatch):
    assert main(["compress", "in.png", "out.zae", "--model", "model"]) == 0
    monkeypatch.setenv("ZOO_MAX_PIXELS", "6999")
    assert main(["compress", "in.png", "b.zae", "--model", "model"]) == 1
    assert main(["decompress", "out.zae", "b.png", "--model", "model"]) == 1
    assert capsys.readouterr().err.count("ZOO_MAX_PIXELS") == 2


@pytest.mark.slow
def test_nothing_named_in_a_file_is_opened(place, capsys, monkeypatch):
    """The name of the model in a file is shown, and never looked up."""
    data = parse(zoo.compression.Codec(zoo.load("model")).compress(drawn(30, 30)))
    evil = data._replace(name="hf://evil/model\x1b[2J", identity=b"12345678")
    (place / "evil.zae").write_bytes(evil.to_bytes())
    assert main(["decompress", "evil.zae", "out.png", "--model", "model"]) == 1
    said = capsys.readouterr().err
    assert "evil/model" in said
    assert "\x1b" not in said
    assert main(["card", "evil.zae"]) == 0
    assert "\x1b" not in capsys.readouterr().out
