"""Run the commands and examples of README.md.

    python .ci/readme.py test    the test command, in a fresh copy of the tree
    python .ci/readme.py run     all the other blocks, in the order in which they stand
    python .ci/readme.py list    what would be run

A fenced block says after its fence what it is:

    sh, python           run
    sh test              the test command
    sh skip=REASON       not run; python skip=REASON too
    anything else        not looked at

The blocks run in one folder, a copy of the tree, so that the key that one makes is
there for the next. No request leaves this machine: Bitget is played by the module's own
stand-in, which checks every signature against the private.pem of that folder. Blocks of
sh reach it through a proxy that has a certificate for api.bitget.com, blocks of Python
by another default of base_url. Only blocks that install packages or have them installed
go round the proxy. `python` is the one that runs this file.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
import rsa

import bitget_rsa

HOST = "api.bitget.com"
API_KEY, PASSPHRASE = "bg_readme", "readme12"
TIMEOUT_S = 300
TEST_TIMEOUT_S = 900
# A block that calls one of these is not run where it is missing.
OPTIONAL_TOOLS = ("openssl", "curl", "uv", "pipx")
# These ask a package index, which is none of the proxy's business.
INSTALLERS = re.compile(
    r"^[^#]*\b(pip3? install|uv (run|pip)|uvx|pipx)\b", re.MULTILINE
)

# Lines are counted from the top of README.md, so that a traceback names the right one.
PRELUDE = """\
import sys
import bitget_rsa
url, line, source = sys.argv[1:]
del sys.argv[1:]
for function in (bitget_rsa.prepare, bitget_rsa.request):
    function.__kwdefaults__["base_url"] = url
code = compile("\\n" * int(line) + source, "README.md", "exec")
exec(code, {"__name__": "__main__"})
"""

OPENSSL_CONFIG = f"""\
[req]
distinguished_name = name
prompt = no
[name]
CN = README
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
subjectAltName = DNS:{HOST}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class Block(NamedTuple):
    line: int  # of the fence
    language: str
    words: list[str]
    skip: str  # the reason, or empty
    source: str

    def __str__(self) -> str:
        lines = self.source.split("\n")
        first = next((line for line in lines if line and line[0] != "#"), "")
        return f"README.md:{self.line}: {self.language}: {first}"


class BlockError(Exception):
    """A block, or README.md as a whole, is not as it should be."""


def blocks(text: str) -> Iterator[Block]:
    """Find the fenced blocks of sh and python."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        start = at
        at += 1
        fence = re.fullmatch(r"( *)(`{3,}|~{3,})\s*([^`]*)", lines[start])
        if not fence:
            continue
        end = re.compile(rf" *{fence[2][0]}{{{len(fence[2])},}}\s*")
        while at < len(lines) and not end.fullmatch(lines[at]):
            at += 1
        if at == len(lines):
            raise BlockError(f"README.md:{start + 1}: a block that does not end")
        source = textwrap.dedent("\n".join(lines[start + 1 : at])) + "\n"
        at += 1
        info, _, skip = fence[3].partition("skip=")
        language, *words = info.split() or [""]
        unknown = set(words) - {"test"}
        if language in {"sh", "python"}:
            if unknown:
                found = " ".join(sorted(unknown))
                raise BlockError(f"README.md:{start + 1}: unknown word {found}")
            yield Block(start + 1, language, words, skip.strip(), source)


def copy_tree(folder: Path) -> None:
    """Copy what a clone shows; hidden files are no part of what README describes."""
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy2(path, folder)


def plain_environment() -> dict[str, str]:
    """Return the environment with this Python in front, and nothing of Bitget's."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BITGET_", "PYTHON")) and name != "VIRTUAL_ENV"
    }
    # Not resolved: in a virtual environment the executable is a link out of it.
    folder = os.path.dirname(sys.executable)  # noqa: PTH120
    environ["PATH"] = folder + os.pathsep + environ.get("PATH", os.defpath)
    return environ


