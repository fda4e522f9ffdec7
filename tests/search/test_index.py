"""Indexes of codes: the nearest of all items against brute force; bits as addresses; bad input."""

import importlib.util

import numpy as np
import pytest

import zoo
from zoo.search import Index, bits, nearest

RNG = np.random.default_rng(0)
X = zoo.data.load("digits")[0][0][:200]


@pytest.fixture(scope="module")
def vae():
    return zoo.VAE((8, 8, 1), 6, hidden_units=(8,), seed=1)


@pytest.fixture(scope="module")
def binary():
    return zoo.BinaryAutoencoder((8, 8, 1), 12, hidden_units=(16,), seed=1)


def some_bits(n, length, seed=0):
    return (np.random.default_rng(seed).random((n, length)) > 0.5).astype("uint8")


# The nearest


@pytest.mark.parametrize("length", [1, 7, 8, 28, 130])
@pytest.mark.parametrize("k", [1, 5, 60])
def test_the_nearest_bits_are_those_of_brute_force(length, k):
    items, queries = some_bits(60, length), some_bits(9, length, 1)
    apart = (queries[:, None] != items).sum(axis=2)
    np.testing.assert_array_equal(bits.distances(queries, items), apart)
    expected = np.lexsort((np.broadcast_to(np.arange(60), apart.shape), apart), axis=1)[:, :k]
    rows, distances = bits.nearest(queries, items, k)
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_array_equal(distances, np.take_along_axis(apart, expected, 1))


def test_the_nearest_bits_do_not_depend_on_blocks(monkeypatch):
    items, queries = some_bits(60, 20), some_bits(9, 20, 1)
    whole = bits.nearest(queries, items, 7)
    monkeypatch.setattr(bits, "_AT_ONCE", 130)
    np.testing.assert_array_equal(whole, bits.nearest(queries, items, 7))


@pytest.mark.parametrize("length", [5, 16, 70])
@pytest.mark.parametrize("radius", [0, 1, 2, 9, 100])
def test_all_within_a_radius_are_found_by_addresses(length, radius):
    items, queries = some_bits(300, length), some_bits(5, length, 1)
    items[7] = queries[0]
    buckets = bits.Buckets(bits.packed(items), length)
    apart = (queries[:, None] != items).sum(axis=2)
    for query, far in zip(bits.packed(queries), apart, strict=True):
        rows, distances = buckets.within(query, radius)
        expected = sorted(np.flatnonzero(far <= radius), key=lambda row: (far[row], row))
        assert rows.tolist() == expected
        np.testing.assert_array_equal(distances, far[rows])


def test_packed_bits_are_unpacked():
    for length in (1, 8, 13):
        some = some_bits(4, length)
        np.testing.assert_array_equal(bits.unpacked(bits.packed(some), length), some)


LIBRARIES = ["scikit-learn", *(["faiss"] if importlib.util.find_spec("faiss") else [])]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("k", [1, 10, 200])
def test_the_nearest_codes_are_those_of_brute_force(vae, library, metric, k):
    codes = RNG.normal(size=(200, 6)).astype("float32")
    codes[50:60] = codes[:10]  # equal distances
    queries = RNG.normal(size=(20, 6)).astype("float32")
    index = Index(vae, metric, library)
    index.add_codes(codes)
    hits = index.query_codes(queries, k)
    a, b = queries.astype("float64")[:, None], codes.astype("float64")
    if metric == "euclidean":
        apart = np.sqrt(((a - b) ** 2).sum(axis=2))
    else:
        lengths = np.linalg.norm(a, axis=2) * np.linalg.norm(b, axis=1)
        apart = 1 - (a * b).sum(axis=2) / lengths
    order = np.argsort(apart.round(9), axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(hits.rows, order)
    np.testing.assert_allclose(hits.distances, np.take_along_axis(apart, order, 1), atol=1e-6)


@pytest.mark.skipif(len(LIBRARIES) < 2, reason="faiss is not installed")
def test_both_libraries_give_the_same(vae):
    codes = RNG.normal(size=(3000, 6)).astype("float32")
    codes[1000:2000] = codes[:1000]
    found = []
    for library in LIBRARIES:
        index = Index(vae, "euclidean", library)
        index.add_codes(codes)
        found.append(index.query_codes(codes[:100] + 0.01, 30))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["vae", "binary"])
