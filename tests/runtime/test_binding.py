"""Buffers that are kept from call to call."""

import threading

import keras
import numpy as np
import onnxruntime
import pytest

import export
from zoo.runtime import Session, binding

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
)


@pytest.fixture(scope="module")
def session(exported):
    return export.load(exported[0] / "decoder")


def rows(n, seed=0):
    generator = np.random.default_rng(seed)
    z = generator.normal(size=(n, 3)).astype(np.float32)
    return {"z": z, "label": generator.integers(0, 10, n)}


def test_a_bound_session_computes_what_the_session_does(session):
    bound = session.bind(5)
    first, second = rows(5, 1), rows(5, 2)
    kept = bound(**first)
    np.testing.assert_allclose(kept["x"], session(**first)["x"], atol=1e-6)
    wanted = kept["x"].copy()
    np.testing.assert_allclose(bound(**second)["x"], session(**second)["x"], atol=1e-6)
    np.testing.assert_array_equal(kept["x"], wanted)  # what was handed out is not written to again


def test_inputs_stay_where_they_were_written(session):
    bound, inputs = session.bind(4), rows(4)
    bound.write(**inputs)
    bound.run()
    np.testing.assert_allclose(bound.read()["x"], session(**inputs)["x"], atol=1e-6)
    other = {**inputs, "label": np.array([9, 8, 7, 6])}
    bound.write(label=[9, 8, 7, 6])  # the codes stay
    bound.run()
    np.testing.assert_allclose(bound.read()["x"], session(**other)["x"], atol=1e-6)


def test_several_sizes_live_side_by_side(session):
    bound = {n: session.bind(n) for n in (1, 3, 8)}
    for n in (8, 1, 3, 1):
        inputs = rows(n, n)
        np.testing.assert_allclose(bound[n](**inputs)["x"], session(**inputs)["x"], atol=1e-6)


def test_inputs_are_checked_as_everywhere(session):
    bound = session.bind(2)
    with pytest.raises(
        ValueError, match=r"The inputs have 3 rows, but the buffers have 2: use bind\(3\)"
    ):
        bound(**rows(3))
    with pytest.raises(ValueError, match="Received: z"):
        bound(z=rows(2)["z"])
    with pytest.raises(ValueError, match="Received: nothing"):
        bound.write()
    with pytest.raises(ValueError, match="got values from 0 to 10"):
        bound.write(label=[0, 10])
    with pytest.raises(ValueError, match="different numbers of rows"):
        bound.write(z=np.zeros((2, 3)), label=[1])


def test_unwritten_buffers_are_refused(session):
    bound = session.bind(2)
    with pytest.raises(ValueError, match="label, z was never written: write all inputs before"):
        bound.run()
    bound.write(z=np.zeros((2, 3)))
    with pytest.raises(ValueError, match="label was never written"):
        bound.run()
    with pytest.raises(ValueError, match="There are no outputs to read yet"):
        bound.read()
    bound.write(label=[1, 2])
    bound.run()
    expected = session(z=np.zeros((2, 3)), label=[1, 2])["x"]
    np.testing.assert_allclose(bound.read()["x"], expected, atol=1e-6)


@pytest.mark.parametrize("size", [0, -1, 2.0, "4"])
def test_an_impossible_size_is_refused(session, size):
    with pytest.raises(ValueError, match="a whole number of at least 1"):
        session.bind(size)


def test_threads_that_share_buffers_wait_for_each_other(session):
    bound, wrong = session.bind(6), []
    cases = [rows(6, seed) for seed in range(8)]
    wanted = [session(**case)["x"] for case in cases]

    def call(number):
        got = [bound(**cases[number])["x"] for _ in range(50)]
        wrong.extend(number for x in got if not np.allclose(x, wanted[number], atol=1e-6))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_every_size_has_its_own_graph(exported, monkeypatch):
    """What onnxruntime is told of CUDA graphs; none are recorded on a CPU."""
    said = []
    monkeypatch.setattr(binding, "run_options", lambda graph: said.append(graph))
    session = export.load(exported[0] / "decoder")
    assert session.bind(2)(**rows(2)).keys() == {"x"}
    recording = Session(session.signature, session.onnx, cuda_graph=True)
    for n in (2, 3):
        assert recording.bind(n)(**rows(n)).keys() == {"x"}
    recording(**rows(4))
    assert said == [None, -1, 1, 2]  # no graphs; calls of the session itself; one graph a binding


def test_run_options_name_the_graph():
    assert binding.run_options(None) is None
    assert binding.run_options(3).get_run_config_entry("gpu_graph_id") == "3"
    assert binding.without_graph().get_run_config_entry("gpu_graph_id") == "-1"


def test_cuda_graphs_are_asked_of_the_provider(exported, monkeypatch):
    asked = []

    def opened(model, options=None, providers=()):
        asked.append(providers)
        return real(model, options, providers=["CPUExecutionProvider"])

    real = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "InferenceSession", opened)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None)
    for graph in (False, True):
        session = export.load(exported[0] / "decoder", device="auto", cuda_graph=graph)
        assert session.device == "cpu"  # it fell back, and says so
        assert session.bind(2)(**rows(2)).keys() == {"x"}
    settings = [providers[0][1] for providers in asked if isinstance(providers[0], tuple)]
    assert settings == [{"use_tf32": "0"}, {"use_tf32": "0", "enable_cuda_graph": "1"}]
