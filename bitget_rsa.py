#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The bitget_rsa authors
# SPDX-License-Identifier: MIT-0
# /// script
# requires-python = ">=3.9"
# dependencies = ["rsa>=4.9,<5"]
# ///
"""Sign requests to the exchange Bitget with your own RSA key.

    prehash     = timestamp + METHOD + path + ("?" + query, if any) + body
    ACCESS-SIGN = base64(RSASSA-PKCS1-v1_5 with SHA-256 of prehash)

For "user-generated" API keys: Bitget holds the public half of an RSA pair, and the
private half signs each request. Beside ACCESS-SIGN, a request carries ACCESS-KEY,
ACCESS-TIMESTAMP and ACCESS-PASSPHRASE.

>>> prehash(1763800000000, "GET", "/api/v2/spot/account/assets", "coin=USDT")
'1763800000000GET/api/v2/spot/account/assets?coin=USDT'

To port or audit the signing, read from here to "Errors"; the rest is convenience, and
the command line (keygen, pubkey, sign, request, check) may be deleted. Written from
Bitget's pages and samples, and not tried against the live exchange: where they are
silent or disagree, the line that decides says what it assumes.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import ssl
import sys
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl, quote, urlencode

try:
    import rsa
    from pyasn1.codec.der import decoder, encoder
    from pyasn1.type import univ
except ModuleNotFoundError as missing:
    if __name__ != "__main__":
        raise
    sys.exit(f"bitget_rsa: {missing}; pip install rsa, or run this file with uv run")

__version__ = "2.0.0"
BASE_URL = "https://api.bitget.com"
__all__ = [
    "BASE_URL", "ApiError", "BitgetError", "Credentials", "KeyFormatError",
    "PreparedRequest", "PrivateKey", "TransportError", "__version__",
    "generate_private_key", "load_private_key", "parse_response", "prehash", "prepare",
    "private_key_pem", "public_key_pem", "request", "send", "sign",
]  # fmt: skip


# ---- The string that is signed ------------------------------------------------------


def prehash(
    timestamp_ms: int, method: str, path: str, query: str = "", body: str = ""
) -> str:
    """Join the parts of a request into the string that Bitget wants signed.

    Bitget refuses a timestamp, in milliseconds since the epoch, that is over 30 s off.
    The query is without "?", decoded, in the order sent; the body is exactly what is
    sent. A ValueError names what is wrong. The string does not show where a value ends:
    put no stranger's & or = into one. Source: Bitget API documentation, "Signature".
    """
    if type(timestamp_ms) is not int or not 0 <= timestamp_ms < 10**15:
        raise ValueError("timestamp_ms must be an int: time.time_ns() // 1_000_000")
    method, path = _text("method", method).upper(), _text("path", path)
    query, body = _text("query", query), _text("body", body)
    if method not in ("GET", "POST"):
        raise ValueError(f"method must be GET or POST, not {method[:20]!r}")
    # HTTP clients rewrite other paths, each in its own way, so the signature is wrong.
    if not re.fullmatch(r"(/(?!\.\.?(/|\Z))[A-Za-z0-9._~-]+)+", path):
        form = "/segments of letters, digits and -._~ (no host, no query)"
        raise ValueError(f"path must be {form}, not {path[:80]!r}")
    if query.startswith("?"):
        raise ValueError("query must come without the ? in front of it")
    question_mark = "?" if query else ""  # never signed without a query
    return f"{timestamp_ms}{method}{path}{question_mark}{query}{body}"


def _text(place: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{place} must be a str, not {type(value)}")
    if re.search("[\ud800-\udfff]", value):
        raise ValueError(f"{place} holds a lone surrogate, which is not text")
    return str.__str__(value)  # of an Enum that is a str, its value


# ---- The signature ------------------------------------------------------------------


def sign(message: str, private_key: rsa.PrivateKey | Callable[[bytes], bytes]) -> str:
    """Sign a message, such as a prehash, and return the signature in base64.

    With a modulus n of k bytes and the private exponent d, this computes:

        digest    = SHA-256 of the message in UTF-8
        info      = 3031300d060960864801650304020105000420 (hex), then the digest
        padded    = 00 01, as many ff as make it k bytes long, 00, then info
        signature = padded^d mod n, in k bytes (numbers are big-endian)
        result    = base64(signature), 344 characters for 2048 bits

    `private_key` may be a callable from the message's bytes to the raw signature, for a
    KMS, an HSM or `cryptography`: what it returns is not verified here. A key's own
    signature is, and a wrong one raises KeyFormatError. Source: RFC 8017, sections
    8.2.1 and 9.2; Bitget's samples use this padding, its pages name none. A WebSocket
    login is sign(f"{seconds}GET/user/verify", key), in seconds as Bitget's SDKs do.
    """
    octets = _text("message", message).encode()
    _require_signer(private_key)
    if isinstance(private_key, rsa.PrivateKey):
        signature = rsa.sign(octets, private_key, "SHA-256")
        try:  # one faulty signature can betray the key (Boneh, DeMillo, Lipton, 1997)
            rsa.verify(octets, signature, rsa.PublicKey(private_key.n, private_key.e))
        except rsa.VerificationError:
            remedy = "load the key again, and check this machine's memory"
            raise KeyFormatError(f"the signature does not verify; {remedy}") from None
    else:
        signature = private_key(octets)
        if not isinstance(signature, bytes) or not signature:
            raise ValueError("private_key must return the signature as bytes")
    return base64.b64encode(signature).decode()


def _require_signer(private_key: object) -> None:
    if not isinstance(private_key, rsa.PrivateKey) and not callable(private_key):
        remedy = "give what load_private_key() returns"
        if hasattr(private_key, "sign"):  # of the package cryptography
            remedy = "give lambda octets: key.sign(octets, PKCS1v15(), SHA256())"
        raise ValueError(f"private_key is {type(private_key)}; {remedy}")


class PrivateKey(rsa.PrivateKey):
    """An rsa.PrivateKey, three times as fast; safe across threads, not across forks."""

    def blinded_encrypt(self, message: int) -> int:
        """Compute message^d mod n for rsa.sign(), which calls it by this name."""
        # There `rsa` raises to all of d; its blinded_decrypt() computes the same number
        # by two powers of half the size (RFC 8017, section 5.2.1). Both are blinded.
        return self.blinded_decrypt(message)

    def __repr__(self) -> str:
        # As openssl pkey -pubin -in public.pem -outform DER | openssl dgst -sha256
        der = rsa.pem.load_pem(public_key_pem(self), "PUBLIC KEY")
        digest = rsa.compute_hash(der, "SHA-256").hex()
        return f"<PrivateKey of {self.n.bit_length()} bits, public SHA-256 {digest}>"


# ---- The request --------------------------------------------------------------------

_LOOPBACK = r"https?://(localhost|127\.0\.0\.1|\[::1\])"
_ORIGIN = rf"(https://[A-Za-z0-9.-]+|{_LOOPBACK})(:[0-9]{{1,5}})?"
_OWN_HEADERS = {
    "Content-Type": "application/json",
    "locale": "en-US",  # the language of Bitget's messages
    "User-Agent": f"bitget_rsa/{__version__}",  # urllib's own is often refused
}


@dataclass(frozen=True)
class Credentials:
    """An API key and what belongs to it; a ValueError names what is wrong."""

    api_key: str  # the identifier that Bitget shows
    passphrase: str = field(repr=False)  # 8 to 32 letters and digits (code 40070)
    private_key: rsa.PrivateKey | Callable[[bytes], bytes] = field(repr=False)
    demo: bool = False  # True for a demo key, which works in demo trading only

    def __post_init__(self) -> None:
        remedy = "without quotes or spaces that a copy or an environment file added"
        if not re.fullmatch("[A-Za-z0-9._-]{1,128}", _text("api_key", self.api_key)):
            raise ValueError(f"api_key must be letters, digits and ._-, {remedy}")
        if not re.fullmatch("[A-Za-z0-9]{8,32}", _text("passphrase", self.passphrase)):
            raise ValueError(f"passphrase must be 8 to 32 letters and digits, {remedy}")
        _require_signer(self.private_key)
        if not isinstance(self.demo, bool):
            raise ValueError(f"demo must be True or False, not {type(self.demo)}")

    @classmethod
    def from_env(cls, environ: Mapping[str, str | None] = os.environ) -> Credentials:
        """Read BITGET_API_KEY, BITGET_PASSPHRASE, the private key and BITGET_DEMO.

        BITGET_PRIVATE_KEY is the PEM, or BITGET_PRIVATE_KEY_FILE its file. BITGET_DEMO
        is 1 or true, 0 or false. Raises ValueError, and what load_private_key() raises.
        """
        private_key, demo = _private_key_from_env(environ), _demo_from_env(environ)
        api_key = environ.get("BITGET_API_KEY")
        passphrase = environ.get("BITGET_PASSPHRASE")
        if not api_key or not passphrase:
            raise ValueError("BITGET_API_KEY or BITGET_PASSPHRASE is not set")
        return cls(api_key, passphrase, private_key, demo)


@dataclass(frozen=True)
class PreparedRequest:
    """A request for send() or any other HTTP client to send as it stands."""

    method: str  # GET or POST
    url: str  # percent-encoded, with the query
    headers: dict[str, str] = field(repr=False)  # in any case; urllib sends Access-key
    body: bytes | None
    prehash: str  # the string that is signed, given credentials


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

    `params` is the query; None leaves a name out. `body`, for POST only, is a mapping,
    list or tuple, which becomes JSON, or a str, sent as it is. Values are str, int,
    bool, or Decimal, which becomes a str of all its digits. A float is refused, since a
    float 0.1 is not exactly 0.1. `timestamp_ms` is now, if None. `base_url` may have a
    port, and http:// is for loopback. A ValueError names the place of what is wrong.

    >>> query = {"symbol": "龙虾USDT", "clientOid": "a b&c+d"}
    >>> prepared = prepare("GET", "/api/v2/spot/trade/orderInfo", params=query)
    >>> prepared.prehash.partition("?")[2]
    'clientOid=a b&c+d&symbol=龙虾USDT'
    >>> prepared.url.partition("?")[2]
    'clientOid=a%20b%26c%2Bd&symbol=%E9%BE%99%E8%99%BEUSDT'
    """
    if credentials is not None and not isinstance(credentials, Credentials):
        raise ValueError(f"credentials must be Credentials, not {type(credentials)}")
    if timestamp_ms is None:
        timestamp_ms = time.time_ns() // 1_000_000
    if not re.fullmatch(_ORIGIN, _text("base_url", base_url)):
        raise ValueError("base_url must be https://host[:port], or http:// on loopback")
    pairs, text = _query_pairs(params), _body_text(body)
    # Signed as it reads, sent percent-encoded: UTF-8, upper-case hex, a space as %20.
    # This is assumed from Bitget's SDKs (commit d4ef5cb of 2024-01-11); its RSA page
    # signs it encoded. $,:/@!*'() are sent bare (RFC 3986), so the two seldom differ.
    query = "&".join(f"{name}={value}" for name, value in pairs)
    escaped = urlencode(pairs, safe="$,:/@!*'()", quote_via=quote)
    message = prehash(timestamp_ms, method, path, query, text)
    if text and method.upper() == "GET":
        raise ValueError("body must be None for GET; give its parameters as params")
    url = base_url + path + ("?" if pairs else "") + escaped
    headers = dict(_OWN_HEADERS)
    if credentials is not None:
        headers["ACCESS-KEY"] = credentials.api_key
        headers["ACCESS-SIGN"] = sign(message, credentials.private_key)
        headers["ACCESS-TIMESTAMP"] = str(timestamp_ms)
        headers["ACCESS-PASSPHRASE"] = credentials.passphrase
        if credentials.demo:  # Bitget API documentation, "Demo Trading"; not signed
            headers["paptrading"] = "1"
    return PreparedRequest(method.upper(), url, headers, text.encode() or None, message)


