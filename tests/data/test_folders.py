"""Images in a folder: every mode and size, broken files, classes, and the cache."""

import os
import shutil
import sys
import threading
import time
import warnings

import numpy as np
import pytest
from PIL import Image
from support.picture_bombs import black_png

import zoo
from zoo.data import decoding
from zoo.data.own import read

own_bytes = pytest.mark.skipif(sys.platform != "linux", reason="names of files are text there")


def pattern(height, width):
    """Left half black, right half white; the top quarter red in color."""
    image = np.zeros((height, width, 3), "uint8")
    image[:, width // 2 :] = 255
    image[: height // 4] = (255, 0, 0)
    return image


@pytest.fixture
def folder(tmp_path):
    """Ten gray levels, five a class, of different sizes and formats."""
    for i, level in enumerate(range(0, 250, 25)):
        path = tmp_path / "photos" / ("dark" if i < 5 else "light") / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (20 + i, 30), level).save(path)
    return tmp_path / "photos"


def test_images_of_a_folder_are_pixels_in_the_unit_range(folder):
    (x, y), (x_val, y_val) = zoo.data.from_folder(folder, (8, 12), validation=0.2)
    assert (x.shape, x_val.shape, y, y_val) == ((8, 8, 12, 3), (2, 8, 12, 3), None, None)
    x = np.concatenate([x, x_val])
    assert x.dtype == np.float32
    levels = sorted(x[:, 4, 6, 1])
    np.testing.assert_allclose(levels, np.arange(0, 250, 25) / 255, atol=1e-6)
    assert all(image.min() == image.max() for image in x)


def test_labels_are_those_of_the_subfolders(folder):
    data = zoo.data.from_folder(folder, 8, channels=1, labels="from_subfolders", validation=0.5)
    assert data.class_names == ("dark", "light")
    for x, y in data:
        assert y.dtype == np.int32
        np.testing.assert_array_equal(np.asarray(x)[:, 0, 0, 0] >= 0.49, y == 1)
    assert data.files[0] == "dark/0.png"
    np.testing.assert_array_equal(data.labels, [0] * 5 + [1] * 5)


def test_the_seed_draws_the_validation_images(folder):
    def validation(seed, share=0.3):
        return np.asarray(zoo.data.from_folder(folder, 8, seed=seed, validation=share)[1][0])

    np.testing.assert_array_equal(validation(1), validation(1))
    assert not np.array_equal(validation(1), validation(2))
    assert len(validation(0, 0)) == 0
    assert len(validation(0, 0.01)) == 1
    assert len(validation(0, 0.999)) == 9


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_formats_are_read_alike(tmp_path, ending):
    Image.fromarray(pattern(64, 64)).save(tmp_path / f"a.{ending}", quality=95)
    found = decoding.pixels(tmp_path / f"a.{ending}", (64, 64), 3).astype(int)
    inside = np.ix_(range(24, 60), [*range(4, 28), *range(36, 60)])
    assert np.abs(found - pattern(64, 64))[inside].max() < 25


@pytest.mark.parametrize(
    ("make", "color"),
    [
        (lambda: Image.new("RGBA", (9, 9), (255, 0, 0, 0)), (255, 255, 255)),
        (lambda: Image.new("RGBA", (9, 9), (255, 0, 0, 255)), (255, 0, 0)),
        (lambda: Image.new("LA", (9, 9), (0, 0)), (255, 255, 255)),
        (lambda: Image.new("P", (9, 9), 1), (7, 8, 9)),
        (lambda: Image.new("1", (9, 9), 1), (255, 255, 255)),
        (lambda: Image.new("L", (9, 9), 77), (77, 77, 77)),
        (lambda: Image.fromarray(np.full((9, 9), 257 * 200, "uint16")), (200, 200, 200)),
    ],
    ids=["transparent", "opaque", "gray and alpha", "palette", "bits", "gray", "16 bits"],
)
def test_modes_are_converted(tmp_path, make, color):
    image = make()
    if image.mode == "P":
        image.putpalette([0, 0, 0, 7, 8, 9])
    image.save(tmp_path / "a.png")
    found = decoding.pixels(tmp_path / "a.png", (8, 8), 3)
    np.testing.assert_array_equal(found, np.broadcast_to(color, (8, 8, 3)))


def test_a_transparent_color_of_a_palette_is_white(tmp_path):
    image = Image.new("P", (9, 9), 1)
    image.putpalette([0, 0, 0, 7, 8, 9])
    image.save(tmp_path / "a.png", transparency=1)
    assert (decoding.pixels(tmp_path / "a.png", (8, 8), 1) == 255).all()


def test_a_cmyk_jpeg_is_read(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    red, green, blue = decoding.pixels(tmp_path / "a.jpg", (8, 8), 3)[4, 4].astype(int)
    assert red > 200
    assert max(green, blue) < 60


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_images_are_turned_as_exif_says(tmp_path, ending):
    upright = Image.fromarray(pattern(32, 32))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored a quarter turn to the left of what is to be seen
    upright.rotate(90).save(tmp_path / f"a.{ending}", exif=exif, quality=95)
    found = decoding.pixels(tmp_path / f"a.{ending}", (32, 32), 3).astype(int)
    assert np.abs(found - pattern(32, 32)).mean() < 8


def test_resizing_averages_what_lies_between(tmp_path):
    board = (np.indices((128, 128)).sum(axis=0) % 2 * 255).astype("uint8")
    Image.fromarray(board).save(tmp_path / "a.png")
    inside = decoding.pixels(tmp_path / "a.png", (16, 16), 1)[2:-2, 2:-2]
    assert np.abs(inside.astype(int) - 127.5).max() < 3


@pytest.mark.parametrize(("height", "width"), [(20, 60), (60, 20)])
def test_what_does_not_fit_is_cropped_on_both_sides(tmp_path, height, width):
    image = np.zeros((height, width), "uint8")
    image[height // 2 - 10 : height // 2 + 10, width // 2 - 10 : width // 2 + 10] = 200
    Image.fromarray(image).save(tmp_path / "a.png")
    assert (decoding.pixels(tmp_path / "a.png", (20, 20), 1) == 200).all()


def test_broken_files_are_named_and_left_out(folder):
    whole = folder / "dark" / "whole.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), "uint8")
    Image.fromarray(noise).save(whole)
    (folder / "dark" / "cut.jpg").write_bytes(whole.read_bytes()[:2000])
    (folder / "dark" / "text.png").write_text("no picture")
    (folder / "dark" / "empty.webp").write_bytes(b"")
    (folder / "dark" / ".hidden.png").write_text("not looked at")
    with pytest.warns(UserWarning, match="3 of 14 images .*/cut.jpg .*text.png \\(not a PNG"):
        data = zoo.data.from_folder(folder, 8, labels="from_subfolders", validation=0)
    assert sorted(data.broken) == ["dark/cut.jpg", "dark/empty.webp", "dark/text.png"]
    assert len(data.images) == len(data.files) == len(data.labels) == 11
    expected = decoding.pixels(folder / "light" / "7.png", (8, 8), 3) / np.float32(255)
    np.testing.assert_array_equal(data.images[data.files.index("light/7.png")], expected)


def test_what_is_cached_is_read_again_until_the_folder_changes(folder, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    (folder / "broken.png").write_text("no picture")
    with pytest.warns(UserWarning, match="1 of 11"):
        first = zoo.data.from_folder(folder, 8, cache=cache)
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "pixels", lambda *args: pytest.fail("decoded again"))
        with pytest.warns(UserWarning, match="1 of 11"):
            second = zoo.data.from_folder(folder, 8, cache=cache)
    np.testing.assert_array_equal(second[0][0], first[0][0])
    with pytest.warns(UserWarning, match="1 of 11"):
        assert zoo.data.from_folder(folder, 9, cache=cache)[0][0].shape[1:] == (9, 9, 3)
    os.remove(folder / "broken.png")
    Image.new("L", (9, 9), 255).save(folder / "dark" / "0.png")
    changed = zoo.data.from_folder(folder, 8, cache=cache)
    assert changed.images[0].min() == 1.0
    np.testing.assert_array_equal(second.images[0], first.images[0])  # still there


def test_a_cache_is_written_whole_or_not_at_all(folder, tmp_path, monkeypatch):
    def fails(*args):
        raise MemoryError

    monkeypatch.setattr(decoding, "pixels", fails)
    with pytest.raises(MemoryError):
        zoo.data.from_folder(folder, 8, cache=tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == []


def test_a_temporary_cache_goes_with_the_last_view(folder):
    data = zoo.data.from_folder(folder, 8)
    x = data[0][0][2:4]
    place = x.path.parent.parent
    del data
    assert x[0].shape == (8, 8, 3)
    del x
    assert not place.exists()


def test_a_cache_that_was_cut_is_refused(folder, tmp_path):
    zoo.data.from_folder(folder, 8, cache=tmp_path / "cache")
    (place,) = (tmp_path / "cache").iterdir()
    (place / "files.json").write_text('{"files": ["a.png"], "broken": {}}')
    with pytest.raises(ValueError, match="was changed; delete it"):
        zoo.data.from_folder(folder, 8, cache=tmp_path / "cache")


def test_a_model_trains_on_a_folder(folder):
    data = zoo.data.from_folder(folder, 8, channels=1, labels="from_subfolders", validation=0.2)
    model = zoo.CVAE((8, 8, 1), 2, hidden_units=(8,), num_classes=2)
    model.compile("adam")
    (x, y), validation = data
    history = model.fit(x, y, validation_data=validation, epochs=1, verbose=0).history
    assert np.isfinite(history["val_loss"]).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 7}, "at least 8 pixels"),
        ({"size": (8, 8, 3)}, "height, width"),
        ({"channels": 4}, "channels is 4"),
        ({"labels": "yes"}, "from_subfolders"),
        ({"validation": 1.0}, "from 0 to below 1"),
        ({"validation": -0.1}, "from 0 to below 1"),
    ],
)
def test_settings_out_of_their_range_are_refused(folder, settings, message):
    with pytest.raises(ValueError, match=message):
        zoo.data.from_folder(folder, **{"size": 8, **settings})


