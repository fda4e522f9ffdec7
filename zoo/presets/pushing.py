"""Write presets to repositories of the Hugging Face hub."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from zoo.checks.words import printable
from zoo.presets import hub, hub_access
from zoo.presets.card import CARD, Card, describe, read_card, verified_file
from zoo.presets.card_page import render_card
from zoo.presets.catalog import preset_folder
from zoo.presets.public_card import check_text, public_card, public_recipe

PAGE, RECIPE = "README.md", "recipe.toml"
TEXTS = (".json", ".toml", ".md", ".txt", ".csv", ".yaml", ".yml")
# The hub's licence identifiers; it refuses a page with another one. A licence that is not listed is
# written as "other", with its name in a separate entry.
LICENCES = {
    *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "zlib", "unlicense", "cc0-1.0"),
    *("cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
    *("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0"),
    *("cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
    *("gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "mpl-2.0", "epl-1.0", "epl-2.0"),
    *("eupl-1.1", "afl-3.0", "artistic-2.0", "bsl-1.0", "ecl-2.0", "osl-3.0", "ms-pl", "ncsa"),
    *("postgresql", "wtfpl", "pddl", "odbl", "odc-by", "openrail", "cdla-permissive-2.0"),
}
_GENERATIVE = ("vae", "iwae", "adversarial", "boltzmann")  # families


def push(
    model: Any,
    name: str,
    *,
    private: bool = False,
    overwrite: bool = False,
    message: str | None = None,
    storage: str = "float32",
    about: dict | None = None,
    pictures: dict | None = None,
    texts: dict | None = None,
    dry_run: bool = False,
) -> str:
    """Write a model as a preset into a repository of the Hugging Face hub, in one commit.

    The repository is created if it does not exist. Nothing in it is deleted. Its page, README.md,
    is made from the card. No path of this machine is sent; if the model was loaded from an address,
    its user and query are not sent. This needs a token with write permission: log in with
    `hf auth login`, or set HF_TOKEN.

    Args:
        model: a model of the zoo; or the folder of a preset, or the name of a shipped preset.
        name: hf://user/name.
        private: create a repository that only its owner can read.
        overwrite: replace files with the same names; the history of the repository keeps the old
            files.
        message: the commit message; "Write the preset NAME" by default.
        storage, about, pictures, texts: only for a model, as for `zoo.save`. The licence of the
            weights is `about={"licence": ...}` or `model.licence`; without one the page says "not
            stated".
        dry_run: send nothing, and use no network; return what would be sent.

    Returns:
        the address of the commit; with `dry_run` a text with the names and sizes of the files, and
        the page.

    Raises:
        FileExistsError: the repository has such files already, and `overwrite` is false.
        PermissionError: there is no token, or it has no write permission there.
        ValueError: the name has another form; the folder is not a preset, or was altered; `private`
            is true, but the repository is already public; a text names somebody's home folder; or
            as for `zoo.save`.
        TypeError: the model is not a model of the zoo.
        ConnectionError: the hub cannot be reached.

    Examples:
        >>> model = zoo.load("vae_digits")
        >>> zoo.push(model, "hf://me/my_digits")  # doctest: +SKIP
        'https://huggingface.co/me/my_digits/commit/...'
    """
    place = hub.parsed(name)
    if place.revision:
        raise ValueError(f"push makes a new commit on the main branch: leave out @... in {name}.")
    given: dict[str, Any] = {"about": about, "pictures": pictures, "texts": texts}
    with contextlib.ExitStack() as stack:
        if isinstance(model, str | os.PathLike):
            folder = _folder(model, storage, given)
        else:
            from zoo.presets.saving import save  # needs Keras, which pushing a folder does not

            scratch = stack.enter_context(tempfile.TemporaryDirectory())
            folder = Path(scratch, place.repository.rpartition("/")[2])
            save(model, folder, storage=storage, **given)
        files, card = public_files(folder, name)
        if dry_run:
            return _listed(files, place)
        message = message or f"Write the preset {card['name']}"
        return _commit(place, files, private, overwrite, message)


def public_files(folder: Path, name: str) -> tuple[dict[str, Path | bytes], Card]:
    """Return the files of a preset by name, and its card, as they are published.

    Paths of data and secrets in addresses, which cards of earlier versions have, are left out.

    Args:
        folder: the folder of the preset.
        name: the name of the repository, for its page.

    Raises:
        ValueError: a file differs from its description in the card, or names somebody's home
            folder.
    """
    card = read_card(folder)
    files: dict[str, Any] = {file: verified_file(folder, card, file) for file in card["files"]}
    card = public_card(card)
    if RECIPE in files:
        text = public_recipe(files[RECIPE].read_text(encoding="utf-8"), card)
        files[RECIPE] = text.encode()
        card["files"][RECIPE] = describe(files[RECIPE])
    files[CARD] = (json.dumps(card, indent=1, ensure_ascii=False) + "\n").encode()
    files[PAGE] = page(card, name).encode()
    for file, content in files.items():
        if Path(file).suffix in TEXTS:
            check_text(file, _bytes(content).decode("utf-8", "replace"))
    return files, card


def _bytes(content) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


def _size(content) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _listed(files, place) -> str:
    width = max(map(len, files))
    lines = [f"Nothing was sent. One commit would write these files to {place}:"]
    lines += [f"  {file:{width}}  {_size(content):>13,} bytes" for file, content in files.items()]
    return printable("\n".join([*lines, "", f"{PAGE}:", "", files[PAGE].decode()]))


def _folder(name, storage, given):
    if hub.is_name(name):
        raise ValueError(f"{name} is already on the hub: give a model, or the folder of a preset.")
    if storage != "float32" or any(given.values()):
        raise ValueError(
            f"{name} is the folder of a preset, which is written unchanged: leave out storage, "
            "about, pictures and texts."
        )
    return preset_folder(name)


def _commit(place, files, private, overwrite, message):
    """Write files by name in one commit, which adds and replaces files, but deletes none."""
    from huggingface_hub import CommitOperationAdd

    _check_hub(place)
    api = hub_access.client()
    with hub_access.in_words(place):
        api.create_repo(place.repository, private=private, exist_ok=True)
    info = hub.info(place)
    if private and not info.private:
        raise ValueError(
            f"{place} is already public, so private=True has no effect. Nothing was written. Make "
            "it private in its settings, or choose another name."
        )
    there = sorted(info.sizes.keys() & files.keys())
    if there and not overwrite:
        raise FileExistsError(
            f"{place} already has {', '.join(there)}. Choose another name, or pass overwrite=True "
            "(--overwrite on the command line) to replace them; the history keeps the old files."
        )
    added = [CommitOperationAdd(file, content) for file, content in files.items()]
    with hub_access.in_words(place):
        # As its parent is given, the commit fails if the repository has changed since the check.
        done = api.create_commit(
            place.repository, added, commit_message=message, parent_commit=info.commit
        )
    return printable(str(done.commit_url))


def _check_hub(place):
    """Refuse a server that is not a hub, as huggingface_hub reads answers of any size."""
    # The repository may not exist yet, or a token may be missing: creating it will show which.
    with contextlib.suppress(hub_access.NotThereError, PermissionError):
        hub.info(place)


def page(card: Card, name: str) -> str:
    """Return the page of a repository: YAML metadata for the hub, and the card."""
    from huggingface_hub import EvalResult, ModelCardData

    task = _task(card)
    data, recipe = card.get("data") or {}, card.get("recipe") or {}
    measured = [
        EvalResult(
            task_type=task or "other",
            dataset_type=recipe.get("data") or "own",
            dataset_name=data.get("title") or recipe.get("data") or "own data",
            metric_type=re.sub(r"\W+", "_", metric["name"]).lower(),
            metric_name=f"{metric['name']} ({metric['unit']})"
            if metric["unit"]
            else metric["name"],
            metric_value=metric["value"],
        )
        for metric in card.get("figures") or ()
    ]
    about = ModelCardData(
        **_licence(card.get("licence")),
        library_name="autoencoder-zoo",
        pipeline_tag=task,
        tags=["autoencoder", "keras", card["class"].lower()],
        base_model=_base(card.get("based_on"), name),
        model_name=card["name"],
        eval_results=measured or None,
    )
    return f"---\n{about.to_yaml()}\n---\n\n{render_card(card, name)}"


def _licence(text) -> dict:
    """Return the metadata about a licence; an empty dict if it is not stated."""
    if not text:
        return {}
    identifier = re.sub(r"\s+", "-", text.strip().lower())
    if identifier in LICENCES:
        return {"license": identifier}
    named = re.sub(r"[^a-z0-9.]+", "-", identifier).strip("-")
    return {"license": "other", "license_name": named or "own"}


def _task(card) -> str | None:
    """Return the hub's name for the task of an image model; None for tables and signals."""
    if len(card["input"]["shape"]) != 3:
        return None
    generates = card.get("family") in _GENERATIVE and not card.get("num_classes")
    return "unconditional-image-generation" if generates else "image-feature-extraction"


def _base(based_on, name) -> str | None:
    """Return the repository that a model was fine-tuned from, if it is another one on the hub."""
    with contextlib.suppress(ValueError):  # most presets do not come from the hub
        base = hub.parsed(based_on or "").repository
        return base if base != hub.parsed(name).repository else None
    return None
