"""The presets whose pages are looked at in a browser, and the server of these pages."""

import functools
import http.server
import threading

import export
import zoo
from export import test_inputs

PRESETS = ("cvae_mnist", "vae_mnist_2d", "linear_ae_mnist", "vae_digits")
BARE = "linear_ae_mnist"  # without a prior to draw from, and shown without examples
SEARCHED = "retrieval_fashion_mnist"  # codes of bits, among which visitors search
WIDE = "sparse_ae_mnist"  # 1000 numbers, too many for an address


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def write_pages(root):
    """Write the page of every preset into a folder of its name."""
    for name in (*PRESETS, WIDE, SEARCHED):
        model = zoo.load(name)
        export.export_model(model, root / name, formats=("onnx",), parts=("encoder", "decoder"))
        digits = test_inputs.rows_of(model.parts()["encoder"].inputs[0], 256, None)
        images = None if name == BARE else digits
        export.write_page(root / name, root / name / "web", images=images)


def served(root):
    """Return a server of a folder, which runs; Python's own, as users have it."""
    handler = functools.partial(Quiet, directory=root)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