def test_every_item_finds_itself(name, request):
    index = Index(request.getfixturevalue(name))
    index.add(X, ids=[f"digit {i}" for i in range(len(X))])
    hits = index.query(X, k=3)
    assert hits.ids.shape == (len(X), 3)
    assert hits.distances[:, 0].max() < 1e-6
    codes = index.codes
    np.testing.assert_array_equal(codes[hits.rows[:, 0]], codes)


def test_items_come_in_parts_and_ids_go_on(binary):
    one, two = Index(binary), Index(binary)
    one.add(X)
    for part in (X[:70], X[70:71], X[71:]):
        two.add(part)
    np.testing.assert_array_equal(one.ids, two.ids)
    np.testing.assert_array_equal(one.codes, two.codes)
    for a, b in zip(one.within(X[:5], 2), two.within(X[:5], 2), strict=True):
        np.testing.assert_array_equal(a.ids, b.ids)


def test_a_search_after_within_sees_what_was_added_since(binary):
    index = Index(binary)
    index.add(X[:100])
    assert all(len(hits.ids) for hits in index.within(X[:3], 0))
    index.add(X[:3], ids=[1000, 1001, 1002])
    assert 1000 in index.within(X[:1], 0)[0].ids


def test_labels_go_to_conditional_models():
    model = zoo.CVAE((8, 8, 1), 3, num_classes=10, hidden_units=(8,), seed=1)
    (x, y), _ = zoo.data.load("digits")
    index = Index(model)
    index.add(x[:50], labels=y[:50])
    assert (index.query(x[:50], 1, labels=y[:50]).rows[:, 0] == np.arange(50)).all()


def test_a_folder_gives_its_names(tmp_path):
    from PIL import Image

    for name, gray in (("a.png", 10), ("b.png", 200), ("c/d.png", 90)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (20, 20), gray).save(tmp_path / name)
    folder = zoo.data.from_folder(tmp_path, 8, channels=1, validation=0)
    index = Index(zoo.VAE((8, 8, 1), 2, hidden_units=(8,), seed=1))
    index.add(folder)
    assert index.ids.tolist() == ["a.png", "b.png", "c/d.png"]


# Bad input


@pytest.mark.slow
def test_a_model_without_codes_is_refused():
    with pytest.raises(TypeError, match="has no encode"):
        Index(zoo.GAN((8, 8, 1), 2, hidden_units=(8,)))


@pytest.mark.parametrize("metric", ["cosines", "hamming"])
def test_a_metric_that_does_not_suit_the_codes_is_refused(vae, metric):
    with pytest.raises(ValueError, match="choose 'cosine'"):
        Index(vae, metric)


def test_an_unknown_library_is_refused(vae, monkeypatch):
    with pytest.raises(ValueError, match="library is 'annoy'"):
        Index(vae, library="annoy")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert nearest.chosen("auto") == "scikit-learn"
    with pytest.raises(ImportError, match=r"pip install 'autoencoder-zoo\[search\]'"):
        Index(vae, library="faiss")


@pytest.mark.parametrize("k", [0, 201, -1])
def test_k_must_be_within_the_index(vae, k):
    index = Index(vae)
    index.add(X)
    with pytest.raises(ValueError, match="k is"):
        index.query(X[:1], k)


