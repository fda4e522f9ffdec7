"""A server on the loopback that speaks as much of the Hugging Face hub's protocol as tests need.

It keeps commits in memory. `with running() as hub:` starts it; `hub.requests` lists what came.
"""

import base64
import contextlib
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_writer"
LFS_FROM = 1000  # bytes of .h5 files that are stored as large files, at another address


class Repository:
    """Commits by hash, each a dict of files by name; names of branches and tags; who may read."""

    def __init__(self, private=False):
        self.private, self.gated = private, False
        self.commits, self.refs = {}, {}
        self.commit({".gitattributes": b"*.h5 filter=lfs\n"})

    def commit(self, files, branch="main"):
        """Add a commit with these files beside those of the branch; return its hash."""
        content = {**self.commits.get(self.refs.get(branch), {}), **files}
        content = {name: data for name, data in content.items() if data is not None}
        told = repr((self.refs.get(branch), sorted(content.items())))
        oid = hashlib.sha1(told.encode()).hexdigest()
        self.commits[oid], self.refs[branch] = content, oid
        return oid

    def resolve(self, revision):
        return self.refs.get(revision, revision if revision in self.commits else None)


class FakeHub:
    """The state of the server.

    Attributes:
        repositories: by "user/name".
        requests: of all requests, "METHOD /path".
        before: a function that is called with each of them before it is answered.
        said_sizes: sizes to claim for files, by name, instead of the true ones.
        given: the names of the files that were downloaded, in order.
        tokens: the token of each request, by the host that it names, in order.
    """

    def __init__(self):
        self.repositories, self.objects = {}, {}
        self.requests, self.said_sizes, self.given, self.tokens = [], {}, [], []
        self.before = lambda request: None
        self.url = None

    def add(self, name, files=(), **options):
        """Add a repository with a commit of these files, and return it."""
        self.repositories[name] = repository = Repository(**options)
        repository.commit(dict(files))
        return repository


