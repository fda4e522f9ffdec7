"""A demonstration of one minute: load, generate, fine-tune, export, decode in another process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import zoo
from zoo import data, export, plots
from zoo.files.atomic_writes import publish_folder

CONSUMER = '''"""Decode images with onnxruntime and numpy only: python app.py"""
import json, os, sys
import numpy as np
import onnxruntime as ort

here = os.path.dirname(os.path.abspath(__file__))
decoder = os.path.join(here, "export", "decoder")
session = ort.InferenceSession(os.path.join(decoder, "model.onnx"))
feed = {"z": np.random.default_rng(7).standard_normal((10, LATENT), np.float32) * SCALE}
if any(i.name == "label" for i in session.get_inputs()):
    feed["label"] = np.arange(10, dtype=np.int32)
(images,) = session.run(["x"], feed)
np.save(os.path.join(here, "decoded.npy"), images)
print(f"decoded {images.shape} in a process with {'keras' in sys.modules and 'Keras' or 'no Keras'}"
      f" and {'tensorflow' in sys.modules and 'TensorFlow' or 'no TensorFlow'}")
'''


def run(name: str, out: str | os.PathLike, *, overwrite: bool = False) -> None:
    """Run the demonstration with a preset, and write its results to `out`."""
    start = time.perf_counter()
    card = zoo.card(name)
    with publish_folder(out, overwrite) as folder:
        _say(1, f"loading {name}: {card['description']}")
        model = zoo.load(name)
        if not model.latent_dim or model.label_shape:
            raise ValueError(
                f"The demo decodes codes, but {name}, a {type(model).__name__}, learns from pairs: "
                "choose another preset, such as cvae_mnist."
            )
        _save(plots.preview(model, *_bundled_digits(model.image_shape)), folder / "preset.png")
        print("   picture: preset.png")

        x, y = _bundled_digits(model.image_shape)
        cut = len(x) - 360
        y_train, y_test = (y[:cut], y[cut:]) if model.learns_labels else (None, None)
        _say(2, f"fine-tuning for one epoch on {cut} of scikit-learn's digits")
        before = model.evaluate(x[cut:], y_test, verbose=0, return_dict=True)["loss"]
        model.fit(x[:cut], y_train, batch_size=32, epochs=1)
        after = model.evaluate(x[cut:], y_test, verbose=0, return_dict=True)["loss"]
        print(f"   loss on the other {len(x) - cut} digits: {before:.1f} before, {after:.1f} after")
        zoo.save(model, folder / "fine_tuned")
        _save(plots.preview(model, x[cut:], y[cut:]), folder / "fine_tuned.png")

        _say(3, "exporting encoder and decoder to ONNX and SavedModel, with a parity check")
        parts = [part for part in model.parts() if part in ("encoder", "decoder")]
        report = export.export_model(model, folder / "export", parts=parts)
        print(export.format_report(report))

        _say(4, "decoding in another process, with onnxruntime and numpy only")
        scale = model.prior.extent / 2 if model.prior else 1.0
        app = CONSUMER.replace("LATENT", str(model.latent_dim)).replace("SCALE", f"{scale:g}")
        (folder / "app.py").write_text(app, encoding="utf-8")
        _run_alone(folder / "app.py")
        _save(_strip(np.load(folder / "decoded.npy")), folder / "decoded.png")
    seconds = time.perf_counter() - start
    print(f"\nDone in {seconds:.0f} s. In {Path(out)}{os.sep}:")
    print("   preset.png, fine_tuned.png   pictures before and after fine-tuning")
    print("   fine_tuned/                  the new preset, for zoo.load")
    print("   export/decoder/model.onnx    for other applications; parity.json is next to it")
    print("   app.py, decoded.png          such an application, and what it made")
    print(
        f"Next: zoo list; zoo card {name}; "
        f"zoo generate {Path(out) / 'fine_tuned'} --out more.png; "
        'python -c "import zoo; help(zoo.CVAE)"'
    )


def _say(step, text):
    print(f"\n{step}. {text}", flush=True)


def _save(figure, path):
    figure.savefig(path)


def _bundled_digits(shape):
    """Return scikit-learn's 8x8 digits, resized to the model's images, with their labels."""
    (x, y), (x_test, y_test) = data.load("digits")
    x, y = np.concatenate([x, x_test]), np.concatenate([y, y_test])
    if shape == (8, 8, 1):
        return x, y
    if shape != (28, 28, 1):
        raise ValueError(f"The demo fine-tunes on digits of 8x8 or 28x28; this takes {shape}.")
    import keras

    large = keras.ops.convert_to_numpy(keras.ops.image.resize(x, (20, 20)))
    return np.clip(np.pad(large, ((0, 0), (4, 4), (4, 4), (0, 0))), 0, 1), y


def _run_alone(script):
    result = subprocess.run(
        [sys.executable, "-I", str(script)], capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise RuntimeError(f"The consumer failed:\n{result.stderr.strip()}")
    print(f"   {result.stdout.strip()}")


def _strip(images):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(len(images), 1.2), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(plots.tile(images, len(images))[..., 0], cmap="gray_r", vmin=0, vmax=1)
    axes.axis("off")
    return figure