def _query_pairs(params: Mapping[str, object] | None) -> list[tuple[str, str]]:
    if params is not None and not isinstance(params, Mapping):
        raise ValueError(f"params must be a mapping, not {type(params)}")
    pairs = []
    for key, value in list((params or {}).items()):
        name = _text("a name in params", key)
        plain = _json_value(f"params[{name!r}]", value, nests=False)
        if plain is not None:  # as in JSON, True is true, and an int its digits
            pairs.append((name, plain if isinstance(plain, str) else json.dumps(plain)))
    return sorted(pairs)  # by code point; Bitget's pages disagree, and this fits all


def _body_text(body: object) -> str:
    if body is None or isinstance(body, str):
        return _text("body", body or "")
    if not isinstance(body, (Mapping, list, tuple)):
        raise ValueError(f"body must be a dict, a list or a str, not {type(body)}")
    try:  # JSON in its own order, without spaces, and with non-ASCII as \uXXXX
        return json.dumps(_json_value("body", body), separators=(",", ":"))
    except RecursionError:
        raise ValueError("body is nested too deeply, or holds itself") from None


def _json_value(place: str, value: object, *, nests: bool = True) -> object:
    if nests and isinstance(value, Mapping):
        return {
            _text(f"a name in {place}", name): _json_value(f"{place}[{name!r}]", item)
            for name, item in list(value.items())  # a copy: a thread may change it
        }
    if nests and isinstance(value, (list, tuple)):
        return [_json_value(f"{place}[{at}]", item) for at, item in enumerate(value)]
    if isinstance(value, str):
        return _text(place, value)
    if value is None or (isinstance(value, int) and abs(value) < 10**100):
        return value
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < 100:
        return format(value, "f")  # all digits, no exponent
    remedy = 'give text, such as "0.001" for an amount, or a finite decimal.Decimal'
    if isinstance(value, (bytes, bytearray)):
        remedy = "decode it to text"
    elif isinstance(value, Iterable):
        remedy = "give text in a query, a list or a dict in a body"
    raise ValueError(f"{place} is {type(value)}; {remedy}")