@contextlib.contextmanager
def running():
    """Yield a `FakeHub` that answers at its `url`."""
    hub = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Refusal(Exception):
    def __init__(self, status, code="", text="", **told):
        self.status, self.code, self.text, self.told = status, code, text, told


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # which delays each answer by 40 ms
    hub: FakeHub

    def log_message(self, *arguments):
        pass

    def _answer_any(self):
        path, hub = unquote(urlsplit(self.path).path), self.hub
        request = f"{self.command} {path}"
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        hub.requests.append(request)
        host = (self.headers.get("Host") or "").partition(":")[0]
        hub.tokens.append((host, self.headers.get("Authorization")))
        hub.before(request)
        try:
            for pattern, answer in _ROUTES:
                if match := re.fullmatch(pattern, request):
                    return answer(self, *match.groups())
            raise _Refusal(404, text=f"no route for {request}")
        except _Refusal as refusal:
            headers = {"X-Error-Code": refusal.code, "X-Error-Message": refusal.text}
            self._send({"error": refusal.text, **refusal.told}, refusal.status, headers)

    do_GET = do_HEAD = do_POST = do_PUT = _answer_any

    def _send(self, content, status=200, headers=()):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **dict(headers)}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _writer(self):
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise _Refusal(401, text="Invalid username or password.")

    def _found(self, name, revision="main"):
        repository = self.hub.repositories.get(name)
        signed = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if repository is None or (repository.private and not signed):
            raise _Refusal(404 if signed else 401, "RepoNotFound", "Repository not found")
        if repository.gated and not signed:
            raise _Refusal(401, "GatedRepo", "Access to this model is restricted.")
        oid = repository.resolve(revision)
        if oid is None:
            raise _Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return repository, oid

    # Reading

    def info(self, name, revision="main"):
        repository, oid = self._found(name, revision)
        files = [
            {"rfilename": file, "size": self.hub.said_sizes.get(file, len(data)), "blobId": "0"}
            for file, data in repository.commits[oid].items()
        ]
        told = {"id": name, "modelId": name, "sha": oid, "private": repository.private}
        self._send({**told, "siblings": files, "tags": [], "downloads": 0, "likes": 0})

    def file(self, name, revision, file):
        repository, oid = self._found(name, revision)
        data = repository.commits[oid].get(file)
        if data is None:
            raise _Refusal(404, "EntryNotFound", "Entry not found")
        etag = f'"{hashlib.sha256(data).hexdigest()}"'
        if not _is_large(file, len(data)):
            self.hub.given.append(file)
            self._send(data, headers={"ETag": etag, "X-Repo-Commit": oid})
            return
        linked = {"X-Linked-ETag": etag, "X-Linked-Size": str(len(data)), "X-Repo-Commit": oid}
        elsewhere = self.hub.url.replace("127.0.0.1", "localhost")  # another host, as of a store
        self._send(b"", 302, {"Location": f"{elsewhere}/cdn/{name}/{oid}/{file}", **linked})

    def large_file(self, name, oid, file):
        data = self.hub.repositories[name].commits[oid][file]
        self.hub.given.append(file)
        self._send(data, headers={"ETag": '"of the store"'})

    # Writing

    def create(self):
        self._writer()
        asked = json.loads(self.body)
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        if name in self.hub.repositories:
            there = f"{self.hub.url}/{name}"
            raise _Refusal(409, text="You already created this model repo", url=there)
        private = asked.get("private") or asked.get("visibility") == "private"
        self.hub.repositories[name] = Repository(private=bool(private))
        self._send({"url": f"{self.hub.url}/{name}"})

    def validate(self):
        content = json.loads(self.body)["content"]
        assert content.startswith("---\n")
        self._send({"errors": [], "warnings": []})

    def preupload(self, name, revision):
        self._writer()
        self._found(name, revision)
        files = []
        for file in json.loads(self.body)["files"]:
            mode = "lfs" if _is_large(file["path"], file["size"]) else "regular"
            files.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False})
        self._send({"files": files})

    def batch(self, name):
        self._writer()
        objects = [
            {**o, "actions": {"upload": {"href": f"{self.hub.url}/lfs/{o['oid']}"}}}
            for o in json.loads(self.body)["objects"]
        ]
        self._send({"transfer": "basic", "objects": objects})

    def upload(self, oid):
        assert hashlib.sha256(self.body).hexdigest() == oid
        self.hub.objects[oid] = self.body
        self._send({})

    def commit(self, name, branch):
        self._writer()
        repository, oid = self._found(name, branch)
        changed = {}
        for line in self.body.splitlines():
            key, value = (json.loads(line)[entry] for entry in ("key", "value"))
            if key == "header" and value.get("parentCommit", oid) != oid:
                raise _Refusal(412, text="A commit has happened since. Please refresh.")
            if key == "file":
                changed[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                changed[value["path"]] = self.hub.objects[value["oid"]]
            elif key != "header":
                changed[value["path"]] = None
        done = repository.commit(changed, branch)
        self._send({"commitUrl": f"{self.hub.url}/{name}/commit/{done}", "commitOid": done})


def _is_large(name, size):
    return name.endswith(".h5") and size >= LFS_FROM


_NAME = "([^/]+/[^/]+)"
_ROUTES = [
    (rf"GET /api/models/{_NAME}", _Handler.info),
    (rf"GET /api/models/{_NAME}/revision/(.+)", _Handler.info),
    (rf"(?:GET|HEAD) /{_NAME}/resolve/([^/]+)/(.+)", _Handler.file),
    (rf"(?:GET|HEAD) /cdn/{_NAME}/([^/]+)/(.+)", _Handler.large_file),
    (r"POST /api/repos/create", _Handler.create),
    (r"POST /api/validate-yaml", _Handler.validate),
    (rf"POST /api/models/{_NAME}/preupload/(.+)", _Handler.preupload),
    (rf"POST /{_NAME}\.git/info/lfs/objects/batch", _Handler.batch),
    (r"PUT /lfs/(\w+)", _Handler.upload),
    (rf"POST /api/models/{_NAME}/commit/(.+)", _Handler.commit),
]
