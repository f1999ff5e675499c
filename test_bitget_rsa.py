# SPDX-FileCopyrightText: 2026 The bitget_rsa authors
# SPDX-License-Identifier: MIT-0
"""Bitget's side of an RSA-signed request, and the proof that both sides agree.

    python test_bitget_rsa.py demo                       the whole protocol, offline
    python test_bitget_rsa.py serve PUBLIC_PEM           a stand-in for any client
    python test_bitget_rsa.py explain PUBLIC_PEM [FILE]  why is this signature refused?
    python test_bitget_rsa.py vectors                    the known answers, as JSON
    python test_bitget_rsa.py                            the tests, as `unittest` runs them

A refused signature is explained by the digest in it, which the public key recovers:
known mistakes are tried until a text has it. Known answers come from RFCs, Bitget's
pages and OpenSSL, never from bitget_rsa. Bitget's side uses none of its code; only the
demo does, as client. What Bitget's pages do not say is called an assumption.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import dataclasses
import doctest
import email.message
import enum
import hashlib
import io
import itertools
import json
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
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import tracemalloc
import types
import unittest
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import east_asian_width
from unittest import mock
from urllib.parse import quote, quote_plus, unquote, unquote_to_bytes, urlencode

import rsa.pkcs1_v2
from pyasn1.codec.der import encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import univ
from rsa.pkcs1 import HASH_ASN1, compute_hash

import bitget_rsa
from bitget_rsa import Credentials, load_private_key, prehash, prepare, send, sign

PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
VERBS = ("demo", "serve", "explain", "vectors")


# ---- Keys and vectors ---------------------------------------------------------------
# PKCS#8: of RFC 7515, appendix A.2; of RFC 7520, section 3.4; and of openssl genpkey
# -algorithm RSA -pkeyopt rsa_keygen_bits:4096. Never use one of them for an account.
DERS = {
    "rfc7515": base64.b64decode("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXOjS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxLaYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNnjuygxmj3AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkftoaHLFcW9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHgVFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe46sui395IW/GO+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M/V51gfpRLI9JYanrC4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl/x/jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0KpLttoLhyt3SmqdEf/kgHePDdtzEafpAu+cS191R2JiuoF2yzWXnwFDcqGigp5BNr0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqElMGAg+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAPrq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNwkgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgwo59dkpN75gJLVds29+DAncu3KXU4f2Fa+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/evpitUf+4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcGyoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+CCoRjaZjOYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd+DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp/gh6A5603k2+ZQwVK0JKSHuLFkuQ3U="),
    "rfc7520": base64.b64decode("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCfgQ+0A4Jz0CWR5Ac/MdK2ABuCzttNkvBQFl1Hz8q4o8Qct3isdVN5P475dXaNGiN02HElZMO813uepDRUSJlAfP8AmZIKkxokxEFIUqspvbCpXAZT82xg5gv5C2JY3aVvNwR7pcLR0CmvnJ1AuseqQceKDdEGit1pnoCP6gEeoUQdik97tOl7459V8d3UTpxLozUVlwPU00tgPmUUek8j1tPAmWx17e6EaoLRkK4QeDyWHPA4eu0hBtLQVVtv2Tf61VNTh+D/cv++eJQUArC4IuoqdLYFjB2r+bNKdstjuH+qLGhHuOKDf/+RGG5rHBSRHPmJqJCSqBzmAd2s0/nPAgMBAAECggEAbWUC9B+EFRIo8kpGfh0ZuyGPvMNKvYWNtB/ikiH9k20eT+O1q/I78eiZkpXxXQ0UTEs2LsNRS+8uJbvQ+A1irkwMSMkK1J3XTGgdrhCku9gRldY7sNA/AKZGh+Q661/42rINLRCe8W+nZ34ui/qOfkLnK9QWDDqpaIsA+bMwWWSDFu2MUBYwkHTMEzLYGqOe04noqeq1hExBTHBOBdkMXiuFhUq1BU6l+DqEiWxqg82sXt2h+LMnT3046AOYJoRioz75tSUQfGCshWTBnP5uDjd18kKhyv07lhfSJdrPdM5Plyl21hsFf4L/mHCuoFau7gdsPfHPxxjVOcOpBrQzwQKBgQDdKXGD8PBNclxvrT3lGhfKBAIBnlGcC9mWejXKEe2dR7H9+nsBn/2dFo7sdf/5IV8ZB661qjZMOMMBZThW6mTyvD0lHQDNnQ3Z++4gCav9YKyYal42pCd6/VPsjISyeHxQy36fkJp+GSKTOESyuad0fovE6u9EmWw+npm/xtSrSQKBgQC4oTZ2H5xN/oREXiTh7+PLvwZ89hQhpTKhJIm4HOncK5uTc4KqzqCtPxtH9y7QObUxnBaa12oPIj3ketR6rcw/Xm8ww43yUdN5m7aWYq/CpbtqdXlTOEzWJnvPjIyS5TAVagG/Jjz3wRe9EP6F2pHEeVKoBnX3bMHelUUnSzukVwKBgAfD1b15Lya49i/hmEO798va+isOYPUmoVwcLFlM6dfU1ZYCPmFfOatTSG9a8ULQ/iLF10d/k2p3r7kT0beTgTnYjBkKfKW7duoJY2HylPxPcZ/kVCx89PnnfRPYFyyg+FRp4Kc/j30P6tvaZOcVh6CadNPUH9R7woYsUV+fXoYpAoGACLDmDGduhylc9o7r84rEUVn7pzQ6PF83Y+iBZx5NT+TpnOZKF1pErAMVeKzFEl41DlHHqqBLSM0W1sOFbwTxYWZDm6sI6og5iTbwQGIC3gnJKbi/7k/vJgGHwHxgPaX2PnvP+zyEkDERuf+ry4c/Z11Cq9AqC2yeL6kdKT1cYF8CgYEA3PiqvXQN0zwMeE+sBvZgi289XP9XCQF3VWqPzMKnIgQp7/Tugo6+NZBKCQsMf3HaEGBjTVJs/jcK8+TRXvaKe+7ZMaQj8VfBdYkssbu0NKDDhjJ+GtiseaDVWt7dcH0cfwxgFUHpQh7FoCrjFJ6h6ZEpMF6xmujs4qMpPz8aaI4="),
    "k4096": base64.b64decode("MIIJQgIBADANBgkqhkiG9w0BAQEFAASCCSwwggkoAgEAAoICAQCrsavVvYf/Df2UHPam/SeUOt3trAhQvoXW70vw/WIy3HJAcqruj14EvudaSudL5t/aU+2lP65S5uLiUu4UPNLLb6VtElcb/ZoBJqTmJrAKx/rDXIPL29CPGzR+KFJfFWW5KZfpkKyzPMLrz779Hc/D+2srGWfp80X74OE/Rpo1pr8SN+jcjPGVpE1ogQ0DzzGh273inrd9yrHebEwu1WrapM+Wp5WzGVbr/0NluR5amdT12jhKpYPhlRqA9LxoT8uqDFVnJd4RSFS7cgnvYEazRfUIRlxiM7qjkUq3OmEmYxv3+riH/iwEAc0ZQSl3BX/T0D51dEbV6OkzQJt7SJApibuoAe9haFG5oSl9tIdeCYGPZg80CCi4lo03i+QnX0451n/UbkIpOxPU4QhMobnyzzeEL6xW7B/YXwce7poYIIwyAyWuHNGW9ksTjbaRyoJcEKRV3oEo0W4SxUJpybJapY8wz3hVLT0IUwqX7SGzGtGSqNNzEAT/HlHzKn12TSNfOEmr8H6CeR+6mNkGW7UWZEJr/MzDJuZ1I0VmwLWL83wALCaxyvP3jhhQpZk2EJWEr4eHmdkW9TTmwqSPI2WXfRlPv9gEohTQZPzHLc8jpdAsytYUawev7Xa98TO3WQ7i0h/Wxh2GDnXGQw9/tnF0WT9GtNbEYR5BcOQx7L/2MQIDAQABAoICAAY3f7ZUj4kPs5/aUKAJSJaYbxK9COwLigMXVRObySN4Ufa9cC0FKe1YED53udpIuNBJ+6/hF2nPDGYPhKlc7nEJUN8bK+ZKj3n9MTlYK0Woqg7K2cbW5b1YydTLlvf0aWOD+wktAOPYjmJFem/l1XEOOHouCFIzSdRt9xn4b3sD16VMOvVJcTHu6hKfoZ4CsZRfxYdgIdq/LSOVnkiP17elAhM9bDE4+KnA62rSgiPbsBda2HDzf0v6vyPuOKg6Q3Cb07fRajIMAW1sGqn9PXIeVVoAWjYAE4D6sM7joULnkcqv3GCoNmXKvudsMZkqrM85mhlcpXf3YAJIE5kqLnYTPoEzbUolNJ94JZ1qEuWiLiuhLWx5gYsGbgYDpc9S+dWqAXajwbMdDaEao7ziYQkPmFMymdteeuRPMu3GZ++e5/x13n5iY35AfAHRwjwxd6hegeGnTNVPadPU2zUuG1zxXQuR7nea7mdPGKDiWBnLJQxtEKNZVD6hUSOtJPGAtP2ArJiBznwabSEVx2X7tkKKYxBgBoeEObiw9SQJDQz7O9KT32kIltsURiTIHdfn+7b5wBgqHCcl2MOQZ2rtZ/RePAc2Bz99xjtqg3KOcAcB2EhwFcxUB8nG9EcgzYF/6xq0Ao2zqJj0WqUVcT65aDM9Tc/9wlcgKukyR/u78QhFAoIBAQDxRD8VagR+2MkyLHAxHPOj2UiB6oVH9ZIu2dDXi4DaB0+dJi/VBrc6pPaO1WXJhoxT3LqK/p56O0or+MQmx2eRnrMQZiMLd2XgGN9Z/Hj9ZjLU8y20+IGQq5kfeJprb1J2vZHBVaLECNjdaXUe6HJzIvR+ltShcs1deOitqIQPKpbXAhzDY/PLbU0LhWf4o36/gv9zV3Y8cb04bZgGu5zu6jSaNg3mpPEXSkaHEQFcZX/WxfzR160D8hBFIpdKZ8R7r/kr43wJNoqocI41BukWxWcU0PXpi1ioGYsucwZ7b9hvPQhyvD8ZIgWxjdKueJY4wSJMjUVFiIVtxtgA8UcDAoIBAQC2LcmXkPPIfG0rA8nn7TK49kt+FS91pxBmgkSKuTTWfmd9hEs/+oPvvUfMjVtXuVcYR2Q+ZvRIOQxo3NchZRSUlHR/3FHnZmvGqQ4lQ91/xqEto/pmwd83W/ZkMV8H5iRC4sgNYFi4K9pJupkLm/K9KtWabOeUDKSV1BRGLXI50bUbCfCoFpNTsyDATUeIC6G26g/3SmnargMJZCkcB70lfoFF/lniz3BH2lT1yzJ1Araw8M2JgjHz3BdqhdDr/b2f8+qVan+kAn/pVTIwD9Az2hZ5QgbmBIGyGfreu7IdUDiL9e6PHQfaghfxKTIxaAXFwoGphNfWpTrb06rW5127AoIBABqM1BRbMltzJ9Dpqv78nKMvShdh44DjuU6GkcDmjStxGoXEqgbbUlaVyLw3J5hhwheIds7M7kutMqBcI9nQn8kamcH4O2sLnJ5onkucyQO5t2ZPzHvZzQhKmfMopnWkLoL6oYuRDPRdtN/ItybLlayt8BHuL0AFDix3HcPeg4nXufm3NcsauL1uLchSyfpGo7AXjlz3Bv/n1FbdWJmFE+QGyfseb7Et/Yn+lnxOlsPAN60+5G+DOHryrG+vOs7pVGn4F4eI5SFuaxvWJxAWzpe+6XUU+brVps/436Qg7FmxGTRElyVpKdhuMgoz/TdN9doRBuE9up3IREasVyDjbFkCggEAJExnOF3XVQEFt2Zf2mg2jQf17r9F34lUCTi3c3SHhJ1W/XlYjPzbQO9T2PvpUUdKhTnkTVKyJZnIUTR/YNYFDb2uoLNDVnnfy4tvmBk3jvgCsVdU0xiZ4yvdogT8TFScsP8CoTerNbb3HW2ihN+js/FO8h/03FjQilHhYEI52i9giGyomLU20ZyFUAuVzxOSOyHT4I/hG4NEc6CTWFRqaYgVNd8CBeETHB3yg67i9NF/mS3Bpj5cuZwGxmC3Se4a1D4DZZX8rK8a0WD6SP09nLc9dxeizD3loZjvlWWMja6oNargx38fS3hUUObGa3WwgMDKmP4xC0GMwrQf/AXJdQKCAQEAufgGFF9S6AYPIJ80wvzT2DRGxQHVhAo0j9x95oPquPBPOC/LqunFqqykt4+huqwK4EE6dW6p+5/QKS0B5aYiYU0G3Rg7TGOmNdtfFKN5Tt37c3cn8V/26dDKI0TrAcUmqt2Ll6bIcM23KeIPtE2l/M8bMefX2KEE8vcZ/VAfaX/X1knLpL+jF3YsSkOGKb1a1hc4Af07nBPAGAXq3R9mMLrUC50SAEVGUnpD61MDGORLczO2uyK0ITYxquDSb3PP0ad4dR64hVKlMFi1u5X+M/fBxTy8hSgtXXC1GUHkVPbKA5gs1TFCpHeGirGZj6hJUTLe7wOmx7BALpTXd0+dCw=="),
}  # fmt: skip
KEYS = {it: rsa.pem.save_pem(der, "PRIVATE KEY").decode() for it, der in DERS.items()}
# PKCS#8 puts 26 bytes before the PKCS#1 that `rsa` reads.
PRIVATE = {it: rsa.PrivateKey.load_pkcs1(der[26:], "DER") for it, der in DERS.items()}
PUBLIC_KEYS = {name: rsa.PublicKey(key.n, key.e) for name, key in PRIVATE.items()}

READING = "prehash: the author's reading of Bitget's pages; the rest: OpenSSL"
PUBLISHED = "prehash: printed in Bitget's pages; the rest: OpenSSL"
OPTIONS = "-sha256 -sign KEY.pem"


class Vector(NamedTuple):  # a request with every stage of its signature
    name: str
    why: str  # what it proves
    target: str
    prehash: str
    sha256: str
    signature: str
    method: str = "GET"
    params: dict[str, object] | None = None
    body: str | dict[str, object] | None = None
    source: str = READING
    key: str = "rfc7515"
    timestamp_ms: int = 1763800000000


class Refused(NamedTuple):  # one mistake, in the request of a vector
    mistake: str
    request: str  # the name of the vector whose request is sent
    options: str  # of openssl dgst
    why: str
    signed: str  # the text that was signed in place of its prehash
    signature: str


# Prehash and target were written by hand. OpenSSL made the rest, so or by `options`:
#   printf %s "$prehash" | openssl dgst -sha256 -r
#   printf %s "$prehash" | openssl dgst -sha256 -sign KEY.pem | openssl base64 -A
VECTORS = (
    Vector("no-query", "no query: no lone ? is signed", target="/api/v2/spot/account/assets", prehash="1763800000000GET/api/v2/spot/account/assets", sha256="efd77b8068415b1f8890977369918099dc15b99838d130527bd46ea5331ce568", signature="mtp3YZNuhfq+srOhYIWSpddpU2y95QXtlLhuRiCBfxw/BK3vpedAyOtO99389zI08eiQFmjeAfsTI+LAcTW338hymWBkobTJ4xCJLDI62P8TszfqeWxPgtwf7IAwG3Bl5hCx5o9hpjjh/gvaesB0VwPFjCqssP7w7C5c2MwI6/VS+U5WraXKW78nXf0IMNDZ18pciqZhYT10UBFDR6nYPifojvDqzhC3qlfd1TNBI5VxCkiyCQHT/FE31TpuECWf3RTX7WdzLIvN+nfT0hzVCzqvWaT76lJ1xFuNWIVkTYZnHHoo8nSU6ESJBwKoRWZuQ22fnxfcW5nRO5XtrAZVgA=="),
    Vector("sorted", "the method in upper case; the query sorted, None left out, True as true, an int as its digits", method="get", params={"symbol": "BTCUSDT", "coin": None, "limit": 20, "hideZero": True}, target="/api/v2/spot/account/assets?hideZero=true&limit=20&symbol=BTCUSDT", prehash="1763800000000GET/api/v2/spot/account/assets?hideZero=true&limit=20&symbol=BTCUSDT", sha256="33e0c77bd6140cbcc8034d333a4880b4e38bcea157162c2834bbaad2568feb56", signature="kUfZhAGBZkYjelDMjxngGCmgA3cGZuelMx7cEXWn/6Qdrvs/oV2nJor92o+xTfddFHwo+CHbOCuHZp+pkalx30Sl567w6hf9D6C4QNfMz+e5FNUzuNMhgxkKR1UgWgcMO6ACRr/k1awh6dB4kjT8v1FUx+keicz4qSE2Uj7om9OIVq23Is2Yd5e7Ur5n04/N+hCkfG8ZQo4hcbIyXv61Ds7cb6Xa5ITxwNAt4bbayg4g5xiakF9FKpSsrJV//kYq5vf+pdOPOkyPjqum+a665LMK6hHCyYC+Ztgv0ALU8SEz6rAJwgtbOwRSuYAv0dE70kTX/VPbBpTFLM3eCjINQw=="),
    Vector("dollar", "$ stands unescaped in the URL, as in the prehash", source="parameter: a test of Bitget's SDK (commit d4ef5cb); prehash: the author's reading of Bitget's pages; the rest: OpenSSL", params={"symbol": "$AIUSDT"}, target="/api/v2/spot/market/tickers?symbol=$AIUSDT", prehash="1763800000000GET/api/v2/spot/market/tickers?symbol=$AIUSDT", sha256="388fc28bb509e86500b4d09bf007a95223c4a86fb934596963f7acca4685e5cf", signature="Dk/65QBjlREElNaiBYBk8k8WnLUP+7KVi0m0zpv8LNfINoa4TIE4chRuAYzuKBpnaI+K3w++f/TZJ/AXXP24hhv5b8Xum653iLw38MZ+ruAkWDfkeNi345BbSsRAWomIerAxUEwNz/xePIJUCmqFaaA9iyxPB/zYHgUgFZXqBlcq2ONApnjVOwtQO78E5NNcsXAhn3ViKG5oiGr4vm4naqmYtxH1DEkCBXNMUpI5HjnZQReKM2bYaElUQF3kIFGj2WXaLSydXmjy9o/wDdMHuvUZ1Kqoqm5SjMUQ6kuCnAwEClU2sjloa8Dbh+ZTOGxVvw7kSbltI8IkLaFc82F6ug=="),
    Vector("escaped", "a space is sent as %20, a plus as %2B, non-ASCII as UTF-8; all are signed decoded", params={"clientOid": "grid 7+8", "symbol": "龙虾USDT"}, target="/api/v2/spot/trade/orderInfo?clientOid=grid%207%2B8&symbol=%E9%BE%99%E8%99%BEUSDT", prehash="1763800000000GET/api/v2/spot/trade/orderInfo?clientOid=grid 7+8&symbol=龙虾USDT", sha256="ed32d54e41b87c294a55c44ebe25941da06721193b248c748a2d89fdff7f3e63", signature="BMh4NhM+RIgRjZmZ77QDZFNHrMEJS8CrncbUtWzIEtX9IxSiYTJkA3Y1felbITxUO2kayQOUKwsBK37cFjYvSid+gDB2ZJiWH/WYGAbWFmniuxc1eBKXwCXWfD45F68ZfDmqLmd/Nw+GWIjaLcDcXBlg4IY793a9mH2GL4OuLDk/rcukM6D+jn1iEifR8rCiEHE6P3pFnUjGK24mZaUWo4lf38zb4VWFYLsFuutuSKy3JDRQ+P/trWCgg5MgHD8wC82KN2Z9lfB6O4SpEuy0HxH36nlxwsLCpCFGV9MYOBoZpu1FQpQ2nMdcHO2TIUa4j+xydcsu0axJDa20xzZnwA=="),
    Vector("printable-query", "every printable ASCII character in a name and in a value: % & = # ? do not change the query's shape", params={PRINTABLE: PRINTABLE}, target="/api/v2/spot/trade/orderInfo?%20!%22%23$%25%26'()*%2B,-./0123456789:%3B%3C%3D%3E%3F@ABCDEFGHIJKLMNOPQRSTUVWXYZ%5B%5C%5D%5E_%60abcdefghijklmnopqrstuvwxyz%7B%7C%7D~=%20!%22%23$%25%26'()*%2B,-./0123456789:%3B%3C%3D%3E%3F@ABCDEFGHIJKLMNOPQRSTUVWXYZ%5B%5C%5D%5E_%60abcdefghijklmnopqrstuvwxyz%7B%7C%7D~", prehash='1763800000000GET/api/v2/spot/trade/orderInfo? !"#$%&\'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~= !"#$%&\'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~', sha256="bbf0377b1e687b90e2ea5ef27c37537ac3270caf212aa81051ef95a89c9e72f7", signature="L5tpgoi2yMziJd4qOFIGlDGNB7tQpt9/FJRbrC2VMDJ8rXdCo167V64qsByk1wkWo0KUJZB5Zx/ArKnOKwzHgerD7Dmi/FLTE7IOEYxTkPY1VwR077RS7kcBrpmfB8j8wR4jNuNnQnVDlKK6tCEEpIORU/zksc2WN7lkarqgBWqH9bvIm43jFvZYvTX5tcOkqCmtu2g2eoe73cdsCwkQNJIUc+GUPIvBIm9o3JqkmOfiC8bAmvDZsrVm1NPYCMrprwBxPcYaa2aCKgrxecDCpkXWinqTORHeKDSYaXB3dTPgiG6d/ED+N47+F7+Ihp6e7GwYp+gMx1OH/hU7j1tDlA=="),
    Vector("printable-body", "every printable ASCII character in a body; a mapping becomes ASCII JSON, without spaces, in its own order", method="POST", body={"clientOid": "龙虾 é 🦐", "tags": [[1, True], None, []], "remark": PRINTABLE}, target="/api/v2/spot/trade/place-order", prehash='1763800000000POST/api/v2/spot/trade/place-order{"clientOid":"\\u9f99\\u867e \\u00e9 \\ud83e\\udd90","tags":[[1,true],null,[]],"remark":" !\\"#$%&\'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"}', sha256="38b25e0f1ecaed9ba03567b4292e44e0cea84c1fca28c293bc5306c6161824c3", signature="lJm8SPiIfK+3OTvi6YiQjaWtmZ7q01hFj3mFoOmrH0e22Z1qq9CQfwDCyfssFzHWc48JmhgNEFo9aU6BaIJUTIZ1yde4FCjpyaysy3XiMfUHn1ojWac9MXDQ13buyE/F2IhTlZp5jQdX1CefBCigYgMK9m50HxWp3RTGVUMnsyWt/JDEUticDeBcxPSt1blbS0/LHFbxujGkuanU3PRUW91KFKEezt94MSt9giL895iJAiqr6qQA2dtoUr2j0HWrrmFeMxaqMdxXunaDF+pcuw0FkloHgE1k3PGwSZQzhigpP67pSOz5ox5crnWuGsY0UQd6Z1J457pQUP3LfGhseQ=="),
    Vector("text-body", "a str is signed and sent as it is: spaces, non-ASCII and all", key="rfc7520", method="POST", body='{ "clientOid": "_龙虾" }\n', target="/api/v2/spot/trade/place-order", prehash='1763800000000POST/api/v2/spot/trade/place-order{ "clientOid": "_龙虾" }\n', sha256="6bf5efa4a63c864874c46e440300bf9f19d89755f36ed39fb33abcac58a1abad", signature="ghxqjSw/IYihwp7AaZxfdkkYiS5fFWvbxpjsUkKTWpw+08ioUMdj53qVFNJleCY3AdcN9akL1m9WLcWZnvQm6N88gmSGuNqkWVsfcTeZDh1nuY0CaY98nvrTLUh41eFs9zFOpyijJrjZfbI6B0KtQNBmpkM51xY54etsgZ80oSp4Vka2+5HgaLuLd/dy/VIxlIYCGmYmDdONIkHiMgW5wk55wqrKRnxttLSP9jO4JPDb2fzWtOYzT15eCeKmjX6mm4f7LLbLCJJVrdF4nMKBl2pCXr8kmtmYsYCwm273kZ6CHoPrCUiNV9z9oslQnFLM9goN4PjXe5TF/tHNtcvX2w=="),
    Vector("zero-byte", "a signature whose first byte is zero keeps its full length", params={"orderId": 160}, target="/api/v2/spot/trade/orderInfo?orderId=160", prehash="1763800000000GET/api/v2/spot/trade/orderInfo?orderId=160", sha256="889cbedc002a1c3d7434d5ddf8a89c5bb12b1c81766e5a5684c678b586291e7d", signature="AGYZX6J3nAWu7haJDwgPsNnFOheB0iJwe2A1ELPraajBSnriY25+iIHOAyG3NIRZ9FaY5AuUymXfHyY6wcoeF8hFwH+FmQdTNIQfsQmL214z4HHLfEDTGfxqeiqvOKXwl8fYUhNJs0oskoJ8he5ctfOkJ6EnfbNBbcJFzZotVQd3NZGLc4RTHXnbaLrxfgRTldqReZADsSritxZNeLaznNFKcYIS7j4kgH9owue/9gBKqn+R/uksljCqmf3URFZOAUnMzZ39D9MwdbBu4mHozBjLjFudirF3dGlVV41xvFeUotoLVoUtVhTWc1OfFDyMIqicr4W2Bg/Rrp/ldFRTCw=="),
    Vector("4096-bits", "an empty body; a key of 4096 bits: 684 characters", key="k4096", method="POST", target="/api/v2/spot/trade/place-order", prehash="1763800000000POST/api/v2/spot/trade/place-order", sha256="b403f6993945505092a1cc5554e18dedd864d1452a2832f7c9e4e323cb4695c5", signature="ZXmsRNlWymemU+1FFQZOzwHzBsSPaY3BXrGWyuuEdoCmNFTGvk8Jg7BhnU9QgtmjDA4TtnI5XOyUbCcZ+SsTwOER4td3k3bHA0E8N6L1hVJ27nWBHpd2ZTeZqKSSXrBvoMNI34mw6r46vy2FEYB3tBNRqXbXFtLabhyPIwqZotkaZYTC6bQz1oo9fUdH4jGYTioM3b6OgrhyiCqdJ2iOZp/655ollQt57M2lrGUi4+br+k1xVtaVDA4cSZublBoke91BWRvEaC0+pquQQaeHhr2Uevqxh0hE9WocLzxj3rCnjSf4KOkG6r2vkFRWPX+NtpbI+9M5pbxyNLWOhqdzKhrLT2cznGb37RA9GzGwgoA/YQzs7r3Yq8zBE8x6DtRCbxIbI9x34DQfZtgtcFYUqg++40HGLOjwO8WwTuXrmfPiKeBUV4efn9CZQBPiTHvs+ZIKvQ/yF2zO0Pbrcer5JGlt2RF/8D2L21vgnsUVKEoQzLjOYm+oY7Ag9HA07RCylL681S2rw8CjQVXkZXYO129fWFfq2vOSz3HYN0yFNrudED7MCwfB7AF7GRZUhlGZ/+SvYH2eVmQiqLlQ2AjTJa0Ztql6XvRo/MKA8oacNNLM0sSd/DdXjwOG+hzvLEHg0V0ppiw7z12yG/UgaD/pOwaWtf4hug5DVbxSGWn2hX4="),
    Vector("published-get", "the GET that Bitget's pages print; their timestamps have 14 digits", source=PUBLISHED, key="rfc7520", timestamp_ms=16273667805456, params={"symbol": "BTCUSDT", "limit": 20}, target="/api/mix/v2/market/depth?limit=20&symbol=BTCUSDT", prehash="16273667805456GET/api/mix/v2/market/depth?limit=20&symbol=BTCUSDT", sha256="56973c7ce346c0d51652e440ddfdce02e513ed5a69d4d5531c18dd712ca887b0", signature="WW7iB+ivB1xQ+s/LbryKEjUZnyBuk7K8HfQB2R3TrJKZ+S7eMKxivm1s94E63X2XnlEZbcXwELNCbw30+kC+uPVOf6QdxZcpb/bL3+GagYgke0bDkCnO522yWKPMOgcAkfsd/WzpqEyFd1lM/xHQHyr5cluYMqUNZSTPdaRn7pE1Pklog6ZoVe7/tnJ6CvGqErBySc6KsrDHYjFg7qo5QhzxAIvdP2EC+YP6ts2AQWWOtKt82CPnO65hzeScId1zsiqLH2ufGrb8nSOW0xy2OxwfYUJfVhcajTEhlHAff0GcYOT53wmjJPuX1PM4BafY6GPt4SBVfyiQNrhPeCpqjQ=="),
    Vector("published-post", "the POST that Bitget's pages print", source=PUBLISHED, key="rfc7520", timestamp_ms=16273667805456, method="POST", body={"productType": "usdt-futures", "symbol": "BTCUSDT", "size": "8", "marginMode": "crossed", "side": "buy", "orderType": "limit", "clientOid": "channel#123456"}, target="/api/v2/mix/order/place-order", prehash='16273667805456POST/api/v2/mix/order/place-order{"productType":"usdt-futures","symbol":"BTCUSDT","size":"8","marginMode":"crossed","side":"buy","orderType":"limit","clientOid":"channel#123456"}', sha256="db81286144a59aca9914e3b8351730f7b16400bd06b3ecd8f38889afc75a62d5", signature="jq0/Ob2H3h7cYIVo4xZlQBVzgig3nA1ENpjbWXO6BAx8Ln8B8gcLz0Copd36W1/+jQgL9tSv9ElIlIUMO7a8szGZ4D5hUiX4a2fxqrCsEiQZAUudYCqzkm4DYkEAVVDrWxhYFgwT+D0G/2BSF+GtxFHnbcikTMdtKw/xUv0kYsBUItQk4khyTZDX8GeriAWoD53LXXucyGgmeMuSFCB0HCIj3BetYxdXu2GFwOCYUmlkucjSxd6eN2KX6aHmIY/noEbqzw+ob+KyzjSx+8q0ySqmVqXUY3GJe+DVhNwHZ7UjOOMg10mFdPTMwnStBrcTHrMs0yJ++mVz3/jbak5Rrw=="),
)  # fmt: skip

REFUSED = (
    Refused("query-encoded", "escaped", OPTIONS, "the query is signed as it is sent", "1763800000000GET/api/v2/spot/trade/orderInfo?clientOid=grid%207%2B8&symbol=%E9%BE%99%E8%99%BEUSDT", "IDW+2hSRFxqlb0hrXR5RFR30LTWsBab+A0qksp3wlNXz2xI29RWrwpxih6XFh6dU3ju19bWZXt1urAb8XAWwl9lazNSVUfeAJq7YyYpYci9dTGLSDizFO/SBNB377ZfLb5W+VqGwNCQnBPi/L+KN3a0Gw1hoMnify6V+wQ/h7JWqeDTfOjLDXuNn+HT3jxtPaWvsF5jYhp7zahMtKGjtW8175VSfeGTc/7KjyQHQGItElXdHPfz7OECxNcWPt/r9c2RrJpymt2h6y5JnfIJcGvBU4iABHBssRInKFTDok6OaHvvs6L6QNuQhP44SCl4sDl4yl7OV7yqjjpMndIy3Fg=="),
    Refused("query-order", "published-get", OPTIONS, "the query is signed as the caller wrote it, and sent sorted", "16273667805456GET/api/mix/v2/market/depth?symbol=BTCUSDT&limit=20", "Pz1sVjBrnXUHZmAAGhXIL7tGZqqNF/CtAbytdGwcOw7QG3Gg7+oDSSdVmskU2G0L5pn7bb+0nL1hhGalYPkL3GdvRGuEndPZQfqagXDJqYnbJlHK8KpvRqMlnWaWU+kwBjtJnpl4IgtF/rU98jZWPY19wycKG0sgVq5N/nKOkCSuYzRKXEaKMpne2kgNzLD/hnyd9Y3ic5IiuVyn4wHVSDefbrlWyI7zYM2d2adl89NW8fD0M7yIS5sPcu9frCLA60wajtO0UUYbY8Xua5+hP1pzQxLBhXt/DiZ5i5bi+aLjFsEqp58z/0TW4GH5V0wAc82asIvJq0XCp87ANmTmvA=="),
    Refused("query-missing", "published-get", OPTIONS, "the query is sent but not signed", "16273667805456GET/api/mix/v2/market/depth", "P1jAmqUIHEz5jnsWe76bYFUb7w5vHSTcVAPRZChAwbAbf2dFFfB41fxDTZsloFbgNyWKtbMwDNuxAL+IoPzIc4UGAhwXAmu/0y1RqV4aKYfxpXjTeaDbvvDJkrQ43URrBp4rOtv1DDW2s65riJyaO9J+uEWq+d7vML5GCBXl3WVXSP3UIVAuuZX4I1N4HKaaBhggz4vGEYbVvhMCe6xB2D92lYcMB4CqbWuc7ro4okoEY3FpFfiIXYmezJMY+XKSHfERis41OD1kCPPYDdnUVEAYlU1pt6Ba3+mscQO7s0zJJKT5Hy36ID5BHk8PwZ25PlftB14l1wafJgs8EWsJDA=="),
    Refused("question-mark", "no-query", OPTIONS, "a lone ? is signed where there is no query", "1763800000000GET/api/v2/spot/account/assets?", "Is5d7Nt/RaNZYJIvXOr+qOERjvwvlS0M8aqQvFeeJhls1qx7hpX9sJ2ROwxnPgsAE8kbUQohdHuIZDujsYHxzs2pueliKH50GDcfUSVT1Bd6JIrV2Qp7z/r7o6R5swnnRoIlxw9XvhJEqIIYxGVUjqn3pUNB7Liz2CJKoe5rqIS7StzI4QlhSuubRBRwFsb3dpCQn3E5KpvIgs0b5K5m5PicAlKqJDPMRaxlowmzUNtYZP0OFd/P2X6fLqX80B4i0uIy7AcRZH+hKFfug/W2bl9AL2lu0TPFLKg8c5f+wTZoqzxxcqjqUABZoreeA1sqdpllXcFvabhN4xTR8hYFWw=="),
    Refused("query-as-body", "dollar", OPTIONS, "the parameters of a GET are signed as JSON", '1763800000000GET/api/v2/spot/market/tickers{"symbol":"$AIUSDT"}', "TTfWyUT8ZkGWIGJghyc2EqVmoZDxA3K7TNAtIw2nk7SIUirze6tr3FzPsULJUiNoE0+ukJSQS6LWELZ7pgwi345UuofnEuFp+qFhnCk2+cO+lstBZNn3/NC2sEyBAveifeTd4IIplo2JZundKZTBVyunyDA8L1MpspcVU0DsaLS5Voxw7wsoOVdiHjQFMTfVAf7WgwqWDyF3/zOUwc52EoUligkfPYrI0xG1RGiXrocbNrVdTI5xztjFQCS9lgOnpbc04ntQlmMpiCuyTccn63P2IHiVbrGIbzo/ESt2VRZbyvoS508MAHH2T+iCBmvMHtyIN+7gCaOMxw+tAIVPjg=="),
    Refused("body-missing", "published-post", OPTIONS, "the body is sent but not signed", "16273667805456POST/api/v2/mix/order/place-order", "WdjZNfRZ1zRJ6Jfi452oLo0p4h+u8ewHHSbpG6HvFFDdhT6NWgAjVA9Alny3Ra/9vq21Rhrza7IMU3eHOrhmBUDpS3mCfOVUrTvVWMUBPqoOMSYcz85PMAqdiZmynTXiNJeOv3r7DEtM/RhDfCqS8Kj8kmo2OHaKEEYjCRzmJOjic6Q6/d9XyJQuJnT5XR1bo3+RCRXWr50elE54VDe4IIPPQRb3D/gyAH1scWXHi994T5BTMc/PnGLYSwT3nNki6/8Zx84VxOEv32zjRnSyWx/mnQqthbU7YfaIy7Ht8hbNCao6KNreZiUmDmc0JJl5+KeBNdnNtO7SyhWtOZoH5g=="),
    Refused("body-empty", "4096-bits", OPTIONS, "{} is signed, and nothing is sent", "1763800000000POST/api/v2/spot/trade/place-order{}", "MHN4RaMpcslAgZyMMSzW64BH3KY9xdEooU5b95XO4jtG8tZAUR4nRvxWte3k7PVeCdowOjmhx3G+P7o9YCf32BFvs/Predl3/ISLDvM++DZdrIYdkeGZwdqm2M1pw/hMqw7Bx77Uilj5LZ1X+t4LMnag7unXO8BAk6hBCSWDYDq3zXWsxGPTDzQryK2mtgSJ0kJ468Te26BO34aC7D4OgyezH+kp0HfH0ZXhhL63t8uPp41Kt/doFQUXApDlxCBWOP1rSy5mzA0s9iOeGJpQvc1t4dlnbaSPH64zZcMF+nnfJ/Ef1tmsU59P2dqP+rVnRam81YbFHeykc6PTJ5hPtckIwY3YpuLkvQr1pgq9w0fOXT8fGiCaLx1T7Fi2/PBfPaPAAkuX8XPWgD9eby6u8YVCocOfGJdEtA3XxOab95AEkPK7T96TuSARor3r8JzBRezc5lAWogXBXo46hf44xz28PCJcOavsQJK/RA/8RBSwTu0bFALIMr1ALOXQD+FD4nvwdPXbJwogU9pl+NkNBPxwdhMFxn16sDjZ30gZ67pu7fnrEj+qECSunc+yzGNOJO+wzofuKuVKgCuXX3A9WjVoWxta4ORaShEhQ3sQVEZ2CjS/igpHPjNtEnvHKcGn+sYJUc5gh4vZtenoN9OiFy0y+VMa4HJyo6W0kFbUGSQ="),
    Refused("body-rewritten", "published-post", OPTIONS, "the body is signed with spaces, and sent without", '16273667805456POST/api/v2/mix/order/place-order{"productType": "usdt-futures", "symbol": "BTCUSDT", "size": "8", "marginMode": "crossed", "side": "buy", "orderType": "limit", "clientOid": "channel#123456"}', "M3qQLLGp99LgXoIZOfW7yNnlNAlf+WrIhMAqfiB11hqdK3xBCYwWLkzrasvFsePzP7+eoJooo3hg+BAe4wRoLzp/WipHGYWiwloKG4Ab4J2J5ve4aZX5pJW7IRqZwM+NikjXKGVA7/cJrtyC7UrtkkC3FtlOKMQB8+Yif1iBNep+c7Q1KBohtto7DnzVzR6F5jUpldfvxvAeSocyv920rz6vd+9ObYQfeRFFZKmlW54Gl/mYnaeLrhpARvY5Q3mZbl4ED3iKHB/dBssexPDDiHbop3lLgKixR9voYG7iWjfPvIsM7Yg1qPhJpFuWLH//t3izJy9ajt920rvuc4F1Fg=="),
    Refused("body-as-query", "published-post", OPTIONS, "an order is signed as a query, and sent as JSON", "16273667805456POST/api/v2/mix/order/place-order?productType=usdt-futures&symbol=BTCUSDT&size=8&marginMode=crossed&side=buy&orderType=limit&clientOid=channel#123456", "gvwEVGQTbPUMiFnpqpqivNvctg5AnQw2Q5ft7tNQYL3Husm56gshl077nBzNVP3G6+56alDao+o86Es2jTClnJKvZjcJwXt0ezpCxJiFzJdlB9KEl+JaHy7RaOyqFY+bSIf2I8NA0DosfyNGzf7yA6cknnPfBKFif3DO+AKHvg5p/M20QIuMlLF6hOJCg1ESf4l5yPhBJFoqSoeaOlphbI3bM7gfbrTlUrzXeDjEBQ41swJoBvUL74rJkOy7yoL5tMl5UCQeV+LECLgWeolJyyTmXDN6aRC5uEP+PgeCsk3+H4/5N4JCpTX9WPDSaHwvKg9xKa6SIOpNSPExoWoICA=="),
    Refused("timestamp", "no-query", OPTIONS, "seconds are signed, milliseconds are sent", "1763800000GET/api/v2/spot/account/assets", "R3cv0NtGHp2ml6MchmHHckk9VZRpQEmi/CYx4ROgpZ1Hej45nVbtCmFiMSXusBCO9K5rbMXlt0luKTQ5NC35AmLtyS6QVSEEeLE/UbI+suXO2XxQCXfqx9VgajxoMWs/TA9n/g2NyfsU4pox/Pzen237DuUFk6qN97gSFZfiCkI/8Q0ZjLlLxAER5AEyAo+7IPyjqb2BG42jPtjRLZRjaVsGe2vbZoCYUyKFE+eFMU5RJDLJEnNeOBytU4GQx0wVL9EbYz6udUrLIroqHp3MAuPLtGzow2wtT3/SpIgZfDOscosER3GMsb2CtqTytAQJu9j3aYr1Zx4nXHcBe4DJzw=="),
    Refused("method", "no-query", OPTIONS, "the method is signed in lower case", "1763800000000get/api/v2/spot/account/assets", "VMmhEK5YqlZHk7VPf5lQVb7M2FqtH3WrIN8zckcKBwgtm6athy0vh5TBDn/02N2MZOeUAa/eoo9vV0grHYdh9I3Dt0y38cXmmFNAt7hP49PIok/GhtkO8vsNM5K/dyl4KBRpF0hMrvEIGEHNdLRdOm81fZ3aIxCUJyQcbPfDhJg6gJM2TYxgPyi2WOMKpfYPVXPmLTbTFuKVCn+1ycI4NUyVFm+WyRALYRH9P03zXMt5Q6yqoaVztW0906x9A9SmM1uCGe1V7RPmxGI8dt6Db4u5qNQShDfAJThFCzbMUkb3ODJt+G3sbS/aymYeyVa1Lnvlu3yBKpL5nmvaBmnLMA=="),
    Refused("path", "no-query", OPTIONS, "the host is signed with the path", "1763800000000GEThttps://api.bitget.com/api/v2/spot/account/assets", "gqKI/+WXQElj1tRNwSGid7uHXx9b/FwLLVrj3bgaCU5uyNkMxO02R5mS2mXlDdQvd/NwgT0fg8m4hsatcqcgoRX/ghVXqDLV8jyRe7FdW+T/R2Rmg0s9Gh6oF15vc1p+jv0fgfT9G4d2rjFziT4nBCswalbopaYcFQRKyewxf8JZc+vGeF/T6dIQVriOwRDEfZmnZkWo8X9OZ6HlYKJBPs6KUwOspJw6UZmRMEyI6Wnek8SG9r0LtVnk5B075LPD9yo3eABDlZcEbOihmmRBqAbLbj9D/kv895Ft7JOBqlIrG5bhv52yCoQ/kZiAlQFOvf2hJUw6xtYT6b+DGauZcA=="),
    Refused("hash", "no-query", "-sha1 -sign KEY.pem", "SHA-1 in place of SHA-256", "1763800000000GET/api/v2/spot/account/assets", "gVzDh+s8Usg0nT61Ptj/uKbawA/fel2MBmkUZLv8TQ9Ga2a+n/hOzFR6LUggWHmBYjbVm2vbPzVuSbecftR2FG3FJvSnGyi/jkEUuLL4H56nLdyzI4150TKA0reLXsqGf7jZz1dL7K8FeoSg6vmGhJz9o4yjJtGgECK3aUSF1xoMniQiCDaVV5bI/YX8+Zy9ZFbaliIvh9A7A45QQGoAqMRZWTJ4Xp9G3T1NBolTMdADoI7V0nmdeGCk9puiQBxVYwNno7nawQlDCiFUdkuz+b4XYmGPfEswV0Wq1dGMszx72kpI+GrY9O075vSZPT1BQGGD6NmxankDREk2FxA+2A=="),
    Refused("pss", "no-query", "-sha256 -sign KEY.pem -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:0", "PSS padding in place of PKCS#1 v1.5; the salt is empty, so that it can be made again", "1763800000000GET/api/v2/spot/account/assets", "lDSAM3+azZ2BIoFow7QWrbZ86M+QjvYnOj1pf5YaA71xfA8DjivVj1U1W7x6wnJXfmq80R1Phzj5s1BQmDGsBHD8pFLfYjNpUFChiIuNTXweogLj+2vTXaqdpaHcqQ1uVzGPHMJI1K7vsnDGvao3AVhFs3t5ZjgWud7KLwOhkv+zFlvMNeqo8mtD2YwD66YVEA0btnpkhu0uguIm5mGaYrPHYp+kJfVCMoWAyZnHk/cqnLkGElkvBo0jm34t28Uc4qZsjdc9ZFB3o5xUaN7HYgJ++o7eetj+qxqzFBMMVZDxo3p/lF/9Vhhr95w/URzBbb4a9zn8HSp7tPbrsTQ/kA=="),
    Refused("encoding", "no-query", OPTIONS, "base64url: `| tr +/ -_` behind the command", "1763800000000GET/api/v2/spot/account/assets", "mtp3YZNuhfq-srOhYIWSpddpU2y95QXtlLhuRiCBfxw_BK3vpedAyOtO99389zI08eiQFmjeAfsTI-LAcTW338hymWBkobTJ4xCJLDI62P8TszfqeWxPgtwf7IAwG3Bl5hCx5o9hpjjh_gvaesB0VwPFjCqssP7w7C5c2MwI6_VS-U5WraXKW78nXf0IMNDZ18pciqZhYT10UBFDR6nYPifojvDqzhC3qlfd1TNBI5VxCkiyCQHT_FE31TpuECWf3RTX7WdzLIvN-nfT0hzVCzqvWaT76lJ1xFuNWIVkTYZnHHoo8nSU6ESJBwKoRWZuQ22fnxfcW5nRO5XtrAZVgA=="),
    Refused("hmac", "no-query", "-sha256 -hmac secret", "HMAC-SHA256 with a secret in place of RSA", "1763800000000GET/api/v2/spot/account/assets", "0Y2mchnfe2G+pTGaP9VET6TtX8/rujFWt9WdIwjfbIg="),
    Refused("other-key", "no-query", "-sha256 -sign rfc7520.pem", "signed by a key that is not registered", "1763800000000GET/api/v2/spot/account/assets", "IWrd3bIBhd8WynsdNGtzUDEEzAU9QrNVBl1t/ypBEEbWHwITcMEWPtTzIbQpeiJU76DR3i1gGRJhfajPAvFvLXXKnxWIQ81h4FuX4MyXehknmRalQLAn+W+Mn1VrFGI6j1MthRIO6N9Gw5GzQ0a5KMYWD6uJUZr88hvC4aP1MkEr/0BLrOEWQ0bGAiDecEUrdfeWNJM9b/td/dPW/0XZFUF8HSXYyfDq25b9+CQszhSsOwX+yKiWvpgPjsaSRZMzk4PFVUfSKY3pn+11PRJ1QB1xbBm1aq6agowpBMFuzNkxu8/MR594Hw2on03qL04PBzjB+t4g9D8NibIGA6gSGA=="),
    Refused("unknown", "zero-byte", OPTIONS, "the value that was signed is cut at a bare # before it arrives", "1763800000000GET/api/v2/spot/trade/orderInfo?orderId=160#7", "ISJys4imVcXzvTdODD/l+d32xsOKKSJkYvSnpioS9Pe38yoJH97nHxiFAuRZWa3GL2+O4m3iz4EnwvtfCwUYgsGXA1MnnOKcNBidbnKSZQ7IRNANNiNEJPek0mlt3kV/6d6g0PFKErffJILydWOKtfvChA3E8IrCR941x5ZAxw1+lCn500qblR/ax/tNfIJ8RLnnp1hjII3C84mMbNwOPuDqu3hP+nXgVFoWmfna3/Sa9FW+qSig/inIIjDhLmNgVX8tuABrsOJcAc/WjUKDw8zkE4vvyOp1tNBl8NDgFLwm5NAsadoawxIZ7apTVy/H7gMLqFqh+xQf9+hHB3KnWg=="),
)  # fmt: skip

# RFC 7515, appendix A.2, and RFC 7520, section 4.1: their RS256 is what Bitget wants.
RFC_SIGNATURES = (
    ("rfc7515", "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ", "cC4hiUPoj9Eetdgtv3hF80EGrhuB//dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh+0Qc/lF5YKt/O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB++f/nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB/eSN9383LcOLn6/dO++xi12jzDwusC+eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN/IoypGlUPQGe77Rw=="),
    ("rfc7520", "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4", "MRjdkly7/+oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB+BDkoBwA78185hX+Es4JIwmDLJK3lfWRa+XtL0RnltuYv746iYTh/qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS/de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE/oI+ZnmKJ3F4uOZDnd6QZWJushZ41Axf/fcIe8u9ipH84ogoree7vjbU5y18kDquDg=="),
)  # fmt: skip


# ---- Bitget's side ------------------------------------------------------------------
# The known mistakes, and what each of them means. A further one takes a line in Parts.
MEANINGS = {
    "query-encoded": "the query was signed percent-encoded: sign it decoded",
    "query-order": "the query was signed in another order than it was sent",
    "query-missing": "the query was sent but not signed",
    "question-mark": "a ? is signed where there is a query, and nowhere else",
    "query-as-body": "the parameters of the query were signed as JSON",
    "body-missing": "the body was sent but not signed",
    "body-empty": "an empty value was signed as the body, and no body was sent",
    "body-rewritten": "the body was signed in other characters than it was sent",
    "body-as-query": "the members of the body were signed as a query",
    "timestamp": "another timestamp was signed than the header holds",
    "method": "the method was signed in lower case, or it was another one",
    "path": "another path was signed: sign it from /api on, without the host",
    "hash": "not SHA-256, or a digest was signed in place of the text",
    "pss": "the padding is PSS; Bitget takes PKCS#1 v1.5",
    "encoding": "ACCESS-SIGN is not standard base64, with padding and on one line",
    "hmac": "this is an HMAC: the client takes the API key for one with a secret",
    "other-key": "the private half of this public key did not make the signature",
    "unknown": "this key signed a text that no known mistake explains; the wire no longer shows a value cut at a bare #, or a body changed on the way",
}
PLUS = "a bare + in a query may be a plus or a space: write %2B or %20"
CLOCK_MS = 2000  # the clock may have been read twice, so far apart
EFFORT = 150_000_000  # bytes to hash for one explanation: about half a second
HASHES = {"SHA-256": [], "SHA-1": ["hash"], "SHA-384": ["hash"], "SHA-512": ["hash"]}
Mistakes = Iterator[tuple[str, "Parts"]]
Guess = tuple[list[str], "Parts"]


class Wire(NamedTuple):  # a request as it arrives; each str is Latin-1
    method: str
    target: str
    headers: email.message.Message
    body: bytes

    def path_and_query(self) -> tuple[str, str]:
        """Split the target, without the host of a whole URL and without a fragment."""
        origin_form = re.sub("(?i)^https?://[^/?#]*", "", self.target)
        path, _, query = origin_form.partition("#")[0].partition("?")
        return path, query


class Parts(NamedTuple):  # what is signed, and the mistakes that may change it
    timestamp: bytes
    method: bytes
    path: bytes
    query: bytes  # with the "?" in front of it
    body: bytes  # here ends what is signed
    items: tuple[bytes, ...]  # of the query, as sent: b"name=value", escaped
    host: bytes

    def with_query(self, items: Iterable[bytes], body: bytes) -> Parts:
        """Replace the query, which is signed decoded, and the body."""
        items = tuple(items)
        query = b"?" + unquote_to_bytes(b"&".join(items)) if items else b""
        return self._replace(query=query, items=items, body=body)

    def body_mistakes(self) -> Mistakes:
        yield "body-missing", self._replace(body=b"")
        if not self.body:
            for empty in (b"{}", b"null", b"[]", b"undefined"):
                yield "body-empty", self._replace(body=empty)
        yield "body-rewritten", self._replace(body=self.body.strip())
        for stray in (b"\n", b"\r\n", b" "):  # `echo` adds a newline to what is signed
            yield "body-rewritten", self._replace(body=self.body + stray)
        value = read_json(self.body)
        with contextlib.suppress(RecursionError):  # nested too deeply to be written
            for body in json_spellings(value):
                yield "body-rewritten", self._replace(body=body)
            if isinstance(value, dict) and value:
                for name, it in value.items():
                    value[name] = it if isinstance(it, str) else json.dumps(it)
                query = urlencode(value, quote_via=quote, errors="replace").encode()
                yield "body-as-query", self.with_query(query.split(b"&"), b"")

    def query_mistakes(self) -> Mistakes:
        yield "question-mark", self._replace(query=self.query[1:] or b"?")
        if not self.items:
            return
        yield "query-missing", self.with_query((), self.body)
        ordered = sorted(self.items)
        orders: Iterable[Iterable[bytes]] = (ordered, ordered[::-1], self.items[::-1])
        if len(self.items) <= 4:
            orders = itertools.permutations(self.items)
        for order in orders:
            yield "query-order", self.with_query(order, self.body)
        for query in escaped_queries(self.items):
            yield "query-encoded", self._replace(query=b"?" + query)
        strings: dict[str, str] = {}
        numbers: dict[str, str | int] = {}
        for item in self.items:
            name, _, escaped = item.decode("utf-8", "replace").partition("=")
            strings[unquote(name)] = value = unquote(escaped)
            is_number = re.fullmatch("[0-9]{1,18}", value)
            numbers[unquote(name)] = int(value) if is_number else value
        for body in json_spellings(strings) + json_spellings(numbers):
            yield "query-as-body", self.with_query((), body)
            yield "query-as-body", self._replace(body=body)

    def head_mistakes(self) -> Mistakes:
        timestamps = [""]
        if re.fullmatch(b"[0-9]{1,13}", self.timestamp):
            seconds, ms = divmod(int(self.timestamp), 1000)
            iso = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
            timestamps += [f"{seconds}", f"{seconds}000", f"{seconds}.{ms:03}"]
            timestamps += [f"{seconds + ms / 1000}", f"{seconds}{ms:03}000"]
            timestamps += [f"{seconds}{ms:03}.0"]
            for zone in ("", "Z", "+00:00"):
                timestamps += [iso + zone, f"{iso}.{ms:03}{zone}"]
        for timestamp in timestamps:
            yield "timestamp", self._replace(timestamp=timestamp.encode())
        for method in (self.method.lower(), b"GET", b"POST", b"PUT", b"DELETE", b""):
            yield "method", self._replace(method=method)
        for host in (self.host, b"api.bitget.com"):
            for scheme in (b"https://", b"http://", b""):
                yield "path", self._replace(path=scheme + host + self.path)
        segments = self.path.split(b"/")
        for start in range(2, min(len(segments), 6)):
            yield "path", self._replace(path=b"/" + b"/".join(segments[start:]))
        yield "path", self._replace(path=self.path.lstrip(b"/"))


def rebuild(wire: Wire) -> list[Parts]:
    """Take the text that should have been signed from what was sent."""
    # The decoded query is what Bitget's SDKs sign. Assumptions: a "?" alone is no query,
    # a fragment never arrives, and a bare "+" is a plus or a space: two readings.
    path, query = (part.encode("latin-1") for part in wire.path_and_query())
    timestamp = wire.headers.get("ACCESS-TIMESTAMP", "").encode("latin-1")
    host = wire.headers.get("Host", "").encode("latin-1")
    method = wire.method.upper().encode()
    parts = Parts(timestamp, method, path, b"", wire.body, (), host)
    if not query:
        return [parts]
    readings = dict.fromkeys((query, query.replace(b"+", b"%20")))
    return [parts.with_query(it.split(b"&"), wire.body) for it in readings]


def escaped_queries(items: tuple[bytes, ...]) -> Iterator[bytes]:
    """Write a query as it was sent, and as common libraries escape it."""
    yield b"&".join(items)
    pairs = [[unquote_to_bytes(it) for it in item.split(b"=", 1)] for item in items]
    # All but letters, digits and -._~; Python's default; encodeURIComponent of JavaScript.
    escapes = [partial(quote, safe=it) for it in ("", "/", "!*'()", "$,:/@!*'()")]
    # A space becomes a plus: in a form; in URLSearchParams, and in Java but for ~.
    escapes += [partial(quote_plus, safe=it) for it in ("", "*")]
    for escape in escapes:
        query = "&".join("=".join(map(escape, pair)) for pair in pairs)
        yield query.encode()
        yield query.replace("~", "%7E").encode()
        yield re.sub("%..", lambda octet: octet[0].lower(), query).encode()


def json_spellings(value: object) -> list[bytes]:
    """Write a JSON value as common libraries write it."""
    if value is None:
        return []
    short = len(json.dumps(value)) < 20000  # an indent may make a text much longer
    texts = [json.dumps(value, indent=width) for width in (2, 4) if short]
    spacings = ((",", ":"), (", ", ": "), (",", ": "))
    for spacing, *flags in itertools.product(spacings, (False, True), (False, True)):
        write = partial(json.dumps, sort_keys=flags[0], ensure_ascii=flags[1])
        text = write(value, separators=spacing)
        texts += [text, text.replace("/", "\\/")]
        for character in "<>&":  # as Go writes them
            text = text.replace(character, f"\\u{ord(character):04x}")
        texts.append(text)
    return [text.encode("utf-8", "replace") for text in dict.fromkeys(texts)]


def read_json(octets: bytes) -> Any:
    try:
        return json.loads(octets)
    except (ValueError, RecursionError):
        return None


def guesses(readings: list[Parts]) -> Iterator[Guess]:
    """Yield what may have been signed and by which mistakes, the likeliest first."""
    none: list[Guess] = [([], parts) for parts in readings]
    one: list[Guess] = []
    yield from none
    for stage in (Parts.body_mistakes, Parts.query_mistakes, Parts.head_mistakes):
        one += extend(none, stage)
    yield from one
    # A body is rewritten only once: to do so takes longest.
    for stage in (Parts.query_mistakes, Parts.head_mistakes):
        yield from extend(one, stage)
    if not re.fullmatch(b"[0-9]{1,14}", readings[0].timestamp):
        return
    # The clock read twice: thousands of values, so they come last, the nearest first.
    for group in (none, one):
        for distance, side in itertools.product(range(1, CLOCK_MS + 1), (-1, 1)):
            timestamp = b"%d" % (int(readings[0].timestamp) + side * distance)
            for names, parts in group:
                if "timestamp" not in names:
                    yield [*names, "timestamp"], parts._replace(timestamp=timestamp)


def extend(group: list[Guess], stage: Callable[[Parts], Mistakes]) -> Iterator[Guess]:
    for names, parts in group:
        for name, changed in dict.fromkeys(stage(parts)):
            if name not in names and changed != parts:
                yield [*names, name], changed


class Seal(NamedTuple):  # what the public key finds in a signature
    mistakes: list[str]  # whatever the text
    hash_name: str  # "" if the octets of `digest` were padded as they are
    digest: bytes
    salt: bytes | None = None  # with PSS, it is the digest of a digest and this

    def fits(self, text: bytes) -> bool:
        if not self.hash_name:
            return text == self.digest
        digest = compute_hash(text, self.hash_name)
        if self.salt is not None:
            digest = compute_hash(bytes(8) + digest + self.salt, self.hash_name)
        return digest == self.digest


def open_signature(signature: bytes, public_key: rsa.PublicKey) -> list[Seal]:
    """Turn a signature back into what was signed; there is nothing if the key is wrong."""
    number = int.from_bytes(signature, "big")
    if number >= public_key.n:  # RFC 8017, section 5.2.2
        return []
    number = pow(number, public_key.e, public_key.n)
    block = number.to_bytes(len(signature), "big")
    padded = re.fullmatch(b"\\x00\\x01\xff{8,}\\x00(.*)", block, re.DOTALL)
    if not padded:
        return list(open_pss(number, public_key.n.bit_length() - 1))
    for hash_name, mistakes in HASHES.items():  # RFC 8017, section 9.2
        info = HASH_ASN1[hash_name]
        if padded[1].startswith(info):
            return [Seal(mistakes, hash_name, padded[1][len(info) :])]
    return [Seal(["hash"], "", padded[1])]  # as openssl_private_encrypt() of PHP does


def open_pss(number: int, bits: int) -> Iterator[Seal]:
    """Take digest and salt out of a PSS block: RFC 8017, section 9.1.2."""
    if number.bit_length() > bits or number % 256 != 0xBC:
        return
    block = number.to_bytes((bits + 7) // 8, "big")
    for hash_name, mistakes in HASHES.items():
        size = len(compute_hash(b"", hash_name))
        masked, digest = block[: -size - 1], block[-size - 1 : -1]
        mask = rsa.pkcs1_v2.mgf1(digest, len(masked), hash_name)
        salted = int.from_bytes(masked, "big") ^ int.from_bytes(mask, "big")
        salted %= 1 << (bits - 8 * (size + 1))
        zeros, one, salt = salted.to_bytes(len(masked), "big").partition(b"\x01")
        if one and not any(zeros):  # not the end: a wrong hash can fit by chance
            yield Seal([*mistakes, "pss"], hash_name, digest, salt)


def decodings(text: str) -> Iterator[bytes]:
    """Yield what a text may stand for: base64 of some kind, or hex."""
    for spelled in (text, unquote(text), text.replace(" ", "+")):
        standard = spelled.replace("-", "+").replace("_", "/").rstrip("=")
        with contextlib.suppress(ValueError):
            yield base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        with contextlib.suppress(ValueError):
            yield bytes.fromhex(spelled)


def read_signature(text: str, key: rsa.PublicKey) -> tuple[list[str], list[Seal]]:
    """Return what is wrong with ACCESS-SIGN, and what the public key finds in it."""
    found = list(decodings(text))
    for octets in tuple(found):
        found += decodings(octets.decode("latin-1"))
    by_size = {len(octets): octets for octets in reversed(found)}
    signature = by_size.get((key.n.bit_length() + 7) // 8)
    if signature is None:
        if 32 in by_size:
            return ["hmac"], []
        of_another_size = {128, 256, 384, 512} & set(by_size)
        return ["other-key" if of_another_size else "encoding"], []
    mistakes = [] if base64.b64encode(signature).decode() == text else ["encoding"]
    seals = open_signature(signature, key)
    return (mistakes, seals) if seals else ([*mistakes, "other-key"], [])


class Judgement(NamedTuple):  # the text of a request, the text that was signed
    rebuilt: str
    signed: str | None
    mistakes: list[str]
    note: str

    def lines(self) -> list[str]:
        """Show the two texts one above the other, and say what is wrong."""
        rebuilt, signed = printable(self.rebuilt), printable(self.signed or "")
        pairs = enumerate(zip(rebuilt + "\0", signed + "\n"))
        same = next(at for at, (one, other) in pairs if one != other)
        start = max(0, same - 100)
        lines = [f"rebuilt  {rebuilt[start : same + 200]}"]
        if self.signed == self.rebuilt:
            lines = [f"rebuilt  {rebuilt[:300]}", "signed   the same text"]
        elif self.signed is not None:
            # A Chinese character is two columns wide.
            wide = [it for it in rebuilt[start:same] if east_asian_width(it) in "WF"]
            lines.append(f"signed   {signed[start : same + 200]}")
            lines.append(" " * (9 + same - start + len(wide)) + "^")
        lines += [f"{name}: {MEANINGS[name]}" for name in self.mistakes]
        return [*lines, self.note] if self.note else lines


def judge(public_key: rsa.PublicKey, wire: Wire) -> Judgement:
    """Verify a request; if the signature is wrong, find out what was signed instead."""
    readings = rebuild(wire)
    rebuilt = b"".join(readings[0][:5]).decode("utf-8", "replace")
    note = PLUS if len(readings) > 1 else ""
    form, seals = read_signature(wire.headers.get("ACCESS-SIGN", ""), public_key)
    effort = EFFORT if seals else 0
    for names, parts in guesses(readings):
        text = b"".join(parts[:5])
        # To make a text takes as long as to hash 2000 bytes, and to escape it longer.
        effort -= len(text) + 10 * len(parts.query) + 2000
        if effort < 0:
            break
        digest = hashlib.sha256(text)
        digests = digest.digest(), digest.hexdigest().encode()
        for seal in seals:
            found = [*form, *seal.mistakes, *names]
            if any(map(seal.fits, digests)):
                found.append("hash")
            elif not seal.fits(text):
                continue
            signed = text.decode("utf-8", "replace")
            shown = rebuilt if names else signed
            return Judgement(shown, signed, list(dict.fromkeys(found)), note)
    unknown = [*seals[0].mistakes, "unknown"] if seals else []
    return Judgement(rebuilt, None, form + unknown, note)


def printable(text: str) -> str:
    """Escape what could control a terminal or break a line."""
    return "".join(it if it.isprintable() else ascii(it)[1:-1] for it in text)


# ---- Bitget's side: serve ------------------------------------------------------------
LONGEST_BODY = 1 << 20
# Bitget's codes for a header that is missing.
NEEDED = {"ACCESS-KEY": "40001", "ACCESS-SIGN": "40002", "ACCESS-TIMESTAMP": "40003", "ACCESS-PASSPHRASE": "40011"}  # fmt: skip


def clock_ms() -> int:
    return time.time_ns() // 1_000_000


def answer(public_key: rsa.PublicKey, wire: Wire) -> tuple[str, str, Judgement | None]:
    """Return Bitget's code, its message, and the judgement of a signed request."""
    path, _ = wire.path_and_query()
    # Assumption: market data need no signature either.
    if re.search("/(public|market)/", path) and "ACCESS-SIGN" not in wire.headers:
        return "00000", "success", None
    for header, code in NEEDED.items():
        if not wire.headers.get(header):
            return code, f"the header {header} is missing", None
    judgement = judge(public_key, wire)
    # Assumption: Bitget looks at the timestamp first. The judgement goes along with it.
    timestamp = wire.headers["ACCESS-TIMESTAMP"]
    if not re.fullmatch("[0-9]{13}", timestamp):
        return "40005", "ACCESS-TIMESTAMP is not 13 digits of milliseconds", judgement
    late_s = (clock_ms() - int(timestamp)) / 1000
    if abs(late_s) > 30:
        msg = f"ACCESS-TIMESTAMP is {-late_s:+.1f} s off this clock, not within 30 s"
        return "40008", msg, judgement
    if not judgement.mistakes:
        return "00000", "success", judgement
    meanings = [f"{name}: {MEANINGS[name]}" for name in judgement.mistakes]
    expected = f"expected the signature of {judgement.rebuilt}"
    return "40009", "; ".join(["sign signature error", *meanings, expected]), judgement


