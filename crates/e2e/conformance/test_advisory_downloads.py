"""`fettle advisories import` from http addresses: what a web server may do with a download."""

import gzip
import http.server
import json
import os
import subprocess
import threading

import pytest

from conftest import REGION, program

FEED = json.dumps({"openssl": {"CVE-2026-0001": {"releases": {"bookworm": {
    "status": "resolved", "fixed_version": "3.0.15-1~deb12u1", "urgency": "high"}}}}}).encode()


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/moved/tracker.json":
            self.send_response(302)
            self.send_header("Location", "/tracker.json")
            self.end_headers()
            return
        if self.path == "/round/tracker.json":
            self.send_response(302)
            self.send_header("Location", self.path)
            self.end_headers()
            return
        pages = {"/tracker.json": FEED, "/packed": gzip.compress(FEED), "/cut": FEED, "/cut-packed": gzip.compress(FEED)}
        body = pages.get(self.path)
        self.send_response(404 if body is None else 200)
        body = body or b"not here"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if "cut" in self.path else body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def web():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{pages.server_port}"
        pages.shutdown()


@pytest.fixture
def fettle_cli(server):
    def run(*arguments):
        environment = {"PATH": os.environ["PATH"], "FETTLE_ENDPOINT": server.endpoint, "AWS_DEFAULT_REGION": REGION,
                       "AWS_ACCESS_KEY_ID": server.access_key_id, "AWS_SECRET_ACCESS_KEY": server.secret_access_key}
        return subprocess.run([program("fettle"), *arguments], env=environment, capture_output=True, text=True, timeout=60)

    return run


@pytest.mark.parametrize("page", ["tracker.json", "packed", "moved/tracker.json"])
def test_feeds_are_fetched(fettle_cli, web, page):
    done = fettle_cli("advisories", "import", "--feed", "downloaded", f"{web}/{page}")
    assert done.returncode == 0 and "downloaded is in force with 1 statement" in done.stdout, done.stdout + done.stderr


def feeds(fettle_cli):
    """What is in force, but for its age."""
    listed = json.loads(fettle_cli("advisories", "list", "--json").stdout)["Feeds"]
    return [{name: value for name, value in feed.items() if not name.endswith("Seconds")} for feed in listed]


@pytest.mark.parametrize("page, reason", [("none", "404"), ("cut", ""), ("cut-packed", ""), ("round/tracker.json", "")])
def test_what_does_not_arrive_whole_changes_nothing(fettle_cli, web, page, reason):
    assert fettle_cli("advisories", "import", "--feed", "kept", f"{web}/tracker.json").returncode == 0
    before = feeds(fettle_cli)
    done = fettle_cli("advisories", "import", "--feed", "kept", f"{web}/{page}")
    assert done.returncode != 0 and page in done.stderr and reason in done.stderr, done.stdout + done.stderr
    assert feeds(fettle_cli) == before


def test_nobody_listens(fettle_cli):
    done = fettle_cli("advisories", "import", "http://127.0.0.1:9/tracker.json")
    assert done.returncode != 0 and "127.0.0.1:9" in done.stderr, done.stderr
