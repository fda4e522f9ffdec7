"""The demonstration, with the small preset; .ci/run runs it as users do."""

import keras
import pytest

from zoo.cli.main import main

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="export reads TF graphs"),
]


@pytest.mark.parametrize("name", ["vae_digits", "cvae_mnist", "aae_mnist", "ae_mnist"])
def test_the_demo_goes_from_preset_to_another_process(name, tmp_path, capsys):
    out = tmp_path / "demo"
    assert main(["demo", name, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "no Keras and no TensorFlow" in said
    assert "FAILED" not in said
    assert "Next: zoo list" in said
    names = {path.name for path in out.iterdir()}
    assert {
        "preset.png",
        "fine_tuned.png",
        "fine_tuned",
        "export",
        "app.py",
        "decoded.png",
    } <= names
    assert {path.name for path in (out / "export").glob("[!.]*")} == {"encoder", "decoder"}


def test_an_existing_folder_is_left_alone(tmp_path, capsys):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "mine.txt").write_text("kept")
    assert main(["demo", "vae_digits", "--out", str(tmp_path / "demo")]) == 1
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "demo" / "mine.txt").read_text() == "kept"
