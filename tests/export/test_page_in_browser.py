"""The page in headless Chromium: what it shows is what encoder and decoder compute in Python."""

import base64
import functools
import http.server
import json
import shutil
import threading
import time

import keras
import numpy as np
import pytest
from PIL import Image

import export
import zoo
from export import test_inputs
from zoo.data import folders

webdriver = pytest.importorskip("selenium.webdriver")
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),  # one worker makes the pages
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver"),
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
    ),
]

PRESETS = ("cvae_mnist", "vae_mnist_2d", "linear_ae_mnist", "vae_digits")
BARE = "linear_ae_mnist"  # without a prior to draw from, and shown without examples
WIDE = "sparse_ae_mnist"  # 1000 numbers, too many for an address
PIXELS = """
const canvas = document.querySelector(arguments[0]);
const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
return [canvas.height, canvas.width, Array.from(data)];
"""
READY = """
return !document.getElementById("main").hidden
    && !document.getElementById("own").hasAttribute("aria-busy")
    && !document.getElementById("picture").hasAttribute("aria-busy");
"""


DROP = """
const bytes = Uint8Array.from(atob(arguments[0]), (letter) => letter.charCodeAt(0));
const dataTransfer = new DataTransfer();
dataTransfer.items.add(new File([bytes], "dropped.png"));
document.getElementById("own-drop").dispatchEvent(new DragEvent("drop", { dataTransfer }));
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Pages of presets and the server that serves them; Python's own, as users have it."""
    root = tmp_path_factory.mktemp("site")
    for name in (*PRESETS, WIDE):
        model = zoo.load(name)
        export.export_model(model, root / name, formats=("onnx",), parts=("encoder", "decoder"))
        digits = test_inputs.rows_of(model.parts()["encoder"].inputs[0], 256, None)
        images = None if name == BARE else digits
        export.write_page(root / name, root / name / "web", images=images)
    handler = functools.partial(Quiet, directory=root)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield root, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    downloads = tmp_path_factory.mktemp("downloads")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    for flag in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1000,1600"):
        options.add_argument(f"--{flag}")
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.downloads = downloads
    yield driver
    driver.quit()


class Page:
    """A preset's page, opened, and its decoder in Python."""

    def __init__(self, driver, site, name, address=""):
        root, server = site
        self.driver, self.folder = driver, root / name / "web"
        self.about = json.loads((self.folder / "page.json").read_text())
        self.session = export.load(root / name / "decoder")
        driver.get("about:blank")
        driver.get(f"{server}/{name}/web/{address}")
        self.wait()

    def wait(self):
        end = time.monotonic() + 60
        while not self.driver.execute_script(READY):
            status = self.find("#status")
            assert "failed" not in status.get_attribute("class"), status.text
            assert time.monotonic() < end, status.text
            time.sleep(0.05)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def pixels(self, selector="#picture"):
        height, width, values = self.driver.execute_script(PIXELS, selector)
        return np.array(values).reshape(height, width, 4)

    def state(self):
        """The code and the class that the page's address names."""
        words = dict(w.split("=") for w in self.driver.current_url.split("#")[1].split("&"))
        return [float(value) for value in words["z"].split(",")], int(words.get("label", 0))

    def decoded(self, code, label=0):
        inputs = {"z": np.array([code], np.float32)}
        if self.about["label"]:
            inputs["label"] = [label]
        image = self.session(**inputs)["x"][0]
        first = self.session.outputs[0].layout == "channels_first"
        return np.moveaxis(image, 0, -1) if first else image

    def own(self, path):
        """Choose a file as the own image, and return what the page says of it."""
        self.find("#own-file").send_keys(str(path))
        self.wait()
        return self.find("#own-status").text

    def encodes(self, model, picture):
        """The picture beside is as given, within one level, and the code is Keras's of it."""
        assert np.abs(self.pixels("#original-picture")[..., :3] - 255 * picture).max() <= 1
        code, label = self.state()
        labels = [label] if model.conditional else None
        wanted = np.asarray(model.encode(picture[None].astype("float32"), labels))[0]
        np.testing.assert_allclose(code, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())
        self.shows(code, label)

    def levels(self, image):
        low, high = self.about["picture"]["low"], self.about["picture"]["high"]
        return np.clip(255 * (image - low) / (high - low), 0, 255)

    def shows(self, code, label=0, selector="#picture"):
        """Within one of 255 levels, in all channels, and nothing see-through."""
        pixels, wanted = self.pixels(selector), self.levels(self.decoded(code, label))
        assert (pixels[..., 3] == 255).all()
        assert pixels.shape[:2] == wanted.shape[:2]
        assert np.abs(pixels[..., :3] - wanted).max() <= 1


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_canvas_is_the_decoders_image(name, seed, browser, site):
    about = json.loads((site[0] / name / "web" / "page.json").read_text())
    generator = np.random.default_rng(seed)
    code = generator.uniform(about["code"]["low"], about["code"]["high"]).astype(np.float32)
    label = int(generator.integers(1, 10))
    words = ",".join(str(float(value)) for value in code)
    page = Page(browser, site, name, f"#z={words}&label={label}")
    page.shows(code, label)
    assert page.pixels()[..., :3].std() > 10  # a picture, not a gray field
    # The same through Keras, not through the file that was exported.
    model = zoo.load(name)
    labels = [label] if model.conditional else None
    image = model.decode(code[None], labels)[0]
    assert np.abs(page.pixels()[..., :3] - page.levels(image)).max() <= 1
    severe = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not severe


