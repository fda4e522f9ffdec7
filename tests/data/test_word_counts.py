"""Texts become counts of words, from folders, tables and strings; bad texts are told of."""

import builtins
import io
import tarfile

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

import zoo
from zoo.data import newsgroups, texts
from zoo.data.source import SOURCES

SENTENCES = [
    "The cats were chasing mice; a cat chased one mouse!",
    "Stocks fell, and traders don't trade: falling stocks.",
    "Mice, mice everywhere. ÜBER die Katze",
    "Cats trade stocks?",
]


def test_counts_are_those_of_scikit_learn():
    found = texts(SENTENCES, words=100, stem=None, stop_words=None, validation=0)
    theirs = CountVectorizer(token_pattern=r"[^\W\d_]{2,}").fit(SENTENCES)
    expected = theirs.transform(SENTENCES).toarray()
    order = [theirs.vocabulary_[word] for word in found.words]
    np.testing.assert_array_equal(found.counts, expected[:, order])
    assert found.known_share == 1


def test_words_are_cut_to_stems_without_stop_words_and_the_commonest_come_first():
    found = texts(SENTENCES, words=4, validation=0)
    assert found.words == ("cat", "mice", "stock", "chase")  # equally common ones by alphabet
    np.testing.assert_array_equal(found.counts.sum(axis=0), [3, 3, 3, 2])
    assert not {"the", "were", "and", "don"} & set(texts(SENTENCES, words=100).words)


def test_words_of_a_model_are_counted_again():
    found = texts(SENTENCES, words=5, validation=0)
    model = zoo.VAE((5,), 2, hidden_units=(8,), likelihood=found.likelihood())
    with pytest.warns(UserWarning, match="1 texts have none of the words and are left out: 1"):
        again = texts([SENTENCES[1], "nothing known"], words=model.likelihood, validation=0)
    np.testing.assert_array_equal(again.counts, found.counts[1:2])
    assert again.words == found.words
    assert again.names == (0,)
    assert again.empty == (1,)
    assert 0 < again.known_share < 1


@pytest.mark.parametrize("counting", [{"stem": None}, {"stop_words": ["cats"]}, {}])
def test_words_are_counted_as_they_were_for_the_model(counting, tmp_path):
    found = texts(SENTENCES, words=8, validation=0, **counting)
    model = zoo.VAE((8,), 2, hidden_units=(8,), likelihood=found.likelihood())
    zoo.save(model, tmp_path / "model")
    again = texts(SENTENCES, words=zoo.load(tmp_path / "model").likelihood, validation=0)
    np.testing.assert_array_equal(again.counts, found.counts)
    assert again.names == found.names


def test_a_split_keeps_rows_and_labels_together(tmp_path):
    for i in range(20):
        place = tmp_path / ("even" if i % 2 == 0 else "odd")
        place.mkdir(exist_ok=True)
        (place / f"{i:02}.txt").write_text("even " * (i + 1) if i % 2 == 0 else "odd " * (i + 1))
    found = texts(
        tmp_path, labels="from_subfolders", stem=None, stop_words=None, validation=0.2, seed=3
    )
    (x, y), (x_val, y_val) = found
    assert (len(x), len(x_val), found.class_names) == (16, 4, ("even", "odd"))
    for counts, labels in ((x, y), (x_val, y_val), (found.counts, found.labels)):
        np.testing.assert_array_equal(counts[:, found.words.index("odd")] > 0, labels == 1)
    assert found.names[0] == "even/00.txt"
    assert len(found.names) == 20


def test_a_column_of_a_table_is_read(tmp_path):
    path = tmp_path / "posts.csv"
    path.write_text('id,text,kind\n1,"cats, mice",a\n2,stocks fell,b\n3,cats,a\n')
    found = texts(path, column="text", labels="kind", stem=None, validation=0)
    assert found.class_names == ("a", "b")
    assert found.labels.tolist() == [0, 1, 0]
    assert found.counts[:, found.words.index("cats")].tolist() == [1, 0, 1]
    import pandas

    again = texts(pandas.read_csv(path), column="text", stem=None, validation=0)
    np.testing.assert_array_equal(again.counts, found.counts)


