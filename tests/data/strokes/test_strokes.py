"""Drawings as polylines, offsets, SVG and pixels."""

import warnings

import numpy as np
import pytest

from zoo.data import strokes

DRAWING = [
    np.array([(1.0, 2.0), (5.0, 2.0), (5.0, 7.0)]),
    np.array([(3.0, 3.0)]),
    np.array([(0.0, 0.0), (2.0, 2.5)]),
]


def equal(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def moved(drawing):
    return [stroke - drawing[0][0] for stroke in drawing]


def test_a_drawing_comes_back_from_offsets_but_for_its_place():
    equal(strokes.from_stroke3(strokes.to_stroke3(DRAWING)), moved(DRAWING))
    rows = strokes.to_stroke5([DRAWING, DRAWING[:1]], length=9)
    equal(strokes.from_stroke5(rows[0]), moved(DRAWING))
    equal(strokes.from_stroke5(rows[1]), moved(DRAWING[:1]))
    np.testing.assert_array_equal(strokes.stroke3_of(rows[0]), strokes.to_stroke3(DRAWING))


def test_stroke_5_ends_with_rows_of_the_end():
    rows = strokes.to_stroke5([DRAWING[:1]])
    np.testing.assert_array_equal(rows[0], [(4, 0, 1, 0, 0), (0, 5, 0, 1, 0), (0, 0, 0, 0, 1)])


def test_a_first_row_may_move_to_the_first_point():
    rows = [(10, 10, 0), (4, 0, 0), (0, 5, 1)]
    equal(strokes.from_stroke3(rows, first_row_moves=True), moved(DRAWING[:1]))


def test_a_drawing_of_one_point_has_a_step():
    rows = strokes.to_stroke3([[(3, 3)]])
    np.testing.assert_array_equal(rows, [(0, 0, 1)])
    assert len(strokes.from_stroke3(rows)[0]) == 2


def test_a_fitted_drawing_has_the_side_asked_for():
    points = np.concatenate(strokes.fitted(DRAWING, 2.0))
    assert np.ptp(points, axis=0).max() == pytest.approx(2.0)
    np.testing.assert_array_equal(points[0], 0)


def test_simplified_lines_stay_within_the_tolerance():
    t = np.linspace(0, 6, 200)
    wave = np.column_stack([t, np.sin(t)])
    (found,) = strokes.simplified([np.repeat(wave, 2, axis=0)], 0.05)
    assert 5 < len(found) < 40
    heights = np.interp(t, found[:, 0], found[:, 1])
    assert np.abs(heights - np.sin(t)).max() < 0.07  # vertically; 0.05 across the line
    equal(strokes.simplified(DRAWING, 0.0), DRAWING)


def test_an_svg_file_comes_back(tmp_path):
    path = tmp_path / "drawing.svg"
    strokes.write_svg(path, DRAWING)
    found = strokes.read_svg(path)
    equal([found[0], found[1][:1], found[2]], DRAWING)
    with pytest.raises(FileExistsError):
        strokes.write_svg(path, DRAWING)


def of_svg(tmp_path, content, header='<svg xmlns="http://www.w3.org/2000/svg">'):
    path = tmp_path / "in.svg"
    path.write_text(f"{header}{content}</svg>")
    return strokes.read_svg(path)


def test_shapes_are_read_in_their_order_with_transforms(tmp_path):
    found = of_svg(
        tmp_path,
        '<line x1="0" y1="0" x2="1" y2="0"/><g transform="translate(10,0) scale(2)">'
        '<path d="M0 0 L1 1 M2 2 h1 v1"/></g><rect width="3" height="2"/>'
        '<defs><line x1="0" y1="0" x2="9" y2="9"/></defs>',
    )
    expected = [
        [(0, 0), (1, 0)],
        [(10, 0), (12, 2)],
        [(14, 4), (16, 4), (16, 6)],
        [(0, 0), (3, 0), (3, 2), (0, 2), (0, 0)],
    ]
    equal(found, [np.array(stroke, "float64") for stroke in expected])


def test_curves_become_lines_and_what_is_left_out_is_said(tmp_path):
    with pytest.warns(UserWarning, match="curves|left out") as said:
        (circle,) = of_svg(tmp_path, '<circle cx="5" cy="5" r="2"/><text>word</text>')
    np.testing.assert_allclose(np.hypot(*(circle - 5).T), 2, atol=1e-6)
    words = " ".join(str(one.message) for one in said)
    assert "became 16 lines" in words
    assert "left out text" in words


def test_a_file_without_namespace_is_read(tmp_path):
    assert len(of_svg(tmp_path, '<line x1="0" y1="0" x2="1" y2="0"/>', "<svg>")) == 1


def test_hidden_shapes_are_left_out(tmp_path):
    line = '<line x1="0" y1="0" x2="1" y2="0"/>'
    hidden = f'<g display="none">{line}</g><g style="fill: red; display: none">{line}</g>'
    assert len(of_svg(tmp_path, hidden + line)) == 1


def test_long_numbers_and_polygons_are_read(tmp_path):
    """A search for pairs of numbers by a pattern takes hours for these."""
    digits = "1" * 100_000
    with pytest.raises(ValueError, match="NaN or infinite|no lines|cannot be read"):
        of_svg(tmp_path, f'<polyline points="{digits} 0 {digits}"/>')
    found = of_svg(tmp_path, '<polygon points="0,0 4,0, 4 3 9"/>')
    equal(found, [np.array([(0, 0), (4, 0), (4, 3), (0, 0)], "float64")])


BOMB = '<!DOCTYPE svg [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><svg>'


@pytest.mark.parametrize(
    ("content", "header", "said"),
    [
        ("", "<svg>", "no lines"),
        ("<text>a</text>", "<svg>", "no lines"),
        ('<path d="M0 0 L q"/>', "<svg>", "path of"),
        ('<line x1="0" y1="0" x2="nan" y2="0"/>', "<svg>", "NaN|cannot be read"),
        ("&b;", BOMB, "entities"),
        ("<path/>", '<!DOCTYPE svg [<!ATTLIST path d CDATA "M0 0h1">]><svg>', "attributes"),
        ('<path d="' + "M0 0h1" * 20_000 * 6 + '"/>', "<svg>", "more than"),
        ('<path d="M0 0 L ' + "q" * 9_999 + '"/>', "<svg>", r"path of .{1,250}$"),
        ("<", "<svg>", "no SVG file"),
        ("", "<html></html><svg>", "no SVG file"),
    ],
)
def test_bad_files_are_refused(tmp_path, content, header, said):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=said):
            of_svg(tmp_path, content, header)


