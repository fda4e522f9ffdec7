"""Locks of folders: which process has one, and when it is free again."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from zoo.files.locks import LOCK, lock_folder, unlock_folder

pytestmark = pytest.mark.lowest
IMPORT = "import os, sys; from zoo.files.locks import lock_folder, unlock_folder; "
HOLD = IMPORT + "lock_folder(sys.argv[1]); "
SAY = "print('held', flush=True); sys.stdin.read()"
ROOT = Path(zoo.__file__).parents[1]


@pytest.fixture
def start():
    """Start a program in another process; it says "held" when it has come to that line."""
    started = []

    def start(program, folder):
        command = [sys.executable, "-c", program, folder]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, cwd=ROOT, **pipes))
        assert started[-1].stdout.readline() == "held\n"
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()  # this ends what it forked, too


def test_a_lock_is_that_of_one_process_until_it_is_killed(start, tmp_path):
    holder = start(HOLD + SAY, tmp_path)
    for _ in range(2):  # the first that is refused leaves the number where it is
        with pytest.raises(BlockingIOError, match=f"^Process {holder.pid} trains .* use another"):
            lock_folder(tmp_path)
    holder.kill()
    holder.wait()
    lock_folder(tmp_path)
    unlock_folder(tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked on this system")
def test_processes_that_the_holder_forked_do_not_hold_its_lock(start, tmp_path):
    fork = "os.fork() and sys.stdin.read(); "
    holder = start(HOLD + fork + SAY, tmp_path)  # the child says it
    with pytest.raises(BlockingIOError, match=f"Process {holder.pid} "):
        lock_folder(tmp_path)
    holder.kill()
    holder.wait()
    lock_folder(tmp_path)  # while the child lives
    unlock_folder(tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked on this system")
def test_a_forked_process_cannot_release_the_lock_of_its_parent(start, tmp_path):
    fork = "child = os.fork(); child or unlock_folder(sys.argv[1]) or os._exit(0); "
    start(HOLD + fork + "os.waitpid(child, 0); " + SAY, tmp_path)
    with pytest.raises(BlockingIOError, match="trains with its state"):
        lock_folder(tmp_path)


def test_a_process_may_lock_its_folder_again_and_by_another_path(start, tmp_path):
    lock_folder(tmp_path)
    (tmp_path / "inside").mkdir()
    lock_folder(tmp_path / "inside" / "..")
    unlock_folder(tmp_path)
    start(HOLD + SAY, tmp_path)  # it is free after one release


def test_a_folder_that_was_deleted_meanwhile_is_locked_anew(start, tmp_path):
    folder = tmp_path / "state"
    lock_folder(folder)
    shutil.rmtree(folder)
    lock_folder(folder)
    refused = IMPORT + "\ntry: lock_folder(sys.argv[1])\nexcept BlockingIOError: print('held')"
    start(refused, folder)
    shutil.rmtree(folder)
    holder = start(HOLD + SAY, folder)
    with pytest.raises(BlockingIOError, match=f"Process {holder.pid} "):
        lock_folder(folder)


def test_a_number_that_cannot_be_read_is_left_out(start, tmp_path):
    start(HOLD + SAY, tmp_path)
    (tmp_path / LOCK).write_text("no number")
    with pytest.raises(BlockingIOError, match="^Another process trains with its state in"):
        lock_folder(tmp_path)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_locks_nothing(number, tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def flock(file, how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    for _ in range(2):
        lock_folder(tmp_path)
    unlock_folder(tmp_path)


def test_a_folder_whose_lock_cannot_be_written_is_refused(tmp_path):
    (tmp_path / LOCK).mkdir()
    with pytest.raises(OSError, match=LOCK):
        lock_folder(tmp_path)
