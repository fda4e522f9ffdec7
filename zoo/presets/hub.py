"""Presets in repositories of the Hugging Face hub, by names such as `hf://user/name@v1`.

Only the three files that loading needs are downloaded, all from one commit, and kept in a folder of
that commit. This module needs neither Keras nor NumPy.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from zoo.atomic_writes import publish_folder
from zoo.presets.card import CARD, CONFIG, WEIGHTS, Card, describe_file, read_card, verified_file
from zoo.presets.download_cache import (
    LARGEST_CARD,
    LARGEST_CONFIG,
    LARGEST_WEIGHTS,
    cache_folder,
)

PREFIX = "hf://"
_NAME = re.compile(r"hf://(\w[\w.-]*/\w[\w.-]*)(?:@([^\s@]+))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LARGEST = {CARD: LARGEST_CARD, CONFIG: LARGEST_CONFIG, WEIGHTS: LARGEST_WEIGHTS}


class Place(NamedTuple):
    """What a name says: the repository as "user/name", and a branch, a tag, a commit, or None."""

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
        ValueError: the name has another form.
    """
    found = _NAME.fullmatch(name)
    if not found:
        raise ValueError(
            f"{name!r} is not the name of a repository on the hub: write hf://user/name, or "
            "hf://user/name@revision with a branch, a tag or a commit."
        )
    return Place(*found.groups())


def pinned(name: str) -> str:
    """Return the name with the commit that its branch or tag means now: hf://user/name@<40 digits>.

    A name that has a whole commit hash is returned as it is, without a request.

    Raises:
        ValueError: a name of another form; no such repository or revision.
        ConnectionError: the hub cannot be reached.
        ImportError: huggingface_hub is not installed.
    """
    place = parsed(name)
    if place.revision and _COMMIT.fullmatch(place.revision):
        return name
    return str(Place(place.repository, _info(place).sha))


def folder(name: str) -> Path:
    """Return the folder of a preset on the hub, downloaded or from the cache.

    A commit that was downloaded before needs no network.

    Raises:
        ValueError: as `pinned`; a repository that is not a preset, or too large, or whose files are
            not those of its card.
        ConnectionError, ImportError: as `pinned`.
    """
    place = parsed(pinned(name))
    target = _folder_in_cache(place)
    if not _is_whole(target):
        try:
            _download(place, target)
        except FileExistsError:
            if not _is_whole(target):  # as it is if another process has downloaded it meanwhile
                raise
    return target


def card(name: str) -> Card:
    """Return the card of a preset on the hub; its weights are not downloaded.

    Raises:
        ValueError, ConnectionError, ImportError: as `folder`.
    """
    place = parsed(pinned(name))
    target = _folder_in_cache(place)
    if _is_whole(target):
        return read_card(target)
    with tempfile.TemporaryDirectory() as scratch, _naming(place, scratch):
        _check_sizes(place, _sizes(place))
        _fetch(place, CARD, scratch)
        return read_card(Path(scratch))


def _folder_in_cache(place) -> Path:
    host = re.sub(r"[^\w.-]", "_", urlsplit(api().endpoint).netloc)
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
        sizes = _sizes(place)
        _check_sizes(place, sizes)
        _fetch(place, CARD, scratch)
        described = read_card(scratch)["files"]
        for file in (CONFIG, WEIGHTS):
            if described[file]["bytes"] != sizes[file]:
                raise ValueError(
                    f"{file} has {sizes[file]:,} bytes, but its card says "
                    f"{described[file]['bytes']:,}: one of them was changed. Nothing was loaded."
                )
        for file in (CONFIG, WEIGHTS):
            _fetch(place, file, scratch)
            if describe_file(scratch / file)["sha256"] != described[file]["sha256"]:
                raise ValueError(
                    f"{file} does not have the sha256 of its card: one of them was changed. "
                    "Nothing was loaded; ask the owner, or name an earlier commit."
                )
        shutil.rmtree(scratch / ".cache", ignore_errors=True)  # of huggingface_hub