def test_a_code_of_zeros_is_as_far_from_all_others_as_a_right_angle(vae):
    index = Index(vae)
    index.add_codes([[0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0.4, 0.9, 0, 0, 0, 0]])
    hits = index.query_codes([[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], 3)
    assert hits.rows.tolist() == [[1, 2, 0], [0, 1, 2]]
    np.testing.assert_allclose(hits.distances[0, [0, 2]], [0, 1], atol=1e-6)
    np.testing.assert_allclose(hits.distances[1], 1, atol=1e-6)


def test_numbers_that_float32_cannot_hold_are_refused(vae):
    for large in (1e300, 1e19, -1e19):
        with pytest.raises(ValueError, match="values beyond 1e\\+18"):
            Index(vae).add_codes(np.full((2, 6), large))


def test_large_whole_numbers_stay_what_they_are(vae):
    index = Index(vae)
    index.add_codes(np.zeros((2, 6)), np.array([2**60, 2**60 + 1], "uint64"))
    index.add_codes(np.zeros((1, 6)), np.array([2**60 + 2], "uint64"))
    assert index.ids.tolist() == [2**60, 2**60 + 1, 2**60 + 2]
    with pytest.raises(ValueError, match="below 2\\^63"):
        index.add_codes(np.zeros((1, 6)), np.array([2**63 + 5], "uint64"))


def test_a_radius_beyond_the_length_finds_all_at_once():
    buckets = bits.Buckets(bits.packed(np.array([[0, 0], [0, 1], [1, 0], [1, 1]])), 2)
    rows, _ = buckets.within(bits.packed(np.array([[0, 0]]))[0], 10**9)
    assert rows.tolist() == [0, 1, 2, 3]


def test_an_empty_index_says_so(vae):
    with pytest.raises(ValueError, match="the index is empty: add items first"):
        Index(vae).query(X[:1])


def test_ids_must_differ_and_nothing_is_added_else(vae):
    index = Index(vae)
    index.add(X[:3], ids=["a", "b", "c"])
    for ids, said in (
        (["d", "d"], "1 ids occur more than once, such as d"),
        (["c", "d"], "1 ids occur more than once, such as c"),
        ([1, 2], "has strings as ids, and these are integers"),
        (["d"], "one for each item"),
        ([0.5, 1.5], "integers or strings"),
    ):
        with pytest.raises(ValueError, match=said):
            index.add(X[3:5], ids=ids)
    assert index.ids.tolist() == ["a", "b", "c"]
    assert len(index.codes) == 3


def test_nan_is_refused(vae):
    index, broken = Index(vae), X[:3].copy()
    broken[1, 2, 2] = np.nan
    for add in (index.add, lambda x: index.query(x, 1)):
        index.add(X) if add != index.add else None
        with pytest.raises(ValueError, match="NaN"):
            add(broken)
    with pytest.raises(ValueError, match="Codes hold NaN"):
        index.add_codes(np.full((2, 6), np.inf))
    with pytest.raises(ValueError, match=r"\(n, 6\) are expected"):
        index.query_codes(np.zeros((2, 5)), 1)


def test_codes_of_bits_are_bits(binary):
    with pytest.raises(ValueError, match="other values than 0 and 1"):
        Index(binary).add_codes(np.full((2, 12), 0.5))


def test_addresses_need_bits(vae):
    with pytest.raises(TypeError, match="no addresses"):
        Index(vae).within(X[:1], 2)


def test_bits_that_do_not_vary_are_told_of(binary):
    index, codes = Index(binary), some_bits(60, 12)
    codes[:, :5] = 1
    with pytest.warns(UserWarning, match="5 of 12 bits are the same in all 60 items"):
        index.add_codes(codes)
    assert index.constant_bits == 5


def test_codes_of_an_earlier_version_of_the_model_are_not_compared():
    model = zoo.VAE((8, 8, 1), 2, hidden_units=(8,), seed=1)
    model.compile("adam")
    index = Index(model)
    index.add(X)
    model.fit(X, epochs=1, verbose=0)
    for use in (lambda: index.query(X[:1], 1), lambda: index.add(X), lambda: index.save("x")):
        with pytest.raises(ValueError, match="was trained since"):
            use()


@pytest.mark.parametrize("ids", ["numbers", "names"])
@pytest.mark.parametrize("name", ["vae", "binary"])
def test_codes_leave_for_other_programs(name, ids, request, tmp_path):
    from pyarrow import parquet

    index = Index(request.getfixturevalue(name))
    index.add(X[:20], ids=None if ids == "numbers" else [f"é {i}" for i in range(20)])
    index.save_codes(tmp_path / "codes.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "codes.npy", allow_pickle=False), index.codes)
    index.save_codes(tmp_path / "codes.parquet")
    table = parquet.read_table(tmp_path / "codes.parquet")
    assert table["id"].to_pylist() == index.ids.tolist()
    np.testing.assert_array_equal(table["code"].to_pylist(), index.codes)
    with pytest.raises(FileExistsError):
        index.save_codes(tmp_path / "codes.npy")
    with pytest.raises(ValueError, match=r"\.npy or \.parquet"):
        index.save_codes(tmp_path / "codes.csv")
