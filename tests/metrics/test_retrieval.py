"""Metrics of search against scikit-learn and against brute force."""

import sys

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve

import zoo
from zoo.metrics import retrieval

RNG = np.random.default_rng(0)
ITEMS, QUERIES = RNG.normal(size=(120, 5)), RNG.normal(size=(30, 5))
Y_ITEMS, Y = RNG.integers(0, 3, 120), RNG.integers(0, 3, 30)


def test_average_precision_is_that_of_scikit_learn():
    found = retrieval(QUERIES, Y, ITEMS, Y_ITEMS, metric="euclidean")
    apart = np.linalg.norm(QUERIES[:, None] - ITEMS, axis=2)
    expected = [
        average_precision_score(y == Y_ITEMS, -far) for y, far in zip(Y, apart, strict=True)
    ]
    np.testing.assert_allclose(found.mean_average_precision, np.mean(expected), rtol=1e-6)
    nearest = np.argsort(apart, axis=1)[:, :10]
    at_10 = (Y_ITEMS[nearest] == Y[:, None]).mean()
    np.testing.assert_allclose(found.precision_at_k, at_10)


def test_precision_at_a_recall_is_that_of_scikit_learn():
    levels = (0.1, 0.25, 0.5, 1.0)
    found = retrieval(QUERIES, Y, ITEMS, Y_ITEMS, metric="cosine", recalls=levels)
    unit = [a / np.linalg.norm(a, axis=1, keepdims=True) for a in (QUERIES, ITEMS)]
    at = []
    for y, near in zip(Y, unit[0] @ unit[1].T, strict=True):
        precision, recall, _ = precision_recall_curve(y == Y_ITEMS, near)
        # From high to low recall; the first place from the top that reaches a level.
        at.append([precision[recall >= level - 1e-9][-1] for level in levels])
    np.testing.assert_allclose(found.precisions, np.mean(at, axis=0), rtol=1e-6)


def test_queries_search_each_other_but_not_themselves():
    found = retrieval(ITEMS, Y_ITEMS, metric="euclidean", k=1)
    apart = np.linalg.norm(ITEMS[:, None] - ITEMS, axis=2)
    np.fill_diagonal(apart, np.inf)
    right = (Y_ITEMS[apart.argmin(axis=1)] == Y_ITEMS).mean()
    np.testing.assert_allclose(found.precision_at_k, right)


def test_the_order_of_the_items_does_not_matter_where_all_are_equally_far():
    y = np.repeat([0, 1], 200)  # sorted: the first 200 would be right for every query of class 0
    found = retrieval(np.zeros((50, 3)), np.zeros(50, int), np.zeros((400, 3)), y, k=10)
    assert 0.4 < found.precision_at_k < 0.6


def test_distances_of_bits_are_the_numbers_of_different_ones():
    a, b = (RNG.random((n, 16)) > 0.5 for n in (20, 90))
    one = retrieval(a, Y[:20], b, Y_ITEMS[:90], metric="hamming")
    other = retrieval(
        a, Y[:20], b, Y_ITEMS[:90], metric=lambda p, q: np.abs(p[:, None] - q).sum(axis=2)
    )
    np.testing.assert_allclose(one[:2], other[:2])


def test_blocks_do_not_matter(monkeypatch):
    whole = retrieval(QUERIES, Y, ITEMS, Y_ITEMS)
    monkeypatch.setattr(sys.modules["zoo.metrics.retrieval"], "_AT_ONCE", 7 * 120)
    in_parts = retrieval(QUERIES, Y, ITEMS, Y_ITEMS)
    for one, other in zip(whole, in_parts, strict=True):
        np.testing.assert_allclose(one, other)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y": Y[:5]}, "one label for each"),
        ({"items": ITEMS[:, :3]}, "5 dimensions and items 3"),
        ({"k": 0}, "k is 0"),
        ({"k": 1.5}, "k is 1.5"),
        ({"metric": "hamming"}, "compares bits"),
        ({"y_items": None}, "without y_items"),
        ({"k": 121}, "give 1 to 120"),
        ({"recalls": (0.0,)}, "recalls are"),
        ({"metric": "manhattan"}, "choose 'cosine'"),
        ({"y": Y + 10}, "labels do not fit"),
        ({"queries": np.full((30, 5), np.nan)}, "NaN"),
        ({"queries": np.zeros(30)}, "numbers"),
    ],
)
def test_bad_input_is_refused(change, said):
    given = {"queries": QUERIES, "y": Y, "items": ITEMS, "y_items": Y_ITEMS, **change}
    with pytest.raises(ValueError, match=said):
        retrieval(**given)


@pytest.mark.slow
def test_the_card_of_a_binary_autoencoder_has_them():
    digits = zoo.data.load("digits")
    model = zoo.BinaryAutoencoder((8, 8, 1), 16, hidden_units=(32,), seed=0)
    model.compile("adam")
    model.fit(digits[0][0], epochs=3, verbose=0)
    found = {metric["name"]: metric for metric in zoo.metrics.evaluate(model, "digits")}
    (x, y), (x_test, y_test) = digits
    codes = model.encode(x_test), model.encode(x)
    expected = retrieval(codes[0], y_test, codes[1], y, metric="hamming")
    assert found["precision at 10"]["value"] == round(100 * expected.precision_at_k, 2)
    value = found["mean average precision"]["value"]
    assert value == round(100 * expected.mean_average_precision, 2)
    assert found["constant bits"]["unit"] == "of 16"
