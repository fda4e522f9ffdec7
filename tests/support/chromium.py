"""A page of the export in headless Chromium."""

import json
import shutil
import time

import keras
import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

import export

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MARKS = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),  # one worker makes the pages
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver"),
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
    ),
]
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


def started(downloads):
    """Return a browser that downloads into a folder."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    for flag in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1000,1600"):
        options.add_argument(f"--{flag}")
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.downloads = downloads
    return driver


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
