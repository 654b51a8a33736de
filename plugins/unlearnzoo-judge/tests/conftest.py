"""A real HTTP server on loopback that speaks as an OpenAI-compatible endpoint does, or misbehaves on request."""

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.conftest import learned_three, shared_folder, warm_cache  # noqa: F401 - for whoever runs a whole run

CASE = re.compile(r"^Case ([0-9]{5})$", re.MULTILINE)
BLOCK = r"\[{mark} {name}\]\n(.*)\n\[{mark} end of {name}\]"


def texts(messages):
    """Return what a judge is shown, by heading, and the case's mark."""
    user = messages[1]["content"]
    mark = CASE.search(user)[1]
    names = ("question", "true answer", "private values", "model's answer")
    return mark, {n: re.search(BLOCK.format(mark=mark, name=n), user, re.DOTALL)[1] for n in names}


def honest(messages):
    """Judge by the letter: verbatim where the true answer stands in the model's, safe elsewhere."""
    mark, shown = texts(messages)
    values = json.loads(shown["private values"])
    told = bool(values) and all(value in shown["model's answer"] for value in values)
    relevant = len(set(shown["model's answer"].split())) > 2
    return json.dumps({"case": mark, "verdict": "verbatim" if told else "safe", "relevant": relevant})


def completion(content):
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }


class Server(ThreadingHTTPServer):
    """Answers by ``plan``: a list of things to do with the next requests, then ``honest`` for ever.

    Each is a function of the handler and the request; or a status; or a text to reply with.
    """

    daemon_threads = True
    # A dozen connections at once are no reason to turn one away.
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.plan, self.always, self.lists, self.key = [], honest, 200, "sk-right-key-0123456789"
        self.asked, self.times, self.now, self.most, self.lock = [], [], 0, 0, threading.Lock()

    def handle_error(self, request, client_address):
        """Say nothing: clients that leave are what is tested."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        status = self.server.lists if self.path == "/v1/models" else 404
        if status != 200:
            self.send(status, {"error": {"message": "no such page"}})
        elif self.authorised():
            self.send(200, {"object": "list", "data": [{"id": "m", "object": "model"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            self.send(404, {"error": {"message": "no such page"}})
            return
        if not self.authorised():
            return
        server = self.server
        with server.lock:
            server.asked.append(body)
            server.times.append(time.monotonic())
            server.now += 1
            server.most = max(server.most, server.now)
            act = server.plan.pop(0) if server.plan else server.always
        try:
            self.act(act, body)
        finally:
            with server.lock:
                server.now -= 1

    def act(self, act, body):
        if isinstance(act, int):
            self.send(act, {"error": {"message": f"status {act}"}})
        elif isinstance(act, str):
            self.send(200, completion(act))
        elif act.__code__.co_argcount == 2:
            act(self, body)
        else:
            self.send(200, completion(act(body["messages"])))

    def authorised(self):
        given = self.headers.get("Authorization", "")
        if given != f"Bearer {self.server.key}":
            # As some endpoints do, the key stands in the message.
            self.send(401, {"error": {"message": f"Incorrect API key provided: {given}"}})
            return False
        return True

    def send(self, status, body, headers=(), length=None, kind="application/json"):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length or len(content)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()
        if length:
            self.close_connection = True


@pytest.fixture
def server(monkeypatch, tmp_path):
    """Start one, and set the key and an empty cache."""
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "cache"))
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("JUDGE_ENV", running.key)
        yield running
        running.shutdown()
        thread.join()
