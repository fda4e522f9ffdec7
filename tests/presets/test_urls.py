"""Models at https:// addresses. The server here speaks no TLS, and the downloader is told so."""

import hashlib
import http.client
import json
import shutil
import ssl
import threading
import urllib.request
import warnings
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.files import addresses, downloads
from zoo.presets import archives, urls
from zoo.presets.card import CARD, CONFIG, WEIGHTS, Card
from zoo.presets.card_page import render_card

pytestmark = pytest.mark.lowest


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        status, headers, data = self.server.answers.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def without_tls(host, context, **options):
    return http.client.HTTPConnection(host, **options)


@pytest.fixture(scope="module")
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def web(server, monkeypatch, tmp_path):
    """A server without files, and an empty cache; `web.offer` adds a file."""
    server.answers, server.asked = {}, []
    monkeypatch.setitem(downloads.CONNECTIONS, "https", without_tls)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    server.address = f"https://127.0.0.1:{server.server_port}"

    def offer(name, data, status=200, **headers):
        server.answers[f"/{name}"] = (status, headers, data)
        return f"{server.address}/{name}", hashlib.sha256(data).hexdigest()

    server.offer = offer
    return server


@pytest.fixture(scope="session")
def keras_file(tmp_path_factory):
    model = zoo.VAE((8, 8, 1), 3, hidden_units=(16,))
    path = tmp_path_factory.mktemp("files") / "m.keras"
    model.save(path)
    return model, path.read_bytes()


@pytest.fixture
def packed(vae_preset, tmp_path):
    """The bytes of a preset's folder as a .zip file."""
    return Path(shutil.make_archive(str(tmp_path / "m"), "zip", vae_preset)).read_bytes()


def test_a_keras_file_is_loaded_and_kept(web, keras_file, few_digits):
    model, data = keras_file
    url, sha256 = web.offer("models/m.keras", data)
    x = few_digits[0][:4]
    for _ in range(2):
        loaded = zoo.load(url, sha256=sha256.upper())
        np.testing.assert_array_equal(loaded.encode(x), model.encode(x))
        assert loaded.based_on == f"{url}#sha256={sha256}"
    assert web.asked == ["/models/m.keras"]


def test_a_preset_is_loaded_from_a_zip_file(web, packed, saved_vae, few_digits):
    url, sha256 = web.offer("m.zip", packed)
    loaded, saved = zoo.load(url, sha256=sha256), zoo.load(saved_vae)
    x = few_digits[0][:4]
    np.testing.assert_array_equal(loaded.encode(x), saved.encode(x))
    assert loaded.licence == saved.licence


def test_a_redirect_is_followed_to_https_alone(web, keras_file):
    _, data = keras_file
    _, sha256 = web.offer("there.keras", data)
    url, _ = web.offer("here.keras", b"", 302, Location=f"{web.address}/there.keras")
    assert zoo.load(url, sha256=sha256).latent_dim == 3
    for target in (f"http://127.0.0.1:{web.server_port}/there.keras", "file:///etc/passwd"):
        url, _ = web.offer("away.keras", b"", 302, Location=target)
        with pytest.raises((ValueError, OSError), match=r"is not an https:// address|not allowed"):
            zoo.load(url, sha256="0" * 64)
    assert web.asked.count("/there.keras") == 1


@pytest.mark.parametrize(
    ("url", "options", "told"),
    [
        ("https://localhost/m.keras", {}, r"sha256='...'.*sha256sum FILE"),
        ("https://localhost/m.keras", {"sha256": "abc"}, "64 hexadecimal digits are expected"),
        ("http://localhost/m.keras", {"sha256": "0" * 64}, "give an https:// address"),
        ("https://localhost/m.pkl", {"sha256": "0" * 64}, "ends in '.pkl'; zoo.load takes"),
        ("vae_digits", {"sha256": "0" * 64}, "sha256 is for https:// addresses"),
    ],
)
def test_what_is_not_safe_is_refused_before_any_request(web, url, options, told):
    with pytest.raises(ValueError, match=told):
        zoo.load(url, **options)
    assert web.asked == []


def test_a_changed_file_is_refused_before_it_is_parsed(web, keras_file, monkeypatch, tmp_path):
    _, data = keras_file
    url, _ = web.offer("m.keras", data)
    monkeypatch.setattr(archives, "opened", lambda path: pytest.fail("it was opened"))
    with pytest.raises(ValueError, match=r"has the SHA-256 \w{64}, but 0{64} was given"):
        zoo.load(url, sha256="0" * 64)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


@pytest.mark.parametrize("said", [{"Content-Length": "1001"}, {}])
def test_a_file_that_is_too_large_is_refused(web, said, monkeypatch, tmp_path):
    monkeypatch.setattr(urls, "LARGEST", 1000)
    url, sha256 = web.offer("m.keras", b"\0" * 1001, **said)
    with pytest.raises(ValueError, match="has more than 1,000 bytes"):
        zoo.load(url, sha256=sha256)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_file_or_a_server_that_is_not_there_is_told(web):
    with pytest.raises(ConnectionError, match="answers 404 Not Found"):
        zoo.load(f"{web.address}/nothing.keras", sha256="0" * 64)
    with pytest.raises(ConnectionError, match="Check the connection"):
        zoo.load("https://127.0.0.1:9/m.keras", sha256="0" * 64)


def test_a_damaged_cache_is_downloaded_again(web, keras_file, tmp_path):
    url, sha256 = web.offer("m.keras", keras_file[1])
    zoo.load(url, sha256=sha256)
    (kept,) = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())
    kept.write_bytes(b"damaged")
    zoo.load(url, sha256=sha256)
    assert len(web.asked) == 2


