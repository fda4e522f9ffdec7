"""Little data in the place of data sets that are not there."""

import functools

import numpy as np


def few_images(load):
    """Return a `zoo.data.load` that has enlarged digits where it would have to download."""

    def load_few(name):
        if name not in ("mnist", "fashion_mnist"):
            return load(name)
        (x, y), (x_test, y_test) = load("digits")
        enlarge = functools.partial(np.kron, b=np.ones((1, 3, 3, 1), "float32"))
        pad = ((0, 0), (2, 2), (2, 2), (0, 0))
        x, x_test = (np.pad(enlarge(few), pad) for few in (x[:200], x_test[:100]))
        return (x, y[:200]), (x_test, y_test[:100])

    return load_few