# ---- Errors -------------------------------------------------------------------------


class BitgetError(Exception):
    """Base class of this module's errors; a wrong argument is a ValueError instead."""

    # True when an order may exist: look it up by its clientOid before sending it again.
    outcome_unknown: bool  # no default here: each subclass sets its own


class KeyFormatError(BitgetError, ValueError):
    """A private key cannot be used; the text says why, and what to do."""

    outcome_unknown = False


@dataclass(eq=False)
class ApiError(BitgetError):
    """Bitget answered with a code other than "00000"."""

    code: str  # such as "40009"; decide on this, not on the message
    message: str
    status: int  # of HTTP, and perhaps 200
    request_time_ms: int | None  # Bitget's clock, milliseconds since the epoch
    advice: str  # what to do, or ""
    outcome_unknown: bool

    def __str__(self) -> str:
        answer = f"Bitget answered {self.code} {self.message} (HTTP {self.status})"
        return f"{answer}; {self.advice}" if self.advice else answer


@dataclass(eq=False)
class TransportError(BitgetError):
    """Bitget did not answer: there was no connection, or something else answered."""

    reason: str
    sent: bool  # False when it is certain that nothing was
    outcome_unknown: bool

    def __str__(self) -> str:
        if self.outcome_unknown:
            return f"{self.reason}; {_LOOK_UP}"
        return self.reason if self.sent else f"{self.reason}; nothing was sent"


