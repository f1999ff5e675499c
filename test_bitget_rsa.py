#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The bitget_rsa authors
# SPDX-License-Identifier: MIT-0
# /// script
# requires-python = ">=3.9"
# dependencies = ["rsa>=4.9,<5"]
# ///
"""Bitget's side of an RSA-signed request, and the proof that both sides agree.

    python test_bitget_rsa.py demo                       the whole protocol, offline
    python test_bitget_rsa.py serve PUBLIC_PEM           a stand-in for any client
    python test_bitget_rsa.py explain PUBLIC_PEM [FILE]  why is this signature refused?
    python test_bitget_rsa.py vectors                    the known answers, as JSON
    python test_bitget_rsa.py                            the tests, as `unittest` runs them

Bitget answers 40009 to a wrong signature, and not a word why. Here the public key turns
the signature back into the digest of the text that was signed. Each known mistake leads
to some texts, and the text that has this digest names the mistake. A digest cannot fit
by chance, so what is named was really signed.

What stands where: a request and the text to sign; the mistakes (add yours there); how
libraries write JSON; opening a signature; the search; the verdict; serve; explain; the
public key; the verbs; the tests of all this; the tests of bitget_rsa; the vectors.

Known answers come from RFCs, Bitget's pages and OpenSSL, never from bitget_rsa. Bitget's
side uses none of its code; only the demo does, as a client. What Bitget's pages do not
say is called an assumption. Nothing here was tried against the live exchange.
"""

from __future__ import annotations

import argparse
import base64
import collections
import contextlib
import copy
import dataclasses
import doctest
import email.message
import enum
import errno
import gc
import hashlib
import http.client
import inspect
import io
import itertools
import json
import math
import os
import pickle
import random
import re
import shlex
import shutil
import signal
import socket
import socketserver
import ssl
import string
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import traceback
import tracemalloc
import types
import unittest
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple
from unicodedata import east_asian_width
from unittest import mock
from urllib.parse import quote, unquote, unquote_to_bytes

import rsa.pkcs1_v2
from pyasn1.codec.der import encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import univ
from rsa.pkcs1 import HASH_ASN1, HASH_METHODS

import bitget_rsa
from bitget_rsa import Credentials, load_private_key, prehash, prepare, send, sign

PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))

# ---- Bitget's side: a request, and the text it has to sign ---------------------------


@dataclass(frozen=True)
class Request:
    """A request as it arrived. Octets of an unknown charset are read as Latin-1."""

    method: str
    target: str  # what stands between the method and HTTP/1.1
    headers: email.message.Message
    body: bytes = b""
    arrived_ms: int = 0  # by this machine's clock

    def header(self, name: str) -> str:
        return str(self.headers.get(name) or "")

    @property
    def path(self) -> str:
        """The target up to the query, without the origin of a whole URL."""
        return self._path_and_query()[0]

    @property
    def query(self) -> str:
        return self._path_and_query()[1]

    def _path_and_query(self) -> tuple[str, str]:
        origin_form = re.sub("(?i)^https?://[^/?#]*", "", self.target)
        path, _, query = origin_form.partition("#")[0].partition("?")
        return path, query

    @property
    def parameters(self) -> list[bytes]:
        """The parameters of the query as they were sent: name=value."""
        return self.query.encode("latin-1").split(b"&") if self.query else []


class Text(NamedTuple):
    """A text that is signed, in its parts. A mistake changes some of them."""

    timestamp: bytes = b""
    method: bytes = b""
    path: bytes = b""
    mark: bytes = b""  # the ? in front of a query
    query: bytes = b""
    body: bytes = b""
    end: bytes = b""  # what a client adds at the end by mistake, such as a newline

    def joined(self) -> bytes:
        """Join the parts as Bitget does, without separators."""
        return b"".join(self)


def right_text(request: Request) -> Text:
    """Rebuild the text that the client should have signed from what it sent."""
    # The query is signed decoded, as Bitget's SDKs do (assumption 1 of bitget_rsa).
    # Also assumed: a ? without a query is not signed, and a #fragment never arrives.
    query = unquote_to_bytes(request.query.encode("latin-1"))
    return Text(
        timestamp=request.header("ACCESS-TIMESTAMP").encode("latin-1"),
        method=request.method.upper().encode("latin-1"),
        path=request.path.encode("latin-1"),
        mark=b"?" if query else b"",
        query=query,
        body=request.body,
    )


def readings(request: Request) -> list[Request]:
    """Read a bare + in a query as a plus and as a space: Bitget does not say which."""
    path, mark, query = request.target.partition("?")
    if "+" not in query:
        return [request]
    spaced = path + mark + query.replace("+", "%20")
    return [request, replace(request, target=spaced)]


# ---- Bitget's side: the mistakes -----------------------------------------------------
# To add a mistake, write a generator here. @mistake gives it a name and a meaning; the
# generator takes the request and the right text, and yields the texts that a client may
# have signed instead, the likeliest first. Register it nowhere else; add a row
# to SIGNED_WRONGLY. Where two mistakes make the same text, the first one is named.

CLOCK_MS = 10_000  # so far apart may a clock have been read twice
TextGenerator = Callable[[Request, Text], Iterator[Text]]


@dataclass(frozen=True)
class Mistake:
    """What a client may do wrong, and the texts that it signs then."""

    meanings: dict[str, str]  # by name; there are two for two mistakes at once
    texts: TextGenerator
    paired: bool  # whether it is tried together with other mistakes, too


MISTAKES: list[Mistake] = []


def mistake(
    name: str, meaning: str, *, paired: bool = True, at_once_with: Mistake | None = None
) -> Callable[[TextGenerator], Mistake]:
    """Name a mistake, and tell the client what is wrong and what to do."""
    meanings = {**at_once_with.meanings} if at_once_with else {}
    meanings[name] = meaning

    def register(texts: TextGenerator) -> Mistake:
        MISTAKES.append(Mistake(meanings, texts, paired))
        return MISTAKES[-1]

    return register


class QueryStyle(NamedTuple):
    """How a library escapes a query, and what it leaves bare besides A-Za-z0-9-._~."""

    bare: str = ""
    space: str = "%20"
    tilde: str = "~"

    def escaped(self, octets: bytes) -> bytes:
        """Escape a name or a value."""
        text = quote(octets, safe=self.bare)
        return text.replace("%20", self.space).replace("~", self.tilde).encode()


QUERY_STYLES = (
    QueryStyle(),  # RFC 3986: rawurlencode, Uri.EscapeDataString, quote(safe="")
    QueryStyle("/"),  # quote of Python
    QueryStyle("!*'()"),  # encodeURIComponent
    QueryStyle(space="+"),  # urlencode of Python, url.Values of Go
    QueryStyle("*", space="+", tilde="%7E"),  # URLSearchParams, URLEncoder of Java
    QueryStyle(space="+", tilde="%7E"),  # http_build_query and urlencode of PHP
    QueryStyle("*", tilde="%7E"),  # OkHttp
    QueryStyle("!*()", space="+", tilde="%7E"),  # HttpUtility of .NET
    QueryStyle(";/?:@&=+$,#!*'()"),  # encodeURI
    QueryStyle("!$%&()*+,-./:;=?@[\\]^_`{|}"),  # URL parsers of browsers
    QueryStyle("$,:/@!*'()"),  # bitget_rsa
)


def escapings(parameters: list[bytes]) -> Iterator[list[bytes]]:
    """Write parameters as they are, then as each library escapes them."""
    yield parameters
    decoded = [list(map(unquote_to_bytes, it.split(b"=", 1))) for it in parameters]
    for style in QUERY_STYLES:
        escaped = [b"=".join(map(style.escaped, pair)) for pair in decoded]
        yield escaped
        yield [re.sub(b"%..", lambda octet: octet[0].lower(), it) for it in escaped]


def reorderings(parameters: list[bytes]) -> Iterator[list[bytes]]:
    """Sort parameters in each usual way; then put up to seven into any order."""
    names = {it: it.partition(b"=")[0] for it in parameters}
    yield sorted(parameters, key=lambda it: names[it])
    yield sorted(parameters)
    yield sorted(parameters, key=lambda it: names[it].lower())
    yield sorted(parameters, key=lambda it: names[it], reverse=True)
    yield parameters[::-1]
    if len(parameters) <= 7:
        for order in itertools.permutations(parameters):
            yield list(order)


ENCODED = (
    "the query was signed percent-encoded: sign it decoded, and send it encoded "
    "(Bitget's pages and SDKs disagree; a live account got 40009 for a Chinese symbol "
    "signed encoded, and 00000 decoded: ccxt #28888; assumption 1 of bitget_rsa)"
)


@mistake("query-encoded", ENCODED)
def query_encoded(request: Request, right: Text) -> Iterator[Text]:
    for escaped in escapings(request.parameters):
        yield right._replace(query=b"&".join(escaped))
    yield right._replace(query=quote(right.query, safe="").encode())
    once = re.split(b"([&=])", request.query.encode("latin-1"))
    for style in QUERY_STYLES:  # twice: what was escaped already is escaped again
        twice = [it if it in (b"&", b"=") else style.escaped(it) for it in once]
        yield right._replace(query=b"".join(twice))


@mistake(
    "query-order",
    "the parameters were signed in another order than they were sent: sort them by "
    "name, sign them so and send them so (Bitget's pages disagree about sorting; "
    "sorted, and sent as signed, is right under all of them: assumption 4 of bitget_rsa)",
)
def query_order(request: Request, right: Text) -> Iterator[Text]:
    for parameters in reorderings(request.parameters):
        yield right._replace(query=unquote_to_bytes(b"&".join(parameters)))


# Mistakes in one part are never paired, so this pair is a mistake of its own.
@mistake("query-encoded", ENCODED, paired=False, at_once_with=query_order)
def query_order_and_encoding(request: Request, right: Text) -> Iterator[Text]:
    for parameters in reorderings(request.parameters):
        yield right._replace(query=b"&".join(parameters))
    for escaped in escapings(request.parameters):
        for parameters in itertools.islice(reorderings(escaped), 30):
            yield right._replace(query=b"&".join(parameters))


@mistake("query-missing", "the query was sent but not signed: sign it behind a ?")
def query_missing(request: Request, right: Text) -> Iterator[Text]:
    if request.query:
        yield right._replace(mark=b"", query=b"")
        yield right._replace(query=b"")


@mistake("question-mark", "the ? is signed where a query follows it, and nowhere else")
def question_mark(_: Request, right: Text) -> Iterator[Text]:
    yield right._replace(mark=b"" if right.mark else b"?")


@mistake(
    "query-as-body",
    "the parameters of the query were signed as JSON: sign ?name=value&name=value, or, "
    "for a POST, send that JSON as the body",
)
def query_as_body(request: Request, right: Text) -> Iterator[Text]:
    strings: dict[str, object] = {}
    for parameter in request.parameters:
        name, _, value = parameter.decode("latin-1").partition("=")
        strings[unquote(name)] = unquote(value)
    if strings:
        for members in (strings, change_json(strings, text_to_number)):
            for body in json_spellings(members):
                yield right._replace(mark=b"", query=b"", body=body)
                yield right._replace(body=body)


@mistake(
    "body-missing",
    "the body was sent but not signed: for a POST, sign the very characters that are "
    "sent; for a GET, send no body",
)
def body_missing(_: Request, right: Text) -> Iterator[Text]:
    yield right._replace(body=b"")


@mistake(
    "body-empty",
    "an empty value was signed as the body, but no body was sent: sign nothing for it",
)
def body_empty(_: Request, right: Text) -> Iterator[Text]:
    if not right.body:
        for empty in (b"{}", b"null", b"[]", b"undefined", b'""', b"None"):
            yield right._replace(body=empty)


@mistake(
    "body-as-query",
    "the members of the body were signed as a query: sign the JSON that is sent, or, "
    "for a GET, send the query",
)
def body_as_query(request: Request, right: Text) -> Iterator[Text]:
    members = read_json(request.body)
    if not isinstance(members, dict):
        return
    parameters = []
    for name, value in members.items():
        text = value if isinstance(value, str) else compact_json(value)
        pair = quote(name, errors="replace"), quote(text, safe="", errors="replace")
        parameters.append("=".join(pair).encode())
    decoded = [unquote_to_bytes(it) for it in parameters]
    for written in itertools.chain([decoded], escapings(parameters)):
        for query in (b"&".join(written), b"&".join(sorted(written))):
            yield right._replace(mark=b"?", query=query, body=b"")
            yield right._replace(mark=b"?", query=query)
            yield right._replace(body=query)


@mistake(
    "newline",
    "a newline or space at the end was signed but not sent, or the other way round: "
    "sign what printf %s prints in place of echo, and send with --data-binary in place "
    "of -d @file",
)
def stray_newline(_: Request, right: Text) -> Iterator[Text]:
    for end in (b"\n", b"\r\n", b" ", b"\n\n", b"\0"):
        yield right._replace(end=end)
    yield right._replace(body=right.body.rstrip())


@mistake(
    "timestamp",
    "another timestamp was signed than ACCESS-TIMESTAMP holds: sign and send the same "
    "13 digits of milliseconds",
)
def other_timestamp(_: Request, right: Text) -> Iterator[Text]:
    sent = right.timestamp.decode("latin-1")
    for timestamp in (sent.partition(".")[0], f"{sent}000", f"{sent}000000", ""):
        yield right._replace(timestamp=timestamp.encode("latin-1"))
    if re.fullmatch("[0-9]{13}", sent):
        for spelled in timestamp_spellings(int(sent)):
            yield right._replace(timestamp=spelled.encode())
    if re.fullmatch("[0-9]{10}", sent):  # milliseconds were signed, seconds were sent
        for ms in range(1000):
            yield right._replace(timestamp=b"%s%03d" % (right.timestamp, ms))


def timestamp_spellings(timestamp_ms: int) -> Iterator[str]:
    """Write a time as other exchanges want it, and as programs print it."""
    seconds, ms = divmod(timestamp_ms, 1000)
    yield from (f"{seconds}", f"{seconds}000", f"{seconds + 1}", f"{seconds}.{ms:03}")
    yield from (str(timestamp_ms / 1000), f"{timestamp_ms}.0", f"{seconds}.0")
    date_and_time = time.gmtime(seconds)
    for form in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"):
        written = time.strftime(form, date_and_time)
        for fraction in ("", f".{ms:03}", f".{ms:03}000"):
            for zone in ("Z", "", "+00:00"):
                yield written + fraction + zone


@mistake(
    "method",
    "another method was signed than was sent, or it was not in upper case: sign GET or "
    "POST, as it is sent",
)
def other_method(_: Request, right: Text) -> Iterator[Text]:
    method = right.method
    for other in (
        method.lower(),
        method.title(),
        b"GET",
        b"POST",
        b"PUT",
        b"DELETE",
        b"",
    ):
        yield right._replace(method=other)


@mistake(
    "path",
    "another path was signed than was sent: sign and send it from /api on, without the "
    "host, and with single slashes (a base URL that ends in / makes two of one; a proxy "
    "must not add or take away a part)",
)
def other_path(request: Request, right: Text) -> Iterator[Text]:
    path = right.path
    for host in (request.header("Host").encode("latin-1"), b"api.bitget.com"):
        for scheme in (b"https://", b"http://", b""):
            yield right._replace(path=scheme + host + path)
    segments = path.split(b"/")[1:]
    for count in range(1, min(len(segments), 6)):  # without /api, or a proxy's prefix
        yield right._replace(path=b"/" + b"/".join(segments[count:]))
    squeezed = re.sub(b"/+", b"/", path)
    for other in (squeezed, squeezed.rstrip(b"/"), b"/" + path, path + b"/", path[1:]):
        yield right._replace(path=other)
    for missing in (b"/api", b"/api/v2", b"/api/v3"):
        yield right._replace(path=missing + path)
    yield right._replace(path=b"")


@mistake(
    "charset",
    "the text was signed in another charset: encode it as UTF-8, without a byte-order "
    "mark, to sign it and to send it",
    paired=False,
)
def other_charset(_: Request, right: Text) -> Iterator[Text]:
    octets = right.joined()
    text = octets.decode("utf-8", "replace")
    for charset in ("utf-16-le", "utf-16-be", "utf-8-sig", "gbk", "latin-1", "ascii"):
        yield whole_text(text.encode(charset, "replace"))
    yield whole_text(b"\xff\xfe" + text.encode("utf-16-le"))
    yield whole_text(octets.decode("latin-1").encode())  # UTF-8 of UTF-8


def whole_text(octets: bytes) -> Text:
    """Return a text that is not made of the right parts, and so is never paired."""
    return Text(end=octets)


@mistake(
    "hash",
    "a digest of the text was hashed and signed in place of the text: sign the text "
    "itself, since signing hashes it",
    paired=False,
)
def digest_in_place(_: Request, right: Text) -> Iterator[Text]:
    hashes: list[Callable[..., Any]] = [hashlib.sha256, *HASHES.values()]
    for new_hash in hashes:
        digest = new_hash(right.joined())
        yield whole_text(digest.digest())
        yield whole_text(digest.hexdigest().encode())
        yield whole_text(digest.hexdigest().upper().encode())
        yield whole_text(base64.b64encode(digest.digest()))


@mistake(
    "body-rewritten",
    "the body was signed in other characters than it was sent: write the JSON once, "
    "then sign and send that one text",
)
def body_rewritten(request: Request, right: Text) -> Iterator[Text]:
    value = read_json(request.body)
    if value is not None:
        for body in respaced(request.body):
            yield right._replace(body=body)
        for changed in changes_of_json(value):
            for body in json_spellings(changed):
                yield right._replace(body=body)
        for text in not_json(request.body.decode("utf-8", "replace")):
            yield right._replace(body=text.encode("utf-8", "replace"))
    for body in with_other_newlines(request.body):
        yield right._replace(body=body)


@mistake(
    "layout",
    "the parts were signed in another order, with separators, or with parts that do not "
    'belong there: sign timestamp + METHOD + path + "?" + query + body',
    paired=False,
)
def other_layout(request: Request, right: Text) -> Iterator[Text]:
    queries = {right.mark + right.query, right.mark + request.query.encode("latin-1")}
    for query in sorted(queries):
        five = [right.timestamp, right.method, right.path, query, right.body]
        yield from map(whole_text, map(b"".join, itertools.permutations(five)))
        parts = [right.timestamp, right.method, right.path + query, right.body]
        for separator in (b"", b"\n", b"&", b" ", b"|", b",", b":", b".", b"\r\n"):
            for order in itertools.permutations(parts):
                yield whole_text(separator.join(order))
                yield whole_text(separator.join(it for it in order if it))
        for secret in ("ACCESS-KEY", "ACCESS-PASSPHRASE"):
            for place in range(5):
                added = request.header(secret).encode("latin-1")
                yield whole_text(b"".join([*parts[:place], added, *parts[place:]]))
        for count in (1, 2, 3):
            for some in itertools.permutations(parts, count):
                yield whole_text(b"".join(some))
    yield from map(whole_text, texts_of_others(request, right))


@mistake(
    "timestamp",
    "the clock was read twice: read it once, then sign and send the same digits",
    paired=False,
)
def clock_read_twice(_: Request, right: Text) -> Iterator[Text]:
    if not re.fullmatch(b"[0-9]{13}", right.timestamp):
        return
    farthest_ms = CLOCK_MS if len(right.joined()) <= 10_000 else CLOCK_MS // 5
    sent_ms = int(right.timestamp)
    for distance_ms in range(1, farthest_ms + 1):
        for signed_ms in (sent_ms - distance_ms, sent_ms + distance_ms):
            yield right._replace(timestamp=b"%d" % signed_ms)


def texts_of_others(request: Request, right: Text) -> Iterator[bytes]:
    """Yield what other exchanges, and the login to Bitget's WebSocket, want signed."""
    timestamp, body = right.timestamp, right.body
    for time_signed in (timestamp, timestamp[:10]):
        for login in (b"GET/user/verify", b"GET/users/self/verify"):
            yield time_signed + login
    key = request.header("ACCESS-KEY").encode("latin-1")
    for query in (right.query, request.query.encode("latin-1")):
        for parameters in (query + body, query, body):  # Binance
            joint = b"&" if parameters else b""
            yield parameters + joint + b"timestamp=" + timestamp
            yield parameters + joint + b"recvWindow=5000&timestamp=" + timestamp
            yield parameters
        for window in (b"5000", b"20000", b""):  # Bybit
            yield timestamp + key + window + query + body


# ---- Bitget's side: how libraries write JSON -----------------------------------------

JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)
JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,5})?")
LONGEST_NUMBER = 60  # a longer one, or a greater exponent, keeps its spelling


class JsonStyle(NamedTuple):
    r"""What a library escapes in JSON that need not be escaped."""

    characters: str = "(?!)"  # a pattern of those that it writes as \uXXXX: none
    upper_case: bool = False  # \u9F99, and not \u9f99
    slash: bool = False  # \/
    quotation_mark: bool = False  # \u0022, and not \"

    def escaped(self, text: str) -> str:
        """Escape the characters of a JSON text that has as few escapes as can be."""
        if self.quotation_mark:
            text = re.sub(r"\\(.)", self.respelled_escape, text)
        rare = set(re.findall(self.characters, text))
        text = text.translate({ord(it): self.unicode_escape(it) for it in rare})
        return text.replace("/", "\\/") if self.slash else text

    def unicode_escape(self, character: str) -> str:
        r"""Write a character as \uXXXX, or as two of them."""
        octets = character.encode("utf-16-be", "surrogatepass")
        units = [octets[at : at + 2].hex() for at in range(0, len(octets), 2)]
        return "".join("\\u" + (it.upper() if self.upper_case else it) for it in units)

    def respelled_escape(self, found: re.Match[str]) -> str:
        r"""Write \u0022 for an escaped quotation mark."""
        return "\\u0022" if found[1] == '"' else found[0]


NOT_ASCII = "[^\0-\x7f]"
JSON_STYLES = (
    JsonStyle(),  # JSON.stringify, Jackson, fastjson, jq
    JsonStyle(NOT_ASCII + "|\x7f"),  # json.dumps
    JsonStyle(NOT_ASCII, slash=True),  # json_encode
    JsonStyle("[\u2028\u2029]", slash=True),  # the same with JSON_UNESCAPED_UNICODE
    JsonStyle("[<>&\u2028\u2029]"),  # encoding/json of Go
    JsonStyle("[<>&='\u2028\u2029]"),  # Gson
    JsonStyle(
        NOT_ASCII + "|[<>&'+`\x7f]", upper_case=True, quotation_mark=True
    ),  # .NET
    JsonStyle(NOT_ASCII, upper_case=True),  # Jackson with ESCAPE_NON_ASCII
)
# What stands behind a comma and round a colon; then the same with an indent.
JSON_SPACINGS = ((", ", ": "), (",", ": "), (", ", ":"), (",\n", ":"), (",\n", ": "))
JSON_INDENTS = (
    ("  ", ": "),
    ("    ", ": "),
    ("\t", ": "),
    ("  ", " : "),
    (" ", ": "),
    ("   ", ": "),
)


@dataclass(frozen=True)
class Number:
    """A number in JSON, in the characters in which it was written."""

    spelling: str


def read_json(octets: bytes) -> Any:
    """Read JSON whose numbers keep their spelling; return None if it is not JSON."""
    number: Any = Number
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(octets, parse_int=number, parse_float=number)
        compact_json(value)  # may be nested too deeply to be written
        return value
    return None


def compact_json(value: object) -> str:
    """Write JSON without spaces, and with as few escapes as can be."""
    if isinstance(value, Number):
        return value.spelling
    if isinstance(value, dict):
        members = [f"{compact_json(k)}:{compact_json(it)}" for k, it in value.items()]
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def json_spellings(value: object) -> Iterator[bytes]:
    """Write a JSON value as common libraries do."""
    plain = compact_json(value)
    escaped: list[str] = []
    for style in JSON_STYLES:
        text = style.escaped(plain)
        if text not in escaped:
            escaped.append(text)
            yield text.encode("utf-8", "replace")
    for text in escaped:
        yield from respaced(text.encode("utf-8", "replace"))


def respaced(octets: bytes) -> Iterator[bytes]:
    """Write a JSON text with other spaces, and each of its tokens as it is."""
    tokens = JSON_TOKEN.findall(octets.decode("utf-8", "surrogateescape"))
    texts = itertools.chain(
        ["".join(tokens)],
        (spaced(tokens, comma, colon) for comma, colon in JSON_SPACINGS),
        (indented(tokens, indent, colon) for indent, colon in JSON_INDENTS),
    )
    for text in texts:
        yield text.encode("utf-8", "surrogateescape")


def spaced(tokens: list[str], comma: str, colon: str) -> str:
    """Write JSON on one line."""
    separators = {",": comma, ":": colon}
    return "".join(separators.get(token, token) for token in tokens)


def indented(tokens: list[str], indent: str, colon: str) -> str:
    """Write JSON over several lines, as pretty printers do."""
    written: list[str] = []
    margin = "\n"
    for before, token in zip(["", *tokens], tokens):
        if token in ("}", "]"):
            margin = margin[: -len(indent)]
            written.append("" if before in ("{", "[") else margin)
        elif before in ("{", "["):
            written.append(margin)
        written.append(colon if token == ":" else token)
        if token in ("{", "["):
            margin += indent
        if token == ",":
            written.append(margin)
    return "".join(written)


def change_json(value: object, change: Callable[[Any], object]) -> object:
    """Change each value of a JSON value, the inner ones first."""
    if isinstance(value, dict):
        return change({name: change_json(it, change) for name, it in value.items()})
    if isinstance(value, list):
        return change([change_json(it, change) for it in value])
    return change(value)


def changes_of_json(value: object) -> Iterator[object]:
    """Yield a JSON value as it is, then in each way in which JSON_CHANGES change it."""
    yield value
    seen = {compact_json(value)}
    for change in JSON_CHANGES:
        changed = change_json(value, change)
        if compact_json(changed) not in seen:
            seen.add(compact_json(changed))
            yield changed
    if isinstance(value, dict):
        for name, item in value.items():  # one member alone
            for change in (number_to_text, text_to_number):
                if change(item) != item:
                    yield {**value, name: change(item)}


def sort_members(value: object) -> object:
    """Sort the members of an object: not the client's order, but that of many libraries."""
    return dict(sorted(value.items())) if isinstance(value, dict) else value


def leave_out_null(value: object) -> object:
    """Leave out what is null, as Gson and many a setting of others do."""
    if isinstance(value, dict):
        return {name: it for name, it in value.items() if it is not None}
    return value


def number_to_text(value: object) -> object:
    return value.spelling if isinstance(value, Number) else value


def text_to_number(value: object) -> object:
    is_number = isinstance(value, str) and JSON_NUMBER.fullmatch(value)
    return Number(str(value)) if is_number else value


def number_as(spell: Callable[[str], str]) -> Callable[[object], object]:
    """Spell numbers in another way, but for those that are unusually long."""

    def change(value: object) -> object:
        if isinstance(value, Number) and JSON_NUMBER.fullmatch(value.spelling):
            size = len(value.spelling) + abs(Decimal(value.spelling).adjusted())
            if size <= LONGEST_NUMBER:
                return Number(spell(value.spelling))
        return value

    return change


def float_repr(number: str) -> str:
    """Spell a number with a point or an exponent as Python does: 0.10 as 0.1."""
    return number if number.lstrip("-").isdigit() else repr(float(number))


def without_exponent(number: str) -> str:
    """Spell 1.50e-7 as 0.00000015, and 1.0 as 1, as JavaScript does from 0.000001 on."""
    return format(Decimal(number).normalize(), "f")


JSON_CHANGES = (
    sort_members,
    number_to_text,
    text_to_number,
    leave_out_null,
    number_as(float_repr),
    number_as(without_exponent),
    number_as(lambda number: repr(float(number))),  # 1 as 1.0: Gson, of a map
    number_as(lambda number: str(Decimal(number).normalize())),  # 1E-7: BigDecimal
    number_as(lambda number: str(Decimal(number).normalize()).lower()),  # JavaScript
)


def not_json(sent: str) -> Iterator[str]:
    """Write a JSON text as a program does that prints in place of writing JSON."""
    yield "[object Object]"  # JavaScript
    with contextlib.suppress(ValueError):
        yield str(json.loads(sent))  # Python, or what was sent as JSON of JSON
    yield repr(sent.encode())
    for text in respaced(sent.encode()):  # JSON of JSON
        yield json.dumps(text.decode(), ensure_ascii=False)
        yield json.dumps(text.decode())


def with_other_newlines(body: bytes) -> Iterator[bytes]:
    """Write LF for CRLF, CRLF for LF; put back newlines that curl may have removed."""
    yield body.strip()
    lines = body.replace(b"\r\n", b"\n")
    yield lines
    yield lines.replace(b"\n", b"\r\n")
    yield body.replace(b"\r", b"").replace(b"\n", b"")
    if b"\n" not in body:
        indent = re.sub(rb"(?<=[{\[,])(?=[ \t])", b"\n", body)
        yield indent
        yield re.sub(rb"(?<=[^\s{\[])([ \t]*[}\]])", rb"\n\1", indent)


# ---- Bitget's side: opening a signature ----------------------------------------------

# What a signature of another length may be, by its bytes.
OTHER_LENGTHS = {
    20: "HMAC-SHA1",
    48: "HMAC-SHA384",
    64: "Ed25519, ECDSA with P-256, or HMAC-SHA512",
    **dict.fromkeys((70, 71, 72), "ECDSA with P-256"),
}
RSA_LENGTHS = (128, 192, 256, 384, 512, 1024)
HASHES: dict[str, Callable[..., Any]] = {**HASH_METHODS}  # by their names in `rsa`
PKCS1 = "sign with RSASSA-PKCS1-v1_5 and SHA-256 (RSA-SHA256, SHA256withRSA)"
OTHER_KEY = {
    "other-key": "another private key made the signature, or it was damaged, or it is "
    "not RSASSA-PKCS1-v1_5: compare the public key that Bitget has with the one that "
    "your private key gives"
}


@dataclass(frozen=True)
class Opened:
    """What a signature is found to hold: the digest of the text that was signed."""

    meanings: dict[str, str]  # of the mistakes in it, whatever the text
    hash_name: str | None = None  # None: `digest` is the text itself, not hashed
    digest: bytes | None = None  # None: it holds nothing that could be compared
    salt: bytes | None = None  # of PSS, which hashes the digest again, behind a salt

    def holds(self, text: bytes) -> bool:
        """Tell whether this is the text that was signed."""
        if self.hash_name is None:
            return text == self.digest
        new_hash = HASHES[self.hash_name]
        digest = new_hash(text).digest()
        if self.salt is not None:  # RFC 8017, section 9.1.2
            digest = new_hash(bytes(8) + digest + self.salt).digest()
        return bool(digest == self.digest)

    def also(self, name: str, meaning: str) -> Opened:
        """Add a mistake."""
        return replace(self, meanings={name: meaning, **self.meanings})

    def sha256(self) -> str | None:
        """Return the SHA-256 of the text in hexadecimal, if that is what it holds."""
        if self.hash_name == "SHA-256" and self.digest and self.salt is None:
            return self.digest.hex()
        return None


def read_signature(text: str, public_key: rsa.PublicKey) -> list[Opened]:
    """Open ACCESS-SIGN. If no known text fits, the last one is the verdict."""
    size = (public_key.n.bit_length() + 7) // 8
    found = list(decodings(text))
    if not found:
        words = "ACCESS-SIGN is not base64 of a signature: send base64, on one line"
        return [Opened({"encoding": words})]
    octets, flaw = next((it for it in found if len(it[0]) == size), found[0])
    if len(octets) != size:
        return open_other_size(octets, public_key)
    if not flaw and base64.b64encode(octets).decode() != text:
        flaw = "is not standard base64"
    opened = open_signature(octets, public_key)
    if "other-key" in opened[-1].meanings:
        reverse = open_signature(octets[::-1], public_key)
        if "other-key" not in reverse[-1].meanings:
            flaw = "holds the bytes in reverse order, as CryptoAPI does: reverse them"
            opened = reverse
    if flaw:
        words = f"ACCESS-SIGN {flaw}: send standard base64, padded with =, on one line"
        opened = [it.also("encoding", words) for it in opened]
    return opened


def decodings(text: str) -> Iterator[tuple[bytes, str]]:
    """Decode ACCESS-SIGN in each way that fits; say how it differs from base64."""
    if re.fullmatch("(0x)?([0-9A-Fa-f]{2}){16,}", text):
        yield bytes.fromhex(text.replace("0x", "")), "is hexadecimal"
    flaw = ""
    if re.search(r"[\s,]", text):
        flaw = "is on several lines, or has spaces where a + was"
    elif "%" in text:
        flaw = "is percent-encoded"
    elif re.match("b[\"']", text):
        flaw = "stands in b'...', as Python prints bytes"
    elif re.search("[\"']", text):
        flaw = "stands in quotes"
    elif re.search("[-_]", text):
        flaw = "is base64url"
    elif len(text) % 4:
        flaw = "is not padded with = to a multiple of four"
    standard = (
        re.sub("^b(?=[\"'])", "", unquote(text))
        .strip("\"' \t\r\n")
        .translate(str.maketrans("-_", "+/"))
    )
    for spaces in ("", "+"):
        plain = re.sub(r"\s", spaces, standard).rstrip("=")
        with contextlib.suppress(ValueError):
            octets = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
            yield octets, flaw
            if re.fullmatch(rb"([0-9A-Fa-f]{2}){16,}", octets):
                yield bytes.fromhex(octets.decode()), "is base64 of hexadecimal"
            yield base64.b64decode(octets, validate=True), "is base64 of base64"


def open_other_size(octets: bytes, public_key: rsa.PublicKey) -> list[Opened]:
    """Say what octets may be that have not the length of this key's signatures."""
    if len(octets) == 32:
        size = f"it is the digest of the text, which nobody signed: {PKCS1}"
        hmac = (
            f"it is probably an HMAC-SHA256, as API keys with a secret need it: {PKCS1}"
        )
        return [Opened({"size": size}, "SHA-256", octets), Opened({"hmac": hmac})]
    length = (public_key.n.bit_length() + 7) // 8
    whole = octets.lstrip(b"\0").rjust(length, b"\0")
    if abs(len(octets) - length) <= 2 and len(whole) == length:
        opened = open_signature(whole, public_key)
        if "other-key" not in opened[-1].meanings:
            words = f"a zero byte in front was lost or added: send {length} bytes"
            return [it.also("size", words) for it in opened]
    if len(octets) in RSA_LENGTHS:
        words = f"that key has {8 * len(octets)} bits, and this one {8 * length}"
        return [Opened({"other-key": f"{OTHER_KEY['other-key']} ({words})"})]
    words = f"ACCESS-SIGN has {len(octets)} bytes, and a signature of this key {length}"
    if len(octets) in OTHER_LENGTHS:
        words += f": it may be {OTHER_LENGTHS[len(octets)]}"
    return [Opened({"size": f"{words}: {PKCS1}, and send all of it"})]


def open_signature(signature: bytes, public_key: rsa.PublicKey) -> list[Opened]:
    """Turn a signature back into what the private key signed: RFC 8017, section 8.2.2."""
    number = int.from_bytes(signature, "big")
    if number >= public_key.n:
        return [Opened(OTHER_KEY)]
    encoded = pow(number, public_key.e, public_key.n).to_bytes(len(signature), "big")
    padded = re.fullmatch(b"\0\x01\xff{8,}\0(.*)", encoded, re.DOTALL)
    if padded:
        return open_content(padded[1], {})
    if encoded.startswith(bytes(8)):
        padding = {"padding": f"there is none: {PKCS1}"}
        return open_content(encoded.lstrip(b"\0"), padding)
    opened = list(open_pss(encoded, public_key.n.bit_length() - 1))
    certain = [it for it, zeros in opened if zeros >= 8]
    if certain:  # a digest does not show which hash of its length made it
        return sorted(certain, key=lambda it: it.hash_name == "SHA-256")
    if opened:  # by chance one of 750; so do not accuse the key alone
        pss = f"or the padding is PSS, and the text is not known: {PKCS1}"
        other = Opened({"other-key": f"{OTHER_KEY['other-key']}; {pss}"})
        return [*(it for it, _ in opened), other]
    return [Opened(OTHER_KEY)]


