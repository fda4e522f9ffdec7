"""The page of a SketchRNN: what it holds, and in headless Chromium what it draws."""

import json
import time

import numpy as np
import pytest

import export
import zoo
from zoo.data import strokes

SETTINGS = {"encoder_units": 6, "decoder_units": 8, "mixtures": 2, "seed": 2}
LENGTH = 14


def made():
    """A model whose pen mostly stays on the paper."""
    model = zoo.SketchRNN((LENGTH, 5), 3, **SETTINGS)
    kernel, bias = model.decoder.get_layer("parameters").get_weights()
    bias[:3] = 8.0, 2.0, 0.0
    bias[5:9] = 1.0, -1.0, 0.5, 1.5
    model.decoder.get_layer("parameters").set_weights([3.0 * kernel, bias])
    return model


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sketch") / "out"
    parts = ("encoder", "initial_state", "step")
    export.export_model(made(), folder, formats=("onnx",), parts=parts)
    return folder


@pytest.fixture
def package(monkeypatch):
    """Stand for the package of onnxruntime-web, which a page only copies."""
    from export import onnxruntime_web

    monkeypatch.setattr(onnxruntime_web, "read", lambda archive: {"ort.wasm.min.mjs": b"//"})


@pytest.mark.slow
def test_a_page_holds_all_that_it_draws_with(exported, package, tmp_path):
    square = np.array([(0, 0), (4, 0), (4, 6), (0, 6)])
    x = strokes.to_stroke5([[square]] * 3, LENGTH)
    index = export.write_page(exported, tmp_path / "web", images=x, title="Pen")
    about = json.loads((index.parent / "page.json").read_text("utf-8"))
    expected = {"length": LENGTH, "latent": 3, "state": 16, "scale": 1.0, "side": 6.0}
    assert {key: about[key] for key in expected} == expected
    assert about["title"] == "Pen"
    for name in ("encoder", "initial_state", "step"):
        assert (index.parent / f"{name}.onnx").stat().st_size > 500
    files = [path for path in index.parent.iterdir() if path.suffix in (".html", ".js", ".css")]
    assert len(files) == 5
    page = "".join(path.read_text("utf-8") for path in files)
    for text in ("http://www.w3.org/2000/svg", "http://localhost:8000"):  # a name, and advice
        page = page.replace(text, "")
    assert "http://" not in page
    assert "https://" not in page


@pytest.mark.slow
def test_classes_and_searches_are_refused(exported, package, tmp_path):
    with pytest.raises(ValueError, match="models of images"):
        export.write_page(exported, tmp_path / "web", searched=10)


@pytest.fixture(scope="module")
def address(exported):
    pytest.importorskip("selenium")
    from support import page_presets

    export.write_page(exported, exported / "web", images=None)
    server = page_presets.served(exported)
    yield f"http://127.0.0.1:{server.server_port}/web/"
    server.shutdown()


def marks():
    try:
        from support.chromium import MARKS
    except ImportError:
        return [pytest.mark.browser, pytest.mark.skip(reason="needs selenium")]
    return MARKS


def in_browser(test):
    for mark in marks():
        test = mark(test)
    return test


class Page:
    def __init__(self, driver, address):
        self.driver = driver
        driver.get("about:blank")
        driver.get(address)
        self.until(lambda: self.dataset("drawing") is not None)

    def find(self, name):
        from selenium.webdriver.common.by import By

        return self.driver.find_element(By.ID, name)

    def dataset(self, name):
        found = self.driver.execute_script("return document.body.dataset[arguments[0]]", name)
        return None if found is None else json.loads(found)

    def until(self, condition):
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, self.find("status").text + self.find("said").text
            time.sleep(0.05)

    def press(self, name):
        """Press a button, and return the drawing that follows."""
        self.driver.execute_script("delete document.body.dataset.drawing")
        self.find(name).click()
        self.until(lambda: self.dataset("drawing") is not None)
        return np.array(self.dataset("drawing"), "float32").reshape(-1, 5)

    def at_temperature(self, value):
        script = "const t = document.getElementById('temperature'); t.value = arguments[0];"
        self.driver.execute_script(script + "t.dispatchEvent(new Event('input'));", value)

    def draw(self):
        """Draw a line with a corner, and a second line."""
        from selenium.webdriver.common.action_chains import ActionChains

        own = self.find("own")
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", own)
        for moves in (((-80, -80), (80, -80), (80, 60)), ((-60, 90), (60, 90))):
            actions = ActionChains(self.driver).move_to_element_with_offset(own, *moves[0])
            actions.click_and_hold()
            for place in moves[1:]:
                actions.move_to_element_with_offset(own, *place)
            actions.release().perform()


