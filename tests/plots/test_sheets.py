"""Pictures show what they say: the right images in the right places."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from support import each_class
from support.pictures import cell, labels_of, sheet
from support.presets import loaded, one_of_each

import zoo
from zoo import data, plots
from zoo.plots.picture import Picture
from zoo.plots.sheets import name_rows, show, trimmed

OFTEN = ("ae_mnist", "aae_mnist", "cvae_fashion_mnist")

# Sheets of images


def test_tile_lays_images_out_row_by_row():
    images = np.arange(1, 6, dtype="float32").reshape(5, 1, 1, 1) * np.ones((1, 2, 3, 1))
    expected = np.zeros((5, 7))
    expected[:2, :3], expected[:2, 4:], expected[3:, :3], expected[3:, 4:] = 1, 2, 3, 4
    np.testing.assert_array_equal(plots.tile(images[:4], 2)[..., 0], expected)
    assert plots.tile(images, 2).shape == (8, 7, 1)
    assert plots.tile(images, 5, gap=0).shape == (2, 15, 1)


@pytest.mark.parametrize("size", [(8, 8), (8, 16), (16, 8)])
def test_a_sheet_is_as_wide_and_as_high_as_its_images(size):
    rows = {name: np.ones((20, *size, 1)) for name in "abcde"}
    figure = plots.rows_of_images(rows, "Rows")
    figure.draw_without_rendering()
    (image,) = figure.axes[0].get_images()
    box, around = image.get_window_extent(), figure.bbox
    assert box.width > 0.9 * around.width
    assert box.height > 0.8 * around.height


@pytest.mark.parametrize("names", ["abc", ("a", "b", "a name that is longer than three images")])
@pytest.mark.parametrize("title", ["Rows", "A title that is much longer than the rows below it"])
def test_images_keep_their_size_beside_names_and_nothing_is_empty(names, title):
    figure = plots.rows_of_images({name: np.ones((3, 8, 8, 1)) for name in names}, title)
    figure.draw_without_rendering()
    box = figure.axes[0].get_window_extent()
    assert box.height == pytest.approx(3 * 70, rel=0.1)
    assert figure.bbox.height - box.height < 60
    around = figure.axes[0].get_tightbbox()
    assert around.x0 >= 0
    assert around.x1 <= figure.bbox.width
    assert figure.bbox.width - around.width < 120


def test_gaps_between_images_are_as_wide_as_asked():
    row = np.full((2, 4, 4, 1), 0.5)
    figure = plots.rows_of_images({"a": row, "b": row}, "Rows", gap=3)
    shown = sheet(figure)
    assert shown.shape == (4 + 3 + 4, 4 + 3 + 4)
    assert (shown[4:7] == 0).all()  # white in ink on paper
    figure.draw_without_rendering()
    np.testing.assert_array_equal(figure.axes[0].get_yticks(), [2, 9])  # the middles of the rows


def test_few_filters_fill_the_picture():
    model = zoo.Autoencoder((8, 8, 1), 3, hidden_units=())
    assert sheet(plots.filters(model)).shape == (8, 3 * 9 - 1)


def test_gaps_are_white_in_ink_and_in_color():
    assert plots.tile(np.ones((2, 2, 2, 1)), 2)[0, 2, 0] == 0
    np.testing.assert_array_equal(plots.tile(np.zeros((2, 2, 2, 3)), 2)[0, 2], [1, 1, 1])


def test_reconstructions_stand_below_their_originals(vae, cvae, few_digits):
    x, y = few_digits
    for model, labels in ((vae, None), (cvae, y)):
        figure = plots.reconstructions(model, x, labels, n=7)
        assert sheet(figure).shape == (2 * 9 - 1, 7 * 9 - 1)
        expected = model.reconstruct(x[:7], None if labels is None else labels[:7])
        for i in (0, 6):
            np.testing.assert_allclose(cell(figure, 0, i), x[i, ..., 0])
            np.testing.assert_allclose(cell(figure, 1, i), expected[i, ..., 0], atol=1e-6)
        assert "originals above" in figure.axes[0].get_title()


def test_samples_are_what_generate_gives(vae):
    figure = plots.samples(vae, rows=2, columns=3, seed=4, cmap="gray_r")
    expected = vae.generate(6, seed=4)
    assert sheet(figure).shape == (17, 26)
    np.testing.assert_allclose(cell(figure, 1, 2), expected[5, ..., 0], atol=1e-6)
    assert np.array_equal(
        sheet(figure), sheet(plots.samples(vae, rows=2, columns=3, seed=4, cmap="gray_r"))
    )
    assert not np.array_equal(sheet(figure), sheet(plots.samples(vae, rows=2, columns=3, seed=5)))


def test_samples_of_a_conditional_model_have_one_class_a_column(cvae):
    figure = plots.samples(cvae, rows=2, columns=12)
    expected = cvae.generate(24, [*range(10), 0, 1] * 2, seed=0)
    np.testing.assert_allclose(cell(figure, 1, 11), expected[23, ..., 0], atol=1e-6)
    chosen = plots.samples(cvae, rows=1, columns=2, labels=[7, 7])
    np.testing.assert_allclose(
        cell(chosen, 0, 1), cvae.generate(2, [7, 7], seed=0)[1, ..., 0], atol=1e-6
    )


def test_a_row_of_the_style_grid_shares_a_code(cvae):
    figure = plots.style_grid(cvae, styles=3, seed=2)
    assert sheet(figure).shape == (3 * 9 - 1, 10 * 9 - 1)
    z = cvae.prior.sample(3, seed=2)
    for row in range(3):
        expected = cvae.decode(np.repeat(z[row : row + 1], 10, axis=0), np.arange(10))
        for column in range(10):
            np.testing.assert_allclose(
                cell(figure, row, column), expected[column, ..., 0], atol=1e-6
            )
    axes = figure.axes[0]
    assert labels_of(axes.get_xticklabels()) == [str(i) for i in range(10)]
    np.testing.assert_allclose(axes.get_xticks(), 4 + 9 * np.arange(10), atol=1)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_names_of_classes_are_a_list_a_tuple_or_an_array(kind, cvae, few_digits):
    names = kind([f"class {i}" for i in range(10)])
    styles = plots.style_grid(cvae, styles=1, class_names=names)
    assert labels_of(styles.axes[0].get_xticklabels()) == list(names)
    codes = plots.codes(cvae, *few_digits, class_names=names)
    shown = [text.get_text() for text in codes.axes[0].get_legend().get_texts()]
    assert shown == list(names)


def test_class_names_stand_below_their_columns(cvae):
    names = list(data.SOURCES["fashion_mnist"].classes)
    figure = plots.style_grid(cvae, styles=1, class_names=names)
    assert labels_of(figure.axes[0].get_xticklabels()) == names


def test_names_of_classes_may_have_dollars(cvae, few_digits):
    names = [r"$\nothing$", "$$", *"abcdefgh"]
    x, y = few_digits
    for figure in (
        plots.style_grid(cvae, styles=2, class_names=names),
        plots.codes(cvae, x, y, class_names=names),
    ):
        figure.canvas.draw()  # raised an error for what is no mathematics


def test_analogies_show_the_image_and_its_code_with_every_label(cvae, few_digits):
    x, y = few_digits
    figure = plots.analogies(cvae, x, y, n=4)
    assert sheet(figure).shape == (4 * 9 - 1, 12 * 9 - 1)
    z = cvae.encode(x[:4], y[:4])
    for row in (0, 3):
        np.testing.assert_allclose(cell(figure, row, 0), x[row, ..., 0])
        assert not cell(figure, row, 1).any()
        expected = cvae.decode(np.repeat(z[row : row + 1], 10, axis=0), np.arange(10))
        np.testing.assert_allclose(cell(figure, row, 2), expected[0, ..., 0], atol=1e-5)
        np.testing.assert_allclose(cell(figure, row, 11), expected[9, ..., 0], atol=1e-5)
    assert figure.axes[0].get_xticks()[0] == pytest.approx(2 * 9 + 4, abs=1)


def test_a_row_of_a_traversal_moves_one_dimension(vae, cvae):
    start = [0.3, -0.4]
    figure = plots.traversal(vae, steps=5, start=start)
    assert sheet(figure).shape == (2 * 9 - 1, 5 * 9 - 1)
    assert labels_of(figure.axes[0].get_yticklabels()) == ["$z_{1}$", "$z_{2}$"]
    for row, column, code in ((0, 0, [-2, -0.4]), (0, 4, [2, -0.4]), (1, 3, [0.3, 1])):
        expected = vae.decode(np.float32([code]))[0, ..., 0]
        np.testing.assert_allclose(cell(figure, row, column), expected, atol=1e-6)
    labeled = plots.traversal(cvae, label=4, steps=3)
    expected = cvae.decode(np.zeros((1, 3), "float32"), [4])[0, ..., 0]
    np.testing.assert_allclose(cell(labeled, 2, 1), expected, atol=1e-6)


# Models and their kernels


def test_restorations_show_original_corrupted_and_restored_images(plain, few_digits):
    x = few_digits[0][:4]
    noise = zoo.GaussianNoise(0.2)
    figure = plots.restorations(plain, x, noise, seed=3)
    corrupted = np.clip(noise.sample(x, seed=3), 0, 1)
    np.testing.assert_allclose(cell(figure, 0, 2), x[2, ..., 0])
    np.testing.assert_allclose(cell(figure, 1, 2), corrupted[2, ..., 0])
    np.testing.assert_allclose(
        cell(figure, 2, 2), plain.reconstruct(corrupted)[2, ..., 0], atol=1e-6
    )


def test_masked_pixels_can_be_told_from_dark_ones(plain, few_digits):
    x = few_digits[0][:4]
    figure = plots.restorations(plain, x, zoo.Masking(0.5), seed=3)
    corrupted = zoo.Masking(0.5).sample(x, seed=3)[2, ..., 0]
    np.testing.assert_allclose(cell(figure, 1, 2), corrupted)
    _, overlay = figure.axes[0].get_images()
    shown = np.asarray(overlay.get_array())[9:17, 18:26]  # the third of the second row
    np.testing.assert_allclose(shown[..., :3], np.broadcast_to([1.0, 0.8, 0.5], (8, 8, 3)))
    masked = shown[..., 3] == 1
    assert (corrupted[masked] == 0).all()
    np.testing.assert_allclose(corrupted[~masked], x[2, ..., 0][~masked])
    assert 0.3 < masked.mean() < 0.7


def test_filters_leave_out_pixels_that_never_change():
    model = zoo.ContractiveAutoencoder((8, 8, 1), 6)
    x = np.random.default_rng(0).random((20, 8, 8, 1), "float32")
    x[:, 0] = 0.5
    shown = cell(plots.filters(model, x, rows=2, columns=3), 1, 0)
    assert (shown[0] == 0.5).all()
    assert (shown[1:] != 0.5).all()


def test_filters_are_the_kernel_of_the_first_layer_each_to_its_own_scale():
    model = zoo.ContractiveAutoencoder((8, 8, 1), 6)
    kernel = model.encoder.get_layer("z").kernel.numpy()
    shown = cell(plots.filters(model, rows=2, columns=3), 1, 0)
    expected = 0.5 + 0.5 * kernel[:, 3] / np.abs(kernel[:, 3]).max()
    np.testing.assert_allclose(shown.ravel(), expected, atol=1e-6)
    with pytest.raises(ValueError, match="dense first layer"):
        plots.filters(zoo.Autoencoder((8, 8, 1), 2, filters=(4,)))


def test_the_energy_is_least_on_the_ellipse():
    figure = plots.energy_surface(2.0, 1.0)
    hard, soft = (axes for axes in figure.axes if axes.get_title())
    assert "min over z" in hard.get_title()
    assert "beta = 5" in soft.get_title()
    for axes in (hard, soft):
        y1, y2 = axes.lines[0].get_xydata().T
        np.testing.assert_allclose((y1 / 2) ** 2 + y2**2, 1, rtol=1e-6)
    # The lowest point of the hard surface is the ellipse, its highest a corner of the square.
    angles = np.linspace(0, 2 * np.pi, 100_000)
    corner = np.min((3 - 2 * np.cos(angles)) ** 2 + (3 - np.sin(angles)) ** 2)
    surface = hard.collections[0]
    np.testing.assert_allclose(surface.zmin, 0, atol=1e-3)
    np.testing.assert_allclose(surface.zmax, corner, rtol=1e-3)
    assert soft.collections[0].zmin > 0.1


def test_filters_of_several_models_have_a_panel_each():
    models = {str(i): zoo.ContractiveAutoencoder((8, 8, 1), 9, seed=i) for i in range(2)}
    figure = plots.filters_of_several(models, side=3)
    assert [axes.get_title() for axes in figure.axes] == ["0", "1"]
    for panel, model in enumerate(models.values()):
        alone = sheet(plots.filters(model, rows=3, columns=3))
        np.testing.assert_array_equal(sheet(figure, panel), alone)


def test_reconstructions_of_several_models_are_rows_under_the_originals(vae, cvae, few_digits):
    x, y = few_digits
    figure = plots.reconstructions_of_several({"first": vae, "second": cvae}, x, y, n=5)
    assert labels_of(figure.axes[0].get_yticklabels()) == ["original", "first", "second"]
    for row, images in enumerate((x, vae.reconstruct(x[:5]), cvae.reconstruct(x[:5], y[:5]))):
        np.testing.assert_allclose(cell(figure, row, 4), images[4, ..., 0], atol=1e-6)


def test_interpolations_go_over_pixels_and_over_codes(vae, cvae, few_digits):
    x, y = few_digits
    figure = plots.interpolations(vae, x, pairs=2, steps=3)
    z = vae.encode(x[:4])
    np.testing.assert_allclose(cell(figure, 2, 0), x[2, ..., 0])
    np.testing.assert_allclose(cell(figure, 2, 2), x[3, ..., 0])
    np.testing.assert_allclose(cell(figure, 2, 1), (x[2] + x[3])[..., 0] / 2, atol=1e-6)
    middle = vae.decode((z[2:3] + z[3:]) / 2)[0, ..., 0]
    np.testing.assert_allclose(cell(figure, 3, 1), middle, atol=1e-6)
    labeled = plots.interpolations(cvae, x, y, pairs=1, steps=2)
    first = cvae.reconstruct(x[:1], y[:1])[0, ..., 0]
    np.testing.assert_allclose(cell(labeled, 1, 0), first, atol=1e-6)
    last = cvae.decode(cvae.encode(x[1:2], y[1:2]), y[:1])[0, ..., 0]
    np.testing.assert_allclose(cell(labeled, 1, 1), last, atol=1e-6)


def test_a_traversal_is_sorted_by_kl_divergence(few_digits):
    x, _ = few_digits
    model = zoo.VAE((8, 8, 1), 3, hidden_units=(4,))
    for name, bias in (("z_mean", [1.0, 3.0, 2.0]), ("z_log_var", [0.0, 0.0, 0.0])):
        layer = model.encoder.get_layer(name)
        kernel, _ = layer.get_weights()
        layer.set_weights([0.1 * kernel, np.array(bias, "float32")])
    figure = plots.traversal(model, x=x, steps=3)
    names = labels_of(figure.axes[0].get_yticklabels())
    assert [name.split("  ")[0] for name in names] == ["$z_{2}$", "$z_{3}$", "$z_{1}$"]
    moved = model.encode(x[:1])  # the first image is varied
    moved[0, 1] = -2
    moved = model.decode(moved)[0, ..., 0]
    np.testing.assert_allclose(cell(figure, 0, 0), moved, atol=1e-6)
    mean, log_var = model.posterior_moments(x)
    kl = 0.5 * (mean**2 + np.exp(log_var) - log_var - 1).mean(axis=0)
    assert names[0].endswith(f"{kl[1]:.2f} nats")
    assert figure.axes[0].get_title().endswith("to 2")
    few = plots.traversal(model, x=x, steps=3, rows=2)
    assert few.axes[0].get_title().endswith("to 2; 2 of 3")
    assert labels_of(few.axes[0].get_yticklabels()) == names[:2]
    assert sheet(few).shape[0] < sheet(figure).shape[0]


def test_the_preview_fits_the_model(vae, cvae, plain, few_digits):
    wide = zoo.VAE((8, 8, 1), 3, hidden_units=(4,))
    titles = {
        "one style per row": plots.preview(cvae, *few_digits),
        "what quantiles of the prior decode to": plots.preview(vae, *few_digits),
        "originals above": plots.preview(plain, *few_digits),
        "decoded samples": plots.preview(wide, *few_digits),
        "dimension": plots.preview(zoo.VAE((8, 8, 1), 3, hidden_units=(4,), beta=4.0), *few_digits),
    }
    in_color = zoo.VAE((8, 8, 3), 3, hidden_units=(4,), likelihood="gaussian")
    titles["codes of 3 numbers"] = plots.preview(in_color, np.repeat(few_digits[0][:6], 3, axis=-1))
    gan = zoo.EBGAN((8, 8, 1), 2, hidden_units=(4,))
    titles["generated images"] = plots.preview(gan, *few_digits)
    for title, figure in titles.items():
        assert title in figure.axes[0].get_title()


@pytest.mark.parametrize("name", one_of_each("family", all_of="class", often=OFTEN))
def test_every_preset_has_pictures(name):
    model = loaded(name)
    x = np.random.default_rng(0).random((4, *model.image_shape), np.float32)
    x = each_class.data_like(model, x)
    y = np.arange(4)
    labels = y if model.conditional else None
    figures = [plots.preview(model, x, x if model.label_shape else y)]
    if model.latent_dim and model.label_shape:
        figures += [plots.reconstructions(model, x)]  # its labels are no classes
        assert all(isinstance(figure, Figure) for figure in figures)
        return
    if model.latent_dim:
        figures += [plots.traversal(model, steps=2)]
    else:
        with pytest.raises(ValueError, match="has no codes"):
            plots.traversal(model)
    if hasattr(model, "encode"):
        figures += [plots.reconstructions(model, x, labels), plots.codes(model, x, y)]
    assert all(isinstance(figure, Figure) for figure in figures)


def test_color_images_are_shown_in_color(tmp_path):
    model = zoo.VAE((8, 8, 3), 2, hidden_units=(4,))
    assert sheet(plots.samples(model, rows=2, columns=2)).shape == (17, 17, 3)
    figure = plots.manifold(model, side=2)
    assert sheet(figure).shape == (16, 16, 3)
    figure.savefig(tmp_path / "manifold.png")


def test_the_title_of_a_single_image_fits():
    model = zoo.VAE((8, 8, 1), 2, hidden_units=(4,))
    figure = plots.samples(model, rows=1, columns=1)
    figure.canvas.draw()
    title = figure.axes[0].title.get_window_extent()
    assert title.x0 >= 0
    assert title.x1 <= figure.bbox.x1


def test_a_small_file_keeps_the_colors_of_classes(tmp_path):
    codes = np.random.default_rng(0).normal(size=(500, 2))
    figure = plots.scatters({"codes": codes}, np.arange(500) % 10)
    plots.save_small(figure, tmp_path / "small.png")
    figure.savefig(tmp_path / "full.png", dpi=figure.dpi)
    small, full = (Image.open(tmp_path / name).convert("RGB") for name in ("small.png", "full.png"))
    small, full = (np.asarray(image).astype(int) for image in (small, trimmed(full)))
    assert np.abs(small - full).max() < 25
    assert (tmp_path / "small.png").stat().st_size < 0.7 * (tmp_path / "full.png").stat().st_size


def test_the_title_of_codes_says_what_was_encoded():
    rows = zoo.VAE((5,), 2, hidden_units=(4,), likelihood="gaussian")
    figure = plots.codes(rows, np.random.default_rng(0).normal(size=(20, 5)).astype("float32"))
    assert figure.axes[0].get_title() == "codes of real rows"


@pytest.mark.parametrize("nested", [False, True])
def test_names_of_rows_fit_into_a_panel_and_into_one_of_a_subfigure(nested):
    figure = Picture(figsize=(3, 3), dpi=100, layout="constrained")
    axes = (figure.subfigures(1, 1) if nested else figure).add_subplot()
    show(axes, np.zeros((4, 8, 8, 1), "float32"), 2)
    name_rows(axes, ["a name that is long", "another one, longer still"], 8)
    for _ in range(2):  # as `savefig` does
        figure.draw_without_rendering()
    assert figure.get_figwidth() > 3
    for label in axes.get_yticklabels():
        assert label.get_window_extent().x0 > -2  # pixels
