#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The bitget_rsa authors
# SPDX-License-Identifier: MIT-0
# /// script
# requires-python = ">=3.9"
# dependencies = ["rsa>=4.9,<5", "pyasn1"]
# ///
"""Sign requests to the crypto exchange Bitget with your own RSA key.

    prehash     = timestamp + METHOD + path + ("?" + query, if any) + body
    ACCESS-SIGN = base64(RSASSA-PKCS1-v1_5 with SHA-256 of prehash)

Bitget holds the public half of a "user-generated" API key, and your private half signs
each request. So Bitget never holds a key that can sign for you.

>>> prehash(1763800000000, "GET", "/api/v2/spot/account/assets", "coin=USDT")
'1763800000000GET/api/v2/spot/account/assets?coin=USDT'

Quick start:

    from bitget_rsa import BitgetError, Credentials, request

    me = Credentials.from_env()  # its docstring names the variables
    print(request("GET", "/api/v2/spot/account/assets", credentials=me))

    order = {
        "symbol": "BTCUSDT", "side": "buy", "orderType": "limit", "force": "gtc",
        "price": "10000", "size": "0.001",  # str or Decimal, never float
        "clientOid": "bot-1",  # your own name for this order; never reuse it
    }
    try:
        request("POST", "/api/v2/spot/trade/place-order", credentials=me, body=order)
    except BitgetError as error:
        if not error.outcome_unknown:
            raise  # this request placed no order
        # It may have placed one. Do not send it again; look it up. If it is not found,
        # look again after 60 s: until then it may still arrive.
        find = "/api/v2/spot/trade/orderInfo"
        print(request("GET", find, credentials=me, params={"clientOid": "bot-1"}))

Assumptions, the riskiest first. The author has tried none of them live.

1. The query is signed decoded and sent percent-encoded. Bitget's SDKs have done so
   since commit d4ef5cb (2024-01-11), and ccxt since pull request 28890 (2026-06-16),
   after a user's live requests that signed it encoded had failed. But Bitget's RSA
   sample page and its newest SDK (agent hub, commit 1823de0, 2026-03) sign it encoded.
   `check` tries both; if your account wants the other form, set
   Credentials(sign_encoded_query=True).
2. An error code means that nothing was carried out, unless OUTCOME_UNKNOWN_CODES lists
   it or the HTTP status is 500 or more. Bitget's order pages (2025-12) name three codes
   after which an order may exist. After a rate limit nothing was carried out.
3. Bitget's codes have five or six digits. Its pages (2025-12) show five; other clients
   list six.
4. The query is sorted by name, as in Bitget's SDKs. Its pages (2025-12) contradict each
   other, but the order sent is the order signed, so either reading works.
5. The padding is PKCS#1 v1.5, as in Bitget's samples and key tool; no page states it.

Security: the private key stays on this machine. The API key and the passphrase go only
to the host of the URL, and no error message shows them. Arithmetic on Python's integers
is not constant-time, though signing is blinded. If an attacker can time your process
closely, sign with an HSM or with `cryptography`.

Why `rsa`: it is pure Python, so you can read it, and it runs anywhere. It is no longer
maintained. The CVEs open against 4.9 concern decrypting messages, which this file never
does.

What stands where:

    The signature        the formula. A port needs this section and the next.
    The request          from arguments to the text signed and the bytes sent
    The answer           a refusal, or an outcome that is unknown
    Sending              the only section that opens a connection
    Keys, Environment    reading a key from wherever people keep it
    The command line     may be deleted
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
import secrets
import ssl
import sys
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, TextIO
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

try:
    import rsa
    import rsa.asn1
    from pyasn1.codec.der import decoder, encoder
    from pyasn1.type import univ
except ModuleNotFoundError as missing:
    if __name__ != "__main__":
        raise
    sys.exit(f"bitget_rsa: {missing}; pip install rsa, or run this file with uv run")

__version__ = "3.0.0"
BASE_URL = "https://api.bitget.com"
__all__ = [
    "BASE_URL",
    "ApiError",
    "BitgetError",
    "Credentials",
    "KeyFormatError",
    "PreparedRequest",
    "PrivateKey",
    "TransportError",
    "__version__",
    "load_private_key",
    "parse_response",
    "prehash",
    "prepare",
    "public_key_pem",
    "request",
    "send",
    "sign",
]


# ---- The signature ------------------------------------------------------------------


def prehash(
    timestamp_ms: int, method: str, path: str, query: str = "", body: str = ""
) -> str:
    """Join the parts of a request into the string that Bitget wants signed.

    `timestamp_ms` is in milliseconds since the epoch; Bitget refuses one that is more
    than 30 s off. `method` is GET or POST, in upper or lower case. `query` is decoded
    (assumption 1), in the order sent, without "?". `body` is exactly what is sent.

    Raises ValueError if a part has the wrong form. Since the query is signed decoded,
    a=1&b=2 may be one parameter or two: keep & and = out of untrusted values.

    Source: Bitget API documentation, "Signature".
    """
    method = method.upper()
    if type(timestamp_ms) is not int:
        raise ValueError("timestamp_ms must be an int: time.time_ns() // 1_000_000")
    if not 10**12 <= timestamp_ms < 10**15:  # now 13 digits; Bitget prints 14, too
        raise ValueError("timestamp_ms must be in milliseconds, such as 1763800000000")
    if method not in ("GET", "POST"):
        raise ValueError("method must be GET or POST")
    # An HTTP client may rewrite any other path, and then the signature does not fit.
    has_dots = "." in path.split("/") or ".." in path.split("/")
    if has_dots or not re.fullmatch("(/[A-Za-z0-9._~-]+)+", path):
        raise ValueError("path must be /segments of A-Z a-z 0-9 - . _ ~, without ..")
    if query.startswith("?"):
        raise ValueError("query must not begin with ?")
    if method == "GET" and body:
        raise ValueError("a GET has no body; its params are the query")
    if query:
        query = "?" + query
    return str(timestamp_ms) + method + path + query + body


class BitgetError(Exception):
    """Base class of this module's errors."""

    # True if a POST may have been carried out. Look for its effect before you send it
    # again.
    outcome_unknown: bool

    def __reduce__(self) -> tuple[type[BitgetError], tuple[object, ...]]:
        # pickle calls the class with args, which keyword arguments leave empty.
        return type(self), self.args or tuple(vars(self).values())