def test_certificates_are_checked():
    opener = downloads.opener(None, ("https",))
    (handler,) = (h for h in opener.handlers if isinstance(h, urllib.request.HTTPSHandler))
    assert handler._context.check_hostname
    assert handler._context.verify_mode is ssl.CERT_REQUIRED
    assert downloads.CONNECTIONS["https"] is http.client.HTTPSConnection
    schemes = {name for name in opener.handle_open if name != "unknown"}
    assert schemes == {"https"} | {n for n in urllib.request.getproxies() if n != "no"}


def test_a_secret_in_an_address_is_used_and_neither_shown_nor_kept(web, keras_file, tmp_path):
    secret = "?token=s3cret&X-Signature=s3cret#s3cret"
    url, sha256 = web.offer("m.keras", keras_file[1])
    web.answers["/m.keras" + secret.partition("#")[0]] = web.answers.pop("/m.keras")
    model = zoo.load(url + secret, sha256=sha256)
    assert model.based_on == f"{url}#sha256={sha256}"
    assert zoo.save(model, tmp_path / "mine")["based_on"] == f"{url}#sha256={sha256}"
    card = zoo.save(model, tmp_path / "other", about={"based_on": url + secret})
    old = Card(card | {"based_on": url + secret})
    assert "s3cret" not in f"{card['based_on']}{old}{render_card(old)}"
    away, _ = web.offer("away.keras", b"", 302, Location=f"http://a:s3cret@b/m.keras{secret}")
    web.answers[f"/away.keras{secret.partition('#')[0]}"] = web.answers["/away.keras"]
    there, other = web.address.removeprefix("https://"), "1" * 64
    for wrong, sha in [
        (url + secret, other),
        (url + secret, None),
        (url + secret, "s"),
        (url + ".pkl" + secret, other),
        (url.replace("m.keras", "none.keras") + secret, other),
        (f"https://127.0.0.1:9/m.keras{secret}", other),
        (f"https://me:s3cret@{there}/m.keras", other),
        (f"http://me:s3cret@{there}/m.keras{secret}", other),
        (away + secret, other),
    ]:
        with pytest.raises((ValueError, ConnectionError)) as told:
            zoo.load(wrong, sha256=sha)
        error = told.value
        while error:
            assert "s3cret" not in str(error)
            error = None if error.__suppress_context__ else error.__context__
    for use in (zoo.card, lambda name: zoo.push(name, "hf://me/more")):
        with pytest.raises((ValueError, ImportError)) as told:
            use(f"https://me:s3cret@host/m.keras{secret}")
        assert "s3cret" not in str(told.value)
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        assert b"s3cret" not in path.read_bytes() + str(path).encode()


@pytest.mark.parametrize(
    ("based_on", "public"),
    [
        ("vae_digits", "vae_digits"),
        ("hf://me/digits@v1", "hf://me/digits@v1"),
        ("https://h/m.keras?token=1#sha256=" + "0" * 64, "https://h/m.keras#sha256=" + "0" * 64),
        ("https://h/m.keras#sha256=" + "s" * 64, "https://h/m.keras"),
        ("s3://key:secret@h/m.keras?more=1", "s3://h/m.keras"),
        ("https://[", "an address that cannot be read"),
    ],
)
def test_where_weights_come_from_is_written_without_secrets(based_on, public):
    assert addresses.public_source(based_on) == public


def test_the_command_line_says_that_addresses_are_for_python(web, capsys):
    from zoo.cli.main import main

    assert main(["card", "https://localhost/m.keras"]) == 1
    assert "zoo.load('https://localhost/m.keras', sha256='...')" in capsys.readouterr().err


# What a .zip file may hold


def zipped(path, members):
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members:
            file.writestr(name, data)
    return path


@pytest.fixture
def members(saved_vae):
    return {name: (saved_vae / name).read_bytes() for name in (CARD, CONFIG, WEIGHTS)}


def test_only_three_files_are_unpacked(members, tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    others = [("../outside", b"1"), ("/tmp/outside", b"2"), ("run.py", b"3"), (link, b"/etc")]
    path = zipped(tmp_path / "m.zip", [*members.items(), *others])
    with archives.unpacked_preset(path) as folder:
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == members
        assert not any(p.is_symlink() for p in folder.iterdir())
    assert not folder.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.zip"]


def test_other_zip_files_are_refused(members, tmp_path, monkeypatch):
    path = tmp_path / "m.zip"
    twice = [*members.items(), (CARD, members[CARD])]
    inside = [(f"m/{name}", data) for name, data in members.items()]
    for wrong in (twice, inside, [*members.items()][1:], []):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zipfile's, of a name that is there twice
            zipped(path, wrong)
        with pytest.raises(ValueError, match="each once and not in a folder"):
            load_unpacked(path)
    path.write_bytes(b"no archive")
    with pytest.raises(ValueError, match="is not a .zip file, or is corrupted"):
        load_unpacked(path)
    monkeypatch.setattr(archives, "LARGEST_WEIGHTS", 100)
    zipped(path, members.items())
    with pytest.raises(ValueError, match="the limit here is 100"):
        load_unpacked(path)


def test_the_checks_of_a_preset_follow(members, tmp_path, web):
    card = json.loads(members[CARD])
    card["files"][WEIGHTS]["sha256"] = "0" * 64
    path = zipped(tmp_path / "m.zip", [*(members | {CARD: json.dumps(card)}).items()])
    url, sha256 = web.offer("m.zip", path.read_bytes())
    with pytest.raises(ValueError, match="does not have the sha256 that its card states"):
        zoo.load(url, sha256=sha256)


def load_unpacked(path):
    with archives.unpacked_preset(path):
        pass
