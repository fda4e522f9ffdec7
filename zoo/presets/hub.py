"""Presets in repositories of the Hugging Face hub, by names such as `hf://user/name@v1`.

Only the three files that loading needs are downloaded, all from one commit, into a folder for that
commit. `zoo.files.downloads` reads them and limits their size, which huggingface_hub does not do.
The hub describes a repository at `ENDPOINT/api/models/REPOSITORY/revision/REVISION?blobs=true`; the
files are at `ENDPOINT/REPOSITORY/resolve/COMMIT/FILE`. This module needs neither Keras nor NumPy.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from zoo.files.atomic_writes import publish_folder
from zoo.files.download_cache import (
    LARGEST_CARD,
    LARGEST_CONFIG,
    LARGEST_WEIGHTS,
    cache_folder,
)
from zoo.files.downloads import UnreachableError, cleaned, download
from zoo.presets import hub_access
from zoo.presets.card import CARD, CONFIG, WEIGHTS, Card, describe_file, read_card, verified_file
from zoo.runtime.json_file import parse_object, shortened

PREFIX = "hf://"
_NAME = re.compile(r"hf://(\w[\w.-]*/\w[\w.-]*)(?:@([^\s@]+))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LARGEST_INFO = 2**22  # bytes of the hub's description of a repository
_LARGEST = {CARD: LARGEST_CARD, CONFIG: LARGEST_CONFIG, WEIGHTS: LARGEST_WEIGHTS}


class Info(NamedTuple):
    """The hub's description of a repository: the commit, whether it is private, sizes of files."""

    commit: str
    private: bool
    sizes: dict[str, int | None]


class Place(NamedTuple):
    """The parts of a name: the repository "user/name", and a branch, tag or commit, or None."""

    repository: str
    revision: str | None

    def __str__(self):
        at = f"@{self.revision}" if self.revision else ""
        return f"{PREFIX}{self.repository}{at}"


def is_name(name: str | os.PathLike) -> bool:
    """Return whether a name means a repository of the hub."""
    return os.fspath(name).startswith(PREFIX)


def parsed(name: str) -> Place:
    """Return the repository and the revision of a name.

    Raises:
        ValueError: the name has another form, or the hub does not accept it; or HF_ENDPOINT is not
            the address of a hub.
    """
    found = _NAME.fullmatch(name)  # stricter than the hub, as folders of the cache get these names
    if not found:
        raise ValueError(
            f"{name!r} is not the name of a repository on the hub: write hf://user/name, or "
            "hf://user/name@revision with a branch, a tag or a commit."
        )
    place = Place(*found.groups())
    hub_access.endpoint()  # refuses addresses with which the library cannot be imported
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(place.repository)
    except ValueError as error:
        raise ValueError(f"The hub cannot have a repository named {name!r}: {error}") from error
    return place


def pinned(name: str) -> str:
    """Return the name with the current commit of its branch or tag: hf://user/name@<40 digits>.

    A name with a full commit hash is returned unchanged, without a request.

    Raises:
        ValueError: the name has another form, or there is no such repository or revision.
        PermissionError: the user must first accept the terms of the repository.
        ConnectionError: the hub cannot be reached, or the server does not answer like a hub.
    """
    place = parsed(name)
    if place.revision and _COMMIT.fullmatch(place.revision):
        return name
    return str(Place(place.repository, info(place).commit))


def folder(name: str) -> Path:
    """Return the folder of a preset on the hub, downloaded or from the cache.

    A commit that was downloaded before needs no network.

    Raises:
        ValueError: as for `pinned`; or the repository is not a preset, is too large, or has other
            files than its card states.
        PermissionError, ConnectionError: as for `pinned`.
    """
    place = parsed(pinned(name))
    target = _folder_in_cache(place)
    if not _is_whole(target):
        try:
            _download(place, target)
        except FileExistsError:
            if not _is_whole(target):  # another process may have downloaded it meanwhile
                raise
    return target


def card(name: str) -> Card:
    """Return the card of a preset on the hub; its weights are not downloaded.

    Raises:
        ValueError, PermissionError, ConnectionError: as for `folder`.
    """
    place = parsed(pinned(name))
    target = _folder_in_cache(place)
    if _is_whole(target):
        return read_card(target)
    with tempfile.TemporaryDirectory() as scratch, _naming(place, scratch):
        sizes = info(place).sizes
        _check_sizes(place, sizes)
        _fetch(place, CARD, sizes, scratch)
        return read_card(Path(scratch))


def _folder_in_cache(place) -> Path:
    host = re.sub(r"[^\w.-]", "_", urlsplit(hub_access.endpoint()).netloc)
    return cache_folder().joinpath("hub", host, *place.repository.split("/"), place.revision)


def _is_whole(folder) -> bool:
    try:
        found = read_card(folder)
        return all(verified_file(folder, found, file) for file in (CONFIG, WEIGHTS))
    except (OSError, ValueError):
        return False


