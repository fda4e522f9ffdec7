"""Presets that are pushed to the Hugging Face hub; a server on the loopback is in its place."""

import re
from pathlib import Path

import huggingface_hub
import pytest
from support import fake_hub, hostile_server

import zoo
from zoo.cli.main import main
from zoo.presets import hub as names
from zoo.presets import pushing
from zoo.presets.card import CARD, CONFIG, WEIGHTS, Card, describe
from zoo.presets.public_card import public_card

pytestmark = pytest.mark.lowest
NAME = "hf://me/digits"


def test_a_push_is_one_commit_that_deletes_nothing(hub, vae):
    repository = hub.add("me/digits", {"notes.txt": b"my notes", "data/big.bin": b"1234"})
    before = dict(repository.commits[repository.refs["main"]])
    zoo.push(vae, NAME)
    assert (
        sum(request.startswith("POST /api/models/me/digits/commit") for request in hub.requests)
        == 1
    )
    after = repository.commits[repository.refs["main"]]
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {CARD, CONFIG, WEIGHTS, "README.md"}


def test_files_that_are_there_are_replaced_only_if_that_is_asked_for(hub, vae):
    repository = hub.add("me/digits", {"README.md": b"my page"})
    head = repository.refs["main"]
    with pytest.raises(FileExistsError, match=r"already has README.md.*overwrite=True"):
        zoo.push(vae, NAME)
    assert repository.refs["main"] == head
    zoo.push(vae, NAME, overwrite=True)
    zoo.push(vae, NAME, overwrite=True, about={"description": "Better."}, message="Describe it")
    assert zoo.card(NAME)["description"] == "Better."
    assert repository.commits[head]["README.md"] == b"my page"


def test_a_push_fails_if_the_repository_changes_on_the_way(hub, vae):
    repository = hub.add("me/digits")

    def meanwhile(request):
        if "/preupload/" in request:
            repository.commit({"notes.txt": b"of somebody else"})

    hub.before = meanwhile
    with pytest.raises(OSError, match="A commit has happened since"):
        zoo.push(vae, NAME)
    assert CARD not in repository.commits[repository.refs["main"]]


def test_the_page_says_what_the_card_says_in_the_words_of_the_hub(hub):
    zoo.push("vae_digits", NAME, private=True)
    repository = hub.repositories["me/digits"]
    assert repository.private
    files = repository.commits[repository.refs["main"]]
    assert set(zoo.card("vae_digits")["files"]) < set(files)
    page = huggingface_hub.ModelCard(files["README.md"].decode())
    data = page.data.to_dict()
    assert data["license"] == "apache-2.0"
    assert data["library_name"] == "autoencoder-zoo"
    assert data["pipeline_tag"] == "unconditional-image-generation"
    assert {"autoencoder", "keras", "vae"} == set(data["tags"])
    figures = {figure["name"]: figure["value"] for figure in zoo.card("vae_digits")["figures"]}
    measured = {result.metric_name: result.metric_value for result in page.data.eval_results}
    assert measured["reconstruction error"] == figures["reconstruction error"]
    assert measured["negative ELBO (nats)"] == figures["negative ELBO"]
    assert f'zoo.load("{NAME}")' in page.text
    assert "![Preview of vae_digits](preview.png)" in page.text


@pytest.mark.parametrize(
    ("licence", "entries"),
    [
        (None, {}),
        ("CC BY-SA 4.0", {"license": "cc-by-sa-4.0"}),
        ("My own: ask me!", {"license": "other", "license_name": "my-own-ask-me"}),
    ],
)
def test_the_licence_has_the_hubs_identifier_if_there_is_one(licence, entries):
    page = pushing.page(Card(zoo.card("cvae_mnist") | {"licence": licence}), NAME)
    data = huggingface_hub.ModelCard(page).data.to_dict()
    assert {key: value for key, value in data.items() if key.startswith("license")} == entries
    assert f"| licence of the weights | {licence or 'not stated'} |" in page
    assert data["pipeline_tag"] == "image-feature-extraction"


def test_the_page_names_the_repository_that_a_model_comes_from(hub, repository):
    model = zoo.load(NAME)
    for name, base in [("hf://me/tuned", "me/digits"), (NAME, None)]:
        zoo.push(model, name, overwrite=True)
        there = hub.repositories[names.parsed(name).repository]
        page = there.commits[there.refs["main"]]["README.md"].decode()
        assert huggingface_hub.ModelCard(page).data.base_model == base


def test_a_push_is_refused_before_any_request(hub, vae, vae_preset, tmp_path):
    for given, options, error, told in [
        (vae, {"name": f"{NAME}@v1"}, ValueError, "leave out @"),
        (NAME, {}, ValueError, "is already on the hub"),
        (vae_preset, {"about": {"licence": "MIT"}}, ValueError, "written unchanged"),
        (tmp_path, {}, ValueError, "holds no card.json"),
        (3, {}, TypeError, "Only models of the zoo"),
    ]:
        with pytest.raises(error, match=told):
            zoo.push(given, **{"name": NAME, **options})
    (vae_preset / WEIGHTS).write_bytes(b"other")
    with pytest.raises(ValueError, match="its card says"):
        zoo.push(vae_preset, NAME)
    assert hub.requests == []


