"""Run the blocks of README.md in their order, as a reader would.

They run in a new folder that holds the visible files. The word behind a fence says
what a block is:

    sh                  Run by bash, up to the first command that fails. Later blocks
                        see what it exports. What it asks for is answered.
    python              Run by `python`, after `pip install NAME` if its first line is
                        `# pip install NAME`.
    powershell, bat     For Windows: listed, not run.
    any other, or none  Shown, not run.

A comment in the line before a block, which no reader sees, may say more:

    <!-- output -->        The output of the block before ends so.
    <!-- status: 1 -->     The block ends with this exit status, not with 0.
    <!-- skip: REASON -->  The block is not run.

In an output, [...] stands for anything. What differs in every run is not compared:
numbers of four digits or more, words of 60 characters or more, the word before [...].

Afterwards each `sh` and `python` block is pasted as a whole, line by line, into a shell
or a Python that goes on after an error, while Bitget refuses every signature. It must
do no harm: see `find_harm`.

No request reaches Bitget: Python and curl find its hosts on loopback, and trust them.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import certifi
import rsa
import trustme
from websockets.sync.server import ServerConnection, serve

sys.path.insert(0, str(Path.cwd()))
import bitget_rsa
import test_bitget_rsa

PAGE = Path("README.md").read_text("utf-8")
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>\w+):? ?(?P<argument>[^\n]*?) -->\n)?"
    r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
RUN_BY = {"sh": "bash", "python": "python -i"}
WINDOWS = ("powershell", "bat")
# A block leaves its variables behind, and what it starts gets time to be ready.
RUN = '. "$1"; eval "$2"; export -p >"$1"; [[ -z $(jobs -p) ]] || sleep 2'
PASTE = '. "$1"; exec $2'
# Every Python that a block starts runs this first.
SITECUSTOMIZE = """
import os, socket
real = socket.getaddrinfo
def getaddrinfo(host, port, *args, **options):
    name = os.fsdecode(host or "")
    if name.endswith(".bitget.com"):
        host, port = "127.0.0.1", PORTS[name]
    return real(host, port, *args, **options)
socket.getaddrinfo = getaddrinfo
"""
work = Path(tempfile.mkdtemp())
environ = {**os.environ, "PYTHONPATH": str(work), "CURL_HOME": str(work)}
certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

# ---- Bitget's side ------------------------------------------------------------------


def public_key() -> rsa.PublicKey:
    """Read the public half of the key that the blocks have made."""
    key = bitget_rsa.load_private_key(Path("private.pem"))
    return rsa.PublicKey(key.n, key.e)


class Bitget(test_bitget_rsa.StandIn):
    """The stand-in of the tests, with TLS and whatever key there is by now."""

    refuses = False

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        self.public_key = rsa.PublicKey(3**1300, 3) if self.refuses else public_key()
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


def start_bitget() -> Bitget:
    """Start what plays Bitget, and lead the blocks to it."""
    authority = trustme.CA()
    authority.issue_cert("*.bitget.com").configure_cert(certificate)
    others = Path(os.environ.get("SSL_CERT_FILE", certifi.where()))
    trusted = work / "authorities.pem"
    trusted.write_bytes(authority.cert_pem.bytes() + others.read_bytes())
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        environ[name] = str(trusted)
    environ["no_proxy"] = "bitget.com"  # a proxy would lead to the real one
    api = Bitget(rsa.PublicKey(1, 1))
    push = serve(serve_websocket, "127.0.0.1", 0, ssl=certificate)
    ports = {}
    for name, server in (("api", api), ("ws", push), ("wspap", push)):
        ports[f"{name}.bitget.com"] = server.socket.getsockname()[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
    curlrc = f"connect-to = api.bitget.com::127.0.0.1:{api.port}\n"
    (work / ".curlrc").write_text(curlrc, "utf-8")
    script = f"PORTS = {ports}\n{SITECUSTOMIZE}"
    (work / "sitecustomize.py").write_text(script, "utf-8")
    return api


# ---- The blocks ---------------------------------------------------------------------


def execute(script: str, argument: str, typed: str) -> tuple[int, str]:
    """Run a script of bash; return its exit status and what it printed."""
    arguments = [
        "-euo",
        "pipefail",
        "-c",
        script,
        "bash",
        str(work / "state"),
        argument,
    ]
    with (work / "output").open("a+b") as output:
        start = output.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            ["bash", *arguments],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        atexit.register(end_session, process.pid)
        process.communicate(typed.encode(), timeout=300)
        output.seek(start)
        return process.returncode, output.read().decode(errors="replace")


def end_session(process_id: int) -> None:
    """End what a block has left running."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process_id, signal.SIGTERM)


