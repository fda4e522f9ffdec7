"""The page in headless Chromium: what it shows is what encoder and decoder compute in Python."""

import json
import shutil
import time

import numpy as np
import pytest
from PIL import Image
from support.page_presets import BARE, PRESETS, SEARCHED, WIDE

import zoo
from zoo.search import bits

pytest.importorskip("selenium")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from support.chromium import MARKS, Page

pytestmark = MARKS


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


HEIGHTS = """
return [...document.querySelectorAll(".column")].map((column) => {
  column.style.alignContent = "start";  // and not stretched to the height of the other
  const shown = [...column.children].filter((child) => !child.hidden);
  const high = shown.at(-1).getBoundingClientRect().bottom - column.getBoundingClientRect().top;
  column.style.alignContent = "";
  return high;
});
"""


@pytest.mark.parametrize("name", ["cvae_mnist", "vae_mnist_2d", "vae_digits"])
def test_no_column_is_much_shorter_than_the_other(name, browser, site):
    before = browser.get_window_size()
    try:
        browser.set_window_size(1100, 1000)
        Page(browser, site, name)
        low, high = sorted(browser.execute_script(HEIGHTS))
        assert low > 0.8 * high
    finally:
        browser.set_window_size(before["width"], before["height"])


def test_the_page_asks_only_its_own_server(browser, site):
    Page(browser, site, "cvae_mnist")
    asked = browser.execute_script(
        "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    )
    assert any(name.endswith(".wasm") for name in asked)
    assert all(name.startswith(site[1]) for name in asked)


def test_the_nearest_images_are_those_of_an_index(browser, site):
    page = Page(browser, site, SEARCHED)
    about = page.about["searched"]
    assert about == {"count": 256, "metric": "hamming"}
    codes = np.fromfile(page.folder / "searched_codes.bin", "<f4").reshape(256, -1)
    pixels = np.fromfile(page.folder / "searched.bin", "u1").reshape(256, 28, 28)
    row = 0  # the page starts with the first example
    for place in (3, 11):
        rows, apart = bits.nearest(codes[row : row + 1], codes, 12)
        buttons = page.all("#nearest button")
        assert [int(button.text) for button in buttons] == apart[0].tolist()
        for i in (0, 5):
            shown = page.pixels(f"#nearest button:nth-child({i + 1}) canvas")[..., 0]
            assert np.abs(shown.astype(int) - pixels[rows[0, i]]).max() <= 1
        buttons[place].click()
        page.wait()
        row = rows[0, place]
    assert page.find("#original-name").text == f"image {row + 1}"


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


def dreamed(page, button):
    """Press the button of the dream, and return the numbers of the code now and a little later."""
    button.click()
    time.sleep(0.5)
    codes = []
    for _ in range(2):
        codes.append([float(o.text) for o in page.all("#sliders output")])
        time.sleep(0.5)
    return codes


@pytest.mark.parametrize("name", [name for name in PRESETS if name != BARE])
def test_a_dream_goes_on_until_it_is_paused(name, browser, site):
    page = Page(browser, site, name)
    button = page.find("#dream")
    browser.execute_script("document.getElementById('pace').value = 1")
    assert button.text == "Dream"
    first, second = dreamed(page, button)
    assert first != second
    assert button.text == "Pause"
    button.click()
    page.wait()
    code, label = page.state()
    page.shows(code, label)
    time.sleep(0.3)
    assert page.state() == (code, label)
    # Whatever else is pressed ends it, too.
    button.click()
    page.find("#center").click()
    page.wait()
    assert button.text == "Dream"
    assert page.state()[0] == pytest.approx(page.about["code"]["start"], abs=1e-6)


def test_nothing_moves_where_that_is_not_wanted(browser, site):
    feature = {"name": "prefers-reduced-motion", "value": "reduce"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    try:
        page = Page(browser, site, PRESETS[0])
        button = page.find("#dream")
        assert button.text == "Next"
        assert not page.find("#dream-pace").is_displayed()
        first, second = dreamed(page, button)
        assert first == second
        draws = np.fromfile(page.folder / "draws.bin", "<f4").reshape(-1, len(first))
        assert np.abs(draws - np.array(page.state()[0])).max(axis=1).min() < 1e-5
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("name", [SEARCHED, BARE])
def test_codes_of_bits_and_pages_without_codes_have_no_dream(name, browser, site):
    page = Page(browser, site, name)
    assert not page.find("#dream").is_displayed()


def test_a_dream_walks_along_an_arc(browser, site):
    Page(browser, site, PRESETS[0])
    script = """
    const [from, to, center, done] = arguments;
    const arrays = [from, to, center].map((row) => Float32Array.from(row));
    import("./dream.js").then(({ between }) =>
      done([0, 0.25, 0.5, 1].map((share) => Array.from(between(...arrays, share)))));
    """
    walk = browser.execute_async_script(script, [3, 1], [1, 5], [1, 1])
    arc = [[1 + r * np.cos(t), 1 + r * np.sin(t)] for r, t in [(2.5, np.pi / 8), (3, np.pi / 4)]]
    np.testing.assert_allclose(walk, [[3, 1], *arc, [1, 5]], atol=1e-5)
    opposite = browser.execute_async_script(script, [1, 0], [-1, 0], [0, 0])
    np.testing.assert_allclose(opposite, [[1, 0], [0.5, 0], [0, 0], [-1, 0]], atol=1e-6)
    assert browser.execute_async_script(script, [0, 0], [4, 0], [0, 0])[2] == [2, 0]
