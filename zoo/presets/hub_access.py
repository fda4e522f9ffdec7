"""The address of the hub, the user's token, and errors for the hub's refusals.

huggingface_hub handles tokens and writing; it is imported where it is used. HF_ENDPOINT and
HF_HUB_OFFLINE are read here, because the library reads them only once, when it is imported, and
accepts any address. This module needs neither Keras nor NumPy.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from typing import Any

from zoo.files.addresses import has_secrets, public_address
from zoo.files.downloads import cleaned

ENDPOINT = "https://huggingface.co"
_LOGIN = "log in with `hf auth login`, or set HF_TOKEN"


class NotThereError(ValueError):
    """There is no such repository or revision, or it is private."""


def endpoint() -> str:
    """Return the address of the hub; `HF_ENDPOINT` in the environment names another server.

    Raises:
        ValueError: it is not the address of a server.
    """
    found = (os.environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")
    try:
        usable = re.match(r"https?://[^/\s]", found) and not has_secrets(found)
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            f"HF_ENDPOINT ({public_address(found)}) is not the address of a hub: give one such as "
            f"{ENDPOINT}, without a user, a password or a query. Give a token as HF_TOKEN."
        )
    return found


def is_offline() -> bool:
    """Return whether `HF_HUB_OFFLINE` in the environment forbids requests."""
    return _is_on("HF_HUB_OFFLINE")


def _is_on(name) -> bool:
    return os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE")


def token() -> str | None:
    """Return the user's token (`HF_TOKEN`, or the one stored by `hf auth login`), or None.

    Raises:
        PermissionError: huggingface_hub cannot read the stored token, or cannot get one.
        ValueError: the text is not a token.
    """
    if _is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN"):
        return None
    from huggingface_hub import get_token

    try:
        found = get_token()
    except Exception as error:  # any kind: the library may ask the hub to renew or exchange a token
        raise PermissionError(
            f"huggingface_hub cannot provide a token ({type(error).__name__}: {cleaned(error)}). "
            "Set HF_TOKEN, or log in again with `hf auth login`; HF_HUB_DISABLE_IMPLICIT_TOKEN=1 "
            "reads public repositories without a token."
        ) from error
    if found and not re.fullmatch(r"[!-~]+", found):
        raise ValueError("The token (HF_TOKEN) has a space, or another invalid character.")
    return found or None


def refusal(place: Any, status: int, code: str, message: str) -> Exception:
    """Return the error that says what to do if the hub answers with another status than 200.

    Args:
        place: the `hub.Place` that was requested.
        status: the HTTP status.
        code: the hub's error code, such as "RepoNotFound", or "".
        message: the hub's message, or "".
    """
    host = endpoint()
    if code == "GatedRepo":
        return PermissionError(
            f"{place} is only for users who accept its terms: accept them at "
            f"{host}/{place.repository}, and {_LOGIN}."
        )
    if code == "RepoNotFound":
        return NotThereError(
            f"There is no repository {place.repository} at {host}, or it is private and your token "
            f"may not read it. Check the name, or {_LOGIN}."
        )
    if code == "RevisionNotFound":
        return NotThereError(
            f"hf://{place.repository} has no branch, tag or commit {place.revision!r}. Look at "
            f"{host}/{place.repository}, or leave out the revision to get the newest commit."
        )
    if status in (401, 403):
        return PermissionError(
            f"{host} refuses this request about {place} ({status}): {_LOGIN}; the token must "
            "permit the request, and writing needs a token with write permission."
        )
    said = f": {message}" if message else ", and gives no reason."
    return OSError(f"{host} answers {status} to a request about {place}{said}")


def client() -> Any:
    """Return huggingface_hub's client, which writes presets.

    Raises:
        ValueError, PermissionError: as for `endpoint` and `token`.
    """
    from huggingface_hub import HfApi

    return HfApi(endpoint=endpoint(), token=token(), library_name="autoencoder-zoo")


@contextlib.contextmanager
def in_words(place: Any) -> Iterator[None]:
    """Replace the errors of huggingface_hub by errors that say what to do."""
    from huggingface_hub import errors

    codes = {
        errors.GatedRepoError: "GatedRepo",
        errors.RepositoryNotFoundError: "RepoNotFound",
        errors.RevisionNotFoundError: "RevisionNotFound",
    }
    try:
        yield
    except errors.HfHubHTTPError as error:
        code = next((code for kind, code in codes.items() if isinstance(error, kind)), "")
        said = cleaned(error.server_message or error)
        raise refusal(place, error.response.status_code, code, said) from error
    except (json.JSONDecodeError, UnicodeError, KeyError, TypeError, AttributeError) as error:
        raise ConnectionError(
            f"{endpoint()} does not answer as the hub does ({type(error).__name__}: "
            f"{cleaned(error)}). A proxy, or the login page of a network, may have answered "
            f"instead. Check at {endpoint()}/{place.repository} whether anything was written."
        ) from error
    # The error class of httpx or of requests, whichever this version of huggingface_hub uses.
    except (errors.HTTPError, OSError) as error:  # pyright: ignore[reportPrivateImportUsage]
        if getattr(error, "filename", None):  # an error about a file on this machine
            raise
        raise ConnectionError(
            f"{endpoint()} cannot be reached for {place} ({type(error).__name__}). Check the "
            "connection, HF_ENDPOINT and HF_HUB_OFFLINE."
        ) from error
