"""Folders and files are written whole or not at all, and replace only what was written here."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from zoo.files import atomic_writes, folder_exchange
from zoo.files.atomic_writes import (
    LIST,
    check_file,
    check_target,
    publish_file,
    publish_folder,
    write_file,
)


def content(folder):
    """Every file below a folder, with its text, but the lists of what was written."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != LIST)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


@pytest.fixture
def old(tmp_path):
    with publish_folder(tmp_path / "target") as scratch:
        (scratch / "card.json").write_text("old")
        (scratch / "empty").mkdir()
    return tmp_path / "target"


def write_new(target, **options):
    with publish_folder(target, **options) as scratch:
        (scratch / "signature.json").write_text("new")


def test_a_new_folder_appears_when_it_is_complete(tmp_path):
    target = tmp_path / "deep" / "target"
    with publish_folder(target) as scratch:
        (scratch / "signature.json").write_text("new")
        assert not target.exists()
        assert scratch.parent.parent == target.parent
    assert content(tmp_path) == {"deep/target/signature.json": "new"}
    assert json.loads((target / LIST).read_text()) == {"written": ["signature.json", LIST]}


def test_an_existing_folder_is_refused(old):
    with pytest.raises(FileExistsError, match=r"overwrite=True.*--overwrite"):
        write_new(old)
    assert content(old.parent) == {"target/card.json": "old"}


def test_an_empty_folder_may_be_filled(tmp_path):
    write_new(tmp_path / "target")
    (tmp_path / "empty").mkdir()
    write_new(tmp_path / "empty")
    assert content(tmp_path / "empty") == {"signature.json": "new"}


def test_overwriting_replaces_the_whole_folder(old):
    write_new(old, overwrite=True)
    assert content(old.parent) == {"target/signature.json": "new"}
    assert os.listdir(old.parent) == ["target"]


def test_a_file_in_the_way_is_never_replaced(tmp_path):
    (tmp_path / "target").write_text("mine")
    with pytest.raises(FileExistsError, match="is a file"):
        write_new(tmp_path / "target", overwrite=True)
    assert (tmp_path / "target").read_text() == "mine"


@pytest.mark.parametrize(
    "error", [ValueError("wrong"), KeyboardInterrupt(), OSError(errno.ENOSPC, "no space left")]
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_an_error_in_the_middle_leaves_everything_as_it_was(error, overwrite, tmp_path):
    target = tmp_path / "target"
    if overwrite:
        write_new(target)
        (target / "signature.json").write_text("old")
    before = content(tmp_path)
    with pytest.raises(type(error)), publish_folder(target, overwrite) as scratch:
        (scratch / "half.txt").write_text("half")
        raise error
    assert content(tmp_path) == before
    assert os.listdir(tmp_path) == (["target"] if overwrite else [])


@pytest.fixture(params=["in one step", "in two steps"])
def steps(request, monkeypatch):
    """Folders change places in one step, as on Linux and macOS, or in two, as elsewhere."""
    if request.param == "in two steps":
        monkeypatch.setattr(folder_exchange, "_exchanged", lambda new, target: False)
    elif sys.platform not in ("linux", "darwin"):
        pytest.skip("this system has no such step")


def test_folders_are_exchanged_in_one_step_if_the_system_can(tmp_path):
    (tmp_path / "a" / "of a").mkdir(parents=True)
    (tmp_path / "b" / "of b").mkdir(parents=True)
    exchanged = folder_exchange._exchanged(tmp_path / "a", tmp_path / "b")
    assert exchanged == (sys.platform in ("linux", "darwin"))
    assert os.listdir(tmp_path / "a") == (["of b"] if exchanged else ["of a"])
    assert not folder_exchange._exchanged(tmp_path / "a", tmp_path / "none")


@pytest.mark.parametrize("failing", [1, 2])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.EIO, "broken disk")])
def test_an_error_between_two_steps_keeps_the_old_folder(failing, error, old, monkeypatch):
    calls, rename = [], os.rename

    def fails_once(source, target):
        calls.append(source)
        if len(calls) == failing:
            raise error
        rename(source, target)

    monkeypatch.setattr(folder_exchange, "_exchanged", lambda new, target: False)
    monkeypatch.setattr(os, "rename", fails_once)
    with pytest.raises(type(error)):
        write_new(old, overwrite=True)
    assert content(old.parent) == {"target/card.json": "old"}
    assert os.listdir(old.parent) == ["target"]


def a_project(folder):
    """A folder of somebody's work, in which a preset was once unpacked."""
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text("mine")
    (folder / "card.json").write_text("of a preset")


def two_presets(folder):
    for name in ("one", "two"):
        write_new(folder / name)
    (folder / "notes.txt").write_text("mine")


def a_preset_and_notes(folder):
    write_new(folder)
    (folder / "notes.txt").write_text("mine")


def a_preset_and_a_folder(folder):
    write_new(folder)
    (folder / "later").mkdir()