@contextlib.contextmanager
def _naming(place, scratch):
    """Say the repository in errors, and not the temporary folder."""
    try:
        yield
    except ValueError as error:
        said = str(error).replace(f"{scratch}{os.sep}", "")
        raise ValueError(f"{place}: {said}") from error


def _sizes(place) -> dict[str, int]:
    """Return the size in bytes of each file of a commit, as the hub says."""
    return {file.rfilename: file.size for file in _info(place).siblings or ()}


def _check_sizes(place, sizes):
    """Refuse a repository that is not a preset, or too large, before anything is downloaded."""
    missing = [file for file in _LARGEST if file not in sizes]
    if missing:
        raise ValueError(
            f"this repository is not a preset, as it has no {', '.join(missing)}. Presets are "
            "written there by zoo.push."
        )
    for file, largest in _LARGEST.items():
        if not isinstance(sizes[file], int) or not 0 <= sizes[file] <= largest:
            size = f"{sizes[file]:,}" if isinstance(sizes[file], int) else "an unknown number of"
            raise ValueError(
                f"{file} has {size} bytes; at most {largest:,} are downloaded. If you trust it, "
                f"download the repository yourself (`hf download {place.repository}`), and give "
                "zoo.load the folder."
            )


def _info(place):
    """Return what the hub says of a repository at a revision: the commit, and its files."""
    with in_words(place):
        info = api().model_info(
            place.repository, revision=place.revision, files_metadata=True, timeout=30
        )
    asked = place.revision or ""
    if not _COMMIT.fullmatch(info.sha or "") or (_COMMIT.fullmatch(asked) and info.sha != asked):
        raise ValueError(f"{api().endpoint} gives {place} the commit {info.sha!r}.")
    return info


def _fetch(place, file, target):
    """Download one file of a commit into a folder."""
    with in_words(place):
        api().hf_hub_download(place.repository, file, revision=place.revision, local_dir=target)


def api() -> Any:
    """Return the client of the hub; `HF_ENDPOINT` in the environment names another server.

    Raises:
        ImportError: huggingface_hub is not installed.
    """
    try:
        from huggingface_hub import HfApi
    except ModuleNotFoundError as error:
        raise ImportError(
            "Names that begin with hf:// need the package huggingface_hub: "
            "pip install 'autoencoder-zoo[hub]', or pip install huggingface_hub"
        ) from error
    return HfApi(endpoint=os.environ.get("HF_ENDPOINT"), library_name="autoencoder-zoo")


@contextlib.contextmanager
def in_words(place: Place) -> Iterator[None]:
    """Raise errors that say what to do, for those of huggingface_hub."""
    endpoint = api().endpoint
    from huggingface_hub import errors

    login = "log in with `hf auth login`, or set HF_TOKEN"
    try:
        yield
    except errors.GatedRepoError as error:
        raise PermissionError(
            f"{place} is given only to those who accept its terms: do so at "
            f"{endpoint}/{place.repository}, and {login}."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ValueError(
            f"There is no repository {place.repository} at {endpoint}, or it is private and your "
            f"token may not read it. Check the name, or {login}."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ValueError(
            f"{PREFIX}{place.repository} has no branch, tag or commit {place.revision!r}. Look at "
            f"{endpoint}/{place.repository}, or leave out the revision for the newest."
        ) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise PermissionError(
                f"{endpoint} refuses this request about {place} ({status}): {login}; the token "
                "must permit it, and writing needs a token with write permission."
            ) from error
        said = error.server_message or " ".join(str(error).split())
        raise OSError(f"{endpoint} answers {status} to a request about {place}: {said}") from error
    except (errors.HTTPError, errors.LocalEntryNotFoundError, ConnectionError) as error:
        raise ConnectionError(
            f"{endpoint} cannot be reached for {place} ({type(error).__name__}). Check the "
            "connection, HF_ENDPOINT and HF_HUB_OFFLINE. Without a network, name a commit that was "
            f"loaded before: hf://{place.repository}@<40 digits>."
        ) from error
