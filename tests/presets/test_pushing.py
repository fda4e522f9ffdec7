"""Presets that are pushed to the Hugging Face hub; a server on the loopback is in its place."""

import pytest

import zoo
from zoo.presets import hub as names
from zoo.presets import pushing
from zoo.presets.card import CARD, CONFIG, WEIGHTS, Card

huggingface_hub = pytest.importorskip("huggingface_hub")

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
    with pytest.raises(FileExistsError, match=r"has README.md already.*overwrite=True"):
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
        (NAME, {}, ValueError, "is on the hub already"),
        (vae_preset, {"about": {"licence": "MIT"}}, ValueError, "written as it is"),
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
    with pytest.raises(ValueError, match="is public already"):
        zoo.push(vae, NAME, private=True)
    assert hub.repositories["me/digits"].refs["main"] == head