def a_preset_and_a_link(folder):
    write_new(folder)
    (folder / "link").symlink_to(folder.parent)


def another_preset_inside(folder):
    write_new(folder)
    write_new(folder / "inside")


def a_broken_list(folder):
    write_new(folder)
    (folder / LIST).write_text('{"written": 3}')


def a_list_that_names_what_lies_elsewhere(folder):
    write_new(folder / "deep")
    (folder / "deep" / LIST).write_text('{"written": ["../signature.json", "signature.json"]}')
    (folder / LIST).write_text('{"written": ["deep"]}')


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (a_project, "has no list of its files"),
        (two_presets, "has no list of its files"),
        (a_preset_and_notes, "not written by the zoo: notes.txt"),
        (a_preset_and_a_folder, "not written by the zoo: later"),
        (a_preset_and_a_link, "not written by the zoo: link"),
        (
            another_preset_inside,
            r"not written by the zoo: inside, inside/\.written",
        ),
        (a_broken_list, "has no list of its files"),
        (a_list_that_names_what_lies_elsewhere, r"not written by the zoo: \.written\.json, deep/"),
    ],
)
def test_other_files_are_never_replaced(make, said, tmp_path):
    target = tmp_path / "target"
    make(target)
    before = sorted(target.rglob("*")), content(target)
    with pytest.raises(FileExistsError, match=said):
        check_target(target, overwrite=True)
    with pytest.raises(FileExistsError, match=said):
        write_new(target, overwrite=True)
    assert (sorted(target.rglob("*")), content(target)) == before
    assert os.listdir(tmp_path) == ["target"]


def test_a_link_is_not_replaced(old):
    link = old.with_name("link")
    link.symlink_to(old)
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match="is a link"):
            write_new(link, overwrite=overwrite)
    assert link.is_symlink()
    assert content(old) == {"card.json": "old"}


