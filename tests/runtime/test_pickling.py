"""A session is sent to other processes by its folder, as engines on several machines need it."""

import copy
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import export
from zoo.runtime import Session

pytestmark = pytest.mark.lowest

Z = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
LABELS = np.arange(40, dtype="int32") % 10


@pytest.fixture
def session(exported):
    return export.load(exported[0] / "decoder", threads=1, memory=2**16)


def test_a_pickle_holds_the_folder_and_not_the_weights(session, exported):
    pickled = pickle.dumps(session)
    assert len(pickled) < 500 < (exported[0] / "decoder" / "model.onnx").stat().st_size
    again = pickle.loads(pickled)
    assert (again.rows_at_once, again.device) == (session.rows_at_once, "cpu")
    assert again.onnx.get_session_options().intra_op_num_threads == 1
    for name, array in session(z=Z, label=LABELS).items():
        np.testing.assert_array_equal(again(z=Z, label=LABELS)[name], array)


def test_a_relative_folder_is_found_from_elsewhere(exported, tmp_path, monkeypatch):
    monkeypatch.chdir(exported[0])
    pickled = pickle.dumps(export.load("decoder"))
    monkeypatch.chdir(tmp_path)
    assert pickle.loads(pickled)(z=Z, label=LABELS)["x"].shape[0] == 40


PROGRAM = """
import pickle, sys
import numpy as np
session = pickle.load(open(sys.argv[1], "rb"))
given = np.load(sys.argv[2])
np.savez(sys.argv[3], **session(**given))
print("keras" in sys.modules)
"""


def test_another_process_runs_it_without_keras(session, tmp_path):
    files = [tmp_path / name for name in ("session.pickle", "given.npz", "found.npz")]
    files[0].write_bytes(pickle.dumps(session))
    np.savez(files[1], z=Z, label=LABELS)
    command = [sys.executable, "-c", PROGRAM, *map(str, files)]
    root = Path(export.__file__).parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "False"
    np.testing.assert_array_equal(np.load(files[2])["x"], session(z=Z, label=LABELS)["x"])


def test_a_folder_that_is_gone_or_changed_is_refused(session, exported, tmp_path):
    copy = tmp_path / "decoder"
    copy.mkdir()
    for path in (exported[0] / "decoder").glob("*.*"):
        (copy / path.name).write_bytes(path.read_bytes())
    pickled = pickle.dumps(export.load(copy))
    with (copy / "model.onnx").open("ab") as file:
        file.write(b"more")
    with pytest.raises(ValueError, match=r"model\.onnx"):
        pickle.loads(pickled)
    (copy / "model.onnx").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.onnx is missing"):
        pickle.loads(pickled)


def test_a_session_that_no_folder_opened_is_not_pickled(session):
    bare = Session(session.signature, session.onnx)
    with pytest.raises(TypeError, match="Only a session that load"):
        pickle.dumps(bare)


def test_a_folder_with_another_model_is_refused(exported, tmp_path):
    shutil.copytree(exported[0] / "decoder", tmp_path / "part")
    pickled = pickle.dumps(export.load(tmp_path / "part"))
    shutil.rmtree(tmp_path / "part")
    shutil.copytree(exported[0] / "encoder", tmp_path / "part")
    with pytest.raises(ValueError, match="another model than when the session was pickled"):
        pickle.loads(pickled)


def test_a_copy_in_the_process_shares_the_session(session):
    session.rows_at_once = 7
    again = copy.copy(session)
    assert (again.rows_at_once, again.onnx) == (7, session.onnx)