# After these an order may exist. Bitget's order pages say so of 40010, 40725 and 45001;
# of the others this is assumed, by their texts.
_OPEN_CODES = (
    "25000",  # system error
    "25001",  # operation timed out
    "25003",  # concurrent operation
    "40010",  # request timed out
    "40015",  # system is abnormal
    "40200",  # server upgrade
    "40725",  # the service returned an error
    "40808",  # parameter check failed
    "40910",  # operation timed out
    "45001",  # unknown error
)
_LOOK_UP = "outcome unknown: look an order up by its clientOid before sending it again"
_TOO_MANY = "too many requests: this one was not carried out, so wait"
_SET_CLOCK = "set this machine's clock, which is {:+.1f} s off Bitget's"

# Bitget API documentation, "Error Code"; 40085 and 40099 as others have reported them.
_ADVICE = {
    "25245": "this is not a unified account: use the endpoints of /api/v2",
    "40008": "set this machine's clock, and sign just before sending",
    "40009": "compare the prehash to what was sent, and the public key to Bitget's",
    "40012": "API key and passphrase do not belong together: copy both again",
    "40018": "bind this machine's IPv4 address to the API key",
    "40038": "bind this machine's IPv4 address to the API key",
    "40085": "this is a unified account: use the endpoints of /api/v3",
    "40099": "demo=True is for API keys made for demo trading, and for no others",
}


def _excerpt(text: str, headers: Mapping[str, str]) -> str:
    """Return the beginning of a text from outside, without the request's secrets."""
    for name in ("ACCESS-PASSPHRASE", "ACCESS-SIGN"):
        text = text.replace(headers.get(name) or "***", "***")
    return _printable(text[:200])