class KeyFormatError(BitgetError, ValueError):
    """A private key cannot be used; the text says why, and what to do."""

    outcome_unknown = False


def sign(message: str, private_key: rsa.PrivateKey | Callable[[bytes], bytes]) -> str:
    """Sign a message, such as a prehash, and return the signature in base64.

    With a modulus n of k bytes and a private exponent d, this computes

        digest    = SHA-256 of the message in UTF-8
        info      = 3031300d060960864801650304020105000420 (hex), then the digest
        padded    = 00 01 ff ... ff 00 info, with as many ff as make k bytes
        signature = padded^d mod n, in k bytes (numbers are big-endian)
        result    = base64(signature), 344 characters for 2048 bits

    Source: RFC 8017, sections 8.2.1 and 9.2, and assumption 5.

    `private_key` is an rsa.PrivateKey or a callable. The signature of an rsa.PrivateKey
    is verified; a wrong one raises KeyFormatError. A callable (a KMS, an HSM,
    `cryptography`) takes the bytes of the message and returns those of the signature.
    It is trusted, and its exceptions pass through.

    A WebSocket login is sign(f"{seconds}GET/user/verify", private_key).

    Known answer, as OpenSSL gives it, for a test key made of two published primes:

    >>> p, q = 2**1024 - 105, 2**1024 - 179
    >>> d = pow(65537, -1, (p - 1) * (q - 1))
    >>> key = rsa.PrivateKey(p * q, 65537, d, p, q)
    >>> sign("1763800000000GET/api/v2/spot/account/assets?coin=USDT", key)[:60]
    '9Ef8UVZ8J0UzPJLbelmB0kmkybRDqO29mR0Ieih1Wh8dQWE/CbtF/aEpfewg'
    """
    _require_signer(private_key)
    octets = message.encode()
    if not isinstance(private_key, rsa.PrivateKey):
        signature = private_key(octets)
        if not isinstance(signature, bytes) or not signature:
            raise ValueError("private_key must return the signature as bytes")
        return base64.b64encode(signature).decode()

    signature = rsa.sign(octets, private_key, "SHA-256")
    # One faulty signature can betray the key (Boneh, DeMillo, Lipton, 1997).
    try:
        rsa.verify(octets, signature, rsa.PublicKey(private_key.n, private_key.e))
    except rsa.VerificationError:
        problem = "the private key made a wrong signature; load it again"
        raise KeyFormatError(problem) from None
    return base64.b64encode(signature).decode()


def _require_signer(private_key: object) -> None:
    if callable(private_key) or isinstance(private_key, rsa.PrivateKey):
        return
    if hasattr(private_key, "sign"):  # a key of the package `cryptography`
        call = "lambda octets: key.sign(octets, padding.PKCS1v15(), hashes.SHA256())"
        raise ValueError(f"private_key must be callable: pass {call}")
    raise ValueError("private_key must come from load_private_key(), or be callable")


# ---- The request --------------------------------------------------------------------


@dataclass(frozen=True)
class Credentials:
    """An API key, its passphrase and its private key. Refuses malformed values."""

    api_key: str  # the identifier that Bitget shows
    passphrase: str = field(repr=False)  # chosen when the API key was made
    private_key: rsa.PrivateKey | Callable[[bytes], bytes] = field(repr=False)
    demo: bool = False  # True for an API key made for demo trading
    sign_encoded_query: bool = False  # the other form of assumption 1

    def __post_init__(self) -> None:
        _require_printable("api_key", self.api_key)
        _require_printable("passphrase", self.passphrase)
        _require_signer(self.private_key)
        if type(self.demo) is not bool or type(self.sign_encoded_query) is not bool:
            raise ValueError("demo and sign_encoded_query must be True or False")

    @classmethod
    def from_env(cls, environ: Mapping[str, Any] | None = None) -> Credentials:
        """Read credentials from environment variables, or from a mapping like them.

        BITGET_API_KEY and BITGET_PASSPHRASE are text. BITGET_PRIVATE_KEY is the PEM, or
        BITGET_PRIVATE_KEY_FILE the name of its file. BITGET_DEMO and
        BITGET_SIGN_ENCODED_QUERY are 1 or true, 0 or false, or not set.

        Raises ValueError, which names what is missing or wrong, and KeyFormatError.
        """
        if environ is None:  # as a default it would show in help()
            environ = os.environ
        needed = ["BITGET_API_KEY", "BITGET_PASSPHRASE"]
        if not environ.get("BITGET_PRIVATE_KEY"):
            needed.append("BITGET_PRIVATE_KEY_FILE")
        missing = [name for name in needed if not environ.get(name)]
        if missing:
            raise ValueError("not set: " + ", ".join(missing))
        return cls(
            environ["BITGET_API_KEY"],
            environ["BITGET_PASSPHRASE"],
            _private_key_from_env(environ),
            demo=_flag_from_env(environ, "BITGET_DEMO"),
            sign_encoded_query=_flag_from_env(environ, "BITGET_SIGN_ENCODED_QUERY"),
        )


def _require_printable(name: str, value: str) -> None:
    # Bitget documents no form for API keys, and two for passphrases: 8 to 32, or 6 to
    # 32, letters and digits. This is looser; Bitget answers a wrong one with 40012.
    if not isinstance(value, str) or not re.fullmatch("[!-~]{1,64}", value):
        raise ValueError(
            f"{name} must be 1 to 64 printable ASCII characters, no spaces"
        )
    if value[0] + value[-1] in ('""', "''", "<>", "[]", "()", "{}"):
        raise ValueError(f"{name} must not be in quotes or brackets")