def test_a_private_push_to_a_public_repository_is_refused(hub, vae):
    head = hub.add("me/digits").refs["main"]
    with pytest.raises(ValueError, match="is already public"):
        zoo.push(vae, NAME, private=True)
    assert hub.repositories["me/digits"].refs["main"] == head


# What is sent


def test_a_dry_run_shows_what_would_be_sent_and_uses_no_network(hub, vae, vae_preset, capsys):
    said = zoo.push(vae, NAME, dry_run=True, about={"description": "Digits \x1b[31mas I like."})
    assert said.startswith(f"Nothing was sent. One commit would write these files to {NAME}")
    for file in (CARD, CONFIG, WEIGHTS, "README.md"):
        assert re.search(rf"^  {file} +[\d,]+ bytes$", said, re.MULTILINE)
    assert "library_name: autoencoder-zoo" in said
    assert r"Digits \x1b[31mas I like." in said
    size = (vae_preset / WEIGHTS).stat().st_size
    assert main(["push", str(vae_preset), NAME, "--dry-run"]) == 0
    assert re.search(rf"{WEIGHTS} +{size:,} bytes", capsys.readouterr().out)
    assert hub.requests == []
    assert not hub.repositories


def test_cards_of_earlier_versions_are_sent_without_paths(hub, vae, tmp_path):
    place = "/home/lovelace/secret/faces.npz"
    figure = {"name": "n", "value": 1, "unit": "", "protocol": f"2 test images of {place}; x"}
    figure["command"] = f"zoo evaluate mine --update --import nets --data {place}"
    recipe = {"data": place, "images": 20, "label_file": "/home/lovelace/y.npy", "seed": 1}
    about = {"recipe": recipe, "figures": [figure]}
    toml = (
        f'data = "{place}"\nclass = "VAE"\nlabel_file = "/home/lovelace/y.npy"\n\n[model]\nx = 1\n'
    )
    zoo.save(vae, tmp_path / "old", about=about, texts={"recipe.toml": toml})
    zoo.push(tmp_path / "old", NAME)
    sent = hub.repositories["me/digits"].commits[hub.repositories["me/digits"].refs["main"]]
    for name, content in sent.items():
        assert b"lovelace" not in content, name
    card = zoo.card(NAME)
    assert card["recipe"] == {"data": "", "images": 20, "seed": 1}
    assert card["figures"][0]["command"] == "zoo evaluate mine --update --import nets --data PATH"
    assert card["figures"][0]["protocol"] == "2 test own images; x"
    assert sent["recipe.toml"] == b'data = ""\nclass = "VAE"\n\n[model]\nx = 1\n'
    assert card["files"]["recipe.toml"] == describe(sent["recipe.toml"])
    table = Card(card | {"columns": ["a"], "recipe": recipe | {"label_file": "a/b"}})
    assert public_card(table)["recipe"]["label_file"] == "a/b"


@pytest.mark.parametrize("home", ["/home/ada/x", "/Users/ada/x", r"C:\Users\ada", "{home}/x"])
def test_a_text_that_names_a_home_folder_is_refused(home, hub, vae):
    description = f"From {home.format(home=Path.home())}, see there."
    with pytest.raises(ValueError, match="names a folder on somebody's machine: .*about="):
        zoo.push(vae, NAME, about={"description": description})
    assert hub.requests == []


def test_shipped_cards_are_sent_as_they_are():
    for name in zoo.list_models():
        assert public_card(zoo.card(name)) == zoo.card(name)


def test_a_server_that_is_no_hub_is_refused_before_it_is_written_to(vae, monkeypatch):
    with hostile_server.running() as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.port}")
        monkeypatch.setenv("no_proxy", "*")
        page = b"<html>Log in</html>"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n"
        for body in (page, hostile_server.endless(bytes(2**16))):
            server.answer = lambda path, body=body: [head, b"\r\n", body]
            with pytest.raises((ValueError, ConnectionError), match="as the hub does|more than"):
                zoo.push(vae, NAME)
        assert {head.split()[0] for head in server.heads} == {b"GET"}
        assert server.sent < hostile_server.MOST // 2


def test_an_answer_to_a_push_that_is_none_of_the_hub_is_told(hub, vae, monkeypatch):
    def page(handler):
        handler._send(b"<html>Log in</html>", headers={"Content-Type": "text/html"})

    monkeypatch.setattr(fake_hub, "_ROUTES", [("POST /api/repos/create", page), *fake_hub._ROUTES])
    with pytest.raises(ConnectionError, match="does not answer as the hub does.*Check at http"):
        zoo.push(vae, NAME)


def test_a_connection_that_ends_during_a_push_is_told(hub, vae):
    def end(request):
        if request.startswith("POST /api/repos/create"):
            raise ConnectionResetError

    hub.before = end
    with pytest.raises(ConnectionError, match=f"^{hub.url} cannot be reached for {NAME} "):
        zoo.push(vae, NAME)


def test_a_file_of_this_machine_that_is_gone_is_named(hub, vae, monkeypatch):
    from huggingface_hub import HfApi

    def create_repo(self, *args, **options):
        Path("gone").read_bytes()

    monkeypatch.setattr(HfApi, "create_repo", create_repo)
    with pytest.raises(FileNotFoundError, match="gone"):
        zoo.push(vae, NAME)
