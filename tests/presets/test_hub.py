"""Presets that are loaded from the Hugging Face hub; a server on the loopback is in its place."""

import json
import os
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
from support import fake_hub

import zoo
from zoo.presets import hub as names
from zoo.presets.card import CARD, CONFIG, WEIGHTS

pytestmark = pytest.mark.lowest
NAME = "hf://me/digits"


def changed(content, old, new):
    assert content.count(old) == 1
    return content.replace(old, new)


# Names


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("hf://me/digits", ("me/digits", None)),
        ("hf://me/digits@v1", ("me/digits", "v1")),
        ("hf://some.one/a_b-c.d@refs/pr/1", ("some.one/a_b-c.d", "refs/pr/1")),
    ],
)
def test_a_name_says_repository_and_revision(name, place):
    assert names.parsed(name) == place
    assert str(names.parsed(name)) == name


@pytest.mark.parametrize(
    "name",
    ["hf://", "hf://digits", "hf://me/digits/folder", "hf://me/..", "hf://../me", "hf://me/a@",
     "hf://me/a@v 1", "hf://me/a@v1@v2", "hf://mé/a", "hf://me/a b"],
)  # fmt: skip
def test_other_names_are_refused_before_any_request(name, hub):
    for use in (zoo.load, zoo.card, lambda name: zoo.push("vae_digits", name)):
        with pytest.raises(ValueError, match="write hf://user/name, or hf://user/name@revision"):
            use(name)
    assert hub.requests == []


@pytest.mark.parametrize("name", ["a--b", "a..b", "a.git", "a.", "a-", "x" * 97])
def test_names_that_the_hub_does_not_accept_are_refused_before_any_request(name, hub):
    for use in (zoo.load, zoo.card, lambda name: zoo.push("vae_digits", name, dry_run=True)):
        with pytest.raises(
            ValueError, match=f"The hub cannot have a repository named 'hf://me/{name}"
        ):
            use(f"hf://me/{name}")
    assert hub.requests == []


# Writing and reading


def test_a_model_that_was_pushed_is_loaded_with_the_same_outputs(hub, few_digits, vae, tmp_path):
    about = {"licence": "CC BY 4.0", "description": "Digits as I like them."}
    address = zoo.push(vae, NAME, about=about)
    commit = hub.repositories["me/digits"].refs["main"]
    assert address == f"{hub.url}/me/digits/commit/{commit}"
    assert any(request.startswith("PUT /lfs/") for request in hub.requests)
    loaded = zoo.load(NAME)
    x = few_digits[0][:8]
    np.testing.assert_array_equal(loaded.encode(x), vae.encode(x))
    np.testing.assert_array_equal(loaded.reconstruct(x), vae.reconstruct(x))
    assert loaded.based_on == f"{NAME}@{commit}"
    assert loaded.licence == "CC BY 4.0"
    assert zoo.card(NAME)["description"] == "Digits as I like them."
    saved = zoo.save(loaded, tmp_path / "mine")
    assert saved["based_on"] == f"{NAME}@{commit}"


# Revisions


def test_a_branch_that_moves_between_two_requests_does_not_mix_commits(hub, repository, vae_preset):
    first = repository.refs["main"]
    other = zoo.VAE((8, 8, 1), 3, hidden_units=(16,))
    zoo.save(other, vae_preset, overwrite=True)

    def move(request):
        if "/resolve/" in request and repository.refs["main"] == first:
            repository.commit({path.name: path.read_bytes() for path in vae_preset.iterdir()})

    hub.before = move
    old = zoo.load(NAME)
    assert repository.refs["main"] != first
    assert old.based_on == f"{NAME}@{first}"
    assert names.folder(NAME).name == repository.refs["main"]


def test_a_tag_a_branch_and_a_commit_are_revisions(hub, repository, preset_files):
    first = repository.refs["main"]
    repository.refs["v1"] = first
    card = changed(preset_files[CARD], b'"description": null', b'"description": "Second."')
    second = repository.commit({CARD: card})
    assert zoo.card(NAME)["description"] == "Second."
    assert zoo.card(f"{NAME}@v1")["description"] is None
    assert zoo.card(f"{NAME}@{second}")["description"] == "Second."
    assert names.pinned(f"{NAME}@v1") == f"{NAME}@{first}"


def test_a_commit_that_was_loaded_before_needs_no_network(hub, repository, monkeypatch):
    name = zoo.load(NAME).based_on
    hub.requests.clear()
    assert zoo.VAE.from_preset(name).based_on == name
    assert zoo.card(name)["class"] == "VAE"
    assert hub.requests == []
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConnectionError, match=r"HF_HUB_OFFLINE.*name a commit that was loaded"):
        zoo.load(NAME)


def test_a_damaged_cache_is_downloaded_again(hub, repository):
    weights = names.folder(NAME) / WEIGHTS
    content = weights.read_bytes()
    weights.write_bytes(content[:-1])
    assert names.folder(NAME) == weights.parent
    assert weights.read_bytes() == content
    assert hub.given.count(WEIGHTS) == 2