@dataclass(frozen=True)
class PreparedRequest:
    """A request to send as it stands, with any HTTP client that follows no redirect."""

    method: str  # GET or POST
    url: str  # percent-encoded, with the query
    headers: dict[str, str] = field(repr=False)  # their names are case-insensitive
    body: bytes | None
    prehash: str
    timestamp_ms: int


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
    """Build a request, and sign it if there are credentials.

    `params` is the query, sorted by name. Its values are str, int, bool or Decimal;
    None omits the parameter. Keep & and = out of untrusted values (see prehash).

    `body` is for POST only. A dict, list or tuple becomes JSON, and a str is sent
    unchanged. In JSON, None is null and a Decimal is text. Floats are refused, because
    0.1 has no exact float.

    `timestamp_ms` is now, if None. `base_url` is https://host or https://host:port, or
    http:// on loopback. Raises ValueError, which names the value that is wrong, such as
    body[1]['price'].

    >>> params = {"symbol": "龙虾USDT", "clientOid": "a b&c+d"}
    >>> prepared = prepare("GET", "/api/v2/spot/trade/orderInfo", params=params)
    >>> prepared.prehash.partition("?")[2]
    'clientOid=a b&c+d&symbol=龙虾USDT'
    >>> prepared.url.partition("?")[2]
    'clientOid=a%20b%26c%2Bd&symbol=%E9%BE%99%E8%99%BEUSDT'
    """
    _require_origin(base_url)
    if timestamp_ms is None:
        timestamp_ms = time.time_ns() // 1_000_000

    pairs = _query_pairs(params)
    decoded = "&".join(name + "=" + value for name, value in pairs)
    # These stay bare: A-Z a-z 0-9 - . _ ~ and $ , : / @ ! * ' ( ), so that both forms
    # of most queries are the same. Every other UTF-8 byte becomes % and two upper-case
    # hex digits: a space is %20, a plus %2B. (fetch and browsers change ' to %27.)
    encoded = urlencode(pairs, quote_via=quote, safe="$,:/@!*'()")
    sign_encoded = credentials is not None and credentials.sign_encoded_query
    query = encoded if sign_encoded else decoded  # assumption 1

    text = _body_text(body)
    message = prehash(timestamp_ms, method, path, query, text)
    return PreparedRequest(
        method=method.upper(),
        url=base_url + path + ("?" + encoded if encoded else ""),
        headers=_headers(credentials, message, timestamp_ms),
        body=text.encode() if text else None,
        prehash=message,
        timestamp_ms=timestamp_ms,
    )


def _headers(
    credentials: Credentials | None, message: str, timestamp_ms: int
) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "locale": "en-US",  # the language of Bitget's messages
        "User-Agent": f"bitget_rsa/{__version__}",  # urllib's own is often refused
    }
    if credentials is not None:
        headers["ACCESS-KEY"] = credentials.api_key
        headers["ACCESS-SIGN"] = sign(message, credentials.private_key)
        headers["ACCESS-TIMESTAMP"] = str(timestamp_ms)
        headers["ACCESS-PASSPHRASE"] = credentials.passphrase
        if credentials.demo:  # Bitget API documentation, "Demo Trading"
            headers["paptrading"] = "1"
    return headers


def _require_origin(url: str) -> None:
    scheme, _, authority = url.partition("://")
    is_loopback = re.fullmatch(r"(localhost|127\.0\.0\.1|\[::1\])(:.*)?", authority)
    is_safe = scheme == "https" or (scheme == "http" and is_loopback)
    if not is_safe or not _is_authority(authority):
        raise ValueError("base_url must be https://host[:port], or http:// on loopback")


def _is_authority(text: str) -> bool:
    """Return whether a text is HOST or HOST:PORT."""
    label = "[A-Za-z0-9_-]{1,63}"
    found = re.fullmatch(rf"({label}(\.{label})*|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?", text)
    return found is not None and (not found[3] or 0 < int(found[3][1:]) < 65536)


def _query_pairs(params: Mapping[str, object] | None) -> list[tuple[str, str]]:
    """Return names and values as text, sorted by code point, so "B" before "a"."""
    if params is None:
        return []
    if not isinstance(params, Mapping):
        raise ValueError('params must be a dict, such as {"coin": "USDT"}')
    pairs = []
    for name, value in params.items():
        if value is not None:
            plain = _text_or_int(value, f"params[{name!r}]")
            # Not str(), since True is sent as true.
            text = plain if isinstance(plain, str) else json.dumps(plain)
            pairs.append((_text(name, "a name in params"), text))
    return sorted(pairs)  # assumption 4


def _body_text(body: object) -> str:
    if body is None:
        return ""
    if isinstance(body, str):
        return _text(body, "body")
    if not isinstance(body, (Mapping, list, tuple)):
        raise ValueError("body must be a dict, a list, or JSON as a str")
    # In its own order, without spaces. " and \ get a backslash. What is not printable
    # ASCII becomes \b \t \n \f \r or \uXXXX in lower-case hex, as a surrogate pair
    # above U+FFFF.
    return json.dumps(_json_value(body, "body"), separators=(",", ":"))


def _json_value(value: object, place: str) -> object:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {
            _text(name, f"a name in {place}"): _json_value(item, f"{place}[{name!r}]")
            for name, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_json_value(item, f"{place}[{i}]") for i, item in enumerate(value)]
    return _text_or_int(value, place)


def _text_or_int(value: object, place: str) -> str | int:
    if isinstance(value, int):  # includes bool
        return value
    if isinstance(value, Decimal):
        # No amount has 100 digits, and Decimal("1e999999999") would fill the memory.
        in_range = len(value.as_tuple().digits) <= 100 and abs(value.adjusted()) < 100
        if not value.is_finite() or not in_range:
            raise ValueError(f"{place} must be finite, with at most 100 digits")
        return format(value, "f")  # without an exponent
    if isinstance(value, float):
        raise ValueError(f'{place} is a float; give text, such as "0.1", or Decimal')
    return _text(value, place)


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{place} must be text, not {type(value).__name__}")
    if re.search("[\ud800-\udfff]", value):
        raise ValueError(f"{place} contains an unpaired surrogate")
    return value.encode().decode()  # a plain str, even of a str Enum


