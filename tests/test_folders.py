"""Folders and files are written whole or not at all."""

import errno
import os

import pytest

from zoo.folders import publish_folder, write_file


def content(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.*")}


@pytest.fixture
def old(tmp_path):
    folder = tmp_path / "target"
    folder.mkdir()
    (folder / "card.json").write_text("old")
    return folder


def write_new(target, **options):
    with publish_folder(target, **options) as scratch:
        (scratch / "signature.json").write_text("new")


def test_a_new_folder_appears_when_it_is_complete(tmp_path):
    target = tmp_path / "deep" / "target"
    with publish_folder(target) as scratch:
        (scratch / "signature.json").write_text("new")
        assert not target.exists()
        assert scratch.parent == target.parent
    assert content(tmp_path) == {"deep/target/signature.json": "new"}


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


@pytest.mark.parametrize("failing", [1, 2])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.EIO, "broken disk")])
def test_an_error_while_folders_change_places_keeps_the_old_one(failing, error, old, monkeypatch):
    calls, rename = [], os.rename

    def fails_once(source, target):
        calls.append(source)
        if len(calls) == failing:
            raise error
        rename(source, target)

    monkeypatch.setattr(os, "rename", fails_once)
    with pytest.raises(type(error)):
        write_new(old, overwrite=True)
    assert content(old.parent) == {"target/card.json": "old"}
    assert os.listdir(old.parent) == ["target"]


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


def test_a_folder_of_other_things_is_never_replaced(tmp_path):
    target = tmp_path / "target"
    (target / "documents").mkdir(parents=True)
    (target / "documents" / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="delete it yourself"):
        write_new(target, overwrite=True)
    assert content(tmp_path) == {"target/documents/thesis.txt": "mine"}


def test_the_folder_where_the_user_stands_is_never_replaced(old, monkeypatch):
    (old / "deeper").mkdir()
    monkeypatch.chdir(old / "deeper")
    for target in (".", "..", old):
        with pytest.raises(FileExistsError, match="delete it yourself"):
            write_new(target, overwrite=True)
    assert content(old) == {"card.json": "old"}