def _printable(text: str) -> str:
    r"""Spell out the characters that could steer a terminal, such as \n."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


# ---- Sending it ---------------------------------------------------------------------


def send(prepared: PreparedRequest, *, timeout_s: float = 10.0) -> Any:
    """Send a request once, to the host of its URL, and return Bitget's `data`.

    No redirect is followed. TLS certificates are verified; SSL_CERT_FILE may name more
    of them, and https_proxy a proxy for https. `timeout_s`, up to 3600, bounds each
    wait, for each address of the host and each piece of the answer. A body that takes
    longer is given up at its next byte; a head, or lines between chunks, are not.
    Raises ApiError or TransportError, or ValueError before anything is sent.
    """
    if not isinstance(timeout_s, (int, float)) or not 0 < timeout_s <= 3600:
        raise ValueError("timeout_s must be seconds, more than 0 and up to 3600")
    method, url, body = prepared.method, prepared.url, prepared.body
    headers = dict(prepared.headers)
    head = [f"{name}\n{_text(name, headers[name])}" for name in headers]
    if (  # http.client refuses it too late to know whether it was sent
        not re.fullmatch(f"(GET|POST) {_ORIGIN}/[!-~]*", f"{method} {url}")
        or not all(re.fullmatch("[A-Za-z0-9-]+\n[ -~]+", line) for line in head)
        or not isinstance(body, (bytes, type(None)))
    ):
        raise ValueError("the request must be as prepare() made it")
    outgoing = urllib.request.Request(url, body, headers, method=method)
    outgoing.add_unredirected_header("Host", outgoing.host)  # and not the proxy's
    proxy = urllib.request.getproxies().get("https")
    if proxy and outgoing.type == "https":  # plain http stays on this machine
        try:
            urllib.request.ProxyHandler({}).proxy_open(outgoing, proxy, "https")
            http.client.HTTPConnection(outgoing.host)  # reads the port, opens nothing
            if not outgoing.host or "@" in outgoing.host:
                raise ValueError
        except (ValueError, http.client.HTTPException):
            raise ValueError("https_proxy must be like http://host:8080") from None
    opener = urllib.request.OpenerDirector()  # no handler follows redirects or raises
    opener.add_handler(_Connecting())
    try:
        with opener.open(outgoing, timeout=timeout_s) as response:
            answer = _read_body(response, time.monotonic() + timeout_s)
    except (OSError, ValueError, http.client.HTTPException) as error:
        text = _excerpt(f"no answer: {type(error).__name__}: {error}", headers)
        raise TransportError(text, True, method == "POST") from None
    return parse_response(response.status, answer, prepared)


class _Connecting(urllib.request.AbstractHTTPHandler):
    # A TransportError of its connections is no OSError, so urllib lets it through.
    http_request = https_request = urllib.request.AbstractHTTPHandler.do_request_

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_PlainConnection, req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        context = _before_sending(req.host, ssl.create_default_context)
        return self.do_open(_TlsConnection, req, context=context)


class _PlainConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        _before_sending(self.host, super().connect)


class _TlsConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        _before_sending(self.host, super().connect)


def _before_sending(host: str, step: Callable[[], Any]) -> Any:
    try:
        return step()
    except Exception as error:  # noqa: BLE001 - whatever it is, nothing was sent
        text = _excerpt(f"no connection to {host}: {type(error).__name__}: {error}", {})
        if isinstance(error, ssl.SSLCertVerificationError):
            text += "; SSL_CERT_FILE may name the certificate of your own authority"
        raise TransportError(text, False, False) from None


def _read_body(response: http.client.HTTPResponse, deadline: float) -> bytes:
    body = bytearray()
    # peek() waits once; readinto() then takes only that, even of a bad chunk.
    while response.length != 0 and (arrived := response.peek()):
        piece = bytearray(len(arrived))
        body += piece[: response.readinto(piece)]
        if len(body) > 32 * 1024 * 1024 or time.monotonic() > deadline:
            raise TimeoutError("timed out, or more than 33554432 bytes")
    return bytes(body)  # a truncated one is not JSON


def parse_response(
    status: int, body: bytes | str, prepared: PreparedRequest | None = None
) -> Any:
    """Return the `data` of an answer, whichever HTTP client fetched it.

    Bitget's `code` decides, not the HTTP status; an answer without one is not Bitget's,
    so a TransportError. `prepared` is the request; without it a POST is assumed.
    """
    if not isinstance(status, int) or not isinstance(body, (bytes, bytearray, str)):
        raise ValueError("status must be an int, and body bytes or str, as they came")
    method, headers = (prepared.method, prepared.headers) if prepared else ("POST", {})
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    code = str(answer.get("code")) if isinstance(answer, dict) else ""
    if code == "00000":
        return answer.get("data")
    was_limited = status == 429 or code in ("429", "25004")
    may_be_done = method == "POST" and not was_limited
    if not re.fullmatch("[0-9]{5}|429", code):
        text = body if isinstance(body, str) else body.decode(errors="replace")
        what = "a redirect, not followed" if 300 <= status < 400 else "not from Bitget"
        text = f"HTTP {status}, {what}: {_excerpt(text, headers)}"
        text += f"; {_TOO_MANY}" if was_limited else ""
        raise TransportError(text, True, may_be_done)
    message = _excerpt(str(answer.get("msg") or answer.get("message") or ""), headers)
    digits = re.fullmatch("[0-9]{1,15}", str(answer.get("requestTime")))
    time_ms = int(digits[0]) if digits else None
    advice = _TOO_MANY if was_limited else _ADVICE.get(code, "")
    if code == "40008" and time_ms and headers.get("ACCESS-TIMESTAMP", "").isdecimal():
        age_s = (time_ms - int(headers["ACCESS-TIMESTAMP"])) / 1000
        off_s = time.time() - time_ms / 1000
        advice = f"signed {age_s:.1f} s before it arrived; sign just before sending"
        if abs(age_s) <= 2 * abs(off_s):  # the clock explains half of it, or more
            advice = _SET_CLOCK.format(off_s)
    unknown = may_be_done and (status >= 500 or code in _OPEN_CODES)
    advice = _LOOK_UP if unknown else advice
    raise ApiError(code, message, status, time_ms, advice, unknown)


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
        method, path, credentials=credentials, params=params, body=body,
        timestamp_ms=timestamp_ms, base_url=base_url,
    )  # fmt: skip
    return send(prepared, timeout_s=timeout_s)


# ---- Keys ---------------------------------------------------------------------------

_RSA_ALGORITHM = univ.Any(hexValue="300d06092a864886f70d0101010500")  # RFC 3279, 2.3.1
_ALGORITHMS = {
    "1.2.840.113549.1.1.1": "RSA",  # RFC 8017, appendix A.1
    "1.2.840.113549.1.1.10": "RSA-PSS",  # RFC 8017, appendix A.2.3
    "1.2.840.10045.2.1": "EC",  # RFC 5480, section 2.1.1
    "1.2.840.10040.4.1": "DSA",  # RFC 3279, section 2.3.2
    "1.3.101.112": "Ed25519",  # RFC 8410, section 3
}

# What to do. No command overwrites the key in question, or private.pem.
_MAKE_ONE = "make an RSA key: openssl genpkey -algorithm RSA -out new-private.pem"
_DECRYPT = "decrypt it to another file: openssl pkey -in FILE -out decrypted.pem"
_OPENSSH = "if it is RSA, copy it, and ssh-keygen -p -N '' -m PKCS8 -f THE_COPY; if not"
_PUBLIC = "a public key or certificate; give the private key that belongs to it"
_COPY = "copy all of its file (on one line, with \\n), or export PKCS#8 to another file"

# How a text that is not a key begins, and what it is; the first that fits counts.
_INSTEAD = {
    "PEM block '(ENCRYPTED|.*Proc-Type:)": f"encrypted; {_DECRYPT}",
    "PEM block 'OPENSSH": f"in OpenSSH's format; {_OPENSSH}, {_MAKE_ONE}",
    "PEM block '(EC|DSA) ": f"not for RSA; {_MAKE_ONE}",
    "PEM block '[^']*(PUBLIC|CERT)|text (ssh|ecdsa)-": _PUBLIC,
    "PEM block|DER|.*BEGIN|text $": f"empty, damaged, or for another use; {_COPY}",
    r"text (\{|PuTTY|.{256})": f"without a PEM block; {_COPY}",
    "text [0-9A-Za-z]{32,128}$": f"perhaps the secret of an HMAC API key; {_MAKE_ONE}",
    "text": "perhaps the name of a file; give BITGET_PRIVATE_KEY_FILE or pathlib.Path",
}


def load_private_key(source: str | bytes | os.PathLike[str]) -> PrivateKey:
    """Read an RSA private key, judging it by its contents and not by its label.

    It may be PKCS#8 (RFC 5958) or PKCS#1 (RFC 8017, appendix A.1.2), as PEM, base64 or
    DER, in whatever shape copying left it, or a file, given as pathlib.Path; then a
    UserWarning says when other users can read or write it. Raises OSError when the file
    cannot be read, and KeyFormatError for anything but an unencrypted RSA key of two
    primes and 2048 to 16384 bits whose numbers belong together.
    """
    if isinstance(source, os.PathLike):
        source = _read_key_file(source)
    if not isinstance(source, (str, bytes)) or len(source) > 65536:
        raise KeyFormatError("a key is str, bytes or pathlib.Path, up to 65536 bytes")
    # Latin-1 makes a character of each byte; those outside ASCII will be dropped.
    text = source if isinstance(source, str) else source.decode("latin-1")
    if text.startswith("0") and re.search("[\0-\x08]", text):  # DER of a SEQUENCE
        text = base64.b64encode(text.encode("latin-1", "replace")).decode()
    kind, body = _unwrap(text)
    try:  # b64decode() drops what is not base64: safe, since only exact keys are taken
        return _key_from_der(base64.b64decode(body + "=="))
    except KeyFormatError:
        raise
    except Exception:  # noqa: BLE001 - hostile DER raises nearly anything
        found = next(_INSTEAD[it] for it in _INSTEAD if re.match(it, f"{kind} {body}"))
        raise KeyFormatError(f"the private key's {kind} is {found}") from None


def _read_key_file(path: os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb") as file:
            octets, mode = file.read(65537), os.fstat(file.fileno()).st_mode
    except (OSError, ValueError) as error:  # it repeats the path, which may be a key
        may_be_key = re.search(r"(?s)BEGIN|{|[\w+/=]{64}|.{256}", os.fsdecode(path))
        if isinstance(error, OSError) and not may_be_key:
            raise
        raise KeyFormatError("a key is not a path; use BITGET_PRIVATE_KEY") from None
    if os.name == "posix" and mode & 0o066:  # elsewhere the mode says nothing of others
        warnings.warn(f"other users can read or write {path}; chmod 600", stacklevel=3)
    return octets


def _unwrap(text: str) -> tuple[str, str]:
    """Return what a key is wrapped in and its base64, however it was copied."""
    text = re.sub(r"\\{1,9}[rn]", " ", text.replace("\0", ""))  # UTF-16 has NULs
    text = re.sub("[^!-~]+", " ", text).strip(" \"'")
    blocks = re.findall("-----BEGIN ([A-Z0-9 ]{,40})-----(.*?)(?:-----|$)", text)
    blocks = [block for block in blocks if "PRIVATE KEY" in block[0]] or blocks
    if blocks:
        return f"PEM block {blocks[0][0]!r}", blocks[0][1]
    letters = re.sub("[^A-Za-z0-9+/]", "", text)
    octets = base64.b64decode(letters[: len(letters) // 4 * 4])
    if b"-----BEGIN" in octets.replace(b"\0", b""):  # base64 of the whole PEM
        return _unwrap(octets.decode("latin-1"))
    is_der = re.match(rb"(?s)0.{1,3}[\x020]", octets)  # SEQUENCE of INTEGER or SEQUENCE
    return "DER" if is_der else "text", text


def _key_from_der(der: bytes) -> PrivateKey:
    """Read PKCS#8 or PKCS#1; raise nearly anything when the bytes are damaged."""
    parts, rest = decoder.decode(der, univ.Sequence())
    if len(parts) < 9:  # PKCS#8: version, algorithm, key (RFC 5958, section 2)
        name, der = _ALGORITHMS[str(parts[1][0])], bytes(parts[2])
        if name != "RSA":
            raise KeyFormatError(f"the private key is for {name}; {_MAKE_ONE}")
        parts, _ = decoder.decode(der, univ.Sequence())
    version, n, e, d, p, q = (int(parts[index]) for index in range(6))
    if version == 1 or not 2048 <= n.bit_length() <= 16384:  # Bitget offers 2048, 4096
        found = "more than two primes" if version == 1 else f"{n.bit_length()} bits"
        raise KeyFormatError(f"the private key has {found}; {_MAKE_ONE}")
    is_key = n == p * q and min(p, q, e, d) > 1 and max(e, d) < n
    is_key = is_key and (e * d - 1) % (p - 1) == (e * d - 1) % (q - 1) == 0
    # Written again it is the same bytes only if the rest of them is right, too.
    if not is_key or rest or PrivateKey(n, e, d, p, q).save_pkcs1("DER") != der:
        raise KeyFormatError(f"the private key's numbers do not fit; {_COPY}")
    return PrivateKey(n, e, d, p, q)