# ---- The answer ---------------------------------------------------------------------

# A POST answered with one of these may have been carried out. Bitget's order pages say
# so of 40010, 40725 and 45001; the texts of the others suggest it (assumption 2).
OUTCOME_UNKNOWN_CODES = {
    "25000",  # system error
    "25001",  # operation timed out
    "25003",  # concurrent operation
    "40010",  # request timed out
    "40015",  # system is abnormal
    "40200",  # server upgrade
    "40725",  # the service returned an error
    "40910",  # operation timed out
    "45001",  # unknown error
}

_LOOK_UP = "outcome unknown: look it up (an order by clientOid); do not send it again"
_TOO_MANY = "too many requests: this one was not carried out, so wait"
_COPY_AGAIN = "copy the API key and the passphrase (8 to 32 letters and digits) again"
_BIND = "bind this machine's IPv4 address to the API key"
_USE_V2 = "this account needs endpoints of /api/v2"
_USE_V3 = "this account needs endpoints of /api/v3, as /api/v3/account/assets"
_LOOK_UP_CLIENT_OID = "an order with this clientOid exists: look it up"

# From Bitget's "Error Code" page. 40084, 40085, 40099, 40731 and 40786 are known from
# other clients.
_ADVICE = {
    "25212": _LOOK_UP_CLIENT_OID,
    "25245": _USE_V2,
    "40006": _COPY_AGAIN,
    "40008": "set this machine's clock, and sign just before sending",
    "40009": "compare the public key to Bitget's; for queries, see assumption 1",
    "40012": _COPY_AGAIN,
    "40014": "the API key lacks a permission; check one for futures with the PATH"
    " /api/v2/mix/account/accounts?productType=USDT-FUTURES",
    "40018": _BIND,
    "40036": _COPY_AGAIN,
    "40037": _COPY_AGAIN,
    "40038": _BIND,
    "40084": _USE_V2,
    "40085": _USE_V3,
    "40099": "use demo=True (BITGET_DEMO=1) with demo-trading keys, and only with them",
    "40731": _USE_V3,
    "40786": _LOOK_UP_CLIENT_OID,
}


@dataclass(eq=False)
class ApiError(BitgetError):
    """Bitget answered with a code other than "00000"."""

    code: str  # such as "40009"; decide on this, not on the message
    message: str
    status: int  # of HTTP; may be 200
    request_time_ms: int | None  # Bitget's clock, milliseconds since the epoch
    advice: str  # what to do, or ""
    outcome_unknown: bool

    def __str__(self) -> str:
        answer = f"Bitget answered {self.code} {self.message} (HTTP {self.status})"
        return f"{answer}; {self.advice}" if self.advice else answer


@dataclass(eq=False)
class TransportError(BitgetError):
    """No answer came, or one that is not Bitget's."""

    reason: str
    sent: bool  # False if the request was certainly not sent in full
    status: int | None  # of HTTP, or None if nothing answered
    body: bytes | str = field(repr=False)  # what answered; it may repeat a secret
    outcome_unknown: bool

    def __str__(self) -> str:
        return f"{self.reason}; {_LOOK_UP}" if self.outcome_unknown else self.reason


def parse_response(
    status: int, body: bytes | str, prepared: PreparedRequest | None = None
) -> Any:
    """Return the `data` of Bitget's answer, fetched by any HTTP client.

    `status` is the HTTP status, though Bitget's code decides. If `prepared` is None, a
    POST is assumed, and the message is not searched for secrets. For a batch, "00000"
    does not cover each order: read `failureList` (v2), or the code of each (v3).

    Raises ApiError, or TransportError if the answer is not Bitget's.
    """
    answer = _json_object(body)
    code = str(answer.get("code"))
    if code == "00000":
        return answer.get("data")

    from_bitget = re.fullmatch("[0-9]{5,6}|429", code) is not None  # assumption 3
    too_many = status == 429 or code in ("429", "25004")
    unclear = (status >= 500 or not from_bitget) and not too_many
    is_post = prepared is None or prepared.method != "GET"
    outcome_unknown = is_post and (unclear or code in OUTCOME_UNKNOWN_CODES)
    if not from_bitget:
        raise TransportError(
            reason=_foreign_answer(status),
            sent=True,
            status=status,
            body=body,
            outcome_unknown=outcome_unknown,
        )
    time_ms = _milliseconds(answer.get("requestTime"))
    if outcome_unknown:
        advice = _LOOK_UP
    elif too_many:
        advice = _TOO_MANY
    elif code == "40008" and time_ms and prepared:
        advice = _clock_advice(prepared.timestamp_ms, time_ms)
    else:
        advice = _ADVICE.get(code, "")
    message = _harmless(answer.get("msg") or answer.get("message"), prepared)
    raise ApiError(code, message, status, time_ms, advice, outcome_unknown)


