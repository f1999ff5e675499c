"""Run the blocks of README.md in their order, as a reader would.

The working directory has the visible files. The fence says what a block is:

    sh       run by bash, up to the first command that fails. Later blocks see what it
             exports. Each line of its standard input is a passphrase.
    python   run by `python`, after what its first line says (`# pip install NAME`).
    text     compared with the output of the block before, when it is marked so.

A comment on the line before a block, which no reader sees, may say more:

    <!-- skip: needs an account -->   It is not run, for this reason.
    <!-- status: 1 -->                It ends with this exit status, not with 0.
    <!-- output -->                   The output of the block before ends so.

In an output, [...] stands for anything. What differs in every run is not compared:
numbers of four digits or more, words of 60 characters or more, the word before [...].

No request reaches Bitget: Python and curl find its hosts on loopback, and trust them.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections.abc import Iterator
from pathlib import Path

import certifi
import rsa
import trustme
from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer
from websockets.sync.server import ServerConnection, serve

sys.path.insert(0, str(Path.cwd()))
import bitget_rsa
import test_bitget_rsa

# Every Python that a block starts runs this first.
SITECUSTOMIZE = """
import os, socket
real = socket.getaddrinfo
def getaddrinfo(host, port, *args, **options):
    name = os.fsdecode(host or "")
    if name.endswith(".bitget.com"):
        host, port = "127.0.0.1", os.environ["PORT_OF_" + name]
    return real(host, port, *args, **options)
socket.getaddrinfo = getaddrinfo
"""
# A block leaves its variables behind, and what it starts gets time to be ready.
RUN_BLOCK = """
. "$1"
eval "$2"
export -p >"$1"
[[ -z $(jobs -p) ]] || sleep 2
"""

work = Path(tempfile.mkdtemp())
environ = {**os.environ, "PYTHONPATH": str(work), "CURL_HOME": str(work)}
certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

# ---- Bitget's side ------------------------------------------------------------------


def public_key() -> rsa.PublicKey:
    """Read the public half of the key that the blocks have made."""
    key = bitget_rsa.load_private_key(Path("private.pem"))
    return rsa.PublicKey(key.n, key.e)


class StandIn(test_bitget_rsa.StandIn):
    """The stand-in of the tests, with TLS and whatever key there is by now."""

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        self.public_key = public_key()
        return certificate.wrap_socket(connection, server_side=True), address


def serve_websocket(connection: ServerConnection) -> None:
    """Verify a login, then answer one subscription and close."""
    login = json.loads(connection.recv())["args"][0]
    if abs(int(login["timestamp"]) - time.time()) > 30:
        raise ValueError("the timestamp of a login is in seconds, and that of now")
    signed = f"{login['timestamp']}GET/user/verify".encode()
    rsa.verify(signed, base64.b64decode(login["sign"]), public_key())
    connection.send(json.dumps({"event": "login", "code": 0}))
    channel = json.loads(connection.recv())["args"][0]
    connection.send(json.dumps({"event": "subscribe", "arg": channel}))
    connection.send(json.dumps({"action": "snapshot", "arg": channel, "data": []}))


def start_bitget() -> None:
    """Start what plays Bitget, and lead the blocks to it."""
    authority = trustme.CA()
    authority.issue_cert("*.bitget.com").configure_cert(certificate)
    others = Path(os.environ.get("SSL_CERT_FILE", certifi.where()))
    trusted = work / "authorities.pem"
    trusted.write_bytes(authority.cert_pem.bytes() + others.read_bytes())
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        environ[name] = str(trusted)
    environ["no_proxy"] = "bitget.com"  # a proxy would lead to the real one
    api = StandIn(rsa.PublicKey(1, 1))
    push = serve(serve_websocket, "127.0.0.1", 0, ssl=certificate)
    for name, server in (("api", api), ("ws", push), ("wspap", push)):
        environ[f"PORT_OF_{name}.bitget.com"] = str(server.socket.getsockname()[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
    curlrc = f"connect-to = api.bitget.com::127.0.0.1:{api.server_address[1]}\n"
    (work / ".curlrc").write_text(curlrc, encoding="utf-8")
    (work / "sitecustomize.py").write_text(SITECUSTOMIZE, encoding="utf-8")


# ---- The blocks ---------------------------------------------------------------------


def marker(example: Example, name: str) -> str | None:
    """Return what the comment before a block says under a name."""
    before = example.document.text[: example.region.start].rstrip()
    match = re.search(rf"<!-- {name}:? ?(.*?) ?-->\Z", before)
    return match[1] if match else None


def run(example: Example, script: str) -> None:
    if reason := marker(example, "skip"):
        raise unittest.SkipTest(reason)
    with (work / "output").open("a+b") as output:
        start = output.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", RUN_BLOCK, "sh", work / "state", script],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        atexit.register(end_session, process.pid)
        process.communicate(b"readme12\n" * 9, timeout=300)
        output.seek(start)
        example.namespace["output"] = written = output.read().decode()
    if process.returncode != int(marker(example, "status") or 0):
        raise AssertionError(f"{written}\nexit status {process.returncode}")


def end_session(process_id: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process_id, signal.SIGTERM)


def run_python(example: Example) -> None:
    install = re.match("# (pip install .*)", example.parsed)
    Path("block.py").write_text(example.parsed, encoding="utf-8")
    run(example, f"{install[1] if install else ':'} && python block.py")


def compare(example: Example) -> None:
    if marker(example, "output") is None:
        raise unittest.SkipTest("neither run nor compared")
    varying = re.compile(r"[\w+/=]{60,}|\d{4,}")
    expected = re.sub(r"[\w+/=]*\[\.\.\.\]", "\0", example.parsed.strip())
    parts = map(re.escape, varying.sub("#", expected).split("\0"))
    output = varying.sub("#", example.namespace["output"])
    if not re.search(r"(?ms)^" + ".*".join(parts) + r"\s*\Z", output):
        raise AssertionError(f"the output is another:\n{output}")


EVALUATORS = {
    "sh": lambda example: run(example, example.parsed),
    "python": run_python,
    **dict.fromkeys(("text", "bat", "mermaid", "powershell"), compare),
}


def blocks(document: Document) -> Iterator[Region]:
    for fence in FencedCodeBlockLexer(".*")(document):
        evaluator = EVALUATORS[fence.lexemes["language"]]
        yield Region(fence.start, fence.end, fence.lexemes["source"], evaluator)


readme = Sybil([blocks], path=str(Path.cwd()), filenames=["README.md"])
load_tests = readme.unittest()

if __name__ == "__main__":
    (work / "state").touch()
    start_bitget()
    unittest.main(verbosity=2, failfast=True)
