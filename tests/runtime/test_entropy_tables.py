"""Tables of probabilities as integers, and the bits of coefficients."""

import itertools
import json

import numpy as np
import pytest

from zoo.runtime.entropy_tables import (
    CONTEXTS,
    HALF,
    LARGEST,
    MOST_SHIFTED,
    SYMBOLS,
    TOTAL,
    Tables,
    check_tables,
    read_tables,
)


def made(shifts, seed=0, steps=1.0, offsets=0, differences=None):
    """Tables of two rates, whose frequencies and choices were drawn."""
    shape = 2, len(shifts)
    generator = np.random.default_rng(seed)
    p = generator.dirichlet(np.full(SYMBOLS, 0.3), 9)
    frequencies = 1 + np.floor(p * (TOTAL - SYMBOLS)).astype("int32")
    frequencies[..., 0] += TOTAL - frequencies.sum(axis=-1)
    tables = Tables(
        np.full(shape, steps, "float32"),
        np.tile(np.array(differences or [0] * len(shifts), "int32"), (2, 1)),
        np.full(shape, offsets, "int32"),
        np.tile(np.array(shifts, "int32"), (2, 1)),
        generator.integers(200, 2000, shape).astype("int32"),
        generator.integers(0, 9, (*shape, CONTEXTS)).astype("int32"),
        frequencies,
    )
    check_tables(tables)
    return tables


EXTREMES = [0, 1, -1, HALF, HALF + 1, -HALF - 1, -HALF - 2, 200, -200, LARGEST, -LARGEST]


@pytest.mark.lowest
@pytest.mark.parametrize("offset", [0, 17, -300])
def test_all_integers_come_back(offset):
    tables = made([0, 1, 5, MOST_SHIFTED], offsets=offset)
    generator = np.random.default_rng(0)
    q = generator.integers(-LARGEST, LARGEST + 1, (60, 4)).astype("int32")
    q[: len(EXTREMES)] = np.array(EXTREMES)[:, None]
    q[20:] = generator.integers(-40, 40, (40, 4))
    q = q.reshape(6, 10, 4)
    for rate in (0, 1):
        assert (tables.decode(tables.encode(q, rate), 6, 10, rate) == q).all()


@pytest.mark.lowest
@pytest.mark.parametrize("shift", [0, 5, MOST_SHIFTED])
def test_differences_of_neighbors_come_back(shift):
    """Also the largest, from one end of the range to the other."""
    tables = made([shift] * 3, differences=[1, 0, 1])
    q = np.random.default_rng(0).integers(-40, 40, (6, 10, 3)).astype("int32")
    q[2, 3:6], q[3:5, 0] = [[LARGEST], [-LARGEST], [LARGEST]], [[-LARGEST], [LARGEST]]
    assert (tables.decode(tables.encode(q, 0), 6, 10, 0) == q).all()
    expected = q.copy()
    for row in range(6):
        for column in range(10):
            before = (row, column - 1) if column else (row - 1, 0)
            if row or column:
                expected[row, column, [0, 2]] -= q[before][[0, 2]]
    assert (tables.as_written(q, 0) == expected).all()


def test_nothing_is_coded_for_an_image_without_blocks():
    tables = made([0, 1])
    q = np.zeros((0, 5, 2), "int32")
    assert tables.decode(tables.encode(q, 0), 0, 5, 0).shape == (0, 5, 2)