def _json_object(body: bytes | str) -> dict[str, Any]:
    """Return the JSON object in a text, or an empty one if there is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _milliseconds(value: object) -> int | None:
    digits = str(value)
    return int(digits) if re.fullmatch("[0-9]{13}", digits) else None


def _foreign_answer(status: int) -> str:
    if 300 <= status < 400:
        return f"HTTP {status}: a redirect, which was not followed"
    if status == 429:
        return f"HTTP 429: {_TOO_MANY}"
    return f"HTTP {status}: the answer is not Bitget's"


def _clock_advice(timestamp_ms: int, bitget_ms: int) -> str:
    """Say whether a timestamp was refused for this clock, or for a long wait."""
    waited_s = time.time() - timestamp_ms / 1000  # if signed by this clock
    if waited_s > 15:  # half of what Bitget allows
        return f"signed {waited_s:.0f} s ago: sign just before sending"
    return f"set this machine's clock, which is {_offset(timestamp_ms, bitget_ms)}"


def _offset(here_ms: int, bitget_ms: int) -> str:
    side = "ahead of" if here_ms > bitget_ms else "behind"
    return f"{abs(here_ms - bitget_ms) / 1000:.1f} s {side} Bitget's"


def _harmless(message: object, prepared: PreparedRequest | None) -> str:
    """Return Bitget's message, short and printable, unless it repeats a secret."""
    text = str(message or "")
    headers = prepared.headers if prepared else {}
    for name in ("ACCESS-KEY", "ACCESS-SIGN", "ACCESS-PASSPHRASE"):
        secret = headers.get(name, "")
        size = min(6, len(secret))
        # Every run of six characters, or all of a shorter secret.
        parts = {secret[i : i + size] for i in range(len(secret) - size + 1)}
        if secret and any(part in text for part in parts):
            return "(hidden: the message repeats a secret)"
    shown = _printable(text)
    return shown if len(shown) <= 200 else shown[:200] + "..."


def _printable(text: str) -> str:
    """Escape the characters that could control a terminal."""
    escaped = [
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    ]
    return "".join(escaped)


# =====================================================================================
# Nothing above reads a file or the network, except that from_env() reads the key.
# =====================================================================================

# ---- Sending ------------------------------------------------------------------------

_LONGEST_ANSWER = 32 * 1024 * 1024  # a longer one is truncated and then fails to parse


def send(prepared: PreparedRequest, *, timeout_s: float = 10.0) -> Any:
    """Send a request once, over a new connection, and return Bitget's `data`.

    No redirect is followed. TLS certificates are verified; SSL_CERT_FILE may name those
    to trust. https_proxy names a proxy, and no_proxy the hosts that bypass it.
    `timeout_s`, up to 3600, limits each wait on the socket, not DNS or the whole call.

    Raises ApiError, TransportError, or ValueError if the request cannot be sent. After
    any other exception, such as KeyboardInterrupt, the outcome of a POST is unknown. A
    signal handler must not raise an OSError (TimeoutError is one): see below.
    """
    _require_sendable(prepared, timeout_s)
    outgoing = urllib.request.Request(
        prepared.url, prepared.body, prepared.headers, method=prepared.method
    )
    opener = _opener(outgoing.type)
    failure: Exception | None = None
    try:
        with opener.open(outgoing, timeout=timeout_s) as response:
            status = response.status
            body = response.read(_LONGEST_ANSWER)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
        failure = error  # below, where no traceback repeats what a proxy said
    if failure is None:
        return parse_response(status, body, prepared)

    # urllib raises URLError only for an OSError while connecting or writing, so the
    # server cannot hold the complete request, unless a signal handler raised it. After
    # any other error, it may.
    sent = not isinstance(failure, urllib.error.URLError)
    raise TransportError(
        reason=_failure_text(failure, outgoing),
        sent=sent,
        status=None,
        body=b"",
        outcome_unknown=sent and prepared.method == "POST",
    )


def _require_sendable(prepared: PreparedRequest, timeout_s: float) -> None:
    """Refuse now what http.client would refuse once the connection is open."""
    if not isinstance(timeout_s, (int, float)) or not 0 < timeout_s <= 3600:
        raise ValueError("timeout_s must be in seconds, more than 0 and up to 3600")
    url = urlsplit(prepared.url)
    _require_origin(f"{url.scheme}://{url.netloc}")
    if not re.fullmatch("[!-~]+", prepared.url):
        raise ValueError("url must be percent-encoded, as prepare() makes it")
    if prepared.method not in ("GET", "POST"):
        raise ValueError("method must be GET or POST")
    if prepared.body is not None and not isinstance(prepared.body, bytes):
        raise ValueError("body must be bytes or None")
    for name, value in prepared.headers.items():
        if name.lower() in ("host", "content-length", "transfer-encoding"):
            raise ValueError(f"the header {name} is written by send(); remove it")
        if not re.fullmatch("[A-Za-z0-9-]+", name) or not re.fullmatch("[ -~]*", value):
            raise ValueError("a header holds characters that HTTP does not allow")


def _opener(scheme: str) -> urllib.request.OpenerDirector:
    """Return an opener that follows no redirect and returns every status.

    The defaults that other libraries set for debug output and TLS do not affect it.
    """
    opener = urllib.request.OpenerDirector()
    if scheme == "http":
        opener.add_handler(urllib.request.HTTPHandler(debuglevel=0))
        return opener
    proxy = urllib.request.getproxies().get("https", "")
    if proxy:
        # urllib speaks plain HTTP even to https:// and socks proxies, password and all.
        authority = re.sub("^(http://)?([^/]*@)?", "", proxy).rstrip("/")
        if not _is_authority(authority):
            raise ValueError("https_proxy must be like http://host:8080")
        opener.add_handler(urllib.request.ProxyHandler({"https": proxy}))
    try:
        context = ssl.create_default_context()
    except OSError as error:
        raise ValueError(f"TLS cannot be set up: {error.strerror}") from error
    opener.add_handler(urllib.request.HTTPSHandler(debuglevel=0, context=context))
    return opener


def _failure_text(failure: Exception, outgoing: urllib.request.Request) -> str:
    """Say what failed, in words of this machine only."""
    host = urlsplit(outgoing.full_url).netloc
    if not isinstance(failure, urllib.error.URLError):
        return f"no complete answer from {host} ({type(failure).__name__})"
    cause = failure.reason
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = f"its TLS certificate is not trusted, {cause.verify_message}"
        remedy = 'set SSL_CERT_FILE, or on a Mac run "Install Certificates.command"'
        return f"the request was not sent to {host} ({why}); {remedy}"
    # With a proxy, urllib puts the proxy in outgoing.host.
    way = "" if outgoing.host == host else f" through the proxy {outgoing.host}"
    why = getattr(cause, "strerror", None) or type(cause).__name__
    return f"the request was not sent to {host}{way} ({why})"


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
    """Prepare a request and send it; see prepare() and send()."""
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


