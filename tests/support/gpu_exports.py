"""Export what the tests on a GPU run there, on a machine that has TensorFlow.

    python tests/support/gpu_exports.py FOLDER

Run the tests with ZOO_EXPORTS=FOLDER where there is a GPU and no TensorFlow.
"""

import os
import subprocess
import sys
from pathlib import Path

# Dense and with a label, convolutional, two outputs, and integers beside floats.
PRESETS = ("vae_mnist", "cvae_mnist", "vae_mnist_conv", "semi_supervised_aae_mnist_100")
VARIANTS = ("float16", "int8")


def write(folder):
    """Export all parts of the presets with their variants, in a process with TensorFlow's Keras."""
    subprocess.run(
        [sys.executable, __file__, str(folder)],
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        check=True,
    )


def main(folder):
    import export
    import zoo

    for name in PRESETS:
        export.export_model(
            zoo.load(name), Path(folder, name), formats=("onnx",), variants=VARIANTS
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