def open_content(content: bytes, meanings: dict[str, str]) -> list[Opened]:
    """Read what stands behind the padding: a DigestInfo, or what was put in its place."""
    for name, prefix in HASH_ASN1.items():  # RFC 8017, section 9.2
        if content.startswith(prefix):
            if name != "SHA-256":
                meanings = {**meanings, "hash": f"{name} in place of SHA-256: {PKCS1}"}
            return [Opened(meanings, name, content[len(prefix) :])]
    words = f"the text itself was signed, without a hash: {PKCS1}"
    opened = [Opened({**meanings, "hash": words}, None, content)]
    digest = content
    if re.fullmatch(b"([0-9A-Fa-f]{2}){16,64}", content):
        digest = bytes.fromhex(content.decode())
    for name, new_hash in HASHES.items():
        if new_hash().digest_size == len(digest):
            words = f"a digest by {name} was signed without its DigestInfo: {PKCS1}"
            opened.append(Opened({**meanings, "hash": words}, name, digest))
    return sorted(opened, key=lambda it: it.hash_name == "SHA-256")


def open_pss(encoded: bytes, bits: int) -> Iterator[tuple[Opened, int]]:
    """Read PSS padding (RFC 8017, section 9.1.2); count the zeros that prove it."""
    size = (bits + 7) // 8
    block = encoded[-size:]
    if block[-1] != 0xBC or int.from_bytes(encoded, "big").bit_length() > bits:
        return
    for name, mask_name in itertools.product(HASHES, repeat=2):
        digest_size = HASHES[name]().digest_size
        masked, digest = block[: -digest_size - 1], block[-digest_size - 1 : -1]
        mask = rsa.pkcs1_v2.mgf1(digest, len(masked), mask_name)
        salted = int.from_bytes(masked, "big") ^ int.from_bytes(mask, "big")
        salted %= 1 << (bits - 8 * (digest_size + 1))
        zeros, one, salt = salted.to_bytes(len(masked), "big").partition(b"\x01")
        if one and not any(zeros):  # it may be chance: the search decides
            words = f"the padding is PSS (with {name}, MGF1 with {mask_name}): {PKCS1}"
            meanings = {"pss": words}
            if name != "SHA-256":
                meanings["hash"] = f"{name} in place of SHA-256"
            yield Opened(meanings, name, digest, salt), len(zeros)


# ---- Bitget's side: the search -------------------------------------------------------

LIKELIEST = 200  # at most this many texts of a mistake are paired with another's
# Each of the two searches (one mistake, two mistakes) may cost as much as hashing this
# many bytes. The clock ends a search whose cost was not foreseen.
SEARCH_BUDGET = 120_000_000
TEXT_COST = 2_000  # to make and compare a text costs as much as to hash 2,000 bytes
REWRITING_COST = 30  # to write a byte of a body or query anew, as much as to hash 30
LONGEST_SEARCH_S = 2.0
LONGEST_SEARCHED_BODY = 200_000  # for a longer one, no mistake is searched


class Guess(NamedTuple):
    """A text that may have been signed in place of the right one."""

    meanings: dict[str, str]  # of the mistakes that lead to it
    text: Text
    right: Text
    cost: int = TEXT_COST

    def changes(self) -> dict[str, bytes]:
        """Return the parts that are not as in the right text, by their names."""
        parts = zip(Text._fields, self.text, self.right)
        return {name: part for name, part, right in parts if part != right}


@dataclass(frozen=True)
class Found:
    """The text that was signed, and all that is wrong with it and its signature."""

    meanings: dict[str, str]
    signed: bytes
    rebuilt: bytes
    digest: str | None  # SHA-256 of the text, if the signature shows it


class Search:
    """The search for the text that a signature holds."""

    def __init__(self, request: Request, opened: list[Opened]) -> None:
        self.readings = readings(request)
        self.opened = [it for it in opened if it.digest is not None]
        self.likeliest: list[list[Guess]] = []  # of each mistake that is tried in pairs
        self.cut_short = False  # whether it ended before all was tried
        self.stopped: Callable[[], bool] = lambda: False

    def right_text(self) -> Found | None:
        """Verify: look whether the right text was signed."""
        rights = [right_text(reading) for reading in self.readings]
        return self.first_held(Guess({}, right, right) for right in rights)

    def wrong_text(self) -> Found | None:
        """Look for a text that one or two known mistakes lead to."""
        if not self.opened:
            return None
        if len(self.readings[0].body) > LONGEST_SEARCHED_BODY:
            self.cut_short = True
            return None
        found = self.first_held(self.one_mistake())
        return found or self.first_held(self.two_mistakes())

    def first_held(self, guesses: Iterator[Guess]) -> Found | None:
        """Return the first of some texts that the signature holds."""
        budget = SEARCH_BUDGET
        latest_s = time.monotonic() + LONGEST_SEARCH_S
        for guess in guesses:
            text = guess.text.joined()
            budget -= guess.cost + len(text)
            if budget < 0 or time.monotonic() > latest_s or self.stopped():
                self.cut_short = True
                return None
            for it in self.opened:
                if it.holds(text):
                    meanings = {**it.meanings, **guess.meanings}
                    return Found(meanings, text, guess.right.joined(), it.sha256())
        return None

    def one_mistake(self) -> Iterator[Guess]:
        """Yield the texts of each mistake; keep the likeliest to make pairs of them."""
        for reading in self.readings:
            for it in MISTAKES:
                kept: list[Guess] = []
                self.likeliest.append(kept)
                try:
                    for guess in guesses_of(it, reading, right_text(reading)):
                        if it.paired and guess.changes() and len(kept) < LIKELIEST:
                            kept.append(guess)
                        yield guess
                except RecursionError:  # JSON is nested too deeply to be changed
                    self.cut_short = True

    def two_mistakes(self) -> Iterator[Guess]:
        """Yield the texts of two mistakes that change different parts."""
        for ones, others in itertools.combinations(self.likeliest, 2):
            changes_of_others = [(other, other.changes()) for other in others]
            for one in ones:
                changed = one.changes().keys()
                for other, changes in changes_of_others:
                    if other.right == one.right and changed.isdisjoint(changes):
                        meanings = {**one.meanings, **other.meanings}
                        text = one.text._replace(**changes)
                        yield Guess(meanings, text, one.right)


def guesses_of(it: Mistake, request: Request, right: Text) -> Iterator[Guess]:
    """Yield what a client may have signed that makes this mistake, and what it costs."""
    for text in it.texts(request, right):
        rewritten = len(text.body) if text.body != right.body else 0
        if text.query and (text.query != right.query or text == right):
            rewritten += len(request.query)
        cost = TEXT_COST + REWRITING_COST * rewritten
        yield Guess(it.meanings, text, right, cost)


# ---- Bitget's side: the verdict ------------------------------------------------------

UNKNOWN = (
    "this key signed another text, and no known mistake leads to it. Let your client "
    "print what it signs and compare it with the text above; a value may have been cut "
    "at a bare #, or changed on the way"
)
PLUS = "a bare + in a query may be a plus or a space: send %2B or %20"
CUT_BODY = (
    "the body that arrived is not JSON: if it was cut, count Content-Length in bytes and "
    "not in characters"
)
CUT_SEARCH = "not all mistakes were tried: send it alone, or with a shorter body"


@dataclass(frozen=True)
class Verdict:
    """What should have been signed, what was signed, and what is wrong."""

    rebuilt: str
    signed: str | None  # None: not found
    meanings: dict[str, str]  # by the name of the mistake; none if all is right
    digest: str | None  # SHA-256 of the text that was signed, if the signature shows it
    notes: list[str]

    @property
    def mistakes(self) -> list[str]:
        return list(self.meanings)

    def data(self) -> dict[str, object]:
        names = "rebuilt", "signed", "mistakes", "digest", "notes"
        return {name: getattr(self, name) for name in names}

    def reasons(self) -> list[str]:
        """Say what is wrong, and what to do, in a sentence each."""
        reasons = [f"{name}: {meaning}" for name, meaning in self.meanings.items()]
        if "unknown" in self.meanings and self.digest:
            words = "SHA-256 of the text that was signed, to compare with your client's"
            reasons.append(f"{words}: {self.digest}")
        return reasons + self.notes

    def lines(self) -> list[str]:
        """Show the rebuilt text above the signed one, and the reasons below."""
        return [*compared(self.rebuilt, self.signed), *self.reasons()]


def judge(
    public_key: rsa.PublicKey,
    request: Request,
    find_wrong_text: Callable[[Search], Found | None] = Search.wrong_text,
) -> Verdict:
    """Verify a request's signature; if it is wrong, find out what was signed."""
    opened = read_signature(request.header("ACCESS-SIGN"), public_key)
    search = Search(request, opened)
    found = search.right_text() or find_wrong_text(search)
    notes = [PLUS] if "+" in request.query else []
    if found:
        signed = without_secrets(found.signed, request)
        rebuilt = found.rebuilt.decode("utf-8", "replace")
        return Verdict(rebuilt, signed, found.meanings, found.digest, notes)
    if request.body and read_json(request.body) is None:
        notes.append(CUT_BODY)
    if search.cut_short and opened[-1].digest:
        notes.append(CUT_SEARCH)
    return verdict_of_unknown(request, opened[-1], notes)


def verdict_of_unknown(request: Request, opened: Opened, notes: list[str]) -> Verdict:
    """Say what the signature shows, though not which text it is of."""
    rebuilt = right_text(request).joined().decode("utf-8", "replace")
    if opened.digest is None:
        return Verdict(rebuilt, None, opened.meanings, None, notes)
    signed = None
    if opened.hash_name is None:  # the text stands there, as it was signed
        signed = without_secrets(opened.digest, request)
    meanings = {**opened.meanings, "unknown": UNKNOWN}
    return Verdict(rebuilt, signed, meanings, opened.sha256(), notes)


def without_secrets(signed: bytes, request: Request) -> str:
    """Decode a text, with *** for a key or passphrase that only a header shows."""
    sent = right_text(request).joined()
    for name in ("ACCESS-PASSPHRASE", "ACCESS-KEY"):
        for charset in ("latin-1", "utf-8"):  # its octets as they came, or in UTF-8
            secret = request.header(name).encode(charset)
            if secret and secret not in sent:
                signed = signed.replace(secret, b"***")
    return signed.decode("utf-8", "replace")


def compared(rebuilt: str, signed: str | None) -> list[str]:
    """Show two texts one above the other, with a caret below the first difference."""
    upper, lower = printable(rebuilt), printable(signed or "")
    if signed is None:
        return [f"rebuilt  {upper[:300]}"]
    if signed == rebuilt:
        return [f"rebuilt  {upper[:300]}", "signed   the same text"]
    same = 0
    while same < min(len(upper), len(lower)) and upper[same] == lower[same]:
        same += 1
    start = max(0, same - 100)
    front = "rebuilt  " + ("..." if start else "")
    columns = sum(2 if east_asian_width(it) in "WF" else 1 for it in upper[start:same])
    return [
        front + upper[start : same + 200],
        front.replace("rebuilt", "signed ") + lower[start : same + 200],
        " " * (len(front) + columns) + "^",
    ]


def printable(text: str) -> str:
    """Escape what could control a terminal or break a line."""
    return "".join(it if it.isprintable() else ascii(it)[1:-1] for it in text)


# ---- Bitget's side: serve ------------------------------------------------------------

LONGEST_BODY = 1 << 20
LONGEST_ARRIVAL_MS = 20_000
SEARCH_WAIT_S = 5  # a request waits so long for the searches of others
# Bitget's codes for a header that is missing.
NEEDED = {
    "ACCESS-KEY": "40001",
    "ACCESS-SIGN": "40002",
    "ACCESS-TIMESTAMP": "40003",
    "ACCESS-PASSPHRASE": "40011",
}


def clock_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Exchange:
    """A request and its answer."""

    request: Request
    code: str
    msg: str
    verdict: Verdict | None = None

    def data(self) -> object:
        """Return what the answer carries: a little of what Bitget's would."""
        if self.code != "00000":
            return self.verdict.data() if self.verdict else None
        if self.request.path == "/api/v2/public/time":
            return {"serverTime": str(clock_ms())}
        if self.request.path == "/api/v2/spot/account/info":
            return {"userId": "1", "authorities": ["readonly"], "ips": "127.0.0.1"}
        order = read_json(self.request.body)
        if self.request.path.endswith("/place-order") and isinstance(order, dict):
            client_oid = order.get("clientOid")
            known = client_oid if isinstance(client_oid, str) else None
            return {"orderId": "1", "clientOid": known}
        return []

    def lines(self) -> list[str]:
        request = f"{self.request.method} {self.request.target}"
        lines = [f"{self.code} {printable(request[:300])}"]
        if self.code not in ("00000", "40009"):
            lines.append(self.msg)
        if self.verdict and self.code != "00000":
            lines += self.verdict.lines()
        elif self.verdict:
            lines += self.verdict.notes
        return lines


class LoopbackServer(socketserver.ThreadingTCPServer):
    """A server on this machine, for the length of a with block."""

    allow_reuse_address = os.name == "posix"
    request_queue_size = 256

    def __init__(
        self, handler: Any, *, port: int = 0, log: Callable[[str], object] = print
    ) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.log = log
        self.port: int = self.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Any:
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()  # also waits for the threads of the connections

    def handle_error(self, *_: object) -> None:
        """Ignore a broken connection; log anything else, since it is a bug."""
        if not isinstance(sys.exc_info()[1], OSError):
            self.log(traceback.format_exc())


class StandIn(LoopbackServer):
    """A stand-in for Bitget, which knows one public key."""

    def __init__(
        self,
        public_key: rsa.PublicKey,
        *,
        port: int = 0,
        log: Callable[[str], object] = lambda _: None,
    ) -> None:
        super().__init__(BitgetHandler, port=port, log=log)
        self.public_key = public_key
        self.exchanges: collections.deque[Exchange] = collections.deque(maxlen=20)
        self.connections: set[socket.socket] = set()
        self.searching = threading.Lock()
        self.closing = False

    def __exit__(self, *_: object) -> None:
        self.closing = True
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        super().__exit__()

    def find_wrong_text(self, search: Search) -> Found | None:
        """Search, but not at the same time for two requests."""
        if not search.opened:
            return None
        search.cut_short = True
        if not self.searching.acquire(timeout=SEARCH_WAIT_S):
            return None
        try:
            if self.closing:
                return None
            search.cut_short = False
            search.stopped = lambda: self.closing
            return search.wrong_text()
        finally:
            self.searching.release()

    def exchange(self, request: Request) -> Exchange:
        """Answer a request as Bitget would."""
        # Assumption: market data need no signature.
        is_public = re.search("/(public|market)/", request.path)
        if is_public and not request.header("ACCESS-SIGN"):
            return Exchange(request, "00000", "success")
        for header, code in NEEDED.items():
            if not request.header(header):
                return Exchange(request, code, f"the header {header} is missing")
        verdict = judge(self.public_key, request, self.find_wrong_text)
        # Assumption: Bitget looks at the timestamp before it looks at the signature.
        timestamp = request.header("ACCESS-TIMESTAMP")
        if not re.fullmatch("[0-9]{13}", timestamp):
            msg = "ACCESS-TIMESTAMP is not 13 digits of milliseconds"
            return Exchange(request, "40005", msg, verdict)
        early_s = (int(timestamp) - request.arrived_ms) / 1000
        if abs(early_s) > 30:
            msg = f"ACCESS-TIMESTAMP is {early_s:+.1f} s off this clock, and not within 30 s"
            return Exchange(request, "40008", msg, verdict)
        if verdict.mistakes:
            texts = compared(verdict.rebuilt, verdict.signed)[:2]
            msg = "; ".join(["sign signature error", *verdict.reasons(), *texts])
            return Exchange(request, "40009", msg, verdict)
        msg = "; ".join(["success", *verdict.notes])
        return Exchange(request, "00000", msg, verdict)


class BadHttpError(Exception):
    """What arrived is not a request that Bitget could read."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class BitgetHandler(BaseHTTPRequestHandler):
    """A connection of a client to the stand-in."""

    server: StandIn
    protocol_version = "HTTP/1.1"
    timeout = 5  # seconds without a byte

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def handle_one_request(self) -> None:
        """Read a request and answer it, or say why it is not one."""
        self.close_connection = True
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if self.raw_requestline in (b"\r\n", b"\n"):  # RFC 9112, section 2.2
                self.raw_requestline = self.rfile.readline(65537)
        except OSError:  # the client has nothing more to say
            return
        self.arrived_ms = clock_ms()
        self.command = self.request_version = self.requestline = ""
        if not self.raw_requestline.strip():
            return
        try:
            self.check_first_line()
            if self.parse_request():  # if not, it has called send_error()
                self.check_head()
                self.answer(self.read_body())
        except BadHttpError as problem:
            self.refuse(problem.status, str(problem))
        except socket.timeout:
            self.refuse(408, "the request did not arrive whole")

    def check_first_line(self) -> None:
        line = self.raw_requestline
        if line.startswith(b"\x16\x03"):
            raise BadHttpError(400, "this is TLS: use http:// here, not https://")
        if len(line) > 65536:
            raise BadHttpError(414, "the first line is too long")
        words = line.split()
        if len(words) > 3 and re.search(rb"HTTP/[0-9.]+\s*$", line):
            raise BadHttpError(400, "a space stands in the target: send it as %20")
        self.target = words[1].decode("latin-1") if len(words) > 1 else ""
        # http.server would take 85 and A0, octets of UTF-8, for spaces.
        self.raw_requestline = re.sub(rb"[^!-~\s]", b"?", line)

    def check_head(self) -> None:
        """Refuse a method that Bitget has not, and headers that are none."""
        if self.command not in ("GET", "POST"):
            method = printable(self.command[:20])
            raise BadHttpError(405, f"Bitget has GET and POST only, and not {method}")
        if self.headers.get_payload():  # a line in the head that is no header
            raise BadHttpError(400, NO_HEADER)

    def read_body(self) -> bytes:
        """Read the body: chunked, or as many bytes as the head says."""
        coding = self.headers.get("Transfer-Encoding", "").strip().lower()
        if coding == "chunked":
            return self.read_chunks()
        if coding:
            raise BadHttpError(501, "Transfer-Encoding is not chunked")
        length = self.headers.get("Content-Length", "0").strip()
        if not re.fullmatch("[0-9]{1,20}", length):
            raise BadHttpError(400, "Content-Length is not a number of bytes")
        return self.read_exactly(int(length))

    def read_chunks(self) -> bytes:
        """Read a chunked body: RFC 9112, section 7.1."""
        body = b""
        while True:
            line = self.rfile.readline(4096)
            size = re.match(rb"([0-9A-Fa-f]{1,15})[ \t]*[;\r\n]", line)
            if not size:
                raise BadHttpError(400, "a chunk does not begin with its size")
            if int(size[1], 16) == 0:
                break
            body += self.read_exactly(int(size[1], 16), len(body))
            if self.rfile.readline(3) not in (b"\r\n", b"\n"):
                raise BadHttpError(400, "a chunk is longer than its size")
        for _ in range(100):  # trailers
            if self.rfile.readline(4096) in (b"\r\n", b"\n", b""):
                return body
        raise BadHttpError(431, "too many trailers")

    def read_exactly(self, size: int, before: int = 0) -> bytes:
        """Read so many bytes of the body; so many of it stand before them."""
        if before + size > LONGEST_BODY:
            raise BadHttpError(413, f"the body is longer than {LONGEST_BODY} bytes")
        octets = b""
        latest_ms = self.arrived_ms + LONGEST_ARRIVAL_MS
        with contextlib.suppress(socket.timeout):
            while len(octets) < size and clock_ms() < latest_ms:
                piece = self.rfile.read1(size - len(octets))
                if not piece:
                    break
                octets += piece
        if len(octets) < size:
            came = f"{len(octets)} of {size} bytes came"
            raise BadHttpError(400, f"the body is shorter than its length says: {came}")
        return octets

    def answer(self, body: bytes) -> None:
        request = Request(
            self.command, self.target, self.headers, body, self.arrived_ms
        )
        exchange = self.server.exchange(request)
        self.server.exchanges.append(exchange)
        self.server.log("\n  ".join(exchange.lines()))
        status = 200 if exchange.code == "00000" else 400
        self.reply(status, exchange.code, exchange.msg, exchange.data())

    def reply(self, status: int, code: str, msg: str, data: object) -> None:
        envelope = {"code": code, "msg": msg, "requestTime": clock_ms(), "data": data}
        octets = json.dumps(envelope).encode()
        connection = "close" if self.close_connection else "keep-alive"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(octets)))
        self.send_header("Connection", connection)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(octets)

    def send_error(self, code: int, message: str | None = None, *_: object) -> None:
        """Refuse what http.server cannot read."""
        # It quotes that behind its words, and it may hold a secret.
        self.refuse(int(code), (message or "this is not a request").partition(" (")[0])

    def refuse(self, status: int, words: str) -> None:
        """Refuse what is not a request, with the HTTP status as the code."""
        self.close_connection = True
        self.server.log(f"{status} {printable(words)}")
        self.reply(status, str(status), words, None)

    def log_message(self, *_: object) -> None:
        pass  # the stand-in has a log of its own

    def finish(self) -> None:
        """Wait for the client to finish: closing earlier may lose the answer."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(0.2)
            latest_ms = clock_ms() + 2_000
            while self.connection.recv(65536) and clock_ms() < latest_ms:
                pass
        self.server.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()


# ---- Bitget's side: explain ----------------------------------------------------------

READS = (
    "explain reads one request: as raw HTTP (GET /api/... HTTP/1.1, headers, an empty "
    'line, the body), as a log of curl -v, as a browser\'s "copy as cURL (bash)", with '
    "HTTP/2's :method: and :path:, or as a log of OkHttp (--> POST https://...)"
)
NO_HEADER = (
    "a line of the head is no header (Name: value): if ACCESS-SIGN is on several lines, "
    "write it on one (openssl base64 -A, base64 -w 0)"
)
FIRST_LINE = re.compile(
    r"([A-Za-z]+) +((?:/|https?://)\S*)( +HTTP/[0-9.]+)?\s*", re.ASCII
)
# A part of a shell's word in quotes: $'...', with escapes, '...' or "...".
SHELL_QUOTED = re.compile(r"""(?s)\$'((?:[^'\\]|\\.)*)'|'[^']*'|"(?:[^"\\]|\\.)*\"""")
CURL_DATA = ("-d", "--data", "--data-ascii", "--data-raw", "--data-binary", "--json")
CURL_NOT_READ = (
    "-G",
    "--get",
    "--data-urlencode",
    "-F",
    "--form",
    "-T",
    "--upload-file",
)
CURL_FLAGS = "#012346aBfgGiIjJklLMnNOpqRsSvVZ"  # short options without a value
CURL_LONG_WITH_VALUE = (
    *CURL_DATA, "--header", "--request", "--url", "--proxy", "--referer", "--user-agent",
    "--user", "--output", "--cookie", "--cookie-jar", "--write-out", "--connect-timeout",
    "--max-time", "--cacert", "--retry", "--resolve",
)  # fmt: skip
SHELL_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def explain(public_key: rsa.PublicKey, octets: bytes) -> Verdict:
    """Judge one request, however old; what cannot be judged is a ValueError."""
    requests = read_request(octets)
    missing = [header for header in NEEDED if not requests[0].header(header)]
    for header in ("ACCESS-SIGN", "ACCESS-TIMESTAMP"):
        if header in missing:
            raise ValueError(f"the header {header} is missing (code {NEEDED[header]})")
    verdicts = (judge(public_key, it, lambda _: None) for it in requests)
    verdict = next((it for it in verdicts if not it.mistakes), None)
    if verdict is None:
        verdict = judge(public_key, requests[0])
    notes = [f"{it} is missing here: {NEEDED[it]} if it was not sent" for it in missing]
    if not re.fullmatch("[0-9]{13}", requests[0].header("ACCESS-TIMESTAMP")):
        notes.append("ACCESS-TIMESTAMP is not 13 digits of milliseconds: 40005")
    return replace(verdict, notes=verdict.notes + notes)


def read_request(octets: bytes) -> list[Request]:
    """Read a request of any form; return one for each reading of its newlines."""
    text = raw_http(text_of(octets))
    head, *behind = re.split(r"\n[ \t]*\n", text.lstrip(), maxsplit=1)
    rest = "".join(behind)
    first, *fields = head.rstrip("\n").split("\n")
    found = FIRST_LINE.fullmatch(first)
    if not found:
        is_answer = first.startswith("HTTP/")
        what = "this is an answer" if is_answer else "no request is here"
        raise ValueError(f"{what}; {READS}")
    if re.search("(?im)^ACCESS-SIGN:", rest):
        raise ValueError(f"this is more than one request; {READS}")
    headers = email.message.Message()
    for field in fields:
        name, colon, value = field.partition(":")
        if not colon:
            raise ValueError(NO_HEADER)
        headers[name.strip()] = value.strip(" \t")  # A0 belongs to a letter of UTF-8
    bodies = read_bodies(rest, headers.get("Content-Length"))
    return [Request(found[1], found[2], headers, body) for body in bodies]


def text_of(octets: bytes) -> str:
    """Decode a text to Latin-1, so that its bytes remain, and with LF only."""
    if octets.startswith((b"\xff\xfe", b"\xfe\xff")):  # PowerShell 5 writes UTF-16
        octets = octets.decode("utf-16", "replace").encode()
    octets = octets.removeprefix(b"\xef\xbb\xbf")
    text = octets.decode("latin-1").replace("\r\n", "\n")
    if "\0" in text or not text.strip():
        raise ValueError(f"there is no text; {READS}")
    return text


def raw_http(text: str) -> str:
    """Write a request as raw HTTP, whatever form it has."""
    if re.search(r"(?am)^> ?[A-Za-z]+ +\S+ +HTTP/", text):
        return from_curl_log(text)
    if re.search(r"--> [A-Z]+ https?://", text):
        return from_okhttp(text)
    if re.match(r"\s*([$>] *)?curl\s", text):
        return from_curl_command(text)
    if re.search(r"(?m)^:path:", text):
        return from_http2(text)
    return text


def from_curl_log(text: str) -> str:
    """Take out of a log of `curl -v` what was sent, and a body that was put there."""
    lines = text.split("\n")
    first = next(at for at, line in enumerate(lines) if re.match("> ?[A-Za-z]", line))
    head: list[str] = []
    body: list[str] = []
    for line in lines[first:]:
        if line.startswith("<"):  # the answer
            break
        if line.startswith(">"):
            head.append(line[1:].removeprefix(" "))
        elif not re.match(r"\* |[{}] \[|\s*%? *(Total|\d+) .*[-:%]", line):
            body.append(line)
    if sum(bool(FIRST_LINE.fullmatch(line)) for line in head) > 1:
        raise ValueError(f"this is more than one request; {READS}")
    return "\n".join(head).rstrip("\n") + "\n\n" + "\n".join(body)


def from_okhttp(text: str) -> str:
    """Take a request out of a log of OkHttp, whose lines may begin with a tag."""
    lines = text.split("\n")
    is_first = re.compile("--> [A-Z]+ https?://").search
    first = next(at for at, line in enumerate(lines) if is_first(line))
    tag = len(lines[first].partition("-->")[0])
    taken = [lines[first][tag + len("--> ") :]]
    for line in lines[first + 1 :]:
        if re.match("(-->|<--) ", line[tag:]):
            break
        taken.append(line[tag:])
    method, url = taken[0].split(" ")[:2]
    return "\n".join([f"{method} {url}", *taken[1:]])


def from_http2(text: str) -> str:
    """Write HTTP/2's :method: and :path: as the first line of HTTP/1.1."""
    pseudo = dict(re.findall(r"(?am)^:([a-z]+): *(\S*)", text))
    rest = re.sub(r"(?m)^:[a-z]+:.*\n?", "", text.lstrip())
    first = f"{pseudo.get('method', 'GET')} {pseudo['path']} HTTP/1.1"
    return f"{first}\nHost: {pseudo.get('authority', '')}\n{rest}"


def from_curl_command(text: str) -> str:
    """Write as HTTP what a command `curl ...` sends, as browsers copy it."""
    method = url = ""
    fields: list[str] = []
    data: list[str] = []
    for option, value in curl_options(shell_words(text)):
        if option in CURL_NOT_READ:
            raise ValueError(f"curl's option {option} is not read; {READS}")
        if option in ("-H", "--header"):
            fields.append(value)
        elif option in ("-X", "--request"):
            method = value
        elif option in CURL_DATA:
            data.append(value)
            if value.startswith("@") and option != "--data-raw":
                raise ValueError("the body is in a file: put it in place of @FILE")
        elif option in ("", "--url") and re.match("https?://", value):
            url = value
    origin = re.split("[/?#]", url.partition("//")[2])[0]
    path = url.partition("//")[2][len(origin) :]
    body = "&".join(data)
    first = f"{method or ('POST' if data else 'GET')} {path or '/'} HTTP/1.1"
    fields = [it for it in fields if not re.match("(?i)content-length:", it)]
    fields += [f"Host: {origin}", f"Content-Length: {len(body)}"]
    return "\n".join([first, *fields, "", body])