def _private_key_from_env(environ: Mapping[str, str | None]) -> PrivateKey:
    pem = environ.get("BITGET_PRIVATE_KEY")
    file = environ.get("BITGET_PRIVATE_KEY_FILE")
    if bool(pem) == bool(file):
        raise ValueError("set BITGET_PRIVATE_KEY or BITGET_PRIVATE_KEY_FILE, not both")
    return load_private_key(pem or Path(file or ""))


def _demo_from_env(environ: Mapping[str, str | None]) -> bool:
    demo = (environ.get("BITGET_DEMO") or "0").lower()
    if demo not in ("0", "1", "false", "true"):
        raise ValueError("BITGET_DEMO must be 1 or true, 0 or false")
    return demo in ("1", "true")


def generate_private_key(bits: int = 2048) -> PrivateKey:
    """Make a key of 2048 to 16384 bits, else ValueError; 4096 take about a minute."""
    if type(bits) is not int or not 2048 <= bits <= 16384 or bits % 2:
        raise ValueError("bits must be an even number, 2048 to 16384")
    # rsa.newkeys() makes one prime longer; not every library reads such a key.
    p, q, e, d = rsa.key.gen_keys(bits, lambda _: rsa.prime.getprime(bits // 2))
    return PrivateKey(p * q, e, d, p, q)


def private_key_pem(key: rsa.PrivateKey) -> str:
    """Write a key as `openssl genpkey` does: PKCS#8 (RFC 5958, section 2) in PEM."""
    octets = univ.OctetString(key.save_pkcs1("DER"))
    return _pem("PRIVATE KEY", univ.Integer(0), _RSA_ALGORITHM, octets)


def public_key_pem(key: rsa.PrivateKey | rsa.PublicKey) -> str:
    """Write the public half as Bitget's form wants it: SPKI (RFC 5280, 4.1) in PEM."""
    octets = rsa.PublicKey(key.n, key.e).save_pkcs1("DER")
    return _pem("PUBLIC KEY", _RSA_ALGORITHM, univ.BitString(hexValue=octets.hex()))


def _pem(label: str, *parts: object) -> str:
    sequence = univ.SequenceOf()  # encoded as a SEQUENCE, of any parts
    sequence.extend(parts)
    return rsa.pem.save_pem(encoder.encode(sequence), label).decode()


# ---- The command line ---------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; return 0 done, 1 failed, 2 usage, 3 outcome unknown, 130 Ctrl-C."""
    if hasattr(sys.stdout, "reconfigure"):  # it may know ASCII only
        sys.stdout.reconfigure(errors="backslashreplace")
    status, complaints = 0, []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            args = _parser().parse_args(arguments)
            args.run(args)
        except SystemExit as stop:  # what there is to say is printed
            status = int(stop.code or 0)
        except KeyboardInterrupt:
            status, complaints = 130, ["interrupted"]
        except (BitgetError, ValueError, OSError) as error:
            is_open = isinstance(error, BitgetError) and error.outcome_unknown
            status, complaints = 3 if is_open else 1, [str(error)]
    try:
        print(end="", flush=True)
    except OSError as error:  # Python must find nothing to flush at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status, complaints = status or 1, complaints or [str(error)]
    try:
        for text in [f"warning: {warning.message}" for warning in caught] + complaints:
            print(f"bitget_rsa: {_one_line(text)}", file=sys.stderr, flush=True)
    except OSError:  # the status counts, also where this cannot be read
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    return status


def _one_line(text: str) -> str:  # with any key in it hidden
    return _printable(re.sub(r"(?s)-----BEGIN.*|[\w+/=\s-]{150,}", "***", text))


def _parser() -> Any:
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            super().error(_one_line(message))  # it may repeat a key

    parser = Parser(description="Sign requests to Bitget with your own RSA key.")
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    keygen = verbs.add_parser("keygen", help="make private.pem and public.pem")
    keygen.add_argument("--bits", type=int, default=2048, help="4096 take a minute")
    keygen.add_argument("folder", metavar="DIR", type=Path, nargs="?", default=".")
    pubkey = verbs.add_parser("pubkey", help="print the public key")
    dry_run = verbs.add_parser("sign", help="print a request's signature; send nothing")
    dry_run.add_argument("--timestamp-ms", type=int, metavar="N", help="default: now")
    sending = verbs.add_parser("request", help="send a request; print Bitget's data")
    sending.add_argument("--unsigned", action="store_true", help="for public endpoints")
    check = verbs.add_parser("check", help="try key, clock and account before trading")
    for verb in (dry_run, sending):
        verb.add_argument("method", metavar="METHOD", help="GET or POST")
        verb.add_argument("target", metavar="PATH[?QUERY]")
        verb.add_argument("body", metavar="BODY", nargs="?", help="JSON; - reads stdin")
    for verb in (pubkey, dry_run, sending, check):
        verb.add_argument("--key", help="else BITGET_PRIVATE_KEY[_FILE], private.pem")
    for verb in (dry_run, sending, check):
        verb.add_argument("--demo-trading", action="store_true", help="for a demo key")
        verb.add_argument("--base-url", metavar="URL", default=BASE_URL)
    runs = (_keygen, _pubkey, _sign, _request, _check)
    for verb, run in zip((keygen, pubkey, dry_run, sending, check), runs):
        verb.set_defaults(run=run, error=verb.error)
    return parser


def _environment(args: Any) -> dict[str, str]:
    environ, file = dict(os.environ), "BITGET_PRIVATE_KEY_FILE"
    if args.key is not None:
        environ.update({"BITGET_PRIVATE_KEY": "", file: args.key})
    elif not environ.get("BITGET_PRIVATE_KEY") and not environ.get(file):
        environ[file] = "private.pem"
    if getattr(args, "demo_trading", False):
        environ["BITGET_DEMO"] = "1"
    return environ


def _keygen(args: Any) -> None:
    private, public = args.folder / "private.pem", args.folder / "public.pem"
    if os.path.lexists(private) or os.path.lexists(public):
        raise ValueError(f"{private} or {public} exists; they are never overwritten")
    key = generate_private_key(args.bits)
    args.folder.mkdir(parents=True, exist_ok=True)
    pems, made = {private: private_key_pem(key), public: public_key_pem(key)}, []
    try:
        for path, pem in pems.items():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            made.append(path)
            with open(descriptor, "w", encoding="ascii", newline="\n") as file:
                file.write(pem)
    except BaseException:  # Ctrl-C too: half a pair would block the next try
        for path in made:
            path.unlink()
        raise
    print(pems[public])
    print("Next: at Bitget's API Management, create a user-generated API key with it.")


def _pubkey(args: Any) -> None:
    print(public_key_pem(_private_key_from_env(_environment(args))), end="")


def _prepare(args: Any, credentials: Credentials | None = None) -> PreparedRequest:
    path, _, query = args.target.partition("?")
    query = query.replace("+", "%2B")  # only forms mean a space by it
    pairs = parse_qsl(query, True, bool(query), errors="strict")
    if len(dict(pairs)) < len(pairs):
        raise ValueError("QUERY must have each name once")
    body = args.body
    try:
        if body == "-":
            with open(0, "rb", closefd=False) as stdin:
                body = stdin.read().decode("utf-8-sig")
        value = {} if body is None else json.loads(body, parse_constant=int)  # no NaN
        if not isinstance(value, (dict, list)):
            raise ValueError("it must be an object or a list")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"BODY is not JSON: {error}") from None
    return prepare(
        args.method, path, credentials=credentials, params=dict(pairs), body=body,
        timestamp_ms=getattr(args, "timestamp_ms", None), base_url=args.base_url,
    )  # fmt: skip


def _sign(args: Any) -> None:
    environ, built = _environment(args), _prepare(args)
    signature = sign(built.prehash, _private_key_from_env(environ))
    demo = "\npaptrading: 1" if _demo_from_env(environ) else ""
    print(f"prehash: {_printable(built.prehash)}\nurl: {built.url}", file=sys.stderr)
    timestamp = built.prehash.partition(built.method)[0]
    print(f"ACCESS-TIMESTAMP: {timestamp}\nACCESS-SIGN: {signature}{demo}")


def _request(args: Any) -> None:
    if args.unsigned and (args.key or args.demo_trading):
        args.error("--unsigned goes with neither --key nor --demo-trading")
    credentials = None if args.unsigned else Credentials.from_env(_environment(args))
    prepared = _prepare(args, credentials)
    try:
        print(json.dumps(send(prepared), indent=2), flush=True)
    except KeyboardInterrupt:
        if prepared.method == "GET":
            raise
        raise TransportError("interrupted", True, True) from None
    except (OSError, RecursionError) as error:  # of print(), not of send()
        text = f"Bitget accepted the request, but it cannot be printed: {error}"
        raise TransportError(text, True, prepared.method == "POST") from None


def _check(args: Any) -> None:
    try:
        for mark, text in _check_here(args.base_url, _environment(args)):
            print(f"{mark:<6}{_one_line(text)}", flush=True)
    except (BitgetError, ValueError, OSError) as error:
        print(f"FAIL  {_one_line(str(error))}")
        sys.exit(1)


def _check_here(url: str, environ: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield "ok", f"trading: {'demo' if _demo_from_env(environ) else 'live'}, at {url}"
    with warnings.catch_warnings(record=True) as caught:
        key = _private_key_from_env(environ)
    yield "ok", f"private key: {key!r}"
    yield from (("warn", f"private key: {warning.message}") for warning in caught)
    now_ms = _field(request("GET", "/api/v2/public/time", base_url=url), "serverTime")
    if not re.fullmatch("[0-9]{13}", now_ms):
        raise ValueError(f"clock: {url} did not tell Bitget's time")
    off_s = time.time() - int(now_ms) / 1000
    if abs(off_s) > 30:
        raise ValueError(_SET_CLOCK.format(off_s))
    yield "ok", f"clock: {off_s:+.1f} s off Bitget's"
    yield from _check_at_bitget(url, environ)


def _check_at_bitget(url: str, environ: dict[str, str]) -> Iterator[tuple[str, str]]:
    warnings.simplefilter("ignore")  # the warning about the key's file was printed
    where: Any = {"credentials": Credentials.from_env(environ), "base_url": url}
    info, assets = None, "/api/v2/spot/account/assets"
    try:
        info = request("GET", "/api/v2/spot/account/info", **where)
    except ApiError as error:
        if error.code != "40085":
            raise
        assets = "/api/v3/account/assets"  # of a unified account
        request("GET", assets, **where)
    yield "ok", "signed request: accepted"
    yield "ok", f"permissions: {_field(info, 'authorities') or 'see API Management'}"
    yield "ok", f"IP addresses: {_field(info, 'ips') or 'see API Management'}"
    try:
        request("GET", assets, params={"coin": "龙虾"}, **where)  # a coin Bitget lists
        yield "ok", "query rule: a query that needs escaping is signed as it reads"
    except BitgetError as error:
        if getattr(error, "code", "") == "40009":
            raise ValueError(f"query rule: not as assumed: {error}") from None
        yield "warn", f"query rule: could not be tried: {error}"


def _field(answer: object, name: str) -> str:
    found = answer.get(name) if isinstance(answer, dict) else None
    return ", ".join(map(str, found if isinstance(found, list) else [found or ""]))


if __name__ == "__main__":
    sys.exit(main())
