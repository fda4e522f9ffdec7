"""What is published of a model names no folder of the machine that trained it."""

import shutil
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image
from support import web_package
from support.command_line import run

import zoo
from zoo.presets.card import read_card
from zoo.recipes import data_note

MARK = "m4rked_f0lder"
TINY = ("--latent-dim", 2, "--hidden-units", 8, "--epochs", 1, "--batch-size", 8)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder whose name must not be published, which is the current one."""
    (tmp_path / MARK).mkdir()
    monkeypatch.chdir(tmp_path / MARK)
    return tmp_path / MARK


def write_images(folder):
    for i in range(12):
        path = folder / "data" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 20 * i).save(path)
    return folder / "data", ()


def write_table(folder):
    rows = np.random.default_rng(0).normal(size=(40, 3)).round(3)
    lines = ["a,b,id", *(",".join(map(str, row)) for row in rows)]
    (folder / "rows.csv").write_text("\n".join(lines))
    return folder / "rows.csv", ("--drop", "id")


def write_file(folder):
    np.save(folder / "x.npy", np.random.default_rng(0).integers(0, 256, (40, 8, 8), "uint8"))
    np.save(folder / "y.npy", np.arange(40) % 2)
    return folder / "x.npy", ("--labels", folder / "y.npy")


def check(*folders):
    """Look into every byte of all files of folders, also of those in archives."""
    seen = 0
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        content = [str(path.relative_to(path.parents[1])).encode(), path.read_bytes()]
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as held:
                content += [held.read(name) for name in held.namelist()]
        assert not [part for part in content if MARK.encode() in part], path
        seen += 1
    return seen


@pytest.mark.slow
@pytest.mark.parametrize(
    ("write", "name", "told"),
    [
        (write_images, "VAE", "own images, 12 files of 8x8"),
        (write_table, "VAE", "own table, 40 rows of 2 columns"),
        pytest.param(write_file, "CVAE", "own images, 40 of 8x8", marks=pytest.mark.slow),
    ],
)
def test_nothing_that_is_published_names_where_data_lay(
    write, name, told, folder, hub, capsys, monkeypatch
):
    data, more = write(folder)
    shape = ("--size", 8, "--channels", 1) if data.is_dir() else ()
    own = ("--data", data, *more)

    def done(*arguments):
        code, out, err = run(capsys, *arguments)
        assert code == 0, err
        return out

    done("train", name, *own, *shape, "--out", folder / "mine", *TINY)
    card = zoo.card("./mine")
    assert card["data"]["title"] == told
    assert "kept from training" in done("evaluate", "./mine", "--update", *own)
    assert zoo.card("./mine")["figures"][0]["command"].endswith("--data PATH")
    zoo.load("./mine").save("m.keras")
    shutil.make_archive("mine", "zip", "mine")
    published = [folder / "mine"]
    if data.is_dir():
        done("generate", "./mine", "--out", "mine/p.png", "--picture", "reconstructions", *own)
    if data.suffix == ".csv":
        detected = ("--out", "report", "--save", "found", *own[2:])
        done("detect", "./mine", data, *detected)
        published += [folder / "report", folder / "found"]
    if data.is_dir() and keras.backend.backend() == "tensorflow":
        package = web_package.written(folder / "w.tgz", monkeypatch)
        done("export", "./mine", "out", *own, "--web", "--web-archive", package)
        zoo.export.write_serving("out", "served", "triton")
        published += [folder / "out", folder / "served"]
    for file in ("m.keras", "mine.zip"):
        (folder / "files" / file).parent.mkdir(exist_ok=True)
        shutil.move(file, folder / "files" / file)
    assert check(*published, folder / "files") > 8
    (folder / "mine" / "p.png").unlink(missing_ok=True)
    assert MARK not in zoo.push("./mine", "hf://me/mine", dry_run=True)
    zoo.push("./mine", "hf://me/mine")
    sent = hub.repositories["me/mine"]
    for file, content in sent.commits[sent.refs["main"]].items():
        assert MARK.encode() not in content, file
    note = data_note.read_note(folder / "mine", card)
    assert (note.data, note.path) == (str(data), str(data.resolve()))


def test_a_note_is_that_of_its_preset_alone(folder, vae):
    data = zoo.data.own.OwnData(np.zeros((3, 8, 8, 1)), path="x.npy")
    card = zoo.save(vae, "mine")
    data_note.write_note(folder / "mine", card, data)
    assert data_note.read_note("mine", card).means("x.npy")
    assert data_note.read_note("mine", card).means(str(folder / "." / "x.npy"))
    assert not data_note.read_note("mine", card).means("y.npy")
    other = zoo.save(zoo.VAE((8, 8, 1), 2, hidden_units=(4,)), "mine", overwrite=True)
    assert data_note.read_note("mine", other) == data_note.DataNote()
    for broken in ("", "[]", '{"weights": 1}', "\xff"):
        (folder / ".mine.data.json").write_text(broken)
        assert data_note.read_note("mine", card) == data_note.DataNote()
    data_note.write_note(folder / "mine", read_card(folder / "mine"), None)
    assert not (folder / ".mine.data.json").exists()