def test_nothing_that_a_file_names_is_opened(tmp_path):
    secret = tmp_path / "secret.svg"
    secret.write_text('<svg><line x1="0" y1="0" x2="1" y2="0"/></svg>')
    with pytest.raises(ValueError, match="no lines"), pytest.warns(UserWarning, match="image, use"):
        of_svg(tmp_path, f'<image href="{secret}"/><use href="{secret}#a"/>', "<svg>")


def test_too_large_and_absent_files_are_refused(tmp_path):
    large = tmp_path / "large.svg"
    large.write_bytes(b" " * 500_001)
    with pytest.raises(ValueError, match="500 kB"):
        strokes.read_svg(large)
    with pytest.raises(FileNotFoundError, match="is no file"):
        strokes.read_svg(tmp_path / "absent.svg")


def test_skeletons_follow_lines_as_a_pen_would():
    image = np.zeros((1, 28, 28), "float32")
    image[0, 4:24, 13:16] = 1.0
    image[0, 12:15, 6:22] = 1.0  # a cross
    drawing = strokes.of_images(image)[0]
    assert 2 <= len(drawing) <= 3
    points = np.concatenate(drawing)
    assert (points.min(axis=0) < (8, 6)).all()
    assert (points.max(axis=0) > (19, 21)).all()


def test_rings_are_closed_and_empty_images_give_empty_drawings():
    y, x = np.mgrid[:28, :28]
    ring = (np.abs(np.hypot(x - 14, y - 14) - 8) < 1.5).astype("float32")
    drawing, nothing = strokes.of_images(np.stack([ring, 0 * ring]))
    (line,) = drawing
    assert np.hypot(*(line[0] - line[-1])) < 1.5
    assert nothing == []
    np.testing.assert_allclose(np.hypot(*(line - 14).T), 8, atol=1.2)


def test_images_of_drawings_show_their_lines():
    image = strokes.to_image([np.array([(0.0, 0.0), (4.0, 4.0)])], 32)
    assert (image.shape, image.dtype) == ((32, 32), np.uint8)
    assert image[16, 16] < 50
    assert image[5, 26] == 255


@pytest.mark.parametrize(
    ("drawing", "error", "said"),
    [
        ([], ValueError, "no points"),
        ([np.zeros((0, 2))], ValueError, "no points"),
        ([[(0, np.nan)]], ValueError, "NaN"),
        ([[(0, 1, 2)]], ValueError, r"\(1, 3\)"),
        (np.zeros((3, 2)), TypeError, "list of strokes"),
    ],
)
def test_bad_drawings_are_refused(drawing, error, said):
    for function in (strokes.to_stroke3, strokes.to_svg, strokes.fitted, strokes.to_image):
        with pytest.raises(error, match=said):
            function(drawing)


def test_drawings_beyond_the_limit_are_refused():
    with pytest.raises(ValueError, match="drawing 1 has 5 rows and an end, and length is 5"):
        strokes.to_stroke5([DRAWING[:1], DRAWING], length=5)
    with pytest.raises(ValueError, match="no drawings"):
        strokes.to_stroke5([])
    with pytest.raises(ValueError, match="All points"):
        strokes.fitted([[(1, 1), (1, 1)]])
