"""Indexes on disk come back the same, and altered files are refused."""

import json

import numpy as np
import pytest

import zoo
from zoo.search import Index
from zoo.search.saving import digest

X = zoo.data.load("digits")[0][0][:60]
MODELS = {
    "real": lambda: zoo.VAE((8, 8, 1), 3, hidden_units=(8,), seed=1),
    "bits": lambda: zoo.BinaryAutoencoder((8, 8, 1), 12, hidden_units=(16,), seed=1),
}


def saved(kind, folder, **options):
    index = Index(MODELS[kind](), **options)
    index.add(X, ids=[f"é {i}" for i in range(len(X))])
    index.save(folder)
    return index


@pytest.mark.parametrize("kind", MODELS)
def test_an_index_comes_back_the_same(kind, tmp_path):
    options = {"metric": "euclidean"} if kind == "real" else {}
    index = saved(kind, tmp_path / "index", **options)
    again = zoo.search.load(tmp_path / "index")
    assert again.metric == index.metric
    assert again.ids.tolist() == index.ids.tolist()
    np.testing.assert_array_equal(again.codes, index.codes)
    for one, other in zip(index.query(X[:5]), again.query(X[:5]), strict=True):
        np.testing.assert_array_equal(one, other)
    again.add(X[:2], ids=["new", "newer"])
    again.save(tmp_path / "index", overwrite=True)
    assert len(zoo.search.load(tmp_path / "index")) == 62


def test_an_empty_index_comes_back(tmp_path):
    Index(MODELS["bits"]()).save(tmp_path / "index")
    assert len(zoo.search.load(tmp_path / "index")) == 0


def test_numbers_stay_numbers(tmp_path):
    index = Index(MODELS["real"]())
    index.add(X)
    index.save(tmp_path / "index")
    assert zoo.search.load(tmp_path / "index").ids.dtype == np.int64


def test_a_model_at_hand_is_used_if_it_is_the_same(tmp_path):
    index = saved("real", tmp_path / "index")
    assert zoo.search.load(tmp_path / "index", index.model).model is index.model
    other = zoo.VAE((8, 8, 1), 3, hidden_units=(8,), seed=2)
    with pytest.raises(ValueError, match="another model, or another version"):
        zoo.search.load(tmp_path / "index", other)


def test_an_existing_folder_is_kept(tmp_path):
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "mine.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(FileExistsError):
            Index(MODELS["real"]()).save(tmp_path / "index", overwrite=overwrite)
    assert (tmp_path / "index" / "mine.txt").read_text() == "mine"
    zoo.save(MODELS["real"](), tmp_path / "preset")  # also written by the zoo, but no index
    with pytest.raises(FileExistsError, match="not the folder of an index"):
        Index(MODELS["real"]()).save(tmp_path / "preset", overwrite=True)
    assert zoo.load(tmp_path / "preset").latent_dim == 3


# Files from strangers


def rewritten(folder, **entries):
    """Change entries of a file, with a matching hash, as a stranger would."""
    path = folder / "index.json"
    content = json.loads(path.read_text()) | entries
    content["sha256"] = digest(content)
    path.write_text(json.dumps(content))


BAD = {
    "metric": ["manhattan", 3, None],
    "ids": [
        ["a", "a"],
        ["a"],
        "abc",
        [{}] * 60,
        [1.5] * 60,
        [2**70] * 60,
        [True] * 60,
        ["a", 1],
        ["a" * 1001, *"b" * 59],
        ["\ud800", *map(str, range(59))],
    ],
    "format_version": [2, "1", True],
    "weights_sha256": ["0" * 64, 3],
    "codes_sha256": ["0" * 64, [], None],
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("kind", MODELS)
def test_every_entry_is_checked(name, kind, tmp_path):
    saved(kind, tmp_path / "index")
    before = (tmp_path / "index" / "index.json").read_bytes()
    for value in BAD[name]:
        rewritten(tmp_path / "index", **{name: value})
        with pytest.raises(ValueError, match=r"index\.json|codes\.npy"):
            zoo.search.load(tmp_path / "index")
        (tmp_path / "index" / "index.json").write_bytes(before)
    zoo.search.load(tmp_path / "index")


def test_an_altered_file_is_refused(tmp_path):
    saved("real", tmp_path / "index")
    path = tmp_path / "index" / "index.json"
    path.write_text(path.read_text().replace(' 3"', ' 4x"'))
    with pytest.raises(ValueError, match="was altered"):
        zoo.search.load(tmp_path / "index")


def codes_of(kind, change):
    """Return the bytes of a file of codes that does not fit."""
    import io

    codes = np.zeros((60, 3), "float32") if kind == "real" else np.zeros((60, 2), "uint8")
    written = io.BytesIO()
    np.save(written, change(codes))
    return written.getvalue()


CHANGES = {
    "another dtype": lambda c: c.astype("float64"),
    "another shape": lambda c: c[:, :1],
    "fewer rows": lambda c: c[:-1],
    "objects": lambda c: c.astype(object),
    "NaN, or a bit beyond the code": lambda c: (
        np.full_like(c, np.nan) if c.dtype == "float32" else c + 1
    ),
}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("change", CHANGES)
def test_codes_are_checked_even_if_the_hash_is_right(kind, change, tmp_path):
    from zoo.presets.card import describe

    saved(kind, tmp_path / "index")
    content = codes_of(kind, CHANGES[change])
    (tmp_path / "index" / "codes.npy").write_bytes(content)
    rewritten(tmp_path / "index", codes_sha256=describe(content)["sha256"])
    with pytest.raises(ValueError, match=r"index\.json|codes\.npy"):
        zoo.search.load(tmp_path / "index")


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff" + b"{" * 9])
def test_a_file_of_codes_that_is_none_is_refused(content, tmp_path):
    from zoo.presets.card import describe

    saved("real", tmp_path / "index")
    (tmp_path / "index" / "codes.npy").write_bytes(content)
    rewritten(tmp_path / "index", codes_sha256=describe(content)["sha256"])
    with pytest.raises(ValueError, match=r"codes\.npy does not hold the codes of 60 items"):
        zoo.search.load(tmp_path / "index")


def test_a_file_without_end_is_not_read(tmp_path, monkeypatch):
    from zoo.search import loading

    saved("bits", tmp_path / "index")
    for name, value in (("LARGEST_JSON", 100), ("LARGEST", 700), ("MOST_OF_IDS", 100)):
        with monkeypatch.context() as less:
            less.setattr(loading, name, value)
            with pytest.raises(ValueError, match="more than|too long"):
                zoo.search.load(tmp_path / "index")
    zoo.search.load(tmp_path / "index")


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no index\.json"):
        zoo.search.load(tmp_path)
    saved("real", tmp_path / "index")
    (tmp_path / "index" / "codes.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"codes\.npy is missing"):
        zoo.search.load(tmp_path / "index")


def test_a_link_in_the_place_of_codes_is_not_followed(tmp_path):
    saved("real", tmp_path / "index")
    codes = tmp_path / "index" / "codes.npy"
    codes.rename(tmp_path / "elsewhere.npy")
    codes.symlink_to(tmp_path / "elsewhere.npy")
    with pytest.raises(ValueError, match="not a regular file"):
        zoo.search.load(tmp_path / "index")