# ---- Keys ---------------------------------------------------------------------------


def public_key_pem(key: rsa.PrivateKey | rsa.PublicKey) -> str:
    """Return the public half as SubjectPublicKeyInfo (RFC 5280, section 4.1) in PEM.

    It is what Bitget asks for, and what `openssl pkey -pubout` writes.
    """
    info = rsa.asn1.OpenSSLPubKey()
    info["header"]["oid"] = "1.2.840.113549.1.1.1"  # RFC 8017, appendix A.1
    info["header"]["parameters"] = ""  # written as NULL
    octets = rsa.PublicKey(key.n, key.e).save_pkcs1("DER")
    info["key"] = b"\0" + octets  # a BIT STRING with no unused bits
    return rsa.pem.save_pem(encoder.encode(info), "PUBLIC KEY").decode()


class PrivateKey(rsa.PrivateKey):
    """An rsa.PrivateKey that signs about three times as fast, and keeps no state.

    Threads, forked processes and signal handlers may share it. Its signatures are the
    same, since the blinding cancels out.
    """

    def blinded_encrypt(self, message: int) -> int:
        """Return message^d mod n; rsa.sign() calls it by this name."""
        # In `rsa`, both names compute this: blinded_encrypt() by the whole d, and
        # blinded_decrypt() by a power mod p and one mod q (RFC 8017, 5.1.2, 2b).
        return self.blinded_decrypt(message)

    def blind(self, message: int) -> tuple[int, int]:
        """Return message * r^e mod n, and the inverse of r, for a fresh random r."""
        # `rsa` keeps r in the key, under a lock. 256 random bits cannot be guessed, and
        # are fewer than those of p and q, so r has an inverse.
        r = secrets.randbits(256) + 1
        return message * pow(r, self.e, self.n) % self.n, pow(r, -1, self.n)

    def __repr__(self) -> str:
        # As openssl pkey -pubin -in public.pem -outform DER | openssl dgst -sha256
        der = rsa.pem.load_pem(public_key_pem(self), "PUBLIC KEY")
        digest = rsa.compute_hash(der, "SHA-256").hex()
        return f"<PrivateKey of {self.n.bit_length()} bits, public SHA-256 {digest}>"


def load_private_key(source: str | bytes | os.PathLike[str]) -> PrivateKey:
    """Read an RSA private key of 2048 to 16384 bits, in PKCS#8 or PKCS#1.

    `source` is PEM, DER or base64, or a pathlib.Path. Lost line breaks and labels,
    quotes, backslash escapes, UTF-16, and base64 around a whole PEM are undone. That is
    safe, since the numbers must still fit the equations of an RSA key.

    Raises KeyFormatError, which never repeats the key. Warns if group or others may
    read or write the file.
    """
    if isinstance(source, os.PathLike):
        source = _read_key_file(source)
    if len(source) > 65536:
        raise KeyFormatError("the private key is longer than 65536 bytes")
    if isinstance(source, bytes) and source[:1] == b"\x30" and not source.isascii():
        text, der = "", source  # \x30 begins a SEQUENCE
    else:
        text = _plain_text(source)
        der = _der_in(text)
    numbers = _numbers_in(der)
    if numbers is None:
        raise KeyFormatError(_why_not_a_key(text, der))

    n, e, d, p, q = numbers
    bits = n.bit_length()
    if not 2048 <= bits <= 16384:
        raise KeyFormatError(f"the private key has {bits} bits; {_MAKE_ONE}")
    # RFC 8017, section 3.2: a change to one of these numbers breaks an equation; the
    # others in the file are not used. blind() needs the size of the primes. sign()
    # verifies, in case they are not prime.
    is_key = n == p * q and math.gcd(p, q) == 1 and 1 < e < 2**256 < min(p, q)
    if not is_key or e * d % (p - 1) != 1 or e * d % (q - 1) != 1:
        raise KeyFormatError(f"the private key is damaged; {_COPY_ALL}")
    return PrivateKey(n, e, d, p, q)


def _read_key_file(path: os.PathLike[str]) -> bytes:
    reason = ""
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            octets = file.read(65537)
    except OSError as error:
        reason = error.strerror or "it cannot be read"
    except ValueError:
        reason = "its name contains a null character"
    if reason:
        # It may be a key, pasted by mistake, so only a likely name is shown.
        name = os.fsdecode(path)
        if not re.fullmatch(r"[ -~]{1,200}\.(pem|key|txt)", name):
            name = "that was given"
        raise KeyFormatError(f"the private key file {name} cannot be opened: {reason}")
    if os.name == "posix" and mode & 0o066:  # elsewhere the mode says nothing
        text = "other users can read or write the private key file: run chmod 600"
        warnings.warn(text, stacklevel=3)
    return octets


def _plain_text(source: str | bytes) -> str:
    """Undo what shells, editors and secret stores do to a PEM."""
    text = source if isinstance(source, str) else source.decode("latin-1")
    text = text.replace("\0", "")  # every second byte of UTF-16
    # In JSON, + may be \u002b. Shells and forms leave \n as two characters, or three.
    text = re.sub(
        r"\\{1,4}u00([0-9A-Fa-f]{2})", lambda code: chr(int(code[1], 16)), text
    )
    text = re.sub(r"\\{1,4}[nrt]", " ", text)
    return re.sub("[^!-~]+", " ", text).strip(" \"'")


def _der_in(text: str) -> bytes:
    """Return what a PEM, base64 alone, or base64 of a whole PEM encodes."""
    for label, content in re.findall("-----BEGIN ([A-Z0-9 ]+)-----([^-]*)", text):
        if "PRIVATE KEY" in label:
            return _from_base64(content)
    octets = _from_base64(text)
    if b"-----BEGIN" in octets.replace(b"\0", b""):
        return _der_in(_plain_text(octets))
    return octets