def test_two_processes_may_download_the_same_commit(hub, repository):
    name, began = names.pinned(NAME), []

    def meanwhile(request):
        if "/resolve/" in request and not began:
            began.append(request)
            names.folder(name)

    hub.before = meanwhile
    assert names.folder(name).name == repository.refs["main"]
    assert hub.given.count(WEIGHTS) == 2


# What is downloaded


def test_only_the_files_of_a_preset_are_downloaded(hub, preset_files, tmp_path):
    others = {
        "pytorch_model.bin": b"a pickle",
        "zoo.py": b"import os",
        "data/more.pkl": b"another",
        "preview.png": b"a picture",
    }
    hub.add("me/digits", preset_files | others)
    names.folder(NAME)
    assert hub.given == [CARD, CONFIG, WEIGHTS]
    kept = {path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    assert kept == {CARD, CONFIG, WEIGHTS, ".written.json"}


def test_the_card_alone_is_downloaded_to_show_it(hub, repository, tmp_path):
    assert zoo.card(NAME)["class"] == "VAE"
    assert hub.given == [CARD]
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("file", [CARD, CONFIG, WEIGHTS])
def test_a_file_that_is_too_large_is_refused_before_any_download(hub, repository, file):
    hub.said_sizes[file] = 2**40
    with pytest.raises(ValueError, match=f"{file} has 1,099,511,627,776 bytes; at most") as refusal:
        zoo.load(NAME)
    assert "hf download me/digits" in str(refusal.value)
    assert hub.given == []


def test_a_size_that_the_hub_does_not_say_is_refused(hub, repository):
    hub.said_sizes[WEIGHTS] = None
    with pytest.raises(ValueError, match="an unknown number of bytes"):
        zoo.load(NAME)
    assert hub.given == []


def test_a_repository_without_a_preset_is_refused(hub, preset_files):
    hub.add("me/digits", {CONFIG: preset_files[CONFIG], "model.pkl": b"a pickle"})
    with pytest.raises(ValueError, match=f"not a preset, as it has no {CARD}, {WEIGHTS}"):
        zoo.load(NAME)
    assert hub.given == []


@pytest.mark.parametrize(
    ("alter", "told", "downloaded"),
    [
        (lambda w: w[:-1], "its card says", [CARD]),
        (
            lambda w: w[:-1] + bytes([w[-1] ^ 1]),
            "the sha256 that its card states",
            [CARD, CONFIG, WEIGHTS],
        ),
    ],
)
def test_altered_weights_are_refused(hub, preset_files, tmp_path, alter, told, downloaded):
    hub.add("me/digits", {**preset_files, WEIGHTS: alter(preset_files[WEIGHTS])})
    with pytest.raises(ValueError, match=told) as refusal:
        zoo.load(NAME)
    assert str(tmp_path) not in str(refusal.value)
    assert str(refusal.value).startswith(f"{NAME}@")
    assert hub.given == downloaded
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_config_that_names_foreign_classes_is_refused(hub, vae_preset):
    """With a card that has the right checksums, as whoever altered it would write it."""
    from zoo.presets.card import describe_file

    content = json.loads((vae_preset / CONFIG).read_text("utf-8"))
    content["config"]["encoder"] = {"class_name": "Lambda", "module": "keras.layers", "config": {}}
    (vae_preset / CONFIG).write_text(json.dumps(content), "utf-8")
    card = json.loads((vae_preset / CARD).read_text("utf-8"))
    card["files"][CONFIG] = describe_file(vae_preset / CONFIG)
    (vae_preset / CARD).write_text(json.dumps(card), "utf-8")
    hub.add("me/digits", {path.name: path.read_bytes() for path in vae_preset.iterdir()})
    with pytest.raises(ValueError, match="names 'Lambda'.*nothing was loaded"):
        zoo.load(NAME)


def test_a_card_that_is_not_one_is_refused_in_the_repositorys_name(hub, preset_files):
    hub.add("me/digits", {**preset_files, CARD: b"[]"})
    for use in (zoo.card, zoo.load):
        with pytest.raises(ValueError, match=rf"^{NAME}@\w{{40}}: card.json is not readable"):
            use(NAME)


# Errors


def test_what_is_not_there_is_told(hub, repository, no_token):
    with pytest.raises(ValueError, match=r"no repository me/nothing at http.*hf auth login"):
        zoo.load("hf://me/nothing")
    with pytest.raises(ValueError, match="has no branch, tag or commit 'v9'"):
        zoo.load(f"{NAME}@v9")
    with pytest.raises(ValueError, match="has no branch, tag or commit '0000"):
        zoo.load(f"{NAME}@{'0' * 40}")


def test_a_token_that_is_missing_is_told(hub, vae, repository, no_token):
    with pytest.raises(PermissionError, match=r"refuses.*\(401\).*HF_TOKEN.*write permission"):
        zoo.push(vae, "hf://me/more")
    repository.private = True
    with pytest.raises(ValueError, match="or it is private and your token may not read it"):
        zoo.load(NAME)
    repository.private, repository.gated = False, True
    with pytest.raises(PermissionError, match="accept its terms"):
        zoo.load(NAME)


def test_a_server_that_is_not_there_is_told(hub, vae, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for use in (zoo.load, zoo.card, lambda name: zoo.push("vae_digits", name)):
        with pytest.raises(ConnectionError, match=r"http://127.0.0.1:9 cannot be reached"):
            use(NAME)


def test_the_token_of_a_login_is_used(hub, repository, no_token, monkeypatch):
    repository.private = True
    Path(huggingface_hub.constants.HF_TOKEN_PATH).write_text(f"{fake_hub.TOKEN}\n")
    assert zoo.card(NAME)["class"] == "VAE"
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    with pytest.raises(ValueError, match="it is private and your token may not read it"):
        zoo.card(NAME)


def test_a_stored_token_that_cannot_be_read_is_told_but_offline_none_is_read(
    hub, repository, no_token, monkeypatch
):
    Path(huggingface_hub.constants.HF_TOKEN_PATH).mkdir()
    with pytest.raises(PermissionError, match=r"cannot provide a token \(\w+Error: .*Set HF_TOKEN"):
        zoo.card(NAME)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConnectionError, match="HF_HUB_OFFLINE is set"):
        zoo.card(NAME)
    assert hub.requests == []


def test_a_token_that_cannot_be_exchanged_is_told(hub, repository, monkeypatch):
    """In CI huggingface_hub may exchange a token first, which raises errors of its own."""

    class ExchangeError(Exception):
        pass

    def get_token():
        raise ExchangeError("no \x1b[31mid token")

    monkeypatch.setattr(huggingface_hub, "get_token", get_token)
    for use in (zoo.load, lambda name: zoo.push("vae_digits", name)):
        with pytest.raises(PermissionError, match=r"\(ExchangeError: no \\x1b\[31mid token\)"):
            use(NAME)
    assert hub.requests == []


def test_the_package_is_imported_for_names_of_the_hub_alone():
    program = "import sys, zoo.presets.hub; from zoo.cli.main import main; main(['list']); "
    program += "main(['card', 'vae_digits']); print('huggingface_hub' in sys.modules)"
    command = [sys.executable, "-c", program]
    root = Path(zoo.__file__).parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_no_other_host_gets_the_token(hub, repository):
    zoo.load(NAME)
    assert ("127.0.0.1", f"Bearer {fake_hub.TOKEN}") in hub.tokens
    assert {token for host, token in hub.tokens if host == "localhost"} == {None}


@pytest.mark.parametrize(
    "address",
    ["https://me:secret@host", "https://host?token=secret", "https://host/#secret", "host/secret"],
)
def test_an_address_of_a_hub_that_holds_a_secret_is_refused(address, hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", address)
    for use in (zoo.load, zoo.card, lambda name: zoo.push("vae_digits", name)):
        with pytest.raises(ValueError, match="HF_ENDPOINT .* is not the address of a hub") as told:
            use(NAME)
        assert "secret" not in str(told.value).replace("host/secret", "")


def test_an_address_that_keeps_the_library_from_being_imported_is_told():
    """huggingface_hub reads it when it is imported, here for the page of a repository."""
    command = [sys.executable, "-m", "zoo", "push", "vae_digits", NAME, "--dry-run"]
    environment = {**os.environ, "HF_ENDPOINT": "https://[/"}
    where = {"cwd": Path(zoo.__file__).parents[1], "env": environment}
    done = subprocess.run(command, capture_output=True, text=True, check=False, **where)
    assert done.returncode == 1
    assert done.stderr.startswith("zoo: HF_ENDPOINT (an address that cannot be read) is not the")


def test_a_token_that_is_none_is_not_repeated(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret\r of mine")
    with pytest.raises(ValueError, match="another invalid character") as told:
        zoo.load(NAME)
    assert "secret" not in str(told.value)


# The command line


def test_commands_take_names_of_the_hub(hub, repository, vae_preset, capsys, monkeypatch, tmp_path):
    from zoo.cli.main import main

    monkeypatch.chdir(tmp_path)
    assert main(["push", str(vae_preset), "hf://me/more", "--private"]) == 0
    assert capsys.readouterr().out.startswith(f"{hub.url}/me/more/commit/")
    assert hub.repositories["me/more"].private
    assert main(["push", str(vae_preset), "hf://me/more"]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert main(["card", NAME]) == 0
    assert "class" in capsys.readouterr().out
    assert main(["generate", NAME, "--n", "4"]) == 0
    assert (tmp_path / "digits_samples.png").is_file()
    assert main(["evaluate", NAME, "--update"]) == 1
    assert "--update writes into a folder" in capsys.readouterr().err
    assert main(["card", "hf://me/nothing"]) == 1
    assert "no repository me/nothing" in capsys.readouterr().err
