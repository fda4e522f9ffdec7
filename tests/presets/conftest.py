"""The Hugging Face hub of the tests: a server on the loopback, with repositories and a token."""

import pytest
from support import fake_hub

from zoo.presets.card import CARD, CONFIG, WEIGHTS


@pytest.fixture(scope="module")
def server():
    with fake_hub.running() as hub:
        yield hub


@pytest.fixture
def hub(server, monkeypatch, tmp_path):
    """The server without repositories, which `hf://` means; with a token, and an empty cache."""
    from huggingface_hub import constants

    server.repositories.clear()
    server.said_sizes.clear()
    server.before = lambda request: None
    for noted in (server.requests, server.given, server.tokens):
        noted.clear()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", fake_hub.TOKEN)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # What huggingface_hub reads of the environment when it is imported.
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return server


@pytest.fixture(scope="session")
def preset_files(saved_vae):
    """The files of a preset, by name."""
    return {name: (saved_vae / name).read_bytes() for name in (CARD, CONFIG, WEIGHTS)}


@pytest.fixture
def repository(hub, preset_files):
    return hub.add("me/digits", preset_files)


@pytest.fixture
def no_token(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no token"))