def run(
    command: list[str], folder: Path, environ: Mapping[str, str], timeout_s: float
) -> str:
    """Run a block and return its output; BlockError when it fails."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            output += f"not done after {timeout_s:.0f} s\n"
    if process.returncode:
        raise BlockError(f"{output}exit status {process.returncode}")
    return output


# ---- Bitget's side ------------------------------------------------------------------


class Accounts(Mapping[str, bitget_rsa._Account]):
    """The one account, with the public half of the key that the blocks have made."""

    def __init__(self, key_file: Path) -> None:
        self.key_file = key_file

    def __getitem__(self, api_key: str) -> bitget_rsa._Account:
        if api_key != API_KEY:
            raise KeyError(api_key)
        key = bitget_rsa.load_private_key(self.key_file.read_bytes())
        public_key = rsa.PublicKey(key.n, key.e)
        return bitget_rsa._Account(PASSPHRASE, public_key)

    def __iter__(self) -> Iterator[str]:
        return iter([API_KEY])

    def __len__(self) -> int:
        return 1


class Answers(Mapping[str, object]):
    """Bitget's `data` by path; the time is that of the moment."""

    def __init__(self) -> None:
        self.fixed: dict[str, object] = {
            "/api/v2/public/time": None,
            "/api/v2/spot/account/info": {
                "authorities": ["spot_trade"],
                "ips": "127.0.0.1",
            },
            "/api/v2/spot/account/assets": [{"coin": "USDT", "available": "100"}],
            "/api/v2/spot/trade/place-order": {"orderId": "1", "clientOid": "x"},
        }

    def __getitem__(self, path: str) -> object:
        if path == "/api/v2/public/time":
            return {"serverTime": str(time.time_ns() // 1_000_000)}
        return self.fixed[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fixed)

    def __len__(self) -> int:
        return len(self.fixed)


class Proxy(socketserver.ThreadingTCPServer):
    """An HTTPS proxy that leads to the stand-in, whatever the client asks for."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext, stand_in: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), ProxyHandler)
        self.context = context
        self.stand_in = stand_in
        self.requests: list[str] = []
        self.problems: list[str] = []


class ProxyHandler(BaseHTTPRequestHandler):
    server: Proxy
    timeout = 30
    rbufsize = 0  # what follows CONNECT belongs to TLS

    def do_CONNECT(self) -> None:
        self.close_connection = True
        if self.path != f"{HOST}:443":
            self.server.problems.append(f"asked for {self.path}")
            self.send_error(403)
            return
        self.send_response(200)
        self.end_headers()
        try:
            self.relay()
        except OSError as error:
            self.server.problems.append(f"{type(error).__name__}: {error}")

    def relay(self) -> None:
        """Pass one request on, and the answer back until the stand-in closes."""
        with self.server.context.wrap_socket(self.connection, server_side=True) as tls:
            with tls.makefile("rb") as reader:
                head = [reader.readline()]
                while head[-1].strip():
                    head.append(reader.readline())
                sizes = [
                    int(line.split(b":")[1])
                    for line in head
                    if line.lower().startswith(b"content-length:")
                ]
                body = reader.read(sum(sizes))
            self.server.requests.append(head[0].decode().strip())
            with socket.create_connection(self.server.stand_in, self.timeout) as plain:
                plain.sendall(b"".join(head) + body)
                while answer := plain.recv(65536):
                    tls.sendall(answer)
            with contextlib.suppress(OSError):  # the client may have gone
                tls.unwrap()

    def log_message(self, *_: object) -> None:
        """Keep the output free."""


def make_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make an authority and a certificate of HOST, with keys that live for this run."""

    def openssl(*arguments: str) -> None:
        subprocess.run(
            ["openssl", *arguments], cwd=folder, check=True, capture_output=True
        )

    (folder / "config").write_text(OPENSSL_CONFIG, encoding="ascii")
    new = ("req", "-config", "config", "-newkey", "rsa:2048", "-nodes", "-sha256")
    authority = ("-x509", "-extensions", "ca", "-days", "2")
    openssl(*new, *authority, "-keyout", "ca.key", "-out", "ca.pem")
    openssl(*new, "-keyout", "leaf.key", "-out", "leaf.csr")
    sign = ("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key")
    form = ("-extfile", "config", "-extensions", "leaf", "-days", "2", "-sha256")
    openssl(*sign, "-set_serial", "2", *form, "-out", "leaf.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
    return folder / "ca.pem", context


def proxy_environment(port: int, authority: Path) -> dict[str, str]:
    proxy = dict.fromkeys(("https_proxy", "HTTPS_PROXY"), f"http://127.0.0.1:{port}")
    trust = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    return {**proxy, **dict.fromkeys(trust, str(authority))}


# ---- The verbs ----------------------------------------------------------------------


def run_test(found: list[Block], temporary: Path) -> None:
    tests = [block for block in found if "test" in block.words]
    if len(tests) != 1:
        raise BlockError(f"expected one block marked `sh test`, found {len(tests)}")
    block = tests[0]
    print(block, flush=True)
    folder = temporary / "tree"
    copy_tree(folder)
    command = ["bash", "-euo", "pipefail", "-c", block.source]
    output = run(command, folder, plain_environment(), TEST_TIMEOUT_S)
    print(textwrap.indent(output, "    "), end="")
    ran = re.findall(r"^Ran (\d+) tests?", output, re.MULTILINE)
    if not ran or int(ran[-1]) == 0:
        raise BlockError("no test was run")


def run_all(found: list[Block], temporary: Path) -> None:
    folder = temporary / "tree"
    copy_tree(folder)
    key_file = folder / "private.pem"
    environ = plain_environment()
    for name in list(environ):
        if name.lower() in {"https_proxy", "http_proxy", "all_proxy", "no_proxy"}:
            del environ[name]
    bitget = {
        "BITGET_API_KEY": API_KEY,
        "BITGET_PASSPHRASE": PASSPHRASE,
        "BITGET_PRIVATE_KEY_FILE": str(key_file),
    }
    environ.update(bitget)
    count = skipped = 0
    with contextlib.ExitStack() as stack:
        stand_in = stack.enter_context(
            bitget_rsa._StandIn(Accounts(key_file), Answers())
        )
        proxy = None
        if shutil.which("openssl"):
            certificates = temporary / "certificates"
            certificates.mkdir()
            authority, context = make_certificate(certificates)
            port = int(stand_in.url.rpartition(":")[2])
            proxy = stack.enter_context(Proxy(context, ("127.0.0.1", port)))
            threading.Thread(target=proxy.serve_forever, args=(0.02,)).start()
            stack.callback(proxy.shutdown)
            through_proxy = proxy_environment(proxy.server_address[1], authority)
        for block in found:
            if "test" in block.words:
                continue
            reason = block.skip or missing_tool(block, environ)
            if not reason and block.language == "sh" and proxy is None:
                reason = "openssl is missing, which makes the certificate"
            if reason:
                print(f"{block}\n    not run: {reason}", flush=True)
                skipped += 1
                continue
            print(block, flush=True)
            if block.language == "python":
                if not key_file.exists():
                    make_key(key_file)
                source = (stand_in.url, str(block.line), block.source)
                command = [sys.executable, "-c", PRELUDE, *source]
                run(command, folder, environ, TIMEOUT_S)
            else:
                command = ["bash", "-euo", "pipefail", "-c", block.source]
                if INSTALLERS.search(block.source):
                    run(command, folder, {**plain_environment(), **bitget}, TIMEOUT_S)
                else:
                    run(command, folder, {**environ, **through_proxy}, TIMEOUT_S)
            count += 1
            if proxy and proxy.problems:
                raise BlockError("the proxy: " + "; ".join(proxy.problems))
        requests = proxy.requests if proxy else []
    print(f"{count} blocks run, {skipped} not; through the proxy: {len(requests)}")
    for line in requests:
        print(f"    {line}")
    if not count:
        raise BlockError("no block was run")


def missing_tool(block: Block, environ: Mapping[str, str]) -> str:
    """Name an optional program that a block of sh needs and this machine lacks."""
    if block.language != "sh":
        return ""
    words = set(re.findall(r"[\w.-]+", block.source))
    for tool in OPTIONAL_TOOLS:
        if tool in words and not shutil.which(tool, path=environ["PATH"]):
            return f"{tool} is missing"
    return ""


def make_key(key_file: Path) -> None:
    pem = bitget_rsa.private_key_pem(bitget_rsa.generate_private_key())
    key_file.touch(mode=0o600)
    key_file.write_text(pem, encoding="ascii")


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the commands of README.md.")
    parser.add_argument("verb", choices=("test", "run", "list"))
    verb = parser.parse_args().verb
    try:
        found = list(blocks((ROOT / "README.md").read_text(encoding="utf-8")))
        if verb == "list":
            print(*found, sep="\n")
            return 0
        with tempfile.TemporaryDirectory() as name:
            (run_test if verb == "test" else run_all)(found, Path(name).resolve())
    except BlockError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