def test_the_page_asks_only_its_own_server(browser, site):
    Page(browser, site, "cvae_mnist")
    asked = browser.execute_script(
        "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    )
    assert any(name.endswith(".wasm") for name in asked)
    assert all(name.startswith(site[1]) for name in asked)


def test_a_thousand_numbers_have_their_sliders(browser, site):
    page = Page(browser, site, WIDE)
    code = np.fromfile(page.folder / "codes.bin", "<f4")[:1000]  # of the first example
    page.shows(code)
    sliders = page.all("#sliders input")
    assert len(sliders) == 1000
    moves = {0: 0.9, 500: 0.1, 999: 0.7}
    for place, share in moves.items():
        low, high = (page.about["code"][name][place] for name in ("low", "high"))
        code[place] = low + share * (high - low)
        browser.execute_script(
            "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'));",
            sliders[place],
            float(code[place]),
        )
    page.wait()
    page.shows(code)


def test_sliders_move_by_keyboard(browser, site):
    page = Page(browser, site, "cvae_mnist", "#z=0,0,0,0,0,0,0,0&label=3")
    slider = page.all("#sliders input")[2]
    slider.send_keys(*[Keys.ARROW_RIGHT] * 20)
    page.wait()
    code, label = page.state()
    low, high = (page.about["code"][name][2] for name in ("low", "high"))
    assert code[2] == pytest.approx(0.2 * (high - low), rel=1e-4)
    assert (code[:2], code[3:], label) == ([0, 0], [0] * 5, 3)
    page.shows(code, label)
    assert page.all("#sliders output")[2].text == f"{code[2]:.2f}"
    slider.send_keys(*[Keys.ARROW_LEFT] * 300)
    page.wait()
    assert page.state()[0][2] == pytest.approx(low, rel=1e-5)


def test_a_class_is_chosen_by_key_and_each_shows_itself(browser, site):
    page = Page(browser, site, "cvae_mnist", "#z=1,0,-1,0,0,2,0,0&label=0")
    buttons = page.all("#classes button")
    assert [button.text for button in buttons] == list("0123456789")
    for label in range(10):
        page.shows(page.state()[0], label, f"#classes button:nth-child({label + 1}) canvas")
    buttons[7].send_keys(Keys.ENTER)
    page.wait()
    assert page.state()[1] == 7
    assert [b.get_attribute("aria-pressed") for b in buttons].index("true") == 7
    page.shows(*page.state())


def test_the_plane_is_dragged_and_walked(browser, site):
    page = Page(browser, site, "vae_mnist_2d", "#z=0,0")
    plane, code = page.find("#plane-picture"), page.about["code"]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", plane)
    width, height = plane.size["width"], plane.size["height"]
    actions = ActionChains(browser).move_to_element(plane).click_and_hold()
    actions.move_by_offset(int(width / 4), -int(height / 4)).release().perform()
    page.wait()
    z, _ = page.state()
    span = np.subtract(code["high"], code["low"])
    middle = np.add(code["high"], code["low"]) / 2
    np.testing.assert_allclose(z, middle + span / 4, atol=0.02 * span.max())
    page.shows(z)
    plane.send_keys(Keys.ARROW_LEFT)
    plane.send_keys(Keys.SHIFT, Keys.ARROW_DOWN)
    page.wait()
    walked, _ = page.state()
    np.testing.assert_allclose(np.subtract(z, walked), span * [0.01, 0.1], rtol=1e-3)
    page.shows(walked)


def test_the_plane_shows_what_lies_where(browser, site):
    page = Page(browser, site, "vae_mnist_2d")
    tiles = page.pixels("#plane-picture").shape[0] // 28
    low, high = (np.array(page.about["code"][name]) for name in ("low", "high"))
    for right, up in ((0, 0), (tiles - 1, 0), (3, tiles - 1)):
        z = low + (high - low) * (np.array([right, up]) + 0.5) / tiles
        row = tiles - 1 - up
        tile = page.pixels("#plane-picture")[28 * row : 28 * row + 28, 28 * right : 28 * right + 28]
        assert np.abs(tile[..., :3] - page.levels(page.decoded(z))).max() <= 1


def test_samples_are_of_the_prior(browser, site):
    page = Page(browser, site, "cvae_mnist", "#z=0,0,0,0,0,0,0,0&label=4")
    draws = np.fromfile(page.folder / "draws.bin", "<f4").reshape(-1, 8)
    seen = set()
    for _ in range(3):
        page.find("#draw").send_keys(Keys.ENTER)
        page.wait()
        code, label = page.state()
        assert label == 4
        assert np.abs(draws - np.array(code, np.float32)).max(axis=1).min() < 1e-6
        page.shows(code, label)
        seen.add(tuple(code))
    assert len(seen) > 1
    page.find("#center").click()
    page.wait()
    assert page.state() == ([0] * 8, 4)


def test_without_a_prior_nothing_is_drawn(browser, site):
    page = Page(browser, site, BARE)
    assert not page.find("#draw").is_displayed()
    assert not page.find("#examples").is_displayed()
    page.shows(page.about["code"]["start"])


def test_an_example_and_its_variations(browser, site):
    page = Page(browser, site, "cvae_mnist")
    codes = np.fromfile(page.folder / "codes.bin", "<f4").reshape(20, 8)
    pictures = np.fromfile(page.folder / "pictures.bin", "<f4").reshape(20, 28, 28, 1)
    page.shows(codes[0], page.about["examples"]["labels"][0])  # the page starts with the first
    assert np.abs(page.pixels("#original-picture")[..., :3] - 255 * pictures[0]).max() <= 1
    page.all("#examples button")[13].send_keys(Keys.ENTER)
    page.wait()
    code, label = page.state()
    assert label == page.about["examples"]["labels"][13]
    np.testing.assert_allclose(code, codes[13], rtol=1e-6)
    page.shows(code, label)
    assert np.abs(page.pixels("#original-picture")[..., :3] - 255 * pictures[13]).max() <= 1
    here = page.pixels()
    varied = [page.pixels(f"#variations button:nth-child({i}) canvas") for i in (1, 2, 3)]
    assert all((picture != here).any() for picture in varied)
    page.find("#spread").send_keys(Keys.HOME)
    page.wait()
    for i in (1, 16):
        page.shows(code, label, f"#variations button:nth-child({i}) canvas")
    assert page.find("#original").is_displayed()
    page.find("#spread").send_keys(Keys.END)
    page.wait()
    page.all("#variations button")[5].click()
    page.wait()
    assert not np.allclose(page.state()[0], code)
    page.shows(*page.state())
    assert not page.find("#original").is_displayed()


def test_the_picture_is_downloaded(browser, site):
    page = Page(browser, site, "vae_digits", "#z=1,0.5,-1,0")
    page.find("#download").click()
    path, end = browser.downloads / "vae_digits.png", time.monotonic() + 20
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.05)
    with Image.open(path) as picture:
        np.testing.assert_array_equal(np.asarray(picture.convert("RGBA")), page.pixels())


def test_the_page_reports_a_broken_decoder(browser, site):
    root, server = site
    shutil.copytree(root / "vae_digits" / "web", root / "broken")
    (root / "broken" / "decoder.onnx").write_bytes(b"not a model")
    browser.get(f"{server}/broken/")
    end = time.monotonic() + 30
    while "cannot be shown" not in browser.find_element(By.ID, "status").text:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert not browser.find_element(By.ID, "main").is_displayed()


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
    picture = folders.pixels(path, (8, 8), 1) / 255
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
    wanted = folders.pixels(tmp_path / "color.png", (8, 12), 3) / 255
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
