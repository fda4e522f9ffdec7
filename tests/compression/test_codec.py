"""Images of any size become files and come back; what does not fit is refused."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from compression.conftest import SETTINGS, drawn
from support.each_class import longer

import export
import zoo
from zoo.compression import Codec
from zoo.runtime.codec import load_codec
from zoo.runtime.compressed_file import parse
from zoo.runtime.tiles import spans

ON_TENSORFLOW = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
)


@longer
@pytest.mark.backend
@pytest.mark.parametrize(
    "size", [(1, 1), (1, 300), (15, 17), (80, 80), (81, 79), (96, 160), (200, 333)]
)
def test_an_image_of_any_size_comes_back_in_its_size(codec, size):
    image = drawn(*size)
    for rate in (1, codec.rates):
        data = codec.compress(image, rate)
        restored = codec.decompress(data)
        assert (restored.shape, restored.dtype) == (image.shape, np.uint8)
        assert (codec.decompress(data) == restored).all()
        wanted = codec.restored(codec.quantized(image, rate), rate)[: size[0], : size[1]]
        assert (restored == wanted).all()
        assert codec.quantized(image, rate).shape[:2] == (-(-size[0] // 8), -(-size[1] // 8))
        assert parse(data).rate == rate


def test_the_best_rate_is_the_default(codec):
    image = drawn(50, 60)
    assert codec.compress(image) == codec.compress(image, codec.rates)
    assert len(codec.compress(image)) > len(codec.compress(image, 1))


@pytest.mark.backend
def test_tiles_give_what_the_whole_image_gives(model, codec):
    """So there are no seams, and no coefficient is stored twice."""
    whole = zoo.CompressiveAutoencoder(**{**SETTINGS, "input_shape": (240, 240, 3)})
    whole.set_weights(model.get_weights())
    large = Codec(whole)
    image = drawn(240, 240)
    q, wanted = codec.quantized(image, 4), large.quantized(image, 4)
    assert np.abs(q).max() > 10
    assert (q != wanted).mean() < 1e-3  # sums in another order may round otherwise
    assert np.abs(q - wanted).max() <= 1
    a, b = (one.restored(wanted, 4).astype(int) for one in (codec, large))
    assert np.abs(a - b).max() <= 1
    assert (a != b).mean() < 1e-3


@pytest.mark.parametrize(("tile", "margin"), [(5, 2), (8, 2), (8, 3), (16, 4)])
def test_tiles_cover_every_block_once_within_their_margins(tile, margin):
    for blocks in range(1, 60):
        found = spans(blocks, tile, margin)
        assert [span.first for span in found] == [0, *(span.stop for span in found[:-1])]
        assert found[-1].stop == blocks
        for span in found:
            assert span.start >= 0
            assert span.start + tile <= max(blocks, tile)
            assert span.first < span.stop
            assert span.start == 0 or span.first >= span.start + margin
            assert span.start + tile >= blocks or span.stop <= span.start + tile - margin


def test_padding_does_not_cost_bits(codec):
    """81 pixels need 11 blocks a side, not two tiles of 10."""
    assert codec.quantized(drawn(81, 81), 1).shape == (11, 11, 6)


@pytest.mark.parametrize(
    ("image", "error", "said"),
    [
        (np.zeros((4, 4, 3)), TypeError, "uint8 is expected"),
        (np.zeros((4, 4), "uint8"), ValueError, r"\[height, width, 3\] is expected"),
        (np.zeros((4, 4, 4), "uint8"), ValueError, r"\[height, width, 3\] is expected"),
        (np.zeros((0, 4, 3), "uint8"), ValueError, "at least one pixel"),
        (np.zeros((1, 2, 4, 4), "uint8"), ValueError, "is expected"),
        (np.zeros((5001, 5000, 3), "uint8"), ValueError, "5000 x 5001 pixels"),
        ("photo.png", ValueError, "is expected"),
    ],
)
def test_what_is_no_image_is_refused(codec, image, error, said):
    with pytest.raises(error, match=said):
        codec.compress(image)


@pytest.mark.parametrize(
    ("rate", "error"), [(0, ValueError), (5, ValueError), (2.5, TypeError), (True, TypeError)]
)
def test_a_rate_that_the_model_does_not_have_is_refused(codec, rate, error):
    with pytest.raises(error, match="1"):
        codec.compress(drawn(4, 4), rate)


def test_a_file_of_another_model_or_version_is_refused(codec):
    other = Codec(zoo.CompressiveAutoencoder(**{**SETTINGS, "seed": 2}, name="other"))
    with pytest.raises(ValueError, match="another model, or another version of it"):
        other.decompress(codec.compress(drawn(4, 4)))


def test_a_file_that_states_another_image_gives_none(codec):
    """Its own checksum is right, as whoever changed it can compute it too."""
    held = parse(codec.compress(drawn(40, 40)))
    for change in (
        {"height": 90},
        {"rate": 2},
        {"coefficients_crc": 1},
        {"payload": held.payload[:-4]},
        {"payload": held.payload + bytes(64)},
        {"payload": bytes(len(held.payload))},
        {"rate": 9},
        {"channels": 1},
        {"height": 2**31, "width": 2**31},
    ):
        with pytest.raises(ValueError, match=r"^bad\.zae "):
            codec.decompress(held._replace(**change).to_bytes(), "bad.zae")


def test_other_models_are_no_codecs():
    with pytest.raises(TypeError, match="needs a CompressiveAutoencoder"):
        Codec(zoo.VAE((8, 8, 1), 2, hidden_units=(4,)))
    with pytest.raises(ValueError, match="square"):
        Codec(zoo.CompressiveAutoencoder((16, 32, 3), 2, filters=(4,)))
    with pytest.raises(ValueError, match="multiples of the block"):
        Codec(zoo.CompressiveAutoencoder((28, 28, 1), 2, filters=(4, 4)))


def test_codes_without_blocks_are_no_codecs():
    flat = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    back = [keras.Input((3,)), keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))]
    model = zoo.CompressiveAutoencoder(encoder=flat, decoder=keras.Sequential(back))
    with pytest.raises(ValueError, match=r"are not \(rows, columns, channels\)"):
        Codec(model)
    assert not model.parts()["decoder"].files


def test_a_codec_of_a_model_that_was_trained_since_is_refused():
    model = zoo.CompressiveAutoencoder(**SETTINGS)
    codec = Codec(model)
    model.decoder.weights[0].assign(model.decoder.weights[0] + 0.1)
    with pytest.raises(ValueError, match="make a new one of it"):
        codec.compress(drawn(8, 8))


def test_tiles_that_are_too_small_are_refused_for_larger_images():
    codec = Codec(zoo.CompressiveAutoencoder((32, 32, 1), 2, filters=(4, 4)))
    assert codec.decompress(codec.compress(drawn(30, 32, 1))).shape == (30, 32, 1)
    with pytest.raises(ValueError, match="larger input_shape"):
        codec.compress(drawn(33, 32, 1))


# Exported files


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "codec"
    export.export_model(model, folder, formats=("onnx",))
    return folder


@ON_TENSORFLOW
def test_exported_files_read_what_keras_wrote_and_the_reverse(codec, exported):
    from_files = load_codec(exported)
    assert from_files.identity == codec.identity
    image = drawn(150, 100)
    for rate in (1, 4):
        q, other = codec.quantized(image, rate), from_files.quantized(image, rate)
        assert (q != other).mean() < 1e-3
        for writes, reads in ((codec, from_files), (from_files, codec)):
            data = writes.compress(image, rate)
            a, b = (one.decompress(data).astype(int) for one in (writes, reads))
            assert np.abs(a - b).max() <= 1
            assert (a != b).mean() < 1e-3


@ON_TENSORFLOW
def test_files_are_restored_where_there_is_no_keras(codec, exported, tmp_path):
    image = drawn(90, 130)
    (tmp_path / "image.zae").write_bytes(codec.compress(image, 3))
    np.save(tmp_path / "wanted.npy", codec.decompress(codec.compress(image, 3)))
    program = f"""