def test_folders_without_what_is_needed_are_refused(folder, tmp_path):
    with pytest.raises(NotADirectoryError, match="nowhere does not exist"):
        zoo.data.from_folder(tmp_path / "nowhere")
    (tmp_path / "texts").mkdir()
    with pytest.raises(ValueError, match="holds no images"):
        zoo.data.from_folder(tmp_path / "texts")
    (tmp_path / "texts" / "a.tiff").write_text("no picture")
    with pytest.raises(ValueError, match="but files such as .tiff"):
        zoo.data.from_folder(tmp_path / "texts")
    (tmp_path / "texts" / "a.png").write_text("no picture")
    with pytest.raises(ValueError, match="No image is left"):
        zoo.data.from_folder(tmp_path / "texts")
    with pytest.raises(ValueError, match="lie in .* itself and have no class, such as 0.png"):
        zoo.data.from_folder(folder / "dark", labels="from_subfolders")
    shutil.rmtree(folder / "light")
    with pytest.raises(ValueError, match="one class folder with images, dark"):
        zoo.data.from_folder(folder, labels="from_subfolders")


def test_a_folder_in_order_gives_no_warning(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        zoo.data.from_folder(folder, 8)


# Limits


@pytest.mark.parametrize("kind", [(8, 0), (8, 2), (8, 6), (16, 0)])
def test_images_with_too_many_pixels_are_left_out_by_their_header(folder, kind, monkeypatch):
    black_png(folder / "bomb.png", 5100, 5000, *kind)
    real, seen = decoding._fitted, []
    monkeypatch.setattr(decoding, "_fitted", lambda *args: seen.append(args) or real(*args))
    said = r"bomb.png \(5100 x 5000 pixels; max_pixels, or ZOO_MAX_PIXELS, is 25,000,000\)"
    with pytest.warns(UserWarning, match=said):
        data = zoo.data.from_folder(folder, 8)
    assert (list(data.broken), len(data.images), len(seen)) == (["bomb.png"], 10, 10)


def test_the_limit_of_pixels_is_an_argument_or_a_variable(folder, monkeypatch):
    black_png(folder / "wide.png", 60, 50)
    with pytest.warns(UserWarning, match="60 x 50 pixels"):
        zoo.data.from_folder(folder, 8, max_pixels=2999)
    assert len(zoo.data.from_folder(folder, 8, max_pixels=3000).images) == 11
    monkeypatch.setenv("ZOO_MAX_PIXELS", "2999")
    with pytest.warns(UserWarning, match="60 x 50 pixels"):
        zoo.data.from_folder(folder, 8)
    monkeypatch.setenv("ZOO_MAX_PIXELS", "25M")
    with pytest.raises(ValueError, match="ZOO_MAX_PIXELS is '25M'"):
        zoo.data.from_folder(folder, 8)
    with pytest.raises(ValueError, match="max_pixels is 0"):
        zoo.data.from_folder(folder, 8, max_pixels=0)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_counts_at_the_size_at_which_it_is_decoded(tmp_path, progressive):
    Image.new("L", (320, 320), 200).save(tmp_path / "a.jpg", progressive=progressive)
    budget = decoding.PixelBudget(40 * 40)
    if progressive:  # held whole, at whatever size it is decoded
        with pytest.raises(ValueError, match="320 x 320 pixels"):
            decoding.pixels(tmp_path / "a.jpg", (8, 8), 1, budget)
        budget = decoding.PixelBudget(320 * 320)
    assert abs(decoding.pixels(tmp_path / "a.jpg", (8, 8), 1, budget).astype(int) - 200).max() < 3


def test_threads_share_the_pixels_that_are_decoded_at_the_same_time():
    budget, held, most, large = decoding.PixelBudget(100), [], [], set()
    lock = threading.Lock()

    def work(count):
        with lock:
            held.append(min(count, 100))
            most.append(sum(held))
            if count > 25:
                large.add(threading.get_ident())
        time.sleep(0.001)
        with lock:
            held.remove(min(count, 100))

    counts = (60, 20, 300, 20, 20, 20, 20, 9) * 5
    threads = [threading.Thread(target=budget.run, args=(n, work, n)) for n in counts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(most), len(large)) == (40, 1)
    assert max(most) <= 100


def test_too_little_memory_is_said_with_the_file(folder, monkeypatch):
    def fails(*args):
        raise MemoryError

    monkeypatch.setattr(decoding, "_fitted", fails)
    with pytest.raises(MemoryError, match=r"0.png, an image of 20 x 30 pixels.*max_pixels=599"):
        zoo.data.from_folder(folder, 8)


@own_bytes
def test_names_that_are_no_utf8_are_taken(folder):
    latin = folder / os.fsdecode(b"h\xf6ll")
    shutil.copytree(folder / "light", latin)
    (latin / os.fsdecode(b"k\xfcrzer.png")).write_text("no picture")
    shutil.copy(folder / "light" / "9.png", folder / "dark" / os.fsdecode(b"M\xfcnchen.png"))
    with pytest.warns(UserWarning, match=r"h\\xf6ll/k\\xfcrzer.png \(not a PNG"):
        data = zoo.data.from_folder(folder, 8, labels="from_subfolders", validation=0)
    assert data.class_names == ("dark", "h\\xf6ll", "light")
    place = data.files.index(os.fsdecode(b"dark/M\xfcnchen.png"))
    assert data.images[place].max() == np.float32(225 / 255)


@pytest.mark.parametrize("ending", ["png", "webp"])
def test_the_first_picture_of_an_animation_is_taken(tmp_path, ending):
    first, *others = (Image.new("RGB", (16, 16), (level,) * 3) for level in (200, 10, 90))
    options = {"lossless": True} if ending == "webp" else {}
    first.save(tmp_path / f"a.{ending}", save_all=True, append_images=others, **options)
    assert (decoding.pixels(tmp_path / f"a.{ending}", (8, 8), 1) == 200).all()


@pytest.mark.parametrize("size", [(0, 8), (8, 0), (0, 0)])
def test_pictures_of_no_size_are_left_out(folder, size):
    black_png(folder / "none.png", *size)
    with pytest.warns(UserWarning, match=r"1 of 11 images .*none.png \([^)]"):
        assert list(zoo.data.from_folder(folder, 8).broken) == ["none.png"]


@own_bytes
def test_a_path_that_no_recipe_could_name_is_refused_before_it_is_read(folder):
    latin = folder.rename(folder.with_name(os.fsdecode(b"h\xf6ll")))
    with pytest.raises(ValueError, match=r"h\\xf6ll is not UTF-8: rename it"):
        read(latin)
