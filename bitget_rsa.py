#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The bitget_rsa authors
# SPDX-License-Identifier: MIT-0
#
# /// script
# requires-python = ">=3.9"
# dependencies = ["rsa>=4.9,<5"]
# ///
"""Sign requests to the exchange Bitget with your own RSA key.

    prehash     = timestamp + METHOD + path + ("?" + query, if any) + body
    ACCESS-SIGN = base64(RSASSA-PKCS1-v1_5 with SHA-256 of prehash)

For "user-generated" API keys: Bitget holds the public half of an RSA pair, and the
private half signs every request. Needs the package `rsa` and nothing else.

>>> prehash(
...     16273667805456, "GET", "/api/mix/v2/market/depth", "limit=20&symbol=BTCUSDT"
... )
'16273667805456GET/api/mix/v2/market/depth?limit=20&symbol=BTCUSDT'

Limits: a signature takes milliseconds, Python integers are not constant-time, and
nothing is retried, rate-limited or kept open. Written from Bitget's documentation and
sample code; not tried against the live exchange.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import io
import json
import math
import os
import re
import socketserver
import ssl
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, unquote_to_bytes, urlencode

try:
    import rsa
    import rsa.pem
    from pyasn1.codec.der import decoder, encoder
    from pyasn1.type import univ
except ModuleNotFoundError as missing:
    if __name__ != "__main__":
        raise
    sys.exit(f"bitget_rsa: {missing}; pip install rsa, or run this file with uv run")

if TYPE_CHECKING:
    import argparse
    import socket

__version__ = "1.0.0"
__all__ = [
    "BASE_URL", "ApiError", "BitgetError", "Credentials", "KeyFormatError",
    "PreparedRequest", "PrivateKey", "TransportError", "__version__",
    "generate_private_key", "load_private_key", "parse_response", "prehash", "prepare",
    "private_key_pem", "public_key_pem", "request", "send", "sign", "websocket_login",
]  # fmt: skip

BASE_URL = "https://api.bitget.com"
Signer = Callable[[bytes], bytes]


# ---- Errors -------------------------------------------------------------------------


class BitgetError(Exception):
    """Base of this module's errors, but for a wrong argument: that is a ValueError."""


class KeyFormatError(BitgetError, ValueError):
    """No usable RSA private key; the text says what was found and how to mend it."""


@dataclass(eq=False)
class ApiError(BitgetError):
    """Bitget answered, and refused.

    Attributes:
        code: Bitget's code, such as "40009"; decide on this one.
        message: Bitget's text, in the language that the header `locale` asks for.
        status: the HTTP status, which may be 200.
        request_time_ms: Bitget's clock, milliseconds since the epoch, or None.
        advice: what to do, for the codes that this module knows; otherwise empty.
    """

    code: str
    message: str
    status: int
    request_time_ms: int | None
    advice: str

    def __str__(self) -> str:
        refusal = _printable(f"{self.code} {self.message}")
        advice = f"; {self.advice}" if self.advice else ""
        return f"Bitget refused: {refusal} (HTTP {self.status}){advice}"


@dataclass(eq=False)
class TransportError(BitgetError):
    """No answer from Bitget: the connection failed, or something else answered.

    Attributes:
        reason: what happened.
        sent: False when the request certainly did not reach Bitget; True when it may
            have, so that an order must be looked up before it is sent again.
    """

    reason: str
    sent: bool

    def __str__(self) -> str:
        return f"{self.reason}; {_OUTCOME_UNKNOWN if self.sent else 'nothing was sent'}"


_OUTCOME_UNKNOWN = (
    "whether Bitget acted on the request is unknown: look an order up by its clientOid "
    "before sending it again"
)


