"""Own images and drawings on the page in headless Chromium are encoded as Keras encodes them."""

import base64
import shutil

import numpy as np
import pytest
from PIL import Image

import export
import zoo
from zoo.data import decoding

pytest.importorskip("selenium")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from support.chromium import MARKS, Page

pytestmark = MARKS
DROP = """
const bytes = Uint8Array.from(atob(arguments[0]), (letter) => letter.charCodeAt(0));
const dataTransfer = new DataTransfer();
dataTransfer.items.add(new File([bytes], "dropped.png"));
document.getElementById("own-drop").dispatchEvent(new DragEvent("drop", { dataTransfer }));
"""


def digit_on_paper(path, size=(90, 120), mode="RGB"):
    """Write a digit of scikit-learn's in dark ink, as a PNG of other sides than the model's."""
    _, (x, _) = zoo.data.load("digits")
    ink = Image.fromarray(np.uint8(255 * (1 - x[3, ..., 0])))
    ink.resize(size, Image.Resampling.BICUBIC).convert(mode).save(path)
    return path


def test_an_own_image_is_encoded_as_by_keras(browser, site, tmp_path):
    page, model = Page(browser, site, "vae_digits"), zoo.load("vae_digits")
    path = digit_on_paper(tmp_path / "digit.png")
    said = page.own(path)
    assert "90 x 120 pixels became 8 x 8, gray, cropped at the center" in said
    assert "Inverted, as the examples have a dark background" in said
    picture = decoding.pixels(path, (8, 8), 1) / 255
    page.encodes(model, 1 - picture)
    assert page.find("#original-name").text == "your image"
    page.find("#own-invert").click()
    page.wait()
    page.encodes(model, picture)
    page.all("#sliders input")[0].send_keys(Keys.ARROW_LEFT)
    assert not page.find("#original").is_displayed()


def test_an_own_image_in_color_is_dropped(browser, site, tmp_path):
    root, _ = site
    model = zoo.VAE((8, 12, 3), 2, hidden_units=(16,))
    export.export_model(model, root / "color", formats=("onnx",), layout="channels_first")
    export.write_page(root / "color", root / "color" / "web")
    page = Page(browser, site, "color")
    assert not page.find("#own-drawing").is_displayed()
    assert not page.find("#original").is_displayed()
    values = np.random.default_rng(0).integers(0, 256, (70, 50, 4), "uint8")
    Image.fromarray(values).resize((31, 47)).save(tmp_path / "color.png")  # partly transparent
    content = base64.b64encode((tmp_path / "color.png").read_bytes()).decode()
    browser.execute_script(DROP, content)
    page.wait()
    wanted = decoding.pixels(tmp_path / "color.png", (8, 12), 3) / 255
    picture = page.pixels("#original-picture")[..., :3] / 255
    assert np.abs(picture - wanted).max() <= 3 / 255  # browsers round transparent colors
    page.encodes(model, picture)


def test_an_own_image_has_the_class_that_is_chosen(browser, site, tmp_path):
    page, model = Page(browser, site, "cvae_mnist", "#label=5"), zoo.load("cvae_mnist")
    page.own(digit_on_paper(tmp_path / "digit.png", (200, 200), "L"))
    picture = page.pixels("#original-picture")[..., :1] / 255
    page.encodes(model, picture)
    first, label = page.state()
    assert label == 5
    page.find("#own-class").send_keys("3")
    page.wait()
    page.encodes(model, picture)
    code, label = page.state()
    assert label == 3
    assert not np.allclose(code, first)
    page.all("#classes button")[8].send_keys(Keys.ENTER)  # the same code as another class
    page.wait()
    assert page.state() == (code, 8)
    assert page.find("#own-class").get_attribute("value") == "8"


def test_a_drawing_is_encoded_as_by_keras(browser, site):
    page, model = Page(browser, site, "vae_digits"), zoo.load("vae_digits")
    canvas = page.find("#own-canvas")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    far = canvas.size["width"] // 4
    actions = ActionChains(browser, duration=20).move_to_element(canvas).click_and_hold()
    actions.move_by_offset(far, -far).move_by_offset(0, 2 * far).release().perform()
    canvas.send_keys(Keys.ARROW_LEFT * 2, " ", Keys.ARROW_UP * 2, " ", Keys.ARROW_UP)

    def is_encoded():
        browser.execute_async_script("setTimeout(arguments[0], 200)")  # drawn in the next frame
        page.wait()
        drawn = Image.fromarray(page.pixels("#own-canvas")[..., 0].astype("uint8"))
        small = np.asarray(drawn.resize((8, 8), Image.Resampling.LANCZOS))[..., None] / 255
        page.encodes(model, small)
        return small

    both = is_encoded()
    assert both[:, 5:].max() > 0.9  # by the mouse
    assert both[2:4, :2].max() < 0.3
    assert both[2:4, 2].min() > 0.9  # by the keyboard
    canvas.send_keys(Keys.BACKSPACE)
    assert is_encoded()[2:4, 2].max() < 0.1
    page.find("#own-clear").click()
    page.wait()
    assert not page.find("#own-clear").is_enabled()


def test_what_is_no_fitting_image_is_refused_in_plain_words(browser, site, tmp_path):
    page = Page(browser, site, "vae_digits")
    before = page.pixels()
    (tmp_path / "notes.txt").write_text("an essay")
    assert "notes.txt is not an image" in page.own(tmp_path / "notes.txt")
    Image.new("1", (10_000, 6000)).save(tmp_path / "wide.png")
    said = page.own(tmp_path / "wide.png")
    assert "wide.png is too large: it has 10000 x 6000 pixels, and at most 50 million" in said
    with (tmp_path / "long.png").open("wb") as file:
        file.truncate(60_000_000)
    assert "long.png is too large: it has 60 MB" in page.own(tmp_path / "long.png")
    assert "failed" in page.find("#own-status").get_attribute("class")
    np.testing.assert_array_equal(page.pixels(), before)


def test_the_page_reports_a_broken_encoder_and_goes_on(browser, site, tmp_path):
    root, _ = site
    shutil.copytree(root / "vae_digits", root / "half")
    (root / "half" / "web" / "encoder.onnx").write_bytes(b"not a model")
    page = Page(browser, site, "half")
    assert "The encoder failed: " in page.own(digit_on_paper(tmp_path / "digit.png"))
    page.all("#examples button")[1].click()
    page.wait()
    page.shows(*page.state())
