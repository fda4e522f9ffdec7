"""Servers whose answers have no end, lie about their size, or come a byte at a time.

Each kind is tried as a file at an `https://` address, as a file of the hub, and as what the hub
says of a repository.
"""

import gzip
import http.client
import json
import re
import zlib

import pytest
from support import hostile_server
from support.hostile_server import drip, endless

import zoo
from zoo.files import downloads
from zoo.presets import hub, urls
from zoo.presets.card import CARD, CONFIG, WEIGHTS

pytestmark = pytest.mark.lowest

OK, END = b"HTTP/1.1 200 OK\r\n", b"\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked" + END
ZEROS = bytes(2**16)
BOMB = gzip.compress(bytes(2**24))
MORE = "sends far more than the file"
SLOW = r"(in 0\.3 seconds|timed out).*set ZOO_DOWNLOAD_SECONDS to more than 0\.3"
KINDS = {
    # Bodies without an end, or longer than was said
    "a body": (lambda: [OK + END[2:], endless(ZEROS)], "has more than"),
    "chunks": (lambda: [CHUNKED, endless(b"10000\r\n", ZEROS, b"\r\n")], "has more than"),
    "small chunks": (lambda: [CHUNKED, endless(b"1\r\nx\r\n" * 2**12)], f"has more than|{MORE}"),
    "a large length": (lambda: [OK, b"Content-Length: 99999999999", END], "has more than"),
    "a negative chunk": (lambda: [CHUNKED, b"-1\r\n", endless(ZEROS)], MORE),
    "an extension of a chunk": (lambda: [CHUNKED, b"1;", endless(ZEROS)], "does not answer as a"),
    "trailers": (lambda: [CHUNKED, b"0\r\n", endless(b"A: b\r\n" * 2**12)], MORE),
    # Compressed
    "gzip": (lambda: [OK, b"Content-Encoding: gzip", END, BOMB], "with Content-Encoding: gzip, "),
    "deflate": (
        lambda: [OK, b"Content-Encoding: deflate", END, zlib.compress(ZEROS)],
        "with Content-Encoding: deflate, ",
    ),
    "gzip on the way": (
        lambda: [OK, b"Transfer-Encoding: gzip, chunked", END, BOMB],
        "with Transfer-Encoding: gzip, chunked, ",
    ),
    # Heads without an end
    "continue": (lambda: endless(b"HTTP/1.1 100 Continue" + END), MORE),
    "headers": (lambda: [OK, endless(b"A: b\r\n")], "more than 100 headers"),
    "a header": (lambda: [OK, b"A: ", endless(ZEROS)], "LineTooLong"),
    "a redirect": (
        lambda: [b"HTTP/1.1 302 Found\r\nLocation: .", END, endless(ZEROS)],
        "redirects more than 10 times",
    ),
    # A byte at a time, or none
    "drips of a body": (lambda: [OK + END[2:], drip(b"x")], SLOW),
    "drips of a head": (lambda: [OK, b"A: ", drip(b"x")], SLOW),
    "drips of a status": (lambda: drip(b"HTTP/1.1 200 " + b"x" * 2**12), SLOW),
    "drips of continue": (lambda: drip(b"HTTP/1.1 100 Continue" + END), SLOW),
    "drips of trailers": (lambda: [CHUNKED, b"0\r\n", drip(b"A: b\r\n")], SLOW),
    "silence": (lambda: [1.0], r"nothing arrived for 0\.1 seconds"),
    # Words of the server
    "a status of letters": (lambda: [b"HTTP/1.1 404 " + b"x" * 30000 + END], "404"),
    "a status with controls": (lambda: [b"HTTP/1.1 404 \x1b[31mred\x1b[0m" + END], "404"),
    "controls": (lambda: [b"\x1b]0;title\x07" + END], r"BadStatusLine: \\x1b\]0;title"),
    "a long line": (lambda: [b"x" * 30000 + END], r"BadStatusLine: x{100,200}\.\.\."),
    "a length of 5,000 digits": (
        lambda: [OK, b"Content-Length: " + b"9" * 5000, END],
        "states the invalid length 9{40}[.]",
    ),
    "a length of words": (lambda: [OK, b"Content-Length: \x1b[2J", END], r"length \\x1b\[2J[.]"),
    "a redirect to nowhere": (lambda: [b"HTTP/1.1 302 Found" + END], "does not say where to"),
    "a redirect with controls": (
        lambda: [b"HTTP/1.1 302 Found\r\nLocation: https://h\x1b:x/\x1b" + END],
        "not a valid address|cannot be read",
    ),
    "a redirect to a file": (
        lambda: [b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd" + END],
        "redirects to file:///etc/passwd, which is not an https:// address",
    ),
    "a half": (lambda: [OK, b"Content-Length: 900", END, b"x" * 10], "ended after 10 of"),
}  # fmt: skip
COMMIT = "0" * 40
SIZES = {CARD: 1000, CONFIG: 1000, WEIGHTS: 1000}
INFO = {"sha": COMMIT, "siblings": [{"rfilename": f, "size": n} for f, n in SIZES.items()]}


@pytest.fixture(scope="module")
def running():
    with hostile_server.running() as server:
        yield server


def without_tls(host, context, **options):
    return http.client.HTTPConnection(host, **options)


@pytest.fixture
def server(running, monkeypatch, tmp_path):
    """A server that is the hub as well."""
    running.sent, running.heads = 0, []
    monkeypatch.setitem(downloads.CONNECTIONS, "https", without_tls)
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{running.port}")
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    return running


def answered(content):
    return [OK, f"Content-Length: {len(content)}".encode(), END, content]


def refused(server, where, parts, hurry=lambda: None):
    """Return the words of the error that an answer causes at a place.

    Args:
        hurry: called before the request that the answer is for.
    """

    def answer(path):
        if where == "file of the hub" and path.startswith("/api/"):
            hurry()
            return answered(json.dumps(INFO).encode())
        return parts()

    server.answer = answer
    if where != "file of the hub":
        hurry()
    with pytest.raises((ValueError, OSError)) as told:
        if where == "address":
            zoo.load(f"https://127.0.0.1:{server.port}/m.keras", sha256="0" * 64)
        else:
            zoo.load(f"hf://me/digits@{COMMIT}" if where == "file of the hub" else "hf://me/digits")
    text = str(told.value)
    assert text.isprintable()
    assert len(text) < 900
    assert "127.0.0.1" in text or "hf://me/digits" in text
    return text


@pytest.mark.parametrize("where", ["address", "file of the hub", "answer of the hub"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_refused_in_words_and_ends(kind, where, server, tmp_path, monkeypatch):
    monkeypatch.setattr(urls, "LARGEST", 2**20)
    monkeypatch.setattr(hub, "_LARGEST_INFO", 2**20)
    parts, told = KINDS[kind]

    def hurry():
        if kind.startswith("drips"):
            monkeypatch.setattr(downloads, "SECONDS", 0.3)
        if kind == "silence":
            monkeypatch.setattr(downloads, "PAUSE", 0.1)

    text = refused(server, where, parts, hurry)
    assert re.search(told, text), text
    assert server.sent < hostile_server.MOST // 2
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "page",
    [b"<!doctype html><title>Log in</title>", b"[]", b"{}", b"", b"\xff\xfe", b"[" * 10**5,
     b'{"sha": 7}', b'{"sha": "%s", "siblings": [1]}' % COMMIT.encode(),
     b'{"sha": "%s", "siblings": 7}' % COMMIT.encode(), b'{"n": ' + b"9" * 5000 + b"}",
     b'{"sha": "%s", "siblings": [{"rfilename": []}]}' % COMMIT.encode()],
)  # fmt: skip
def test_what_is_no_answer_of_the_hub_is_refused_in_words(page, server):
    text = refused(server, "answer of the hub", lambda: answered(page))
    assert "does not answer as the hub does" in text or "states the invalid commit" in text


@pytest.mark.parametrize("size", [999, 1001])
def test_a_file_of_the_hub_has_the_size_that_the_hub_says(size, server):
    text = refused(server, "file of the hub", lambda: answered(b"x" * size))
    assert "has more than 1,000 bytes" in text or "ended after 999 of 1,000 bytes" in text


def test_a_slow_line_that_goes_on_is_waited_for(server, monkeypatch):
    """Each step has a time of its own, so the whole may take longer."""
    monkeypatch.setattr(downloads, "_STEP", 5)
    monkeypatch.setattr(downloads, "_PIECE", 5)
    monkeypatch.setattr(downloads, "SECONDS", 0.9)
    server.answer = lambda path: [OK + END[2:], [0.1, b"12345"] * 10]
    with pytest.raises(ValueError, match="has the SHA-256"):
        zoo.load(f"https://127.0.0.1:{server.port}/m.keras", sha256="0" * 64)


def test_the_time_may_be_set(server, monkeypatch):
    monkeypatch.setenv("ZOO_DOWNLOAD_SECONDS", "0.1")
    text = refused(server, "address", lambda: drip(b"x"))
    assert "set ZOO_DOWNLOAD_SECONDS to more than 0.1" in text
    for wrong in ("-1", "0", "nan", "1e9", "a minute"):
        monkeypatch.setenv("ZOO_DOWNLOAD_SECONDS", wrong)
        with pytest.raises(ValueError, match="ZOO_DOWNLOAD_SECONDS is .* a number of seconds"):
            zoo.load(f"https://127.0.0.1:{server.port}/m.keras", sha256="0" * 64)


def test_a_token_does_not_follow_a_redirect_to_another_host_and_back(server):
    away = f"http://localhost:{server.port}/away".encode()
    back = f"http://127.0.0.1:{server.port}/back".encode()

    def answer(path):
        target = {"/away": back, "/back": b""}.get(path, away)
        if path == "/back":
            return answered(json.dumps(INFO).encode())
        return [b"HTTP/1.1 302 Found\r\nLocation: ", target, END]

    server.answer = answer
    assert hub.pinned("hf://me/digits") == f"hf://me/digits@{COMMIT}"
    sent = [b"hf_mine" in head for head in server.heads]
    assert sent == [True, False, False]