def _printable(text: str) -> str:
    """Cut text from outside to 160 characters, without those that steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in text[:160])


def _wrong(name: str, expected: str, found: str, remedy: str = "") -> ValueError:
    remedy = f"; {remedy}" if remedy else ""
    return ValueError(f"{name}: expected {expected}, found {found}{remedy}")


# ---- The string that is signed ------------------------------------------------------


def prehash(
    timestamp_ms: int, method: str, path: str, query: str = "", body: str = ""
) -> str:
    """Join the parts of a request into the string that Bitget wants signed.

    Args:
        timestamp_ms: milliseconds since the epoch, from 0 up, the same digits as in
            ACCESS-TIMESTAMP; Bitget refuses it when more than 30 s off.
        method: GET or POST, in either case; Bitget has no others.
        path: a slash, then visible ASCII without "?", "#" and backslash.
        query: the query before percent-encoding, without "?", in the order sent.
        body: exactly the characters that are sent.

    Raises:
        ValueError: a part that is not of this form.

    Source: Bitget API documentation, "Signature".

    >>> prehash(1763800000000, "post", "/api/v2/spot/trade/place-order", body="{}")
    '1763800000000POST/api/v2/spot/trade/place-order{}'
    """
    if type(timestamp_ms) is not int or timestamp_ms < 0:
        remedy = (
            "such as time.time_ns() // 1_000_000, or int(time.time()) for WebSocket"
        )
        raise _wrong("timestamp", "an int from 0 up", repr(timestamp_ms), remedy)
    method, path = _text("method", method).upper(), _text("path", path)
    query, body = _text("query", query), _text("body", body)
    if method not in ("GET", "POST"):
        raise _wrong("method", "GET or POST", repr(method))
    if not re.fullmatch(r"/[!-~]*", path) or set(path) & set("?#\\"):
        expected = "a slash, then visible ASCII without ? # and \\"
        remedy = "a host goes into base_url, a query into params"
        raise _wrong("path", expected, repr(path), remedy)
    if query.startswith("?"):
        raise _wrong("query", "it without the ? in front", "one with it")
    return f"{timestamp_ms}{method}{path}{'?' if query else ''}{query}{body}"


def _text(name: str, value: object) -> str:
    """Return text as a plain str: an Enum that is a str is formatted by its name."""
    if not isinstance(value, str):
        raise _wrong(name, "str", type(value).__name__)
    if re.search("[\ud800-\udfff]", value):
        raise _wrong(name, "text", "a byte that is not UTF-8")
    return str.__str__(value)


# ---- The key and the signature ------------------------------------------------------


def sign(message: str, private_key: rsa.PrivateKey | Signer) -> str:
    """Sign a prehash by RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2.1).

    Args:
        message: the prehash; its UTF-8 bytes are signed.
        private_key: the key, or a callable that takes those bytes and returns the raw
            signature, for a key that lives elsewhere: `cryptography`, a KMS, an HSM.

    Returns:
        The value of ACCESS-SIGN, base64: 344 characters for 2048 bits, 684 for 4096.

    Raises:
        BitgetError: the signature computed here does not verify; it is not returned.
        ValueError: an argument of another type, or a callable that did not return
            bytes; its own errors come through.

    Source: Bitget's sample code; its documentation does not name the padding.
    """
    octets = _text("message", message).encode()
    _require_signer(private_key)
    if not isinstance(private_key, rsa.PrivateKey):
        signature = private_key(octets)
        if not isinstance(signature, bytes) or not signature:
            expected = "a callable that returns the signature as bytes"
            found = f"one that returned {type(signature).__name__}"
            raise _wrong("private_key", expected, found)
        return base64.b64encode(signature).decode()
    signature = rsa.sign(octets, private_key, "SHA-256")
    try:  # a faulty signature can betray the key (Boneh, DeMillo and Lipton, 1997)
        rsa.verify(octets, signature, rsa.PublicKey(private_key.n, private_key.e))
    except rsa.VerificationError:
        raise BitgetError(
            "expected a signature that verifies, computed one that does not; "
            "check the key and this machine's memory"
        ) from None
    return base64.b64encode(signature).decode()


def _require_signer(private_key: object) -> None:
    if not isinstance(private_key, rsa.PrivateKey) and not callable(private_key):
        found, remedy = type(private_key).__name__, "use load_private_key()"
        raise _wrong("private_key", "a key or a callable", found, remedy)


class PrivateKey(rsa.PrivateKey):
    """An rsa.PrivateKey that signs three times as fast and never prints itself.

    Args:
        n, e, d, p, q: as in RFC 8017, section 3.2, for two primes.

    Raises:
        KeyFormatError: the numbers do not belong together.
    """

    __slots__ = ()

    def __init__(self, n: int, e: int, d: int, p: int, q: int) -> None:
        if not (
            n == p * q
            and min(p, q) > 1
            and math.gcd(p, q) == 1
            and 1 < d < n
            and 2 < e < n
            and e * d % (p - 1) == e * d % (q - 1) == 1
        ):
            raise _refused("numbers that do not belong together", _COPY_AGAIN)
        super().__init__(n, e, d, p, q)

    def __repr__(self) -> str:
        digest = hashlib.sha256(public_key_pem(self).encode()).hexdigest()
        return f"<PrivateKey: {self.n.bit_length()} bits, public.pem {digest[:16]}>"

    def blinded_encrypt(self, message: int) -> int:
        """Compute message^d mod n by the Chinese remainder theorem.

        RFC 8017, section 5.2.1, allows both ways. `rsa` signs by the plain power and
        decrypts by the theorem; both are blinded, and give the same number.
        """
        return self.blinded_decrypt(message)


_MIN_BITS, _MAX_BITS = 2048, 16384  # Bitget's key tool offers 2048 and 4096
_MAX_KEY_FILE = 65536  # bytes; a PEM of 16384 bits takes 13,000

_RSA_ENCRYPTION = "1.2.840.113549.1.1.1"  # RFC 8017, appendix A.1
# The same as an AlgorithmIdentifier, with the NULL of RFC 3279, section 2.3.1.
_RSA_ALGORITHM = univ.Any(hexValue="300d06092a864886f70d0101010500")
_OTHER_ALGORITHMS = {
    "1.2.840.113549.1.1.10": "an RSA-PSS key",  # RFC 8017, appendix A.2.3
    "1.2.840.10045.2.1": "an EC key",  # RFC 5480, section 2.1.1
    "1.2.840.10040.4.1": "a DSA key",  # RFC 3279, section 2.3.2
    "1.3.101.112": "an Ed25519 key",  # RFC 8410, section 3
}

_MAKE_ONE = (
    "make an RSA key: openssl genpkey -algorithm RSA -out private.pem "
    "-pkeyopt rsa_keygen_bits:2048"
)
_COPY_AGAIN = "copy it again, then try: openssl pkey -in FILE -check -noout"
_DECRYPT = "decrypt it: openssl pkey -in FILE -out private.pem"
_USE_PRIVATE = f"use the private key that belongs to it, or {_MAKE_ONE}"
_NEW_API_KEY = f"create a user-generated API key, and {_MAKE_ONE}"
_GIVE_PATH = "if it is one, give pathlib.Path(name) or set BITGET_PRIVATE_KEY_FILE"

# What DER may hold in place of a key: the types it begins with, its name, a remedy.
_OTHER_FORMATS = (
    ("Sequence Sequence BitString", "a certificate", _USE_PRIVATE),  # RFC 5280, 4.1
    ("Sequence BitString", "a public key", _USE_PRIVATE),  # RFC 5280, section 4.1
    ("Sequence OctetString", "an encrypted key", _DECRYPT),  # RFC 5958, section 3
    ("Integer OctetString", "an EC key", _MAKE_ONE),  # RFC 5915, section 3
    ("Integer " * 9 + "Sequence", "a multi-prime key", _MAKE_ONE),  # RFC 8017, A.1.2
    ("Integer " * 5 + "Integer", "a DSA key", _MAKE_ONE),  # as old OpenSSL writes it
    ("Integer Integer", "a public key", _USE_PRIVATE),  # RFC 8017, appendix A.1.1
)

# What a text may be in place of a key: its pattern, its name, a remedy. The public
# keys are OpenSSH's, named by RFC 4253, section 6.6, and RFC 5656, section 3.1.
_OTHER_TEXTS = (
    ("", "nothing", f"give what private.pem contains, or {_MAKE_ONE}"),
    ("[0-9A-Za-z]{32,128}", "what may be the secret of an HMAC API key", _NEW_API_KEY),
    ("(ssh|ecdsa)-.*", "a public key", _USE_PRIVATE),
    (".{,1023}", "a short text, perhaps the name of a file", _GIVE_PATH),
)


def load_private_key(source: str | bytes | os.PathLike[str]) -> PrivateKey:
    """Read an RSA private key, judging it by what is inside and not by its label.

    Args:
        source: PKCS#8 (RFC 5958) or PKCS#1 (RFC 8017, appendix A.1.2), as PEM, bare
            base64 or DER, in whatever shape copying left it; or the path of a file,
            as pathlib.Path.

    Raises:
        KeyFormatError: anything but an unencrypted RSA key of two primes and 2048 to
            16384 bits whose numbers belong together.
        OSError: the file cannot be read.

    Warns:
        UserWarning: other users of this machine can read the file.
    """
    if isinstance(source, os.PathLike):
        with open(source, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = load_private_key(file.read(_MAX_KEY_FILE + 1))
        # Only on POSIX does the mode tell what other users may do.
        if os.name == "posix" and mode & 0o044:
            name = os.fspath(source)
            message = f"other users can read this private key; chmod 600 {name}"
            warnings.warn(message, stacklevel=2)
        return key
    if not isinstance(source, (str, bytes)):
        raise _refused(type(source).__name__, "give str, bytes or pathlib.Path")
    if isinstance(source, str):
        source = source.lstrip("\ufeff").encode("latin-1", "replace")
    if len(source) > _MAX_KEY_FILE:
        raise _refused(f"more than {_MAX_KEY_FILE} bytes", _MAKE_ONE)
    # A key in DER begins with SEQUENCE, 0x30, also "0"; its other tags are no text.
    is_der = source.startswith(b"\x30") and re.search(rb"[\0-\x08]", source)
    der = source if is_der else _der_from_text(source)
    try:
        return _key_from_der(der)
    except KeyFormatError:
        raise
    except Exception:  # noqa: BLE001 - hostile DER raises far more than PyAsn1Error
        raise _refused("damaged DER", _COPY_AGAIN) from None


def _refused(found: str, remedy: str) -> KeyFormatError:
    expected = f"an RSA private key of {_MIN_BITS} to {_MAX_BITS} bits"
    return KeyFormatError(f"expected {expected}, found {found}; {remedy}")


def _der_from_text(octets: bytes) -> bytes:
    """Find the key in PEM (RFC 7468) or bare base64, however it was pasted."""
    utf16 = octets.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = octets.decode("utf-16" if utf16 else "utf-8-sig", "replace")
    text = text.replace("\\r", "").replace("\\n", "\n").strip(" \t\r\n\"'")
    pem = r"-----BEGIN (.{,40}?)-----(.*?)(-----END|(?=-----BEGIN)|\Z)"
    blocks = re.findall(pem, text, re.DOTALL) or [("", text, "END")]
    # Of several blocks take the first that calls itself a private key.
    label, body, end = max(blocks, key=lambda block: block[0].endswith("PRIVATE KEY"))
    if "Proc-Type:" in body:  # RFC 1421, section 4.6.1.1, as old OpenSSL writes it
        raise _refused("an encrypted key", _DECRYPT)
    if not end:
        raise _refused("a PEM block without its END line", _COPY_AGAIN)
    # The base64 of a SEQUENCE begins with M.
    if not label and not re.match(r"M[A-Za-z0-9+/\s]{55}", body):
        for pattern, found, remedy in _OTHER_TEXTS:
            if re.fullmatch(pattern, body, re.DOTALL):
                raise _refused(found, remedy)
        raise _refused("text without a PEM block", _MAKE_ONE)
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except ValueError:
        raise _refused("base64 that is cut short or changed", _COPY_AGAIN) from None


def _key_from_der(der: bytes) -> PrivateKey:
    """Read PKCS#8 or PKCS#1; may raise anything when the bytes are damaged."""
    if der.startswith(b"openssh-key-v1\0"):
        rewrite = 'rewrite it: ssh-keygen -p -N "" -m PKCS8 -f FILE'
        raise _refused("an OpenSSH key", rewrite if b"ssh-rsa" in der else _MAKE_ONE)
    outer, rest = decoder.decode(der)
    if rest:
        raise _refused("bytes after its end", _COPY_AGAIN)
    parts = [outer[index] for index in range(len(outer))]
    # pyasn1 calls a SEQUENCE whose parts are all of one type a SequenceOf.
    types = [type(part).__name__.replace("SequenceOf", "Sequence") for part in parts]
    if types[:3] == ["Integer", "Sequence", "OctetString"]:  # RFC 5958, section 2
        algorithm = str(parts[1][0])
        if algorithm != _RSA_ENCRYPTION:
            raise _refused(_OTHER_ALGORITHMS.get(algorithm, "no RSA key"), _MAKE_ONE)
        return _key_from_der(bytes(parts[2]))
    if types == ["Integer"] * 9:  # RFC 8017, appendix A.1.2
        version, n, e, d, p, q, *crt = map(int, parts)
        if not _MIN_BITS <= n.bit_length() <= _MAX_BITS:
            raise _refused(f"one of {n.bit_length()} bits", _MAKE_ONE)
        key = PrivateKey(n, e, d, p, q)
        if [version, *crt] != [0, key.exp1, key.exp2, key.coef]:
            raise _refused("numbers that do not belong together", _COPY_AGAIN)
        return key
    for beginning, found, remedy in _OTHER_FORMATS:
        if " ".join(types).startswith(beginning):
            raise _refused(found, remedy)
    raise _refused("DER that is no key", _MAKE_ONE)