def contexts_by_hand(tables, q, rate):
    """The context of every coefficient, place by place, with fractions rounded down."""
    rows, columns, channels = q.shape
    order = sorted(range(channels), key=lambda c: -tables.typical[rate, c])
    found = np.empty(q.shape, int)
    for place, channel in enumerate(order):
        for i, j in np.ndindex(rows, columns):
            activity = 16
            earlier = order[max(0, place - 24) : place]
            if earlier:
                total = 0
                for di, dj in itertools.product((-1, 0, 1), repeat=2):
                    weight = 4 >> abs(di) >> abs(dj)
                    ii, jj = min(max(i + di, 0), rows - 1), min(max(j + dj, 0), columns - 1)
                    for other in earlier:
                        size = abs(int(q[ii, jj, other]) - int(tables.offsets[rate, other]))
                        total += weight * min(size * 4096 // int(tables.typical[rate, other]), 128)
                activity = total // (16 * len(earlier))
            ends = (3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 27, 33, 40, 48)
            found[i, j, channel] = sum(activity >= end for end in ends)
    return found


def test_contexts_depend_on_channels_that_were_written_before():
    tables = made([0] * 30, offsets=3)
    generator = np.random.default_rng(0)
    sizes = np.where(generator.random((4, 5, 1)) < 0.5, 1, 9)
    q = np.rint(sizes * generator.normal(size=(4, 5, 30))).astype("int32")
    for rate in (0, 1):
        wanted = contexts_by_hand(tables, q, rate)
        assert len(np.unique(wanted)) > 8
        for channel, context in tables._channels(q, rate):
            np.testing.assert_array_equal(context, wanted[..., channel])


def test_bits_is_the_length_of_the_stream():
    tables = made([0, 2, 4])
    generator = np.random.default_rng(0)
    q = np.rint(generator.laplace(0, 9, (60, 70, 3))).astype("int32")
    q[::20, ::20] = 900
    assert 8 * len(tables.encode(q, 0)) == pytest.approx(tables.bits(q, 0), rel=1e-3)
    inner = np.clip(q, -HALF, HALF)  # by hand, without what is beyond
    contexts = contexts_by_hand(tables, inner, 0)
    by_hand = 0.0
    for i, j, c in np.ndindex(inner.shape):
        p = tables.frequencies[tables.choices[0, c, contexts[i, j, c]]] / TOTAL
        by_hand += tables.shifts[0, c] - np.log2(p[(inner[i, j, c] >> tables.shifts[0, c]) + HALF])
    assert tables.bits(inner, 0) == pytest.approx(by_hand)


@pytest.mark.parametrize("change", ["cut", "added", "other"])
def test_bits_of_other_integers_are_refused_or_give_integers_in_range(change):
    tables = made([0, 3])
    q = np.random.default_rng(0).integers(-20, 20, (15, 20, 2)).astype("int32")
    data = bytearray(tables.encode(q, 0))
    if change == "cut":
        data = data[:40]
    elif change == "added":
        data += bytes(range(80))
    else:
        data[:200] = bytes(200)
    try:
        found = tables.decode(bytes(data), 15, 20, 0)
    except ValueError:
        return
    assert (np.abs(found) <= LARGEST).all()
    assert (found != q).any()


def test_rounding_is_to_the_nearest_step_and_back():
    tables = made([0], steps=0.25)
    q = tables.quantized(np.array([[0.3], [-0.4], [1e9], [-1e9]]), 0)
    assert q.tolist() == [[1], [-2], [LARGEST], [-LARGEST]]
    assert tables.dequantized(q[:2], 0).tolist() == [[0.25], [-0.5]]
    assert tables.dequantized(q, 0).dtype == np.float32


def test_tables_in_a_file_are_the_same():
    tables = made([0, 4], steps=0.1)
    text = json.dumps({"name": "mine", **tables.to_json()}).encode()
    found, content = read_tables(text, "tables.json")
    for a, b in zip(found, tables, strict=True):
        np.testing.assert_array_equal(a, b)
    assert found.digest() == tables.digest()
    assert content["name"] == "mine"


def changed(**entries):
    return {**made([0, 4]).to_json(), **entries}


NESTED = made([0, 4]).to_json()
LESS = [row[:-1] for row in NESTED["frequencies"]]
ZERO = [[0, row[0] + row[1], *row[2:]] for row in NESTED["frequencies"]]
MORE = [[row[0] + 1, *row[1:]] for row in NESTED["frequencies"]]


@pytest.mark.parametrize(
    "content",
    [
        {},
        changed(steps=None),
        changed(steps=[]),
        changed(steps=[[], []]),
        changed(steps=[["3f800000"], ["3f800000", "3f800000"]]),
        changed(steps=[["7fc00000", "3f800000"]] * 2),  # NaN
        changed(steps=[["00000000", "3f800000"]] * 2),
        changed(steps=[["3f8000", "3f800000"]] * 2),
        changed(steps=[["nonsense", "3f800000"]] * 2),
        changed(steps=[[1.0, 1.0]] * 2),
        changed(steps=[["3f800000", "3f800000"]] * 3),
        changed(differences=[[0, 2]] * 2),
        changed(differences=[[0, 1]] * 2, offsets=[[0, 1]] * 2),
        changed(offsets=[[0, 40000]] * 2),
        changed(offsets=[[0, 0.5]] * 2),
        changed(offsets=[[0, True]] * 2),
        changed(offsets=[[0]] * 2),
        changed(shifts=[[0, 13]] * 2),
        changed(shifts=[[0, -1]] * 2),
        changed(frequencies=LESS),
        changed(frequencies=ZERO),
        changed(frequencies=MORE),
        changed(frequencies="many"),
        changed(frequencies=[]),
        changed(typical=[[0, 5]] * 2),
        changed(choices=[[[0] * CONTEXTS, [9] * CONTEXTS]] * 2),
        changed(choices=[[[0] * CONTEXTS, [-1] * CONTEXTS]] * 2),
        changed(offsets=[[0, 10**400]] * 2),
    ],
)
def test_what_are_no_tables_is_refused(content):
    with pytest.raises(ValueError, match=r"^tables\.json holds no tables of coefficients: "):
        read_tables(json.dumps(content).encode(), "tables.json")