def _from_base64(text: str) -> bytes:
    letters = re.sub("[^A-Za-z0-9+/]", "", text)
    if len(letters) % 4 == 1:  # no base64 has such a length
        letters = letters[:-1]
    return base64.b64decode(letters + "==")  # surplus padding is ignored


def _numbers_in(der: bytes) -> tuple[int, ...] | None:
    """Return n, e, d, p and q of PKCS#8 or PKCS#1, or None if it is neither."""
    # PKCS#8 (RFC 5958, section 2) is a header of 4 octets, the 18 below, which hold
    # version and algorithm, another header of 4 octets, and then PKCS#1.
    if der[4:22].hex() == "020100300d06092a864886f70d0101010500":
        der = der[26:]
    # PKCS#1 with two primes is nine integers (RFC 8017, appendix A.1.2).
    sequence_of_integers = univ.SequenceOf(componentType=univ.Integer())
    try:
        integers, _ = decoder.decode(der, asn1Spec=sequence_of_integers)
    except Exception:  # noqa: BLE001 - pyasn1 raises nearly anything for damaged DER
        return None
    if len(integers) != 9:
        return None
    return tuple(int(integer) for integer in integers[1:6])


# Each of these commands would overwrite its output, so they name a new file, or a copy.
_MAKE_ONE = (
    "make an RSA key in a new file: openssl genpkey -algorithm RSA -out NEW_FILE"
)
_DECRYPT = "decrypt it to a new file: openssl pkey -in FILE -out NEW_FILE"
_EXPORT = "if it is RSA, convert a copy: ssh-keygen -p -N '' -m PKCS8 -f COPY"
_COPY_ALL = "copy all of its file again, or export it as PKCS#8 to another file"


def _why_not_a_key(text: str, der: bytes) -> str:
    """Say what was given instead of an RSA private key, and what to do."""
    if "ENCRYPTED" in text:
        return f"the private key is encrypted; {_DECRYPT}"
    if "OPENSSH" in text:
        return f"the private key is in OpenSSH's format; {_EXPORT}, else {_MAKE_ONE}"
    if re.search("BEGIN [A-Z ]{0,30}(PUBLIC|CERTIFICATE)|^(ssh|ecdsa)-", text):
        return "this is a public key or a certificate; give the private key"
    if re.search("BEGIN (EC|DSA) ", text) or _is_of_another_algorithm(der):
        return f"the private key is for another algorithm than RSA; {_MAKE_ONE}"
    if der[:2] == b"\x30\x82" and len(der) < 4 + int.from_bytes(der[2:4], "big"):
        return f"the private key is cut short; {_COPY_ALL}"
    content = re.sub("-----[A-Z0-9 ]*-----", " ", text).strip()
    if re.fullmatch("[0-9A-Za-z]{16,128}", content):
        return f"this looks like the secret of an HMAC API key; {_MAKE_ONE}"
    if len(text) < 256 and re.search("[./]", text) and "BEGIN" not in text:
        return "this looks like a file name; use BITGET_PRIVATE_KEY_FILE, or a Path"
    return f"the private key is damaged, or in another format; {_COPY_ALL}"


def _is_of_another_algorithm(der: bytes) -> bool:
    """Return whether this begins like PKCS#8, but does not name RSA."""
    rsa_encryption = bytes.fromhex("2a864886f70d010101")  # RFC 8017, appendix A.1
    return b"\x02\x01\x00\x30" in der[:10] and rsa_encryption not in der[:40]


# ---- Environment --------------------------------------------------------------------


def _private_key_from_env(environ: Mapping[str, Any]) -> PrivateKey:
    key = environ.get("BITGET_PRIVATE_KEY")
    file = environ.get("BITGET_PRIVATE_KEY_FILE")
    if key and file:
        raise ValueError("set BITGET_PRIVATE_KEY or BITGET_PRIVATE_KEY_FILE, not both")
    return load_private_key(key or Path(os.path.expanduser(str(file))))  # noqa: PTH111


def _flag_from_env(environ: Mapping[str, Any], name: str) -> bool:
    value = environ.get(name)
    text = "" if value is None else str(value).lower()
    if text not in ("", "0", "1", "false", "true"):
        raise ValueError(f"{name} must be 1 or true, 0 or false, or not set")
    return text in ("1", "true")


