"""Tables of probabilities as integers, and the bits of coefficients."""

import json

import numpy as np
import pytest

from zoo.runtime.entropy_tables import (
    HALF,
    LARGEST,
    MOST_SHIFTED,
    SYMBOLS,
    TOTAL,
    Tables,
    check_tables,
    read_tables,
)


def made(shifts, seed=0, steps=1.0, offsets=0):
    """Tables of two rates, with frequencies that were drawn."""
    channels = len(shifts)
    generator = np.random.default_rng(seed)
    p = generator.dirichlet(np.full(SYMBOLS, 0.3), (2, channels))
    frequencies = 1 + np.floor(p * (TOTAL - SYMBOLS)).astype("int32")
    frequencies[..., 0] += TOTAL - frequencies.sum(axis=-1)
    tables = Tables(
        np.full((2, channels), steps, "float32"),
        np.full((2, channels), offsets, "int32"),
        np.tile(np.array(shifts, "int32"), (2, 1)),
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
    q[20:40] = generator.integers(-40, 40, (20, 4))
    for rate in (0, 1):
        assert (tables.decode(tables.encode(q, rate), 60, rate) == q).all()


def test_nothing_is_coded_for_an_image_without_blocks():
    tables = made([0, 1])
    q = np.zeros((0, 2), "int32")
    assert tables.decode(tables.encode(q, 0), 0, 0).shape == (0, 2)


def test_bits_is_the_length_of_the_stream():
    tables = made([0, 2, 4])
    generator = np.random.default_rng(0)
    symbols = [generator.choice(SYMBOLS - 1, 4000, p=f[:-1] / f[:-1].sum()) for f in tables[3][0]]
    q = np.stack([(s - HALF) << shift for s, shift in zip(symbols, (0, 2, 4), strict=True)], 1)
    q = q.astype("int32")
    q[::50] = 900
    bits = tables.bits(q, 0)
    assert 8 * len(tables.encode(q, 0)) == pytest.approx(bits, rel=1e-3)
    p = tables.frequencies[0] / TOTAL  # by hand, without what is beyond
    inner = np.delete(q, np.s_[::50], 0)
    by_hand = sum(
        shift - np.log2(p[i][(value >> shift) + HALF])
        for i, shift in enumerate((0, 2, 4))
        for value in inner[:, i]
    )
    assert tables.bits(inner, 0) == pytest.approx(by_hand)


@pytest.mark.parametrize("change", ["cut", "added", "other"])
def test_bits_of_other_integers_are_refused_or_give_integers_in_range(change):
    tables = made([0, 3])
    q = np.random.default_rng(0).integers(-20, 20, (300, 2)).astype("int32")
    data = bytearray(tables.encode(q, 0))
    if change == "cut":
        data = data[:40]
    elif change == "added":
        data += bytes(range(80))
    else:
        data[:200] = bytes(200)
    try:
        found = tables.decode(bytes(data), 300, 0)
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
LESS = [[row[:-1] for row in rows] for rows in NESTED["frequencies"]]
ZERO = [[[0, row[0] + row[1], *row[2:]] for row in rows] for rows in NESTED["frequencies"]]
MORE = [[[row[0] + 1, *row[1:]] for row in rows] for rows in NESTED["frequencies"]]


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
        changed(offsets=[[0, 10**400]] * 2),
    ],
)
def test_what_are_no_tables_is_refused(content):
    with pytest.raises(ValueError, match=r"^tables\.json holds no tables of coefficients: "):
        read_tables(json.dumps(content).encode(), "tables.json")