def run(block: re.Match[str]) -> str:
    """Run a block; return what it printed."""
    script = block["text"]
    if block["kind"] == "python":
        Path("block.py").write_text(script, "utf-8")
        install = re.match("# (pip install .*)", script)
        script = f"{install[1] if install else ':'}; python block.py"
    expected = int(block["argument"]) if block["mark"] == "status" else 0
    status, printed = execute(RUN, script, "readme12\n" * 9)
    if status != expected:
        sys.exit(f"{printed}\nit ended with status {status}, not {expected}")
    return printed


def compare(shown: str, printed: str) -> None:
    """Compare the output that the README shows with what was printed."""
    varying = re.compile(r"[\w+/=]{60,}|\d{4,}")
    shown = re.sub(r"[\w+/=]*\[\.\.\.\]", "\0", shown.strip())
    parts = map(re.escape, varying.sub("#", shown).split("\0"))
    if not re.search(
        r"(?ms)^" + ".*".join(parts) + r"\s*\Z", varying.sub("#", printed)
    ):
        sys.exit(f"{printed}\nthe block before has printed this, which ends otherwise")


def follow(block: re.Match[str], printed: str) -> str:
    """Do what a reader would; return what was printed last."""
    print(f"{place(block)} {block['kind']}: ", end="", flush=True)
    if block["mark"] == "skip":
        print(f"not run, {block['argument']}")
    elif block["mark"] == "output":
        compare(block["text"], printed)
        print("compared")
    elif block["kind"] in RUN_BY:
        printed = run(block)
        print("ran")
    else:
        windows = block["kind"] in WINDOWS
        print("for Windows, not run" if windows else "shown, not run")
    return printed


def find_harm(block: re.Match[str], bitget: Bitget) -> str:
    """Paste a block as a whole; return what harm it does, or nothing."""
    key = Path("private.pem").read_bytes()
    bitget.exchanges.clear()
    _, printed = execute(PASTE, RUN_BY[block["kind"]], f"{block['text']}\n")
    refused = itertools.dropwhile(lambda it: it.code == "00000", bitget.exchanges)
    if any(it.request.method == "POST" for it in list(refused)[1:]):
        return "something is posted after a refusal"
    if Path("private.pem").read_bytes() != key:
        return "private.pem is changed"
    if re.search(r"(?m)^ *read\b.*\n.*\S", block["text"]):
        return "`read` swallows the next line"
    if "SyntaxError" in printed or "IndentationError" in printed:
        return "Python does not understand a line"
    return ""


def place(block: re.Match[str]) -> str:
    line = PAGE.count("\n", 0, block.start("kind")) + 1
    return f"README.md:{line}"


def main() -> None:
    blocks = list(BLOCK.finditer(PAGE))
    if PAGE.count("```") != 2 * len(blocks):
        sys.exit("README.md has a fence that neither begins nor ends a block")
    for block in blocks:
        if block["mark"] not in (None, "output", "status", "skip"):
            sys.exit(f"{place(block)}: the comment before it says {block['mark']!r}")
    for path in filter(Path.is_file, Path().iterdir()):
        shutil.copy(path, work)
    os.chdir(work)
    Path("state").touch()
    bitget = start_bitget()
    printed = ""
    for block in blocks:
        printed = follow(block, printed)
    bitget.refuses = True
    for block in blocks:
        if block["kind"] in RUN_BY and block["mark"] != "skip":
            print(f"{place(block)} pasted as a whole: ", end="", flush=True)
            harm = find_harm(block, bitget)
            if harm:
                sys.exit(harm)
            print("no harm")
    windows = [place(it) for it in blocks if it["kind"] in WINDOWS]
    print(f"for Windows, listed but not run: {', '.join(windows) or 'none'}")


if __name__ == "__main__":
    main()