def test_the_current_folder_is_never_replaced(old, monkeypatch):
    monkeypatch.chdir(old / "empty")
    for target in (".", "..", old):
        if os.listdir(target):
            with pytest.raises(FileExistsError, match="is your current or home folder"):
                write_new(target, overwrite=True)
    assert content(old) == {"card.json": "old"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_that_appears_meanwhile_is_left_alone(overwrite, steps, tmp_path):
    target = tmp_path / "target"
    said = pytest.raises(FileExistsError, match="another process during this run")
    with said, publish_folder(target, overwrite) as scratch:
        (scratch / "signature.json").write_text("slow")
        write_new(target)
    assert content(tmp_path) == {"target/signature.json": "new"}
    assert os.listdir(tmp_path) == ["target"]


def replace_it(folder):
    write_new(folder, overwrite=True)


def put_something_into_it(folder):
    (folder / "notes.txt").write_text("mine")


def put_something_deep_into_it(folder):
    (folder / "empty" / "notes.txt").write_text("mine")


@pytest.mark.parametrize("change", [replace_it, put_something_into_it, put_something_deep_into_it])
def test_a_folder_that_changes_meanwhile_is_not_replaced(change, steps, old):
    said = pytest.raises(
        FileExistsError, match="another process during this run|not written by the zoo"
    )
    with said, publish_folder(old, overwrite=True) as scratch:
        (scratch / "signature.json").write_text("slow")
        change(old)
        changed = content(old)
    assert content(old) == changed
    assert os.listdir(old.parent) == ["target"]


KILLED = """
import os, signal, sys
from zoo.files import atomic_writes
from zoo.files import folder_exchange
target, moment = sys.argv[1:]
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if moment == "between two steps":
    folder_exchange._exchanged = lambda new, target: False
    rename = os.rename
    os.rename = lambda a, b: kill() if str(b) == target else rename(a, b)
if moment == "after the exchange":
    atomic_writes.shutil.rmtree = lambda *_, **__: kill()
with atomic_writes.publish_folder(target, overwrite=True) as scratch:
    (scratch / "signature.json").write_text("new")
    if moment == "while it is written":
        kill()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize(
    ("moment", "there"),
    [
        ("while it is written", {"card.json": "old"}),
        ("between two steps", {"card.json": "old"}),
        ("after the exchange", {"signature.json": "new"}),
    ],
)
def test_files_of_a_killed_process_are_restored_or_removed(moment, there, old):
    command = [sys.executable, "-c", KILLED, str(old), moment]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert len(os.listdir(old.parent)) == 1 + old.exists()
    with pytest.raises(FileExistsError, match="exists already"):  # within the minute
        write_new(old)
    assert content(old) == there
    assert os.listdir(old.parent) == ["target"]
    write_new(old, overwrite=True)
    assert content(old.parent) == {"target/signature.json": "new"}


def test_files_of_another_process_are_not_removed(tmp_path, monkeypatch):
    later = time.time() + 100
    monkeypatch.setattr(atomic_writes.time, "time", lambda: later)
    with publish_folder(tmp_path / "target") as scratch:
        (scratch / "signature.json").write_text("slow")
        with pytest.raises(ValueError, match="stopped"), publish_folder(tmp_path / "target"):
            raise ValueError("stopped")
        assert (scratch / "signature.json").exists()
    assert content(tmp_path) == {"target/signature.json": "slow"}


@pytest.mark.skipif(not atomic_writes.fcntl, reason="this system has no such locks")
def test_a_folder_that_is_just_being_made_is_left_and_an_old_one_removed(tmp_path, monkeypatch):
    """Between the folder and its lock a process can be killed, or only be slow."""
    hidden = tmp_path / ".target.abc.writing"
    hidden.mkdir()
    other = tmp_path / ".[target].abc.writing"  # of a target with another name
    other.mkdir()
    write_new(tmp_path / "target")
    assert hidden.exists()
    later = time.time() + 100
    monkeypatch.setattr(atomic_writes.time, "time", lambda: later)
    write_new(tmp_path / "target", overwrite=True)
    assert sorted(os.listdir(tmp_path)) == [other.name, "target"]


@pytest.mark.skipif(not atomic_writes.fcntl, reason="this system has no such locks")
def test_a_folder_that_was_removed_before_it_was_locked_is_made_again(tmp_path, monkeypatch):
    made, lock = [], atomic_writes.fcntl.flock

    def slow(file, how):
        made.append(how)
        if len(made) == 1:  # another process finds the lock free, and takes the folder for a rest
            (folder,) = tmp_path.glob(".target.*.writing")
            atomic_writes.shutil.rmtree(folder)
        lock(file, how)

    monkeypatch.setattr(atomic_writes.fcntl, "flock", slow)
    write_new(tmp_path / "target")
    assert content(tmp_path) == {"target/signature.json": "new"}
    assert len(made) == 2
    assert os.listdir(tmp_path) == ["target"]


@pytest.mark.parametrize("below", ["file/target", "file/deep/target"])
def test_a_target_below_a_file_is_refused(below, tmp_path):
    (tmp_path / "file").write_text("mine")
    for check in (check_target, check_file):
        with pytest.raises(NotADirectoryError, match="file is a file, not a folder: choose"):
            check(tmp_path / below, overwrite=True)
    for publish in (publish_folder, publish_file):
        refused = pytest.raises(NotADirectoryError, match="file is a file, not a folder")
        with refused, publish(tmp_path / below):
            pytest.fail("it began")
    assert (tmp_path / "file").read_text() == "mine"


FULL = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    OSError("Can't write data (file write failed: errno = 28, 'No space left on device')"),
]


@pytest.mark.parametrize("error", FULL)
@pytest.mark.parametrize("publish", [publish_folder, publish_file])
def test_the_error_of_a_full_disk_names_the_target(error, publish, tmp_path):
    said = pytest.raises(OSError, match="free some space, or .*another disk.*target")
    with said as caught, publish(tmp_path / "target"), publish_file(tmp_path / "inner"):
        raise error
    assert str(caught.value).count("free some space") == 1
    assert caught.value.filename == str(tmp_path / "target")
    assert caught.value.errno in (errno.ENOSPC, errno.EDQUOT)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_the_error_of_a_device_that_is_full_names_the_target(tmp_path):
    said = pytest.raises(OSError, match="No space left on device; free some space.*target")
    with said, publish_folder(tmp_path / "target") as scratch:
        (scratch / "file").symlink_to("/dev/full")
        (scratch / "file").write_text("text")


def test_other_errors_stay_as_they_are(tmp_path):
    error = PermissionError(errno.EACCES, "not allowed", "elsewhere")
    with pytest.raises(PermissionError) as caught, publish_folder(tmp_path / "target"):
        raise error
    assert caught.value is error


def test_a_file_is_replaced_whole(tmp_path, monkeypatch):
    path = tmp_path / "card.json"
    write_file(path, "old")
    write_file(path, "new ä")
    assert path.read_text(encoding="utf-8") == "new ä"

    def full(source, target):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        write_file(path, "newer")
    assert path.read_text(encoding="utf-8") == "new ä"
    assert os.listdir(tmp_path) == ["card.json"]


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_appears_meanwhile_is_left_alone(links, tmp_path, monkeypatch):
    def none(source, target):
        raise OSError(errno.EPERM, "no hard links here")

    if not links:
        monkeypatch.setattr(os, "link", none)
    path = tmp_path / "picture.png"
    with publish_file(path) as scratch:
        scratch.write_text("first")
        assert scratch.suffix == ".png"
    with pytest.raises(FileExistsError, match="overwrite=True"), publish_file(path):
        pass
    path.unlink()
    with pytest.raises(FileExistsError, match="overwrite=True"), publish_file(path) as scratch:
        path.write_text("mine")
    assert path.read_text() == "mine"
    assert os.listdir(tmp_path) == ["picture.png"]
