"""A notebook shows what the functions of `zoo.plots` return, once, and nothing else changes."""

import io
import typing

import numpy as np
import pytest
from matplotlib import pyplot
from PIL import Image

from zoo import anomaly, plots
from zoo.plots.picture import Picture

NO_PICTURES = {"moving_codes", "save_small", "style", "tile", "walk"}


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


@pytest.mark.parametrize("name", sorted(set(plots.__all__) - NO_PICTURES))
def test_every_function_says_that_it_returns_a_picture(name):
    assert typing.get_type_hints(getattr(plots, name))["return"] is Picture


@pytest.fixture(params=["lines", "images", "codes", "report"])
def picture(request, vae, few_digits):
    if request.param == "lines":
        return plots.training_curves({"loss": [2.0, 1.0], "val_loss": [3.0, 2.0]})
    if request.param == "images":
        return plots.reconstructions(vae, few_digits[0], n=3)
    if request.param == "codes":
        return plots.codes(vae, few_digits[0], few_digits[1])
    return anomaly.report.histogram(np.arange(20.0), 18.0)


def test_a_picture_shows_in_a_notebook_what_it_saves_in_a_file(picture):
    saved = io.BytesIO()
    picture.savefig(saved, format="png")
    shown = pixels(picture._repr_png_())
    np.testing.assert_array_equal(shown, pixels(saved.getvalue()))
    assert shown.min() < 128  # something is drawn


def test_a_second_display_shows_the_same_once_more(picture):
    assert picture._repr_png_() == picture._repr_png_()
    others = ("html", "svg", "jpeg", "markdown", "latex", "pdf", "mimebundle")
    assert not [kind for kind in others if getattr(picture, f"_repr_{kind}_", lambda: None)()]
    assert not hasattr(picture, "_ipython_display_")


@pytest.mark.slow
def test_a_picture_belongs_to_no_window_that_a_cell_shows_at_its_end():
    plots.energy_surface()._repr_png_()
    assert pyplot.get_fignums() == []


@pytest.mark.slow
def test_the_formatters_of_ipython_show_it_as_one_picture():
    formatters = pytest.importorskip("IPython.core.formatters")
    shown, _ = formatters.DisplayFormatter().format(plots.energy_surface())
    assert sorted(shown) == ["image/png", "text/plain"]


def test_a_small_file_has_narrow_margins(tmp_path):
    figure = Picture(figsize=(4, 3), dpi=50)
    figure.add_axes((0.4, 0.4, 0.2, 0.2)).set(xticks=[], yticks=[])
    plots.save_small(figure, tmp_path / "small.png")
    with Image.open(tmp_path / "small.png") as image:
        width, height = image.size
    assert (width, height) == pytest.approx((40 + 16, 30 + 16), abs=4)
    figure.axes[0].imshow(np.linspace(0, 1, 4096).reshape(64, 64), "gray")
    for grays in (64, 16):
        plots.save_small(figure, tmp_path / "grays.png", grays)
        with Image.open(tmp_path / "grays.png") as image:
            assert len(image.getcolors()) <= grays
            assert len(image.getcolors()) > grays / 2
    plots.save_small(Picture(figsize=(4, 3), dpi=50), tmp_path / "empty.png")
    with Image.open(tmp_path / "empty.png") as image:
        assert image.size == (200, 150)


def test_a_histogram_of_few_scores_counts_them_in_whole_numbers():
    (few,) = anomaly.report.histogram(np.arange(20.0), 18.0).axes
    assert few.get_yscale() == "linear"
    assert all(tick == round(tick) for tick in few.get_yticks())
    (many,) = anomaly.report.histogram(np.repeat(np.arange(20.0), 30), 18.0).axes
    assert many.get_yscale() == "log"