@in_browser
def test_the_page_draws_a_visitors_drawing_anew_as_the_model_does(browser, address):
    page, model = Page(browser, address), made()
    page.at_temperature(0)
    page.draw()
    found = page.press("mimic")
    rows = np.array(page.dataset("rows"), "float32")
    assert len(rows) == 4  # three corners of one line, two ends of another
    np.testing.assert_array_equal(rows[:, 3], [0, 1, 0, 1])
    assert np.ptp(np.cumsum(rows[:, :2], axis=0), axis=0).max() <= 8.001
    lifted = np.column_stack([rows[:, :2], rows[:, 3]])
    z = model.encode(strokes.to_stroke5([lifted], LENGTH))
    np.testing.assert_allclose(page.dataset("code"), z[0], atol=1e-4)
    wanted = strokes.stroke3_of(model.decode(z)[0])[: LENGTH - 1]
    assert len(wanted) > 4
    np.testing.assert_allclose(np.column_stack([found[:, :2], found[:, 3]]), wanted, atol=1e-3)
    severe = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not severe


@in_browser
def test_the_page_goes_on_with_what_the_visitor_began(browser, address):
    page = Page(browser, address)
    page.draw()
    found = page.press("complete")
    offsets = found[:4, :2]
    assert offsets[0, 0] > 2  # to the right,
    assert offsets[1, 1] > 2  # downward,
    assert offsets[3, 0] > 2  # and the second line to the right again
    np.testing.assert_array_equal(found[:4, 2:], [[1, 0, 0], [0, 1, 0], [1, 0, 0], [1, 0, 0]])


@in_browser
def test_the_page_is_used_by_keyboard(browser, address):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    page = Page(browser, address)
    assert not page.find("mimic").is_enabled()
    page.driver.execute_script("document.getElementById('own').focus()")
    keys = [" ", *[Keys.ARROW_RIGHT] * 12, *[Keys.ARROW_DOWN] * 9, " "]
    ActionChains(browser).send_keys(*keys).perform()
    assert page.find("mimic").is_enabled()
    page.press("mimic")
    rows = np.array(page.dataset("rows"))
    np.testing.assert_allclose(rows[:, :2], [[8, 0], [0, 6]], atol=1e-3)
    page.driver.execute_script("document.getElementById('own').focus()")
    ActionChains(browser).send_keys(Keys.BACKSPACE).perform()
    assert not page.find("mimic").is_enabled()


@in_browser
def test_drawings_move_unless_visitors_want_no_motion(browser, address):
    painted = """
    const canvas = document.getElementById("drawn");
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let ink = 0;
    for (let i = 3; i < data.length; i += 4) ink += data[i] > 0;
    return ink;
    """
    feature = {"name": "prefers-reduced-motion", "value": "reduce"}
    inks = {}
    for motion in ("no-preference", "reduce"):
        features = {"features": [{**feature, "value": motion}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
        page = Page(browser, address)
        page.at_temperature(0)
        page.draw()
        assert len(page.press("mimic")) > 4
        first = browser.execute_script(painted)
        time.sleep(2)
        inks[motion] = first, browser.execute_script(painted)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert inks["no-preference"][0] < inks["no-preference"][1]
    assert inks["reduce"][0] == inks["reduce"][1] > 0


@in_browser
def test_a_drawing_with_too_many_lines_is_answered_in_words(browser, address):
    from selenium.webdriver.common.action_chains import ActionChains

    page, own = Page(browser, address), None
    own = page.find("own")
    for i in range(12):
        actions = ActionChains(browser).move_to_element_with_offset(own, -100 + 15 * i, -50)
        actions.click_and_hold().move_to_element_with_offset(own, -100 + 15 * i, 50)
        actions.release().perform()
    page.find("mimic").click()
    page.until(lambda: "up to 13 lines" in page.find("said").text)