import sys
import numpy as np
import export
codec = export.load_codec({str(exported)!r})
restored = codec.decompress(open("image.zae", "rb").read())
wanted = np.load("wanted.npy").astype(int)
assert np.abs(restored - wanted).max() <= 1
open("again.zae", "wb").write(codec.compress(restored, 2))
loaded = {{name.partition(".")[0] for name in sys.modules}}
assert not {{"keras", "tensorflow", "onnx", "torch", "jax", "sklearn", "PIL"}} & loaded, loaded
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(export.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, env=environment)
    assert codec.decompress((tmp_path / "again.zae").read_bytes()).shape == image.shape


@ON_TENSORFLOW
def test_a_decoder_alone_restores(codec, exported, tmp_path):
    shutil.copytree(exported / "decoder", tmp_path / "decoder")
    alone = load_codec(tmp_path)
    image = drawn(20, 20)
    assert alone.decompress(codec.compress(image)).shape == image.shape
    with pytest.raises(ValueError, match="only a decoder"):
        alone.compress(image)


@pytest.mark.slow
@ON_TENSORFLOW
def test_an_encoder_of_another_model_is_refused(exported, tmp_path):
    shutil.copytree(exported, tmp_path / "codec")
    other = zoo.CompressiveAutoencoder(**{**SETTINGS, "seed": 9})
    export.export_model(other, tmp_path / "other", formats=("onnx",))
    shutil.rmtree(tmp_path / "codec" / "encoder")
    shutil.copytree(tmp_path / "other" / "encoder", tmp_path / "codec" / "encoder")
    with pytest.raises(ValueError, match="does not belong to its decoder"):
        load_codec(tmp_path / "codec")


@pytest.mark.slow
@ON_TENSORFLOW
def test_channels_first_is_refused_in_words(model, tmp_path):
    export.export_model(model, tmp_path / "a", formats=("onnx",), layout="channels_first")
    with pytest.raises(ValueError, match="without channels_first"):
        load_codec(tmp_path / "a")


@ON_TENSORFLOW
def test_changed_tables_are_refused(exported, tmp_path):
    shutil.copytree(exported, tmp_path / "codec")
    path = tmp_path / "codec" / "decoder" / "tables.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "name": "mine"}))
    with pytest.raises(ValueError, match="is not the file that was exported"):
        load_codec(tmp_path / "codec")
    path.unlink()
    with pytest.raises(FileNotFoundError, match="not an export of a CompressiveAutoencoder"):
        load_codec(tmp_path / "codec")


@ON_TENSORFLOW
@pytest.mark.parametrize(
    "change",
    [
        *({"name": 3}, {"identity": "xyz"}, {"identity": None}, {"block": 0}, {"block": 5}),
        *({"block": True}, {"margin": None}, {"margin": 0}, {"steps": []}),
    ],
)
def test_tables_that_do_not_fit_are_refused(exported, tmp_path, change):
    shutil.copytree(exported, tmp_path / "codec")
    folder = tmp_path / "codec" / "decoder"
    content = json.loads((folder / "tables.json").read_text())
    text = json.dumps({**content, **change}).encode()
    (folder / "tables.json").write_bytes(text)
    signature = json.loads((folder / "signature.json").read_text())
    facts = {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}
    signature["files"]["tables.json"] = facts
    (folder / "signature.json").write_text(json.dumps(signature))
    with pytest.raises(ValueError, match=r"tables\.json"):
        load_codec(tmp_path / "codec")
