"""A process that was forked after a model was made says so, instead of waiting forever."""

import os
import signal

import numpy as np
import pytest

import zoo

pytestmark = [
    pytest.mark.backend,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
]
X = np.random.default_rng(0).random((8, 4)).astype("float32")


@pytest.mark.filterwarnings("ignore:.*fork:")
@pytest.mark.parametrize("method", ["encode", "fit", "evaluate", "train_on_batch", "predict"])
def test_a_forked_process_refuses_to_run_a_model(method):
    model = zoo.VAE((4,), 2, hidden_units=(4,))
    model.compile()
    assert said_by_a_forked_process(lambda: getattr(model, method)(X)) == "spawn"


@pytest.mark.filterwarnings("ignore:.*fork:")
def test_a_forked_process_refuses_to_make_a_model():
    zoo.VAE((4,), 2, hidden_units=(4,))
    assert said_by_a_forked_process(lambda: zoo.VAE((4,), 2, hidden_units=(4,))) == "spawn"


def said_by_a_forked_process(call) -> str:
    """Return what a forked process gets: an error that names spawn, or that it hung."""
    process = os.fork()
    if process == 0:
        signal.alarm(20)  # ends it, should it wait
        try:
            call()
        except RuntimeError as error:
            os._exit(1 if "spawn" in str(error) else 2)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        return "it hung"
    return {0: "it ran", 1: "spawn"}.get(os.WEXITSTATUS(status), "another error")