def test_files_that_are_no_texts_are_left_out_and_named(tmp_path):
    (tmp_path / "a.txt").write_text("cats")
    (tmp_path / "b.bin").write_bytes(b"cats\0\1\2")
    (tmp_path / "c").write_text("12 34 !")
    (tmp_path / ".hidden").write_text("cats")
    with pytest.warns(UserWarning, match="left out") as warned:
        found = texts(tmp_path, stem=None, validation=0)
    said = str(warned[0].message)
    assert "1 texts have none of the words and are left out: c" in said
    assert "1 files are left out: b.bin (no text" in said
    assert found.names == ("a.txt",)
    assert list(found.broken) == ["b.bin"]


def test_another_encoding_is_told_of(tmp_path):
    (tmp_path / "a.txt").write_bytes("Größe".encode("latin-1"))
    with pytest.raises(ValueError, match='give encoding=, such as "latin-1"'):
        texts(tmp_path)
    assert texts(tmp_path, encoding="latin-1", stem=None, validation=0).words == ("größe",)


@pytest.mark.parametrize(
    ("source", "options", "error", "said"),
    [
        ([], {}, ValueError, "no texts"),
        (["cats", 3], {}, TypeError, "A text is 3"),
        (["the and"], {}, ValueError, "no words of two letters"),
        (["cats"], {"words": 0}, ValueError, "words"),
        (["cats"], {"words": ["dog"]}, ValueError, "None of the 1 texts has one of the 1 words"),
        (["cats"], {"words": ["a", "a"]}, ValueError, "a word twice"),
        (["cats"], {"words": zoo.Bernoulli()}, TypeError, "give a number, a list of words"),
        (["cats"], {"words": "cats"}, TypeError, "give a number, a list of words"),
        (["cats"], {"words": 1.5}, ValueError, "words is 1.5"),
        (["cats"], {"words": zoo.Multinomial()}, ValueError, "has no names of words"),
        (["cats"], {"stem": "klingon"}, ValueError, "choose None or one of"),
        (["cats"], {"stop_words": "klingon"}, ValueError, 'give "english"'),
        (["cats"], {"labels": "x"}, ValueError, "for a folder or a table"),
        (["cats"], {"column": "x"}, ValueError, "for a table"),
        (["cats"], {"validation": 1}, ValueError, "validation"),
        ("nowhere", {}, NotADirectoryError, "does not exist"),
    ],
)
def test_bad_input_is_refused_in_words(source, options, error, said):
    with pytest.raises(error, match=said):
        texts(source, **options)


def test_a_stemmer_that_is_not_installed_is_asked_for(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **options):
        if name == "snowballstemmer":
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'autoencoder-zoo\[texts\]'"):
        texts(["cats"])
    assert texts(["cats"], stem=None).words == ("cats",)


# 20 Newsgroups


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A small archive in the place of the postings."""
    import hashlib

    path = tmp_path / newsgroups.FILE
    with tarfile.open(path, "w:xz") as file:
        for part in newsgroups.PARTS:
            for group in newsgroups.GROUPS[:3]:
                for number in range(4):
                    text = f"Subject: {group.split('.')[-1]} posting {'x' * number}\n\n caf\xe9"
                    content = text.encode("latin-1")
                    entry = tarfile.TarInfo(f"{part}/{group}/{number}")
                    entry.size = len(content)
                    file.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo(f"{newsgroups.PARTS[0]}/{newsgroups.GROUPS[0]}/evil")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(SOURCES["newsgroups"].sha256, newsgroups.FILE, digest)
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    return path


def test_newsgroups_are_counts_with_groups(archive):
    (x, y), (x_test, y_test) = zoo.data.load("newsgroups")
    assert x.shape[0] == x_test.shape[0] == 12
    assert np.bincount(y).tolist() == [4, 4, 4]
    words = newsgroups.words()
    assert x.shape[1] == len(words)
    assert "subject" in words
    atheism = words.index("atheism")
    for counts, labels in ((x, y), (x_test, y_test)):
        np.testing.assert_array_equal(counts[:, atheism] > 0, labels == 0)


def test_another_archive_is_refused(archive):
    archive.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(ValueError, match="is not 20 Newsgroups"):
        zoo.data.load("newsgroups")
    archive.unlink()
    with pytest.raises(OSError, match="fetch_20newsgroups"):
        zoo.data.load("newsgroups")
