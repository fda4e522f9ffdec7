"""`zoo search`: tables and pictures of hits, for images, rows and words; mistakes in words."""

import csv

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.cli.main import main

DIGITS = zoo.data.load("digits")[1][0][:40]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a model of 8x8 images in it, images as files, and the same in an archive."""
    monkeypatch.chdir(tmp_path)
    zoo.save(zoo.BinaryAutoencoder((8, 8, 1), 16, hidden_units=(16,), seed=1), "model")
    (tmp_path / "images").mkdir()
    for i, image in enumerate(DIGITS[:12]):
        Image.fromarray((255 * image[..., 0]).astype("uint8")).save(f"images/{i:02}.png")
    np.savez("digits.npz", x=DIGITS)
    return tmp_path


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_an_image_finds_itself_in_a_folder(place, capsys):
    assert main(["search", "model", "images", "images/03.png", "--k", "4"]) == 0
    found = rows("zoo_search/hits.csv")
    assert [row["rank"] for row in found] == list("1234")
    assert found[0]["query"] == "03.png"
    assert float(found[0]["distance"]) == 0
    assert "03.png" in [row["item"] for row in found if float(row["distance"]) == 0]
    with Image.open("zoo_search/hits.png") as picture:
        assert min(picture.size) > 20
    said = capsys.readouterr().out
    assert "<zoo.search.Index of 12 items, codes of 16 bits, hamming>" in said
    assert "nearest to 03.png:" in said


def test_a_number_names_an_item_of_the_data_which_does_not_find_itself(place):
    assert main(["search", "model", "digits.npz", "7", "--k", "39", "--out", "out"]) == 0
    found = rows("out/hits.csv")
    assert len(found) == 39
    assert "7" not in [row["item"] for row in found]
    assert {row["query"] for row in found} == {"7"}
    index = zoo.search.Index(zoo.load("./model"))
    index.add(DIGITS)
    expected = [row for row in index.query(DIGITS[7:8], 40).rows[0] if row != 7]
    assert [int(row["item"]) for row in found] == expected


def test_an_index_is_kept_and_searched_by_a_folder(place, capsys):
    assert main(["search", "model", "images", "images", "--save", "index", "--k", "2"]) == 0
    first = rows("zoo_search/hits.csv")
    assert len(first) == 24
    assert main(["search", "model", "index", "images", "--k", "2", "--out", "again"]) == 0
    assert rows("again/hits.csv") == first
    assert not (place / "again" / "hits.png").exists()  # an index holds no images
    assert "hits.csv is written" in capsys.readouterr().out


def test_few_items_are_fewer_hits(place, capsys):
    assert main(["search", "model", "images", "images/03.png", "--k", "50"]) == 0
    assert "there are only 12 items to find" in capsys.readouterr().out
    assert len(rows("zoo_search/hits.csv")) == 12


def test_a_name_that_is_not_utf8_is_written_in_escapes(place):
    import os
    import shutil

    shutil.copy("images/03.png", os.fsdecode(b"images/M\xfcller.png"))
    assert main(["search", "model", "images", "images/03.png", "--k", "13"]) == 0
    assert "M\\xfcller.png" in [row["item"] for row in rows("zoo_search/hits.csv")]


def test_nothing_to_find_is_told(place, capsys):
    np.save("one.npy", DIGITS[:1])
    assert main(["search", "model", "one.npy", "0"]) == 1
    assert "holds only the query itself" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["images", "0", "--out", "same", "--save", "same"],
        ["images", "0", "--out", "model"],
        ["images", "0", "--save", "images"],
        ["images", "images/00.png", "--out", "images/00.png"],
    ],
)
def test_what_is_read_is_never_replaced(place, capsys, words):
    assert main(["search", "model", *words, "--overwrite"]) == 1
    assert "name other ones than those" in capsys.readouterr().err
    assert zoo.load("./model").latent_dim == 16


def test_words_find_texts(place, capsys):
    texts = {"a.txt": "cats chase mice", "b.txt": "stocks fell", "c/d.txt": "cats and a cat"}
    for name, text in texts.items():
        (place / "texts" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "texts" / name).write_text(text)
    found = zoo.data.texts("texts", words=5, validation=0)
    zoo.save(
        zoo.Autoencoder((5,), 3, hidden_units=(), likelihood=found.likelihood(), seed=1), "words"
    )
    assert main(["search", "words", "texts", "my cat chased quarks", "--k", "3"]) == 0
    said = capsys.readouterr().out
    assert "% of the query's words are known" in said
    assert {row["item"] for row in rows("zoo_search/hits.csv")} == set(texts)
    assert main(["search", "words", "texts", "texts/b.txt", "--k", "1", "--out", "two"]) == 0
    (hit,) = rows("two/hits.csv")
    assert hit["item"] == "b.txt"
    assert abs(float(hit["distance"])) < 1e-6
    assert main(["search", "words", "texts", "quarks", "--out", "three"]) == 1
    assert "None of the 1 texts has one of the 5 words" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["modle", "images", "0"], "modle"),
        (["model", "nowhere", "0"], "nowhere"),
        (["model", "images", "nowhere.png"], "nowhere.png does not exist"),
        (["model", "images", "12"], "there are 12 items"),
        (["model", "images", "0", "--metric", "cosines"], "cosines"),
        (["model", "images", "model/card.json"], "is not a query for this model"),
        (["model", "images", "0", "--out", "digits.npz"], "is a file"),
    ],
)
def test_mistakes_are_told(place, capsys, words, said):
    if "--metric" in words:  # refused while the command line is read
        with pytest.raises(SystemExit, match="2"):
            main(["search", *words])
    else:
        assert main(["search", *words]) != 0
    assert said in capsys.readouterr().err
    assert not (place / "zoo_search").exists()


def test_an_index_of_another_model_is_refused(place, capsys):
    assert main(["search", "model", "images", "0", "--save", "index"]) == 0
    zoo.save(zoo.BinaryAutoencoder((8, 8, 1), 16, hidden_units=(16,), seed=2), "other")
    assert main(["search", "other", "index", "images", "--out", "out"]) == 1
    assert "another model, or another version" in capsys.readouterr().err
    assert main(["search", "model", "index", "0", "--out", "out"]) == 1
    assert "an index holds codes and no items" in capsys.readouterr().err
    assert main(["search", "model", "index", "images", "--metric", "hamming", "--out", "o"]) == 1
    assert "leave out --metric" in capsys.readouterr().err