def generate_private_key(bits: int = 2048) -> PrivateKey:
    """Make a new key, in some seconds for 2048 bits, about a minute for 4096.

    Args:
        bits: length of the modulus, even, 2048 to 16384; Bitget's key tool offers 2048
            and 4096.

    Raises:
        ValueError: another length.
    """
    _require_bits(bits)
    # rsa.newkeys() makes one prime longer; not every library reads such a key.
    p, q, e, d = rsa.key.gen_keys(bits, lambda _: rsa.prime.getprime(bits // 2))
    return PrivateKey(p * q, e, d, p, q)


def _require_bits(bits: int) -> None:
    if type(bits) is not int or not _MIN_BITS <= bits <= _MAX_BITS or bits % 2:
        raise _wrong("bits", "an even number from 2048 to 16384", repr(bits))


def private_key_pem(key: rsa.PrivateKey) -> str:
    """Write a private key as `openssl genpkey` does: PKCS#8 in PEM, not encrypted.

    Source: RFC 5958, section 2, and RFC 7468, section 10.
    """
    octets = univ.OctetString(key.save_pkcs1("DER"))
    return _pem("PRIVATE KEY", univ.Integer(0), _RSA_ALGORITHM, octets)


def public_key_pem(key: rsa.PrivateKey | rsa.PublicKey) -> str:
    """Write the public half as Bitget's form wants it: SubjectPublicKeyInfo in PEM.

    Source: RFC 5280, section 4.1, and RFC 7468, section 13.
    """
    octets = rsa.PublicKey(key.n, key.e).save_pkcs1("DER")
    bits = univ.BitString(hexValue=octets.hex())
    return _pem("PUBLIC KEY", _RSA_ALGORITHM, bits)


def _pem(label: str, *parts: object) -> str:
    sequence = univ.Sequence()
    for index, part in enumerate(parts):
        sequence[index] = part
    return rsa.pem.save_pem(encoder.encode(sequence), label).decode()


# ---- The request --------------------------------------------------------------------

# Bitget's SDKs sign the decoded query (since commit d4ef5cb of 2024-01-11), its RSA
# sample page the encoded one. This module assumes the former, and leaves these
# characters unescaped, as RFC 3986 permits, so that the two seldom differ.
_UNESCAPED = "$,:/@!*'()"

_HEADERS = {
    "Content-Type": "application/json",
    "locale": "en-US",  # the language of `msg`
    "User-Agent": f"bitget_rsa/{__version__}",  # urllib's own is often refused
}

_LOOPBACK = r"(?:localhost|127(?:\.(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}|\[::1\])"
_HOST = r"(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}"
_PORT = r"(?::(?P<port>[0-9]{1,5}))?"
_BASE = re.compile(rf"(?:https://(?:{_HOST}|{_LOOPBACK})|http://{_LOOPBACK}){_PORT}")


@dataclass(frozen=True)
class Credentials:
    """An API key as Bitget knows it, with the private key that signs for it.

    Args:
        api_key: the identifier that Bitget shows; 1 to 128 visible ASCII characters.
        passphrase: the one chosen with it, likewise; Bitget wants 8 to 32 letters and
            digits.
        private_key: whatever sign() takes.
        demo: True for an API key made for demo trading, which works there only.

    Raises:
        ValueError: a value of another form or type.
    """

    api_key: str
    passphrase: str = field(repr=False)
    private_key: rsa.PrivateKey | Signer = field(repr=False)
    demo: bool = False

    def __post_init__(self) -> None:
        for name in ("api_key", "passphrase"):
            value = getattr(self, name)
            if not isinstance(value, str) or not re.fullmatch("[!-~]{1,128}", value):
                found = "something else" if value else "nothing"
                remedy = "copy it from Bitget again, without spaces or line breaks"
                raise _wrong(name, "1 to 128 visible ASCII characters", found, remedy)
        _require_signer(self.private_key)
        if not isinstance(self.demo, bool):
            raise _wrong("demo", "True or False", type(self.demo).__name__)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Credentials:
        """Read BITGET_API_KEY, BITGET_PASSPHRASE, the private key and BITGET_DEMO.

        The private key is BITGET_PRIVATE_KEY, a PEM, or in the file that
        BITGET_PRIVATE_KEY_FILE names. BITGET_DEMO is 1 or true, 0 or false, or unset.

        Raises:
            ValueError: a variable is missing or of another form, or both keys are set.
            KeyFormatError, OSError: as for load_private_key().
        """
        either = "BITGET_PRIVATE_KEY or BITGET_PRIVATE_KEY_FILE"
        needed = ("BITGET_API_KEY", "BITGET_PASSPHRASE", either)
        missing = [it for it in needed if not any(map(environ.get, it.split(" or ")))]
        if missing:
            raise ValueError(f"environment: set what is missing: {', '.join(missing)}")
        demo = environ.get("BITGET_DEMO", "").lower()
        if demo not in ("", "0", "false", "1", "true"):
            raise _wrong("BITGET_DEMO", "1, true, 0 or false", "something else")
        api_key, passphrase = environ["BITGET_API_KEY"], environ["BITGET_PASSPHRASE"]
        private_key = _key_from_env(environ)
        return cls(api_key, passphrase, private_key, demo in ("1", "true"))


def _key_from_env(environ: Mapping[str, str]) -> PrivateKey:
    pem = environ.get("BITGET_PRIVATE_KEY", "")
    file = environ.get("BITGET_PRIVATE_KEY_FILE", "")
    if pem and file:
        expected = "BITGET_PRIVATE_KEY or BITGET_PRIVATE_KEY_FILE"
        raise _wrong("environment", expected, "both", "unset one of them")
    return load_private_key(pem or Path(file))


@dataclass(frozen=True)
class PreparedRequest:
    """A request for send() or any other HTTP client to send as it stands.

    Attributes:
        method: "GET" or "POST".
        url: percent-encoded, with the query.
        headers: all that Bitget needs, the passphrase among them.
        body: what to send, or None.
        prehash: the string that was signed; empty when nothing was.
    """

    method: str
    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes | None
    prehash: str


def prepare(
    method: str,
    path: str,
    *,
    credentials: Credentials | None = None,
    params: Mapping[str, object] | None = None,
    body: object = None,
    timestamp_ms: int | None = None,
    base_url: str = BASE_URL,
) -> PreparedRequest:
    """Build a request, and sign it when there are credentials.

    Args:
        method, path: as for prehash().
        credentials: None for a public endpoint.
        params: the query: names with str, int or bool; None leaves one out.
        body: for POST: a mapping or sequence, which becomes JSON, or a str, which is
            sent as it is.
        timestamp_ms: milliseconds since the epoch; None means now.
        base_url: https://host[:port], or http:// on loopback.

    Raises:
        ValueError: an argument of another form or type; a float is refused, because
            Bitget takes amounts as strings.
        BitgetError: as for sign().
    """
    method, path = _text("method", method).upper(), _text("path", path)
    base_url = _checked_base(base_url)
    if timestamp_ms is None:
        timestamp_ms = time.time_ns() // 1_000_000
    pairs = _query_pairs(params)
    query = "&".join(f"{name}={value}" for name, value in pairs)
    text = _body_text(body)
    message = prehash(timestamp_ms, method, path, query, text)
    if method == "GET" and text:
        raise _wrong("body", "none with GET", "one", "put it into the query")
    escaped = urlencode(pairs, safe=_UNESCAPED, quote_via=quote)
    url = f"{base_url}{path}{'?' if pairs else ''}{escaped}"
    headers = dict(_HEADERS)
    octets = text.encode() or None
    if credentials is None:
        return PreparedRequest(method, url, headers, octets, "")
    headers["ACCESS-KEY"] = credentials.api_key
    headers["ACCESS-SIGN"] = sign(message, credentials.private_key)
    headers["ACCESS-TIMESTAMP"] = str(timestamp_ms)
    headers["ACCESS-PASSPHRASE"] = credentials.passphrase
    if credentials.demo:
        headers["paptrading"] = "1"  # Bitget API documentation, "Demo Trading"
    return PreparedRequest(method, url, headers, octets, message)


def _checked_base(base_url: str) -> str:
    base_url = _text("base_url", base_url)
    base = _BASE.fullmatch(base_url)
    if not base or int(base["port"] or 0) > 65535:
        expected = "https://host[:port] and no more, or http:// on loopback"
        found = re.sub("(?s)//.*@", "//***@", base_url)
        raise _wrong("base_url", expected, repr(found))
    return base_url


def _query_pairs(params: Mapping[str, object] | None) -> list[tuple[str, str]]:
    """Sort the query by name: URL and prehash are both made of this one list.

    Bitget's pages disagree about the order. A query signed and sent in the same sorted
    order is right under every reading.
    """
    if params is not None and not isinstance(params, Mapping):
        raise _wrong("params", "a mapping", type(params).__name__)
    pairs = []
    for key, value in (params or {}).items():
        name = _text("params", key)
        if isinstance(value, str):
            pairs.append((name, _text(f"params[{name!r}]", value)))
        elif isinstance(value, int):
            pairs.append((name, json.dumps(value)))
        elif value is not None:
            raise _not_plain(f"params[{name!r}]", value)
    return sorted(pairs)


def _body_text(body: object) -> str:
    """Write a body as the characters that are both signed and sent."""
    if body is None:
        return ""
    if isinstance(body, str):
        return _text("body", body)
    if not isinstance(body, (Mapping, Sequence)):
        raise _wrong("body", "a mapping, a sequence or str", type(body).__name__)
    try:
        return json.dumps(_plain(body, "body"), separators=(",", ":"))
    except RecursionError:
        raise _wrong("body", "less nesting", "too much of it") from None


def _plain(value: object, place: str) -> object:
    """Return a JSON value as json.dumps() takes it, or refuse it."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping):
        names = [_text(f"{place}, a name in it", name) for name in value]
        items = zip(names, value.values())
        return {name: _plain(item, f"{place}[{name!r}]") for name, item in items}
    octets = isinstance(value, (bytes, bytearray, memoryview))
    if isinstance(value, Sequence) and not octets:
        return [_plain(item, f"{place}[{at}]") for at, item in enumerate(value)]
    raise _not_plain(place, value)


def _not_plain(place: str, value: object) -> ValueError:
    remedy = 'write a number as a string, such as "0.1"; decode bytes'
    return _wrong(place, "str, int or bool", type(value).__name__, remedy)


# ---- Sending it ---------------------------------------------------------------------

_MAX_ANSWER = 32 * 1024 * 1024  # bytes
_PROXY = (
    r"(?i:(?:http:)?//)?(?:(?P<login>[^/]*)@)?"
    rf"(?P<host>[^/@:]+|\[.*\]){_PORT}(?:/.*)?"
)

# Bitget API documentation, "Error Code"; 40085 and 40099 as others have reported them.
_ADVICE = {
    "40001 40002 40003 40011": "a header is missing: send all of .headers",
    "40005": "the timestamp must be whole milliseconds since the epoch",
    "40006 40037": "check the API key: Bitget does not know it",
    "40008": "set this machine's clock",
    "40009": "compare .prehash, which `sign` prints, with what was sent, and the public"
    " key that `pubkey` prints with the one registered for this API key",
    "40012 40036": "check that API key and passphrase belong together",
    "40014": "give the API key this permission in Bitget's API Management",
    "40018 40038": "bind this machine's IP address to the API key",
    "40070": "a passphrase has 8 to 32 letters and digits",
    "40085": "this is a unified account: use the endpoints of /api/v3",
    "40099": "demo=True (--demo-trading, BITGET_DEMO) belongs to API keys made for it "
    "and to no others",
    "40010 40725 45001": _OUTCOME_UNKNOWN,
    "40015": "a temporary fault at Bitget: try again in a few seconds, and an order "
    "after looking it up by its clientOid",
    "40808": "a temporary fault at Bitget, unless the message names a parameter: try "
    "again in a few seconds, and an order after looking it up by its clientOid",
    "429": "too many requests; this one was not carried out: wait, then send it again",
}


def send(prepared: PreparedRequest, *, timeout_s: float = 10.0) -> Any:
    """Send a request once, to the host of its URL and no other; return Bitget's `data`.

    Redirects are not followed, TLS certificates are verified, and https goes through
    the http:// proxy that the environment names, if it names one.

    Args:
        prepared: what prepare() returned.
        timeout_s: seconds, up to 3600, for each of connecting, sending, and reading the
            whole answer.

    Raises:
        ApiError: Bitget refused.
        TransportError: no answer from Bitget; its `sent` says whether the request may
            have arrived.
        ValueError: a wrong argument; nothing was sent.
    """
    if not isinstance(timeout_s, (int, float)) or not 0 < timeout_s <= 3600:
        raise _wrong("timeout_s", "more than 0 and up to 3600", repr(timeout_s))
    base = _BASE.match(prepared.url)
    target = prepared.url[base.end() :] if base else ""
    if not base or not target.startswith("/"):
        raise _wrong("url", "one that prepare() made", "another")
    sent = False
    try:
        with contextlib.closing(_connection(base.group(), timeout_s)) as connection:
            connection.connect()
            sent = True
            connection.sock.settimeout(timeout_s)
            connection.request(prepared.method, target, prepared.body, prepared.headers)
            status, body = _read_answer(connection)
    except (OSError, ValueError, http.client.HTTPException) as error:
        what = "answer from" if sent else "connection to"
        text = _masked(f"{type(error).__name__}: {error}", prepared)
        reason = f"no {what} {base.group()}: {_printable(text)}"
        raise TransportError(reason, sent) from None
    return parse_response(status, body, prepared)


def _connection(base_url: str, timeout_s: float) -> http.client.HTTPConnection:
    """Choose the connection: plain on loopback, else TLS, through a proxy if any."""
    # Here, because it would make the import of this module slower.
    from urllib.request import getproxies, proxy_bypass

    scheme, host = base_url.split("://")
    if scheme == "http":
        return http.client.HTTPConnection(host, timeout=timeout_s)
    context = ssl.create_default_context()
    proxy = getproxies().get("https")
    if not proxy or proxy_bypass(host):
        return http.client.HTTPSConnection(host, timeout=timeout_s, context=context)
    via = re.fullmatch(_PROXY, proxy)
    if not via or int(via["port"] or 0) > 65535:
        expected = "http://[user:password@]host[:port]"
        raise _wrong("https_proxy", expected, "something else")
    address = f"{via['host']}:{via['port'] or 80}"
    connection = http.client.HTTPSConnection(
        address, timeout=timeout_s, context=context
    )
    connection.response_class = _Answer
    login = base64.b64encode(unquote_to_bytes(via["login"] or "")).decode()
    headers = {"Proxy-Authorization": f"Basic {login}"} if login else {}
    connection.set_tunnel(host, headers=headers)
    return connection


def _read_answer(connection: http.client.HTTPConnection) -> tuple[int, bytes]:
    with _Answer(connection.sock) as response:
        response.begin()
        body = b"".join(iter(lambda: response.read(65536), b""))
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        return response.status, body


class _Answer(http.client.HTTPResponse):
    """A response that is read within the socket's timeout as a whole, and 32 MiB."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(_LimitedSocket(sock), *args, **kwargs)  # type: ignore[arg-type]


class _LimitedSocket(io.RawIOBase):
    """As much of a socket as http.client.HTTPResponse uses: makefile()."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._deadline = time.monotonic() + (sock.gettimeout() or 0)
        self._room = _MAX_ANSWER

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        count = self._sock.recv_into(buffer)
        self._room -= count
        if self._room < 0:
            raise http.client.HTTPException(f"more than {_MAX_ANSWER} bytes")
        return count


def parse_response(
    status: int, body: bytes | str, prepared: PreparedRequest | None = None
) -> Any:
    """Return the `data` of an answer, whichever HTTP client fetched it.

    Args:
        status: the HTTP status; Bitget's `code` decides, not this.
        body: the answer's body.
        prepared: the request, for exact advice on demo and live mixed up.

    Raises:
        ApiError: Bitget's code is not "00000".
        TransportError: the answer is not Bitget's; a proxy may have sent it.
    """
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        envelope = None
    code = envelope.get("code") if isinstance(envelope, dict) else None
    if not isinstance(code, (str, int)):
        text = body if isinstance(body, str) else body[:1000].decode(errors="replace")
        found = f"HTTP {status} with {_printable(_masked(text, prepared))!r}"
        if 300 <= status < 400:
            found += " (a redirect, which is not followed)"
        raise TransportError(f"expected Bitget's JSON, found {found}", True)
    if code == "00000":
        return envelope.get("data")
    message = str(envelope.get("msg") or envelope.get("message") or "")
    message = _masked(message, prepared)
    digits = re.fullmatch("[0-9]{1,16}", str(envelope.get("requestTime")))
    time_ms = int(digits[0]) if digits else None
    advice = _advice(str(code), time_ms, prepared)
    raise ApiError(str(code), message, status, time_ms, advice)


def _masked(text: str, prepared: PreparedRequest | None) -> str:
    """Take out the request's own secrets, which a gateway may echo."""
    for name in ("ACCESS-PASSPHRASE", "ACCESS-SIGN"):
        if prepared is not None and name in prepared.headers:
            text = text.replace(prepared.headers[name], "***")
    return text


def _advice(code: str, time_ms: int | None, prepared: PreparedRequest | None) -> str:
    """Say what to do, with what can be known of this very request."""
    advice = "".join(text for codes, text in _ADVICE.items() if code in codes.split())
    if code == "40008" and time_ms is not None:
        off_s = time.time() - time_ms / 1000
        side = "ahead of" if off_s > 0 else "behind"
        advice += f": it is {abs(off_s):.1f} s {side} Bitget's"
    if code == "40099" and prepared is not None:
        demo = "paptrading" in prepared.headers
        advice += f"; this request was for {'demo' if demo else 'live'} trading"
    return advice


def request(
    method: str,
    path: str,
    *,
    credentials: Credentials | None = None,
    params: Mapping[str, object] | None = None,
    body: object = None,
    timestamp_ms: int | None = None,
    base_url: str = BASE_URL,
    timeout_s: float = 10.0,
) -> Any:
    """Prepare a request and send it; arguments and errors of prepare() and send()."""
    prepared = prepare(
        method,
        path,
        credentials=credentials,
        params=params,
        body=body,
        timestamp_ms=timestamp_ms,
        base_url=base_url,
    )
    return send(prepared, timeout_s=timeout_s)


# ---- WebSocket login ----------------------------------------------------------------


def websocket_login(
    credentials: Credentials, timestamp_s: int | None = None
) -> dict[str, Any]:
    """Build the message that logs a WebSocket in, to be sent as JSON.

    Args:
        credentials: as for prepare().
        timestamp_s: whole seconds since the epoch, from 0 up; None means now. Bitget's
            documentation says milliseconds, but all of its SDKs send seconds.

    Raises:
        ValueError, BitgetError: as for prehash() and sign().

    Source: Bitget's SDKs.
    """
    if timestamp_s is None:
        timestamp_s = int(time.time())
    message = prehash(timestamp_s, "GET", "/user/verify")
    login = {
        "apiKey": credentials.api_key,
        "passphrase": credentials.passphrase,
        "timestamp": str(timestamp_s),
        "sign": sign(message, credentials.private_key),
    }
    return {"op": "login", "args": [login]}


# ---- Bitget's side, for the demo and the tests ---------------------------------------


class _Account(NamedTuple):
    """What Bitget keeps of an API key: no secret that could sign."""

    passphrase: str
    public_key: rsa.PublicKey
    demo: bool = False


class _StandIn(socketserver.ThreadingTCPServer):
    """A server on loopback that judges requests as Bitget does, by the public key.

    It rebuilds the prehash from what arrives, without prehash(), prepare() and sign().
    """

    def __init__(
        self, accounts: Mapping[str, _Account], answers: Mapping[str, object]
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.accounts = accounts  # by API key
        self.answers = answers  # `data` by path
        self.rebuilt = ""  # the prehash of the last request

    def __enter__(self) -> _StandIn:
        threading.Thread(target=self.serve_forever, args=(0.02,)).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.shutdown()
        self.server_close()

    def judge(self, headers: http.client.HTTPMessage, rebuilt: str) -> str:
        """Return the code that Bitget gives a signed request."""
        timestamp = headers.get("ACCESS-TIMESTAMP", "")
        account = self.accounts.get(headers.get("ACCESS-KEY", ""))
        if account is None:
            return "40006"
        if headers.get("ACCESS-PASSPHRASE") != account.passphrase:
            return "40012"
        if not re.fullmatch("[0-9]{13}", timestamp):
            return "40005"
        if abs(int(timestamp) / 1000 - time.time()) > 30:
            return "40008"
        if headers.get("paptrading") != ("1" if account.demo else None):
            return "40099"
        try:
            signature = base64.b64decode(headers.get("ACCESS-SIGN", ""), validate=True)
            rsa.verify(rebuilt.encode(), signature, account.public_key)
        except (ValueError, rsa.VerificationError):
            return "40009"
        return "00000"


class _Exchange(socketserver.StreamRequestHandler):
    """One request and its answer: Bitget's envelope."""

    server: _StandIn
    timeout = 10

    def handle(self) -> None:
        method, target, _ = self.rfile.readline().decode().split(" ")
        headers = http.client.parse_headers(self.rfile)
        body = self.rfile.read(int(headers.get("Content-Length", 0)))
        path, mark, query = target.partition("?")
        rebuilt = f"{headers.get('ACCESS-TIMESTAMP')}{method}{path}{mark}"
        rebuilt += unquote(query) + body.decode(errors="replace")
        self.server.rebuilt = rebuilt
        is_public = path.startswith("/api/v2/public/")
        code = "00000" if is_public else self.server.judge(headers, rebuilt)
        accepted = code == "00000"
        envelope = {
            "code": code,
            "msg": "success" if accepted else "refused",
            "requestTime": time.time_ns() // 1_000_000,
            "data": self.server.answers.get(path),
        }
        status = "200 OK" if accepted else "400 Bad Request"
        head = f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n"
        self.wfile.write(head.encode() + json.dumps(envelope).encode())


# ---- The command line ---------------------------------------------------------------

_EXPECTED_ERRORS = (BitgetError, ValueError, OSError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; return the exit status: 0, 1 after an error, 130 after Ctrl-C."""
    if sys.stderr is None:  # closed; print() would take standard output in its place
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for the process's life
    if isinstance(sys.stdout, io.TextIOWrapper):  # it may know ASCII only
        sys.stdout.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        status = _run(arguments)
    for warning in caught:
        print(f"warning: {warning.message}", file=sys.stderr)
    try:
        print(end="", flush=True)
    except OSError:  # the reader has gone, and Python must not find more to flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    return status


def _run(arguments: Sequence[str] | None) -> int:
    try:
        args = _parse(arguments)
        status = int(args.run(args) or 0)
        print(end="", flush=True)
    except SystemExit as stop:  # argparse has printed help (0) or wrong usage (2)
        return int(stop.code or 0)
    except KeyboardInterrupt:
        print("bitget_rsa: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1
    except _EXPECTED_ERRORS as error:
        print(f"bitget_rsa: {_one_line(error)}", file=sys.stderr)
        return 1
    return status


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, FileNotFoundError):
        text += "; name your key with --key, or make one with keygen"
    return text


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    import argparse

    shared = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    shared.add_argument(
        "--key", metavar="FILE", help="else the environment, else private.pem"
    )
    shared.add_argument("--demo-trading", action="store_true", help="use a demo key")
    shared.add_argument("--base-url", metavar="URL", help=f"default: {BASE_URL}")
    parser = argparse.ArgumentParser(
        description="Sign requests to Bitget with your own RSA key.",
        epilog="environment: BITGET_API_KEY, BITGET_PASSPHRASE, BITGET_PRIVATE_KEY or "
        "BITGET_PRIVATE_KEY_FILE, BITGET_DEMO",
        parents=[shared],
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for run in (_demo, _keygen, _pubkey, _sign, _request, _check):
        verb = verbs.add_parser(run.__name__[1:], parents=[shared], help=run.__doc__)
        verb.description = run.__doc__
        verb.set_defaults(run=run, timestamp_ms=None)
        _add_arguments(verb, run)
    # Not default=, which a verb would set again over what stands before it.
    defaults = argparse.Namespace(key=None, demo_trading=False, base_url=BASE_URL)
    return parser.parse_args(arguments, defaults)


def _add_arguments(verb: argparse.ArgumentParser, run: object) -> None:
    add = verb.add_argument
    if run is _keygen:
        add("--bits", type=int, default=2048, help="2048 or 4096")
        add("folder", metavar="DIR", nargs="?", default=".", help="default: here")
    if run in (_sign, _request):
        add("method", metavar="METHOD", help="GET or POST")
        add("target", metavar="PATH[?QUERY]")
        add("body", metavar="BODY", nargs="?", help="JSON; - reads stdin")
    if run is _sign:
        add("--timestamp-ms", type=int, metavar="N", help="default: now")
    if run is _request:
        add("--unsigned", action="store_true", help="public endpoint")


def _environment(args: argparse.Namespace) -> dict[str, str]:
    """Return the environment, with the options in their place."""
    environ, file = dict(os.environ), "BITGET_PRIVATE_KEY_FILE"
    if args.key is not None:
        environ.update({"BITGET_PRIVATE_KEY": "", file: args.key})
    elif not (environ.get("BITGET_PRIVATE_KEY") or environ.get(file)):
        environ[file] = "private.pem"
    if args.demo_trading:
        environ["BITGET_DEMO"] = "1"
    return environ


def _prepare(
    args: argparse.Namespace, credentials: Credentials | None
) -> PreparedRequest:
    path, _, query = args.target.partition("?")
    pairs = []
    if query:
        query = query.replace("+", "%2B")  # only HTML forms mean a space by it
        try:
            pairs = parse_qsl(
                query, keep_blank_values=True, strict_parsing=True, errors="strict"
            )
        except ValueError:
            raise _wrong("query", "name=value pairs in UTF-8", repr(query)) from None
    params = dict(pairs)
    if len(params) < len(pairs):
        raise _wrong("query", "each name once", "one twice")
    body = args.body
    if body == "-":
        with open(0, "rb", closefd=False) as stdin:
            body = stdin.read().decode()
    return prepare(
        args.method,
        path,
        credentials=credentials,
        params=params,
        body=body,
        timestamp_ms=args.timestamp_ms,
        base_url=args.base_url,
    )


def _keygen(args: argparse.Namespace) -> None:
    """make private.pem and public.pem"""
    folder = Path(args.folder)
    private, public = folder / "private.pem", folder / "public.pem"
    for path in (private, public):
        if os.path.lexists(path):
            raise ValueError(f"{path} exists and is never overwritten; see keygen DIR")
    _require_bits(args.bits)
    folder.mkdir(parents=True, exist_ok=True)
    print(f"making a key of {args.bits} bits; it takes a while", file=sys.stderr)
    key = generate_private_key(args.bits)
    private.touch(0o600, exist_ok=False)
    private.write_bytes(private_key_pem(key).encode())
    public.touch(0o644, exist_ok=False)
    public.write_bytes(public_key_pem(key).encode())
    print(public_key_pem(key))
    print("Next: at Bitget, under API Management, create a user-generated API key and")
    print(f"paste the public key above, also in {public}. Keep {private} to yourself.")


def _pubkey(args: argparse.Namespace) -> None:
    """print the public key of --key"""
    print(public_key_pem(_key_from_env(_environment(args))), end="")


def _sign(args: argparse.Namespace) -> None:
    """print ACCESS-TIMESTAMP and ACCESS-SIGN for a request to the url on stderr"""
    unused = {"BITGET_API_KEY": "unused", "BITGET_PASSPHRASE": "unused"}
    credentials = Credentials.from_env({**_environment(args), **unused})
    prepared = _prepare(args, credentials)
    print(f"prehash: {prepared.prehash}\nurl: {prepared.url}", file=sys.stderr)
    for name in ("ACCESS-TIMESTAMP", "ACCESS-SIGN", "paptrading"):
        if name in prepared.headers:
            print(f"{name}: {prepared.headers[name]}")


def _request(args: argparse.Namespace) -> None:
    """sign a request, send it, print Bitget's data as JSON"""
    credentials = None if args.unsigned else Credentials.from_env(_environment(args))
    prepared = _prepare(args, credentials)
    try:
        data = send(prepared)
    except KeyboardInterrupt:
        if prepared.method == "GET":
            raise
        raise TransportError("interrupted", True) from None
    try:
        print(json.dumps(data, indent=2), flush=True)
    except (OSError, RecursionError) as error:
        accepted = "Bitget accepted the request, but its answer cannot be printed"
        raise BitgetError(f"{accepted}: {error}") from None


def _check(args: argparse.Namespace) -> int:
    """test the key, the clock and the API key, as before going live"""
    warnings.simplefilter("ignore")  # the first step reports them
    status = 0
    for name, step in (
        ("private key", _check_private_key),
        ("clock", _check_clock),
        ("signed request", _check_signed_request),
    ):
        try:
            for line in step(args):
                print(f"ok    {line}", flush=True)
        except (*_EXPECTED_ERRORS, UserWarning) as error:
            print(f"FAIL  {name}: {_one_line(error)}", flush=True)
            status = 1
    return status


def _check_private_key(args: argparse.Namespace) -> Iterator[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")  # other users can read the file
        key = _key_from_env(_environment(args))
    yield f"private key: {key.n.bit_length()} bits"
    digest = hashlib.sha256(public_key_pem(key).encode()).hexdigest()
    yield f"public key: register what `pubkey` prints; its SHA-256 is {digest}"
    if caught:
        raise UserWarning(caught[0].message)


def _check_clock(args: argparse.Namespace) -> Iterator[str]:
    before = time.time()
    answer = request("GET", "/api/v2/public/time", base_url=args.base_url)
    server_ms = _field(answer, "serverTime")
    if not re.fullmatch("[0-9]{13}", server_ms):
        raise _wrong("data.serverTime", "milliseconds", repr(server_ms))
    off_s = (before + time.time()) / 2 - int(server_ms) / 1000
    if abs(off_s) > 30:
        remedy = "set this machine's clock"
        raise _wrong("clock", "at most 30 s off Bitget's", f"{off_s:+.1f} s", remedy)
    yield f"clock: {off_s:+.1f} s off Bitget's; up to 30 s are allowed"


def _check_signed_request(args: argparse.Namespace) -> Iterator[str]:
    credentials = Credentials.from_env(_environment(args))
    where: dict[str, Any] = {"credentials": credentials, "base_url": args.base_url}
    try:
        info = request("GET", "/api/v2/spot/account/info", **where)
    except ApiError as error:
        if error.code != "40085":
            raise
        request("GET", "/api/v3/account/assets", **where)
        yield "signed request: accepted, for a unified account"
        yield "permissions and IP addresses: see API Management; /api/v3 has none"
        return
    yield "signed request: accepted"
    yield f"permissions: {_field(info, 'authorities')}"
    yield f"IP addresses: {_field(info, 'ips') or 'any; bind yours in API Management'}"


def _field(answer: object, name: str) -> str:
    found = answer.get(name) if isinstance(answer, dict) else None
    items = found if isinstance(found, list) else [found or ""]
    return _printable(", ".join(map(str, items)))


def _demo(_: argparse.Namespace) -> None:
    """show both sides of the protocol on this machine: no account, no network"""
    print("1. A key pair, made in some seconds. Bitget gets the public half only.\n")
    key = generate_private_key()
    print(public_key_pem(key))
    credentials = Credentials("demo_api_key", "demoPassphrase1", key)
    account = _Account("demoPassphrase1", rsa.PublicKey(key.n, key.e))
    query = {"symbol": "$AIUSDT", "clientOid": "grid 7+8"}
    order = {"symbol": "BTCUSDT", "side": "buy", "orderType": "limit", "force": "gtc"}
    order |= {"price": "65000.5", "size": "0.01", "clientOid": "grid 7+8"}
    look_up, place = "/api/v2/spot/trade/orderInfo", "/api/v2/spot/trade/place-order"
    answers = {look_up: [], place: {"orderId": "1", "clientOid": "grid 7+8"}}
    with _StandIn({"demo_api_key": account}, answers) as bitget:
        where: dict[str, Any] = {"credentials": credentials, "base_url": bitget.url}
        print("2. A query is sorted, signed as it reads, and sent percent-encoded.\n")
        _show(bitget, prepare("GET", look_up, params=query, **where))
        print("3. A body is signed and sent to the letter.\n")
        prepared = prepare("POST", place, body=order, **where)
        _show(bitget, prepared)
        print("4. The size is changed on the way: the signature no longer fits.\n")
        changed = (prepared.body or b"").replace(b'"0.01"', b'"9.01"')
        _show(bitget, replace(prepared, body=changed))


def _show(bitget: _StandIn, prepared: PreparedRequest) -> None:
    """Send a request to the stand-in, and print what either side does."""
    try:
        answer, verified = f"00000 {json.dumps(send(prepared))}", "yes"
    except ApiError as error:
        answer, verified = str(error), "no"
    print(f"   prehash          {prepared.prehash}")
    digest = hashlib.sha256(prepared.prehash.encode()).hexdigest()
    print(f"   SHA-256          {digest}")
    print(f"   sent             {prepared.method} {prepared.url}")
    for name, value in prepared.headers.items():
        shown = "********" if name == "ACCESS-PASSPHRASE" else value
        print(f"                    {name}: {shown}")
    if prepared.body:
        print(f"                    {prepared.body.decode()}")
    print(f"   Bitget rebuilds  {bitget.rebuilt}")
    print(f"   it verifies      {verified}")
    print(f"   answer           {answer}\n")


if __name__ == "__main__":
    sys.exit(main())