# ---- The command line ---------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb, and return the exit status.

    0 done, 1 failed or refused, 2 wrong usage, 3 outcome unknown, 130 Ctrl-C (but 3 if
    a POST may have been sent).
    """
    if None in (sys.stdin, sys.stdout, sys.stderr):
        return 2  # print() would write elsewhere, or nowhere
    if hasattr(sys.stdout, "reconfigure"):  # it may know ASCII only
        sys.stdout.reconfigure(errors="backslashreplace")
    args = _parser().parse_args(arguments)
    try:
        return int(args.verb(args))
    except BitgetError as error:
        return _complain(error, 3 if error.outcome_unknown else 1)
    except ValueError as error:
        return _complain(error, 2)
    except KeyboardInterrupt:
        status, problem = 130, "interrupted"
    except Exception as error:  # noqa: BLE001 - printing failed, or memory is full
        status, problem = 1, f"the result cannot be printed: {error}"
        _discard(sys.stdout)
    if args.verb is _request and args.method.upper() == "POST":
        return _complain(f"{problem}; look the request up; do not send it again", 3)
    return _complain(problem, status)


def _complain(problem: object, status: int) -> int:
    try:
        print(f"bitget_rsa: {problem}", file=sys.stderr, flush=True)
    except OSError:
        _discard(sys.stderr)
    return status


def _discard(stream: TextIO) -> None:
    # Otherwise Python would try to print the rest at its end, and exit with 120.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _parser() -> Any:
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, _message: str) -> NoReturn:
            # The message repeats what was typed, which may be a key.
            self.exit(2, self.format_usage() + "bitget_rsa: wrong usage; see --help\n")

    parser = Parser(
        description="Sign requests to Bitget with your own RSA key.",
        epilog="The environment holds BITGET_API_KEY, BITGET_PASSPHRASE and the key:"
        " BITGET_PRIVATE_KEY, BITGET_PRIVATE_KEY_FILE, or else the file private.pem.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    pubkey = verbs.add_parser("pubkey", help="print the public key")
    signing = verbs.add_parser("sign", help="print a signature; send nothing")
    sending = verbs.add_parser("request", help="send a request; print Bitget's data")
    check = verbs.add_parser("check", help="try key, clock and account")
    for verb in (signing, sending):
        verb.add_argument("method", metavar="METHOD", help="GET or POST")
        verb.add_argument("target", metavar="PATH[?QUERY]")
        verb.add_argument(
            "body", metavar="BODY", nargs="?", help="JSON, or - for stdin"
        )
    assets = "/api/v2/spot/account/assets"
    check.add_argument("target", metavar="PATH", nargs="?", default=assets)
    for verb in (signing, sending, check):
        verb.add_argument("--base-url", metavar="URL", default=BASE_URL)
    signing.add_argument("--timestamp-ms", metavar="N", type=int, help="default: now")
    pubkey.set_defaults(verb=_pubkey)
    signing.set_defaults(verb=_sign)
    sending.set_defaults(verb=_request, timestamp_ms=None)
    check.set_defaults(verb=_check, timestamp_ms=None, method="GET", body=None)
    return parser


def _environ() -> dict[str, str]:
    """Return the environment, with private.pem as the key if it names none."""
    names = ("BITGET_PRIVATE_KEY", "BITGET_PRIVATE_KEY_FILE")
    if any(os.environ.get(name) for name in names):
        return dict(os.environ)
    return {**os.environ, "BITGET_PRIVATE_KEY_FILE": "private.pem"}


def _prepare(args: Any, credentials: Credentials | None) -> PreparedRequest:
    path, _, query = args.target.partition("?")
    return prepare(
        args.method,
        path,
        credentials=credentials,
        params=_params(query),
        body=_body(args.body),
        timestamp_ms=args.timestamp_ms,
        base_url=args.base_url,
    )


def _params(query: str) -> dict[str, str]:
    if not query:
        return {}
    query = query.replace("+", "%2B")  # a plus is a plus, not a space
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, strict_parsing=True, errors="strict"
        )
    except ValueError:
        raise ValueError("QUERY must be name=value&name=value, in UTF-8") from None
    if len(dict(pairs)) < len(pairs):
        raise ValueError("QUERY must not repeat a name")
    return dict(pairs)


def _body(body: str | None) -> str | None:
    if body is None:
        return None
    try:
        if body == "-":
            octets = sys.stdin.buffer.read()
            body = octets.decode(json.detect_encoding(octets))  # as json.loads() does
        json.loads(body, parse_constant=_refuse_constant)
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"BODY is not JSON: {error}") from None
    return body


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}")


def _pubkey(_: Any) -> int:
    print(public_key_pem(_private_key_from_env(_environ())), end="", flush=True)
    return 0


def _sign(args: Any) -> int:
    environ = {**_environ(), "BITGET_API_KEY": "any", "BITGET_PASSPHRASE": "any"}
    prepared = _prepare(args, Credentials.from_env(environ))
    print("prehash:", _printable(prepared.prehash), file=sys.stderr)
    print("url:", prepared.url, file=sys.stderr)
    for name in ("ACCESS-TIMESTAMP", "ACCESS-SIGN", "paptrading"):
        if name in prepared.headers:
            print(f"{name}: {prepared.headers[name]}", flush=True)
    return 0


def _request(args: Any) -> int:
    prepared = _prepare(args, Credentials.from_env(_environ()))
    print(json.dumps(send(prepared), indent=2), flush=True)
    return 0


def _check(args: Any) -> int:
    """Print a line for each step before going live, up to the first that fails."""
    _prepare(args, None)  # a wrong PATH is not a step that fails, but wrong usage
    try:
        for line in _checks(args, Credentials.from_env(_environ())):
            print(line, flush=True)
    except (BitgetError, ValueError) as error:
        print("FAIL ", error, flush=True)
        return 1
    return 0


def _checks(args: Any, me: Credentials) -> Iterator[str]:
    yield f"ok    {'demo' if me.demo else 'live'} API key, at {args.base_url}"
    yield f"ok    private key: {me.private_key!r}"

    answer = request("GET", "/api/v2/public/time", base_url=args.base_url)
    here_ms = time.time_ns() // 1_000_000
    server_time = answer.get("serverTime") if isinstance(answer, dict) else None
    bitget_ms = _milliseconds(server_time)
    if bitget_ms is None:
        raise ValueError("clock: Bitget's answer holds no time")
    offset = _offset(here_ms, bitget_ms)
    if abs(here_ms - bitget_ms) > 30_000:
        raise ValueError(f"clock: {offset}; set it")
    yield f"ok    clock: {offset}"

    send(_prepare(args, me))
    yield "ok    signed request: accepted"

    # Assumption 1: for a coin whose name is not ASCII, the two forms differ.
    path, _, query = args.target.partition("?")
    query = urlencode({**_params(query), "coin": "龙虾"}, quote_via=quote)
    args.target = path + "?" + query
    code = _code_of_answer(_prepare(args, me))
    if code == "00000":
        yield "ok    query: signed in the right form"
        return
    other = replace(me, sign_encoded_query=not me.sign_encoded_query)
    if code == "40009" and _code_of_answer(_prepare(args, other)) == "00000":
        flag = int(other.sign_encoded_query)
        raise ValueError(f"query: set BITGET_SIGN_ENCODED_QUERY={flag} (assumption 1)")
    yield f"note  query: assumption 1 could not be tried ({code})"


def _code_of_answer(prepared: PreparedRequest) -> str:
    try:
        send(prepared)
    except ApiError as error:
        return error.code
    except TransportError:
        return "no answer"
    return "00000"


if __name__ == "__main__":
    sys.exit(main())