def _download(place, target):
    """Write the files of a commit into a folder of the cache, completely or not at all."""
    with publish_folder(target, overwrite=True) as scratch, _naming(place, scratch):
        sizes = info(place).sizes
        _check_sizes(place, sizes)
        _fetch(place, CARD, sizes, scratch)
        described = read_card(scratch)["files"]
        for file in (CONFIG, WEIGHTS):
            if described[file]["bytes"] != sizes[file]:
                raise ValueError(
                    f"{file} has {sizes[file]:,} bytes, but its card says "
                    f"{described[file]['bytes']:,}: one of them was changed. Nothing was loaded."
                )
        for file in (CONFIG, WEIGHTS):
            _fetch(place, file, sizes, scratch)
            if describe_file(scratch / file)["sha256"] != described[file]["sha256"]:
                raise ValueError(
                    f"{file} does not have the sha256 that its card states: one of them was "
                    "changed. Nothing was loaded; ask the owner, or name an earlier commit."
                )


@contextlib.contextmanager
def _naming(place, scratch):
    """Name the repository in errors, instead of the temporary folder."""
    try:
        yield
    except ValueError as error:
        said = str(error).replace(f"{scratch}{os.sep}", "")
        raise ValueError(f"{place}: {said}") from error


def _check_sizes(place, sizes):
    """Refuse a repository that is not a preset, or is too large, before anything is downloaded."""
    missing = [file for file in _LARGEST if file not in sizes]
    if missing:
        raise ValueError(
            f"this repository is not a preset, as it has no {', '.join(missing)}. Presets are "
            "written there by zoo.push."
        )
    for file, largest in _LARGEST.items():
        size = sizes[file]
        if size is None or not 0 <= size <= largest:
            said = "an unknown number of" if size is None else f"{size:,}"
            raise ValueError(
                f"{file} has {said} bytes; at most {largest:,} are downloaded. If you trust it, "
                f"download the repository yourself (`hf download {place.repository}`), and give "
                "zoo.load the folder."
            )


def info(place: Place) -> Info:
    """Return the hub's description of a repository at a revision.

    Raises:
        ValueError, PermissionError, ConnectionError: as for `pinned`.
    """
    path = f"api/models/{place.repository}"
    if place.revision:
        path += f"/revision/{quote(place.revision, safe='')}"
    answer = io.BytesIO()
    kind = _get(place, f"{path}?blobs=true", answer, _LARGEST_INFO)
    host = hub_access.endpoint()
    try:
        found = parse_object(answer.getvalue(), "the answer")
        commit, asked = found.get("sha"), place.revision or ""
        files = {file["rfilename"]: file.get("size") for file in found.get("siblings") or ()}
        if not all(isinstance(file, str) for file in files):
            raise TypeError("a file name is not text")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConnectionError(
            f"{host} does not answer as the hub does ({kind or 'no type'}; {cleaned(error)}). A "
            "proxy, or the login page of a network, may have answered instead: open "
            f"{host} in a browser, and check HF_ENDPOINT."
        ) from None
    known = _COMMIT.fullmatch(commit) if isinstance(commit, str) else None
    if known is None or (_COMMIT.fullmatch(asked) and commit != asked):
        raise ValueError(f"{host} states the invalid commit {shortened(commit)} for {place}.")
    sizes = {name: size if type(size) is int else None for name, size in files.items()}
    return Info(known[0], found.get("private") is not False, sizes)


def _fetch(place, file, sizes, target):
    """Download one file of a commit into a folder; it must have the size that the hub states."""
    path = f"{place.repository}/resolve/{place.revision}/{file}"
    with open(Path(target, file), "wb") as written:
        _get(place, path, written, _LARGEST[file], exactly=sizes[file])


def _get(place, path, file, most, exactly=None) -> str:
    """Download a path of the hub into a file, and return the content type."""
    host = hub_access.endpoint()
    if hub_access.is_offline():
        raise _unreachable(place, host, "HF_HUB_OFFLINE is set.")
    token = hub_access.token()
    try:
        answer = download(f"{host}/{path}", file, most, exactly=exactly, token=token)
    except UnreachableError as error:
        raise _unreachable(place, host, error) from None
    if answer.status != 200:
        # Without a token, the hub may answer only 401 if a repository does not exist or is private.
        unknown = answer.status == 401 and "Invalid credentials" not in answer.message
        code = answer.error or ("RepoNotFound" if unknown else "")
        raise hub_access.refusal(place, answer.status, code, answer.message)
    return answer.content_type


def _unreachable(place, host, why) -> ConnectionError:
    return ConnectionError(
        f"{host} cannot be reached for {place}: {why} Also check HF_ENDPOINT and HF_HUB_OFFLINE. "
        "Without a network, name a commit that was loaded before: "
        f"{PREFIX}{place.repository}@<40 digits>."
    )