def curl_options(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the options of curl with their values; a word that is none has no name."""
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            yield word, next(rest, "") if word in CURL_LONG_WITH_VALUE else ""
        elif not word.startswith("-"):
            yield "", word
        else:  # -sXPOST is -s -X POST
            flags = "".join(itertools.takewhile(CURL_FLAGS.__contains__, word[1:]))
            yield from ((f"-{flag}", "") for flag in flags)
            others = word[1 + len(flags) :]
            if others:
                yield f"-{others[0]}", others[1:] or next(rest, "")


def shell_words(text: str) -> list[str]:
    """Split a command as bash does, also with $'...', which shlex does not know."""

    def plainly_quoted(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        escapes = r"(\\u[0-9a-fA-F]{4})+|\\x[0-9a-fA-F]{2}|\\."
        return shlex.quote(re.sub(escapes, unescaped, found[1]))

    return shlex.split(SHELL_QUOTED.sub(plainly_quoted, text.replace("\\\n", " ")))


def unescaped(found: re.Match[str]) -> str:
    """Return what escapes in bash's $'...' stand for, in the bytes of UTF-8."""
    kind, digits = found[0][1], found[0][2:]
    if kind == "u" and digits:
        units = bytes.fromhex(found[0].replace("\\u", ""))  # browsers write UTF-16
        return units.decode("utf-16-be", "replace").encode().decode("latin-1")
    if kind == "x" and digits:
        return chr(int(digits, 16))
    return SHELL_ESCAPES.get(kind, kind)


def read_bodies(rest: str, length: str | None) -> list[bytes]:
    """Find the end of a body; return it as it may have been, the likeliest first."""
    # Nothing behind the request is taken for its body: an answer, or the next line of
    # a log. The newline at its end may be the editor's, and others may have been CRLF.
    text = re.split(r"\n[ \t]*(?=\n|HTTP/[0-9])", "\n" + rest, maxsplit=1)[0][1:]
    whole = re.split(r"\n[ \t]*(?=HTTP/[0-9])", rest, maxsplit=1)[0]
    is_json = [read_json(it.encode("latin-1")) is not None for it in (text, whole)]
    if text and is_json == [False, True]:  # with an empty line in it
        text = whole
    bodies = []
    for taken in (text.rstrip("\n"), text, rest):
        for newline in ("\n", "\r\n"):
            body = taken.replace("\n", newline).encode("latin-1")
            bodies.append(body)
            if length and re.fullmatch("[0-9]{1,9}", length):
                bodies.append(body[: int(length)])
    if not length:
        return list(dict.fromkeys(bodies[:4]))
    exact = [body for body in dict.fromkeys(bodies) if str(len(body)) == length]
    if exact:
        return exact
    raise ValueError(
        f"Content-Length is {printable(length[:20])}, and here are {len(bodies[0])} bytes "
        "of a body: put the body as it was sent behind an empty line"
    )


# ---- Bitget's side: the public key ---------------------------------------------------

RSA_ENCRYPTION = bytes.fromhex("06092a864886f70d010101")  # RFC 8017, appendix A.1


def read_public_key(path: str) -> rsa.PublicKey:
    """Read a public key from a file, in whatever shape copying left it."""
    octets = Path(path).read_bytes()
    if octets.startswith((b"\xff\xfe", b"\xfe\xff")):
        octets = octets.decode("utf-16", "replace").encode()
    der = octets
    if not octets.startswith(b"0"):  # it is text: DER begins with 30, a SEQUENCE
        der = der_of_text(octets.decode("utf-8-sig", "replace"))
    key = None
    with contextlib.suppress(ValueError, TypeError, IndexError, PyAsn1Error):
        if RSA_ENCRYPTION in der[:40]:
            key = rsa.PublicKey.load_pkcs1_openssl_der(der)
        else:
            key = rsa.PublicKey.load_pkcs1(der, "DER")
    if key is None:
        raise ValueError(f"the file holds {what_is_no_public_key(octets, der)}")
    if key.n.bit_length() < 2048 or key.e < 3 or key.n % 2 == 0:
        raise ValueError("the key is too short: Bitget takes 2048 bits or more")
    return key


def der_of_text(text: str) -> bytes:
    """Decode a PEM, on any number of lines or none, and with any label or none."""
    plain = re.sub(r"\\[nr]|\s|[\"']|-----[^-]*-----", "", text)
    with contextlib.suppress(ValueError):
        return base64.b64decode(plain, validate=True)
    return b""


def what_is_no_public_key(octets: bytes, der: bytes) -> str:
    """Say what was given instead of a public key."""
    # A private key begins with a version: 0, or 1 for ECDSA.
    version = re.compile(rb"(?s)\x30.{1,3}?\x02\x01[\0\1][\x02\x04\x30]")
    if b"PRIVATE KEY" in octets or version.match(der):
        return "a private key, which nobody should have: give the public key's file"
    if b"CERTIFICATE" in octets or b"\xa0\x03\x02\x01" in der[:20]:
        command = "openssl x509 -pubkey -noout -in CERTIFICATE"
        return f"a certificate: give its public key, which {command} prints"
    if octets.lstrip().startswith(b"ssh-"):
        return "an OpenSSH key: ssh-keygen -e -m PKCS8 prints it as PEM"
    if der.startswith(b"0"):
        return "a key that is not RSA, or a damaged one: give an RSA public key"
    return "no RSA public key: give all of the PEM that begins with BEGIN PUBLIC KEY"


# ---- Bitget's side: the verbs --------------------------------------------------------


def run_demo(_: argparse.Namespace) -> int:
    """Show the whole protocol on this machine, with no account and no network."""
    print("1. The client makes a key pair. Bitget gets the public half only.\n")
    key_file = rsa.newkeys(2048)[1].save_pkcs1()
    key = bitget_rsa.load_private_key(key_file)
    print(bitget_rsa.public_key_pem(key))
    me = bitget_rsa.Credentials("demo_api_key", "demoPassphrase1", key)
    with StandIn(rsa.PublicKey(key.n, key.e)) as bitget:
        made = partial(bitget_rsa.prepare, credentials=me, base_url=bitget.url)
        print("2. A query is signed as it reads, and sent percent-encoded.\n")
        query = {"symbol": "$AIUSDT", "clientOid": "grid#7+8"}
        look_up = made("GET", "/api/v2/spot/trade/orderInfo", params=query)
        show_exchange(bitget, look_up)
        print("3. A body is signed in the very characters that are sent.\n")
        body = {"size": "0.01", "clientOid": "bot#7"}
        place = made("POST", "/api/v2/spot/trade/place-order", body=body)
        show_exchange(bitget, place)
        print("4. The size of that order is changed on the way: 0.01 becomes 9.01.\n")
        changed = (place.body or b"").replace(b'"0.01"', b'"9.01"')
        show_exchange(bitget, replace(place, body=changed))
        print("5. Another client signs the query as it is sent: the usual mistake.\n")
        wrong = look_up.prehash.partition("?")[0] + "?" + look_up.url.partition("?")[2]
        headers = {**look_up.headers, "ACCESS-SIGN": bitget_rsa.sign(wrong, key)}
        show_exchange(bitget, replace(look_up, prehash=wrong, headers=headers))
    return 0


def show_exchange(bitget: StandIn, sent: bitget_rsa.PreparedRequest) -> None:
    """Send a request to the stand-in, and print what either side does."""
    print(f"   client signs   {sent.prehash}")
    print(f"   SHA-256        {hashlib.sha256(sent.prehash.encode()).hexdigest()}")
    print(f"   client sends   {sent.method} {sent.url[len(bitget.url) :]}")
    signature = sent.headers["ACCESS-SIGN"]
    shown = f"{signature[:30]}... ({len(signature)} characters)"
    for name in NEEDED:
        headers = {**sent.headers, "ACCESS-PASSPHRASE": "***", "ACCESS-SIGN": shown}
        print(f"      {name}: {headers[name]}")
    if sent.body:
        print(f"      {sent.body.decode()}")
    try:
        print(f"   Bitget answers 00000 {json.dumps(bitget_rsa.send(sent))}")
    except bitget_rsa.ApiError as error:
        print(f"   Bitget answers {error.code}")
    verdict = bitget.exchanges[-1].verdict
    print("      " + "\n      ".join(verdict.lines() if verdict else []) + "\n")


def run_serve(options: argparse.Namespace) -> int:
    """Stand in for Bitget on this machine, for any client, until Ctrl-C."""
    public_key = read_public_key(options.public_pem)
    log = partial(print, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        with StandIn(public_key, port=options.port, log=log) as bitget:
            log(bitget.url)
            threading.Event().wait()
    return 0


def run_explain(options: argparse.Namespace) -> int:
    """Say why the signature of one request is refused."""
    public_key = read_public_key(options.public_pem)
    if options.file == "-":
        verdict = explain(public_key, sys.stdin.buffer.read())
    else:
        verdict = explain(public_key, Path(options.file).read_bytes())
    print("refused" if verdict.mistakes else "the signature is right")
    print("\n".join(verdict.lines()))
    return 1 if verdict.mistakes else 0


def run_vectors(_: argparse.Namespace) -> int:
    """Print the known answers as JSON, for ports to other languages."""
    print(json.dumps(vectors_for_ports(), indent=1))
    return 0


VERBS = {
    "demo": run_demo,
    "serve": run_serve,
    "explain": run_explain,
    "vectors": run_vectors,
}


def parser_of_verbs() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Bitget's side of a signed request. Without a verb, the tests run."
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    parsers = {}
    for name, run in VERBS.items():
        words = str(run.__doc__)
        parsers[name] = verbs.add_parser(name, help=words, description=words)
        parsers[name].set_defaults(run=run)
    for name in ("serve", "explain"):
        parsers[name].add_argument("public_pem", metavar="PUBLIC_PEM")
    port, file = parsers["serve"], parsers["explain"]
    port.add_argument("--port", type=int, default=0, help="default: a free one")
    words = f"default: standard input. {READS}"
    file.add_argument("file", metavar="FILE", nargs="?", default="-", help=words)
    return parser


def main(arguments: list[str]) -> int:
    """Run a verb; return the exit status."""
    options = parser_of_verbs().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return int(options.run(options))
    except (OSError, OverflowError, ValueError) as error:
        print(f"error: {what_went_wrong(error, options)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def what_went_wrong(error: Exception, options: argparse.Namespace) -> str:
    """Say it in a sentence. A file's name is repeated only if it cannot be a key."""
    if isinstance(error, OverflowError):
        return "the port must be from 0 to 65535"
    if not isinstance(error, OSError):
        return str(error)
    if error.errno == errno.EADDRINUSE:
        return f"port {options.port} is in use: choose another with --port"
    name = str(error.filename or "")
    named = f"{name}: " if re.fullmatch(r"[\w./\\: ~-]{1,100}", name) else ""
    return f"{named}{error.strerror}"


# ---- The tests of Bitget's side ------------------------------------------------------
OPENSSL = shutil.which("openssl")
PASSPHRASE = "planted0passphrase"
STAMP = "1763800000123"


class Case(unittest.TestCase):
    """A test that has a folder of its own, a clean environment, and leaves no thread."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(folder.name)
        ours = re.compile("(?i)BITGET_|.*_PROXY$|PYTHON(UNBUFFERED|IOENC)")
        others = {it: os.environ[it] for it in os.environ if not ours.match(it)}
        clean = mock.patch.dict(os.environ, others, clear=True)
        clean.start()
        self.addCleanup(clean.stop)
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        threads = threading.active_count()
        self.addCleanup(lambda: self.assertEqual(threading.active_count(), threads))

    def refuse(self, words: str, call: Any, *args: Any, **kw: Any) -> Any:
        """Expect an error with these words, in one line without a secret; return it."""
        kinds = kw.pop("kinds", ValueError)
        with self.subTest(words, args=str(args)[:200], kw=str(kw)[:200]):
            try:
                found = call(*args, **kw)
            except kinds as error:
                self.assert_words(words, str(error))
                self.assertTrue(str(error).isprintable() and len(str(error)) < 500)
                self.assert_harmless(str(error), f"{traceback.format_exc()}{error!r}")
                return error
            self.fail(f"nothing was refused, but given: {found!r:.200}")
        return mock.MagicMock()  # after a failure

    def assert_words(self, words: str, text: str) -> None:
        """Expect each of some words, with | between them, in any case of letters."""
        for word in words.split("|"):
            self.assertIn(word.lower(), text.lower())

    def assert_harmless(self, advice: str, shown: str = "") -> None:
        """Expect no secret, and no command that writes to FILE or private.pem."""
        for secret in SECRETS:
            self.assertNotIn(secret, advice + shown)
        for command in re.findall(r"(?:openssl|ssh-keygen|cp|mv) [^;,\n]+", advice):
            words = shlex.split(command)
            flag = {"openssl": "-out", "ssh-keygen": "-f"}.get(words[0])
            if flag in words[:-1] or not flag:
                written = words[words.index(flag) + 1] if flag else words[-1]
                self.assertNotIn(written, (">", "FILE", "private.pem", *words[1:3]))

    def write(self, name: str, content: str | bytes, mode: int = 0o600) -> Path:
        """Write a file into the test's folder."""
        path = Path(name).absolute()
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def run_main(self, line: str, *more: str, **environ: Any) -> tuple[int, str, str]:
        """Run a command in this process: its status, standard output and error."""
        call = environ.pop("main", bitget_rsa.main)
        given = io.TextIOWrapper(io.BytesIO(environ.pop("stdin", b"")))
        out, err = environ.pop("out", None) or io.StringIO(), io.StringIO()
        with mock.patch.multiple("sys", stdin=given, stdout=out, stderr=err):
            with mock.patch.dict(os.environ, environ):
                try:
                    status = call([*shlex.split(line), *more])
                except SystemExit as ended:  # argparse
                    status = ended.code
        out.seek(0)
        run = status, out.read(), err.getvalue()
        self.assert_harmless(run[1] + run[2])
        return run


def spawn(script: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """Run a Python script as a process of its own."""
    flags = ["-bb", *(f"-W{it}" for it in sys.warnoptions)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([sys.executable, *flags, script, *arguments], **pipes)


def base64_of(octets: bytes) -> str:
    """Encode octets as ACCESS-SIGN does."""
    return base64.b64encode(octets).decode()


def raw_signature(encoded: bytes) -> str:
    """Raise octets, padded as they are, to the private exponent."""
    number = int.from_bytes(encoded, "big")
    return base64_of(KEY.blinded_decrypt(number).to_bytes(256, "big"))


def padded(content: bytes) -> bytes:
    """Pad octets as RFC 8017, section 9.2, does."""
    return b"\0\x01" + b"\xff" * (253 - len(content)) + b"\0" + content


def signature_of(text: str | bytes, hash_name: str = "SHA-256") -> str:
    """Sign a text as the package rsa does, only faster."""
    octets = text.encode() if isinstance(text, str) else text
    digest = HASHES[hash_name](octets).digest()
    return raw_signature(padded(HASH_ASN1[hash_name] + digest))


def openssl(line: str, text: str) -> str:
    """Run openssl in a folder that holds the keys; return what it prints, in base64."""
    for name, pem_text in KEYS.items():
        Path(f"{name}.pem").write_text(pem_text)
    octets = subprocess.check_output([str(OPENSSL), *line.split()], input=text.encode())
    return base64_of(octets)


def request_of(
    sent: str, body: str | bytes, signature: str, timestamp: str = STAMP
) -> Request:
    """Make a request of its first line's method and target, a body and a signature."""
    method, target = sent.split(" ")
    headers = email.message.Message()
    headers["Host"] = "127.0.0.1:8000"
    headers["access-key"] = "bg_1"
    headers["ACCESS-PASSPHRASE"] = PASSPHRASE
    headers["ACCESS-SIGN"] = signature
    headers["Access-Timestamp"] = timestamp
    return Request(
        method, target, headers, body.encode() if isinstance(body, str) else body
    )


ORDER = '{"symbol":"BTC/USDT","size":"0.01","clientOid":"\u9f99"}'
QUERY = "GET /o?b=1%2F2%20%237&a=~x"
# The mistakes; what is sent; and what is signed behind the timestamp.
SIGNED_WRONGLY = (
    ("", "GET /o?a=1+2", "", "GET/o?a=1+2"),
    ("", "GET /o?a=1+2", "", "GET/o?a=1 2"),
    ("", "GET https://api.bitget.com/o?a=%3F#b", "", "GET/o?a=?"),
    ("", "POST /o?b=1&a=%2f%20", '{"b": 1,\n "a": 2}', 'POST/o?b=1&a=/ {"b": 1,\n "a": 2}'),
    ("query-encoded", QUERY, "", "GET/o?b=1%2F2%20%237&a=~x"),  # as sent
    ("query-encoded", QUERY, "", "GET/o?b=1%2f2%20%237&a=~x"),
    ("query-encoded", QUERY, "", "GET/o?b=1/2%20%237&a=~x"),  # quote of Python
    ("query-encoded", QUERY, "", "GET/o?b=1%2F2+%237&a=~x"),  # urlencode
    ("query-encoded", QUERY, "", "GET/o?b=1%2F2+%237&a=%7Ex"),  # URLSearchParams
    ("query-encoded", QUERY, "", "GET/o?b=1%252F2%2520%25237&a=~x"),  # twice
    ("query-encoded", QUERY, "", "GET/o?b%3D1%2F2%20%237%26a%3D~x"),  # all of it
    ("query-encoded", "GET /o?a=*()!'%27", "", "GET/o?a=*()!%27%27"),
    ("query-encoded question-mark", QUERY, "", "GET/ob=1%2F2%20%237&a=~x"),
    ("query-order", "GET /o?a=1&b=2&c=3&d=4&e=5", "", "GET/o?c=3&e=5&b=2&d=4&a=1"),
    ("query-order", "GET /o?a&b&c&d&e&f&g&h", "", "GET/o?h&g&f&e&d&c&b&a"),
    ("query-order query-encoded", QUERY, "", "GET/o?a=~x&b=1%2F2%20%237"),
    ("query-order query-encoded", QUERY, "", "GET/o?a=%7Ex&b=1%2F2+%237"),
    ("query-order method", QUERY, "", "get/o?a=~x&b=1/2 #7"),
    ("query-missing", QUERY, "", "GET/o"),
    ("query-missing", QUERY, "", "GET/o?"),
    ("question-mark", "GET /o", "", "GET/o?"),
    ("query-as-body", "GET /o?n=20&a=b", "", 'GET/o{"n": 20, "a": "b"}'),
    ("query-as-body", QUERY, "", 'GET/o?b=1/2 #7&a=~x{"b":"1/2 #7","a":"~x"}'),
    ("body-missing", "POST /o", ORDER, "POST/o"),
    ("body-missing method", "POST /o", ORDER, "post/o"),
    ("body-empty", "GET /o", "", "GET/o{}"),
    ("body-empty", "POST /o", "", "POST/oundefined"),
    ("body-as-query", "POST /o", '{"b":"1 2","a":3}', "POST/o?a=3&b=1 2"),
    ("body-as-query", "POST /o", '{"b":"1 2","a":[1]}', "POST/ob=1+2&a=%5B1%5D"),
    ("body-rewritten", "POST /o", '{"a":0.10,"b":[]}', 'POST/o{"a": 0.10, "b": []}'),
    ("body-rewritten", "POST /o", '{"a": 1}', 'POST/o{"a":1}'),
    ("body-rewritten", "POST /o", '{"b":1,"a":[{}]}', 'POST/o{"a":[{}],"b":1}'),
    ("body-rewritten", "POST /o", '{"a":[1,{}]}', 'POST/o{\n  "a": [\n    1,\n    {}\n  ]\n}'),
    ("body-rewritten", "POST /o", '{"a":1}', 'POST/o{\n  "a" : 1\n}'),  # Jackson
    ("body-rewritten", "POST /o", '{"a":1,"b":"2"}', 'POST/o{"a":"1","b":"2"}'),
    ("body-rewritten", "POST /o", '{"a":"1","b":"x"}', 'POST/o{"a":1,"b":"x"}'),
    ("body-rewritten", "POST /o", '{"a":0.10,"b":7}', 'POST/o{"a":0.1,"b":7}'),
    ("body-rewritten", "POST /o", '{"a":1.0}', 'POST/o{"a":1}'),
    ("body-rewritten", "POST /o", '{"a":1}', 'POST/o{"a":1.0}'),
    ("body-rewritten", "POST /o", '{"a":0.00001}', 'POST/o{"a":1e-05}'),  # Python
    ("body-rewritten", "POST /o", '{"a":0.0000001}', 'POST/o{"a":1e-7}'),  # JavaScript
    ("body-rewritten", "POST /o", '{"a":1e-7}', 'POST/o{"a":0.0000001}'),
    ("body-rewritten", "POST /o", '{"a":0.0000001}', 'POST/o{"a":1E-7}'),  # BigDecimal
    ("body-rewritten", "POST /o", '{"a":null,"b":1}', 'POST/o{"b":1}'),
    ("body-rewritten", "POST /o", '{"a":"b"}', "POST/o{'a': 'b'}"),
    ("body-rewritten", "POST /o", '{"a":"b"}', 'POST/ob\'{"a":"b"}\''),
    ("body-rewritten", "POST /o", '{"a":"b"}', "POST/o[object Object]"),
    ("body-rewritten", "POST /o", '{"a":"b"}', 'POST/o"{\\"a\\":\\"b\\"}"'),
    ("body-rewritten", "POST /o", '"{\\"a\\":1}"', 'POST/o{"a":1}'),
    ("body-rewritten", "POST /o", '{\r\n"a":1}', 'POST/o{\n"a":1}'),
    ("body-rewritten", "POST /o", '{\n"a":1}', 'POST/o{\r\n"a":1}'),
    ("body-rewritten", "POST /o", "a\nb", "POST/oa\r\nb"),  # not JSON
    ("body-rewritten newline", "POST /o", '{   "a":1}', 'POST/o{\n   "a":1\n}\n'),  # -d @file
    ("newline", "GET /o?a=b", "", "GET/o?a=b\n"),
    ("newline", "POST /o", ORDER, f"POST/o{ORDER}\r\n"),
    ("newline", "POST /o", ORDER + "\n", f"POST/o{ORDER}"),
    ("method", "GET /o", "", "get/o"),
    ("method", "GET /o", "", "/o"),
    ("path", "GET /api/v2/o", "", "GET127.0.0.1:8000/api/v2/o"),
    ("path", "GET /api/v2/o", "", "GEThttps://api.bitget.com/api/v2/o"),
    ("path", "GET //api/v2/o", "", "GET/api/v2/o"),
    ("path", "GET /api/v2/o", "", "GET//api/v2/o"),
    ("path", "GET /api/v2/o/", "", "GET/api/v2/o"),
    ("path", "GET /api/v2/o", "", "GET/api/v2/o/"),
    ("path", "GET /proxy/api/v2/o", "", "GET/api/v2/o"),
    ("path query-encoded", "GET /api/o?a=%23", "", "GET/o?a=%23"),
    ("layout", "POST /o", '{"a":1}', '/oPOST{"a":1}'),
    ("layout", "POST /o?c=1", '{"a":1}', 'POST/o{"a":1}?c=1'),
    ("body-rewritten", "POST /o", f'[1e{"9" * 20},[0.10]]', f'POST/o[1e{"9" * 20},[0.1]]'),
    ("body-rewritten", "POST /o", "[1e999,0.10]", "POST/o[1e999,0.1]"),
    ("layout", "GET /o?a=1", "", "bg_1GET/o?a=1"),
    ("unknown", "POST /o", '{"size":"9.01"}', 'POST/o{"size":"0.01"}'),
    ("unknown", "GET /o?a&b&c&d&e&f&g&h", "", "GET/o?i"),
)  # fmt: skip
# The mistakes in GET /o, and what is signed, timestamp and all.
SIGNED_AS_A_WHOLE = (
    *(("timestamp", f"{it}GET/o") for it in (
        "1763800000", "1763800000000", "1763800000.123", "1763800000123.0",
        "1763800000123000", "1763800000123000000", "2025-11-22T08:26:40Z",
        "2025-11-22T08:26:40.123Z", "2025-11-22 08:26:40.123000", "", "1763800000122",
        "1763800000183", "1763800000063",
    )),
    ("unknown", "1763800000184GET/o"),
    ("layout", f"{STAMP}\nGET\n/o\n"), ("layout", f"{STAMP}&GET&/o"),
    ("layout", f"{STAMP}GET{PASSPHRASE}/o"), ("layout", f"{STAMP}GET/user/verify"),
    ("layout", f"timestamp={STAMP}"), ("layout", f"{STAMP}bg_15000"),
)  # fmt: skip


# What libraries made of one value each: run in Node 20, Go 1.19, PHP 8.2, OpenJDK 17 with
# Gson 2.10 and Jackson 2.14, and Python 3.11; System.Text.Json by its documentation.
RARE_BODY = """{"a":"<&>='+`/\\"龙🦐\u2028\x7f"}"""
BODIES_BY_LIBRARY = (
    ("JSON.stringify", RARE_BODY),
    ("json.dumps", """{"a": "<&>='+`/\\"\\u9f99\\ud83e\\udd90\\u2028\\u007f"}"""),
    ("encoding/json", """{"a":"\\u003c\\u0026\\u003e='+`/\\"龙🦐\\u2028\x7f"}"""),
    ("Gson", """{"a":"\\u003c\\u0026\\u003e\\u003d\\u0027+`/\\"龙🦐\\u2028\x7f"}"""),
    ("Jackson, ESCAPE_NON_ASCII", """{"a":"<&>='+`/\\"\\u9F99\\uD83E\\uDD90\\u2028\x7f"}"""),
    ("json_encode", """{"a":"<&>='+`\\/\\"\\u9f99\\ud83e\\udd90\\u2028\x7f"}"""),
    ("JSON_UNESCAPED_UNICODE", """{"a":"<&>='+`\\/\\"龙🦐\\u2028\x7f"}"""),
    ("System.Text.Json", (
        """{"a":"\\u003C\\u0026\\u003E=\\u0027\\u002B\\u0060/\\u0022"""
        """\\u9F99\\uD83E\\uDD90\\u2028\\u007F"}"""
    )),
)  # fmt: skip
RARE_QUERY = "1/2%20%237~*!'()%24,%3A@%5B%5D%5E%7C%E9%BE%99"  # as sent
QUERIES_BY_LIBRARY = (
    ("url.Values", "1%2F2+%237~%2A%21%27%28%29%24%2C%3A%40%5B%5D%5E%7C%E9%BE%99"),
    ("URLEncoder", "1%2F2+%237%7E*%21%27%28%29%24%2C%3A%40%5B%5D%5E%7C%E9%BE%99"),
    (
        "http_build_query",
        "1%2F2+%237%7E%2A%21%27%28%29%24%2C%3A%40%5B%5D%5E%7C%E9%BE%99",
    ),
    ("encodeURIComponent", "1%2F2%20%237~*!'()%24%2C%3A%40%5B%5D%5E%7C%E9%BE%99"),
    ("encodeURI", "1/2%20#7~*!'()$,:@%5B%5D%5E%7C%E9%BE%99"),
    ("rawurlencode", "1%2F2%20%237~%2A%21%27%28%29%24%2C%3A%40%5B%5D%5E%7C%E9%BE%99"),
    ("quote", "1/2%20%237~%2A%21%27%28%29%24%2C%3A%40%5B%5D%5E%7C%E9%BE%99"),
    ("new URL", "1/2%20%237~*!%27()$,:@[]^|%E9%BE%99"),
)


def texts_of(it: Mistake, request: Request) -> list[bytes]:
    """Return all that a client may have signed that makes a mistake."""
    right = right_text(request)
    guesses = guesses_of(it, request, right)
    return [guess.text.joined() for guess in guesses]


class SideCase(Case):
    """A test that does not try twenty thousand times, which would only take time."""

    def setUp(self) -> None:
        super().setUp()
        self.set(CLOCK_MS=60)

    def set(self, **constants: int) -> None:
        """Change constants of this file until the test ends."""
        for name, value in constants.items():
            patch = mock.patch(f"{__name__}.{name}", value)
            patch.start()
            self.addCleanup(patch.stop)


class TestMistakes(SideCase):
    def judged(self, names: str, request: Request) -> Verdict:
        verdict = judge(PUBLIC, request)
        self.assertEqual(
            sorted(verdict.mistakes), sorted(names.split()), verdict.lines()
        )
        return verdict

    def test_each_is_named_and_the_text_that_was_signed_is_shown(self) -> None:
        rows = [(*it[:3], STAMP + it[3]) for it in SIGNED_WRONGLY]
        rows += [(names, "GET /o", "", text) for names, text in SIGNED_AS_A_WHOLE]
        for names, sent, body, text in rows:
            with self.subTest(names, sent=sent, body=body, signed=text):
                verdict = self.judged(names, request_of(sent, body, signature_of(text)))
                self.assertEqual(verdict.notes, [PLUS] if "+" in sent else [])
                shown = text.replace(PASSPHRASE, "***")
                shown = shown.replace("bg_1", "***") if names == "layout" else shown
                self.assertEqual(verdict.signed, None if names == "unknown" else shown)
                digest = hashlib.sha256(text.encode()).hexdigest()
                self.assertEqual(verdict.digest, digest)
                self.assert_harmless("\n".join(verdict.lines()))

    def test_the_spelling_of_each_library_is_known(self) -> None:
        for library, body in BODIES_BY_LIBRARY:
            for sent in {json.dumps(json.loads(body)), RARE_BODY} - {body}:
                with self.subTest(library, sent=sent):
                    signature = signature_of(f"{STAMP}POST/o{body}")
                    self.judged(
                        "body-rewritten", request_of("POST /o", sent, signature)
                    )
        for library, query in QUERIES_BY_LIBRARY:
            with self.subTest(library):
                signature = signature_of(f"{STAMP}GET/o?a={query}")
                sent = f"GET /o?a={RARE_QUERY}"
                self.judged("query-encoded", request_of(sent, "", signature))

    def test_milliseconds_signed_and_seconds_sent_are_a_timestamp(self) -> None:
        request = request_of("GET /o", "", signature_of(f"{STAMP}GET/o"), STAMP[:10])
        self.judged("timestamp", request)
        request = request_of("GET /o", "", signature_of("other"), STAMP[:10])
        self.judged("unknown", request)

    def test_a_text_of_another_charset_is_known(self) -> None:
        text = f"{STAMP}GET/o?a=\u9f99\u00e9"
        right = text.encode()
        for octets in (
            text.encode("utf-16"), text.encode("utf-16-le"), text.encode("utf-16-be"),
            text.encode("utf-8-sig"), text.encode("latin-1", "replace"), text.encode("gbk"),
            text.encode("ascii", "replace"), right.decode("latin-1").encode(),
        ):  # fmt: skip
            with self.subTest(octets=octets):
                sent = "GET /o?a=%E9%BE%99%C3%A9"
                self.judged("charset", request_of(sent, "", signature_of(octets)))

    def test_a_text_of_any_mistake_is_named_after_the_first_that_makes_it(self) -> None:
        for request in (
            request_of("GET /api/v2/o?b=%23&a=1+%E9%BE%99", "", ""),
            request_of("POST //api/o/", '{"b":"</","a":0.10,"c":null}\n', ""),
        ):
            first: dict[bytes, dict[str, str]] = {
                right_text(reading).joined(): {} for reading in readings(request)
            }
            by_mistake = [texts_of(it, request) for it in MISTAKES]
            for it, texts in zip(MISTAKES, by_mistake):
                for text in texts:
                    first.setdefault(text, it.meanings)
            for it, texts in zip(MISTAKES, by_mistake):
                for text in random.Random(1).sample(texts, min(2, len(texts))):
                    with self.subTest(str([*it.meanings]), signed=text):
                        signed = request_of("GET /", "", signature_of(text)).headers
                        found = judge(PUBLIC, replace(request, headers=signed))
                        self.assertEqual(found.meanings, first[text])

    def test_where_two_mistakes_make_the_same_text_the_first_is_named(self) -> None:
        self.set(CLOCK_MS=200)
        same = set()
        for request in (
            request_of("GET /api/v2/o?b=2&a=1", "", ""),
            request_of("POST /api/v2/o?a=1", '{"b":"2"}', ""),
        ):
            right = right_text(request).joined()
            makers: dict[bytes, list[str]] = {}
            for it in MISTAKES:
                for text in {*texts_of(it, request)} - {right}:
                    makers.setdefault(text, []).append("+".join(it.meanings))
            same |= {" = ".join(names) for names in makers.values() if len(names) > 1}
        self.assertEqual(same, {
            "query-order = query-order+query-encoded",  # nothing to escape
            "body-missing = layout",
            "method = layout",
            "timestamp = layout",
            "timestamp = timestamp",  # as whole seconds, or the clock read twice
        })  # fmt: skip

    def assert_signatures(self, *rows: tuple[str, str, str]) -> None:
        """Expect mistakes, and words about them, for signatures of GET /o."""
        for names, words, signature in rows:
            with self.subTest(names, words=words, signature=signature[:99]):
                verdict = self.judged(names, request_of("GET /o", "", signature))
                self.assert_words(words, "".join(verdict.reasons()))

    def test_what_was_signed_in_place_of_the_digest_by_sha256_is_said(self) -> None:
        text = f"{STAMP}GET/o"
        digest = hashlib.sha256(text.encode())
        in_name = HASH_ASN1["SHA-256"] + digest.digest()
        self.assert_signatures(
            ("", "", signature_of(text)),
            ("hash", "SHA-1 in place of SHA-256", signature_of(text, "SHA-1")),
            ("hash", "MD5 in place of SHA-256", signature_of(text, "MD5")),
            ("hash", "SHA3-256 in place of", signature_of(text, "SHA3-256")),
            ("hash", "hashed and signed", signature_of(digest.digest())),
            ("hash", "hashed and signed", signature_of(digest.hexdigest())),
            ("hash", "hashed and signed", signature_of(hashlib.md5(text.encode()).hexdigest())),
            ("hash", "DigestInfo", raw_signature(padded(digest.digest()))),
            ("hash", "DigestInfo", raw_signature(padded(digest.hexdigest().encode()))),
            ("hash", "without a hash", raw_signature(padded(text.encode()))),
            ("hash unknown", "without a hash", raw_signature(padded(b"another text"))),
            ("hash unknown", "SHA-1 in place of", signature_of("another text", "SHA-1")),
            ("padding hash", "without its DigestInfo", raw_signature(digest.digest())),
            ("padding", "there is none", raw_signature(in_name)),
            ("padding hash", "without a hash", raw_signature(text.encode())),
        )  # fmt: skip
        by_sha1 = request_of("GET /o", "", signature_of(text, "SHA-1"))
        self.assertIsNone(judge(PUBLIC, by_sha1).digest)

    def test_a_text_that_was_signed_without_a_hash_is_shown_without_secrets(
        self,
    ) -> None:
        signature = raw_signature(padded(f"{PASSPHRASE} bg_1 {STAMP}".encode()))
        verdict = self.judged("hash unknown", request_of("GET /o", "", signature))
        self.assertEqual(verdict.signed, f"*** *** {STAMP}")

    def test_no_text_shows_a_passphrase_in_any_charset(self) -> None:
        for secret in ("p\u00e4ssw\u00f6rt1", "pass\u00c5\u00e0", "\u9f99\u867e-1"):
            for charset in ("utf-8", "latin-1"):
                octets = secret.encode(charset, "replace")
                for text in (STAMP.encode() + octets + b"GET/o", octets):
                    request = request_of("GET /o", "", raw_signature(padded(text)))
                    hashed = request_of("GET /o", "", signature_of(text))
                    for it in (request, hashed):
                        passphrase = octets.decode("latin-1")
                        it.headers.replace_header("ACCESS-PASSPHRASE", passphrase)
                        shown = "".join(judge(PUBLIC, it).lines())
                        self.assertNotIn(secret, shown)
                        self.assertNotIn(
                            printable(octets.decode("utf-8", "replace")), shown
                        )
        sent = request_of("GET /1", "", "")
        sent.headers.replace_header("access-key", "1")  # which the request shows anyway
        self.assertEqual(without_secrets(b"/1", sent), "/1")
        masked = without_secrets("p\u00e4".encode(), request_of("GET /", "", ""))
        self.assertEqual(masked, "p\u00e4")
        sent.headers.replace_header("ACCESS-PASSPHRASE", "p\u00e4")
        self.assertEqual(without_secrets("p\u00e4".encode(), sent), "***")

    def test_a_mistake_of_any_name_is_shown_without_secrets(self) -> None:
        def with_passphrase(request: Request, right: Text) -> Iterator[Text]:
            yield right._replace(end=request.header("ACCESS-PASSPHRASE").encode())

        signature = signature_of(f"{STAMP}GET/o{PASSPHRASE}")
        new = Mistake({"new": "a mistake of tomorrow"}, with_passphrase, paired=False)
        with mock.patch(f"{__name__}.MISTAKES", [new]):
            verdict = self.judged("new", request_of("GET /o", "", signature))
        self.assertEqual(verdict.signed, f"{STAMP}GET/o***")

    def test_the_remedy_fits_either_method(self) -> None:
        for names, sent, body, text, words in (
            ("body-missing", "GET /o", "{}", "GET/o", "for a GET, send no body"),
            ("query-as-body", "POST /o?a=b", "", 'POST/o{"a":"b"}', "send that JSON as the body"),
            ("body-as-query", "GET /o", '{"a":"b"}', "GET/o?a=b", "send the query"),
        ):  # fmt: skip
            request = request_of(sent, body, signature_of(STAMP + text))
            self.assert_words(words, "".join(self.judged(names, request).reasons()))

    def test_what_is_not_base64_as_it_should_be_is_said(self) -> None:
        right = signature_of(f"{STAMP}GET/o")
        octets = base64.b64decode(right)
        self.assert_signatures(
            ("encoding", "hexadecimal", octets.hex()),
            ("encoding", "hexadecimal", "0x" + octets.hex().upper()),
            ("encoding", "of hexadecimal", base64_of(octets.hex().encode())),
            ("encoding", "base64 of base64", base64_of(right.encode())),
            ("encoding", "base64url", base64.urlsafe_b64encode(octets).decode().rstrip("=")),
            ("encoding", "padded with =", right.rstrip("=")),
            ("encoding", "padded with =", right + "="),
            ("encoding", "not standard", f"{right[:-3]}{chr(ord(right[-3]) + 1)}=="),
            ("encoding", "percent-encoded", quote(right, safe="")),
            ("encoding", "quotes", f'"{right}"'),
            ("encoding", "prints bytes", f"b'{right}'"),
            ("encoding", "in reverse order", base64_of(octets[::-1])),
            ("encoding", "spaces", right.replace("+", " ")),
            ("encoding", "several lines", f"{right[:64]}\n {right[64:]}"),
            ("encoding", "not base64", "***"),
            ("encoding", "not base64", "undefined"),
            ("encoding", "not base64", "\u00e9" * 300),
        )  # fmt: skip

    def test_what_has_another_length_is_said(self) -> None:
        text = f"{STAMP}GET/o"
        right = base64.b64decode(signature_of(text))
        self.assert_signatures(
            ("size", "digest of the text", base64_of(hashlib.sha256(text.encode()).digest())),
            ("size", "Ed25519", base64_of(b"7" * 64)),
            ("size", "3 bytes", "MIIB"),
            ("size", "a zero byte", base64_of(b"\0" + right)),
            ("size", "255 bytes", base64_of(b"7" * 255)),
            ("hmac", "is probably an HMAC-SHA256", base64_of(b"7" * 32)),
            ("hmac", "HMAC-SHA256", "0a" * 32),
            ("other-key", "4096 bits, and this one 2048", base64_of(bytes(512))),
            ("other-key", "another private key|was damaged|PKCS1", base64_of(b"7" * 256)),
        )  # fmt: skip

    def test_a_signature_is_less_than_the_modulus(self) -> None:
        # RFC 8017, section 8.2.2: a greater number has the same power, and is refused.
        room = 2**2048 - KEY.n
        for count in range(100):
            octets = base64.b64decode(signature_of(f"{STAMP}GET/o?a={count}"))
            number = int.from_bytes(octets, "big")
            if number < room:
                break
        vast = base64_of((number + KEY.n).to_bytes(256, "big"))
        self.judged("other-key", request_of(f"GET /o?a={count}", "", vast))

    def test_a_lost_zero_byte_is_told_from_a_signature_of_another_size(self) -> None:
        vector = next(it for it in ACCEPTED if it.name == "zero-byte")
        octets = base64.b64decode(vector.signature)
        self.assertEqual(octets[0], 0)
        stamp = str(vector.timestamp_ms)
        request = request_of(f"GET {vector.target}", "", base64_of(octets[1:]), stamp)
        self.assertEqual(self.judged("size", request).signed, vector.prehash)

    @unittest.skipUnless(OPENSSL, "openssl is not installed")
    def test_pss_is_claimed_only_when_it_is_certain(self) -> None:
        for names, of_unknown, options in (
            ("pss", "pss unknown", "-sha256 -sigopt rsa_pss_saltlen:32"),
            ("pss", "other-key", "-sha256 -sigopt rsa_pss_saltlen:max"),
            ("pss", "pss unknown", "-sha256 -sigopt rsa_pss_saltlen:20 -sigopt rsa_mgf1_md:sha1"),
            ("pss hash", "other-key", "-sha512 -sigopt rsa_pss_saltlen:max"),
        ):  # fmt: skip
            with self.subTest(names, options=options):
                pss = "-binary -sign rfc7515.pem -sigopt rsa_padding_mode:pss"
                signature = openssl(f"dgst {pss} {options}", f"{STAMP}GET/o?a=%23")
                request = request_of("GET /o?a=%23", "", signature)
                self.judged(f"{names} query-encoded", request)
                signature = openssl(f"dgst {pss} {options}", "another text")
                request = request_of("GET /o?a=%23", "", signature)
                verdict = self.judged(of_unknown, request)
                self.assert_words("padding is PSS", "".join(verdict.reasons()))

    def test_unknown_leads_on_by_the_digest(self) -> None:
        verdict = self.judged(
            "unknown", request_of("GET /o", "", signature_of("other"))
        )
        digest = hashlib.sha256(b"other").hexdigest()
        self.assertEqual(verdict.digest, digest)
        self.assertIn(digest, "\n".join(verdict.lines()))
        verdict = judge(
            PUBLIC, request_of("POST /o", '{"a":"\u9f99', signature_of("other"))
        )
        self.assert_words("count Content-Length in bytes", verdict.notes[0])

    def test_the_search_is_bounded_whatever_the_body(self) -> None:
        orders = [{"symbol": "\u9f99/<\ud800", "size": str(n)} for n in range(2000)]
        costs: list[int] = []
        self.set(SEARCH_BUDGET=10_000_000)

        def count(_: Opened, text: bytes) -> bool:
            costs.append(TEXT_COST + len(text))
            return False

        with mock.patch.object(Opened, "holds", count):
            for body in (
                json.dumps(orders), '{"a":' * 50_000, "[" * 50_000, '{"a":1e9999999}',
                '{"a":1}'.encode("utf-16"), f'{{"a":{"9" * 5000}}}',
            ):  # fmt: skip
                costs.clear()
                request = request_of("POST /o?a=+&b=%20", body, signature_of("other"))
                verdict = self.judged("unknown", request)
                self.assertLess(
                    sum(costs), 2 * SEARCH_BUDGET + 2 * (TEXT_COST + len(body) + 99)
                )
                if len(body) > 10_000:
                    self.assertIn(CUT_SEARCH, verdict.notes)

    def tried(self, request: Request, stop_at: float = math.inf) -> int:
        """Search for what is not to be found; count the texts that are tried."""
        tried: list[bytes] = []

        def add(_: Opened, text: bytes) -> bool:
            tried.append(text)
            return False

        search = Search(request, read_signature(signature_of("other"), PUBLIC))
        search.stopped = lambda: len(tried) >= stop_at
        with mock.patch.object(Opened, "holds", add):
            self.assertIsNone(search.wrong_text())
        self.assertTrue(search.cut_short)
        return len(tried)

    def test_a_search_ends_early_whatever_the_query(self) -> None:
        self.set(LONGEST_SEARCH_S=1000)
        different = "&".join(f"{name}=" + "%ff" * 3000 for name in "abcdefg")
        for query in (different, "&".join(["%ff" * 3000] * 7)):
            count = self.tried(request_of(f"GET /o?{query}", "", ""))
            self.assertLess(count, 500)

    def test_a_search_ends_by_the_clock_or_when_it_is_stopped(self) -> None:
        request = request_of("GET /o?a=1&b=2", "", "")
        self.set(SEARCH_BUDGET=10**12)

        self.assertEqual(self.tried(request, stop_at=5), 5)
        with mock.patch("time.monotonic", side_effect=range(100)):
            self.assertLess(self.tried(request), 10)

    def test_a_long_body_is_verified_but_no_mistake_is_searched(self) -> None:
        body = json.dumps("<" * 300_000)
        right = request_of("POST /o", body, signature_of(f"{STAMP}POST/o{body}"))
        self.judged("", right)
        wrong = request_of("POST /o", body, signature_of(f"{STAMP}POST/o"))
        self.assertIn(CUT_SEARCH, self.judged("unknown", wrong).notes)
        body = "x" * 150_000  # what changes no body costs little
        signature = signature_of(f"{STAMP}post/o{body}")
        self.judged("method", request_of("POST /o", body, signature))

    def test_json_nested_too_deeply_to_be_changed_is_no_error(self) -> None:
        self.set(SEARCH_BUDGET=10_000_000)
        for depth in (100, *range(480, 500), 900):
            body = "[" * depth + "]" * depth
            self.judged("unknown", request_of("POST /o", body, signature_of("other")))

        def endless(request: Request, right: Text) -> Iterator[Text]:
            yield from endless(request, right)

        mistakes = [Mistake({"endless": ""}, endless, paired=True), *MISTAKES]
        with mock.patch(f"{__name__}.MISTAKES", mistakes):
            right = signature_of(f"{STAMP}get/o")
            self.judged("method", request_of("GET /o", "", right))
            verdict = self.judged(
                "unknown", request_of("GET /o", "", signature_of("other"))
            )
        self.assertIn(CUT_SEARCH, verdict.notes)

    def test_all_is_tried_with_a_body_of_some_orders_but_the_clock(self) -> None:
        self.set(CLOCK_MS=10_000)
        orders = [{"symbol": "BTCUSDT", "size": f"0.{n}"} for n in range(100)]
        body = json.dumps({"symbol": "BTCUSDT", "orderList": orders})
        self.assertGreater(len(body), 3900)
        for names, text in (
            ("layout", f"/oPOST{body}{STAMP}"),
            ("method", f"{STAMP}post/o{body}"),
            (
                "body-rewritten",
                f"{STAMP}POST/o{json.dumps(json.loads(body), indent=2)}",
            ),
        ):
            signature = signature_of(text)
            self.judged(names, request_of("POST /o", body, signature))

    def test_the_caret_stands_below_the_first_difference(self) -> None:
        for rebuilt, signed, caret in (
            ("a=1", "a=2", 11), ("\u9f99a", "\u9f99b", 11), ("a", "ab", 10), ("ab", "a", 10),
            ("\x1ba", "\x1bb", 13), ("x" * 500 + "a", "x" * 500 + "b", 112),
        ):  # fmt: skip
            lines = compared(rebuilt, signed)
            self.assertEqual(lines[2], " " * caret + "^", lines)
            self.assertTrue("".join(lines).isprintable())
            self.assertLess(max(map(len, lines)), 320)


class TestVectors(SideCase):
    def setUp(self) -> None:
        super().setUp()
        with contextlib.redirect_stdout(io.StringIO()) as out:
            self.assertEqual(main(["vectors"]), 0)
        self.printed = json.loads(out.getvalue())  # all that a test may use
        self.keys = {}
        for name, pem_text in self.printed["keys"].items():
            der = base64.b64decode("".join(pem_text.split("\n")[1:-2]))
            private_key = rsa.PrivateKey.load_pkcs1(der[26:], "DER")
            self.keys[name] = rsa.PublicKey(private_key.n, private_key.e)

    def verify(self, text: str, it: Any) -> None:
        signature = base64.b64decode(it["signature"])
        rsa.verify(text.encode(), signature, self.keys[it["key"]])

    def request(self, it: Any, **changed: str) -> Request:
        """Make the request of a vector of what was printed, with some headers changed."""
        headers = email.message.Message()
        for name, value in {**it["headers"], **changed}.items():
            headers[name] = value
        target = it["url"].partition("bitget.com")[2]
        return Request(it["method"], target, headers, it["body_sent"].encode())

    def test_each_stage_of_what_is_accepted_follows_from_the_one_before(self) -> None:
        for it in self.printed["accepted"]:
            with self.subTest(it["name"]):
                digest = hashlib.sha256(it["prehash"].encode()).hexdigest()
                self.assertEqual(digest, it["sha256"])
                self.verify(it["prehash"], it)
                verdict = judge(self.keys[it["key"]], self.request(it))
                self.assertEqual(verdict.rebuilt, it["prehash"])
                self.assertEqual(verdict.mistakes, [])
        for it in self.printed["rfc"]:
            self.verify(it["text"], it)
        self.assertTrue(self.printed["notes"] and self.printed["arguments"])

    def test_what_is_refused_is_refused_for_its_one_mistake(self) -> None:
        requests = {it["name"]: it for it in self.printed["accepted"]}
        for it in self.printed["refused"]:
            with self.subTest(it["mistake"]):
                changed = {"ACCESS-SIGN": it["signature"]}
                request = self.request(requests[it["request"]], **changed)
                verdict = judge(self.keys[it["key"]], request)
                self.assertEqual(verdict.mistakes, [it["mistake"]])
                self.assertIn(verdict.signed, (it["signed"], None))

    @unittest.skipUnless(OPENSSL, "openssl is not installed")
    def test_openssl_makes_the_same_signatures(self) -> None:
        sha256 = "-sha256 -sign KEY.pem"
        keys = {vector.name: vector.key for vector in ACCEPTED}
        rows = [(it.key, it.prehash, it.signature, sha256) for it in ACCEPTED]
        rows += [(it.key, it.text, it.signature, sha256) for it in RFC_SIGNATURES]
        for it in REFUSED:
            rows.append((keys[it.request], it.signed, it.signature, it.options))
        for key, text, signature, options in rows:
            with self.subTest(text, options=options):
                made = openssl(f"dgst -binary {options.replace('KEY', key)}", text)
                self.assertEqual(made, signature.replace("-", "+").replace("_", "/"))


class TestServe(SideCase):
    def setUp(self) -> None:
        super().setUp()
        self.log: list[str] = []
        self.set(SEARCH_BUDGET=1_000_000)
        self.bitget = StandIn(PUBLIC, log=self.log.append).__enter__()
        self.addCleanup(lambda: self.assertEqual(self.bitget.fileno(), -1))
        self.addCleanup(self.bitget.__exit__)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.bitget.port), 120)

    def answered(self, client: socket.socket) -> str:
        octets = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := client.recv(65536):
                octets += piece
        return octets.decode()

    def exchange(self, octets: bytes) -> str:
        """Send octets, and return all that is answered."""
        with self.connect() as client:
            client.sendall(octets)
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_WR)
            return self.answered(client)

    def head_of(
        self, sent: str, body: str = "", late_ms: int = 0, **changed: str
    ) -> bytes:
        """Return the head of a rightly signed request, with some headers changed."""
        stamp = str(clock_ms() - late_ms)
        text = stamp + unquote(sent.replace(" ", "")) + body
        headers = request_of(sent, "", signature_of(text), stamp).headers
        for name, value in changed.items():
            headers.replace_header(name.replace("_", "-"), value)
        return f"{sent} HTTP/1.1\n{str(headers).strip()}\n".encode()

    def ask(self, sent: str = "GET /o", **changed: Any) -> Any:
        """Send a request without a body; return the answer."""
        answered = self.exchange(self.head_of(sent, **changed) + b"\n")
        return json.loads(answered.partition("\r\n\r\n")[2])

    def test_answers_carry_the_codes_of_bitget(self) -> None:
        info = "GET /api/v2/spot/account/info"
        for code, changed in (
            ("00000", {}), ("00000", {"late_ms": 20_000}), ("00000", {"late_ms": -20_000}),
            ("40001", {"ACCESS_KEY": ""}), ("40002", {"ACCESS_SIGN": ""}),
            ("40003", {"ACCESS_TIMESTAMP": ""}), ("40011", {"ACCESS_PASSPHRASE": ""}),
            ("40005", {"ACCESS_TIMESTAMP": "1763800000"}), ("40008", {"late_ms": 40_000}),
            ("40008", {"late_ms": -40_000}), ("40009", {"ACCESS_SIGN": "0a" * 32}),
        ):  # fmt: skip
            with self.subTest(code, changed=changed):
                answered = self.ask(info, **changed)
                self.assertEqual(answered["code"], code)
                self.assertEqual([*answered], ["code", "msg", "requestTime", "data"])
                self.assertEqual(self.bitget.exchanges[-1].code, code)
        parts = ["rebuilt", "signed", "mistakes", "digest", "notes"]
        self.assertEqual([*answered["data"]], parts)
        self.assertEqual(answered["data"]["mistakes"], ["hmac"])
        self.assert_words("HMAC-SHA256|GET/api/v2/spot/account/info", answered["msg"])
        self.assert_harmless("".join(self.log) + str(answered))
        refused = self.ask("GET /o?a=1+2", ACCESS_SIGN=signature_of("other"))
        digest = hashlib.sha256(b"other").hexdigest()
        self.assertEqual(refused["data"]["digest"], digest)
        self.assert_words(f"unknown: |{digest}|{PLUS}", refused["msg"])
        self.assert_words(PLUS, self.ask("GET /o?a=1+2")["msg"])
        self.assertEqual(self.ask("GET //o")["code"], "00000")  # no slash is lost

    def test_letters_as_they_are_and_an_empty_line_in_front_are_taken(self) -> None:
        letters = "GET /o?a=\u00e0\u00c5\u9f99"  # with the octets A0 and 85
        self.assertEqual(self.ask(letters)["code"], "00000")
        after_empty_line = self.exchange(b"\r\n" + self.head_of("GET /o") + b"\n")
        self.assertIn('"00000"', after_empty_line)  # RFC 9112, section 2.2

    def test_little_is_kept_and_logged_of_a_request(self) -> None:
        self.ask("GET /" + "o" * 5000)
        self.assertLess(len(self.log[-1]), 400)
        for _ in range(25):
            self.ask()
        self.assertEqual(len(self.bitget.exchanges), 20)

    def test_bodies_arrive_by_length_and_in_chunks_over_one_connection(self) -> None:
        order = '{"clientOid":"a","size":"1"}'
        place = "POST /api/v2/spot/trade/place-order"
        head = self.head_of(place, order)
        chunks = (
            f"5;a=b\r\n{order[:5]}\r\n17\n{order[5:]}\r\n0\r\nA: b\r\n\r\n".encode()
        )
        chunked = head + b"Transfer-Encoding: chunked\n\n" + chunks
        by_length = head + b"Content-Length: 28\n\n" + order.encode()
        time_asked = b"GET /api/v2/public/time HTTP/1.1\n\n"
        answered = self.exchange(chunked + by_length + chunked + time_asked)
        self.assertEqual(answered.count('"clientOid": "a"'), 3, answered)
        self.assertEqual(answered.count("Connection: keep-alive"), 4)
        self.assertIn('"serverTime": "', answered)
        bodies = [it.request.body for it in self.bitget.exchanges]
        self.assertEqual(bodies, [order.encode()] * 3 + [b""])
        old = time_asked.replace(b"1.1", b"1.0")
        self.assertIn("Connection: close", self.exchange(old + old))
        self.assertEqual(len(self.bitget.exchanges), 5)

    def test_what_is_no_request_is_refused_in_words(self) -> None:
        post = b"POST /o HTTP/1.1\r\nContent-Length: "
        chunked = b"POST /o HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        for sent, words in (
            (b"\x16\x03\x01\x02\x00\x01\xfc\xff\n", '"400"|this is TLS'),
            (b"planted0passphrase\r\n\r\n", '"400"'),
            (b"GET /\xff\xfe?\xff=%ff HTTP/1.1\r\nA: \xff\r\n\r\n", '"40001"'),
            (b"GET /o?a=1 2 HTTP/1.1\r\n\r\n", '"400"|%20'),
            (b"DELETE /o HTTP/1.1\r\n\r\n", '"405"|GET and POST only, and not DELETE'),
            (b"GET /o HTTP/2.0\r\n\r\n", '"505"'),
            (b"GET /o HTTP/1.1\r\nACCESS-SIGN: a\r\nb\r\n\r\n", '"400"|base64 -A'),
            (b"GET " + b"/" * 70_000 + b" HTTP/1.1\r\n\r\n", '"414"|too long'),
            (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", '"431"'),
            (b"POST /o HTTP/1.1\r\n\r\n", '"40001"'),
            (post + b"-1\r\n\r\n", '"400"|Length'),
            (post + b"9" * 5000 + b"\r\n\r\n", '"400"'),
            (post + b"9\r\n\r\n{}", '"400"|2 of 9 bytes'),
            (post + b"5000000\r\n\r\n" + b"x" * 5_000_000, '"413"|1048576 bytes'),
            (chunked + b"x\r\n", '"400"|its size'),
            (chunked + b"1\r\nab\r\n", '"400"|longer than'),
            (chunked + b"fffffff\r\n", '"413"'),
            (chunked + (b"f0000\r\n" + b"x" * 0xF0000 + b"\r\n") * 2, '"413"'),
            (chunked + b"5\r\nab", '"400"|2 of 5 bytes'),
            (chunked + b"0\r\n" + b"a: b\r\n" * 200, '"431"|trailers'),
            (chunked.replace(b"chunked", b"gzip"), '"501"|Transfer-Encoding'),
        ):  # fmt: skip
            with self.subTest(words, sent=sent[:60]):
                lines = len(self.log)
                self.assert_words(words, self.exchange(sent))
                self.assertEqual(len(self.log), lines + 1)
                self.assertEqual(self.ask()["code"], "00000")
        for sent in (b"", b"\r\n\r\n"):
            self.assertEqual(self.exchange(sent), "")
        head = self.exchange(b"HEAD /o HTTP/1.1\r\n\r\n")
        self.assertRegex(head, r"^HTTP/1.1 405 [\s\S]*\r\n\r\n\Z")
        self.assertTrue("".join(self.log).replace("\n", "").isprintable())
        self.assert_harmless("".join(self.log))

    def test_others_are_served_while_a_client_drips_or_hangs_up(self) -> None:
        post = b"POST /o HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"
        reset = struct.pack("ii", 1, 0)
        with self.connect() as slow, self.connect() as gone:
            slow.sendall(post)
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            gone.sendall(post)
            self.assertEqual(self.ask()["code"], "00000")
        self.assertEqual(self.ask()["code"], "00000")

    def test_a_client_that_drips_is_given_up(self) -> None:
        post = b"POST /o HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"
        with mock.patch.object(BitgetHandler, "timeout", 1):
            rows = [
                (self.connect(), post, '"400".*1 of 9 bytes'),
                (self.connect(), b"GET /o HTTP/1.1\r\nA", '"408"'),
                (self.connect(), b"GET ", "^$"),
                (self.connect(), b"", "^$"),
            ]
            for slow, sent, _ in rows:
                slow.sendall(sent)
            for slow, sent, words in rows:
                with self.subTest(words, sent=sent), slow:
                    answered = self.answered(slow).partition("\r\n\r\n")[2]
                    self.assertRegex(answered, words)
        self.set(
            LONGEST_ARRIVAL_MS=-1
        )  # it may send a byte now and then, but not for ever
        self.assertRegex(self.exchange(post), '"400".*0 of 9 bytes')

    def test_right_requests_do_not_wait_for_the_search_for_wrong_ones(self) -> None:
        searching, finished = threading.Event(), threading.Event()
        real = Search.wrong_text

        def search_slowly(search: Search) -> Found | None:
            searching.set()
            finished.wait(120)
            return real(search)

        wrong = {"ACCESS_SIGN": signature_of("other")}
        with mock.patch.object(Search, "wrong_text", search_slowly):
            brief = mock.patch(f"{__name__}.SEARCH_WAIT_S", 0.05)
            with brief, ThreadPoolExecutor(60) as pool:
                first = pool.submit(self.ask, **wrong)
                self.assertTrue(searching.wait(120))
                others = [pool.submit(self.ask, **wrong) for _ in range(59)]
                for _ in range(20):
                    self.assertEqual(self.ask()["code"], "00000")
                answers = [other.result() for other in others]
                self.assertFalse(first.done())
                finished.set()
                answers.append(first.result())
        self.assertEqual({it["code"] for it in answers}, {"40009"})
        self.assertEqual({it["data"]["mistakes"][0] for it in answers}, {"unknown"})
        self.assertEqual({CUT_SEARCH in it["data"]["notes"] for it in answers}, {True})
        self.bitget.closing = True  # it does not begin another search
        with mock.patch.object(Search, "wrong_text", side_effect=AssertionError):
            self.assertIn(CUT_SEARCH, self.ask(**wrong)["data"]["notes"])

    def test_a_search_ends_when_the_server_does(self) -> None:
        self.set(SEARCH_BUDGET=10**12, CLOCK_MS=10_000, LONGEST_SEARCH_S=1000)
        tried: list[bytes] = []

        def close(_: Opened, text: bytes) -> bool:
            tried.append(text)
            self.bitget.closing = len(tried) > 9
            return False

        with mock.patch.object(Opened, "holds", close):
            answered = self.ask(ACCESS_SIGN=signature_of("other"))
        self.assertIn(CUT_SEARCH, answered["data"]["notes"])
        self.assertLess(len(tried), 20)

    def test_no_search_begins_where_nothing_can_be_found(self) -> None:
        with mock.patch.object(self.bitget, "searching") as lock:
            answered = self.ask(ACCESS_SIGN=base64_of(b"7" * 256))
        self.assertEqual(answered["data"]["mistakes"], ["other-key"])
        lock.acquire.assert_not_called()

    def test_a_request_is_as_late_as_it_arrives_and_not_as_it_is_answered(self) -> None:
        with mock.patch.object(StandIn, "find_wrong_text", side_effect=lambda _: None):
            arrived = self.bitget.exchange(
                request_of("GET /o", "", "0a" * 32, str(clock_ms() - 100_000))
            )
        self.assertEqual(arrived.code, "40008")
        stamp = str(clock_ms() - 100_000)
        request = request_of("GET /o", "", signature_of(f"{stamp}GET/o"), stamp)
        answered = self.bitget.exchange(replace(request, arrived_ms=int(stamp) + 500))
        self.assertEqual(answered.code, "00000")

    def test_a_flaw_of_its_own_is_logged_and_the_next_request_is_served(self) -> None:
        with mock.patch.object(StandIn, "exchange", side_effect=KeyError("a flaw")):
            self.assertEqual(self.exchange(self.head_of("GET /o") + b"\n"), "")
        self.assertEqual(self.ask()["code"], "00000")
        self.bitget.__exit__()
        self.assertIn("KeyError: 'a flaw'", "".join(self.log))

    def test_no_octets_stop_it(self) -> None:
        chance = random.Random(14)
        order = '{"clientOid":"a"}'
        head = self.head_of("POST /api/v2/o?b=%23", order)
        seeds = (
            head + b"Content-Length: 17\n\n" + order.encode(),
            head + f"Transfer-Encoding: chunked\n\n11\r\n{order}\r\n0\r\n\r\n".encode(),
        )
        for number in range(150):
            octets = bytearray(seeds[number % 2])
            for _ in range(chance.randrange(1, 6)):
                at = chance.randrange(len(octets))
                end = at + chance.randrange(3)
                octets[at:end] = chance.randbytes(chance.randrange(4))
            answered = self.exchange(bytes(octets))
            form = r'\A(\Z|(HTTP/1.1 [\s\S]*)?{"code": "[0-9]+")'
            self.assertRegex(answered, form)
        self.assertEqual(self.ask()["code"], "00000")
        self.assertNotIn("Traceback", "".join(self.log))


class TestExplain(SideCase):
    def setUp(self) -> None:
        super().setUp()
        self.body = '{"a":1,"b":"\u9f99 \'x\'"}'
        self.signature = signature_of(f"{STAMP}POST/o?c=#{self.body}")
        self.fields = f"ACCESS-SIGN: {self.signature}\naccess-timestamp: {STAMP}"
        self.sized = f"{self.fields}\nContent-Length: {len(self.body.encode())}"
        self.plain = f"POST /o?c=%23 HTTP/1.1\n{self.fields}\n\n{self.body}"
        self.url = "https://api.bitget.com/o?c=%23"

    def assert_right(self, *texts: str) -> None:
        for text in texts:
            for octets in (text.encode(), text.encode("utf-16")):
                with self.subTest(text):
                    self.assertEqual(explain(PUBLIC, octets).mistakes, [])

    def test_raw_http_is_read_and_no_answer_behind_it(self) -> None:
        plain = self.plain
        answer = 'HTTP/1.1 400 Bad\nContent-Length: 7\n\n{"z":2}'
        self.assert_right(
            plain, plain + "\r\n", plain.replace("\n", "\r\n"), "\ufeff\n" + plain,
            plain.replace("/o?c=%23", self.url), plain + "\n\n" + answer, plain + "\n" + answer,
            plain.replace(self.fields, self.sized) + answer,
        )  # fmt: skip
        for body in ('{"a":1}\n', '{"a":1,\n"b":2}', '{"a":1,\r\n"b":2}'):
            # The newline at the end may belong to the body, and others may be CRLF.
            signature = signature_of(f"{STAMP}POST/o?c=#{body}")
            text = plain.replace(self.signature, signature).replace(self.body, body)
            self.assert_right(text)

    def test_letters_whose_octets_look_like_spaces_are_read(self) -> None:
        target = "/o?a=\u00e0\u00c5"  # A0 and 85 are octets of them
        signature = signature_of(f"{STAMP}GET{target}")
        fields = f"ACCESS-SIGN: {signature}\nACCESS-TIMESTAMP: {STAMP}"
        quoted = " ".join(f"-H '{field}'" for field in fields.split("\n"))
        log = f"GET {target} HTTP/1.1\n{fields}".replace("\n", "\n> ")
        self.assert_right(
            f"GET {target} HTTP/1.1\n{fields}\n", f"> {log}\n>\n< HTTP/1.1 400\n",
            f"--> GET https://a{target} http/1.1\n{fields}\n--> END GET\n",
            f":method: GET\n:path: {target}\n{fields}\n", f"curl 'https://a{target}' {quoted}",
        )  # fmt: skip

    def test_a_body_may_hold_an_empty_line(self) -> None:
        body = '{"a":1,\n\n"b":2}'
        signature = signature_of(f"{STAMP}POST/o?c=#{body}")
        text = self.plain.replace(self.signature, signature).replace(self.body, body)
        self.assert_right(text, text + "\n", text + "\n\nHTTP/1.1 400 Bad\n\n{}")
        fields = self.fields.replace(self.signature, signature_of(f"{STAMP}GET/o"))
        self.assert_right(f'GET /o HTTP/1.1\n{fields}\n\n\n{{"code":"1"}}\n')  # a log

    def test_logs_are_read(self) -> None:
        sent = f"POST /o?c=%23 HTTP/1.1\n{self.sized}".replace("\n", "\n> ")
        log, body = f"* Connected\n> {sent}", self.body
        end = '* upload completely sent off\n< HTTP/1.1 400\n< A: b\n<\n{ [7 bytes data]\n{"z":2}'
        okhttp = f"--> POST {self.url} http/1.1\n{self.sized}\n\n{body}"
        answered = f"{okhttp}\n--> END POST\n<-- 400 {self.url}\n\n{{}}"
        self.assert_right(
            f"{log}\n>\n{body}\n{end}", f"{log}\n{body}\n{end}",
            f"{log}\n{body}\n{end}".replace("Content-Length", "X-Length"),
            f"{log}\r\n> \r\n}} [29 bytes data]\n100    29  100 - -:--:--\n{body}\r\n{end}",
            okhttp, answered, "\n".join(f"D/OkHttp: {line}" for line in answered.split("\n")),
            f":method: POST\n:authority: api.bitget.com\n:path: /o?c=%23\n{self.fields}\n\n{body}",
        )  # fmt: skip

    def test_commands_are_read(self) -> None:
        quoted = self.body.replace("'", "\\u0027")
        fields = " ".join(f"-H '{field}'" for field in self.fields.split("\n"))
        copied = f"curl '{self.url}' \\\n  {fields} \\\n  --data-raw $'{quoted}' \\\n  --compressed"
        added = "curl -X POST -x http://proxy:1 -H 'content-length: 5'"
        with_method = copied.replace("curl", added)
        self.assert_right(copied, with_method.replace("-raw", "-binary"))
        short = fields.replace("-H ", "-H")
        others = (
            "-A curl/8 -o out.txt -b a=https://b/ -u me:https://c/ --max-time 9 -4k"
        )
        self.assert_right(
            f"curl -XPOST '{self.url}' {short} -d$'{quoted}'",
            f"curl {others} -sXPOST {short} -sd $'{quoted}' '{self.url}' -o https://x/ -#",
            f"curl --url '{self.url}' {short} -d $'{quoted}' -A",
        )

    def test_bash_words(self) -> None:
        line = r"""a 'b c'"d \"e" $'f\'\n\u00e9\ud83e\udd90\x41' \  g\
h "" """
        expected = [
            "a",
            'b cd "e',
            "f'\n" + "\u00e9\U0001f990A".encode().decode("latin-1"),
            " ",
            "g",
            "h",
            "",
        ]
        self.assertEqual([*shell_words(line)], expected)

    def test_what_cannot_be_read_is_refused_in_a_sentence(self) -> None:
        signed = "ACCESS-SIGN: a\nACCESS-TIMESTAMP: 1"
        for text, words in (
            (" \r\n\n", "there is no text|raw HTTP|curl -v|copy as cURL|:path:|OkHttp"),
            ("\0\1\2", "there is no text"), ("HTTP/1.1 200 OK\n\n{}", "this is an answer"),
            ("hello", "no request is here|curl -v"), ("> \n< HTTP/1.1 400\n", "no request is here"),
            ("GET /o\nACCESS-TIMESTAMP: 1\n", "ACCESS-SIGN is missing"),
            ("GET /o\nACCESS-SIGN: a\n", "ACCESS-TIMESTAMP is missing"),
            ("GET /o\nACCESS-SIGN: a\nb\n", "base64 -A"),
            (f"GET /o\n{signed}\n\nGET /o\n{signed}\n", "more than one request"),
            (f"> GET /o HTTP/1.1\n> {signed}\n>\n> GET /p HTTP/1.1\n", "more than one request"),
            (f"POST /o\nContent-Length: 2\n{signed}\n", "Content-Length is 2|0 bytes|empty line"),
            ("curl https://a/o -d @order.json", "the body is in a file"),
            ("curl -sG https://a/o -d a=b", "option -G is not read|raw HTTP"),
            ("curl https://a/o --data-urlencode a=b", "option --data-urlencode is not read"),
            ("curl https://a/o -Fa=b", "option -F is not read"),
        ):  # fmt: skip
            self.refuse(words, explain, PUBLIC, text.encode())

    def test_what_is_odd_but_no_mistake_is_noted(self) -> None:
        request = (
            f"GET /o\nACCESS-SIGN: {signature_of('1GET/o')}\nACCESS-TIMESTAMP: 1\n"
        )
        verdict = explain(PUBLIC, request.encode())
        self.assertEqual(verdict.mistakes, [])
        words = "ACCESS-KEY is missing here: 40001|ACCESS-PASSPHRASE|13 digits"
        self.assert_words(words, "".join(verdict.notes))


class TestVerbs(SideCase):
    def test_public_keys_are_read_in_every_shape_of_copying(self) -> None:
        pem = bitget_rsa.public_key_pem(KEY)
        der = rsa.pem.load_pem(pem, "PUBLIC KEY")
        bare = base64.b64encode(der).decode()
        for content in (
            pem, pem.replace("\n", "\r\n"), pem.encode("utf-16"), "\ufeff" + pem, der,
            PUBLIC.save_pkcs1(), PUBLIC.save_pkcs1("DER"), bare, f"\n{bare}\n", f'"{bare}"',
            pem.replace("\n", "\\n"), pem.replace("\n", " "), pem.replace("\n", ""),
        ):  # fmt: skip
            with self.subTest(content):
                path = self.write("public.pem", content)
                self.assertEqual(read_public_key(str(path)), PUBLIC)
        pkcs1 = rsa.pem.load_pem(KEY.save_pkcs1(), "RSA PRIVATE KEY")
        ec = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
        for content, words in (
            (TEXT, "a private key"), (TEXT.encode("utf-16"), "a private key"),
            (TEXT.replace("PRIVATE", "PUBLIC"), "a private key"),
            (DERS["rfc7515"], "a private key"),
            (base64.b64encode(pkcs1), "a private key"), (KEY.save_pkcs1(), "a private key"),
            ("-----BEGIN CERTIFICATE-----\nMIIB", "a certificate|openssl x509 -pubkey"),
            (bytes.fromhex("308201743082011aa003020102"), "a certificate"),
            ("ssh-rsa AAAAB3Nza user@host", "ssh-keygen -e -m PKCS8"), (ec, "not RSA"),
            (bare[:200], "not RSA, or a damaged"), ("hello", "BEGIN PUBLIC KEY"),
            ("", "BEGIN PUBLIC KEY"),
            (rsa.PublicKey(KEY.n >> 1024, 65537).save_pkcs1(), "2048 bits"),
            (rsa.PublicKey(KEY.n, 1).save_pkcs1(), "2048 bits"),
        ):  # fmt: skip
            self.refuse(words, read_public_key, str(self.write("public.pem", content)))

    def test_explain_ends_with_its_status(self) -> None:
        self.write("public.pem", PUBLIC.save_pkcs1())
        headers = request_of("GET /", "", signature_of(STAMP + "GET/o?a=%23")).headers
        for target, status, words in (
            ("/o?a=%2523", 0, "the signature is right"),
            ("/o?a=%23", 1, "refused|query-encoded: "),
        ):
            request = self.write("request.txt", f"GET {target}\n{headers}").read_bytes()
            for file in ("", "-", "request.txt"):
                line = f"explain public.pem {file}"
                run = self.run_main(line, main=main, stdin=request)
                self.assertEqual(run[0], status)
                self.assert_words(words, run[1])

    def test_what_goes_wrong_is_said_in_a_line(self) -> None:
        self.write("public.pem", PUBLIC.save_pkcs1())
        with LoopbackServer(None) as other:
            for line, words in (
                ("serve no-such-file", "error: no-such-file: No such file"),
                (f"serve '{TEXT}'", "error: "), ("serve 'a\0'", "error: "),
                ("explain public.pem no-such-file", "error: no-such-file: No such file"),
                (f"serve public.pem --port {other.port}", f"port {other.port} is in use"),
                ("serve public.pem --port 70000", "from 0 to 65535"),
                ("explain public.pem", "there is no text"),
            ):  # fmt: skip
                with self.subTest(line[:60]):
                    status, out, err = self.run_main(line, main=main)
                    self.assertEqual((status, out, err.count("\n")), (1, "", 1))
                    self.assert_words(words, err)
        interrupted = mock.Mock(side_effect=KeyboardInterrupt)
        with mock.patch.dict(VERBS, {"demo": interrupted}):
            self.assertEqual(self.run_main("demo", main=main)[0], 130)

    def test_the_demo_accepts_two_and_explains_two(self) -> None:
        with mock.patch.object(rsa, "newkeys", lambda _: (PUBLIC, KEY)):
            status, out, err = self.run_main("demo", main=main)
        self.assertEqual((status, err), (0, ""))
        found = re.findall("answers ([0-9]+)|(unknown|query-encoded): ", out)
        expected = "00000 00000 40009 unknown 40009 query-encoded"
        self.assertEqual(" ".join(map("".join, found)), expected)
        self.assertNotIn("demoPassphrase1", out)

    def test_ctrl_c_is_the_end_of_serve_and_no_failure(self) -> None:
        public = self.write("public.pem", bitget_rsa.public_key_pem(KEY))
        interrupted = mock.Mock()
        interrupted.Event.return_value.wait.side_effect = KeyboardInterrupt
        stand_in = mock.MagicMock()
        stand_in.return_value.__exit__.return_value = False
        replaced = {"StandIn": stand_in, "threading": interrupted}
        with mock.patch.dict(globals(), replaced):
            with contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(main(["serve", str(public)]), 0)
        stand_in.return_value.__exit__.assert_called_once()

    @unittest.skipUnless(os.name == "posix", "Ctrl-C is sent as a signal")
    def test_serve_prints_its_url_first_and_ends_quietly(self) -> None:
        public_pem = self.write("public.pem", PUBLIC.save_pkcs1())
        with spawn(__file__, "serve", str(public_pem)) as serving:
            assert serving.stdout  # for mypy: it is a pipe
            url = serving.stdout.readline()
            self.assertRegex(url, rb"^http://127\.0\.0\.1:[0-9]+\n$")
            serving.send_signal(signal.SIGINT)
            self.assertEqual(serving.communicate(timeout=60), (b"", b""))
        self.assertEqual(serving.returncode, 0)

    def test_words_that_are_no_verb_are_told_the_verbs(self) -> None:
        with spawn(__file__, "sevre") as ran:
            _, err = ran.communicate(timeout=60)
        self.assertEqual(ran.returncode, 2)
        self.assert_words("demo|serve|explain|vectors", err.decode())


# ---- The promises of bitget_rsa.py, in the order of its sections ---------------------

MODULE = Path(bitget_rsa.__file__).resolve()
PLACE_ORDER = "/api/v2/spot/trade/place-order"
BUY = {"symbol": "BTCUSDT", "side": "buy", "size": "0.01", "clientOid": "_a-1"}
NOW_MS = 1763800000000
OK = b'{"code":"00000","msg":"success","requestTime":1,"data":{"a":"b"}}'
PAGE = b"<html>\x1b[31mForbidden\r\n</html>"
ANSWERED = (bitget_rsa.ApiError, bitget_rsa.TransportError)
BAD_KEY = bitget_rsa.KeyFormatError


class Word(str, enum.Enum):
    BUY = "buy"
    SYMBOL = "symbol"


def digest_eight_times(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest() * 8


# It signs at once. Tests that are about the signature use CREDENTIALS.
HASTY = Credentials("bg_test", PASSPHRASE, digest_eight_times)


def make(method: str = "GET", path: str = "/a", **options: Any) -> Any:
    return prepare(method, path, **{"credentials": HASTY, **options})


def environment(**changes: Any) -> dict[str, Any]:
    """Return the variables of a live account, with these changes."""
    complete = {
        "BITGET_API_KEY": "bg_test",
        "BITGET_PASSPHRASE": PASSPHRASE,
        "BITGET_PRIVATE_KEY": TEXT,
    }
    return {**complete, **changes}


def copies_of(value: Any) -> tuple[Any, Any, Any]:
    return copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))


def exit_status(arguments: list[str]) -> Any:
    """Run the command line, as `sys.exit(main())` does."""
    try:
        return bitget_rsa.main(arguments)
    except SystemExit as stop:  # argparse's way to end
        return stop.code


class Proof(Case):
    """A test of the module: no error that it sees may hold a secret, however deep."""

    def setUp(self) -> None:
        super().setUp()
        os.environ["SSL_CERT_FILE"] = os.devnull  # those of the machine take time

    def refuse(self, words: str, call: Any, *args: Any, **options: Any) -> Any:
        """Expect an error with these words, and no secret in all that led to it."""
        error = super().refuse(words, call, *args, **options)
        link: Any = error
        while isinstance(link, BaseException):
            fields = {name: it for name, it in vars(link).items() if name != "body"}
            file = getattr(link, "filename", None)
            self.assert_harmless("", f"{link!r} {link} {fields} {file}")
            link = link.__cause__ or link.__context__
        return error

    def run_main(self, line: str, *more: str, **options: Any) -> tuple[int, str, str]:
        return super().run_main(line, *more, **{"main": exit_status, **options})

    def fails(self, status: int, words: str, line: str, *more: str, **env: Any) -> None:
        """Expect this exit status, nothing on stdout, and a sentence on stderr."""
        with self.subTest(words, line=line, more=str(more)[:99]):
            found, out, err = self.run_main(line, *more, **env)
            self.assertEqual((found, out), (status, ""), err)
            self.assertNotIn("Traceback", err)
            self.assertTrue(err.replace("\n", "").isprintable(), err)
            self.assert_words(words, err)


# ---- The signature ------------------------------------------------------------------


class TestPrehash(Proof):
    def test_it_joins_the_parts_as_the_formula_says(self) -> None:
        for parts, text in (
            ((NOW_MS, "GET", "/a"), "1763800000000GET/a"),
            ((NOW_MS, "get", "/a", "b=c"), "1763800000000GET/a?b=c"),
            ((10**12, "POST", "/a", "b=?", "é\n"), "1000000000000POST/a?b=?é\n"),
            ((NOW_MS, "GET", "/.a-_~/B9..c"), "1763800000000GET/.a-_~/B9..c"),
            ((10**15 - 1, "GET", "/a"), "999999999999999GET/a"),
        ):
            with self.subTest(parts=parts):
                self.assertEqual(prehash(*parts), text)

    def test_a_timestamp_is_an_int_of_milliseconds(self) -> None:
        for wrong in (0, -NOW_MS, 10**12 - 1, 10**15, NOW_MS * 1000, True, None):
            self.refuse("timestamp_ms", prehash, wrong, "GET", "/a")
        for inexact in (1763800000000.0, time.time_ns() / 1_000_000, "1763800000000"):
            self.refuse("timestamp_ms|int", prehash, inexact, "GET", "/a")
        self.refuse("timestamp_ms|seconds", prehash, NOW_MS // 1000, "GET", "/a")

    def test_there_are_two_methods(self) -> None:
        for wrong in ("", "PUT", "DELETE", "HEAD", "GET ", " POST", "GET\r\nX: y", "G"):
            self.refuse("GET|POST", prehash, NOW_MS, wrong, "/a")

    def test_a_path_that_clients_rewrite_is_refused(self) -> None:
        for wrong in (
            *("", "a", "/", "/a/", "//evil.example/a", "/a//b"),
            *("https://evil.example/a", "@evil.example/a", "C:/Program Files/Git/api"),
            *("/.", "/..", "/./a", "/a/../b", "/a/.."),
            *("/a b", "/%41", "/a|b", "/a[0]", "/a?b=c", "/a#b", "/a\\b", "/a;b"),
            *("/a:b", "/a+b", "/ä", "/\u0661", "/a\n", "/a\r\nX: y", "/a\0", "/a\x7f"),
            *("/\x1b[2J", "/x " + "x" * 9999),
        ):
            self.refuse("path", prehash, NOW_MS, "GET", wrong)

    def test_a_query_has_no_mark_in_front_and_a_get_no_body(self) -> None:
        for wrong in ("?", "?b=c", "??"):
            self.refuse("query|?", prehash, NOW_MS, "GET", "/a", wrong)
        for method in ("GET", "get"):
            self.refuse("GET|body", prehash, NOW_MS, method, "/a", "", "{}")


class TestSignature(Proof):
    def test_known_answers_of_the_rfcs(self) -> None:
        for it in RFC_SIGNATURES:
            for key in (PRIVATE[it.key], load_private_key(KEYS[it.key])):
                with self.subTest(it.source, key=type(key)):
                    self.assertEqual(sign(it.text, key), it.signature)

    @unittest.skipIf(sys.flags.optimize > 1, "-OO leaves no docstrings")
    def test_the_known_answer_of_the_docstring_needs_no_file(self) -> None:
        p, q = 2**1024 - 105, 2**1024 - 179
        key = rsa.PrivateKey(p * q, 65537, pow(65537, -1, (p - 1) * (q - 1)), p, q)
        text = "1763800000000GET/api/v2/spot/account/assets?coin=USDT"
        signature = base64.b64encode(rsa.sign(text.encode(), key, "SHA-256")).decode()
        known = sign.__doc__ or ""
        self.assert_words(f"2**1024 - 105|2**1024 - 179|{text}|{signature[:40]}", known)
        if OPENSSL:
            self.write("key.pem", key.save_pkcs1())
            self.assertEqual(openssl("dgst -sha256 -sign key.pem", text), signature)

    def test_a_callable_may_sign(self) -> None:
        self.assertEqual(sign("é", lambda octets: octets * 2), "w6nDqQ==")
        for wrong in ("c2ln", None, b"", 5):  # an empty one above all
            self.refuse("bytes", sign, "a", lambda _, wrong=wrong: wrong)

        def broken(_: bytes) -> bytes:
            raise ConnectionError("the HSM is off")

        self.refuse("the HSM is off", sign, "a", broken, kinds=ConnectionError)

    def test_what_cannot_sign_is_refused_with_a_remedy(self) -> None:
        for wrong in (None, "private.pem", TEXT, TEXT.encode(), PUBLIC, Path("a.pem")):
            self.refuse("load_private_key", sign, "a", wrong)
            self.refuse("load_private_key", Credentials, "bg", PASSPHRASE, wrong)
        foreign = mock.NonCallableMock(spec=["sign"])  # as a key of `cryptography`
        self.refuse("lambda|PKCS1v15()|SHA256()", sign, "a", foreign)
        self.refuse("lambda|PKCS1v15()", Credentials, "bg", PASSPHRASE, foreign)

    def test_a_wrong_signature_never_leaves(self) -> None:
        def sign_with_a_fault(key: rsa.PrivateKey, at: int, bit: int) -> int:
            """Sign while pow() is wrong at one call; return how many calls there were."""
            calls, real = 0, pow

            def faulty(*args: Any) -> int:
                nonlocal calls
                calls += 1
                return int(real(*args)) ^ (bit if calls == at else 0)

            with mock.patch("builtins.pow", faulty):
                with contextlib.suppress(BAD_KEY):
                    self.assertEqual(sign("a", key), right)
            return calls

        right = signature_of("a")
        kinds: list[type[rsa.PrivateKey]] = [rsa.PrivateKey, type(SIGNER)]
        for kind, bit in itertools.product(kinds, (1, 1 << 900)):
            at = 1
            key = kind(KEY.n, KEY.e, KEY.d, KEY.p, KEY.q)
            while at <= sign_with_a_fault(copy.copy(key), at, bit):
                at += 1
            self.assertGreater(at, 3)  # blinding, power and verification


def sign_and_act(key: rsa.PrivateKey, action: Callable[[], object], at: int) -> bool:
    """Sign, do `action` before line `at` of it, and tell if there is such a line.

    The lines are those of the module, and of the class of keys that `rsa` has.
    """
    files, line = (bitget_rsa.__file__, rsa.key.__file__), 0

    def trace(frame: types.FrameType, event: str, _: object) -> Any:
        nonlocal line
        if frame.f_code.co_filename not in files:
            return None
        line += event == "line"
        if event == "line" and line == at:
            action()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        sign("a", key)
    finally:
        sys.settrace(before)
    return line >= at


class TestPrivateKey(Proof):
    def test_it_signs_by_two_powers_of_half_the_size(self) -> None:
        with mock.patch("builtins.pow", mock.Mock(side_effect=pow)) as spy:
            sign("a", SIGNER)
        exponents = [call[0][1] for call in spy.call_args_list]
        self.assertEqual(exponents.count(SIGNER.exp1), 1)
        self.assertEqual(exponents.count(SIGNER.exp2), 1)
        self.assertNotIn(SIGNER.d, exponents)

    def test_each_signature_is_blinded_by_a_factor_of_its_own(self) -> None:
        n, e = SIGNER.n, SIGNER.e
        found = [SIGNER.blind(5) for _ in range(20)]
        self.assertEqual(len({5, *(blinded for blinded, _ in found)}), 21)
        for blinded, inverse in found:  # blinded is 5 * r**e, and inverse 1 / r
            self.assertEqual(blinded * pow(inverse, e, n) % n, 5)
        kind = bitget_rsa.PrivateKey
        with mock.patch.object(
            kind, "blind", autospec=True, side_effect=kind.blind
        ) as spy:
            sign("a", SIGNER)
        spy.assert_called_once()

    def test_it_has_no_state_and_no_lock(self) -> None:
        key = load_private_key(TEXT)
        key.mutex = mock.MagicMock()
        names = [name for name in dir(key) if not callable(getattr(key, name))]
        before = [getattr(key, name) for name in names]
        sign("a", key)
        self.assertEqual([getattr(key, name) for name in names], before)
        self.assertEqual(key.mutex.mock_calls, [])

    def test_an_interrupt_at_any_step_leaves_the_key_right(self) -> None:
        key, at = load_private_key(TEXT), 0
        interrupt = mock.Mock(side_effect=KeyboardInterrupt)
        while interrupt.call_count == at:
            at += 1
            with contextlib.suppress(KeyboardInterrupt):
                sign_and_act(key, interrupt, at)
            self.assertEqual(sign("b", key), signature_of("b"), at)
        self.assertGreater(at, 10)

    def test_a_signal_handler_may_sign_at_any_step(self) -> None:
        def handler(*_: object) -> None:
            lock = getattr(key, "mutex", threading.Lock())
            self.assertFalse(lock.locked(), "to sign now would take for ever")
            self.assertEqual(sign("b", key), signature_of("b"))

        key, at = load_private_key(TEXT), 1
        signal.signal(signal.SIGINT, handler)  # setUp() has it put back
        while sign_and_act(key, partial(signal.raise_signal, signal.SIGINT), at):
            at += 1
        self.assertGreater(at, 10)

    @unittest.skipUnless(hasattr(os, "fork"), "this system has no fork()")
    def test_a_child_may_sign_that_was_forked_while_a_thread_signed(self) -> None:
        def pause() -> None:
            paused.set()
            go_on.wait()

        def sign_with_a_pause() -> None:
            if not sign_and_act(key, pause, at):
                ended.append(at)
                paused.set()

        key, right, ended = load_private_key(TEXT), signature_of("b"), list[int]()
        at = 0
        while not ended:
            at += 1
            paused, go_on = threading.Event(), threading.Event()
            thread = threading.Thread(target=sign_with_a_pause)
            thread.start()
            paused.wait()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # from 3.12 on: there are threads
                child = os.fork()
            if child == 0:
                status = 1
                with contextlib.suppress(BaseException):
                    signal.alarm(60)  # ends it, should it wait for ever
                    status = int(sign("b", key) != right)
                os._exit(status)
            go_on.set()
            thread.join()
            self.assertEqual(os.waitpid(child, 0)[1], 0, at)
        self.assertGreater(at, 10)

    def test_it_shows_no_secret_and_can_be_copied(self) -> None:
        shown = f"{SIGNER!r} {SIGNER} {[SIGNER]}"
        self.assertEqual(shown.count("2048"), 3)
        self.assert_harmless(shown)
        for twin in copies_of(SIGNER):
            self.assertEqual((type(twin), twin), (bitget_rsa.PrivateKey, SIGNER))
            self.assertEqual(sign("a", twin), signature_of("a"))


# ---- The request --------------------------------------------------------------------


class TestCredentials(Proof):
    def test_they_are_printable_ascii_as_bitget_shows_them(self) -> None:
        for good in ("x", "bg_1", "Abc12345", "p@ss-w.rd!~", "it's", "a(b)c", "x" * 64):
            found = Credentials(good, good, KEY)
            self.assertEqual((found.api_key, found.passphrase), (good, good))
        for wrong in (
            *("", " ", " bg1234key", "bg1234key ", "bg1234key\n", "bg1234key\r\nX: y"),
            *("bg 1234key", "bg1234key\0", "bg1234key\x7f", "\ufeffbg1234key"),
            *("bg1234kéy", "\u0661" * 9, "x" * 65),
            *('"bg1234key"', "'bg1234key'", "<bg1234key>", "[bg1234key]"),
            *("(bg1234key)", "{bg1234key}"),
        ):
            found = self.refuse("api_key", Credentials, wrong, PASSPHRASE, KEY)
            other = self.refuse("passphrase", Credentials, "bg_1", wrong, KEY)
            self.assertNotIn("1234", f"{found}{other}")

    def test_a_flag_is_a_bool_since_the_text_false_is_true(self) -> None:
        flags = "demo", "sign_encoded_query"
        for flag, wrong in itertools.product(flags, ("false", "0", None)):
            self.refuse(flag, Credentials, "bg", PASSPHRASE, KEY, **{flag: wrong})

    def test_they_are_frozen_and_show_neither_passphrase_nor_key(self) -> None:
        frozen: Any = CREDENTIALS
        with self.assertRaises(AttributeError):
            frozen.demo = True
        for key in (KEY, SIGNER):
            shown = repr(Credentials("bg_test", PASSPHRASE, key, demo=True))
            self.assert_harmless(shown)
            self.assert_words("bg_test|demo=True", shown)

    def test_the_documentation_shows_no_variable_of_the_environment(self) -> None:
        code = "import bitget_rsa; help(bitget_rsa)"
        path = {"PYTHONPATH": str(MODULE.parent)}
        environ = {**os.environ, **environment(), **path, "PAGER": "cat"}
        with spawn("-c", code, env=environ) as ran:
            shown = ran.communicate()[0].decode()
        self.assert_harmless(shown)
        self.assert_words("from_env|BITGET_PASSPHRASE", shown)


def query_of(text: str) -> str:
    return text.partition("?")[2]


class TestPrepare(Proof):
    def test_every_stage_of_the_known_answers(self) -> None:
        for it in ACCEPTED:
            credentials = Credentials("bg_1", PASSPHRASE, PRIVATE[it.key])
            given = {
                name: vars(it)[name] for name in ("params", "body", "timestamp_ms")
            }
            found = make(it.method, it.path, credentials=credentials, **given)
            headers = {
                "ACCESS-KEY": "bg_1",
                "ACCESS-SIGN": it.signature,
                "ACCESS-TIMESTAMP": str(it.timestamp_ms),
                "ACCESS-PASSPHRASE": PASSPHRASE,
                "Content-Type": "application/json",
                "locale": "en-US",
                "User-Agent": f"bitget_rsa/{bitget_rsa.__version__}",
            }
            wanted = bitget_rsa.PreparedRequest(
                method=it.method.upper(),
                url="https://api.bitget.com" + it.target,
                headers=headers,
                body=it.body_sent.encode() or None,
                prehash=it.prehash,
                timestamp_ms=it.timestamp_ms,
            )
            with self.subTest(it.name, why=it.why):
                self.assertEqual(found, wanted)

    def test_what_cannot_be_signed_rightly_is_refused(self) -> None:
        for it in ARGUMENTS:
            with self.subTest(it.why):
                self.refuse("", prepare, credentials=CREDENTIALS, **it.arguments)

    def test_demo_adds_a_header_and_without_credentials_nothing_is_signed(self) -> None:
        demo = dataclasses.replace(HASTY, demo=True)
        live, found = (
            make(credentials=it, timestamp_ms=NOW_MS) for it in (HASTY, demo)
        )
        self.assertEqual(found.headers, {**live.headers, "paptrading": "1"})
        found = make(credentials=None, params={"a": None})
        self.assertEqual(set(found.headers), {"Content-Type", "locale", "User-Agent"})
        self.assertEqual(found.url, "https://api.bitget.com/a")

    def test_the_clock_is_read_and_what_is_prepared_is_frozen(self) -> None:
        before, found, after = clock_ms(), make("POST", body=BUY), clock_ms()
        self.assertTrue(before <= found.timestamp_ms <= after)
        self.assertEqual(found.headers["ACCESS-TIMESTAMP"], str(found.timestamp_ms))
        self.assertTrue(found.prehash.startswith(f"{found.timestamp_ms}POST/a{{"))
        with self.assertRaises(AttributeError):
            found.url = "https://evil.example/"
        self.assert_harmless(repr(found), repr(found))
        self.assertNotIn(found.headers["ACCESS-SIGN"], repr(found))

    def test_the_query_is_sorted_by_code_point(self) -> None:
        for names in (
            ("B", "a", "a1", "\ufffd", "\U0001f600"),  # not as UTF-16, or without case
            ("A", "Z", "_", "a", "z"),
            ("a", "a-b", "a.b", "a1", "aa", "é"),  # by the name, not by name=value
            ("1", "10", "9"),  # not as numbers
        ):
            wanted = "&".join(f"{name}==" for name in names)
            for order in itertools.permutations(names):
                found = make(params=dict.fromkeys(order, "="), credentials=None)
                self.assertEqual(query_of(found.prehash), wanted)

    def test_the_query_is_signed_decoded_and_sent_escaped(self) -> None:
        bare = "$,:/@!*'()-._~" + string.ascii_letters + string.digits
        for char in [*PRINTABLE, "\0", "\n", "\x7f", "é", "龙", "\U0001f600"]:
            escaped = "".join(f"%{octet:02X}" for octet in char.encode())
            sent = char if char in bare else escaped
            found = make(params={"n" + char: char + "x"}, credentials=None)
            with self.subTest(char=char):
                self.assertEqual(query_of(found.url), f"n{sent}={sent}x")
                self.assertEqual(found.prehash[13:], f"GET/a?n{char}={char}x")

    def test_the_switch_signs_the_query_in_the_very_characters_sent(self) -> None:
        params = {"b": "龙 虾+&=?#%2F", "a": "$,:/@!*'()~", "B": Word.BUY}
        options: Any = {"params": params, "body": BUY, "timestamp_ms": NOW_MS}
        switched = dataclasses.replace(CREDENTIALS, sign_encoded_query=True)
        decoded = make("POST", **options, credentials=CREDENTIALS)
        encoded = make("POST", **options, credentials=switched)
        query = "B=buy&a=$,:/@!*'()~&b=%E9%BE%99%20%E8%99%BE%2B%26%3D%3F%23%252F"
        body = decoded.body.decode()
        self.assertEqual(query_of(encoded.url), query)
        self.assertEqual(encoded.url, decoded.url)
        self.assertEqual(encoded.prehash, f"{NOW_MS}POST/a?{query}{body}")
        self.assertEqual(decoded.prehash, f"{NOW_MS}POST/a?{unquote(query)}{body}")
        for it in (decoded, encoded):
            self.assertEqual(it.headers["ACCESS-SIGN"], signature_of(it.prehash))

    def test_values_keep_every_digit_and_character(self) -> None:
        long = "1234567890" * 5 + "." + "1234567890" * 5
        for value, in_query, in_body in (
            (Decimal("0.10"), "0.10", '"0.10"'),
            (Decimal("1E-8"), "0.00000001", '"0.00000001"'),
            (Decimal("12E3"), "12000", '"12000"'),
            (Decimal(long), long, f'"{long}"'),
            (Decimal("1E99"), "1" + "0" * 99, '"1' + "0" * 99 + '"'),
            (Word.BUY, "buy", '"buy"'),
            ('é\u2028/"\\', 'é\u2028/"\\', '"\\u00e9\\u2028/\\"\\\\"'),
        ):
            found = make("POST", params={"k": value}, body={"k": value})
            with self.subTest(value=value):
                self.assertEqual(
                    found.prehash[13:], f'POST/a?k={in_query}{{"k":{in_body}}}'
                )
                self.assertEqual(unquote(query_of(found.url)), f"k={in_query}")

    def test_a_body_is_compact_json_in_its_own_order_or_text_as_it_is(self) -> None:
        for given, text in (
            ((), "[]"),
            ({"b": 1, "a": None}, '{"b":1,"a":null}'),
            (("b", [1, (2,)]), '["b",[1,[2]]]'),
            (types.MappingProxyType({"n": {"m": {}}}), '{"n":{"m":{}}}'),
            (
                {"龙": "é", Word.SYMBOL: Word.BUY},
                '{"\\u9f99":"\\u00e9","symbol":"buy"}',
            ),
            (' {"a": 1.0,\r\n"龙":2}\n', ' {"a": 1.0,\r\n"龙":2}\n'),
            (Word.BUY, "buy"),
        ):
            found = make("POST", body=given)
            with self.subTest(given=given):
                self.assertEqual(found.prehash[13:], f"POST/a{text}")
                self.assertEqual(found.body, text.encode())
        for nothing in (None, ""):
            self.assertIsNone(make("POST", body=nothing).body)
        self.assertEqual(
            query_of(make(params={Word.SYMBOL: Word.BUY}).url), "symbol=buy"
        )

    def test_an_inexact_value_is_refused_with_its_place_and_a_remedy(self) -> None:
        for words, *values in (
            ("text|Decimal", 0.1, 4e-08, 1.0, float("nan"), float("inf")),
            ("finite", *map(Decimal, ("NaN", "sNaN", "-Infinity"))),
            ("digits", *map(Decimal, ("1E+999999", "1E-999999", "0." + "1" * 101))),
            ("", b"x", bytearray(b"x"), {1}, object(), iter([]), 1j),
            ("surrogate", "\ud800", "a\udfffb"),
        ):
            for it in values:
                for place, options in (
                    ("params['k']", {"params": {"k": it}}),
                    ("body[1]['price']", {"body": [{}, {"price": it}]}),
                    ("body['a'][0][1]", {"body": {"a": [("", it)]}}),
                ):
                    self.refuse(f"{place}|{words}", make, "POST", **options)
        for nested in (["a"], ("a",), {"a": "b"}):
            self.refuse("params['k']|text", make, params={"k": nested})

    def test_params_and_body_of_another_kind_are_refused(self) -> None:
        for wrong in (5, 0.1, True, b"{}", {1}, object(), "\udc80"):
            self.refuse("body", make, "POST", body=wrong)
        for name in (1, None, b"a", "\ud800"):
            self.refuse("body['x'][0]", make, "POST", body={"x": [{name: "b"}]})
            self.refuse("params", make, params={name: "b"})
        for given in ("{}", {"a": "b"}, dict[str, str](), list[str]()):
            self.refuse("body|GET|params", make, "GET", body=given)
        for params in ("a=b", "?a=b", [("a", "b")], b"a=b"):
            self.refuse("params", make, params=params)

    def test_the_base_url_is_https_or_http_on_loopback(self) -> None:
        for good in (
            *("https://api.bitget.com", "https://h:8443", "https://h:1"),
            *("https://localhost", "http://localhost", "http://localhost:80"),
            *("http://127.0.0.1:65535", "http://[::1]:8080"),
        ):
            self.assertEqual(make(base_url=good).url, good + "/a")
        for wrong in (
            *("", "api.bitget.com", "https://", "file:///etc", "ftp://localhost"),
            *("http://api.bitget.com", "http://10.0.0.1", "http://127.0.0.09"),
            *("http://127.0.0.1.evil.example", "http://127.0.0.1@evil.example"),
            *("https://h/", "https://h/x", "https://h?x", "https://h#x", "https://u@h"),
            *(f"https://u:{PASSPHRASE}@h", "https://h\\@evil.example", " https://h"),
            *("https://h:", "https://h:0", "https://h:8a", "https://h:65536"),
            *("https://h:123456", "https://h:\u0661", "https://h\n", "https://h "),
            *("https://ä.example", "https://a..b", f"https://{'a' * 64}.example"),
        ):
            self.refuse("base_url", make, base_url=wrong)

    def test_bitgets_side_accepts_whatever_is_prepared(self) -> None:
        rng = random.Random(2024)
        chars = [*PRINTABLE, *"\t\n\x7fäé龙虾😀\u2028"]
        texts = ["".join(rng.choices(chars, k=rng.randrange(12))) for _ in range(200)]
        with StandIn(PUBLIC) as bitget:
            for _ in range(20):
                names = rng.sample(texts, 5)
                params = {"n" + name: rng.choice((*texts, 5, None)) for name in names}
                body = rng.choice((None, {}, {names[0]: [names[1], {names[2]: None}]}))
                options: Any = {"params": params, "body": body, "base_url": bitget.url}
                found = prepare("POST", PLACE_ORDER, credentials=CREDENTIALS, **options)
                send(found)
                verdict = bitget.exchanges[-1].verdict
                self.assertEqual(
                    (verdict.rebuilt, verdict.mistakes), (found.prehash, [])
                )


# ---- The answer ---------------------------------------------------------------------

OUTCOME_UNKNOWN = (
    *("25000", "25001", "25003", "40010", "40015", "40200", "40725", "40910", "45001"),
)
REFUSALS = ("40009", "40808", "43011", "400171", "400172", "45110", "00001", "100001")
ADVICE = (  # words that the advice must have, and the codes
    ("copy", "40006", "40037"),
    ("copy|8 to 32 letters and digits", "40012", "40036"),
    ("clock", "40008"),
    ("public key", "40009"),
    ("permission", "40014"),
    ("IPv4", "40018", "40038"),
    ("/api/v2", "40084", "25245"),
    ("/api/v3", "40085", "40731"),
    ("demo", "40099"),
    ("clientOid|look", "25212", "40786"),
    ("not carried out|wait", "429", "25004"),
    ("", "43011", "40808", "400172"),
)


class TestAnswer(Proof):
    def answer(
        self, status: int, body: Any, *prepared: Any, kinds: Any = ANSWERED
    ) -> Any:
        """Return the error that an answer raises."""
        call = bitget_rsa.parse_response
        return self.refuse("", call, status, body, *prepared, kinds=kinds)

    def coded(self, code: object, *prepared: Any, **more: Any) -> Any:
        """Return the error that an answer with this code raises."""
        return self.answer(
            400, json.dumps({"code": code, "msg": "m", **more}), *prepared
        )

    def test_00000_is_success_whatever_the_status(self) -> None:
        batch = {"successList": [], "failureList": [{"errorCode": "43011"}]}
        everything: tuple[Any, ...] = (batch, [], None, "龙", 0)
        for status, data in itertools.product((200, 429, 500), everything):
            text = json.dumps({"code": "00000", "msg": "success", "data": data})
            for body in (text, text.encode(), text.encode("utf-8-sig")):
                self.assertEqual(bitget_rsa.parse_response(status, body), data)
        self.assertIsNone(bitget_rsa.parse_response(200, b'{"code":"00000"}'))

    def test_a_refusal_tells_all_that_bitget_told(self) -> None:
        time_ms = f'"requestTime":"{NOW_MS}"'
        for body, *wanted in (
            (f'{{"code":40009,"message":"m",{time_ms}', "40009", "m", NOW_MS),
            ('{"code":"43011","msg":null,"message":"m"', "43011", "m", None),
            (f'{{"code":"400172","msg":"m",{time_ms}', "400172", "m", NOW_MS),
            ('{"code":429,"msg":"m","requestTime":"soon"', "429", "m", None),
        ):
            error = self.answer(418, body + "}", kinds=ANSWERED[0])
            found = [error.code, error.message, error.request_time_ms]
            self.assertEqual((found, error.status), (wanted, 418))
            self.assert_words(f"{error.code}|{error.message}|418", str(error))

    def test_bitgets_codes_have_five_or_six_digits_or_are_429(self) -> None:
        for code in ("10001", "99999", "400171", "400172", "999999", "429"):
            for form in (code, int(code)):
                found = self.coded(form)
                self.assertEqual((type(found), found.code), (ANSWERED[0], code))
        for wrong in (
            *("", "0", "502", "1001", "4000172", "40009 ", "4000x", "\u0661" * 5),
            *(None, True, 0, 502, 40009.5, ["40009"], {"a": 1}, -40009),
        ):
            self.assertIs(type(self.coded(wrong)), ANSWERED[1], wrong)

    def test_whatever_else_answers_is_not_bitget(self) -> None:
        for page in (
            *(b"", b"null", b"[]", b'"00000"', b'{"data":{}}', b'{"code":"00000"'),
            *(b"\xff\xfe", b"\x00", b"1" * 9999, b"[" * 200_000, PAGE),
        ):
            error = self.answer(418, page, kinds=ANSWERED[1])
            self.assertEqual((error.status, error.sent, error.body), (418, True, page))
            self.assert_words("418", str(error))
            self.assertNotIn("Forbidden", f"{error} {error!r}")

    def test_the_outcome_of_a_post_is_unknown_after_these_and_no_others(self) -> None:
        pages = {
            "a page": PAGE,
            "nothing": b"",
            "a code of a gateway": b'{"code":"502"}',
        }
        post, get = make("POST", body=BUY), make()
        for status, answer, prepared in itertools.product(
            (200, 400, 403, 429, 499, 500, 502, 599),
            (*OUTCOME_UNKNOWN, *REFUSALS, "429", "25004", *pages),
            (post, get, None),  # None: a POST is assumed
        ):
            body = pages.get(answer, b'{"code":"%s"}' % answer.encode())
            limited = status == 429 or answer in ("429", "25004")
            unknown = status >= 500 or answer in pages or answer in OUTCOME_UNKNOWN
            listed = answer in OUTCOME_UNKNOWN  # which counts under HTTP 429, too
            wanted = (listed or (unknown and not limited)) and prepared is not get
            error = self.answer(status, body, prepared)
            with self.subTest(status=status, answer=answer, get=prepared is get):
                self.assertIs(error.outcome_unknown, wanted)
                self.assertEqual("unknown" in str(error), wanted, error)
                self.assertEqual("clientOid" in str(error), wanted, error)
                self.assertEqual("wait" in str(error), limited and not wanted, error)

    def test_each_known_code_says_what_to_do(self) -> None:
        for words, *codes in ADVICE:
            for code in codes:
                error = self.coded(code, make("POST"))
                with self.subTest(code):
                    self.assert_words(words, error.advice)
                    self.assertIn(error.advice, str(error))
                    self.assertEqual(bool(error.advice), bool(words), error.advice)

    def test_40008_is_told_by_the_requests_own_timestamp(self) -> None:
        for clock_s, signed_s, words in (
            (90, 90, "clock|90.0 s ahead of"),
            (-31.5, -31.5, "clock|31.5 s behind"),
            (-40, -45, "clock"),
            (0.2, -45, "45|just before sending"),  # it waited, and the clock is right
        ):
            prepared = make(timestamp_ms=NOW_MS + int(signed_s * 1000))
            now_s = NOW_MS / 1000 + clock_s
            with mock.patch("time.time", return_value=now_s):
                with mock.patch("time.time_ns", return_value=int(now_s * 1e9)):
                    error = self.coded("40008", prepared, requestTime=NOW_MS)
                    unsure = self.coded("40008", prepared), self.coded("40008", None)
            with self.subTest(clock_s=clock_s, signed_s=signed_s):
                self.assert_words(words, error.advice)
                self.assertEqual("clock" in error.advice, "clock" in words)
            for it in unsure:  # what is not known is not told
                self.assertIn("clock", it.advice)
                self.assertNotRegex(it.advice, r"\d")

    def test_a_redirect_is_called_one_and_nothing_else_is(self) -> None:
        for status in (200, 299, 300, 307, 399, 400, 500):
            with self.subTest(status=status):
                text = str(self.answer(status, PAGE))
                self.assertEqual("redirect" in text, 300 <= status < 400)
                self.assert_words(f"HTTP {status}", text)

    def test_bitgets_words_are_shown_if_they_repeat_no_secret(self) -> None:
        signature = make(timestamp_ms=NOW_MS).headers["ACCESS-SIGN"]
        short = Credentials("bg7", "p4Z", digest_eight_times)
        for msg, is_shown, credentials in (
            ("Parameter verification failed", True, HASTY),
            ("price " + PASSPHRASE[:5], True, HASTY),
            ("price " + PASSPHRASE[:6], False, HASTY),
            ("sign " + signature[100:106], False, HASTY),
            ("key bg_test is wrong", False, HASTY),
            ("x" * 5000 + signature, False, HASTY),
            ("the key is bg7!", False, short),
            ("your p4Zabc", False, short),
            ("bg p4 7Z", True, short),
        ):
            given = make(credentials=credentials, timestamp_ms=NOW_MS)
            error = self.coded("43011", given, msg=msg)
            shown = f"{error} {error!r} {error.message}"
            with self.subTest(msg=msg[:40]):
                self.assertEqual(msg in shown, is_shown)
                self.assertNotIn(signature[100:106], shown)

    def test_bitgets_words_are_printable_and_short(self) -> None:
        for msg in ("\x1b[2J\u202e\r\nok", "x" * 9999, "\0" * 500, "\ud800", {"a": 1}):
            error = self.coded("43011", make(), msg=msg)  # refuse() reads the text
            self.assertTrue(error.message.isprintable())
            self.assertLess(len(error.message), 300)

    def test_errors_share_one_base_which_lends_no_outcome(self) -> None:
        self.assertFalse(hasattr(bitget_rsa.BitgetError, "outcome_unknown"))
        for kind in (*ANSWERED, BAD_KEY):
            self.assertTrue(issubclass(kind, bitget_rsa.BitgetError))
            self.assertEqual(issubclass(kind, ValueError), kind is BAD_KEY)
        for kind in ANSWERED:
            outcome = inspect.signature(kind).parameters["outcome_unknown"]
            self.assertIs(outcome.default, inspect.Parameter.empty)

    def test_errors_can_be_pickled_and_copied(self) -> None:
        bad_key = self.refuse("", load_private_key, "", kinds=BAD_KEY)
        for error in (bad_key, self.coded("40725"), self.answer(403, PAGE)):
            self.assertIn(error, {error})  # it can be hashed, as exceptions can
            self.assertNotIn("Forbidden", str(error.args))  # which trackers record
            for twin in copies_of(error):
                self.assertEqual(type(twin), type(error))
                self.assertEqual((str(twin), repr(twin)), (str(error), repr(error)))
                self.assertEqual(vars(twin), vars(error))


# ---- Sending ------------------------------------------------------------------------

PLAIN = b"HTTP/1.1 200 OK\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FINE = LENGTH % len(OK) + OK
LONGEST_ANSWER = 32 * 1024 * 1024


class ScriptedServer(LoopbackServer):
    """A server that keeps what arrives, and answers with bytes or by a script."""

    def __init__(self, answer: Any, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(handler=None)
        self.answer = answer
        self.tls = tls
        self.received: list[bytes] = []

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        request.settimeout(60)
        if self.tls:
            request = self.tls.wrap_socket(request, server_side=True)
        with request:
            self.received.append(read_request_bytes(request))
            if isinstance(self.answer, bytes):
                request.sendall(self.answer)
            else:
                self.answer(request, self.received[-1])


def read_request_bytes(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as reader:
        lines = itertools.takewhile(lambda line: line.strip(), reader)
        head = b"".join(lines) + b"\r\n"
        length = re.search(rb"(?i)content-length: (\d+)", head)
        return head + reader.read(int(length[1]) if length else 0)


def wait_for_the_client(connection: socket.socket, _: object) -> None:
    connection.recv(1)  # until it hangs up


@contextlib.contextmanager
def deaf_port() -> Iterator[str]:
    """Hold an address of loopback where nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


def order(url: str, method: str = "POST", timeout_s: float = 30) -> Any:
    body = BUY if method == "POST" else None
    prepared = make(method, PLACE_ORDER, body=body, base_url=url)
    return send(prepared, timeout_s=timeout_s)


class SendingCase(Proof):
    def refuse_order(self, words: str, *args: Any, sent: bool = True) -> Any:
        """Expect that an order ends in a TransportError that knows what was sent."""
        error = self.refuse(words, order, *args, kinds=ANSWERED[1])
        unknown = sent and "GET" not in args
        self.assertEqual((error.sent, error.outcome_unknown), (sent, unknown), words)
        if not sent:
            self.assertIsNone(error.status)
        return error


class TestSending(SendingCase):
    def test_a_request_arrives_as_it_was_prepared(self) -> None:
        with ScriptedServer(FINE) as server:
            for method, body in (("POST", BUY), ("POST", None), ("GET", None)):
                options = {"body": body, "base_url": server.url}
                prepared = make(method, PLACE_ORDER, params={"b": "龙 #+"}, **options)
                self.assertEqual(send(prepared), {"a": "b"})
                head, _, arrived = server.received.pop().partition(b"\r\n\r\n")
                first, *lines = head.decode().split("\r\n")
                target = f"{PLACE_ORDER}?b=%E9%BE%99%20%23%2B"
                self.assertEqual(first, f"{method} {target} HTTP/1.1")
                wanted = {"Host": f"127.0.0.1:{server.port}", **prepared.headers}
                fields = {f"{name}: {value}".lower() for name, value in wanted.items()}
                self.assertLessEqual(fields, {line.lower() for line in lines})
                self.assertEqual(arrived, prepared.body or b"")
            self.assertEqual(server.received, [])

    def test_request_prepares_and_sends(self) -> None:
        options: Any = {"params": {"b": "c d"}, "body": BUY, "timestamp_ms": NOW_MS}
        prepared = make("post", PLACE_ORDER, **options)
        with mock.patch("bitget_rsa.send", return_value="data") as sent:
            options = {"credentials": HASTY, "timeout_s": 5, **options}
            found = bitget_rsa.request("post", PLACE_ORDER, **options)
        self.assertEqual(found, "data")
        sent.assert_called_once_with(prepared, timeout_s=5)
        parts = {**parameters(prepare), **parameters(send)}
        del parts["prepared"]
        self.assertEqual(parameters(bitget_rsa.request), parts)

    def test_what_is_no_answer_of_bitgets_counts_as_sent(self) -> None:
        for answer, status in (
            (b"", None),
            (b"HTTP/1.1 20", None),
            (b"\x16\x03\x01\x1b[2J\r\n" * 9, None),
            (PLAIN[:-2] + b"A: a\r\n" * 200_000, None),
            (CHUNKED + b"99\r\n" + OK[:-1], None),
            (CHUNKED + b"%x\r\n" % 2**63 + OK, None),
            (CHUNKED + b"%x\r\n" % 2**200 + OK, None),
            (LENGTH % 99 + OK[:-1], 200),
            (LENGTH % 0, 200),
            (b"HTTP/1.1 403 F\r\n\r\n" + PAGE, 403),
            (b"HTTP/1.1 502 B\r\n\r\nBad gateway", 502),
        ):
            with ScriptedServer(answer) as server, self.subTest(answer[:80]):
                for method in ("POST", "GET"):
                    error = self.refuse_order("", server.url, method)
                    self.assertEqual(error.status, status)
                self.assertEqual(len(server.received), 2)  # nothing is sent again

    def test_an_error_of_any_type_after_the_request_counts_as_sent(self) -> None:
        kinds = OverflowError, MemoryError, OSError, http.client.HTTPException
        with ScriptedServer(FINE) as server:
            for step, kind in itertools.product(("begin", "read"), kinds):
                name = f"http.client.HTTPResponse.{step}"
                with mock.patch(name, side_effect=kind), self.subTest(step, kind=kind):
                    self.refuse_order("", server.url)

    def test_no_more_than_32_mib_are_read(self) -> None:
        def flood(connection: socket.socket, _: bytes) -> None:
            connection.sendall(start)
            for _number in range(64):
                connection.sendall(b" " * (1 << 20))
            ended.append(start)

        empty, ended = b'{"code":"00000","data":""}', list[bytes]()
        longest = LONGEST_ANSWER - len(empty)
        for length in (longest, longest + 1):
            text = empty.replace(b'""', b'"%s"' % (b"x" * length))
            with ScriptedServer(LENGTH % len(text) + text) as server:
                if length == longest:
                    self.assertEqual(len(order(server.url)), length)
                else:
                    self.refuse_order("", server.url)
        for start in (PLAIN, LENGTH % (1 << 40), CHUNKED + b"ffffffff\r\n"):  # noqa: B007
            with ScriptedServer(flood) as server:
                self.refuse_order("", server.url)
        self.assertEqual(ended, [])

    def test_each_wait_is_limited(self) -> None:
        with ScriptedServer(wait_for_the_client) as server:
            for method in ("POST", "GET"):
                self.refuse_order("", server.url, method, 0.2)

    def test_no_redirect_moves_a_byte_to_another_server(self) -> None:
        with ScriptedServer(FINE) as other, ScriptedServer(b"") as server:
            for status in (300, 301, 302, 303, 304, 305, 307, 308):
                head = f"HTTP/1.1 {status} X\r\nLocation: {other.url}/\r\n\r\n"
                server.answer = head.encode()
                for method in ("GET", "POST"):
                    error = self.refuse_order("redirect", server.url, method)
                    self.assertEqual(error.status, status)
            self.assertEqual((len(server.received), other.received), (16, []))

    def test_what_a_gateway_echoes_is_not_shown(self) -> None:
        def echo(connection: socket.socket, received: bytes) -> None:
            connection.sendall(
                answer % received.replace(b"\r\n", b" ").replace(b'"', b"'")
            )

        for answer in (  # noqa: B007
            b"HTTP/1.1 403 F\r\n\r\n%s",
            b"%s\r\n\r\n",
            b"HTTP/1.1 %s\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n%s\r\n\r\n",
            b'HTTP/1.1 400 F\r\n\r\n{"code":"40009","msg":"%s"}',
        ):
            with ScriptedServer(echo) as server:
                error = self.refuse("", order, server.url, kinds=ANSWERED)
            sent = server.received[0].decode()
            signature = re.findall("(?i)access-sign: (.*?)\r", sent)[0]
            shown = "".join(
                traceback.format_exception(None, error, error.__traceback__)
            )
            for secret in (signature[:9], signature[90:99], PASSPHRASE[:9]):
                self.assertNotIn(secret, f"{shown} {error!r} {error}")

    def test_without_a_connection_nothing_was_sent(self) -> None:
        def answer_at_once(connection: socket.socket, _: object) -> None:
            connection.sendall(PLAIN)

        with deaf_port() as address:
            for scheme in ("http", "https"):
                self.refuse_order("", f"{scheme}://{address}", sent=False)
        unknown = socket.gaierror(-2, "Name or service not known")
        with mock.patch("socket.getaddrinfo", side_effect=unknown):
            self.refuse_order("", "https://api.bitget.com", sent=False)
        with ScriptedServer(b"") as plain:  # it does not speak TLS
            plain.finish_request = answer_at_once
            self.refuse_order("", plain.url.replace("http", "https"), sent=False)

    @unittest.skipIf(os.name == "nt", "Windows takes a long body at once")
    def test_what_was_not_handed_over_whole_was_not_sent(self) -> None:
        with ScriptedServer(FINE) as server:
            server.finish_request = lambda *_: None
            long = make("POST", body=" " * 16_000_000, base_url=server.url)
            error = self.refuse("", send, long, kinds=ANSWERED[1])
        self.assertEqual((error.sent, error.outcome_unknown), (False, False))

    def test_what_other_libraries_set_changes_nothing(self) -> None:
        out = io.StringIO()
        opener = mock.Mock(side_effect=AssertionError)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            with mock.patch("http.client.HTTPConnection.debuglevel", 1):
                with mock.patch("urllib.request._opener", opener):
                    with ScriptedServer(FINE) as server:
                        self.assertEqual(order(server.url), {"a": "b"})
        self.assertEqual(out.getvalue(), "")

    def test_what_cannot_be_sent_is_refused_before_a_byte_is_sent(self) -> None:
        with ScriptedServer(FINE) as server:
            good = make("POST", body=BUY, base_url=server.url)
            for timeout_s in (0, -1, None, "10", float("nan"), float("inf"), 3601):
                self.refuse("timeout_s", send, good, timeout_s=timeout_s)
            ours = "Host", "host", "content-length", "Transfer-Encoding"
            for name, value in (
                *(("X", it) for it in ("y\r\nZ: z", "y\n", "y\nZ:z", "\0", "龙")),
                *((it, "y") for it in ("X\r\nZ", "", ":X", " X", "X Y", "X: y", "Ж")),
                *((it, "5") for it in ours),
            ):
                changed = dataclasses.replace(
                    good, headers={**good.headers, name: value}
                )
                self.refuse("header", send, changed)
            for url in (
                *("file:///etc/passwd", "//evil.example/a", "http://api.bitget.com/a"),
                *(f"https://u:{PASSPHRASE}@evil.example/a", "https://evil.example\\/a"),
                *("https://a..b/a", "https://h:99999/a", "https://h.\n/a", ""),
                *(server.url + it for it in ("/a b", "/a\r\nX: y", "/ä")),
            ):
                self.refuse("", send, dataclasses.replace(good, url=url))
            for name, value in (
                ("method", "P\r\nST"),
                ("method", "PUT"),
                ("body", "a"),
            ):
                self.refuse(name, send, dataclasses.replace(good, **{name: value}))
            self.assertEqual(server.received, [])
            headers = {**good.headers, "X-CHANNEL-API-CODE": "abc"}
            send(dataclasses.replace(good, headers=headers), timeout_s=3600)
            self.assertIn(
                b"\r\nx-channel-api-code: abc\r\n", server.received[0].lower()
            )


def parameters(call: Any) -> dict[str, Any]:
    return dict(inspect.signature(call).parameters)


@unittest.skipIf(
    "LibreSSL" in ssl.OPENSSL_VERSION, "LibreSSL may not read SSL_CERT_FILE"
)
class TestTls(SendingCase):
    URL = "https://localhost:7"  # a host that is reached through a proxy only

    def setUp(self) -> None:
        super().setUp()
        trusted = self.write("certificate.pem", CERTIFICATE)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(trusted, self.write("ec.pem", FOREIGN["EC"]))
        os.environ["SSL_CERT_FILE"] = str(trusted)

    def test_a_trusted_certificate_of_the_right_name_is_wanted(self) -> None:
        lax = mock.Mock(side_effect=ssl._create_unverified_context)  # another's default
        with mock.patch("ssl._create_default_https_context", lax):
            with ScriptedServer(FINE, self.tls) as server:
                url = f"https://localhost:{server.port}"
                self.assertEqual(order(url), {"a": "b"})
                self.assertIn(PASSPHRASE.encode(), server.received.pop())
                words = "certificate|SSL_CERT_FILE"
                self.refuse_order(
                    words, url.replace("localhost", "127.0.0.1"), sent=False
                )
                os.environ["SSL_CERT_FILE"] = os.devnull
                with mock.patch("sys.platform", "darwin"):
                    words += "|Install Certificates.command"
                    self.refuse_order(words, url, sent=False)
                self.assertEqual(server.received, [])

    def test_a_peer_that_is_silent_got_nothing(self) -> None:
        with ScriptedServer(b"") as server:
            server.finish_request = wait_for_the_client
            self.refuse_order(
                "", f"https://localhost:{server.port}", "POST", 0.2, sent=False
            )

    def test_a_context_that_cannot_be_made_sends_nothing(self) -> None:
        os.environ["SSLKEYLOGFILE"] = "missing/log"
        with ScriptedServer(FINE, self.tls) as server:
            self.refuse("TLS", order, f"https://localhost:{server.port}")
            self.assertEqual(server.received, [])

    def test_a_proxy_carries_tls_and_learns_nothing(self) -> None:
        def proxy(connection: socket.socket, _: bytes) -> None:
            connection.sendall(PLAIN)
            with self.tls.wrap_socket(connection, server_side=True) as host:
                inside.append(read_request_bytes(host).lower())
                host.sendall(FINE)

        inside = list[bytes]()
        login = base64.b64encode(b"us er:p@ss").decode()
        with ScriptedServer(proxy) as server:
            users = {"http://": [], "": [], "http://us%20er:p%40ss@": [login]}
            for user, logins in users.items():
                os.environ["https_proxy"] = f"{user}127.0.0.1:{server.port}"
                self.assertEqual(order(self.URL), {"a": "b"})
                head = server.received.pop().decode()
                self.assertTrue(head.startswith("CONNECT localhost:7 HTTP/1"), head)
                found = re.findall("(?i)authorization: Basic (.+)\r", head)
                self.assertEqual(found, logins)
                self.assertNotIn("ACCESS-", head.upper())
                self.assertIn(PASSPHRASE.encode(), inside[-1])
                self.assertIn(b"\r\nhost: localhost:7\r\n", inside[-1])
                self.assertNotIn(b"proxy-auth", inside[-1])

    def test_no_proxy_is_obeyed_and_loopback_never_meets_one(self) -> None:
        with ScriptedServer(b"") as proxy, ScriptedServer(FINE) as plain:
            for name in ("https_proxy", "http_proxy", "all_proxy"):
                os.environ[name] = proxy.url
            self.assertEqual(order(plain.url), {"a": "b"})
            os.environ["no_proxy"] = "localhost"
            with deaf_port() as address:
                url = address.replace("127.0.0.1", "https://localhost")
                self.refuse_order("", url, sent=False)
            self.assertEqual(proxy.received, [])

    def test_a_proxy_that_fails_is_called_a_proxy(self) -> None:
        user = f"http://bob:{PASSPHRASE}@"
        for answer in (b"HTTP/1.1 407 Login\r\n\r\n", b"HTTP/1.1 502 Bad\r\n\r\n", b""):
            with ScriptedServer(answer) as server:
                os.environ["https_proxy"] = f"{user}127.0.0.1:{server.port}"
                self.refuse_order("proxy", self.URL, sent=False)
                self.assertNotIn(b"ACCESS-", server.received[0].upper())
        with deaf_port() as address:
            os.environ["https_proxy"] = user + address
            self.refuse_order("proxy", self.URL, sent=False)
        with warnings.catch_warnings():  # Python 3.10 leaves a proxy's answer open
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()

    def test_another_kind_of_proxy_is_refused_and_its_password_not_shown(self) -> None:
        for wrong in (
            *(
                f"{it}://bob:{PASSPHRASE}@127.0.0.1"
                for it in ("https", "socks5", "ftp")
            ),
            *("http://h:8a", "http://127.0.0.1:99999", "http://a..b:1"),
            *("http://[::1:7", "http://", f"http://bob:{PASSPHRASE}@"),
        ):
            os.environ["https_proxy"] = wrong
            self.refuse("https_proxy|http://", order, self.URL)


# ---- Keys ---------------------------------------------------------------------------


def pem(octets: bytes, label: str) -> str:
    return rsa.pem.save_pem(octets, label).decode()


def der(*parts: Any) -> bytes:
    """Write a SEQUENCE of ints, octet strings and parts that are DER already."""
    kinds = {int: univ.Integer, bytes: univ.OctetString}
    sequence = univ.SequenceOf()
    sequence.extend([kinds.get(type(part), univ.Any)(part) for part in parts])
    return bytes(encoder.encode(sequence))


def pkcs8(pkcs1: bytes) -> bytes:
    rsa_encryption = univ.Any(hexValue="300d06092a864886f70d0101010500")
    return der(0, rsa_encryption, pkcs1)


def numbers_of(p: int, q: int, d: int = 0, e: int = 65537) -> list[int]:
    """Return the numbers of PKCS#1, in its order."""
    d = d or pow(e, -1, (p - 1) * (q - 1))
    return [0, p * q, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)]


def key_shapes() -> Iterator[tuple[str, str | bytes]]:
    """Yield what copying, shells, mail and secret stores make of a key."""
    octets = DERS["rfc7515"]
    pkcs1 = octets[26:]
    old = pem(pkcs1, "RSA PRIVATE KEY")
    bare = base64.b64encode(octets).decode()
    whole = base64.b64encode(TEXT.encode()).decode()
    line = TEXT.replace("\n", "\\n")
    yield "PKCS#8", TEXT
    yield "PKCS#1", old
    yield "PKCS#1 under the label of PKCS#8", pem(pkcs1, "PRIVATE KEY")
    yield "PKCS#8 under the label of PKCS#1", pem(octets, "RSA PRIVATE KEY")
    yield "DER of PKCS#8", octets
    yield "DER of PKCS#1", pkcs1
    yield "CRLF", TEXT.replace("\n", "\r\n")
    yield "one line with spaces", TEXT.replace("\n", " ")
    yield r"\n in place of newlines", line
    yield r"\\n in place of newlines", TEXT.replace("\n", "\\\\n")
    yield "in single quotes, escaped", f"'{line}'"
    yield "each line in quotes", re.sub("(?m)^(.+)$", r'"\1"', TEXT)
    yield "as a value in JSON", json.dumps({"a": 1, "key": TEXT})
    yield r"\u002B for +", line.replace("+", "\\u002B")
    yield r"\u002b for +, escaped twice", line.replace("+", "\\\\u002b")
    yield r"\u003d for =", bare.replace("=", "\\u003d")
    yield r"\/ for /", line.replace("/", "\\/")
    yield "indented by a tab and spaces", TEXT.replace("\n", "\n \t  ")
    yield "ideographic and zero-width spaces", TEXT.replace("\n", "\u3000\n\u200b")
    yield "quoted in a mail", "> " + TEXT.replace("\n", "\n> ")
    yield "a byte-order mark in UTF-8", b"\xef\xbb\xbf" + TEXT.encode()
    yield "UTF-16, little-endian", b"\xff\xfe" + TEXT.encode("utf-16-le")
    yield "UTF-16, big-endian", b"\xfe\xff" + TEXT.encode("utf-16-be")
    yield "between other lines", f"Bag Attributes\n id: 1\n{TEXT}-- \nBob's key\n"
    yield "behind Latin-1", b"\xfc\n" + TEXT.encode()
    yield "behind its public half", bitget_rsa.public_key_pem(KEY) + TEXT
    yield "before a certificate", TEXT + CERTIFICATE
    yield "bare base64", bare
    yield "bare base64 without padding", bare.rstrip("=")
    yield "bare base64 behind a mark, in quotes", f"\ufeff'{bare}'\n"
    yield "base64 of the whole PEM", whole
    yield "base64 of the whole PEM in lines", base64.encodebytes(old.encode())
    yield "base64 of UTF-16", base64.b64encode(TEXT.encode("utf-16"))


def key_refusals() -> Iterator[tuple[str, list[Any]]]:
    """Yield the words of a refusal, and the texts that it is for."""
    octets = DERS["rfc7515"]
    bare = base64.b64encode(octets).decode()
    begin, end = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"
    make_one, decrypt = "openssl genpkey -algorithm RSA", "openssl pkey -in"
    for name, words in (
        ("encrypted", f"encrypted|{decrypt}"),
        ("EC", f"RSA|{make_one}"),
        ("Ed25519", f"RSA|{make_one}"),
    ):
        text = FOREIGN[name]
        yield words, [text, text.replace("\n", "\\n"), text.encode("utf-16")]
        if begin in text:  # its contents tell it, whatever the label
            relabelled = text.replace(" PRIVATE", " RSA PRIVATE")
            yield words, [base64.b64decode(text.split("-----")[2]), relabelled]
    old = pem(octets[26:], "RSA PRIVATE KEY")
    header = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,EF0073FB7D9AA633\n\n"
    yield f"encrypted|{decrypt}", [old.replace("MII", header + "MII", 1)]
    openssh = pem(b"openssh-key-v1\0" + bytes(99), "OPENSSH PRIVATE KEY")
    yield "OpenSSH|ssh-keygen", [openssh, openssh.replace("\n", "\\n")]
    pss = univ.Any(hexValue="300b06092a864886f70d01010a")  # RFC 8017, appendix A.2.3
    own = pem(der(1, bytes(32)), "EC PRIVATE KEY")  # RFC 5915, section 3
    yield f"RSA|{make_one}", [pem(der(0, pss, octets[26:]), "PRIVATE KEY"), own]
    public = bitget_rsa.public_key_pem(KEY), PUBLIC.save_pkcs1().decode()
    yield "public|private key", [*public, CERTIFICATE, "ssh-rsa AAAAB3Nz me@host"]
    for bits, p, q in ((1024, P512, Q512), (2047, P1024, P1023)):
        small = der(*numbers_of(p, q))
        yield f"{bits} bits|{make_one}", [small, pem(pkcs8(small), "PRIVATE KEY")]
    secret = hashlib.sha256(b"").hexdigest()
    for shape in ("%s", '"%s"\n', f"{begin}\n%s\n{end}\n", f"{begin}\\n%s\\n{end}"):
        yield f"HMAC|{make_one}", [shape % secret, shape % ("Xq3" * 14)]
    paths = ["private.pem", "~/k.pem", "/home/me/My keys/a.pem", "C:\\new\\a.txt"]
    yield "file|Path", [*paths, *(it.encode() for it in paths)]
    yield "", ["", b"", " \n\t", f"{begin}\n{end}\n", begin, f"{begin}\\n"]
    yield "", [PUBLIC.save_pkcs1("DER"), der(*numbers_of(KEY.p, KEY.q), 1)]
    parts = TEXT[:900], TEXT[900:], TEXT[1:], bare[:900], TEXT[:900] + end, octets[:-3]
    yield "copy", [*parts, "x" * 2000]
    dashes = TEXT.replace("-----", "\u2014"), TEXT.replace("-----B", "--B")
    yield "copy", [*dashes, TEXT[:900] + KEYS["rfc7520"]]
    yield "", [json.dumps({"kty": "RSA", "n": bare[50:392], "d": bare[400:742]})]
    yield "", [f"PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 14\n{bare}\n"]


class TestKeys(Proof):
    def refuse_key(self, words: str, source: Any) -> Any:
        return self.refuse(words, load_private_key, source, kinds=BAD_KEY)

    def ways_to_give(self, source: str | bytes) -> Iterator[Any]:
        octets = source.encode() if isinstance(source, str) else source
        yield source
        yield octets
        yield self.write("key.txt", octets)

    def test_a_key_is_read_in_whatever_shape_it_comes(self) -> None:
        for shape, source in key_shapes():
            for given in self.ways_to_give(source):
                with self.subTest(shape, given=type(given)):
                    found = load_private_key(given)
                    self.assertEqual((type(found), found), (type(SIGNER), SIGNER))
        for name, text in KEYS.items():
            self.assertEqual(load_private_key(text), PRIVATE[name])

    def test_anything_else_is_named_with_a_remedy(self) -> None:
        for words, sources in key_refusals():
            for source in sources:
                given = self.ways_to_give(source)
                said = {str(self.refuse_key(words, it)) for it in given}
                self.assertEqual(len(said), 1, said)  # one text, one answer

    def test_one_character_changed_is_a_refusal_or_the_same_key(self) -> None:
        rng, refused = random.Random(20220101), 0
        octets = DERS["rfc7515"]
        old = pem(octets[26:], "RSA PRIVATE KEY").encode()
        for step in range(400):
            source = bytearray((TEXT.encode(), old, octets, octets[26:])[step % 4])
            at = rng.randrange(len(source) if step % 3 else 40)
            source[at] = rng.choice((*b"AXbz19+/=-\n !", rng.randrange(256)))
            try:
                self.assertEqual(load_private_key(bytes(source)), SIGNER, source)
            except BAD_KEY:
                refused += 1
        self.assertGreater(refused, 200)

    def test_numbers_that_do_not_belong_together_are_refused(self) -> None:
        fields = ("n", "e", "d", "p", "q", "exp1", "exp2", "coef")
        good, other = (
            [0, *(getattr(it, name) for name in fields)] for it in (KEY, OTHER)
        )
        self.assertEqual(pkcs8(der(*good)), DERS["rfc7515"])
        one, two = KEY.d + KEY.q - 1, KEY.d + KEY.p - 1  # right by one prime only
        for change in (
            {3: one, 6: one % (KEY.p - 1)},
            {3: two, 7: two % (KEY.q - 1)},
            *({at: good[at] + 2} for at in range(1, 6)),
            *({at: other[at]} for at in (1, 3, 4, 5)),
            *({at: number} for at in range(1, 6) for number in (0, 1, -good[at])),
            {2: 1, 3: 1, 6: 1, 7: 1},  # e = d = 1 belong together, and sign nothing
            {4: KEY.n, 5: 1},
            {4: 1, 5: KEY.n},
            {1: 1 << 2047, 4: 2, 5: 1 << 2046},
        ):
            inner = der(*(change.get(at, it) for at, it in enumerate(good)))
            for source in (inner, pkcs8(inner)):
                with self.subTest(change=str(change)[:60]):
                    self.refuse_key("", source)
        d = pow(65537, -1, P1024 - 1)  # two primes that are one
        self.refuse_key("", der(0, P1024**2, 65537, d, P1024, P1024, d, d, 0))
        p, q = 3 * P1024, 3 * (2**1024 - 179)  # a pair with a common factor
        d = pow(65537, -1, math.lcm(p - 1, q - 1))
        self.refuse_key("", der(0, p * q, 65537, d, p, q, 0, 0, 0))
        for at in (0, 6, 7, 8):  # what follows from the others may be computed again
            source = der(*good[:at], good[at] + 2, *good[at + 1 :])
            with contextlib.suppress(BAD_KEY):
                self.assertEqual(load_private_key(source), SIGNER)

    def test_every_right_way_to_write_a_key_is_accepted(self) -> None:
        p, q = KEY.p, KEY.q
        least = pow(KEY.e, -1, math.lcm(p - 1, q - 1))  # as OpenSSL 3 writes d
        for numbers in (
            numbers_of(p, q, least),
            numbers_of(p, q, least + math.lcm(p - 1, q - 1)),
            numbers_of(q, p),
            numbers_of(P1024, Q1024, e=17),  # 2048 bits to the last
        ):
            key = load_private_key(der(*numbers))
            plain = rsa.PrivateKey(*numbers[1:6])
            signature = base64.b64decode(sign("a", key))
            self.assertEqual(signature, rsa.sign(b"a", plain, "SHA-256"))

    def test_no_text_keeps_the_reader_busy(self) -> None:
        for text in ("\\" * 65536, "BEGIN " * 10922):
            os.environ["BITGET_PRIVATE_KEY"] = text
            with spawn(str(MODULE), "pubkey") as ran:
                self.addCleanup(ran.kill)
                ran.communicate(timeout=10)  # 0.2 s are enough; it took minutes
            self.assertEqual(ran.returncode, 1)

    def test_hostile_keys_end_in_the_one_error(self) -> None:
        deep = b"".join(b"\x30\x84" + n.to_bytes(4, "big") for n in range(45000, 6, -6))
        nested = DERS["rfc7515"][26:]
        for _ in range(500):
            nested = pkcs8(nested)
        real = b"\x09\x07\x83\x04\x10\x00\x00\x00\x01"  # 2 ** 2 ** 28 takes 32 MB
        zeros = self.write("zeros", b"0" * 30_000_000)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for octets in (
            b"\x30\x80" * 9000 + b"\x02",
            deep,
            nested,
            b"0\x82",
            b"0\x82\xff\xff" + b"\x06\x82\xff\xf0" + b"\xff" * 45000,
            bytes((0x30, 9 * len(real))) + real * 9,
            der(0, univ.Any(real), real),
        ):
            for source in (octets, pem(octets, "PRIVATE KEY")):
                self.refuse_key("", source)
        self.refuse_key("65536", zeros)
        self.assertLess(tracemalloc.get_traced_memory()[1], 20_000_000)

    def test_a_file_that_cannot_be_opened_is_said_to_be(self) -> None:
        deep = "deep-folder/" * 99 + "private.pem"
        for path in (".", "missing.pem", "C:\\keys\\a.pem", deep, "x" * 5000, "a\0b"):
            self.refuse_key("open", Path(path))
        self.refuse_key("open", Path("\x1b[2J\n.pem"))

    def test_a_key_in_the_place_of_a_path_is_never_repeated(self) -> None:
        texts = [it for _, it in key_shapes()]
        texts += [it for _, sources in key_refusals() for it in sources]
        texts += [TEXT[700:900], base64.b64encode(KEY.d.to_bytes(256, "big")).decode()]
        for text in [it for it in texts if isinstance(it, str) and len(it) > 60]:
            body = re.sub("[^A-Za-z0-9]", "", text)
            pieces = {body[at : at + 24] for at in range(30, len(body) - 24)}
            for path in (Path(text), PureWindowsPath(text)):  # which makes \ of /
                error = self.refuse_key("open", path)
                shown = re.sub("[^A-Za-z0-9]", "", f"{error!r} {error}")
                self.assertFalse([it for it in pieces if it in shown], error)

    @unittest.skipUnless(os.name == "posix", "file modes are POSIX")
    def test_a_file_that_others_can_read_or_write_brings_a_warning(self) -> None:
        for mode, system in itertools.product(
            (0o600, 0o400, 0o711, 0o640, 0o604, 0o620, 0o602, 0o644, 0o444),
            ("posix", "nt"),  # elsewhere the mode says nothing of others
        ):
            path = self.write(f"{mode:o}.pem", TEXT, mode)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                with mock.patch("os.name", system):
                    self.assertEqual(load_private_key(path), SIGNER)
            with self.subTest(mode=f"{mode:o}", system=system):
                self.assertEqual(len(caught), system == "posix" and mode & 0o066 != 0)
            for it in caught:
                self.assertIs(it.category, UserWarning)
                self.assert_words("other users", str(it.message))
                self.assertEqual(Path(it.filename).name, Path(__file__).name)

    def test_a_public_key_is_written_as_openssl_writes_it(self) -> None:
        spki = bytes.fromhex("30820122300d06092a864886f70d01010105000382010f00")
        wanted = pem(spki + PUBLIC.save_pkcs1("DER"), "PUBLIC KEY")
        for key in (KEY, SIGNER, PUBLIC):
            self.assertEqual(bitget_rsa.public_key_pem(key), wanted)
        if OPENSSL:  # which ends its lines with CRLF on Windows
            printed = base64.b64decode(openssl("pkey -pubout", TEXT)).decode()
            self.assertEqual(wanted, printed.replace("\r\n", "\n"))


# ---- Credentials from the environment -----------------------------------------------


class TestEnvironment(Proof):
    FLAGS = (
        ("BITGET_DEMO", "demo"),
        ("BITGET_SIGN_ENCODED_QUERY", "sign_encoded_query"),
    )

    def test_it_gives_the_same_as_arguments_do(self) -> None:
        file = str(self.write("key.pem", TEXT))
        by_file = environment(BITGET_PRIVATE_KEY="", BITGET_PRIVATE_KEY_FILE=file)
        home = dict.fromkeys(("HOME", "USERPROFILE"), str(Path.cwd()))
        with mock.patch.dict(os.environ, {**by_file, **home}):
            self.assertEqual(Credentials.from_env(), CREDENTIALS)
            at_home = {**by_file, "BITGET_PRIVATE_KEY_FILE": "~/key.pem"}
            for environ in (environment(), by_file, at_home):
                self.assertEqual(Credentials.from_env(environ), CREDENTIALS)

    def test_a_flag_is_0_or_1_true_or_false_in_every_form(self) -> None:
        for name, field in self.FLAGS:
            for values, is_on in (
                (("1", "true", "True", "TRUE", True, 1), True),
                (("0", "false", "False", "", None, False, 0), False),
            ):
                change: Any = {field: is_on}
                wanted = dataclasses.replace(CREDENTIALS, **change)
                for value in values:
                    found = Credentials.from_env(environment(**{name: value}))
                    self.assertEqual(found, wanted, value)
            for wrong in ("yes", "2", "on", "nope", 2):
                given = environment(**{name: wrong})
                self.refuse(f"{name}|1|0", Credentials.from_env, given)

    def test_what_is_missing_is_named_and_nothing_else(self) -> None:
        names = ("BITGET_API_KEY", "BITGET_PASSPHRASE", "BITGET_PRIVATE_KEY")
        for count, nothing in itertools.product((1, 2, 3), (None, "")):
            for missing in itertools.combinations(names, count):
                given = environment(**dict.fromkeys(missing, nothing))
                error = self.refuse("|".join(missing), Credentials.from_env, given)
                said = re.findall("BITGET_[A-Z_]+?(?=_FILE|[^A-Z_])", f"{error}.")
                self.assertEqual(set(said), set(missing))

    def test_two_keys_are_one_too_many(self) -> None:
        file = str(self.write("key.pem", TEXT))
        given = environment(BITGET_PRIVATE_KEY_FILE=file)
        self.refuse("BITGET_PRIVATE_KEY_FILE|both", Credentials.from_env, given)

    def test_what_is_wrong_is_named_by_its_variable_or_field(self) -> None:
        whole = base64.b64encode(TEXT.encode()).decode()
        for words, name, *values in (
            ("api_key|quotes", "BITGET_API_KEY", '"bg_key"'),
            ("BITGET_PRIVATE_KEY_FILE", "BITGET_PRIVATE_KEY", "private.pem"),
            ("open", "BITGET_PRIVATE_KEY_FILE", "missing.pem", TEXT, whole),
        ):
            for value in values:
                given = environment(**{"BITGET_PRIVATE_KEY": None, name: value})
                if name == "BITGET_API_KEY":
                    given = environment(**{name: value})
                self.refuse(words, Credentials.from_env, given)


# ---- The command line ---------------------------------------------------------------


class CommandLineCase(Proof):
    def setUp(self) -> None:
        super().setUp()
        self.write("private.pem", TEXT)


class TestCommandLine(CommandLineCase):
    def test_sign_prints_headers_for_curl_and_shows_what_was_signed(self) -> None:
        for target, flag, signed, sent in (
            ("/a", "", "", ""),
            ("/a?symbol=$AI&coin=", "", "?coin=&symbol=$AI", "?coin=&symbol=$AI"),
            ("/a?b=7+8", "", "?b=7+8", "?b=7%2B8"),  # only forms mean a space by +
            ("/a?b=a%26c=d%20", "BITGET_DEMO", "?b=a&c=d ", "?b=a%26c%3Dd%20"),
            ("/a?b=%e9%be%99龙", "", "?b=龙龙", "?b=%E9%BE%99%E9%BE%99"),
            ("/a?b=%23", "BITGET_SIGN_ENCODED_QUERY", "?b=%23", "?b=%23"),
        ):
            with self.subTest(target):
                line = f"sign --timestamp-ms {NOW_MS} get"
                environ = {flag: "1"} if flag else {}
                status, out, err = self.run_main(line, target, **environ)
                signature = signature_of(f"{NOW_MS}GET/a{signed}")
                headers = f"ACCESS-TIMESTAMP: {NOW_MS}\nACCESS-SIGN: {signature}\n"
                headers += "paptrading: 1\n" if flag == "BITGET_DEMO" else ""
                self.assertEqual((status, out), (0, headers))
                shown, url = err.splitlines()
                self.assertTrue(shown.endswith(f" {NOW_MS}GET/a{signed}"), err)
                self.assertTrue(url.endswith(f" https://api.bitget.com/a{sent}"), err)

    def test_a_body_is_signed_as_it_was_typed_or_stands_in_standard_input(self) -> None:
        body, before = '{"b": 1.0,\n "a": "龙"}', clock_ms()
        for argument, octets in (
            (body, b""),
            ("-", body.encode()),
            ("-", body.encode("utf-8-sig")),
            ("-", b"\xff\xfe" + body.encode("utf-16-le")),  # PowerShell 5
        ):
            status, out, err = self.run_main("sign POST /a", argument, stdin=octets)
            with self.subTest(argument, octets=octets):
                self.assertEqual(status, 0, err)
                timestamp, signature = out.split()[1::2]
                self.assertTrue(before <= int(timestamp) <= clock_ms())
                self.assertEqual(signature, signature_of(f"{timestamp}POST/a{body}"))
        for octets in (b"", b"\xff{}", b"{"):
            self.fails(2, "BODY", "sign POST /a -", stdin=octets)

    def test_the_key_is_that_of_the_environment_or_private_pem_here(self) -> None:
        other = str(self.write("other.pem", KEYS["rfc7520"]))
        for name, environ in (
            ("rfc7515", {}),
            ("rfc7520", {"BITGET_PRIVATE_KEY_FILE": other}),
            ("k4096", {"BITGET_PRIVATE_KEY": KEYS["k4096"]}),
        ):
            printed = bitget_rsa.public_key_pem(PUBLIC_KEYS[name])
            self.assertEqual(self.run_main("pubkey", **environ), (0, printed, ""))
        Path("private.pem").unlink()
        self.fails(1, "private.pem", "pubkey")

    def test_request_prints_the_data_of_the_answer(self) -> None:
        text = json.dumps(BUY)  # with spaces: it is sent as it was typed
        with StandIn(PUBLIC) as bitget:
            line = f"request --base-url {bitget.url}"
            run = self.run_main(f"{line} POST {PLACE_ORDER}", text, **environment())
            self.assertEqual(run[::2], (0, ""))
            self.assertEqual(json.loads(run[1])["clientOid"], "_a-1")
            run = self.run_main(f"{line} GET /a?b=%23%20", **environment())
            self.assertEqual(run[::2], (0, ""))
            first, second = (it.verdict.rebuilt[13:] for it in bitget.exchanges)
        self.assertEqual(first, f"POST{PLACE_ORDER}{text}")
        self.assertEqual(second, "GET/a?b=# ")

    def test_the_exit_status_tells_outcomes_apart(self) -> None:
        os.environ.update(environment())
        bad = b"HTTP/1.1 502 B\r\n\r\n<html>"
        limited = b"HTTP/1.1 429 T\r\n\r\nerror code: 1015"
        long = b"a " * 75
        for method, answer, status, words in (
            ("GET", bad, 1, "502"),
            ("POST", bad, 3, "502|unknown|clientOid"),
            ("POST", b"", 3, "unknown|clientOid"),
            ("GET", PLAIN + b'{"code":"40725"}', 1, "40725"),
            ("POST", PLAIN + b'{"code":"40725"}', 3, "40725|unknown|clientOid"),
            ("POST", PLAIN + b'{"code":"400172","msg":"side"}', 1, "400172 side"),
            ("POST", PLAIN + b'{"code":"40808"}', 1, "40808"),
            ("POST", limited, 1, "wait"),
            ("GET", PLAIN + b'{"code":"40762","msg":"%s"}' % long, 1, "40762 a a"),
        ):
            with ScriptedServer(answer) as server:
                line = f"request {method} /a --base-url {server.url}"
                self.fails(status, words, line)
        with deaf_port() as address:
            self.fails(1, "", f"request POST /a --base-url http://{address}")

    def test_an_accepted_order_that_cannot_be_printed_is_to_be_looked_up(self) -> None:
        for ran, err in self.orders_that_cannot_be_printed(FINE, "stdout"):
            self.assertEqual(ran.returncode, 3, err)
            self.assert_words("printed|look", err)
            self.assertNotIn("Traceback", err)

    def test_the_exit_status_is_right_where_nothing_can_be_printed(self) -> None:
        for answer in (FINE, b"HTTP/1.1 502 Bad Gateway\r\n\r\n"):
            for ran, _ in self.orders_that_cannot_be_printed(
                answer, "stdout", "stderr"
            ):
                self.assertEqual(ran.returncode, 3, answer)
        os.environ.update(environment())
        for name in ("stdin", "stdout", "stderr"):  # closed, as by >&- in a shell
            with self.subTest(name), mock.patch.object(sys, name, None):
                self.assertEqual(bitget_rsa.main(["sign", "GET", "/a"]), 2)

    def orders_that_cannot_be_printed(
        self, answer: bytes, *streams: str
    ) -> Iterator[Any]:
        """Send an order by the command line while its streams cannot be written."""
        os.environ.update(environment())
        reader, output = os.pipe()
        os.close(reader)
        outputs = [output]
        if Path("/dev/full").exists():
            outputs.append(os.open("/dev/full", os.O_WRONLY))
        for output in outputs:
            with ScriptedServer(answer) as server:
                line = ("request", "POST", "/a", "--base-url", server.url)
                with spawn(str(MODULE), *line, **dict.fromkeys(streams, output)) as ran:
                    err = (ran.communicate()[1] or b"").decode()
            os.close(output)
            yield ran, err

    @unittest.skipUnless(os.name == "posix", "signals are POSIX")
    def test_ctrl_c_is_130_but_during_a_post_3(self) -> None:
        os.environ.update(environment())
        for method, status, words in (
            ("POST", 3, b"look"),
            ("GET", 130, b"interrupted"),
        ):
            with ScriptedServer(wait_for_the_client) as server:
                line = ("request", method, "/a", "--base-url", server.url)
                with spawn(str(MODULE), *line) as ran:
                    while not server.received and ran.poll() is None:
                        time.sleep(0.01)
                    ran.send_signal(signal.SIGINT)
                    out, err = ran.communicate()
            self.assertEqual((ran.returncode, out), (status, b""), err)
            self.assertNotIn(b"Traceback", err)
            self.assertIn(words, err)

    def test_wrong_usage_is_2_and_says_what_is_wrong(self) -> None:
        os.environ.update(environment())
        for body in (
            *("{symbol:BTCUSDT}", '{"a":1,}', "", "@order.json", "a=b", "{} {}"),
            *('{"a":NaN}', "[-Infinity]", "[" * 100_000),
        ):
            self.fails(2, "BODY", "sign POST /a", body)
            self.fails(2, "BODY", "request --base-url http://localhost:9 POST /a", body)
        for words, *lines in (
            ("GET", "sign PUT /a", "sign DELETE /a"),
            ("body", "sign GET /a {}"),
            ("path", "sign GET a", "sign GET https://api.bitget.com/a", "check a"),
            ("path", "sign GET '/a\x1b[2J\n'"),
            ("QUERY", "sign GET /a?b", "sign GET /a?b=1&%62=2", "check /a?b"),
            ("QUERY", "sign GET /a?b=%FF", "sign GET /a?b=1&&c=2"),
            ("surrogate", "sign GET /a?b=\udcff"),
            ("seconds", "sign --timestamp-ms 1763800000 GET /a"),
            ("timestamp", "sign --timestamp-ms soon GET /a"),
            ("http", "sign --base-url http://evil.example GET /a"),
            ("base_url", "check --base-url https://h:99999"),
            ("", "", "trade", "keygen", "sign", "request GET", "sign --key a GET /a"),
            ("", "pubkey --base-url https://h", "request --timestamp-ms 5 GET /a"),
            ("", "request --passphrase x GET /a", "request --unsigned GET /a"),
            ("", "check --demo-trading"),
        ):
            for line in lines:
                self.fails(2, words, line)

    def test_help_and_version(self) -> None:
        self.assert_words("pubkey|sign|request|check", self.run_main("--help")[1])
        version = (0, f"{bitget_rsa.__version__}\n", "")
        self.assertEqual(self.run_main("--version"), version)

    def test_nothing_steers_the_terminal_which_may_know_ascii_only(self) -> None:
        data = {"a": "龙\x1b[2J\u202e"}
        page = json.dumps({"code": "00000", "data": data}).encode()
        with ScriptedServer(LENGTH % len(page) + page) as server:
            out = io.TextIOWrapper(io.BytesIO(), "ascii")
            line = f"request --base-url {server.url} GET /a"
            status, printed, err = self.run_main(line, out=out, **environment())
        self.assertEqual((status, err, json.loads(printed)), (0, "", data))
        _, signed, shown = self.run_main("sign GET /a?b=%1b[2J%e2%80%ae")
        self.assertTrue(f"{printed}{signed}{shown}".replace("\n", "").isprintable())

    def test_a_key_among_the_arguments_is_never_printed(self) -> None:
        os.environ.update(environment())
        by_file = {"BITGET_PRIVATE_KEY": "", "BITGET_PRIVATE_KEY_FILE": "K"}
        for key in (TEXT, TEXT.replace("\n", "\\n"), TEXT.split("-----")[2]):
            pieces = {key[at : at + 40] for at in range(500, len(key) - 40)}
            for line, environ in (
                *((it, {}) for it in ("K", "pubkey K", "check K")),
                ("check --base-url K", {}),
                *((f"sign {it}", {}) for it in ("K /a", "GET K", "POST /a K")),
                *((f"sign --{it} K GET /a", {}) for it in ("base-url", "timestamp-ms")),
                ("check", {"BITGET_API_KEY": "K"}),
                ("sign GET /a", {"BITGET_DEMO": "K"}),
                ("pubkey", by_file),
            ):
                words = [it.replace("K", key) for it in line.split()]
                given = {name: it.replace("K", key) for name, it in environ.items()}
                status, out, err = self.run_main("", *words, **given)
                with self.subTest(line, environ=list(environ)):
                    self.assertIn(status, (1, 2))
                    self.assertFalse([it for it in pieces if it in out + err])


# ---- The command line: check --------------------------------------------------------


def form_signed(request: bytes) -> str:
    """Tell which form of its query a request signs: "decoded", "encoded" or ""."""
    head, _, body = request.partition(b"\r\n\r\n")
    method, target, _ = head.split(b" ", 2)
    path, mark, query = target.partition(b"?")
    fields = dict(re.findall(rb"(?i)access-(\w+): (.*)\r", head.lower() + b"\r"))
    signature = re.findall(rb"(?i)access-sign: (.*)\r", head + b"\r")[0]
    for form, text in (("decoded", unquote_to_bytes(query)), ("encoded", query)):
        signed = fields[b"timestamp"] + method + path + mark + text + body
        with contextlib.suppress(rsa.VerificationError):
            rsa.verify(signed, base64.b64decode(signature), PUBLIC)
            return form
    return ""


COIN = "coin=%E9%BE%99%E8%99%BE"


class TestCheck(CommandLineCase):
    def check(self, line: str, answers: Any, **changes: str) -> tuple[int, list[str]]:
        """Return the exit status and the lines printed, given the answers by step.

        An answer is data, a code (str), a page (bytes), or a callable that returns one.
        """

        def script(connection: socket.socket, received: bytes) -> None:
            target = received.split(b" ")[1].decode()
            self.targets.append(target)
            step = "coin" if COIN in target else "signed"
            step = "time" if target == "/api/v2/public/time" else step
            found = {"time": {"serverTime": str(clock_ms())}, **answers}.get(step, [])
            found = found(received) if callable(found) else found
            code, data = (found, None) if isinstance(found, str) else ("00000", found)
            if not isinstance(found, bytes):
                found = json.dumps({"code": code, "msg": "m", "data": data}).encode()
            connection.sendall(LENGTH % len(found) + found)

        self.targets: list[str] = []
        with ScriptedServer(script) as server:
            line = f"check --base-url {server.url} {line}"
            status, out, err = self.run_main(line, **environment(**changes))
        self.assertTrue((out + err).replace("\n", "").isprintable())
        return status, (out + err).splitlines()

    def test_each_step_has_a_line_from_live_or_demo_to_the_query(self) -> None:
        for flag, mode, header in (("0", "live", None), ("1", "demo", "1")):
            with StandIn(PUBLIC) as bitget:
                line = f"check --base-url {bitget.url}"
                run = self.run_main(line, **environment(BITGET_DEMO=flag))
                asked = [it.request for it in bitget.exchanges]
            lines = run[1].splitlines()
            self.assertEqual((run[0], run[2], len(lines)), (0, "", 5), run)
            for words, printed in zip(
                (mode, "2048", "clock", "accepted", "query"), lines
            ):
                self.assert_words(f"ok|{words}", printed)
            self.assertEqual([it.method for it in asked], ["GET"] * 3)
            self.assertIn(COIN, asked[2].target)
            for it in asked[1:]:
                self.assertEqual(it.headers.get("paptrading"), header)

    def test_it_asks_with_the_path_that_is_given(self) -> None:
        route = "/api/v2/mix/account/account"
        status, lines = self.check(f"'{route}?symbol=\x1b[2J&coin=USDT'", {})
        self.assertEqual((status, self.targets[0]), (0, "/api/v2/public/time"), lines)
        self.assertEqual(self.targets[1], f"{route}?coin=USDT&symbol=%1B%5B2J")
        self.assertEqual(self.targets[2], f"{route}?{COIN}&symbol=%1B%5B2J")

    def test_it_stops_at_the_first_step_that_fails_and_says_what_to_do(self) -> None:
        for answers, changes, most, words in (
            ({}, {"BITGET_DEMO": "maybe"}, 1, "BITGET_DEMO"),
            ({}, {"BITGET_PRIVATE_KEY": FOREIGN["EC"]}, 2, "RSA|openssl"),
            ({"time": b"<html>"}, {}, 3, ""),
            ({"time": {"serverTime": "soon"}}, {}, 3, "clock"),
            ({"time": {"serverTime": "1" * 400}}, {}, 3, "clock"),
            ({"time": {"serverTime": None}}, {}, 3, "clock"),
            ({"signed": "40006"}, {}, 4, "40006|copy"),
            ({"signed": "40014"}, {}, 4, "40014|permission|/api/v2/mix/"),
            ({"signed": "40731"}, {}, 4, "/api/v3/"),
            ({"signed": b"<html>"}, {}, 4, "Bitget"),
        ):
            status, lines = self.check("", answers, **changes)
            with self.subTest(answers=answers, changes=str(changes)[:60]):
                self.assertEqual(status, 1, lines)
                self.assertLessEqual(len(lines), most)
                self.assert_words(f"FAIL|{words}", lines[-1])

    def test_a_clock_within_30_s_is_right(self) -> None:
        for off_ms, status in ((20_000, 0), (-20_000, 0), (45_000, 1), (-45_000, 1)):
            now = {"serverTime": str(clock_ms() + off_ms)}
            found, lines = self.check("", {"time": now})
            with self.subTest(off_ms=off_ms):
                self.assertEqual(found, status, lines)
                self.assert_words("clock", lines[2])

    def test_after_40009_the_other_form_is_tried_and_the_flag_named(self) -> None:
        def wants(form: str) -> Any:
            return lambda request: [] if form_signed(request) == form else "40009"

        flag = "BITGET_SIGN_ENCODED_QUERY"
        for wanted, signed, status, words in (
            ("decoded", "0", 0, "ok"),
            ("encoded", "1", 0, "ok"),
            ("encoded", "0", 1, f"FAIL|{flag}=1"),
            ("decoded", "1", 1, f"FAIL|{flag}=0"),
        ):
            found, lines = self.check("", {"coin": wants(wanted)}, **{flag: signed})
            with self.subTest(wanted=wanted, signed=signed):
                self.assertEqual((found, len(lines)), (status, 5), lines)
                self.assert_words(words, lines[-1])

    def test_a_query_that_could_not_be_tried_is_said_to_be(self) -> None:
        def answer_to(request: bytes) -> Any:
            return answer if form_signed(request) in forms else []

        for answer, *forms in (  # noqa: B007
            ("40009", "decoded", "encoded"),
            *((it, "decoded") for it in ("43011", "400172", "429", "40014", b"<html>")),
        ):
            status, lines = self.check("", {"coin": answer_to})
            with self.subTest(answer=answer):
                self.assertEqual((status, len(lines)), (0, 5), lines)
                self.assert_words("could not be tried", lines[-1])
                self.assertNotIn("ok", lines[-1])


# ---- The whole ----------------------------------------------------------------------

PUBLIC_NAMES = (
    *("prehash", "sign", "PrivateKey", "Credentials", "PreparedRequest", "prepare"),
    *("parse_response", "BitgetError", "ApiError", "TransportError", "send", "request"),
    *("load_private_key", "public_key_pem", "KeyFormatError"),
    *("BASE_URL", "__version__"),
)


class TestWhole(Proof):
    def test_the_public_names_are_these(self) -> None:
        self.assertEqual(sorted(bitget_rsa.__all__), sorted(PUBLIC_NAMES))
        self.assertEqual([it for it in PUBLIC_NAMES if not hasattr(bitget_rsa, it)], [])
        self.assertEqual(bitget_rsa.BASE_URL, "https://api.bitget.com")

    @unittest.skipIf(sys.flags.optimize > 1, "-OO leaves no docstrings")
    def test_the_documentation_runs_and_says_what_it_must(self) -> None:
        failed, attempted = doctest.testmod(bitget_rsa)
        self.assertEqual((failed, attempted >= 8), (0, True), attempted)
        for place, words in (
            (bitget_rsa, "ACCESS-SIGN|clientOid|outcome_unknown|sign_encoded_query"),
            (bitget_rsa, "assumption|tried|security"),
            (sign, "SHA-256|base64|user/verify|known answer"),
            (send, "timeout_s|each|SSL_CERT_FILE|https_proxy"),
        ):
            self.assert_words(words, place.__doc__ or "")

    def test_the_file_says_what_it_needs(self) -> None:
        source = MODULE.read_text(encoding="utf-8")
        self.assertIn("SPDX-License-Identifier: MIT-0", source)
        self.assertIn('requires-python = ">=3.9"', source)
        self.assertRegex(source, r'(?m)^# dependencies = \["rsa>=4.9,<5", "pyasn1')
        self.assertIn("assumption 1", source.partition("\ndef prepare")[2])
        self.assertNotRegex(source, "(?m)^ +(assert|global) |fmt: skip")

    def run_script(self, script: str, *arguments: str) -> None:
        """Run a script beside the module; it must print "done" and no more."""
        self.write("script.py", textwrap.dedent(script))
        os.environ["PYTHONPATH"] = str(MODULE.parent)
        with spawn("script.py", *arguments) as ran:
            out, err = ran.communicate()
        self.assertEqual((ran.returncode, out.strip(), err), (0, b"done", b""))

    def test_the_command_line_can_be_deleted_and_an_import_does_nothing(self) -> None:
        source = MODULE.read_text(encoding="utf-8")
        library, bar, _ = source.partition("# ---- The command line")
        self.assertTrue(bar)
        self.write("library.py", library)
        script = """
            import sys, threading, bitget_rsa, library
            assert "argparse" not in sys.modules and threading.active_count() == 1
            assert hasattr(bitget_rsa, "main") and not hasattr(library, "main")
            key = library.load_private_key(sys.argv[1])
            me = library.Credentials("bg_test", "passphrase", key)
            try:
                library.request("GET", "/a", credentials=me, base_url="http://localhost:1")
            except library.TransportError:
                print("done")
        """
        self.run_script(script, TEXT)

    def test_what_stands_above_the_bar_reads_no_file_and_no_network(self) -> None:
        source = MODULE.read_text(encoding="utf-8")
        pure, bar, _ = source.partition("Nothing above reads a file or the network")
        self.assertTrue(bar)
        code = pure.partition("# ---- The signature")[2].replace("os.environ", "")
        self.assertNotRegex(
            code, r"(?m)^(?! *#).*(\bopen\(|\b(os|ssl|socket|urllib\.request)\.)"
        )

    def test_a_missing_package_is_a_sentence_for_who_runs_the_file(self) -> None:
        script = """
            import runpy, sys
            sys.modules["rsa"] = None
            try:
                runpy.run_path(sys.argv[1])
            except ModuleNotFoundError as error:
                assert error.name == "rsa"
            try:
                runpy.run_path(sys.argv[1], run_name="__main__")
            except SystemExit as stop:
                assert "pip install rsa" in stop.code, stop.code
                print("done")
        """
        self.run_script(script, str(MODULE))

    def test_it_keeps_neither_state_nor_memory(self) -> None:
        before = {name: repr(it) for name, it in vars(bitget_rsa).items()}
        self.run_main("sign GET /a", **environment())
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        sign("a", SIGNER)
        first = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            sign("a", SIGNER)
        self.assertLess(tracemalloc.get_traced_memory()[0] - first, 10_000)
        self.assertEqual(
            {name: repr(it) for name, it in vars(bitget_rsa).items()}, before
        )


class TestBadInput(Proof):
    """Seeded fuzz: only the documented errors come out, and no secret is shown."""

    def test_variables(self) -> None:
        values = ["", None, " ", "'x'", "\0", "~x/a", ".", "龙", TEXT[:300], "\ud800"]
        names = [*environment(), "BITGET_PRIVATE_KEY_FILE", "BITGET_DEMO"]
        for two in itertools.combinations(names, 2):
            for pair in itertools.product(values, values):
                try:
                    Credentials.from_env(environment(**dict(zip(two, pair))))
                except ValueError as error:
                    self.assert_harmless(str(error), repr(error))

    def test_answers(self) -> None:
        rng = random.Random(9)
        parts = [
            *('{"code":', '"00000"', '"40009"', "400172", ',"msg":', '"m"', "null"),
            *(
                "[",
                "]",
                "}",
                "-1e999",
                '"\\ud800"',
                ',"requestTime":',
                "1" * 5000,
                "\xff",
            ),
        ]
        for _ in range(3000):
            octets = "".join(rng.choices(parts, k=rng.randrange(9))).encode("latin-1")
            with contextlib.suppress(*ANSWERED):
                bitget_rsa.parse_response(rng.choice((200, 302, 400, 429, 500)), octets)

    def test_command_lines(self) -> None:
        rng = random.Random(10)
        words = [
            *(
                "sign",
                "pubkey",
                "request",
                "check",
                "GET",
                "POST",
                "/a",
                "/a?b=c",
                "{}",
            ),
            *("--", "--timestamp-ms", "--base-url", "http://localhost:9", "龙", ""),
            *(str(NOW_MS), "--help", "-x", "\udcff", "\x1b[2J", '{"a":1}', "[[", "%"),
        ]
        for _ in range(150):
            given = rng.choices(words, k=rng.randrange(1, 6))
            with mock.patch("socket.socket.connect", side_effect=ConnectionError):
                status, out, err = self.run_main("", *given, **environment())
            with self.subTest(given=given):
                self.assertIn(status, (0, 1, 2))
                self.assertTrue((out + err).replace("\n", "").isprintable())


# ---- What Bitget cannot use ---------------------------------------------------------

# The greatest primes below a power of two.
P512, Q512 = 2**512 - 569, 2**512 - 629
P1023, P1024, Q1024 = 2**1023 - 361, 2**1024 - 105, 2**1024 - 179
# PEM, as OpenSSL 3.0 wrote it by the command above it.
FOREIGN = {
    # openssl genpkey -algorithm ED25519 | openssl pkcs8 -topk8 -passout pass:x
    "encrypted": """\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAincUMdtuCIfwICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEAUMjhyXy2GJ7pbXFO8bilQEQBcm
BUFEVK1eMYsYux7DrKlVThBvg78nU1ZhTX7eStMHbqsf1L0z7ngapwnfoEELBlcA
xSa6VwtlkxKyRJCkt9I=
-----END ENCRYPTED PRIVATE KEY-----
""",
    # openssl ecparam -genkey -name prime256v1 -noout
    # | openssl pkcs8 -topk8 -nocrypt
    "EC": """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg7aQEiJPcepNdoFjj
bevuJmCXaIXtkY0b5MveUreBCIShRANCAARkR/sxxW6mcqvoTbX1C3ooqu5Ri7hE
YXlnScLa914+FvdJDL1lQd2krZHPWv6dLFTb4ufegxTPoUqLIH38HCOm
-----END PRIVATE KEY-----
""",
    # openssl genpkey -algorithm ED25519
    "Ed25519": """\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ5SGHOLS9JO7YAByeL1ydlnbg6ljJ8NkVM9538LFQFX
-----END PRIVATE KEY-----
""",
}
# openssl ca -selfsign -keyfile ec.pem -startdate 20200101000000Z
# -enddate 21200101000000Z, with subjectAltName=DNS:localhost; ec.pem is "EC" above
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBdDCCARqgAwIBAgIUTxd0M4Qv+/XIIfvnkq5leGFVlckwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAx
MDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARkR/sxxW6mcqvoTbX1C3ooqu5Ri7hEYXlnScLa914+FvdJDL1lQd2k
rZHPWv6dLFTb4ufegxTPoUqLIH38HCOmo0gwRjAUBgNVHREEDTALgglsb2NhbGhv
c3QwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUjns3iFGCwKdHc1s+67cLlBYX
Mt8wCgYIKoZIzj0EAwIDSAAwRQIgF4aXhI9JXUQeHk9HJXJ7FIeUHafebfejJ/Yu
haDCjn8CIQDKqj0Qr5o50hOjFSdz66bdCvfKp2eldy790IVkMIIWmA==
-----END CERTIFICATE-----
"""


# ---- Keys and vectors ----------------------------------------------------------------
# The primes p and q of RFC 7515, appendix A.2; of RFC 7520, section 3.4, both as printed
# there; and of a key by openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096.
# All the world has them: never use one of these keys for an account.
PRIMES = {
    "rfc7515": (
        "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3Khoo"
        "KeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPg"
        "tldC-KDV5z-y2XDwGUc",
        "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zF"
        "YHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBype"
        "eF6689rjcJIDEz9RWdc",
    ),
    "rfc7520": (
        "3Slxg_DwTXJcb6095RoXygQCAZ5RnAvZlno1yhHtnUex_fp7AZ_9nRaO7HX_-SFfGQeutao2TDjD"
        "AWU4Vupk8rw9JR0AzZ0N2fvuIAmr_WCsmGpeNqQnev1T7IyEsnh8UMt-n5CafhkikzhEsrmndH6L"
        "xOrvRJlsPp6Zv8bUq0k",
        "uKE2dh-cTf6ERF4k4e_jy78GfPYUIaUyoSSJuBzp3Cubk3OCqs6grT8bR_cu0Dm1MZwWmtdqDyI9"
        "5HrUeq3MP15vMMON8lHTeZu2lmKvwqW7anV5UzhM1iZ7z4yMkuUwFWoBvyY898EXvRD-hdqRxHlS"
        "qAZ192zB3pVFJ0s7pFc",
    ),
    "k4096": (
        "8UQ_FWoEftjJMixwMRzzo9lIgeqFR_WSLtnQ14uA2gdPnSYv1Qa3OqT2jtVlyYaMU9y6iv6eejtK"
        "K_jEJsdnkZ6zEGYjC3dl4BjfWfx4_WYy1PMttPiBkKuZH3iaa29Sdr2RwVWixAjY3Wl1HuhycyL0"
        "fpbUoXLNXXjoraiEDyqW1wIcw2Pzy21NC4Vn-KN-v4L_c1d2PHG9OG2YBruc7uo0mjYN5qTxF0pG"
        "hxEBXGV_1sX80detA_IQRSKXSmfEe6_5K-N8CTaKqHCONQbpFsVnFND16YtYqBmLLnMGe2_Ybz0I"
        "crw_GSIFsY3SrniWOMEiTI1FRYiFbcbYAPFHAw",
        "ti3Jl5DzyHxtKwPJ5-0yuPZLfhUvdacQZoJEirk01n5nfYRLP_qD771HzI1bV7lXGEdkPmb0SDkM"
        "aNzXIWUUlJR0f9xR52ZrxqkOJUPdf8ahLaP6ZsHfN1v2ZDFfB-YkQuLIDWBYuCvaSbqZC5vyvSrV"
        "mmznlAykldQURi1yOdG1GwnwqBaTU7MgwE1HiAuhtuoP90pp2q4DCWQpHAe9JX6BRf5Z4s9wR9pU"
        "9csydQK2sPDNiYIx89wXaoXQ6_29n_PqlWp_pAJ_6VUyMA_QM9oWeUIG5gSBshn63ruyHVA4i_Xu"
        "jx0H2oIX8SkyMWgFxcKBqYTX1qU629Oq1udduw",
    ),
}


def private_key_of(primes: tuple[str, str]) -> rsa.PrivateKey:
    """Make a key of two primes in base64url, with 65537 as its public exponent."""
    p, q = (int.from_bytes(base64.urlsafe_b64decode(it + "=="), "big") for it in primes)
    return rsa.PrivateKey(p * q, 65537, pow(65537, -1, (p - 1) * (q - 1)), p, q)


def pkcs8_of(key: rsa.PrivateKey) -> bytes:
    """Put a key into PKCS#8: RFC 5958, with the algorithm of RFC 8017, appendix A.1."""
    pkcs1 = key.save_pkcs1("DER")
    version_and_algorithm = bytes.fromhex("020100300d06092a864886f70d0101010500")
    content = (
        version_and_algorithm + b"\x04\x82" + len(pkcs1).to_bytes(2, "big") + pkcs1
    )
    return b"\x30\x82" + len(content).to_bytes(2, "big") + content


PRIVATE = {name: private_key_of(primes) for name, primes in PRIMES.items()}
PUBLIC_KEYS = {name: rsa.PublicKey(key.n, key.e) for name, key in PRIVATE.items()}
DERS = {name: pkcs8_of(key) for name, key in PRIVATE.items()}
KEYS = {
    name: rsa.pem.save_pem(der, "PRIVATE KEY").decode() for name, der in DERS.items()
}

KEY = PRIVATE["rfc7515"]
PUBLIC = PUBLIC_KEYS["rfc7515"]
TEXT = KEYS["rfc7515"]
SIGNER = load_private_key(TEXT)
OTHER = load_private_key(KEYS["rfc7520"])
CREDENTIALS = Credentials("bg_test", PASSPHRASE, SIGNER)
NUMBERS = (KEY.d, KEY.p, KEY.q, KEY.exp1, KEY.exp2, KEY.coef)
# What no output may hold. In the first lines of the PEM stands what is public.
SECRETS = [PASSPHRASE, *map(str, NUMBERS), *map("{:x}".format, NUMBERS)]
SECRETS += TEXT.split("\n")[7:-2]

READING = "prehash: the author's reading of Bitget's pages; the rest: OpenSSL"
PUBLISHED = "prehash: printed in Bitget's pages; the rest: OpenSSL"


@dataclass(frozen=True)
class Accepted:
    """A request, with each stage of its signature."""

    name: str
    why: str  # what it proves
    target: str  # path and query, as they are sent
    prehash: str
    sha256: str  # of the prehash
    signature: str
    method: str = "GET"
    params: dict[str, object] | None = None
    body: object = None
    key: str = "rfc7515"
    timestamp_ms: int = 1763800000000
    source: str = READING

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def body_sent(self) -> str:
        """The body as it is signed and sent: all that is behind path and query."""
        head = f"{self.timestamp_ms}{self.method.upper()}{unquote(self.target)}"
        return self.prehash[len(head) :]


@dataclass(frozen=True)
class Refused:
    """The request of a vector, signed wrongly."""

    mistake: str
    request: str  # the name of the vector
    why: str
    signed: str  # in place of the vector's prehash
    signature: str
    options: str = "-sha256 -sign KEY.pem"  # of openssl dgst


@dataclass(frozen=True)
class BadArgument:
    """Arguments of prepare() that must be refused before anything is signed.

    Without a method it is GET, and without a path /api/v2/spot/account/assets.
    """

    why: str
    given: dict[str, object]

    @property
    def arguments(self) -> dict[str, object]:
        return {"method": "GET", "path": "/api/v2/spot/account/assets", **self.given}


@dataclass(frozen=True)
class Signed:
    """A text and its signature."""

    key: str
    text: str
    signature: str
    source: str


# Prehash and target are written by hand. OpenSSL made the rest, with these commands, or
# with the options of a refused one:
#   printf %s "$prehash" | openssl dgst -sha256 -r
#   printf %s "$prehash" | openssl dgst -sha256 -sign KEY.pem | openssl base64 -A
ACCEPTED = (
    Accepted(
        name="no-query",
        why="without a query, no ? is signed",
        target="/api/v2/spot/account/assets",
        prehash="1763800000000GET/api/v2/spot/account/assets",
        sha256="efd77b8068415b1f8890977369918099dc15b99838d130527bd46ea5331ce568",
        signature="mtp3YZNuhfq+srOhYIWSpddpU2y95QXtlLhuRiCBfxw/BK3vpedAyOtO99389zI08eiQFmjeAfsT"
        "I+LAcTW338hymWBkobTJ4xCJLDI62P8TszfqeWxPgtwf7IAwG3Bl5hCx5o9hpjjh/gvaesB0VwPF"
        "jCqssP7w7C5c2MwI6/VS+U5WraXKW78nXf0IMNDZ18pciqZhYT10UBFDR6nYPifojvDqzhC3qlfd"
        "1TNBI5VxCkiyCQHT/FE31TpuECWf3RTX7WdzLIvN+nfT0hzVCzqvWaT76lJ1xFuNWIVkTYZnHHoo"
        "8nSU6ESJBwKoRWZuQ22fnxfcW5nRO5XtrAZVgA==",
    ),
    Accepted(
        name="sorted",
        why="the method in upper case; the query sorted by name; null left out, true as "
        "true, a number as its digits",
        method="get",
        params={"symbol": "BTCUSDT", "coin": None, "limit": 20, "hideZero": True},
        target="/api/v2/spot/account/assets?hideZero=true&limit=20&symbol=BTCUSDT",
        prehash="1763800000000GET/api/v2/spot/account/assets?hideZero=true&limit=20&symbol=BT"
        "CUSDT",
        sha256="33e0c77bd6140cbcc8034d333a4880b4e38bcea157162c2834bbaad2568feb56",
        signature="kUfZhAGBZkYjelDMjxngGCmgA3cGZuelMx7cEXWn/6Qdrvs/oV2nJor92o+xTfddFHwo+CHbOCuH"
        "Zp+pkalx30Sl567w6hf9D6C4QNfMz+e5FNUzuNMhgxkKR1UgWgcMO6ACRr/k1awh6dB4kjT8v1FU"
        "x+keicz4qSE2Uj7om9OIVq23Is2Yd5e7Ur5n04/N+hCkfG8ZQo4hcbIyXv61Ds7cb6Xa5ITxwNAt"
        "4bbayg4g5xiakF9FKpSsrJV//kYq5vf+pdOPOkyPjqum+a665LMK6hHCyYC+Ztgv0ALU8SEz6rAJ"
        "wgtbOwRSuYAv0dE70kTX/VPbBpTFLM3eCjINQw==",
    ),
    Accepted(
        name="code-points",
        why="sorted by code point (not by locale, without case, by UTF-16 or by "
        "name=value); an empty value, false, and a negative number",
        params={"🦐": "y", "\ufffd": "x", "a1": -1, "a": False, "B": ""},
        target="/api/v2/spot/trade/orderInfo?B=&a=false&a1=-1&%EF%BF%BD=x&%F0%9F%A6%90=y",
        prehash="1763800000000GET/api/v2/spot/trade/orderInfo?B=&a=false&a1=-1&\ufffd=x&🦐=y",
        sha256="e1038051e19e5b31463044f5877c0e7f7ef9132ce1e7e050fce0ce8851d7924d",
        signature="Ml9BYD8L4OAKboiXqsgiBNDDMALoO0rgxNkJwTVjkkSs3FERKM1KEw3Aq5PU0HVh+KEancKJsIu2"
        "0IwBtw9jqs6KRofUii1SSJgR2NxIsadRF7tnpg0+4uYm1T3NooCdMVM4oHDk2KXxRpTAJB2iFJCO"
        "7VnB9QnTvp9PWGM4+kYKyIi/g1n9UnxU053FMC/W3tZ/bPlfIy8E7mMeAToljrT+aimscByFnzuD"
        "zsXkwZUGTDgLyAlyPJ05zg1ZHvcoN+YXDYIZ7csKcwlwJzippsJyiN0q8XCE9zKco23LDLanxhIJ"
        "GXzB0y7wfV/YsHmg7+M4lGeO4H7gPj1t0PGpSw==",
    ),
    Accepted(
        name="dollar",
        why="$ is sent as it is, so signed and sent are the same text",
        params={"symbol": "$AIUSDT"},
        target="/api/v2/spot/market/tickers?symbol=$AIUSDT",
        prehash="1763800000000GET/api/v2/spot/market/tickers?symbol=$AIUSDT",
        sha256="388fc28bb509e86500b4d09bf007a95223c4a86fb934596963f7acca4685e5cf",
        signature="Dk/65QBjlREElNaiBYBk8k8WnLUP+7KVi0m0zpv8LNfINoa4TIE4chRuAYzuKBpnaI+K3w++f/TZ"
        "J/AXXP24hhv5b8Xum653iLw38MZ+ruAkWDfkeNi345BbSsRAWomIerAxUEwNz/xePIJUCmqFaaA9"
        "iyxPB/zYHgUgFZXqBlcq2ONApnjVOwtQO78E5NNcsXAhn3ViKG5oiGr4vm4naqmYtxH1DEkCBXNM"
        "UpI5HjnZQReKM2bYaElUQF3kIFGj2WXaLSydXmjy9o/wDdMHuvUZ1Kqoqm5SjMUQ6kuCnAwEClU2"
        "sjloa8Dbh+ZTOGxVvw7kSbltI8IkLaFc82F6ug==",
        source="parameter: a test of Bitget's SDK (commit d4ef5cb); the rest as above",
    ),
    Accepted(
        name="escaped",
        why="a space is sent as %20, a plus as %2B, other characters as UTF-8; all are "
        "signed decoded",
        params={"clientOid": "grid 7+8", "symbol": "龙虾USDT"},
        target="/api/v2/spot/trade/orderInfo?clientOid=grid%207%2B8&symbol=%E9%BE%99%E8%99%B"
        "EUSDT",
        prehash="1763800000000GET/api/v2/spot/trade/orderInfo?clientOid=grid 7+8&symbol=龙虾USD"
        "T",
        sha256="ed32d54e41b87c294a55c44ebe25941da06721193b248c748a2d89fdff7f3e63",
        signature="BMh4NhM+RIgRjZmZ77QDZFNHrMEJS8CrncbUtWzIEtX9IxSiYTJkA3Y1felbITxUO2kayQOUKwsB"
        "K37cFjYvSid+gDB2ZJiWH/WYGAbWFmniuxc1eBKXwCXWfD45F68ZfDmqLmd/Nw+GWIjaLcDcXBlg"
        "4IY793a9mH2GL4OuLDk/rcukM6D+jn1iEifR8rCiEHE6P3pFnUjGK24mZaUWo4lf38zb4VWFYLsF"
        "uutuSKy3JDRQ+P/trWCgg5MgHD8wC82KN2Z9lfB6O4SpEuy0HxH36nlxwsLCpCFGV9MYOBoZpu1F"
        "QpQ2nMdcHO2TIUa4j+xydcsu0axJDa20xzZnwA==",
    ),
    Accepted(
        name="printable-query",
        why="every printable ASCII character, in a name and in a value: % & = # ? do not "
        "change the query's shape",
        params={PRINTABLE: PRINTABLE},
        target="/api/v2/spot/trade/orderInfo?%20!%22%23$%25%26'()*%2B,-./0123456789:%3B%3C%3"
        "D%3E%3F@ABCDEFGHIJKLMNOPQRSTUVWXYZ%5B%5C%5D%5E_%60abcdefghijklmnopqrstuvwxyz"
        "%7B%7C%7D~=%20!%22%23$%25%26'()*%2B,-./0123456789:%3B%3C%3D%3E%3F@ABCDEFGHIJ"
        "KLMNOPQRSTUVWXYZ%5B%5C%5D%5E_%60abcdefghijklmnopqrstuvwxyz%7B%7C%7D~",
        prehash="1763800000000GET/api/v2/spot/trade/orderInfo? !\"#$%&'()*+,-./0123456789:;<=>"
        "?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~= !\"#$%&'()*"
        "+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuv"
        "wxyz{|}~",
        sha256="bbf0377b1e687b90e2ea5ef27c37537ac3270caf212aa81051ef95a89c9e72f7",
        signature="L5tpgoi2yMziJd4qOFIGlDGNB7tQpt9/FJRbrC2VMDJ8rXdCo167V64qsByk1wkWo0KUJZB5Zx/A"
        "rKnOKwzHgerD7Dmi/FLTE7IOEYxTkPY1VwR077RS7kcBrpmfB8j8wR4jNuNnQnVDlKK6tCEEpIOR"
        "U/zksc2WN7lkarqgBWqH9bvIm43jFvZYvTX5tcOkqCmtu2g2eoe73cdsCwkQNJIUc+GUPIvBIm9o"
        "3JqkmOfiC8bAmvDZsrVm1NPYCMrprwBxPcYaa2aCKgrxecDCpkXWinqTORHeKDSYaXB3dTPgiG6d"
        "/ED+N47+F7+Ihp6e7GwYp+gMx1OH/hU7j1tDlA==",
    ),
    Accepted(
        name="printable-body",
        why="every printable ASCII character in a body; JSON in its own order, without "
        "spaces, in ASCII",
        method="POST",
        body={
            "clientOid": "龙虾 é 🦐",
            "tags": [[1, True], None, []],
            "remark": PRINTABLE,
        },
        target="/api/v2/spot/trade/place-order",
        prehash='1763800000000POST/api/v2/spot/trade/place-order{"clientOid":"\\u9f99\\u867e \\u'
        '00e9 \\ud83e\\udd90","tags":[[1,true],null,[]],"remark":" !\\"#$%&\'()*+,-./0123'
        "456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"
        '"}',
        sha256="38b25e0f1ecaed9ba03567b4292e44e0cea84c1fca28c293bc5306c6161824c3",
        signature="lJm8SPiIfK+3OTvi6YiQjaWtmZ7q01hFj3mFoOmrH0e22Z1qq9CQfwDCyfssFzHWc48JmhgNEFo9"
        "aU6BaIJUTIZ1yde4FCjpyaysy3XiMfUHn1ojWac9MXDQ13buyE/F2IhTlZp5jQdX1CefBCigYgMK"
        "9m50HxWp3RTGVUMnsyWt/JDEUticDeBcxPSt1blbS0/LHFbxujGkuanU3PRUW91KFKEezt94MSt9"
        "giL895iJAiqr6qQA2dtoUr2j0HWrrmFeMxaqMdxXunaDF+pcuw0FkloHgE1k3PGwSZQzhigpP67p"
        "SOz5ox5crnWuGsY0UQd6Z1J457pQUP3LfGhseQ==",
    ),
    Accepted(
        name="rare-body",
        why="null and empty values stay; an integer beyond 2^53 keeps its digits; control"
        " characters have short escapes where JSON has them, and DEL is \\u007f, as "
        "json.dumps writes it",
        method="POST",
        body={
            "price": None,
            "tags": {},
            "size": 9007199254740993,
            "side": "",
            "remark": "\x00\x01\x08\t\n\x0b\x0c\r\x1f\x7f",
        },
        target="/api/v2/spot/trade/place-order",
        prehash='1763800000000POST/api/v2/spot/trade/place-order{"price":null,"tags":{},"size'
        '":9007199254740993,"side":"","remark":"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\\u0'
        '07f"}',
        sha256="7062fd627eb0211d7080dabcf58e53a74c47613b04f0e0d2d757e125445bf619",
        signature="CbsKAwyv/4aWbZ9tzou77iJqvDCK885LyWHPkPfmfreJXF7LfLTG8gjfeuqs+mX2/z3zQH8JdYDm"
        "m6M0iA6lzAqQzPwHtOoAKxKEHVg6MK1/8d2yQbxEX3PIiRh79mP81Hi1Dy3dOFhkTBkFyVMHTDkY"
        "wwE/pIkcHdgBXaQF/Nh3LMIKVKOz6YedE/rGuYlMgBHKnYm8ou8PtYAvEoozHxi9SrizbN0RwF9s"
        "0xgUTXdgy1Ni72EvOmvPWbVRHzcX0hgm9sVBpc+y1hzRKhIVjitUl+EnrGludREE7NEWV6F9yUV8"
        "zYseuCMXdfoMy8qKI2CrbULKtcBmE2kgtOECWw==",
    ),
    Accepted(
        name="list-body",
        why="a list on top, as the batch endpoints of /api/v3 take it",
        method="POST",
        body=[{"symbol": "BTCUSDT", "qty": "0.01"}, {"symbol": "ETHUSDT", "qty": "-1"}],
        target="/api/v3/trade/place-batch",
        prehash='1763800000000POST/api/v3/trade/place-batch[{"symbol":"BTCUSDT","qty":"0.01"}'
        ',{"symbol":"ETHUSDT","qty":"-1"}]',
        sha256="fe4eaa7129c4ed0eac0ccfb9e59f5f972ba400a7d00c9973447113f506626914",
        signature="T4cyZVe36HO8WF5xrbbgDDkMGYXuVPZY809B0biQdmC1SOC4c/Ey6RbXcfSuyVwzbBEvbCO2jehz"
        "rZY08lmskWyVZh6FBPaPXSxLV44d5noD2MemqJAlvpTJz+oeVijprfPv1QfgDFJAkFsLWMFu6npI"
        "R1vbUrx1zqLfdiqxVfcQyGLD+7CQSf2ubU508GFFpOQsRHnZ4lfei0/Yg7AL6jJdwhhTeGwf6R9o"
        "uly4maHcmtQJiwt53co9bPQh101hogcHqkN7FbtzsjdpvReFnFC6uXhwdDWjAOFo8eS20O7+q5+x"
        "q06Mq/m83pyLhUO3s4B+pexhDX8v5bKpNnsXag==",
    ),
    Accepted(
        name="text-body",
        why="a text is signed and sent as it is, with spaces and other characters",
        method="POST",
        body='{ "clientOid": "_龙虾" }\n',
        target="/api/v2/spot/trade/place-order",
        prehash='1763800000000POST/api/v2/spot/trade/place-order{ "clientOid": "_龙虾" }\n',
        sha256="6bf5efa4a63c864874c46e440300bf9f19d89755f36ed39fb33abcac58a1abad",
        signature="ghxqjSw/IYihwp7AaZxfdkkYiS5fFWvbxpjsUkKTWpw+08ioUMdj53qVFNJleCY3AdcN9akL1m9W"
        "LcWZnvQm6N88gmSGuNqkWVsfcTeZDh1nuY0CaY98nvrTLUh41eFs9zFOpyijJrjZfbI6B0KtQNBm"
        "pkM51xY54etsgZ80oSp4Vka2+5HgaLuLd/dy/VIxlIYCGmYmDdONIkHiMgW5wk55wqrKRnxttLSP"
        "9jO4JPDb2fzWtOYzT15eCeKmjX6mm4f7LLbLCJJVrdF4nMKBl2pCXr8kmtmYsYCwm273kZ6CHoPr"
        "CUiNV9z9oslQnFLM9goN4PjXe5TF/tHNtcvX2w==",
        key="rfc7520",
    ),
    Accepted(
        name="zero-byte",
        why="a signature whose first byte is zero keeps its length",
        params={"orderId": 160},
        target="/api/v2/spot/trade/orderInfo?orderId=160",
        prehash="1763800000000GET/api/v2/spot/trade/orderInfo?orderId=160",
        sha256="889cbedc002a1c3d7434d5ddf8a89c5bb12b1c81766e5a5684c678b586291e7d",
        signature="AGYZX6J3nAWu7haJDwgPsNnFOheB0iJwe2A1ELPraajBSnriY25+iIHOAyG3NIRZ9FaY5AuUymXf"
        "HyY6wcoeF8hFwH+FmQdTNIQfsQmL214z4HHLfEDTGfxqeiqvOKXwl8fYUhNJs0oskoJ8he5ctfOk"
        "J6EnfbNBbcJFzZotVQd3NZGLc4RTHXnbaLrxfgRTldqReZADsSritxZNeLaznNFKcYIS7j4kgH9o"
        "wue/9gBKqn+R/uksljCqmf3URFZOAUnMzZ39D9MwdbBu4mHozBjLjFudirF3dGlVV41xvFeUotoL"
        "VoUtVhTWc1OfFDyMIqicr4W2Bg/Rrp/ldFRTCw==",
    ),
    Accepted(
        name="4096-bits",
        why="a POST without a body; a key of 4096 bits signs with 684 characters",
        method="POST",
        target="/api/v2/spot/trade/place-order",
        prehash="1763800000000POST/api/v2/spot/trade/place-order",
        sha256="b403f6993945505092a1cc5554e18dedd864d1452a2832f7c9e4e323cb4695c5",
        signature="ZXmsRNlWymemU+1FFQZOzwHzBsSPaY3BXrGWyuuEdoCmNFTGvk8Jg7BhnU9QgtmjDA4TtnI5XOyU"
        "bCcZ+SsTwOER4td3k3bHA0E8N6L1hVJ27nWBHpd2ZTeZqKSSXrBvoMNI34mw6r46vy2FEYB3tBNR"
        "qXbXFtLabhyPIwqZotkaZYTC6bQz1oo9fUdH4jGYTioM3b6OgrhyiCqdJ2iOZp/655ollQt57M2l"
        "rGUi4+br+k1xVtaVDA4cSZublBoke91BWRvEaC0+pquQQaeHhr2Uevqxh0hE9WocLzxj3rCnjSf4"
        "KOkG6r2vkFRWPX+NtpbI+9M5pbxyNLWOhqdzKhrLT2cznGb37RA9GzGwgoA/YQzs7r3Yq8zBE8x6"
        "DtRCbxIbI9x34DQfZtgtcFYUqg++40HGLOjwO8WwTuXrmfPiKeBUV4efn9CZQBPiTHvs+ZIKvQ/y"
        "F2zO0Pbrcer5JGlt2RF/8D2L21vgnsUVKEoQzLjOYm+oY7Ag9HA07RCylL681S2rw8CjQVXkZXYO"
        "129fWFfq2vOSz3HYN0yFNrudED7MCwfB7AF7GRZUhlGZ/+SvYH2eVmQiqLlQ2AjTJa0Ztql6XvRo"
        "/MKA8oacNNLM0sSd/DdXjwOG+hzvLEHg0V0ppiw7z12yG/UgaD/pOwaWtf4hug5DVbxSGWn2hX4=",
        key="k4096",
    ),
    Accepted(
        name="published-get",
        why="the GET that Bitget's pages print; their timestamps have 14 digits",
        params={"symbol": "BTCUSDT", "limit": 20},
        target="/api/mix/v2/market/depth?limit=20&symbol=BTCUSDT",
        prehash="16273667805456GET/api/mix/v2/market/depth?limit=20&symbol=BTCUSDT",
        sha256="56973c7ce346c0d51652e440ddfdce02e513ed5a69d4d5531c18dd712ca887b0",
        signature="WW7iB+ivB1xQ+s/LbryKEjUZnyBuk7K8HfQB2R3TrJKZ+S7eMKxivm1s94E63X2XnlEZbcXwELNC"
        "bw30+kC+uPVOf6QdxZcpb/bL3+GagYgke0bDkCnO522yWKPMOgcAkfsd/WzpqEyFd1lM/xHQHyr5"
        "cluYMqUNZSTPdaRn7pE1Pklog6ZoVe7/tnJ6CvGqErBySc6KsrDHYjFg7qo5QhzxAIvdP2EC+YP6"
        "ts2AQWWOtKt82CPnO65hzeScId1zsiqLH2ufGrb8nSOW0xy2OxwfYUJfVhcajTEhlHAff0GcYOT5"
        "3wmjJPuX1PM4BafY6GPt4SBVfyiQNrhPeCpqjQ==",
        key="rfc7520",
        timestamp_ms=16273667805456,
        source=PUBLISHED,
    ),
    Accepted(
        name="published-post",
        why="the POST that Bitget's pages print",
        method="POST",
        body={
            "productType": "usdt-futures",
            "symbol": "BTCUSDT",
            "size": "8",
            "marginMode": "crossed",
            "side": "buy",
            "orderType": "limit",
            "clientOid": "channel#123456",
        },
        target="/api/v2/mix/order/place-order",
        prehash='16273667805456POST/api/v2/mix/order/place-order{"productType":"usdt-futures"'
        ',"symbol":"BTCUSDT","size":"8","marginMode":"crossed","side":"buy","orderTyp'
        'e":"limit","clientOid":"channel#123456"}',
        sha256="db81286144a59aca9914e3b8351730f7b16400bd06b3ecd8f38889afc75a62d5",
        signature="jq0/Ob2H3h7cYIVo4xZlQBVzgig3nA1ENpjbWXO6BAx8Ln8B8gcLz0Copd36W1/+jQgL9tSv9ElI"
        "lIUMO7a8szGZ4D5hUiX4a2fxqrCsEiQZAUudYCqzkm4DYkEAVVDrWxhYFgwT+D0G/2BSF+GtxFHn"
        "bcikTMdtKw/xUv0kYsBUItQk4khyTZDX8GeriAWoD53LXXucyGgmeMuSFCB0HCIj3BetYxdXu2GF"
        "wOCYUmlkucjSxd6eN2KX6aHmIY/noEbqzw+ob+KyzjSx+8q0ySqmVqXUY3GJe+DVhNwHZ7UjOOMg"
        "10mFdPTMwnStBrcTHrMs0yJ++mVz3/jbak5Rrw==",
        key="rfc7520",
        timestamp_ms=16273667805456,
        source=PUBLISHED,
    ),
    Accepted(
        name="integers-in-query",
        why="an integer of a query keeps its digits, also zero and one beyond 2^53",
        params={"a": 0, "b": 9007199254740993},
        target="/api/v2/spot/trade/orderInfo?a=0&b=9007199254740993",
        prehash="1763800000000GET/api/v2/spot/trade/orderInfo?a=0&b=9007199254740993",
        sha256="5f0cdb181cdf1a80e570ba7087737f97b4ae4c7d7fe15ab06217ab1ba69ea920",
        signature="ljO6Bpvd6zx43b07MuPE9K/HEhdVvhoyMQcf2aqsA1cnX+r7Vqjct2ksJeiHGyviKQihndA9v47h"
        "k2imFdOpPnOBYc5HHFipR2RF/3X/d2Z9jYs9FBdTB3rF4RD4fd5RDEdTHun+1DCsrRLGCVxD9u74"
        "8Ukm+kRASErI/XR8/1LUVtlRyZzK9iXFdzUqFnRl5TYiSrR7ykWtNaA8OlyEeQH448cimsAA6dc+"
        "ptsFdkiBAZpzx8RZ4iyq7wwjorrkTrHrtnGHbQSVY276ZLt1oYjfjc9y/bBpjpnX4oqR/wlzeKcX"
        "6V0cFVI9J9buysidIB1WzW+3t7bIMEejQkBFLw==",
    ),
    Accepted(
        name="empty-object",
        why="an empty object is a body, too: {} is signed and sent",
        method="POST",
        body={},
        target="/api/v2/spot/trade/place-order",
        prehash="1763800000000POST/api/v2/spot/trade/place-order{}",
        sha256="79e4d6c51cce15b4e62d60923499302248b760449db8eaf75dc05454515709da",
        signature="HIc9xZmqaF/+DTFTDFezsjq2kKq+rqol9pUzdo7GzCiK3U9syJYa+IJrzXuruzG2ET/fm/K6a0TY"
        "mWl/XSE4nSQ+L/RRTgApmkMbSkk1BhlybAMib8IXbLAOw8bflgdoZigzIV6LuNO/MOrStGjzcZc6"
        "Nz0H2mswM11Pdz+S/vigrvGw/dO2lRvE+yC89IaHeI4dGhnPaI5p7n3neqR9pt1TWw7fLLRR+D6B"
        "CiLnKf72Mqtl7T6Ch6+a04aKnysXuPXbSnrdodo+gpTVvKHJ5Ic6TOM2CfxKIsRqvryAbJkAbdKT"
        "K22PfWgn7Xzp8znqE3hGKnYlNBvT8WSXbLBPgw==",
    ),
    Accepted(
        name="integers-as-names",
        why="names that look like integers keep their place (JavaScript's objects "
        "put them first, in order)",
        method="POST",
        body={"b": "1", "10": "x", "9": 0},
        target="/api/v2/spot/trade/place-order",
        prehash='1763800000000POST/api/v2/spot/trade/place-order{"b":"1","10":"x","9":0}',
        sha256="e34c4191cb4dec93646fbe5fa986a1c3190c5bc974663d4118dae5c685eef8a5",
        signature="NOeGcbmWNQ629kgIsLbnDm1X3AQX2lK0mvLVDtm3Ew8QyZYnBXME+4x+I5l4KHtAA2TEe9xtOEuz"
        "3U4PdJ7pDiWiAHymM9gpKIPm9F/ewZszPW2oyWvamgvE0+V7cDP7EdO8fk2IIfbSR9XKv3TEhNkN"
        "H0GAWvMNY+2UdfEAM8vU7cuTsCFaKKbaV8pr3Tmil2p96Zu+9US56oI4L1m97IL9QaLALGCkxTBX"
        "jkObt66jEW0YoYqfBQ0G7SR+MVEY1bCDoddP93FP2hJaR18H1etSY9iwhz+5x6Cb4IFuY1CfmnMN"
        "BuIK/VtsG+t3RdQRNPHpv47NC75wQ59uC9t9ag==",
    ),
)

REFUSED = (
    Refused(
        mistake="query-encoded",
        request="escaped",
        why="the query is signed as it is sent",
        signed="1763800000000GET/api/v2/spot/trade/orderInfo?clientOid=grid%207%2B8&symbol=%"
        "E9%BE%99%E8%99%BEUSDT",
        signature="IDW+2hSRFxqlb0hrXR5RFR30LTWsBab+A0qksp3wlNXz2xI29RWrwpxih6XFh6dU3ju19bWZXt1u"
        "rAb8XAWwl9lazNSVUfeAJq7YyYpYci9dTGLSDizFO/SBNB377ZfLb5W+VqGwNCQnBPi/L+KN3a0G"
        "w1hoMnify6V+wQ/h7JWqeDTfOjLDXuNn+HT3jxtPaWvsF5jYhp7zahMtKGjtW8175VSfeGTc/7Kj"
        "yQHQGItElXdHPfz7OECxNcWPt/r9c2RrJpymt2h6y5JnfIJcGvBU4iABHBssRInKFTDok6OaHvvs"
        "6L6QNuQhP44SCl4sDl4yl7OV7yqjjpMndIy3Fg==",
    ),
    Refused(
        mistake="query-order",
        request="published-get",
        why="the query is signed as the caller wrote it, and sent sorted",
        signed="16273667805456GET/api/mix/v2/market/depth?symbol=BTCUSDT&limit=20",
        signature="Pz1sVjBrnXUHZmAAGhXIL7tGZqqNF/CtAbytdGwcOw7QG3Gg7+oDSSdVmskU2G0L5pn7bb+0nL1h"
        "hGalYPkL3GdvRGuEndPZQfqagXDJqYnbJlHK8KpvRqMlnWaWU+kwBjtJnpl4IgtF/rU98jZWPY19"
        "wycKG0sgVq5N/nKOkCSuYzRKXEaKMpne2kgNzLD/hnyd9Y3ic5IiuVyn4wHVSDefbrlWyI7zYM2d"
        "2adl89NW8fD0M7yIS5sPcu9frCLA60wajtO0UUYbY8Xua5+hP1pzQxLBhXt/DiZ5i5bi+aLjFsEq"
        "p58z/0TW4GH5V0wAc82asIvJq0XCp87ANmTmvA==",
    ),
    Refused(
        mistake="query-missing",
        request="published-get",
        why="the query is sent, but not signed",
        signed="16273667805456GET/api/mix/v2/market/depth",
        signature="P1jAmqUIHEz5jnsWe76bYFUb7w5vHSTcVAPRZChAwbAbf2dFFfB41fxDTZsloFbgNyWKtbMwDNux"
        "AL+IoPzIc4UGAhwXAmu/0y1RqV4aKYfxpXjTeaDbvvDJkrQ43URrBp4rOtv1DDW2s65riJyaO9J+"
        "uEWq+d7vML5GCBXl3WVXSP3UIVAuuZX4I1N4HKaaBhggz4vGEYbVvhMCe6xB2D92lYcMB4CqbWuc"
        "7ro4okoEY3FpFfiIXYmezJMY+XKSHfERis41OD1kCPPYDdnUVEAYlU1pt6Ba3+mscQO7s0zJJKT5"
        "Hy36ID5BHk8PwZ25PlftB14l1wafJgs8EWsJDA==",
    ),
    Refused(
        mistake="question-mark",
        request="no-query",
        why="a ? is signed where there is no query",
        signed="1763800000000GET/api/v2/spot/account/assets?",
        signature="Is5d7Nt/RaNZYJIvXOr+qOERjvwvlS0M8aqQvFeeJhls1qx7hpX9sJ2ROwxnPgsAE8kbUQohdHuI"
        "ZDujsYHxzs2pueliKH50GDcfUSVT1Bd6JIrV2Qp7z/r7o6R5swnnRoIlxw9XvhJEqIIYxGVUjqn3"
        "pUNB7Liz2CJKoe5rqIS7StzI4QlhSuubRBRwFsb3dpCQn3E5KpvIgs0b5K5m5PicAlKqJDPMRaxl"
        "owmzUNtYZP0OFd/P2X6fLqX80B4i0uIy7AcRZH+hKFfug/W2bl9AL2lu0TPFLKg8c5f+wTZoqzxx"
        "cqjqUABZoreeA1sqdpllXcFvabhN4xTR8hYFWw==",
    ),
    Refused(
        mistake="body-missing",
        request="published-post",
        why="the body is sent, but not signed",
        signed="16273667805456POST/api/v2/mix/order/place-order",
        signature="WdjZNfRZ1zRJ6Jfi452oLo0p4h+u8ewHHSbpG6HvFFDdhT6NWgAjVA9Alny3Ra/9vq21Rhrza7IM"
        "U3eHOrhmBUDpS3mCfOVUrTvVWMUBPqoOMSYcz85PMAqdiZmynTXiNJeOv3r7DEtM/RhDfCqS8Kj8"
        "kmo2OHaKEEYjCRzmJOjic6Q6/d9XyJQuJnT5XR1bo3+RCRXWr50elE54VDe4IIPPQRb3D/gyAH1s"
        "cWXHi994T5BTMc/PnGLYSwT3nNki6/8Zx84VxOEv32zjRnSyWx/mnQqthbU7YfaIy7Ht8hbNCao6"
        "KNreZiUmDmc0JJl5+KeBNdnNtO7SyhWtOZoH5g==",
    ),
    Refused(
        mistake="body-rewritten",
        request="published-post",
        why="the body is signed with spaces, and sent without",
        signed='16273667805456POST/api/v2/mix/order/place-order{"productType": "usdt-futures'
        '", "symbol": "BTCUSDT", "size": "8", "marginMode": "crossed", "side": "buy",'
        ' "orderType": "limit", "clientOid": "channel#123456"}',
        signature="M3qQLLGp99LgXoIZOfW7yNnlNAlf+WrIhMAqfiB11hqdK3xBCYwWLkzrasvFsePzP7+eoJooo3hg"
        "+BAe4wRoLzp/WipHGYWiwloKG4Ab4J2J5ve4aZX5pJW7IRqZwM+NikjXKGVA7/cJrtyC7UrtkkC3"
        "FtlOKMQB8+Yif1iBNep+c7Q1KBohtto7DnzVzR6F5jUpldfvxvAeSocyv920rz6vd+9ObYQfeRFF"
        "ZKmlW54Gl/mYnaeLrhpARvY5Q3mZbl4ED3iKHB/dBssexPDDiHbop3lLgKixR9voYG7iWjfPvIsM"
        "7Yg1qPhJpFuWLH//t3izJy9ajt920rvuc4F1Fg==",
    ),
    Refused(
        mistake="newline",
        request="no-query",
        why="echo ends what is signed with a newline",
        signed="1763800000000GET/api/v2/spot/account/assets\n",
        signature="To/Gtcst16Yo51Kx5sSOKf1NHwc3UMqGXEORNpcQc0r+jgviBmDWxHzA5hY9s87uIwl1yyZ4BHT2"
        "zbT5q67YNMuCkuZepNZPN+d7h+iufU0aUF0sZIBLPnn35tUaMX5mFIvuoimviUwXOE7cH7vj3kBS"
        "LOWnBHn73WT7r6NvwDiCkyfSuC9vpBg2GJcwUKZU2AZbK5vwC3ObeZOwaRezCYzct8kzePrWmW6k"
        "KVdnfGxIVkno6eX0PpvQ3oYYvXB8vpDosY2mxHps1HwxvLb8cgF0BCRAUlXtzXHmBl8nfZhUcWTf"
        "RQAkSzr4qzR17ADF+BnivkOfp+8kctB8gPqyVw==",
    ),
    Refused(
        mistake="timestamp",
        request="no-query",
        why="seconds are signed, milliseconds are sent",
        signed="1763800000GET/api/v2/spot/account/assets",
        signature="R3cv0NtGHp2ml6MchmHHckk9VZRpQEmi/CYx4ROgpZ1Hej45nVbtCmFiMSXusBCO9K5rbMXlt0lu"
        "KTQ5NC35AmLtyS6QVSEEeLE/UbI+suXO2XxQCXfqx9VgajxoMWs/TA9n/g2NyfsU4pox/Pzen237"
        "DuUFk6qN97gSFZfiCkI/8Q0ZjLlLxAER5AEyAo+7IPyjqb2BG42jPtjRLZRjaVsGe2vbZoCYUyKF"
        "E+eFMU5RJDLJEnNeOBytU4GQx0wVL9EbYz6udUrLIroqHp3MAuPLtGzow2wtT3/SpIgZfDOscosE"
        "R3GMsb2CtqTytAQJu9j3aYr1Zx4nXHcBe4DJzw==",
    ),
    Refused(
        mistake="hash",
        request="no-query",
        why="SHA-1 in place of SHA-256",
        options="-sha1 -sign KEY.pem",
        signed="1763800000000GET/api/v2/spot/account/assets",
        signature="gVzDh+s8Usg0nT61Ptj/uKbawA/fel2MBmkUZLv8TQ9Ga2a+n/hOzFR6LUggWHmBYjbVm2vbPzVu"
        "SbecftR2FG3FJvSnGyi/jkEUuLL4H56nLdyzI4150TKA0reLXsqGf7jZz1dL7K8FeoSg6vmGhJz9"
        "o4yjJtGgECK3aUSF1xoMniQiCDaVV5bI/YX8+Zy9ZFbaliIvh9A7A45QQGoAqMRZWTJ4Xp9G3T1N"
        "BolTMdADoI7V0nmdeGCk9puiQBxVYwNno7nawQlDCiFUdkuz+b4XYmGPfEswV0Wq1dGMszx72kpI"
        "+GrY9O075vSZPT1BQGGD6NmxankDREk2FxA+2A==",
    ),
    Refused(
        mistake="pss",
        request="no-query",
        why="PSS in place of PKCS#1 v1.5; its salt is empty, so that it can be made again",
        options="-sha256 -sign KEY.pem -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:0",
        signed="1763800000000GET/api/v2/spot/account/assets",
        signature="lDSAM3+azZ2BIoFow7QWrbZ86M+QjvYnOj1pf5YaA71xfA8DjivVj1U1W7x6wnJXfmq80R1Phzj5"
        "s1BQmDGsBHD8pFLfYjNpUFChiIuNTXweogLj+2vTXaqdpaHcqQ1uVzGPHMJI1K7vsnDGvao3AVhF"
        "s3t5ZjgWud7KLwOhkv+zFlvMNeqo8mtD2YwD66YVEA0btnpkhu0uguIm5mGaYrPHYp+kJfVCMoWA"
        "yZnHk/cqnLkGElkvBo0jm34t28Uc4qZsjdc9ZFB3o5xUaN7HYgJ++o7eetj+qxqzFBMMVZDxo3p/"
        "lF/9Vhhr95w/URzBbb4a9zn8HSp7tPbrsTQ/kA==",
    ),
    Refused(
        mistake="encoding",
        request="no-query",
        why="base64url: `| tr +/ -_` behind the command",
        signed="1763800000000GET/api/v2/spot/account/assets",
        signature="mtp3YZNuhfq-srOhYIWSpddpU2y95QXtlLhuRiCBfxw_BK3vpedAyOtO99389zI08eiQFmjeAfsT"
        "I-LAcTW338hymWBkobTJ4xCJLDI62P8TszfqeWxPgtwf7IAwG3Bl5hCx5o9hpjjh_gvaesB0VwPF"
        "jCqssP7w7C5c2MwI6_VS-U5WraXKW78nXf0IMNDZ18pciqZhYT10UBFDR6nYPifojvDqzhC3qlfd"
        "1TNBI5VxCkiyCQHT_FE31TpuECWf3RTX7WdzLIvN-nfT0hzVCzqvWaT76lJ1xFuNWIVkTYZnHHoo"
        "8nSU6ESJBwKoRWZuQ22fnxfcW5nRO5XtrAZVgA==",
    ),
    Refused(
        mistake="hmac",
        request="no-query",
        why="HMAC-SHA256 with a secret in place of RSA",
        options="-sha256 -hmac secret",
        signed="1763800000000GET/api/v2/spot/account/assets",
        signature="0Y2mchnfe2G+pTGaP9VET6TtX8/rujFWt9WdIwjfbIg=",
    ),
    Refused(
        mistake="unknown",
        request="zero-byte",
        why="a value is signed whole, and cut at a bare # on its way",
        signed="1763800000000GET/api/v2/spot/trade/orderInfo?orderId=160#7",
        signature="ISJys4imVcXzvTdODD/l+d32xsOKKSJkYvSnpioS9Pe38yoJH97nHxiFAuRZWa3GL2+O4m3iz4En"
        "wvtfCwUYgsGXA1MnnOKcNBidbnKSZQ7IRNANNiNEJPek0mlt3kV/6d6g0PFKErffJILydWOKtfvC"
        "hA3E8IrCR941x5ZAxw1+lCn500qblR/ax/tNfIJ8RLnnp1hjII3C84mMbNwOPuDqu3hP+nXgVFoW"
        "mfna3/Sa9FW+qSig/inIIjDhLmNgVX8tuABrsOJcAc/WjUKDw8zkE4vvyOp1tNBl8NDgFLwm5NAs"
        "adoawxIZ7apTVy/H7gMLqFqh+xQf9+hHB3KnWg==",
    ),
)

# What a client has to refuse before it signs: it could only be signed wrongly.
ARGUMENTS = (
    BadArgument(
        "an amount is a text, since a floating number has other digits elsewhere",
        {"method": "POST", "body": {"size": 0.1}},
    ),
    BadArgument("also inside a list", {"method": "POST", "body": [{"qty": 1.5}]}),
    BadArgument("and in a query", {"params": {"limit": 1.5}}),
    BadArgument("a query holds no lists", {"params": {"coin": ["BTC", "ETH"]}}),
    BadArgument("and no objects", {"params": {"coin": {"name": "BTC"}}}),
    BadArgument("Bitget has GET and POST only", {"method": "DELETE"}),
    BadArgument("a GET has no body", {"body": {"coin": "BTC"}}),
    BadArgument("a body is an object, a list or a text", {"method": "POST", "body": 5}),
    BadArgument(
        "a path comes without the host",
        {"path": "https://api.bitget.com/api/v2/spot/account/assets"},
    ),
    BadArgument(
        "and without the query", {"path": "/api/v2/spot/account/assets?coin=BTC"}
    ),
    BadArgument(
        "HTTP clients make one slash of two", {"path": "//api/v2/spot/account/assets"}
    ),
    BadArgument("and resolve ..", {"path": "/api/v2/../v3/account/assets"}),
    BadArgument("and .", {"path": "/api/v2/./spot/account/assets"}),
    BadArgument("no path ends in a slash", {"path": "/api/v2/spot/account/assets/"}),
    BadArgument("and escape what is not ASCII", {"path": "/api/v2/\u9f99"}),
    BadArgument("a path begins with a slash", {"path": "api/v2/spot/account/assets"}),
    BadArgument("a timestamp is not in seconds", {"timestamp_ms": 1763800000}),
    BadArgument("a timestamp has no fraction", {"timestamp_ms": 1763800000000.5}),
    BadArgument("a timestamp is a number", {"timestamp_ms": "1763800000000"}),
    BadArgument(
        "half a surrogate pair is no character",
        {"method": "POST", "body": {"clientOid": "\ud83e"}},
    ),
    BadArgument("nor is it in a query", {"params": {"clientOid": "\ud83e"}}),
)

# Their RS256 is what Bitget wants: RSASSA-PKCS1-v1_5 with SHA-256.
RFC_SIGNATURES = (
    Signed(
        key="rfc7515",
        text="eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA"
        "6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        signature="cC4hiUPoj9Eetdgtv3hF80EGrhuB//dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh+0Q"
        "c/lF5YKt/O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB++f/nZLgrnbyTy"
        "WzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB/eSN9383LcOLn6/dO++xi12jzDwu"
        "sC+eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5A"
        "XLIhWkWywlVmtVrBp0igcN/IoypGlUPQGe77Rw==",
        source="RFC 7515, appendix A.2",
    ),
    Signed(
        key="rfc7520",
        text="eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXT"
        "igJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW9"
        "1IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGh"
        "lcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4",
        signature="MRjdkly7/+oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwz"
        "JdQx996ivp83xuglII7PNDi84wnB+BDkoBwA78185hX+Es4JIwmDLJK3lfWRa+XtL0RnltuYv746"
        "iYTh/qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW"
        "3IS/de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE/oI+ZnmKJ3F4uOZDnd6QZWJushZ4"
        "1Axf/fcIe8u9ipH84ogoree7vjbU5y18kDquDg==",
        source="RFC 7520, section 4.1",
    ),
)

NOTES_FOR_PORTS = (
    "The names of a query are sorted by code point. The members of a body keep the order "
    "in which they stand here, so read this file with a parser that keeps it.",
    "A parameter that is null is left out of a query. In a body, null stays.",
    "timestamp_ms is an integer; so is 9007199254740993, which a parser that makes a "
    "double of every number cannot read.",
    "A body that is a text here is signed and sent as it is; one that is an object or a "
    "list becomes printable ASCII as JSON without spaces, with lower-case \\uXXXX, also for DEL.",
    "prehash is decoded text in UTF-8, and url is what is sent. A client that lets its "
    "HTTP library write the URL has to check that it sends these very characters.",
    "OpenSSL makes each signature: printf %s TEXT | openssl dgst OPTIONS | openssl base64 "
    "-A, with KEY.pem the key of that name, and OPTIONS -sha256 -sign KEY.pem but for "
    "those of a refused one.",
)


def vectors_for_ports() -> dict[str, object]:
    """Return all that a port to another language is tried with."""
    return {
        "notes": NOTES_FOR_PORTS,
        "keys": KEYS,
        "accepted": [every_stage(it) for it in ACCEPTED],
        "refused": [refused_in_full(it) for it in REFUSED],
        "arguments": [{"why": it.why, "arguments": it.arguments} for it in ARGUMENTS],
        "rfc": [vars(it) for it in RFC_SIGNATURES],
    }


def every_stage(it: Accepted) -> dict[str, object]:
    """Return a vector with all that follows from its fields."""
    headers = {
        "ACCESS-KEY": "bg_test",
        "ACCESS-SIGN": it.signature,
        "ACCESS-TIMESTAMP": str(it.timestamp_ms),
        "ACCESS-PASSPHRASE": "anyPassphrase1",
        "Content-Type": "application/json",
    }
    url = f"https://api.bitget.com{it.target}"
    written = {
        "path": it.path,
        "url": url,
        "headers": headers,
        "body_sent": it.body_sent,
    }
    return {**vars(it), **written}


def refused_in_full(it: Refused) -> dict[str, object]:
    """Return a refused vector with the key that its signature is verified with."""
    keys = {vector.name: vector.key for vector in ACCEPTED}
    return {**vars(it), "key": keys[it.request]}


if __name__ == "__main__":
    # Options and the names of tests go to unittest, as without a verb.
    if re.match("[^-T]|-h|--help", "".join(sys.argv[1:2])):
        sys.exit(main(sys.argv[1:]))
    unittest.main()