def answer_data(wire: Wire) -> object:
    path, _ = wire.path_and_query()
    if path == "/api/v2/public/time":
        return {"serverTime": str(clock_ms())}
    if path == "/api/v2/spot/account/info":
        return {"userId": "1", "authorities": ["readonly"], "ips": "127.0.0.1"}
    order = read_json(wire.body)
    if path.endswith("/place-order") and isinstance(order, dict):
        return {"orderId": "1", "clientOid": order.get("clientOid")}
    return []


class StandIn(socketserver.ThreadingTCPServer):  # a server, in a with block
    allow_reuse_address, request_queue_size = os.name == "posix", 64
    judgement: Any = None  # of the last signed request, a Judgement

    def __init__(self, key: rsa.PublicKey, port: int = 0, log: Any = str) -> None:
        super().__init__(("127.0.0.1", port), Exchange)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.public_key, self.log = key, log

    def __enter__(self) -> Any:
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()  # also waits for the threads of the connections

    def handle_error(self, *_: object) -> None:
        """Say nothing of a connection that breaks."""


class Exchange(BaseHTTPRequestHandler):  # one request and its answer
    server: StandIn
    protocol_version, timeout = "HTTP/1.1", 5

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers:
            return self.send_error(411, "a chunked body is not read: send its length")
        if not re.fullmatch("[0-9]{1,20}", length):
            return self.send_error(400, "Content-Length is not a length")
        if int(length) > LONGEST_BODY:
            return self.send_error(413, f"the body is longer than {LONGEST_BODY} bytes")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return self.send_error(400, "the body is shorter than its Content-Length")
        wire = Wire(self.command, self.requestline.split()[1], self.headers, body)
        code, msg, judgement = answer(self.server.public_key, wire)
        self.server.judgement = judgement
        data = answer_data(wire) if code == "00000" else None
        lines = [f"{code} {wire.method} {printable(wire.target)}"]
        lines += [] if code in ("00000", "40009") else [msg]
        if judgement and code != "00000":
            lines += judgement.lines()
            data = dict(zip(("rebuilt", "signed", "mistakes"), judgement))
        elif judgement and judgement.note:
            lines.append(judgement.note)
        self.server.log("\n  ".join(lines))
        return self.reply(200 if code == "00000" else 400, code, msg, data)

    do_GET = do_POST

    def reply(self, status: int, code: str, msg: str, data: object) -> None:
        envelope = {"code": code, "msg": msg, "requestTime": clock_ms(), "data": data}
        octets = json.dumps(envelope).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(octets)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(octets)

    def send_error(self, code: int, message: str | None = None, *_: object) -> None:
        """Refuse what is not a request, with the HTTP status as the code."""
        # http.server quotes what it could not read, which may hold a secret.
        msg = (message or "too long").partition(" (")[0]
        self.server.log(f"{int(code)} {printable(msg)}")
        self.reply(code, str(int(code)), msg, None)

    def log_message(self, *_: object) -> None:
        """Leave it to server.log()."""

    def finish(self) -> None:
        """Close when the client has sent all: if not, it may lose the answer."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(0.2)
            for _ in range(100):
                self.connection.recv(65536)
        super().finish()


# ---- Bitget's side: explain ----------------------------------------------------------


def read_request(octets: bytes) -> Wire:
    """Read a request as a log or `curl -v` shows it; what is none is a ValueError."""
    if octets[:2] in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16, of PowerShell 5
        octets = octets.decode("utf-16", "replace").encode()
    octets = re.sub(rb"\A\xef\xbb\xbf", b"", octets).replace(b"\r\n", b"\n")
    text = octets.decode("latin-1").lstrip()
    if re.search("(?m)^> ", text):  # what curl sent, and a body that was put behind it
        text = re.split("(?m)^<", text)[0]
        text = re.sub(r"(?m)^(> ?|(\* |[{}] \[).*\n)", "", text)
    if not text or "\0" in text:
        raise ValueError("this is not text" if text else "there is no request")
    if text.startswith("HTTP/"):
        raise ValueError("this is a response: give the request")
    head, *rest = re.split("\n[ \t]*\n", text, maxsplit=1)
    first, *fields = head.split("\n")
    found = re.fullmatch(r"(?ai)(\S+) +((?:/|https?://)\S*)( +\S+)?\s*", first)
    if not found:
        raise ValueError("the first line is not like GET /api/v2/... HTTP/1.1")
    if re.search("(?im)^ACCESS-[A-Z]+:", "".join(rest)):
        raise ValueError("this is more than one request: give one")
    headers = email.message.Message()
    for field in fields:
        name, _, value = field.partition(":")
        headers[name.strip()] = value.strip()
    return Wire(found[1], found[2], headers, "".join(rest).encode("latin-1"))


def explain(public_key: rsa.PublicKey, octets: bytes) -> Judgement:
    """Judge one request, however old; what cannot be judged is a ValueError."""
    wire = read_request(octets)
    missing = [header for header in NEEDED if not wire.headers.get(header)]
    for header in ("ACCESS-SIGN", "ACCESS-TIMESTAMP"):
        if header in missing:
            raise ValueError(f"the header {header} is missing: {NEEDED[header]}")
    if wire.headers.get("Content-Length", "0") != "0" and not wire.body:
        raise ValueError("the body is not in this text: add it after an empty line")
    # The newline at the end may be the editor's, and others may have been CRLF.
    forms = (wire.body.rstrip(b"\n"), wire.body)
    bodies = dict.fromkeys((*forms, *(it.replace(b"\n", b"\r\n") for it in forms)))
    length = wire.headers.get("Content-Length")
    bodies = {it: None for it in bodies if str(len(it)) == length} or bodies
    judgements = [judge(public_key, wire._replace(body=body)) for body in bodies]
    best = min(judgements, key=lambda it: ("unknown" in it.mistakes, len(it.mistakes)))
    notes = [best.note] if best.note else []
    notes += [f"{it} is missing here: {NEEDED[it]} if not sent" for it in missing]
    if not re.fullmatch("[0-9]{13}", wire.headers["ACCESS-TIMESTAMP"]):
        notes.append("ACCESS-TIMESTAMP is not 13 digits of milliseconds: 40005")
    return best._replace(note="; ".join(notes))


def read_public_key(path: str) -> rsa.PublicKey:
    """Read a public key from PEM; no message repeats what may be a private key."""
    text = Path(path).read_text(encoding="utf-8-sig", errors="replace")
    if "PRIVATE KEY" in text:
        raise ValueError("the file holds a private key: give the public key's file")
    load = rsa.PublicKey.load_pkcs1_openssl_pem
    if "BEGIN RSA PUBLIC KEY" in text:
        load = rsa.PublicKey.load_pkcs1
    try:
        key = load(text.encode())
    except (ValueError, TypeError, IndexError, PyAsn1Error):
        raise ValueError("the file does not hold an RSA public key as PEM") from None
    if key.n.bit_length() < 2048 or key.e < 3:
        raise ValueError("the key is too short: Bitget takes 2048 bits or more")
    return key


# ---- Bitget's side: the verbs --------------------------------------------------------


def run_demo(_: argparse.Namespace) -> None:
    """show the whole protocol on this machine: no account, no network"""
    print("1. The client makes a key pair. Bitget gets the public half only.\n")
    key = bitget_rsa.generate_private_key()
    print(bitget_rsa.public_key_pem(key))
    owner = bitget_rsa.Credentials("demo_api_key", "demoPassphrase1", key)
    with StandIn(rsa.PublicKey(key.n, key.e)) as bitget:
        prepare = partial(bitget_rsa.prepare, credentials=owner, base_url=bitget.url)
        print("2. A query is signed as it reads, and sent percent-encoded.\n")
        query = {"symbol": "$AIUSDT", "clientOid": "grid#7+8"}
        look_up = prepare("GET", "/api/v2/spot/trade/orderInfo", params=query)
        show_exchange(bitget, look_up)
        print("3. A body is signed in the very characters that are sent.\n")
        order = {"size": "0.01", "clientOid": "bot#7"}
        place = prepare("POST", "/api/v2/spot/trade/place-order", body=order)
        show_exchange(bitget, place)
        print("4. The size of that order is changed on the way: 0.01 becomes 9.01.\n")
        changed = (place.body or b"").replace(b'"0.01"', b'"9.01"')
        show_exchange(bitget, dataclasses.replace(place, body=changed))
        print("5. Another client signs the query as it is sent: the usual mistake.\n")
        wrong = look_up.prehash.partition("?")[0] + "?" + look_up.url.partition("?")[2]
        headers = {**look_up.headers, "ACCESS-SIGN": bitget_rsa.sign(wrong, key)}
        sent = dataclasses.replace(look_up, prehash=wrong, headers=headers)
        show_exchange(bitget, sent)


def show_exchange(bitget: StandIn, sent: bitget_rsa.PreparedRequest) -> None:
    """Send a request to the stand-in, and print what either side does."""
    print(f"   client signs   {sent.prehash}")
    print(f"   SHA-256        {hashlib.sha256(sent.prehash.encode()).hexdigest()}")
    print(f"   client sends   {sent.method} {sent.url[len(bitget.url) :]}")
    headers = {**sent.headers, "ACCESS-PASSPHRASE": "********"}
    headers["ACCESS-SIGN"] = headers["ACCESS-SIGN"][:30] + "... (344 characters)"
    for name in NEEDED:
        print(f"      {name}: {headers[name]}")
    if sent.body:
        print(f"      {sent.body.decode()}")
    try:
        print(f"   Bitget answers 00000 {json.dumps(bitget_rsa.send(sent))}")
    except bitget_rsa.ApiError as error:
        print(f"   Bitget answers {error.code}")
    if bitget.judgement:
        print("      " + "\n      ".join(bitget.judgement.lines()) + "\n")


def run_serve(args: argparse.Namespace) -> None:
    """stand in for Bitget on loopback, for any client, until Ctrl-C"""
    key, log = read_public_key(args.public_pem), partial(print, flush=True)
    with contextlib.suppress(KeyboardInterrupt), StandIn(key, args.port, log) as bitget:
        log(bitget.url)
        threading.Event().wait()


def run_explain(args: argparse.Namespace) -> int:
    """say why the signature of one request is refused"""
    public_key = read_public_key(args.public_pem)
    sent = sys.stdin.buffer.read() if args.file == "-" else Path(args.file).read_bytes()
    judgement = explain(public_key, sent)
    print("refused" if judgement.mistakes else "the signature is right")
    print("\n".join(judgement.lines()))
    return 1 if judgement.mistakes else 0


def run_vectors(_: argparse.Namespace) -> None:
    """print the known answers as JSON, for ports in other languages"""
    accepted = [it._asdict() for it in VECTORS]
    refused = [it._asdict() for it in REFUSED]
    rfc = [dict(zip(("key", "text", "signature"), it)) for it in RFC_SIGNATURES]
    everything = {"keys": KEYS, "accepted": accepted, "refused": refused, "rfc": rfc}
    print(json.dumps(everything, indent=1))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Bitget's side of a signed request.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, run in zip(VERBS, (run_demo, run_serve, run_explain, run_vectors)):
        verb = verbs.add_parser(name, help=run.__doc__, description=run.__doc__)
        verb.set_defaults(run=run)
        if name in ("serve", "explain"):
            verb.add_argument("public_pem", metavar="PUBLIC_PEM")
        if name == "serve":
            verb.add_argument("--port", type=int, default=0, help="default: a free one")
        if name == "explain":
            verb.add_argument("file", metavar="FILE", nargs="?", default="-")
    args = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return args.run(args) or 0  # only explain has another status
    except (OSError, OverflowError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        print(f"error: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


# ---- The tests of Bitget's side -----------------------------------------------------
KEY, PUBLIC, TEXT = PRIVATE["rfc7515"], PUBLIC_KEYS["rfc7515"], KEYS["rfc7515"]
OPENSSL, PASSPHRASE = shutil.which("openssl"), "planted0passphrase"
NUMBERS = (KEY.d, KEY.p, KEY.q, KEY.exp1, KEY.exp2, KEY.coef)
SECRETS = [PASSPHRASE, *map(str, NUMBERS), *map("{:x}".format, NUMBERS)]
SECRETS += TEXT.split("\n")[7:-2]
STAMP, ORDER = "1763800000123", '{"symbol":"BTC/USDT","size":"0.01","clientOid":"龙"}'
SENT = "GET /o?b=1%2F2%20%237&a=~x"
# The mistakes, what is sent, and what is signed behind the timestamp.
CASES = (
    ("", "GET /o?a=1+2", "", "GET/o?a=1+2"), ("", "GET /o?a=1+2", "", "GET/o?a=1 2"),
    ("", "POST /o?b=1&a=%2f%20", '{"b": 1,\n "a": 2}', 'POST/o?b=1&a=/ {"b": 1,\n "a": 2}'), ("query-encoded", SENT, "", "GET/o?b=1/2%20%237&a=~x"),
    ("query-encoded", SENT, "", "GET/o?b=1%2f2%20%237&a=~x"), ("query-encoded", SENT, "", "GET/o?b=1%2F2+%237&a=%7Ex"),
    ("query-encoded query-order", SENT, "", "GET/o?a=~x&b=1%2F2%20%237"), ("query-order", "GET /o?f=1&e=2&d=3&c=4&b=5", "", "GET/o?b=5&c=4&d=3&e=2&f=1"),
    ("query-order method", SENT, "", "get/o?a=~x&b=1/2 #7"), ("query-missing question-mark", SENT, "", "GET/o?"),
    ("query-encoded question-mark", SENT, "", "GET/ob=1%2F2%20%237&a=~x"), ("query-as-body", "GET /o?n=20&a=b", "", 'GET/o{"n": 20, "a": "b"}'),
    ("query-as-body", SENT, "", 'GET/o?b=1/2 #7&a=~x{"b":"1/2 #7","a":"~x"}'), ("body-missing method", "POST /o", ORDER, "post/o"),
    ("body-empty", "GET /o", "", "GET/onull"), ("body-rewritten", "POST /o", ORDER, "POST/o" + ORDER.replace("/", "\\/")),
    ("body-rewritten", "POST /o", ORDER, "POST/o" + ORDER.replace("龙", "\\u9f99")), ("body-rewritten", "POST /o", '{"b":1,"a":[]}', 'POST/o{"a":[],"b":1}'),
    ("body-rewritten", "POST /o", '{ "a" : "<" }\n', 'POST/o{"a":"\\u003c"}'), ("body-rewritten", "GET /o?a=b", "", "GET/o?a=b\n"),
    ("body-as-query query-order", "POST /o", '{"b":"1 2","a":3}', "POST/o?a=3&b=1 2"),
    ("body-as-query query-encoded", "POST /o", '{"b":"1 2"}', "POST/o?b=1+2"), ("path", "GET /api/v2/o", "", "GET127.0.0.1:8000/api/v2/o"),
    ("path query-encoded", "GET /api/o?a=%23", "", "GET/o?a=%23"), ("unknown", "POST /o", '{"size":"9.01"}', 'POST/o{"size":"0.01"}'),
)  # fmt: skip


class Case(unittest.TestCase):  # it has a folder of its own, and leaves no thread
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
        for word in words.split("|"):
            self.assertIn(word.lower(), text.lower())

    def assert_harmless(self, advice: str, shown: str = "") -> None:
        """Expect no secret, and no command that writes to FILE or private.pem."""
        for secret in SECRETS:
            self.assertNotIn(secret, advice + shown)
        for command in re.findall(r"(?:openssl|ssh-keygen|cp|mv) [^;,\n]+", advice):
            words = shlex.split(command)
            flag = {"openssl": "-out", "ssh-keygen": "-f"}.get(words[0])
            written = words[words.index(flag) + 1] if flag else words[-1]
            self.assertNotIn(written, (">", "FILE", "private.pem", *words[1:3]))

    def refuse_order(self, words: str, url: str, *args: Any, sent: Any = True) -> None:
        error = self.refuse(words, order, url, *args, kinds=(ValueError, ANSWERED[1]))
        outcome = [getattr(error, it, False) for it in ("sent", "outcome_unknown")]
        self.assertEqual(outcome, [sent, sent and "GET" not in args], words)

    def write(self, name: str, content: str | bytes, mode: int = 0o600) -> Path:
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
                status = call([*shlex.split(line), *more])
        out.seek(0)
        run = status, out.read(), err.getvalue()
        self.assert_harmless(run[1] + run[2])
        return run

    def fails(self, words: str, line: str, *more: str, **environ: Any) -> None:
        """Expect nothing on stdout and one line on stderr, with usage before it for 2."""
        status = environ.pop("status", 1)
        with self.subTest(words, line=line, more=str(more)[:99]):
            found, out, err = self.run_main(line, *more, **environ)
            self.assertEqual((found, out), (status, ""), err)
            start = r"usage: [\s\S]*" if status == 2 else "bitget_rsa: "
            self.assertRegex(err, rf"\A{start}[^\n]+\n\Z")
            self.assert_words(words, err)


def wire(sent: str, body: str, signature: str, timestamp: str = STAMP) -> Wire:
    fields = f"Host: 127.0.0.1:8000\naccess-key: bg\nACCESS-PASSPHRASE: {PASSPHRASE}\n"
    fields += f"ACCESS-SIGN: {signature}\nAccess-Timestamp: {timestamp}\n"
    method, target = sent.split(" ")
    return Wire(method, target, email.message_from_string(fields), body.encode())


def signature_of(text: str | bytes, hash_name: str = "SHA-256") -> str:
    octets = text.encode() if isinstance(text, str) else text
    return base64.b64encode(rsa.sign(octets, KEY, hash_name)).decode()


def openssl(line: str, text: str) -> str:
    """Run openssl in a folder that holds the keys; return what it prints, in base64."""
    for name, pem_text in KEYS.items():
        Path(f"{name}.pem").write_text(pem_text)
    octets = subprocess.check_output([str(OPENSSL), *line.split()], input=text.encode())
    return base64.b64encode(octets).decode()


class TestJudge(Case):
    def judged(self, names: str, sent: str, body: str, signature: str) -> Judgement:
        judgement = judge(PUBLIC, wire(sent, body, signature))
        self.assertEqual(sorted(judgement.mistakes), sorted(names.split()))
        return judgement

    def test_vectors_are_accepted_and_refused(self) -> None:
        requests = {}
        for it in VECTORS:
            self.assertEqual(hashlib.sha256(it.prehash.encode()).hexdigest(), it.sha256)
            body = it.prehash.partition(unquote(it.target))[2]
            sent = f"{it.method} {it.target}"
            request = wire(sent, body, it.signature, str(it.timestamp_ms))
            judgement = judge(PUBLIC_KEYS[it.key], request)
            self.assertEqual(judgement, Judgement(it.prehash, it.prehash, [], ""))
            requests[it.name] = PUBLIC_KEYS[it.key], request
        for entry in REFUSED:
            public_key, request = requests[entry.request]
            request.headers.replace_header("ACCESS-SIGN", entry.signature)
            judgement = judge(public_key, request)
            self.assertEqual(judgement.mistakes, [entry.mistake])
            self.assertIn(judgement.signed, (entry.signed, None))
        self.assertEqual({entry.mistake for entry in REFUSED}, set(MEANINGS))
        for printable in (f"?{PRINTABLE}={PRINTABLE}", json.dumps(PRINTABLE)):
            self.assertTrue(any(printable in vector.prehash for vector in VECTORS))

    @unittest.skipUnless(OPENSSL, "openssl is not installed")
    def test_openssl_makes_the_same_values(self) -> None:
        keys = {vector.name: vector.key for vector in VECTORS}
        values = [(it.key, it.prehash, it.signature, OPTIONS) for it in VECTORS]
        values += [(*it, OPTIONS) for it in RFC_SIGNATURES]
        values += [(keys[it[1]], it.signed, it.signature, it.options) for it in REFUSED]
        for key, text, signature, options in values:
            made = openssl(f"dgst -binary {options.replace('KEY', key)}", text)
            self.assertEqual(made, signature.replace("-", "+").replace("_", "/"))

    def test_each_mistake_and_each_form_of_the_signature_is_named(self) -> None:
        stamps = "1763800000000 1763800000.123 1763800000123.0 1763800000123000 1763799998123 2025-11-22T08:26:40Z 2025-11-22T08:26:40.123Z 1763800000122 1763800002123"
        cases = [(*case[:3], STAMP + case[3]) for case in CASES]
        cases += [("timestamp", "GET /o", "", f"{it}GET/o") for it in stamps.split()]
        for names, sent, body, text in cases:
            judgement = self.judged(names, sent, body, signature_of(text))
            self.assertEqual(judgement.note, PLUS if "+" in sent else "")
            self.assertEqual(judgement.signed, None if names == "unknown" else text)
        text, encoded = STAMP + "GET/o?a= ", STAMP + "GET/o?a=%20"
        digest = hashlib.sha256(text.encode()).digest()
        right = base64.b64decode(signature_of(text))
        padded = b"\x00\x01" + b"\xff" * 221 + b"\x00" + digest
        nameless = pow(int.from_bytes(padded, "big"), KEY.d, KEY.n)
        vast = int.from_bytes(right, "big") + KEY.n  # RFC 8017, section 8.2.2
        forms = [
            ("hash", signature_of(text, "SHA-384")), ("hash query-encoded", signature_of(encoded, "SHA-512")), ("hash", signature_of(digest)),
            ("hash", signature_of(digest.hex())), ("hash", base64.b64encode(nameless.to_bytes(256, "big")).decode()),
            ("encoding", base64.urlsafe_b64encode(right).decode().rstrip("=")), ("encoding", right.hex()),
            ("encoding", base64.b64encode(right.hex().encode()).decode()), ("encoding", quote(signature_of(text), safe="")),
            ("encoding query-encoded", signature_of(encoded).replace("+", " ")), ("hmac", "0a" * 32),
            ("other-key", base64.b64encode(vast.to_bytes(256, "big")).decode()), ("other-key", base64.b64encode(bytes(512)).decode()),
            *(("encoding", it) for it in ("***", "MIIB", "undefined", "é" * 300)),
        ]  # fmt: skip
        if OPENSSL:
            line = "dgst -binary -sha512 -sign rfc7515.pem -sigopt rsa_padding_mode:pss"
            forms.append(("hash pss query-encoded", openssl(line, encoded)))
        for names, signature in forms:
            self.judged(names, "GET /o?a=%20", "", signature)

    def test_any_body_is_judged_in_less_than_a_second(self) -> None:
        orders = [{"symbol": "龙/<\ud800", "size": str(size)} for size in range(3000)]
        for body in (json.dumps(orders), '{"a":' * 100_000):
            started = time.process_time()
            self.judged("unknown", "POST /o?a=+&b=%20", body, signature_of("other"))
            self.assertLess(time.process_time() - started, 1, body[:20])
        with mock.patch.object(json, "dumps", side_effect=RecursionError):
            self.judged("body-missing", "POST /o", "{}", signature_of(STAMP + "POST/o"))


class TestServe(Case):
    def setUp(self) -> None:
        super().setUp()
        self.log: list[str] = []
        self.now = clock_ms()
        self.bitget = StandIn(PUBLIC, log=self.log.append).__enter__()
        self.addCleanup(lambda: self.assertEqual(self.bitget.fileno(), -1))
        self.addCleanup(self.bitget.__exit__)

    def exchange(self, octets: bytes) -> str:
        with socket.create_connection(self.bitget.server_address, 5) as client:
            client.sendall(octets)
            client.shutdown(socket.SHUT_WR)
            return b"".join(iter(partial(client.recv, 65536), b"")).decode()

    def ask(self, stamp: int, header: str = "ACCESS-KEY", value: str = "bg") -> Any:
        """Send a signed request with one header changed; return the answer."""
        signature = signature_of(f"{stamp}GET/api/v2/spot/account/info")
        sent = wire("GET /api/v2/spot/account/info", "", signature, str(stamp))
        sent.headers.replace_header(header, value)
        answered = self.exchange(f"GET {sent.target} HTTP/1.1\n{sent.headers}".encode())
        return json.loads(answered.partition("\r\n\r\n")[2])

    def test_answers_carry_the_codes_of_bitget(self) -> None:
        for code, *changes in (
            ("00000", self.now - 25_000), ("00000", self.now + 25_000), ("40001", self.now, "ACCESS-KEY", ""), ("40002", self.now, "ACCESS-SIGN", ""),
            ("40003", self.now, "ACCESS-TIMESTAMP", ""), ("40011", self.now, "ACCESS-PASSPHRASE", ""), ("40005", self.now // 1000),
            ("40008", self.now - 31_000), ("40008", self.now + 31_000), ("40009", self.now, "ACCESS-SIGN", "0a" * 32),
        ):  # fmt: skip
            answered = self.ask(*changes)
            self.assertEqual(answered["code"], code)
            self.assertEqual(set(answered), {"code", "msg", "requestTime", "data"})
        self.assertEqual(set(answered["data"]), {"rebuilt", "signed", "mistakes"})
        self.assertEqual(answered["data"]["mistakes"], ["hmac"])
        self.assertIn("GET/api/v2/spot/account/info", answered["msg"])
        self.assert_harmless("".join(self.log) + str(answered))

    def test_bad_http_gets_an_answer_or_a_closed_connection(self) -> None:
        post = b"POST /o HTTP/1.1\r\nContent-Length: "
        for sent, answer in (
            (b"", ""), (b"\x16\x03\x01\x02\x00\x01\xfc\xff\n", '"400"'), (b"planted0passphrase\r\n\r\n", '"400"'),
            (b"GET /\xff\xfe?\xff=%ff HTTP/1.1\r\nA\xff: \xff\r\n\r\n", '"40001"'), (b"DELETE / HTTP/1.1\r\n\r\n", '"501"'),
            (b"GET " + b"/" * 70_000 + b" HTTP/1.1\r\n\r\n", '"414"'), (b"POST /o HTTP/1.1\r\n\r\n", '"40001"'),
            (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", '"431"'), (post + b"-1\r\n\r\n", '"400"'), (post + b"9" * 5000 + b"\r\n\r\n", '"400"'),
            (post + b"9\r\n\r\n{}", '"400"'), (post + b"5000000\r\n\r\n" + b"x" * 5_000_000, '"413"'),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", '"411"'),
        ):  # fmt: skip
            self.assertIn(answer, self.exchange(sent), sent[:60])
            self.assertEqual(self.ask(self.now)["code"], "00000")
        self.assertTrue("".join(self.log).replace("\n", "").isprintable())
        self.assert_harmless("".join(self.log))

    def test_a_slow_client_does_not_keep_others_waiting(self) -> None:
        self.assertLess(Exchange.timeout, 10)
        with mock.patch.object(Exchange, "timeout", 0.2):
            with socket.create_connection(self.bitget.server_address, 5) as slow:
                slow.sendall(b"POST /o HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")
                self.assertEqual(self.ask(self.now)["code"], "00000")
                self.assertEqual(slow.recv(1), b"")  # given up


class TestVerbs(Case):
    def test_logs_of_many_shapes_are_read_or_refused_in_a_sentence(self) -> None:
        signature = signature_of(f'{STAMP}POST/o{{"a":1}}')
        fields = f"ACCESS-SIGN: {signature}\naccess-timestamp: {STAMP}"
        plain = f'POST /o HTTP/1.1\n{fields}\n\n{{"a":1}}'
        curl = "* Connected\n> POST /o HTTP/1.1\n> " + fields.replace("\n", "\n> ")
        curl += '\n>\n} [7 bytes data]\n{"a":1}\n* done\n< HTTP/1.1 400\n<\n{"a":2}'
        newline = signature_of(f'{STAMP}POST/o{{"a":1}}\n')  # it belongs to the body
        for text in (
            plain, plain + "\r\n", plain.replace("\n", "\r\n"), "\ufeff\n" + plain, curl, curl.replace("\n", "\r\n"),
            plain.replace("/o HTTP/1.1", "https://api.bitget.com/o"), plain.replace(signature, newline) + "\n",
        ):  # fmt: skip
            self.assertEqual(explain(PUBLIC, text.encode()).mistakes, [], text)
        other = signature_of(f'{STAMP}POST/o?a=龙\x1b{{"a": 1}}')
        wrong = plain.replace("/o", "/o?a=龙\x1b").replace(signature, other)
        judgement = explain(PUBLIC, wrong.encode("utf-16"))
        self.assertEqual(judgement.mistakes, ["body-rewritten"])
        self.assertEqual(judgement.lines()[2], " " * 42 + "^")
        self.assertTrue("".join(judgement.lines()).isprintable())
        self.assertRegex(judgement.note, "ACCESS-KEY is.*ACCESS-PASSPHRASE is missing")
        for text, words in (
            (" \r\n\n", "no request"), ("\0\1\2", "not text"), ("HTTP/1.1 200 OK\n\n{}", "response"), ("curl -v https://api.bitget.com/", "first line"),
            ("> \n< HTTP/1.1 400\n", "first line"), ("GET /o\nACCESS-TIMESTAMP: 1\n", "ACCESS-SIGN is missing"),
            ("GET /o\nACCESS-SIGN: a\n", "ACCESS-TIMESTAMP is missing"),
            ("GET /o\nContent-Length: 2\nACCESS-SIGN: a\nACCESS-TIMESTAMP: 1\n", "the body is not in"),
        ):  # fmt: skip
            self.refuse(words, explain, PUBLIC, text.encode())

    def test_explain_judges_and_no_verb_repeats_a_private_key(self) -> None:
        public = PUBLIC.save_pkcs1().decode()
        short = rsa.PublicKey(KEY.n >> 1024, KEY.e).save_pkcs1().decode()
        fields = wire("GET /", "", signature_of(STAMP + "GET/o?a=%23")).headers
        for content, target, status, words in (
            (public, "/o?a=%2523", 0, "the signature is right"), (public, "/o?a=%23", 1, "query-encoded: "), (TEXT, "/", 1, "private key"),
            (TEXT.replace("PRIVATE", "PUBLIC"), "/", 1, "RSA public key"), ("", "/", 1, "RSA public key"), (short, "/", 1, "2048 bits"),
        ):  # fmt: skip
            self.write("public.pem", content)
            request = self.write("request.txt", f"GET {target}\n{fields}").read_bytes()
            line = "explain public.pem " + ("request.txt" if status else "-")
            ran = self.run_main(line, main=main, stdin=request)
            self.assertEqual(ran[0], status)
            self.assert_words(words, ran[1] + ran[2])
        for path in ("no-such-file", TEXT, "a\0"):
            status, out, err = self.run_main("serve", path, main=main)
            self.assertEqual((status, out, err.count("\n")), (1, "", 1))

    def test_vectors_are_json_and_the_demo_accepts_two_and_explains_two(self) -> None:
        with mock.patch.dict(KEYS, rfc7515="a secret of these tests"):
            printed = json.loads(self.run_main("vectors", main=main)[1])
        counts = len(printed["accepted"]), len(printed["refused"])
        self.assertEqual(counts, (len(VECTORS), len(REFUSED)))
        with mock.patch.object(bitget_rsa, "generate_private_key", lambda: KEY):
            status, out, err = self.run_main("demo", main=main)
        self.assertEqual((status, err), (0, ""))
        found = re.findall("answers ([0-9]+)|(unknown|query-encoded): ", out)
        expected = "00000 00000 40009 unknown 40009 query-encoded"
        self.assertEqual(" ".join(map("".join, found)), expected)
        self.assertNotIn("demoPassphrase1", out)

    @unittest.skipUnless(os.name == "posix", "Ctrl-C is sent as a signal")
    def test_serve_prints_its_url_first_and_ends_quietly(self) -> None:
        public_pem = self.write("public.pem", PUBLIC.save_pkcs1())
        with spawn(__file__, "serve", str(public_pem)) as serving:
            assert serving.stdout  # for mypy: it is a pipe
            url = serving.stdout.readline()
            self.assertRegex(url, rb"^http://127\.0\.0\.1:[0-9]+\n$")
            serving.send_signal(signal.SIGINT)
            self.assertEqual(serving.communicate(timeout=10), (b"", b""))
        self.assertEqual(serving.returncode, 0)


def spawn(script: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    flags = ["-bb", *(f"-W{it}" for it in sys.warnoptions)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([sys.executable, *flags, script, *arguments], **pipes)


def make(method: str = "GET", path: str = "/a", **options: Any) -> Any:
    return prepare(method, path, **{"credentials": CREDENTIALS, **options})


# ---- The promises, in the order of bitget_rsa.py ------------------------------------
MODULE = Path(bitget_rsa.__file__).resolve()
SIGNER, OTHER = load_private_key(TEXT), load_private_key(KEYS["rfc7520"])
CREDENTIALS = Credentials("bg_test", PASSPHRASE, SIGNER)
API_KEY, PHRASE, PEM = "BITGET_API_KEY", "BITGET_PASSPHRASE", "BITGET_PRIVATE_KEY"
FILE, DEMO = "BITGET_PRIVATE_KEY_FILE", "BITGET_DEMO"
ENVIRON = {API_KEY: "bg_test", PHRASE: PASSPHRASE, PEM: TEXT}
PKCS8, PLACE = DERS["rfc7515"], "/api/v2/spot/trade/place-order"
BUY = {"symbol": "BTCUSDT", "side": "buy", "size": "0.01", "clientOid": "_a-1"}
# openssl pkey -in rfc7515.pem -pubout -outform DER | openssl dgst -sha256
FINGERPRINT = "6fd13c2435a361e7c588cd17f55f5ad3df0177a66c1727a6a200845f4d7ab88c"
# openssl ecparam -genkey -name prime256v1 -noout | openssl pkcs8 -topk8 -nocrypt
EC = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg7aQEiJPcepNdoFjjbevuJmCXaIXtkY0b5MveUreBCIShRANCAARkR/sxxW6mcqvoTbX1C3ooqu5Ri7hEYXlnScLa914+FvdJDL1lQd2krZHPWv6dLFTb4ufegxTPoUqLIH38HCOm"
# openssl ca -selfsign -keyfile ec.pem -startdate 20200101000000Z -enddate 21200101000000Z, with subjectAltName=DNS:localhost
CERTIFICATE = "MIIBdDCCARqgAwIBAgIUTxd0M4Qv+/XIIfvnkq5leGFVlckwCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARkR/sxxW6mcqvoTbX1C3ooqu5Ri7hEYXlnScLa914+FvdJDL1lQd2krZHPWv6dLFTb4ufegxTPoUqLIH38HCOmo0gwRjAUBgNVHREEDTALgglsb2NhbGhvc3QwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUjns3iFGCwKdHc1s+67cLlBYXMt8wCgYIKoZIzj0EAwIDSAAwRQIgF4aXhI9JXUQeHk9HJXJ7FIeUHafebfejJ/YuhaDCjn8CIQDKqj0Qr5o50hOjFSdz66bdCvfKp2eldy790IVkMIIWmA=="
GET, POST = make(), make("POST", body={})
BASE, TLS_URL = "--base-url http://localhost:9", "https://localhost:7"
Word = enum.Enum("Word", {"B": "b", "POST": "post", "A": "/a"}, type=str)
OK = b'{"code":"00000","msg":"success","requestTime":1,"data":{"a":"b"}}'
OPEN = ("40010", "40015", "40200", "40725", "40808", "40910", "45001", "25000", "25001", "25003")  # fmt: skip
PAGE = "<html>\x1b[31mForbidden\r\n\u202e</html>"
ANSWERED = (bitget_rsa.ApiError, bitget_rsa.TransportError)
BAD_KEY = bitget_rsa.KeyFormatError
PLAIN = b"HTTP/1.1 200 OK\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FINE = LENGTH % len(OK) + OK
FLOODED: list[bytes] = []  # the heads of floods that were taken to their end


class TestSignature(Case):
    def test_parts_are_joined_and_what_clients_rewrite_is_refused(self) -> None:
        self.assertEqual(prehash(0, "Post", "/a", "b=?", "{}"), "0POST/a?b=?{}")
        self.assertEqual(prehash(10**14, "GET", "/.a-_~/b"), f"{10**14}GET/.a-_~/b")
        for at, words, wrongs in (
            (0, "timestamp_ms must be an int", (1.0, "1763800000000", True, -1, 10**15, None)),
            (1, "method must be", ("", "PUT", "GET ", " POST", "GET\r\nX: y", None, b"GET")),
            (2, "path must be", (
                "", "a", "@evil.example/x", "https://evil.example/", "//evil.example/a", "/", "/a/", "/a//b", "/a/../b", "/a/..", "/./a", "/.", "/%41", "/a|b",
                "/a[0]", "/a b", "/a\n", "/a\r\nX: y", "/a\0", "/a\x7f", "/ä", "/\u0661", "/a?b=c", "/a#b", "/a\\b", "/a;b", "/a:b", "/a+b",
                "C:/Program Files/Git/api", "/\x1b[2J" + "x" * 999, None, b"/a")),
            (3, "query must come without the ?", ("?b=c",)), (3, "query", (None, b"", 5, "\ud800")), (4, "body", (None, b"", {}, "\ud800")),
        ):  # fmt: skip
            parts: list[Any] = [1, "POST", "/a", "", ""]
            for parts[at] in wrongs:
                self.refuse(words, prehash, *parts)

    def test_known_answers_are_computed_blinded_by_crt_and_verified(self) -> None:
        for name, message, signature in RFC_SIGNATURES:
            for key in (PRIVATE[name], load_private_key(KEYS[name])):
                self.assertEqual(sign(message, key), signature)
        faulty, real = load_private_key(TEXT), rsa.PrivateKey.blinded_decrypt
        name = "rsa.PrivateKey.blinded_decrypt"
        with mock.patch(name, autospec=True, side_effect=real) as spy:
            sign("a", faulty)
        self.assertEqual(spy.call_count, 1)
        for name in ("exp1", "exp2", "coef"):
            with mock.patch.object(faulty, name, getattr(faulty, name) ^ 4):
                self.refuse("verify|memory", sign, "a", faulty, kinds=BAD_KEY)

    def test_a_callable_signs_and_what_cannot_is_refused(self) -> None:
        self.assertEqual(sign("é", lambda octets: octets * 2), "w6nDqQ==")
        for wrong in ("c2ln", None, b"", bytearray(b"x"), 5):  # an empty one above all
            signer = mock.Mock(return_value=wrong)
            self.refuse("private_key|as bytes", sign, "a", signer)
        broken = mock.Mock(side_effect=ConnectionError("the HSM is off"))
        self.refuse("HSM", sign, "a", broken, kinds=ConnectionError)
        for it in (None, "private.pem", TEXT, PUBLIC):
            for call in (sign, lambda _, key: Credentials("bg_1", PASSPHRASE, key)):
                self.refuse("private_key|load_private_key()", call, "a", it)
        foreign = mock.NonCallableMock(spec=["sign"])  # as a key of `cryptography`
        self.refuse("private_key|lambda|PKCS1v15()|SHA256()", sign, "a", foreign)
        for message in (b"message", None, "\ud800"):
            self.refuse("message", sign, message, SIGNER)

    def test_a_key_shows_its_fingerprint_only_and_threads_share_it(self) -> None:
        shown = f"{SIGNER!r}{SIGNER}{[SIGNER]}"
        self.assertEqual(shown.count(f"2048 bits, public SHA-256 {FINGERPRINT}"), 3)
        self.assert_harmless(shown)
        keys = (SIGNER, OTHER, pickle.loads(pickle.dumps(SIGNER))) * 4
        with ThreadPoolExecutor() as pool:  # two keys are not mixed up
            found = list(pool.map(partial(sign, "a"), keys))
        self.assertEqual(found, [sign("a", key) for key in keys])


class Shifting(dict[str, object]):  # its names and its items come in two orders
    def __iter__(self) -> Iterator[str]:
        return reversed(list(super().__iter__()))


class TestRequest(Case):
    def test_credentials_are_exact_and_nothing_can_be_changed(self) -> None:
        for frozen in (CREDENTIALS, GET):
            with self.assertRaises(dataclasses.FrozenInstanceError):
                frozen.demo = frozen.url = ""  # type: ignore[misc, union-attr]
        shown = repr(Credentials("aZ09._-", "aZ345678" * 4, KEY, demo=True))
        self.assertEqual(shown, "Credentials(api_key='aZ09._-', demo=True)")
        for wrong in (
            "", " ", " bg1234key", "bg1234key\n", '"bg1234key"', "'bg1234key'", "<bg1234key>", TEXT, "[bg1234key]", "bg 1234key", "bg1234key,", "bg1234key;",
            "bg1234key\r\nX: y", "ключключ", "\uff41" * 9, "\u0661" * 9, "bg1234key\0", "x" * 129, "\ufeffbg1234key",
        ):  # fmt: skip
            found = self.refuse("api_key|quotes", Credentials, wrong, PASSPHRASE, KEY)
            other = self.refuse("passphrase|quotes", Credentials, "a", wrong, KEY)
            self.assertNotIn("1234", f"{found}{other}")
        for text in ("seven77", "x" * 33, "with_sign", "with.dot1", None, b"bytes123"):
            self.refuse("passphrase", Credentials, "a", text, KEY)
        for demo in ("false", 0, 1, None):
            self.refuse("demo|True or False", Credentials, "a", PASSPHRASE, KEY, demo)

    def test_the_environment(self) -> None:
        path = str(self.write("key.pem", TEXT))
        by_file = {**ENVIRON, PEM: "", FILE: path}
        falses = (None, "", "0", "false", "False")
        for text in (*falses, "1", "true", "TRUE"):
            wanted = dataclasses.replace(CREDENTIALS, demo=text not in falses)
            for environ in (by_file, {**ENVIRON, FILE: None}):
                self.assertEqual(Credentials.from_env({**environ, DEMO: text}), wanted)
        with mock.patch.dict(os.environ, by_file):
            self.assertEqual(Credentials.from_env(), CREDENTIALS)
        for name, value, words in (
            *((name, it, f"{API_KEY}|{PHRASE}") for it in (None, "") for name in (API_KEY, PHRASE)), *((PEM, it, f"{PEM}|{FILE}") for it in (None, "")),
            *((DEMO, it, f"{DEMO}|1 or true") for it in ("yes", "2", " 1")), (FILE, path, f"{PEM}|{FILE}|both"), (API_KEY, '"bg_key"', "api_key|quotes"),
        ):  # fmt: skip
            self.refuse(words, Credentials.from_env, {**ENVIRON, name: value})

    def test_known_answers_at_every_stage_demo_unsigned_and_the_clock(self) -> None:
        for it in VECTORS:
            method, path = it.method.upper(), it.target.partition("?")[0]
            body = it.prehash.partition(unquote(it.target))[2]
            headers = {
                "ACCESS-KEY": "bg_1", "ACCESS-SIGN": it.signature, "ACCESS-PASSPHRASE": PASSPHRASE, "ACCESS-TIMESTAMP": str(it.timestamp_ms),
                "Content-Type": "application/json", "locale": "en-US", "User-Agent": f"bitget_rsa/{bitget_rsa.__version__}",
            }  # fmt: skip
            url, sent = f"https://api.bitget.com{it.target}", body.encode() or None
            wanted = method, url, headers, sent, it.prehash
            credentials = Credentials("bg_1", PASSPHRASE, PRIVATE[it.key])
            options = {"params": it.params, "body": it.body, "credentials": credentials}
            found = make(it.method, path, timestamp_ms=it.timestamp_ms, **options)
            self.assertEqual(found, bitget_rsa.PreparedRequest(*wanted), it.why)
        credentials = dataclasses.replace(CREDENTIALS, demo=True)
        demo = make(credentials=credentials, timestamp_ms=5)
        self.assertEqual((demo.headers["paptrading"], demo.prehash), ("1", "5GET/a"))
        found = make(params={"b": None}, timestamp_ms=5, credentials=None)
        self.assertEqual(set(found.headers), {"Content-Type", "locale", "User-Agent"})
        self.assertEqual(found.url, "https://api.bitget.com/a")
        before, found = clock_ms(), make("POST", body=BUY)
        stamp = found.headers["ACCESS-TIMESTAMP"]
        self.assertTrue(stamp.isdigit() and before <= int(stamp) <= clock_ms(), stamp)
        self.assert_harmless(repr(found))
        self.assertNotIn(found.headers["ACCESS-SIGN"], repr(found))

    def test_values_are_written_exactly_and_mappings_read_once(self) -> None:
        long = "1234567890" * 5 + "." + "1234567890" * 5
        for value, query, body in (
            ("_a", "_a", '"_a"'), (True, "true", "true"), (False, "false", "false"), (-5, "-5", "-5"),
            (2**70, "1180591620717411303424", "1180591620717411303424"), (Word.B, "b", '"b"'), (Decimal("1E-8"), "0.00000001", '"0.00000001"'),
            (Decimal("0.10"), "0.10", '"0.10"'), (Decimal("12E3"), "12000", '"12000"'), (Decimal(long), long, f'"{long}"'), (signal.Signals.SIGINT, "2", "2"),
            ("é\u2028", "é\u2028", '"\\u00e9\\u2028"'),
        ):  # fmt: skip
            found = make("POST", params={"_k": value}, body={"_k": value})
            self.assertEqual(found.prehash[13:], f'POST/a?_k={query}{{"_k":{body}}}')
        for given, text in (
            ({}, "{}"), ([], "[]"), (("b", 1), '["b",1]'), (' {"a": 1}\r\n', ' {"a": 1}\r\n'), ("", ""),
            (types.MappingProxyType({"b": types.MappingProxyType({})}), '{"b":{}}'), (Word.B, "b"),
            ([True, None, [{"z": 1, "a": ""}]], '[true,null,[{"z":1,"a":""}]]'), ({Word.B: 1}, '{"b":1}'), (Shifting(b=1, a=2), '{"b":1,"a":2}'),
        ):  # fmt: skip
            found = make(Word.POST.value, params=Shifting(c=3, a=1, b=2), body=given)
            self.assertEqual(found.prehash[13:], f"POST/a?a=1&b=2&c=3{text}")
            self.assertEqual(found.body, text.encode() or None)

    def test_what_is_not_exact_is_refused_with_its_place_and_a_remedy(self) -> None:
        amount, decode, nest = "an amount|Decimal", "decode", "in a query|in a body"
        for value, words in (
            *((number, amount) for number in (0.1, 4e-08, 1.0, float("nan"), float("inf"), 1j)),
            *((Decimal(it), amount) for it in ("NaN", "sNaN", "-Infinity", "1E+999", "1E-999")), (object(), amount), (b"x", decode), (bytearray(b"x"), decode),
            ({1}, nest), (iter([]), nest), ("\ud800", "surrogate"),
        ):  # fmt: skip
            kind = "" if isinstance(value, str) else f"|{type(value).__name__}"
            for place, options in (
                ("body['size']", {"body": {"size": value}}), ("params['k']", {"params": {"k": value}}), ("body[1]['price']", {"body": [{}, {"price": value}]}),
            ):  # fmt: skip
                error = self.refuse(f"{place}|{words}{kind}", make, "POST", **options)
                self.assertNotIn("format(", str(error))  # it makes 0.000000 of 4e-08
        for nested in (["a"], ("a",), {"a": "b"}):
            self.refuse(f"params['k']|{nest}", make, params={"k": nested})

    def test_an_argument_of_another_kind_is_refused_by_its_name(self) -> None:
        endless: dict[str, Any] = {}
        endless["again"] = [endless]
        for words, name, wrongs in (
            ("body", "body", (5, 0.1, True, b"{}", {1}, object(), "\udc80", {"a": 10**200})),
            ("a name in body", "body", ({"x": {1: "y"}}, [{None: 1}], {"\ud800": 1})), ("body|nested too deeply", "body", (endless,)),
            ("timestamp_ms", "timestamp_ms", (1.5, "5")), ("params", "params", ([("a", "b")], "a=b", 5, {1: "b"}, {"\ud800": "a"}, {"a": 10**200})),
            ("method", "method", ("PUT", None, "GET\r\n")), ("credentials", "credentials", (5, ENVIRON)), ("path", "path", ("@evil.example/x", "/a?b=c", None)),
            ("base_url", "base_url", (
                "", "api.bitget.com", "https://", "http://api.bitget.com", "file:///etc", "https://h/", "file://localhost", "https://h/x", "https://h?x",
                "https://h#x", "https://u@h", f"https://u:{PASSPHRASE}@h", "https://h:", "https://h:-1", "https://h:8a", "https://h:123456", "https://h\n",
                "https://h ", " https://h", "https://ä.example", "https://h\\@evil.example", "http://localhost.evil.example", "http://0.0.0.0",
                "http://127.0.0.1.evil.example", "http://127.0.0.1@evil.example", "http://10.0.0.1", None, "http://127.0.0.09", "http://[::2]",
                "http://[::1].evil.example", "https://h:\u0661")),
        ):  # fmt: skip
            for wrong in wrongs:
                self.refuse(words, make, **{"method": "POST", name: wrong})
        body: Any
        for body in ({}, [], "{}", {"a": "b"}):
            self.refuse("body|GET|params", make, "get", body=body)
        for good in (
            "https://api.bitget.com", "https://h:8443", "https://localhost", "http://localhost:80",
            "http://localhost", "http://127.0.0.1:65535", "http://[::1]:8080",
        ):  # fmt: skip
            self.assertEqual(make(base_url=good).url, good + "/a")

    def test_bitgets_side_accepts_whatever_is_prepared(self) -> None:
        rng = random.Random(2024)
        signs = "aZ09 +%&=?#/\\$,:@!*'()~._-\"<>[]{}|^`\t\n\x7fäé龙虾😀\u2028"
        texts = ["".join(rng.choices(signs, k=rng.randrange(12))) for _ in range(200)]
        with StandIn(PUBLIC) as bitget:
            for _ in range(20):
                names = rng.sample(texts, 5)
                params = {name: rng.choice((*texts, 5, True, None)) for name in names}
                body = rng.choice((None, {}, {names[0]: [names[1], {names[2]: 1}]}))
                options = {"params": params, "body": body, "base_url": bitget.url}
                found = make("POST", PLACE, **options)
                send(found)
                self.assertEqual(bitget.judgement.rebuilt, found.prehash)


class TestErrors(Case):
    def error(self, status: Any, body: Any, *more: Any, kinds: Any = ANSWERED) -> Any:
        """Return the error of an answer; a word alone is its code."""
        if isinstance(body, str) and re.fullmatch('[0-9"]+', body):
            body = f'{{"code":{body},"msg":"m"}}'
        call = bitget_rsa.parse_response
        return self.refuse("", call, status, body, *more, kinds=kinds)

    def test_all_share_one_base_that_lends_no_default(self) -> None:
        base, key = bitget_rsa.BitgetError, bitget_rsa.KeyFormatError("a")
        for error in (key, self.error(400, "40009"), self.error(502, PAGE)):
            self.assertIsInstance(error, base)
            self.assertEqual(isinstance(error, ValueError), error is key)
            twin = pickle.loads(pickle.dumps(error))
            self.assertEqual((str(twin), vars(twin)), (str(error), vars(error)))
        self.assertFalse(hasattr(base, "outcome_unknown") or key.outcome_unknown)
        for kind, count in zip(ANSWERED, (5, 2)):  # all but the last
            self.refuse("outcome_unknown", kind, *"12345"[:count], kinds=TypeError)

    def test_an_order_may_exist_after_these_and_no_others(self) -> None:
        for statuses, bodies, is_open in (
            ((200, 400), OPEN, True), ((500, 502, 503, 504, 599), ("43011", *OPEN), True), ((200, 400), ("40009", "40008", "43011"), False),
            ((200, 400, 500, 503), ("429", "25004"), False), ((429,), ("429", "30007", *OPEN, PAGE, "error code: 1015"), False),
            ((200, 302, 403, 499, 500), (PAGE, "502", '"0"', '"000000"', ""), True),
        ):  # fmt: skip
            given = (GET, POST, None)  # None: a POST is assumed
            for status, body, it in itertools.product(statuses, bodies, given):
                error, wanted = self.error(status, body, it), is_open and it is not GET
                limited = status == 429 or body in ("429", "25004")
                words = [it in str(error) for it in ("clientOid", "order", "wait")]
                found = [error.outcome_unknown, *words]
                self.assertEqual(found, [wanted, wanted, wanted, limited], str(error))

    def test_each_known_code_says_what_to_do_and_40008_by_the_request(self) -> None:
        for codes, words in {
            "40008": "clock", "40012": "passphrase", "40009": "prehash|public key", "40018 40038": "IPv4", "40099": "demo",
            "40085": "/api/v3", "25245": "/api/v2", "429 25004": "not carried out|wait", "43011 40004": "",
        }.items():  # fmt: skip
            for code in codes.split():
                error = self.error(400, code, GET)
                self.assert_words(words, error.advice)
                self.assert_words(f"{code} m|400|{error.advice}", str(error))
                self.assertEqual(bool(error.advice), bool(words))
        error = self.error(400, '{"code":"40009","requestTime":1763800000000}', GET)
        self.assert_words("prehash", error.advice)  # and nothing of the clock
        body = '{"code":"40008","requestTime":1763800000000}'
        unsigned = make(credentials=None)
        for clock_s, signed_s, words in (
            (90, 90, "clock|+90.0 s"), (-31.5, -31.5, "clock|-31.5 s"), (-40, -45, "clock|-40.0 s"),
            (0.2, -40, "signed 40.0 s"),  # it waited, or had a wrong timestamp
        ):  # fmt: skip
            given = make(timestamp_ms=1763800000000 + int(signed_s * 1000))
            with mock.patch("time.time", return_value=1763800000 + clock_s):
                advice = self.error(400, body, given).advice
                self.assert_words(words, advice)
                self.assertEqual("clock" in advice, "clock" in words)
                guesses = [self.error(400, body, it).advice for it in (None, unsigned)]
                guesses.append(self.error(400, '{"code":"40008"}', given).advice)
            for guess in guesses:  # what is not known is not told
                self.assertTrue("clock" in guess and "+0.0 s" not in guess, guess)

    def test_the_code_of_an_answer_decides_and_not_its_status(self) -> None:
        data: Any
        batch = {"successList": [], "failureList": [{"errorCode": "43011"}]}
        for status, data in itertools.product((200, 400, 500), (batch, None, [], "龙")):
            text = json.dumps({"code": "00000", "data": data})
            for answer in (text, text.encode(), text.encode("utf-8-sig")):
                self.assertEqual(bitget_rsa.parse_response(status, answer), data)
        refused, other = ANSWERED
        for body, *wanted in (
            ('{"code":"40009","msg":"m","requestTime":5}', "40009", "m", 5), ('{"code":40009,"message":"m","requestTime":"5"}', "40009", "m", 5),
            ('{"code":"43011","msg":null,"message":"m","data":{}}', "43011", "m", None), ('{"code":429,"msg":{},"requestTime":"soon"}', "429", "", None),
            ('{"code":"43011","requestTime":-5}', "43011", "", None),
        ):  # fmt: skip
            error = self.error(200, body, kinds=refused)
            self.assertEqual([error.code, error.message, error.request_time_ms], wanted)
        for msg in ("\x1b[2J\u202e\r\nok", "x" * 9999):  # refuse() looks at the text
            self.error(200, json.dumps({"code": "43011", "msg": msg}), kinds=refused)
        for page in (
            b"", b"null", b"[]", b'"00000"', b"{}", b'{"data":{}}', b'{"code":null}', b"\xff\xfe", "\ufeff{}", b'{"code":["00000"]}', b'{"code":"00000"',
            b"\x00", b'{"code":502}', b'{"code":"0"}', b"1" * 9999, b'{"code":true}', b"[" * 200_000, '{"code":"\u0661\u0661\u0661\u0661\u0661"}',
        ):  # fmt: skip
            error = self.error(418, page, kinds=other)
            self.assert_words("HTTP 418|not from Bitget", str(error))
        for wrong in ((200, None), (200, 5), (None, b"x"), ("200", b"x")):
            self.error(*wrong, kinds=ValueError)


class RawServer(StandIn):  # it keeps each request, and answers bytes or by a script
    def __init__(self, answer: Any, tls: Any = None) -> None:
        super().__init__(PUBLIC)
        self.answer, self.tls, self.port = answer, tls, self.server_address[1]
        self.received: list[bytes] = []

    def finish_request(self, request: Any, _: Any) -> None:
        request.settimeout(5)
        if self.tls:
            request = self.tls.wrap_socket(request, server_side=True)
        with request:
            self.received.append(read_http(request))
            if callable(self.answer):
                self.answer(request, self.received[-1])
            else:
                request.sendall(self.answer)


def read_http(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as reader:
        head = b"".join(itertools.takewhile(re.compile(rb"\S").search, reader))
        length = re.search(rb"(?i)content-length: (\d+)", head)
        return head + b"\r\n" + reader.read(int(length[1]) if length else 0)


def flood(head: bytes, piece: bytes, pieces: int = 64, pause_s: float = 0) -> Any:
    def script(connection: socket.socket, _: bytes) -> None:
        connection.sendall(head)
        for _number in range(pieces):
            time.sleep(pause_s)
            connection.sendall(piece)
        FLOODED.append(head)

    return script


def order(url: str, method: str = "POST", timeout_s: float = 5) -> Any:
    body = BUY if method == "POST" else None
    return send(make(method, PLACE, body=body, base_url=url), timeout_s=timeout_s)


class TestSend(Case):
    def test_a_request_arrives_as_prepared_and_answers_in_every_framing(self) -> None:
        with RawServer(FINE) as server:
            for method, body in (("POST", BUY), ("POST", None), ("GET", None)):
                url, query = server.url, {"b": "龙 #+"}
                found = make(method, PLACE, params=query, body=body, base_url=url)
                self.assertEqual(send(found), {"a": "b"})
                head, _, arrived = server.received.pop().partition(b"\r\n\r\n")
                first, *lines = head.decode().split("\r\n")
                target = f"{PLACE}?b=%E9%BE%99%20%23%2B"
                self.assertEqual(first, f"{method} {target} HTTP/1.1")
                wanted = {"Host": f"127.0.0.1:{server.port}", **found.headers}
                fields = {f"{name}: {value}".lower() for name, value in wanted.items()}
                self.assertLessEqual(fields, {line.lower() for line in lines})
                self.assertEqual(arrived, found.body or b"")
            self.assertEqual(server.received, [])
        with StandIn(PUBLIC) as bitget:
            answer = bitget_rsa.request(
                "post", PLACE, credentials=CREDENTIALS, params={"b": "c d"}, body=BUY, timestamp_ms=(now := clock_ms() - 5), base_url=bitget.url, timeout_s=9,
            )  # fmt: skip
            self.assertEqual(answer["clientOid"], "_a-1")
            self.assertIn(f"{now}POST{PLACE}?b=c d{{", bitget.judgement.rebuilt)
        for answer in (
            PLAIN + OK, PLAIN.replace(b"1.1", b"1.0") + OK, FINE.replace(b"200 OK", b"502 Bad"), b"HTTP/1.1 100 Continue\r\n\r\n" + FINE, PLAIN + OK + b" " * 9**7,
            CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(OK), OK), CHUNKED + b"".join(b"1\r\n%c\r\n" % octet for octet in OK) + b"0\r\n\r\n",
        ):  # fmt: skip
            with RawServer(answer) as server:
                self.assertEqual(order(server.url), {"a": "b"}, answer[:60])

    def test_what_is_no_answer_is_told_and_not_sent_again(self) -> None:
        page, spaces = b"HTTP/1.1 403 F\r\n\r\n" + PAGE.encode(), b" " * (1 << 20)
        for answer, words in (
            (b"", "no answer"), (b"HTTP/1.1 20", "no answer"), (page, "HTTP 403|<html>"), (LENGTH % 99 + OK[:-1], "HTTP 200"),
            (CHUNKED + b"99\r\n" + OK[:-1], "HTTP 200"), (CHUNKED + b"x\r\n" + OK, "HTTP 200"), (b"\x16\x03\x01\x1b[2J\r\n" * 9, "no answer"),
            (b"HTTP/1.1 204 No Content\r\n\r\n", "HTTP 204"), (LENGTH % 0, "HTTP 200"),
            (b"HTTP/1.1 502 B\r\n\r\nBad gateway", "HTTP 502|Bad gateway|not from Bitget"), (flood(PLAIN[:-2] + b"A: ", spaces), "no answer"),
            (flood(PLAIN[:-2], b"A: a\r\n" * 199999), "no answer"), (flood(PLAIN, spaces), "33554432"), (flood(LENGTH % (1 << 40), spaces), "33554432"),
            (flood(CHUNKED + b"ffffffff\r\n", spaces), "33554432"), (flood(CHUNKED + b"-1\r\n", spaces), ""),
        ):  # fmt: skip
            with RawServer(answer) as server:
                self.refuse_order(words, server.url)
                self.assertEqual(len(server.received), 1)
        self.assertEqual(FLOODED, [])  # never more than 32 MiB
        slow = (PLAIN, b" "), (LENGTH % 9999, b" "), (CHUNKED, b"1\r\n \r\n")
        floods = [flood(*it, 20, 0.05) for it in slow]
        for script in (lambda *_: time.sleep(0.5), *floods):
            with RawServer(script) as server:
                start = time.monotonic()
                self.refuse_order("timed out", server.url, "POST", 0.15)
                self.assertLess(time.monotonic() - start, 0.45)

    def test_secrets_that_a_gateway_echoes_are_masked(self) -> None:
        def echo(connection: socket.socket, received: bytes) -> None:
            echoed[:] = re.findall(rb"(?i)access-[ps]\w+: (\S+)", received)
            connection.sendall(answer % (start + b" ".join(sorted(echoed))))

        echoed: list[bytes] = []
        code = b'HTTP/1.1 400 F\r\n\r\n{"code":"40009","msg":"%s"}'
        answers = (b"HTTP/1.1 403 F\r\n\r\n%s", b"%s\r\n", code)
        starts = (b"", b"x" * 185)  # it is masked first, and then cut
        for answer, start in itertools.product(answers, starts):  # noqa: B007
            with RawServer(echo) as server:
                words = "x" if start else "***"
                error = self.refuse(words, order, server.url, kinds=ANSWERED)
            for secret in echoed:
                self.assertNotIn(secret[:9].decode(), repr(error) + str(error))

    def test_no_redirect_moves_a_byte_to_another_server(self) -> None:
        with RawServer(b"") as other:
            for status in (300, 301, 302, 303, 304, 305, 307, 308):
                head = f"HTTP/1.1 {status} X\r\nLocation: {other.url}/\r\n\r\n".encode()
                with RawServer(head) as server:
                    for method in ("GET", "POST"):
                        self.refuse_order(f"HTTP {status}|redirect", server.url, method)
                    self.assertEqual(len(server.received), 2)
        self.assertEqual(other.received, [])

    def test_nothing_is_sent_where_there_is_no_connection(self) -> None:
        closed = RawServer(b"")
        closed.server_close()
        silent, plain = RawServer(lambda *_: time.sleep(0.2)), RawServer(PLAIN)
        with plain, silent:
            urls = [it.url.replace("p", "ps") for it in (closed, plain, silent)]
            others = ("https://name.invalid", "https://h:99999", "https://a..b")
            for url in (*urls, *others, closed.url):
                words = f"no connection to {url.split(':')[1][2:]}|nothing was sent"
                self.refuse_order(words, url, "POST", 0.15, sent=False)
        self.assert_harmless(repr(plain.received + silent.received))

    def test_what_prepare_did_not_make_is_refused_before_a_byte_is_sent(self) -> None:
        with RawServer(FINE) as server:
            good = make("POST", base_url=server.url)
            for name, wrongs in {
                "url": ("file:///etc/passwd", "http://api.bitget.com/a", "https://h@evil.example/a", "", None, "https://u:p@evil.example/a", "//evil.example/a", "ftp://localhost/a", "https://h", "https://h.evil.example\\/a", f"{server.url}/a b", f"{server.url}/a\r\nX: y", f"{server.url}/a\nX:y"),
                "headers": [{**good.headers, name: value} for name, value in (("X", "y\r\nZ: z"), ("X\r\nZ", "z"), ("X", "y\n"), ("X", "é"), ("X", "\0"), ("X", "y\nZ:z"), ("", "y"), (":X", "y"), (" X", "y"), ("X: y", "z"))],
                "method": ("PO\r\nST", "P OST", "PUT", None), "body": ("text", 5, {"a": "b"}),
            }.items():  # fmt: skip
                for wrong in wrongs:
                    changes: dict[str, Any] = {name: wrong}
                    self.refuse("", send, dataclasses.replace(good, **changes))
            for timeout_s in (0, -1, None, "10", float("nan"), float("inf"), 3601):
                self.refuse("timeout_s", send, good, timeout_s=timeout_s)
            self.assertEqual(server.received, [])


def pem(octets: bytes | str, label: str) -> str:
    octets = octets if isinstance(octets, bytes) else base64.b64decode(octets)
    return rsa.pem.save_pem(octets, label).decode()


class TestTls(Case):
    def setUp(self) -> None:
        super().setUp()
        trusted = self.write("certificate.pem", pem(CERTIFICATE, "CERTIFICATE"))
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(trusted, self.write("key", pem(EC, "PRIVATE KEY")))
        os.environ["SSL_CERT_FILE"] = str(trusted)
        self.refuse_tls = partial(self.refuse_order, sent=False)

    def test_only_a_trusted_certificate_of_the_right_name_is_accepted(self) -> None:
        lax = mock.Mock(side_effect=ssl._create_unverified_context)
        with mock.patch.object(ssl, "_create_default_https_context", lax):
            with RawServer(FINE, self.tls) as server:
                self.assertEqual(order(f"https://localhost:{server.port}"), {"a": "b"})
                self.assertIn(PASSPHRASE.encode(), server.received.pop())
                words = "CERTIFICATE_VERIFY_FAILED|nothing was sent|SSL_CERT_FILE"
                self.refuse_tls(words, f"https://127.0.0.1:{server.port}")
                os.environ["SSL_CERT_FILE"] = os.devnull
                self.refuse_tls(words, f"https://localhost:{server.port}")
                self.assertEqual(server.received, [])
        os.environ["SSLKEYLOGFILE"] = "missing/log"
        self.refuse_tls("nothing was sent", TLS_URL)

    def test_https_goes_through_a_proxy_inside_tls_which_learns_nothing(self) -> None:
        def proxy(connection: socket.socket, _: bytes) -> None:
            connection.sendall(PLAIN)
            with self.tls.wrap_socket(connection, server_side=True) as host:
                inside.append(read_http(host).lower())
                host.sendall(FINE)

        inside: list[bytes] = []
        login = base64.b64encode(b"us er:p@ss").decode()
        with RawServer(proxy) as server:
            users = {"http://": [], "": [], "http://us%20er:p%40ss@": [login]}
            for user, logins in users.items():
                os.environ["https_proxy"] = f"{user}127.0.0.1:{server.port}"
                self.assertEqual(order(TLS_URL), {"a": "b"})
                head = server.received.pop().decode()
                self.assertRegex(head, r"\ACONNECT localhost:7 HTTP/1")
                found = re.findall("(?i)authorization: Basic (.+)\r", head)
                self.assertEqual(found, logins)
                self.assertNotIn("ACCESS-", head.upper())
                self.assertIn(PASSPHRASE.encode(), inside[-1])
                self.assertIn(b"\r\nhost: localhost:7\r\n", inside[-1])
                self.assertNotIn(b"proxy-auth", inside[-1])
            os.environ["no_proxy"] = "localhost"
            self.refuse_tls("nothing was sent", TLS_URL)
            os.environ |= {"no_proxy": "", "http_proxy": server.url}
            with RawServer(FINE) as plain:  # http on loopback never meets a proxy
                self.assertEqual(order(plain.url), {"a": "b"})
            self.assertEqual(server.received, [])
        for answer in (b"HTTP/1.1 407 Login\r\n\r\n", b""):
            with RawServer(answer) as server:
                os.environ["https_proxy"] = server.url
                self.refuse_tls("no connection" + "|407" * bool(answer), TLS_URL)
                self.assert_harmless(repr(server.received))
        for wrong in (
            f"http://bob:{PASSPHRASE}#3@127.0.0.1", f"http://bob:{PASSPHRASE}/3@127.0.0.1:1", f"https://bob:{PASSPHRASE}@127.0.0.1:1",
            f"socks5://bob:{PASSPHRASE}@127.0.0.1:1", "http://h:8a", "http://127.0.0.1:99999", "http://a..b:1", "http://[::1:7", "http://",
        ):  # fmt: skip
            os.environ["https_proxy"] = wrong
            self.refuse_tls("", TLS_URL)


# What cannot sign for Bitget: its label, the words of the refusal, its base64 and the
# command that made it; "genpkey" stands in those with a * only.
FOREIGN = (
    ("ENCRYPTED PRIVATE KEY", "encrypted|openssl pkey -in FILE", "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAincUMdtuCIfwICCAAwDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEAUMjhyXy2GJ7pbXFO8bilQEQBcmBUFEVK1eMYsYux7DrKlVThBvg78nU1ZhTX7eStMHbqsf1L0z7ngapwnfoEELBlcAxSa6VwtlkxKyRJCkt9I="),  # openssl genpkey -algorithm ED25519 | openssl pkcs8 -topk8 -passout pass:x
    ("RSA PUBLIC KEY", "public|private key that belongs to it", "MEgCQQDBhcGjCR75ID7qEVCl5U+LUX0AhPe+cfXDzqaPznkol4RfEwnvM5ofE8RKrDchJ/nb/34wmgxhPEQBAnzLcE9PAgMBAAE="),  # openssl genrsa 512 | openssl rsa -RSAPublicKey_out
    ("PRIVATE KEY", "*for EC;|make an RSA key", EC),
    ("EC PRIVATE KEY", "*EC|make an RSA key", "MHQCAQEEIO74V0Iw+fE9PjjqTxujnlidqxqpapctYOSmKQZEWzPSoAcGBSuBBAAKoUQDQgAEQg7Gaql50lQqt+eJ823npO35SIcV6YZXWHhzABIQkpjSTGVegMKW8vrHxwzXTdUxExdbzzGDrGYtYRvzOkCghg=="),  # openssl ecparam -genkey -name secp256k1 -noout
    ("PRIVATE KEY", "*for Ed25519;|make an RSA key", "MC4CAQAwBQYDK2VwBCIEIJ5SGHOLS9JO7YAByeL1ydlnbg6ljJ8NkVM9538LFQFX"),  # openssl genpkey -algorithm ED25519
    ("PRIVATE KEY", "*for RSA-PSS;|make an RSA key", "MIIBUQIBADALBgkqhkiG9w0BAQoEggE9MIIBOQIBAAJBALX6z0JmJLiVP63HBf4RV9qqL1ZoUFSU0gt+W8GUP+r3fsO9N9CEr7g85yWjizOXij6fXJD4rqVInD2OU4g34LUCAwEAAQJABCr7ZjzqqGOassM1Ku2AwpxVOzhmZpmF+gdp2JQpppr8nx1wukrGrX/ZxTHZOFyD6SFd2vsO9Z9q9SBScldAfQIhAOX6VqCnGAur3gBFk8bcanN9BR9YKzODq4UQmikTOfM7AiEAypIhixkiy+kljNDG3r2Nk1IDeQbYaBVwpdXskFWpXM8CIF5E752K4OBn4uhZnOm3ECum46KlkY/cOUKiO476wpZhAiAwW5QwXY7F+OFi7VAcSknq2lBD6xNsPXoHzLrNdfWZVwIgGDlhdIOFAA8oTwMeCTFKt9pfouIQEVctAZc1uuOQf8U="),  # openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:512
    ("PRIVATE KEY", "*for DSA;|make an RSA key", "MIIBWgIBADCCATMGByqGSM44BAEwggEmAoGBALFTucrJabLfrAtv8sGpYO0m0SOkv8IQUra55bCHZrpcjA6Iw9nPwp+3m7g2lH3WFqb/PiMz9O6ZkmZRTqRLv2SYWlDtAbha+6Ne++FBX8iqQ6L7wOU3GkMw5+uCTLzUpusWqAQ4QkPz9XJBIO0Ilfh/Pp9iEv6vtE1epbT+/jo/Ah0Aq6KPEfAXb2giV80V4/DruRDbpeaU/0pdRxoqYwKBgGGsXjhK0rDip/Z2eLPtFQ3jPE334MZGh181CSJY8EQ8vxdNzFK/o5WihJlZRZpkAn6coEWgslQFcSs9JsywXt1Et6OkCpSEQxwLRgAKAFCIvApr+tbHL5Zq90WLxljjzyQ3pD+h1XXzrlXo07HAHe7iUjeZKWOK/RTOv+6yPSrmBB4CHEwPgYSH8RqBdTW4yl2Udl6QfxGLiVDedyU3YTM="),  # openssl dsaparam -noout -genkey 1024 | openssl pkcs8 -topk8 -nocrypt
    ("DSA PRIVATE KEY", "*DSA|make an RSA key", "MIIBzAIBAAKBgQCzRpGDR7Ygnf9GrlZdWyb6Sn/O9xa4p3Je6AVyBFFSPaSsakhzxnJs5io5ixvD3yIPqe1CJvRqiBLYRIg+cr34f8K9lFZnz+THMRGX50F3sX9Qecj6ZLk73w4zsSx2hh9Ih3W96mcI8pKMW1OztnDsA6LOVXfkNYHytMSSfSaP9QIdAPz6QtCrruUa6NcJltWDW1PQAvMkceCwqOz1sFECgYBxsf4J+0ZZZ9zU1fbRPDAHmi2zwH42i91y8DYdl2m2mRf7/k2ugMmd4y5XbXkvvbqrwlmRcWDObhbpkqdpjRQsEmCSFUEba+98DsXCF+ZG2AnurEmfiDcvhgEV0pGAcs6K2gisiLc+WsV+EB0mi1q8sH/05VSQZDrtqsmJisRQswKBgQCIle1IFquOPU3jDH/XHrt3Xp9nsbn7WZH59I7QtCGUsAPBdHcCnEO9XMKHiMHFDxph//5/Td+vbnrXHXyzCfVVfHYEE4ZI4TGQQGEneYtomzSCWK4hlctp1560CIkfBkhWy3KBjD849qKa5+HJbq2Lujbbs+gY6nij6kTMVuXi1wIdAOskGUTJ4+87hd2plbOzrZVH4M+0xTeL2NcRltg="),  # openssl dsaparam -noout -genkey 1024 | openssl dsa
    ("RSA PRIVATE KEY", "*two primes|make an RSA key", "MIICfgIBAQKBgQDPHmn2uTWCbkDqysxGaaZ97wezZl5xTVpsA4ywkbPM2O1YaW2zBqtnl4BZHr0y54IrePsnC7/4qFTyNfQ+z2o4bWq0b6He5sODD6ggowkX1TXjHpZwMGY6BiT6gJOKeS+WsXxOSNV6g3M8KP3mv9nvSa3tq5v/qVmkg4WzLK9BUwIDAQABAoGBAIu5hNrBD2wyXPEIZs6Jr5v9iUBpqwTcnkeIDX2Ajb+ACH5AgZToxvFXr17HEn62WxIn2PL9l3R5s7ljnSqzmmzHKjhUsMSyMlBpn1E/5A7OonDE+j79Wy2agO49uwQbbCPzypQla7buocn2E2yquixvHPlJsSBntGZHHEXfsAWhAis574XWEMK8nPjP0Bu5ImkamVoIUZh5pPq9LcU834mxpGQtXsYHZZ3ZRy/PAisc2R7gU613eS2LqtVllY8K5EmmWop5FrZZYXz7r4t0sMkU8XfLY3sPisgXAissjiFuZItvBIVxRIndkjIki6Uq2p2Zh6Bxlt6mFv/NBzEnl0hSbfq8G7wPAisG4oas8SuQPPpyv+XIJcaKyesN6cPsnFAOyuaCRuYYhmynM+3sO6TOE8gnAisZWLW0pznnWXy/G/faj7vRrwilpNiW9uMRx2qHHy1TQUuwI9k8YCwniyLkMIGKMIGHAisfuX8TaE3ImmMOKuJIkmnS0kFGtKKPF0al1qjJ0tFBj9GBB+Ia7b2jMP/LAisNIIZyk2BMN4XxYNFNUjgzogicpzX0m58CFDa3fGJWDJqWF5r5pZIoqqfNAisMuQw1NJpSgiLZ6yCTcyCsgVw8tTfU1Tsl49xRNax8/Mk1EjGwRUU5zOO+"),  # openssl genrsa -traditional -primes 3 1024
    ("OPENSSH PRIVATE KEY", "*OpenSSH|ssh-keygen -p", "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQAAACAjg8mQiOBE/SDCXn9LSgCRHvEVhmIxI7C6SA6+07Z32gAAAIi3BEPVtwRD1QAAAAtzc2gtZWQyNTUxOQAAACAjg8mQiOBE/SDCXn9LSgCRHvEVhmIxI7C6SA6+07Z32gAAAEC3xNS1lVI6RALau3Q3da54Ivfy5+QF075ZHt4X5p7JyyODyZCI4ET9IMJef0tKAJEe8RWGYjEjsLpIDr7TtnfaAAAAAAECAwQF"),  # ssh-keygen -t ed25519 -N ''
)  # fmt: skip
# openssl pkcs12 -export -nokeys -in certificate.pem -passout pass:x | openssl base64 -A
PKCS12 = "MIICVwIBAzCCAg0GCSqGSIb3DQEHAaCCAf4EggH6MIIB9jCCAfIGCSqGSIb3DQEHBqCCAeMwggHfAgEAMIIB2AYJKoZIhvcNAQcBMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAipzrTNWDATDQICCAAwDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEC0v3pkahoatEycxfKZzwg2AggFwG6TOdd4rwESsaxa+0yZgaQ+fm1Xd2e3Qm7IfqKU+gogTZkbDhu87dLa8Q8iMhfHLviJ7U1JYpxzMCQ2ro5DFUFxjJZt22ZgN11sxASl9WmLFM74p0ogoT5ftWvELSgcKGJf7r2O0y1HkKDrojubY3CaBs1ApuFM+gHOzx7EVtIjA4E3E6Y5hguDLOJn4ZaWxPQUtbJ00ouOpkDWS5FjcXRX6Ne3FBILC85cD+qEWTklVdelAKMIqrcgL4/ou/zw0eaIPdW2EurUBa7fEdwpGVwQN7/zl69zEVFsLP9HauceU2TOHCw7a06UJfY9kzKFip3Ggqxy70BI5XljbO2Z25DYtb9KjWIVYvK4kPXVu4bYzsvdaPClElxVWOYgZLzwPGYqFme1UoHZSFnO1qMcoZxSQHwspbUAJLgN9dUxZUc46FTndZvMdyNZaZHODvsW9zpSTgnE6bOoh6Ohi055lCj/ZmNgOzTBbaQjcPpR9KekwQTAxMA0GCWCGSAFlAwQCAQUABCDSQ3H1sg4mAzd88EoYeM3CKGDYhJVNP575Q6wUJkq8tAQI4HXdXyTuh48CAggA"
PKCS1, BARE = PKCS8[26:], base64.b64encode(PKCS8).decode()
OLD, WHOLE = pem(PKCS1, "RSA PRIVATE KEY"), base64.b64encode(TEXT.encode()).decode()
# An SPKI puts 24 bytes before the PKCS#1 of a public key of 2048 bits.
SPKI = bytes.fromhex("30820122300d06092a864886f70d01010105000382010f00")
PUBLIC_PEM = pem(SPKI + PUBLIC.save_pkcs1("DER"), "PUBLIC KEY")
CUT = "-----BEGIN PRIVATE KEY-----"
JWK = json.dumps({"kty": "RSA", "n": BARE[50:392], "d": BARE[400:742], "p": BARE[800:]})
PUTTY = f"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nPrivate-Lines: 14\n{BARE}\n"
# What copying, shells, mail and secret stores make of a key.
SHAPES: tuple[str | bytes, ...] = (
    TEXT, OLD, pem(PKCS1, "PRIVATE KEY"), pem(PKCS8, "RSA PRIVATE KEY"), pem(PKCS8, "CERTIFICATE"), TEXT.replace("\n", "\r\n"), TEXT.replace("\n", "\r"),
    TEXT.rstrip(), "\ufeff" + TEXT, b"\xff\xfe" + TEXT.encode("utf-16-le"), b"\xfe\xff" + TEXT.encode("utf-16-be"),
    f"Bag Attributes\n id: 1\n{TEXT}-- \nBob's key\n", f"密钥\n{TEXT}完", b"\xfc\n" + TEXT.encode(), PUBLIC_PEM + TEXT, TEXT + pem(CERTIFICATE, "CERTIFICATE"),
    json.dumps({"a": 1, "key": TEXT}), TEXT.replace("\n", "\n \t  "), TEXT.replace("\n", "\n\xa0\xa0"), TEXT.replace("\n", "\u3000\n\u200b"),
    "> " + TEXT.replace("\n", "\n> "), re.sub("(?m)^(.+)$", r'"\1"', TEXT), TEXT.replace("\n", " "), TEXT.replace("\n", ""), TEXT.replace("\n", "\\n"),
    f"'{TEXT}'".replace("\n", "\\\\n"), f'"{TEXT}"'.replace("\n", "\\r\\n"), BARE, base64.b64encode(PKCS1), TEXT.split("-----")[2], f"'{BARE}'\n",
    "\ufeff" + BARE, BARE.rstrip("="), WHOLE, base64.encodebytes(OLD.encode()), base64.b64encode(OLD.encode()).rstrip(b"="),
    base64.b64encode(TEXT.encode("utf-16")), PKCS8, PKCS1,
)  # fmt: skip
# Other texts, and the words of the refusal.
OTHERS: tuple[tuple[str, tuple[str | bytes, ...]], ...] = (
    ("empty", ("", b" \n\t")), ("*HMAC|make an RSA key", (hashlib.sha256(b"").hexdigest(),)),
    ("name of a file|pathlib.Path", ("private.pem", "/home/me/My keys/a.pem", "C:\\new\\a.pem")),
    ("public|the private key that belongs to it", (pem(CERTIFICATE, "CERTIFICATE"), PUBLIC_PEM)),
    ("public key", ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQDs a@b", "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTI")),
    ("copy all of its file|\\n|one line", (CUT, CUT + "\\n")),  # of an environment file
    ("damaged|copy", (TEXT[1:], TEXT.replace("-----B", "--B"), TEXT.replace(" KEY-----", " KEY---"))),
    ("copy", (TEXT.replace("-----", "\u2014"), TEXT[:900], TEXT[:900] + KEYS["rfc7520"], TEXT[:900] + "-----END",
              TEXT[900:], BARE[:900], PKCS8[:-3], pem(PKCS8[:-3], "PRIVATE KEY"), PKCS8[:26] + PKCS1[:-3], "x" * 2000)),
    ("do not fit|copy", (PKCS8 + b"\n", PKCS1 + b"\0")), ("65536 bytes", ("M" * 65537, b"M" * 65537)),
    ("PKCS#8|another file", (PUTTY, JWK, PKCS12, base64.b64decode(PKCS12))),
    ("encrypted|openssl pkey -in", (OLD.replace("MII", "Proc-Type: 4,ENCRYPTED\n\nMII", 1),)),
)  # fmt: skip


def der(*parts: Any) -> bytes:
    """Write a SEQUENCE of numbers, octet strings and other parts."""
    kinds, sequence = {int: univ.Integer, bytes: univ.OctetString}, univ.SequenceOf()
    sequence.extend([kinds.get(type(part), univ.Any)(part) for part in parts])
    return bytes(encoder.encode(sequence))


wrap = partial(der, 0, univ.Any(PKCS8[7:22]))  # PKCS#8


class TestKeys(Case):
    def ways(self, source: str | bytes) -> list[Any]:
        octets = source.encode() if isinstance(source, str) else source
        given: list[Any] = [octets, self.write("key.txt", octets)]
        with contextlib.suppress(UnicodeDecodeError):
            given.append(octets.decode())
        return given

    def refuse_key(self, words: str, source: str | bytes) -> None:
        plain, said = words.strip("*"), set()
        for given in self.ways(source):
            said.add(str(self.refuse(plain, load_private_key, given, kinds=BAD_KEY)))
        self.assertEqual(len(said), 1, source[:60])  # one text, one answer
        self.assertEqual("genpkey" in said.pop(), words.startswith("*"), source[:60])

    def test_every_shape_gives_the_same_key_wherever_it_stands(self) -> None:
        for source in SHAPES:
            for given in self.ways(source):
                self.assertEqual(load_private_key(given), KEY, given)
        environ = {**ENVIRON, PEM: WHOLE.replace("=", "")}  # as a CI keeps it
        self.assertEqual(Credentials.from_env(environ).private_key, KEY)

    def test_anything_else_is_named_with_a_remedy_that_fits(self) -> None:
        for label, words, encoded in FOREIGN:
            self.refuse_key(words, PUBLIC_PEM + pem(encoded, label))
            if label == "PRIVATE KEY":  # what is inside says it, whatever the label
                self.refuse_key(words, base64.b64decode(encoded))
                self.refuse_key(words, encoded)
                self.refuse_key(words, pem(encoded, "RSA PRIVATE KEY"))
        for words, sources in OTHERS:
            for source in sources:
                self.refuse_key(words, source)
        for wrong in (None, 7, bytearray(PKCS8), [TEXT]):
            self.refuse("str, bytes or pathlib.Path", load_private_key, wrong)

    def test_numbers_that_do_not_belong_together_are_refused(self) -> None:
        names = ("n", "e", "d", "p", "q", "exp1", "exp2", "coef")
        good, other = ([0, *(getattr(it, n) for n in names)] for it in (KEY, OTHER))
        self.assertEqual((der(*good), wrap(PKCS1)), (PKCS1, PKCS8))
        above = KEY.d + (KEY.p - 1) * (KEY.q - 1)  # as good a d, but greater than n
        one, two = KEY.d + KEY.q - 1, KEY.d + KEY.p - 1  # right by one prime only
        for change in (
            {3: one, 6: one % (KEY.p - 1)}, {3: two, 7: two % (KEY.q - 1)},
            *({at: good[at] + 2} for at in range(9)), *({at: other[at]} for at in (1, 3, 4, 5, 8)), *({at: number} for at in range(1, 9) for number in (0, 1)),
            {3: above}, {2: 1, 3: 1}, {2: 1, 3: 1, 6: 1, 7: 1}, {4: KEY.n, 5: 1}, {4: 1, 5: KEY.n}, {4: KEY.q, 5: KEY.p}, {1: 1 << 2047, 4: 2, 5: 1 << 2046},
        ):  # fmt: skip
            inner = der(*(change.get(at, it) for at, it in enumerate(good)))
            for source in (inner, wrap(inner)):
                self.refuse("", load_private_key, source, kinds=BAD_KEY)
        for bits in (512, 1024, 2047, 2048, 16384, 16385):
            words = "fit" if 2048 <= bits <= 16384 else f"{bits} bits|make an RSA key"
            inner = der(0, (1 << (bits - 1)) + 1, 65537, *[3] * 6)
            self.refuse(words, load_private_key, inner)
        self.refuse("two primes", load_private_key, der(1, *good[1:]))
        rest = (KEY.q, KEY.p, KEY.exp2, KEY.exp1, pow(KEY.p, -1, KEY.q))
        swapped = load_private_key(der(*good[:4], *rest))
        self.assertEqual(sign("a", swapped), sign("a", SIGNER))

    def test_spoilt_and_hostile_keys_end_in_the_one_error(self) -> None:
        rng = random.Random(20220101)
        for good in [TEXT.encode(), OLD.encode(), PKCS8, PKCS1] * 40:
            spoilt = bytearray(good)
            for at in rng.choices(range(rng.choice((40, len(good)))), k=2):
                spoilt[at] = rng.choice((*b"AXbz19+/=-\n !", rng.randrange(256)))
            with contextlib.suppress(BAD_KEY):  # else nothing has changed
                self.assertEqual(load_private_key(bytes(spoilt)), KEY, spoilt)
        deep = b"".join(b"\x30\x84" + n.to_bytes(4, "big") for n in range(45000, 6, -6))
        nested, oid = PKCS1, b"0\x82\xff\xff" + b"\x06\x82\xff\xf0" + b"\xff" * 45000
        for _ in range(1000):
            nested = wrap(nested)
        start = time.monotonic()
        for octets in (b"\x30\x80" * 9000 + b"\x02", deep, nested, b"0\x82", oid):
            for source in (octets, pem(octets, "PRIVATE KEY")):
                self.refuse("", load_private_key, source, kinds=BAD_KEY)
        self.assertLess(time.monotonic() - start, 4)

    def test_a_key_in_the_place_of_a_path_is_not_repeated(self) -> None:
        short = '{"kty":"OKP","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}'
        others = (pem(encoded, label) for label, _, encoded in FOREIGN)
        texts = (it for it in SHAPES if isinstance(it, str))
        kinds = (BAD_KEY, OSError)
        for text in (*texts, *others, JWK, PUTTY, CUT, TEXT[1:], short, TEXT[700:900]):
            pieces = {text[at : at + 20] for at in range(0, len(text) - 19, 4)}
            error = self.refuse("", load_private_key, Path(text), kinds=kinds)
            shown = f"{error!r}{error}{getattr(error, 'filename', '')}"
            self.assertFalse([it for it in pieces - {CUT[:20]} if it in shown])

    def test_a_file_that_others_can_read_or_write_brings_a_warning(self) -> None:
        for path in (Path("missing").absolute(), Path().absolute()):
            self.refuse(path.name, load_private_key, path, kinds=OSError)
        zeros = self.write("zeros", b"0" * 10_000_000)
        tracemalloc.start()
        self.refuse("65536 bytes", load_private_key, zeros)
        self.assertLess(tracemalloc.get_traced_memory()[1], 5_000_000)
        tracemalloc.stop()
        for mode in (0o600, 0o400, 0o711, 0o640, 0o604, 0o620, 0o602, 0o622, 0o444):
            path = self.write(f"{mode:o}", PKCS8, mode)
            for system in {"nt", os.name}:
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    with mock.patch("bitget_rsa.os.name", system):
                        self.assertEqual(load_private_key(path), KEY)
                warned = system == "posix" and mode & 0o066 != 0
                self.assertEqual(len(caught), warned, mode)
                for it in caught:
                    self.assert_words(f"read or write {path}", str(it.message))
                    self.assertEqual(Path(it.filename).name, Path(__file__).name)

    def test_keys_are_made_of_two_primes_and_written_as_openssl_does(self) -> None:
        for name, text in KEYS.items():
            key = load_private_key(text)
            self.assertEqual(bitget_rsa.private_key_pem(key), text)
            public = bitget_rsa.public_key_pem(key)
            self.assertEqual(bitget_rsa.public_key_pem(PUBLIC_KEYS[name]), public)
            if OPENSSL:
                printed = openssl("pkey -pubout", text)
                self.assertEqual(base64.b64encode(public.encode()).decode(), printed)
        self.assertEqual(bitget_rsa.public_key_pem(KEY), PUBLIC_PEM)
        spki = SPKI + PUBLIC.save_pkcs1("DER")
        self.assertEqual(hashlib.sha256(spki).hexdigest(), FINGERPRINT)
        primes = [KEY.q, KEY.q, KEY.p]  # the first pair is none
        with mock.patch("rsa.prime.getprime", side_effect=primes) as getprime:
            key = bitget_rsa.generate_private_key()
        self.assertEqual(getprime.call_args_list, [mock.call(1024)] * 3)
        self.assertIs(type(key), bitget_rsa.PrivateKey)
        self.assertEqual((key.n, key.e, {key.p, key.q}), (KEY.n, 65537, {KEY.p, KEY.q}))
        for wrong in (0, 1024, 2046, 2049, 16386, -2048, 2048.0, "2048", True):
            self.refuse("bits|2048 to 16384", bitget_rsa.generate_private_key, wrong)


class TestCommandLine(Case):
    def setUp(self) -> None:
        super().setUp()
        self.write("private.pem", TEXT)

    def test_sign_prints_headers_and_shows_what_was_signed(self) -> None:
        for line, message, sent in (
            ("GET /a?symbol=$AI&coin=USDT", "?coin=USDT&symbol=$AI", "?coin=USDT&symbol=$AI"), ("GET /a?", "", ""), ("GET /a?b=7+8", "?b=7+8", "?b=7%2B8"),
            ("GET /a?b=7%2B8%20", "?b=7+8 ", "?b=7%2B8%20"), ("GET /a?b=5%", "?b=5%", "?b=5%25"), ("GET /a?b=a=c", "?b=a=c", "?b=a%3Dc"),
            ("GET /a?b=a%26c&a=", "?a=&b=a&c", "?a=&b=a%26c"), ("GET /a?b=%1b[", "?b=\\x1b[", "?b=%1B%5B"),
            ("get --demo-trading /a?b=龙", "?b=龙", "?b=%E9%BE%99"),
        ):  # fmt: skip
            _, out, err = self.run_main(f"sign --timestamp-ms {STAMP} {line}")
            shown, demo = f"{STAMP}GET/a{message}", "demo" in line
            url = f"https://api.bitget.com/a{sent}"
            self.assertEqual(err, f"prehash: {shown}\nurl: {url}\n")
            signature = signature_of(shown.replace("\\x1b", "\x1b"))
            printed = f"ACCESS-TIMESTAMP: {STAMP}\nACCESS-SIGN: {signature}\n"
            self.assertEqual(out, printed + "paptrading: 1\n" * demo)
        self.assertIn("paptrading: 1", self.run_main("sign GET /a", **{DEMO: "1"})[1])

    def test_the_key_is_that_of_option_environment_or_folder(self) -> None:
        named = {FILE: str(self.write("other.pem", KEYS["rfc7520"]))}
        third = {PEM: base64.b64encode(KEYS["k4096"].encode()).decode()}
        for line, environ, name in (
            ("", {}, "rfc7515"), ("", third, "k4096"), ("", named, "rfc7520"), ("--key other.pem", third, "rfc7520"), ("--key private.pem", named, "rfc7515"),
        ):  # fmt: skip
            printed = bitget_rsa.public_key_pem(PUBLIC_KEYS[name])
            run = self.run_main(f"pubkey {line}", **environ)
            self.assertEqual(run, (0, printed, ""))
        self.fails("not both", "pubkey", **third, **named)

    def test_a_refusal_is_one_line_and_status_1_wrong_usage_is_2(self) -> None:
        for words, bodies in (
            ("BODY is not JSON|char", ("{symbol:BTCUSDT}", '{"a":1,}', "", "@order.json", "{'a':1}", "a=b", "{} {}")),
            ("BODY", ("5", "null", '"text"', '{"a":NaN}', '{"a":[-Infinity]}', "[" * 100_000)),
        ):  # fmt: skip
            for body in bodies:
                self.fails(words, "sign POST /a", body)
                self.fails(words, f"request {BASE} POST /a", body, **ENVIRON)
        for line, status, words in (
            ("sign PUT /a", 1, "method"), ("sign GET /a {}", 1, "body"), ("sign GET '/a\x1b[2J\n'", 1, "path"),
            ("sign --base-url http://evil.example GET /a", 1, "base_url"), ("sign --timestamp-ms -5 GET /a", 1, "timestamp_ms"), ("sign GET /a?b", 1, "QUERY"),
            ("sign GET /a?b=1&%62=2", 1, "QUERY"), ("sign GET /a?b=1&&c=2", 1, "QUERY"), ("keygen", 1, "exists"), ("sign GET /a?b=%FF", 1, "utf-8"),
            ("sign GET /a?b=\udcff", 1, "surrogate"), ("pubkey --key .", 1, ""), ("pubkey --key missing", 1, "missing"), ("pubkey --key 'a\nb'", 1, ""),
            ("trade", 2, "trade"), ("pubkey --key ''", 1, ""), ("keygen --bits 1024 new", 1, "bits"), ("", 2, "VERB"), ("sign", 2, "METHOD"),
            ("request GET /a", 1, f"{API_KEY}|{PHRASE}"), ("keygen --bits many", 2, ""), ("keygen --key a", 2, ""), ("--demo-trading pubkey", 2, ""),
            ("pubkey --demo-trading", 2, ""), ("check --unsigned", 2, ""), ("pubkey --base-url https://h", 2, ""), ("request --timestamp-ms 5 GET /a", 2, ""),
            ("request --unsigned --key private.pem GET /a", 2, "--unsigned"), ("request --passphrase x GET /a", 2, ""),
            ("request --unsigned --demo-trading GET /a", 2, "--unsigned"),
        ):  # fmt: skip
            self.fails(words, line, status=status)
        self.fails(DEMO, "sign GET /a", **{DEMO: "maybe"})
        self.fails("EC", "pubkey", **{PEM: pem(EC, "PRIVATE KEY")})
        self.fails("name of a file", "pubkey", **{PEM: "private.pem"})

    def test_help_version_warnings_and_ascii_terminals(self) -> None:
        words = "keygen|pubkey|sign|request|check"
        self.assert_words(words, self.run_main("--help")[1])
        version = (0, f"{bitget_rsa.__version__}\n", "")
        self.assertEqual(self.run_main("--version"), version)
        if os.name == "posix":
            Path("private.pem").chmod(0o644)
            status, out, err = self.run_main("pubkey")
            self.assertEqual((status, out), (0, PUBLIC_PEM))
            self.assertRegex(err, r"\A[^\n]*: other users [^\n]+private.pem[^\n]+\n\Z")
        with RawServer(scripted(info={"ips": "龙"})) as server:
            environ = {"out": io.TextIOWrapper(io.BytesIO(), "ascii"), **ENVIRON}
            run = self.run_main(f"check --base-url {server.url}", **environ)
        self.assertIn("IP addresses: \\u9f99", run[1])

    def test_a_key_among_the_arguments_is_never_printed(self) -> None:
        for key in (TEXT, TEXT.replace("\n", "\\n"), BARE, WHOLE):
            pieces = {key[at : at + 40] for at in range(500, len(key) - 40)}
            runs: list[tuple[str, dict[str, str]]] = [(line, {}) for line in (
                "pubkey --key K", "sign --key K GET /a", "pubkey K", "K", "check --key K", "sign GET K", "sign K /a",
                "sign POST /a K", "keygen --bits K", "sign --base-url K GET /a", "sign --timestamp-ms K GET /a",
            )]  # fmt: skip
            for name in (FILE, API_KEY, PHRASE):
                environ = {**ENVIRON, PEM: TEXT if name != FILE else "", name: key}
                runs += [(f"{it} {BASE}", environ) for it in ("check", "request GET /")]
            for line, environ in runs:
                words = [key if word == "K" else word for word in line.split()]
                status, out, err = self.run_main("", *words, **environ)
                self.assertIn(status, (1, 2), line)
                self.assertFalse(any(it in out + err for it in pieces), line)

    def test_request_prints_data_and_tells_outcomes_apart(self) -> None:
        with StandIn(PUBLIC) as bitget:
            line = f"request --base-url {bitget.url} POST {PLACE}"
            text = json.dumps(BUY)
            status, out, err = self.run_main(line, text, **ENVIRON)
            self.assertEqual((status, err), (0, ""))
            self.assertEqual(json.loads(out), {"orderId": "1", "clientOid": "_a-1"})
            self.assertTrue(bitget.judgement.rebuilt.endswith(PLACE + text))
            line = f"request --unsigned --base-url {bitget.url} GET /api/v2/public/time"
            self.assertEqual(self.run_main(line)[::2], (0, ""))
        bad = b"HTTP/1.1 502 B\r\n\r\n<html>"
        for method, answer, status, words in (
            ("POST", bad, 3, "HTTP 502|clientOid"), ("POST", b"", 3, "clientOid"), ("GET", bad, 1, "HTTP 502"), ("GET", b"", 1, "no answer"),
            ("POST", PLAIN + b'{"code":"40725"}', 3, "40725|clientOid"), ("POST", b"HTTP/1.1 429 T\r\n\r\nerror code: 1015", 1, "wait"),
            ("POST", FINE, 3, "accepted|clientOid"), ("GET", FINE, 1, "accepted"), ("POST", PLAIN + b'{"code":"40009"}', 1, "40009"),
        ):  # fmt: skip
            with RawServer(answer) as server:
                with mock.patch("json.dumps", side_effect=RecursionError("too deep")):
                    line = f"request {method} /a --base-url {server.url}"
                    self.fails(words, line, status=status, **ENVIRON)

    @unittest.skipUnless(os.name == "posix", "signals are POSIX")
    def test_ctrl_c_is_130_but_during_an_order_3(self) -> None:
        os.environ.update(ENVIRON)
        for method, status, words in (("POST", 3, b"clientOid"), ("GET", 130, b"")):
            with RawServer(lambda connection, _: connection.recv(1)) as server:
                line = ("request", method, "/a", "--base-url", server.url)
                with spawn(str(MODULE), *line) as ran:
                    while not server.received and ran.poll() is None:
                        time.sleep(0.01)
                    ran.send_signal(signal.SIGINT)
                    out, err = ran.communicate(timeout=10)
            self.assertEqual((ran.returncode, out), (status, b""))
            self.assertRegex(err, rb"\Abitget_rsa: interrupted[^\n]*\n\Z")
            self.assertIn(words, err)

    @unittest.skipUnless(Path("/dev/full").exists(), "there is no /dev/full")
    def test_streams_of_every_kind(self) -> None:
        os.environ.update(ENVIRON)
        for body, status in (('\ufeff {"a": "龙"}\r\n'.encode(), 0), (b"\xff{}", 1)):
            line = ("sign", "POST", "/a", "-")
            with spawn(str(MODULE), *line, stdin=subprocess.PIPE) as ran:
                out, err = ran.communicate(body, timeout=10)
            self.assertEqual(ran.returncode, status, err)
            if status == 0:
                text = out.split()[1] + b"POST/a" + body[3:]  # without its mark
                self.assertEqual(out.split()[3].decode(), signature_of(text))
        reader, closed = os.pipe()
        os.close(reader)
        with RawServer(FINE) as server, open("/dev/full", "wb") as full:
            sent = f"request POST /a --base-url {server.url}"
            for command, output, words in (
                ("pubkey", closed, b""), ("--help", closed, b""), (sent, closed, b"Bitget accepted the request"),
                ("pubkey", full, b"No space"), (sent, full, b"Bitget accepted the request"),
            ):  # fmt: skip
                with spawn(str(MODULE), *command.split(), stdout=output) as ran:
                    err = ran.communicate(timeout=10)[1]
                self.assertRegex(err, b"\\A(bitget_rsa: [^\n]+\n)?\\Z")
                self.assertIn(words, err)
                allowed = {"--help": (0, 1), sent: (3,)}.get(command, (1,))
                self.assertIn(ran.returncode, allowed)  # argparse may ignore it
        os.close(closed)
        with RawServer(b"") as server, open("/dev/full", "wb") as full:
            sent = f"request POST /a --base-url {server.url}"
            with spawn(str(MODULE), *sent.split(), stderr=full) as ran:
                ran.communicate(timeout=10)
        self.assertEqual(ran.returncode, 3)  # though nobody can be told why


class TestKeygen(Case):
    def test_both_halves_are_written_and_never_over_a_file(self) -> None:
        with mock.patch("rsa.prime.getprime", side_effect=[KEY.p, KEY.q]):
            status, out, err = self.run_main("keygen deep/keys")
        private, public = Path("deep/keys/private.pem"), Path("deep/keys/public.pem")
        self.assertEqual((status, public.read_text()), (0, PUBLIC_PEM), err)
        self.assertEqual(load_private_key(private), KEY)
        self.assertTrue(out.startswith(PUBLIC_PEM) and "API Management" in out)
        before = private.read_bytes()
        self.fails("private.pem|exists", "keygen deep/keys")
        public.unlink()
        self.fails("exists", "keygen deep/keys")
        self.assertEqual(private.read_bytes(), before)
        if os.name == "posix":
            Path("public.pem").symlink_to("nowhere")
            self.fails("public.pem", "keygen")
            self.assertFalse(Path("nowhere").exists() or Path("private.pem").exists())

    def keygen(self, folder: str, name: str = "os.name", effect: Any = os.name) -> int:
        """Make a pair with a known key, where one step has another effect."""
        with mock.patch("bitget_rsa.generate_private_key", lambda _: SIGNER):
            with mock.patch(f"bitget_rsa.{name}", effect):
                return self.run_main("keygen", folder)[0]

    def test_a_failure_leaves_nothing_behind(self) -> None:
        def stopped(error: BaseException, path: Any, *args: Any) -> int:
            if "public" in str(path):
                raise error
            return real(path, *args)

        real, full = os.open, mock.Mock(side_effect=OSError(28, "No space left"))
        stop = mock.Mock(side_effect=KeyboardInterrupt)
        occupied = partial(stopped, FileExistsError(17, "another process was faster"))
        self.write("file", "")
        for name, effect, folder, status in (
            ("os.open", occupied, ".", 1), ("os.open", occupied, "new", 1), ("os.open", partial(stopped, KeyboardInterrupt()), ".", 130), ("public_key_pem", full, ".", 1), ("public_key_pem", stop, ".", 130),
            ("generate_private_key", stop, "new", 130), ("os.name", os.name, "file", 1), ("os.name", os.name, "file/x", 1),
        ):  # fmt: skip
            self.assertEqual(self.keygen(folder, name, effect), status, name)
            self.assertEqual(list(Path().rglob("*.pem")), [], name)

    @unittest.skipUnless(os.name == "posix", "file modes are POSIX")
    def test_the_private_key_is_written_by_the_descriptor_that_created_it(self) -> None:
        def swapped(path: Any, flags: int, mode: int) -> int:
            self.assertTrue(flags & os.O_EXCL and flags & os.O_CREAT)
            descriptor = real(path, flags, mode)
            Path(path).rename(f"{path}.moved")  # a neighbour swaps the file
            Path(path).write_text("the neighbour's")
            return descriptor

        real = os.open
        self.addCleanup(os.umask, os.umask(0))
        self.assertEqual(self.keygen(".", "os.open", swapped), 0)
        self.assertEqual(Path("private.pem").read_text(), "the neighbour's")
        self.assertEqual(Path("private.pem.moved").read_text(), TEXT)
        self.assertEqual(Path("private.pem.moved").stat().st_mode & 0o777, 0o600)


def scripted(**answers: Any) -> Any:  # by the path: data, a code (str), a page (bytes)
    def script(connection: socket.socket, received: bytes) -> None:
        path, _, query = received.split(b" ")[1].decode().partition("?")
        name = "coin" if query else path.rpartition("/")[2]
        name = "unified" if "/v3/" in path and not query else name
        now = {"serverTime": str(clock_ms())} if name == "time" else []
        found = answers.get(name, now)
        code, data = (found, None) if isinstance(found, str) else ("00000", found)
        if not isinstance(found, bytes):
            found = json.dumps({"code": code, "msg": "m", "data": data}).encode()
        connection.sendall(LENGTH % len(found) + found)

    return script


class TestCheck(Case):
    def check(self, answers: dict[str, Any], **environ: str) -> tuple[int, list[str]]:
        with RawServer(scripted(**answers)) as server:
            environ = {**ENVIRON, **environ}
            status, out, err = self.run_main("check --base-url", server.url, **environ)
        self.assertTrue(out.replace("\n", "").isprintable() and not err)
        return status, out.splitlines()

    @unittest.skipUnless(os.name == "posix", "file modes are POSIX")
    def test_each_step_has_a_line_and_live_or_demo_comes_first(self) -> None:
        self.write("mounted.pem", TEXT, 0o444)
        for option, mode in (("", "live"), ("--demo-trading", "demo")):
            with StandIn(PUBLIC) as bitget:
                line = f"check --key mounted.pem --base-url {bitget.url} {option}"
                status, out, err = self.run_main(line, **ENVIRON)
                self.assertIn("龙", bitget.judgement.rebuilt)
            self.assertEqual((status, err), (0, ""))
            self.assertRegex(out, "\n".join((
                rf"\Aok +trading: {mode}.*", f"ok +private key: .*2048 bits.*{FINGERPRINT}.*",
                "warn +private key: .*mounted.pem.*", r"ok +clock: .*[+-]0\.\d s.*", "ok +signed request: accepted",
                "ok +permissions: readonly", r"ok +IP addresses: 127\.0\.0\.1", r"ok +query rule: .*\n\Z",
            )))  # fmt: skip

    def test_each_answer_leads_to_the_words_that_fit_it(self) -> None:
        odd = {"authorities": ["龙\x1b[2J", 1, None, {}], "ips": "\u202e"}
        infos: list[Any] = [odd, None, 5, {"authorities": {"a": 1}, "ips": [None, {}]}]
        clock, slow = "FAIL .*([Tt]ime|clock)", {"serverTime": str(clock_ms() - 45000)}
        untried = "warn +query rule: .*could not be tried"
        answers: Any
        for answers, environ, steps, words in (
            ({}, {DEMO: "maybe"}, 0, "FAIL .*BITGET_DEMO"), ({}, {PEM: ""}, 1, "FAIL .*private.pem"),
            ({}, {PEM: pem(EC, "PRIVATE KEY")}, 1, "FAIL .*EC"), ({"time": b"<html>"}, {}, 2, "FAIL .*not from Bitget"),
            ({"time": slow}, {}, 2, r"FAIL .*set this machine's clock, which is \+4[5-9]\.\d s"), ({"time": []}, {}, 2, clock),
            ({"time": {"serverTime": "soon"}}, {}, 2, clock), ({"time": {"serverTime": "1" * 400}}, {}, 2, clock),
            ({}, {API_KEY: '"a"'}, 3, "FAIL .*api_key"), ({"info": "40006"}, {}, 3, "FAIL .*40006"),
            ({"info": "40085", "unified": "40018"}, {}, 3, "FAIL .*IPv4"), ({"coin": "40009"}, {}, 6, "FAIL +query rule: .*40009"),
            ({"info": "40085", "assets": "40085"}, {}, 6, "ok +query rule"),  # a unified account
            *(({"coin": it}, {}, 6, untried) for it in ("40010", "40034", "43011", "429", "40014", b"<html>")),
            *(({"info": info}, {}, 6, "ok ") for info in infos),
        ):  # fmt: skip
            status, lines = self.check(answers, **environ)
            failed = words.startswith("FAIL")
            self.assertEqual((status, len(lines)), (failed, steps + 1), lines)
            self.assertRegex(lines[-1], f"^(?!.*invalid literal){words}")
            self.assertEqual({line[:3] for line in lines[:-1]} - {"ok "}, set(), lines)
        lines = self.check({"info": "40085"})[1]  # what it does not tell is not made up
        self.assertRegex("".join(lines[3:5]), "^ok +signed .*acceptedok +perm.*: see")


class TestTheWhole(Case):
    @unittest.skipIf(sys.flags.optimize > 1, "-OO leaves no docstrings")
    def test_documentation(self) -> None:
        failed, attempted = doctest.testmod(bitget_rsa)
        self.assertTrue(failed == 0 and attempted >= 5)
        for place, words in (
            (bitget_rsa, 'read from here to "Errors"|ACCESS-PASSPHRASE'), (prehash, "stranger's"), (sign, "user/verify|seconds|not verified here"),
            (bitget_rsa.PrivateKey, "fork"), (send, "each address|next byte|SSL_CERT_FILE"),
        ):  # fmt: skip
            self.assert_words(words, place.__doc__ or "")

    def test_the_source_keeps_its_promises(self) -> None:
        names = "prehash sign PrivateKey load_private_key generate_private_key private_key_pem public_key_pem Credentials PreparedRequest prepare send parse_response request BitgetError KeyFormatError ApiError TransportError BASE_URL __version__"
        self.assertEqual(sorted(bitget_rsa.__all__), sorted(names.split()))
        source = MODULE.read_text(encoding="utf-8")
        self.assertIn('requires-python = ">=3.9"', source)
        self.assertNotRegex(source, "(?m)^ +(assert|global) ")  # -O drops an assert
        library = source.partition("# ---- The command line")[0]
        library_code = library.partition('"""\n\n')[2]
        self.assertNotRegex(library_code, r"(?<!ssh-)\bkeygen|pubkey|argparse|--key\b")
        self.write("vendored.py", library)
        self.write("copied.py", source)
        self.write("imports.py", """if True:
            import sys, copied, vendored
            assert "argparse" not in sys.modules
            assert copied.prehash(1, "GET", "/a") == vendored.prehash(1, "GET", "/a")
            sys.modules["rsa"] = None
            import runpy
            try: runpy.run_path(sys.argv[1])
            except ModuleNotFoundError: runpy.run_path(sys.argv[1], run_name="__main__")
        """)  # fmt: skip
        with spawn("imports.py", str(MODULE)) as ran:  # it imports in silence
            out, err = ran.communicate(timeout=10)
        self.assertEqual((ran.returncode, out), (1, b""), err)
        self.assertRegex(err, rb"\Abitget_rsa: [^\n]+pip install rsa[^\n]+\n\Z")

    def test_only_documented_errors_come_out(self) -> None:
        places: list[Any] = [
            None, True, -1, 10**400, 1.5, float("nan"), "", "GET", "post", "/a", "a=b", "\ud800", "\0", 1763800000000,
            b"", b"{}", b"\xff", [], (), {}, {"a": 1}, {1: 2}, [[]], object(), Decimal(1), len, Path("a\0b"), 200, OK,
            Decimal("NaN"), TEXT, PKCS8, PUBLIC, SIGNER, CREDENTIALS, "https://h", GET,
        ]  # fmt: skip
        calls: list[tuple[Any, tuple[Any, ...]]] = [
            (prehash, (1, "GET", "/a", "", "")), (Credentials, ("a", PASSPHRASE, SIGNER, False)),
            (sign, ("a", SIGNER)), (bitget_rsa.parse_response, (200, OK)), (load_private_key, (TEXT,)),
            (lambda a, b, c, d, e: make("POST", a, params=b, body=c, credentials=d, base_url=e), ("/a", {}, {}, None, "https://h")),
        ]  # fmt: skip
        with mock.patch("rsa.sign", return_value=b"x"), mock.patch("rsa.verify"):
            for call, good in calls:
                positions = range(len(good))
                for at, first, second in itertools.product(positions, places, places):
                    given = [*good[:at], first, second, *good[at + 2 :]][: len(good)]
                    with contextlib.suppress(ValueError, bitget_rsa.BitgetError):
                        call(*given)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in (*VERBS, "-h", "--help"):
        sys.exit(main(sys.argv[1:]))
    unittest.main()
