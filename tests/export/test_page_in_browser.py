"""The page in headless Chromium: what it draws is what the decoder computes in Python."""

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
    && !document.getElementById("picture").hasAttribute("aria-busy");
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
        return self.session(**inputs)["x"][0]

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
    page.shows(page.about["code"]["start"])
    sliders = page.all("#sliders input")
    assert len(sliders) == 1000
    code = np.array(page.about["code"]["start"], np.float32)
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
    assert not page.find("#original").is_displayed()
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
