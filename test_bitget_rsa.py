# SPDX-FileCopyrightText: 2026 The bitget_rsa authors
# SPDX-License-Identifier: MIT-0
"""The promises of bitget_rsa, section by section, each kept by a test.

Run: python -m unittest. Known answers come from RFCs, from Bitget's pages and from
OpenSSL, never from bitget_rsa; where `openssl` is installed they are computed again.
"""

from __future__ import annotations

import base64
import collections.abc
import contextlib
import copy
import dataclasses
import doctest
import enum
import hashlib
import http.client
import io
import json
import os
import pickle
import random
import re
import shlex
import shutil
import signal
import socket
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
import urllib.parse
import warnings
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import rsa

import bitget_rsa
from bitget_rsa import (
    ApiError,
    BitgetError,
    Credentials,
    KeyFormatError,
    PreparedRequest,
    PrivateKey,
    TransportError,
    generate_private_key,
    load_private_key,
    parse_response,
    prehash,
    prepare,
    private_key_pem,
    public_key_pem,
    request,
    send,
    sign,
    websocket_login,
)

MODULE = Path(bitget_rsa.__file__)
OPENSSL = shutil.which("openssl")
PASSPHRASE = "planted0passphrase"


# ---- Known answers ------------------------------------------------------------------


class Vector(NamedTuple):
    """A request, and every stage of its signature."""

    why: str
    key: str
    timestamp_ms: int
    method: str
    path: str
    params: dict[str, object] | None
    body: str | dict[str, object] | None
    target: str
    prehash: str
    sha256: str
    signature: str


# sha256:    printf %s "$prehash" | openssl dgst -sha256 -r
# signature: printf %s "$prehash" | openssl dgst -sha256 -sign KEY.pem | openssl base64 -A
# Prehash and target were written by hand; two prehashes stand in Bitget's own pages.
VECTORS = (
    Vector(
        why="no query: no lone ? is signed",
        key="rfc7515",
        timestamp_ms=1763800000000,
        method="GET",
        path="/api/v2/spot/account/assets",
        params=None,
        body=None,
        target="/api/v2/spot/account/assets",
        prehash="1763800000000GET/api/v2/spot/account/assets",
        sha256="efd77b8068415b1f8890977369918099dc15b99838d130527bd46ea5331ce568",
        signature=(
            "mtp3YZNuhfq+srOhYIWSpddpU2y95QXtlLhuRiCBfxw/BK3vpedAyOtO99389zI08eiQFmjeAf"
            "sTI+LAcTW338hymWBkobTJ4xCJLDI62P8TszfqeWxPgtwf7IAwG3Bl5hCx5o9hpjjh/gvaesB0"
            "VwPFjCqssP7w7C5c2MwI6/VS+U5WraXKW78nXf0IMNDZ18pciqZhYT10UBFDR6nYPifojvDqzh"
            "C3qlfd1TNBI5VxCkiyCQHT/FE31TpuECWf3RTX7WdzLIvN+nfT0hzVCzqvWaT76lJ1xFuNWIVk"
            "TYZnHHoo8nSU6ESJBwKoRWZuQ22fnxfcW5nRO5XtrAZVgA=="
        ),
    ),
    Vector(
        why="a method in lower case is signed in upper case",
        key="rfc7515",
        timestamp_ms=1763800000000,
        method="get",
        path="/api/v2/spot/account/assets",
        params={"coin": "USDT"},
        body=None,
        target="/api/v2/spot/account/assets?coin=USDT",
        prehash="1763800000000GET/api/v2/spot/account/assets?coin=USDT",
        sha256="f796bdfb2149f1d3b3676f81e71c13b260cb2ba926b5057d5924e07a2a0d467d",
        signature=(
            "Y0qe82Du5SyJM+cIbWDGfi1MTrmrZTS5eOu4ILNdE088RHJw/uPMtbMeom8dI9CMP+keooQvGo"
            "yJNsXVTjTYniut8z4owLLjzdr2fVfmjPTmhdR8zFxeFFDsXYEOa6UrG5Ni1MYQjPhJYEhkPUJb"
            "da7lj0OFG9au3qeJ06sGS72IMfeoAgiAJD9BtJ3jIlsqgp3irjUG6VNEmDQCw/f1XyyK2L0Bfx"
            "9Dc1IC0ZEPXlkYNjJFBf/yLbDSGghwwkObsK1yIKJQzWZf6ImD/SvjiosCa28K4pms7L8DSiDc"
            "hwhY/3pSOwvC4qfNOkl0xZ/I+3VTC1bb54UnWwhBQJOIXw=="
        ),
    ),
    Vector(
        why="a query that arrives unsorted is signed and sent sorted",
        key="rfc7515",
        timestamp_ms=1763800000000,
        method="GET",
        path="/api/v2/spot/account/assets",
        params={"symbol": "BTCUSDT", "coin": "USDT", "assetType": "all"},
        body=None,
        target="/api/v2/spot/account/assets?assetType=all&coin=USDT&symbol=BTCUSDT",
        prehash="1763800000000GET/api/v2/spot/account/assets?assetType=all&coin=USDT&symbol=BTCUSDT",
        sha256="d5270146838c916fb91be255f6cfb7f208f9a0a93a31ec3ffa5c18e24c881556",
        signature=(
            "gG/VZezYIGhYCWX98I7jSLTTtM/der9nZ4Y3c4UHonOeSYooJtmS2XzLcmNEdi6hKECQxMUqfv"
            "3MilgsCMfKr54fDI0+FVu0In+r+4SMy1AZ6I7COCGllh5cMNg0ZEwLvK19799NlugIeXXG0Ndz"
            "CQ4E/ODyndOX4ecWHfJ/hMdx4bRLLuwXq5xxbXy2PuO3nGXMKCEsnDVAJmBm6ZchLH3kWyhHfZ"
            "j50keY7PG6ngGEOPFtozsxQSdQebGtODZgsvyP4MvaMsVNZI3yyKG/leAlx494mS4tjP94nVn3"
            "9ZOzgT/tqhCcdZ20wnDJ8PDPqbcspvdDah5h5Bbeomka0g=="
        ),
    ),
    Vector(
        why="$ stands unescaped in the URL, as in the prehash",
        key="rfc7515",
        timestamp_ms=1763800000000,
        method="GET",
        path="/api/v2/spot/market/tickers",
        params={"symbol": "$AIUSDT"},
        body=None,
        target="/api/v2/spot/market/tickers?symbol=$AIUSDT",
        prehash="1763800000000GET/api/v2/spot/market/tickers?symbol=$AIUSDT",
        sha256="388fc28bb509e86500b4d09bf007a95223c4a86fb934596963f7acca4685e5cf",
        signature=(
            "Dk/65QBjlREElNaiBYBk8k8WnLUP+7KVi0m0zpv8LNfINoa4TIE4chRuAYzuKBpnaI+K3w++f/"
            "TZJ/AXXP24hhv5b8Xum653iLw38MZ+ruAkWDfkeNi345BbSsRAWomIerAxUEwNz/xePIJUCmqF"
            "aaA9iyxPB/zYHgUgFZXqBlcq2ONApnjVOwtQO78E5NNcsXAhn3ViKG5oiGr4vm4naqmYtxH1DE"
            "kCBXNMUpI5HjnZQReKM2bYaElUQF3kIFGj2WXaLSydXmjy9o/wDdMHuvUZ1Kqoqm5SjMUQ6kuC"
            "nAwEClU2sjloa8Dbh+ZTOGxVvw7kSbltI8IkLaFc82F6ug=="
        ),
    ),
    Vector(
        why="non-ASCII is signed as UTF-8 and sent percent-encoded",
        key="rfc7515",
        timestamp_ms=1763800000000,
        method="GET",
        path="/api/v2/spot/market/tickers",
        params={"symbol": "龙虾USDT"},
        body=None,
        target="/api/v2/spot/market/tickers?symbol=%E9%BE%99%E8%99%BEUSDT",
        prehash="1763800000000GET/api/v2/spot/market/tickers?symbol=龙虾USDT",
        sha256="bac5936687b9fd1cb9c298da0808b9eb92fb14af0e2b9a79a03241868133fd51",
        signature=(
            "Ga4U0NGp11mce4Swl6DpJrWFKbEO6K/WSY5tx4uVcgikj9Kge/lSCd3u1VDqj08TJzIc/7ja7W"
            "hJ5cnJZE7BU7VSdJjs/REWzhD4wVH1vBc5UbpfK3PZq86arqJruSAaCxKmjSp8G8U1u0FlZjrd"
            "wOFQyohusPwA15CqQpL1AoSrFLFes/ddDdAo6MibAlozBVfGqPLvZBGK6ocj3QexV9VUuE3IIh"
            "sNRc/rupkmb5oT2Yts13kxCjMpEXLWLT9T7pAs5xborcJ47L3XoJD3DaOcWC7IwXUOPhex5cRu"
            "0/aqfGjjRU90LM2hYgEfqQR177YMRo/FtrwLOdI/GGXZag=="
        ),
    ),
    Vector(
        why="a space is sent as %20 and a plus as %2B, both signed decoded",
        key="rfc7515",
        timestamp_ms=1763800000000,
        method="GET",
        path="/api/v2/spot/trade/orderInfo",
        params={"clientOid": "grid 7+8"},
        body=None,
        target="/api/v2/spot/trade/orderInfo?clientOid=grid%207%2B8",
        prehash="1763800000000GET/api/v2/spot/trade/orderInfo?clientOid=grid 7+8",
        sha256="6c48b0e51f854e094f23edc6f845d3bcee0d2d297761dca492f2e302046becc0",
        signature=(
            "iJjlxGDIaAlAfoJb8leF4W+0AsQPT6mo6uEP9oarZFfsa9iD92//W24TFGExBjw58/6pLZUkBC"
            "czq6DTgI5nlEf8TlZeb6+qbWWv6rYAtzDqrrXrKTYWLvOLVMY8Ll5+qf0Ttr47B+MhbRVsyx1s"
            "xB6HrSw3YpVEau4v1K/PqLR2NIyhoCaqWyWsS1oRVmbg/ypxJQ7shD3K1xwUeBjXAEP7mGDNhm"
            "93zItY2QXbBrR+lwAXtS2eJqj7LcGjbAhWwvsUoBbDv3pKMgSvzKA5zmaPGmi9y7Hh40GW2RYM"
            "WbfBXA11t+SqRV6Biq+YhUPVjFpxRbiiiapLdyWtM5GwNQ=="
        ),
    ),
    Vector(
        why="% & = # ? / and quotes in a value do not change the query's shape",
        key="rfc7515",
        timestamp_ms=1763800000000,
        method="GET",
        path="/api/v2/spot/trade/orderInfo",
        params={"clientOid": "5%&a=b#c?d/e'\"f"},
        body=None,
        target="/api/v2/spot/trade/orderInfo?clientOid=5%25%26a%3Db%23c%3Fd/e'%22f",
        prehash="1763800000000GET/api/v2/spot/trade/orderInfo?clientOid=5%&a=b#c?d/e'\"f",
        sha256="86d9f19aada7f98ba62d27deaf455441e9efc1263b028ee081172fe9d648f475",
        signature=(
            "kJ+IMCn82iXMgWYUgy0Nr7m2uWBgh3TbWleSrppOctudO+m8uhqdy178QLuJB5i+79WSSfnbgF"
            "IUrHN+JfdtOvyILh1pIf6tFLJew55BERgLRSobWbjttlez1r20Czh4qFxusbXkDbxZr4+hdC5n"
            "NrZAbdkS7b5UZNxPfFV8EAuUDeK37xa/755StIQctz/XAYXVDoxfALgCtkG9rJFzxJjXV6hdHO"
            "aVc9K6WX7Us493fP/HzDSPgQRUbkcLmIj3lg3q8E+IyN70GiVMzNlXRLnDndjZ9iSPbA3nfD3i"
            "YMJoXgNWlCYOrPYX5684RIa9/hg/QOszOCrLXE4IBYpG1w=="
        ),
    ),
    Vector(
        why="None is left out, True becomes true, an int its digits",
        key="rfc7515",
        timestamp_ms=1763800000000,
        method="GET",
        path="/api/v2/spot/account/assets",
        params={"coin": None, "limit": 20, "hideZero": True, "all": False},
        body=None,
        target="/api/v2/spot/account/assets?all=false&hideZero=true&limit=20",
        prehash="1763800000000GET/api/v2/spot/account/assets?all=false&hideZero=true&limit=20",
        sha256="838742aea0c6883c006318ed8e89a2e9dc86ab7db4423f62a061a95bb5cf8916",
        signature=(
            "F7eMUUfSzba/NJGwy4+Cn23Hjg8EqicvSwVIKhGaP8Q811gb38f2NM83OYzUqWG+g9C2fXoPsd"
            "eJ4yj/BaKmOuQgmDQNqS0sW0HDkpX7C83DPkkMNCglgP0ycjBRDh2dnfET+MUl/vUQQ/dDJeMy"
            "ldZd+CXteETVLhJRiWXxQvatMadcdSz/4zYc4B1n3GY/IxjGok9Hiif/3sIQkq0FV2Zx2ISJ16"
            "nqUXQWbiuuEHFo4b+ToiwIm7vlXlXc2pKhESP38ESELeyY+9TyyRlnRBQwzI+1yBwlhJDdsno4"
            "VGk98hAG3hMEE50oJXEV2kFfGr20qcow1ehUyvJ6ZhRhTw=="
        ),
    ),
    Vector(
        why="POST with an empty body",
        key="rfc7515",
        timestamp_ms=1763800000000,
        method="POST",
        path="/api/v2/spot/trade/place-order",
        params=None,
        body=None,
        target="/api/v2/spot/trade/place-order",
        prehash="1763800000000POST/api/v2/spot/trade/place-order",
        sha256="b403f6993945505092a1cc5554e18dedd864d1452a2832f7c9e4e323cb4695c5",
        signature=(
            "mev0Pw2q0AyGThfbWy7GSrFlyxcv3EBS3qdiqNbNfi4EugD5U3yczyggm6CALFFADRWJ62Ivbz"
            "/e0azRrcmT+mL4C7IlA8rFrSYZqp04gXqPqgffh5zUPgpH/DIpDaaakzCYlfR4LjYquNebe7Jw"
            "onaQ0rW+brdc6M28D7MqR4DeYa4nsfbZTAKgetrbFOWrMcEg8jdKPzQSvx+R4EvjqUnxEE0/LN"
            "SomZ2FzaeckMRtaVv9FUVQytnuzwfU85SPnS5Ykn8wYgICuuqj0yboes5ATx+AlBbnT7Nbjm6T"
            "hLU7XFiC8uEnxgo0dzbmZJ+XG2E5fTi7xmcUlYGqeDcTRg=="
        ),
    ),
    Vector(
        why="a mapping becomes JSON without spaces, in its own order",
        key="rfc7515",
        timestamp_ms=1763800000000,
        method="POST",
        path="/api/v2/spot/trade/batch-orders",
        params=None,
        body={
            "symbol": "BTCUSDT",
            "orderList": [
                {"side": "buy", "size": "0.01", "tags": [["a", 1], [True, None]]},
                {"side": "sell", "size": "0.02", "tags": []},
            ],
        },
        target="/api/v2/spot/trade/batch-orders",
        prehash='1763800000000POST/api/v2/spot/trade/batch-orders{"symbol":"BTCUSDT","orderList":[{"side":"buy","size":"0.01","tags":[["a",1],[true,null]]},{"side":"sell","size":"0.02","tags":[]}]}',
        sha256="79155524b3596239763b4e83245ea2767b8b8c3288bbd8d58552d44be83cdbdb",
        signature=(
            "mWOulZsf1bqyZJ7qEnJiVXY9cZpzfvhyIzefDoRKT8AZvRkx64XrwqzfMOQpMLtmRM7djS1e4L"
            "Vi3lB4eAoI8ZSI5dXhBH3TlimGRL3AHv72Rahmkz25pvyaoISW3OBpX3co52rEgvxciYujSPRR"
            "LdTrdPj+O3nZwW4PGPBvJFPkVwccb3FtuiXEaoyIKWU6lhAcWsS/Kdsvh8bFWhi7lbZcfZlSM8"
            "gzLRws+rU/PCR+7zdEKjgryabX1YR4IYl9pkZzNOcwYhuqYAjxv0FbHt7XMmL5A4KNQcUrW/bE"
            "S4feDfSZ/KjiO0SnHJo4p8fzcEV6VCuCmwGSnOGwVdkhcw=="
        ),
    ),
    Vector(
        why="a mapping becomes ASCII JSON",
        key="rfc7515",
        timestamp_ms=1763800000000,
        method="POST",
        path="/api/v2/spot/trade/place-order",
        params=None,
        body={"clientOid": "龙虾 é"},
        target="/api/v2/spot/trade/place-order",
        prehash='1763800000000POST/api/v2/spot/trade/place-order{"clientOid":"\\u9f99\\u867e \\u00e9"}',
        sha256="cc53381198e3e9affa9055af417d93638a68cb8cde359f871840134d53bf9b36",
        signature=(
            "GDL9Ze83AD49dy6QIwfStssqkr/3pIxrzcnftIkXo1tG+YM9jnEG85rDs80LDDO0ifZL3ZJVW/"
            "bfeksBeZsNiGpcRqyuwiYPTeiMXGRrrsdv+2IduJ8Icly4/lPZdaqrvX+u0p4cC+xRRIot9FHH"
            "4xbIXgaHjrHEn0iCSiF8tDBgFNG5jhyxEXvosdFOjNj3pch3B49CPLaWS29A/p7vF021VVoHif"
            "kk834DURRwoYZG7ngRnPD7F0wlE9aTiePA9QUfh7fqc6kzJd9Pc0xMyzZeA9xfpZBtB+gUyfyo"
            "dePAPjadVdamSCibSd6wWW3bx925sGhvvD6OzWzQOl29hA=="
        ),
    ),
    Vector(
        why="a str is signed and sent as it is: spaces, non-ASCII and all",
        key="rfc7520",
        timestamp_ms=1763800000000,
        method="POST",
        path="/api/v2/spot/trade/place-order",
        params=None,
        body='{ "clientOid": "_龙虾" }\n',
        target="/api/v2/spot/trade/place-order",
        prehash='1763800000000POST/api/v2/spot/trade/place-order{ "clientOid": "_龙虾" }\n',
        sha256="6bf5efa4a63c864874c46e440300bf9f19d89755f36ed39fb33abcac58a1abad",
        signature=(
            "ghxqjSw/IYihwp7AaZxfdkkYiS5fFWvbxpjsUkKTWpw+08ioUMdj53qVFNJleCY3AdcN9akL1m"
            "9WLcWZnvQm6N88gmSGuNqkWVsfcTeZDh1nuY0CaY98nvrTLUh41eFs9zFOpyijJrjZfbI6B0Kt"
            "QNBmpkM51xY54etsgZ80oSp4Vka2+5HgaLuLd/dy/VIxlIYCGmYmDdONIkHiMgW5wk55wqrKRn"
            "xttLSP9jO4JPDb2fzWtOYzT15eCeKmjX6mm4f7LLbLCJJVrdF4nMKBl2pCXr8kmtmYsYCwm273"
            "kZ6CHoPrCUiNV9z9oslQnFLM9goN4PjXe5TF/tHNtcvX2w=="
        ),
    ),
    Vector(
        why="4096 bits: 684 characters",
        key="k4096",
        timestamp_ms=1763800000000,
        method="GET",
        path="/api/v2/spot/account/assets",
        params=None,
        body=None,
        target="/api/v2/spot/account/assets",
        prehash="1763800000000GET/api/v2/spot/account/assets",
        sha256="efd77b8068415b1f8890977369918099dc15b99838d130527bd46ea5331ce568",
        signature=(
            "d6yYLFUycNq4H/qQckj7otDJHL5CUAQu8vtyhkcQpL9nUNA8956Vrjl74mszO78ikMGY++L519"
            "smS23Qr7kf0uZdLvBQy/J4qDhih2wHwlTEsa/R5MrFbIyd7uG6pqRq9Fi1PLIINTpieuv9ZrAD"
            "/9YIgcmAcSVa9St9NIF7SPmdQz0egMLx5pvHkVM08Mx9PtaZhTI/T306DcyhtGmrPHHQDd9heu"
            "ePBHiNXtLBUHBM0bDesUhdvybKYvU4zcF5Zbd16GNtVaZ4SEhaN6noSsndUTfOoag8dNMMgAAT"
            "NizROaJFLG2JCy9SqY+CygJb/RIeKdD1fOVWisQ5DHjWBgnzb5cFzByUfxH6dQE4PtKISrmc/Q"
            "S6YLNgD0USFDSp+yxuFKr4A5avGEXp6coJXJPhx4W1xCaTZhxjfsUT5RLamGVVzWNG4f7AJLW7"
            "Nk6T9cRa4AEoXCaSWReLELKA7A2zY3sw3bCHRaoiqGSkAZ9RV/Rjk6Npvca7YfPzzOFYWJN1HP"
            "bdeq88CrLialqJ+SaN+g+sEcSGw5JgUJKo5NbyhFQXR9NuAgcAjpxVfpdWOmCxDAmNu3SABMOf"
            "RRw0gGTZaH/poRvFxSSm+4zmZ4CWHVep1aylBprwPCv16XI4G8HWf78dKjKPqwjAIKW0h1ORbE"
            "aG5QiKdeKX2N7hLe8="
        ),
    ),
    Vector(
        why="Bitget's published GET prehash",
        key="rfc7520",
        timestamp_ms=16273667805456,
        method="GET",
        path="/api/mix/v2/market/depth",
        params={"symbol": "BTCUSDT", "limit": 20},
        body=None,
        target="/api/mix/v2/market/depth?limit=20&symbol=BTCUSDT",
        prehash="16273667805456GET/api/mix/v2/market/depth?limit=20&symbol=BTCUSDT",
        sha256="56973c7ce346c0d51652e440ddfdce02e513ed5a69d4d5531c18dd712ca887b0",
        signature=(
            "WW7iB+ivB1xQ+s/LbryKEjUZnyBuk7K8HfQB2R3TrJKZ+S7eMKxivm1s94E63X2XnlEZbcXwEL"
            "NCbw30+kC+uPVOf6QdxZcpb/bL3+GagYgke0bDkCnO522yWKPMOgcAkfsd/WzpqEyFd1lM/xHQ"
            "Hyr5cluYMqUNZSTPdaRn7pE1Pklog6ZoVe7/tnJ6CvGqErBySc6KsrDHYjFg7qo5QhzxAIvdP2"
            "EC+YP6ts2AQWWOtKt82CPnO65hzeScId1zsiqLH2ufGrb8nSOW0xy2OxwfYUJfVhcajTEhlHAf"
            "f0GcYOT53wmjJPuX1PM4BafY6GPt4SBVfyiQNrhPeCpqjQ=="
        ),
    ),
    Vector(
        why="Bitget's published POST prehash",
        key="rfc7520",
        timestamp_ms=16273667805456,
        method="POST",
        path="/api/v2/mix/order/place-order",
        params=None,
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
        prehash='16273667805456POST/api/v2/mix/order/place-order{"productType":"usdt-futures","symbol":"BTCUSDT","size":"8","marginMode":"crossed","side":"buy","orderType":"limit","clientOid":"channel#123456"}',
        sha256="db81286144a59aca9914e3b8351730f7b16400bd06b3ecd8f38889afc75a62d5",
        signature=(
            "jq0/Ob2H3h7cYIVo4xZlQBVzgig3nA1ENpjbWXO6BAx8Ln8B8gcLz0Copd36W1/+jQgL9tSv9E"
            "lIlIUMO7a8szGZ4D5hUiX4a2fxqrCsEiQZAUudYCqzkm4DYkEAVVDrWxhYFgwT+D0G/2BSF+Gt"
            "xFHnbcikTMdtKw/xUv0kYsBUItQk4khyTZDX8GeriAWoD53LXXucyGgmeMuSFCB0HCIj3BetYx"
            "dXu2GFwOCYUmlkucjSxd6eN2KX6aHmIY/noEbqzw+ob+KyzjSx+8q0ySqmVqXUY3GJe+DVhNwH"
            "Z7UjOOMg10mFdPTMwnStBrcTHrMs0yJ++mVz3/jbak5Rrw=="
        ),
    ),
    Vector(
        why="a signature whose first byte is zero keeps its full length",
        key="rfc7515",
        timestamp_ms=1763800000000,
        method="GET",
        path="/api/v2/spot/trade/orderInfo",
        params={"orderId": 160},
        body=None,
        target="/api/v2/spot/trade/orderInfo?orderId=160",
        prehash="1763800000000GET/api/v2/spot/trade/orderInfo?orderId=160",
        sha256="889cbedc002a1c3d7434d5ddf8a89c5bb12b1c81766e5a5684c678b586291e7d",
        signature=(
            "AGYZX6J3nAWu7haJDwgPsNnFOheB0iJwe2A1ELPraajBSnriY25+iIHOAyG3NIRZ9FaY5AuUym"
            "XfHyY6wcoeF8hFwH+FmQdTNIQfsQmL214z4HHLfEDTGfxqeiqvOKXwl8fYUhNJs0oskoJ8he5c"
            "tfOkJ6EnfbNBbcJFzZotVQd3NZGLc4RTHXnbaLrxfgRTldqReZADsSritxZNeLaznNFKcYIS7j"
            "4kgH9owue/9gBKqn+R/uksljCqmf3URFZOAUnMzZ39D9MwdbBu4mHozBjLjFudirF3dGlVV41x"
            "vFeUotoLVoUtVhTWc1OfFDyMIqicr4W2Bg/Rrp/ldFRTCw=="
        ),
    ),
)

# RFC 7515, appendix A.2, and RFC 7520, section 4.1: RS256 is what Bitget asks for.
RFC_SIGNATURES = (
    (
        "rfc7515",
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA"
        "6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB//dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh+0Q"
        "c/lF5YKt/O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB++f/nZLgrnbyTy"
        "WzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB/eSN9383LcOLn6/dO++xi12jzDwu"
        "sC+eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5A"
        "XLIhWkWywlVmtVrBp0igcN/IoypGlUPQGe77Rw==",
    ),
    (
        "rfc7520",
        "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXT"
        "igJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW9"
        "1IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGh"
        "lcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4",
        "MRjdkly7/+oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwz"
        "JdQx996ivp83xuglII7PNDi84wnB+BDkoBwA78185hX+Es4JIwmDLJK3lfWRa+XtL0RnltuYv746"
        "iYTh/qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW"
        "3IS/de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE/oI+ZnmKJ3F4uOZDnd6QZWJushZ4"
        "1Axf/fcIe8u9ipH84ogoree7vjbU5y18kDquDg==",
    ),
)
# printf %s '1763800000000GET/api/v2/spot/account/assets?coin=USDT&symbol=$AI' \
#   | openssl dgst -sha256 -sign rfc7515.pem | openssl base64 -A
MAIN_SIGNATURE = (
    "COQqiSoZ7no0mSeBgD84Q+KjR1YaUidG2k14cRW0lIp2M6kcqF6rK/x2i1ghG9FR+0UQ1e8tCeBf"
    "/O2W4/lzdWISIO6yWO4e0GS+GGS0adNMSjz4cNIoPxp/KJcOdZw7CivcLMCunM8Bhvb92ZDQ43/A"
    "EcTggfJRQNlxDdhCDGAp7+kNeQFrCKp15VM6pye1RL75vkJ6BMxxHe39i3+Z4+yVqh/px5bVXQxj"
    "fLAfmojVAjLgFqzDrI453FrOepmsN4FN0Jw3V+tOgRj0yItm1ESCIaNXxOSy+kJhRzbCVEFMXP9g"
    "FYyvwnRfKP9QrK63nRQEtB/i1uTZJv1KjoNLNQ=="
)
# printf %s 1763800000GET/user/verify | openssl dgst -sha256 -sign rfc7515.pem \
#   | openssl base64 -A
LOGIN_SIGNATURE = (
    "nfp7AXnmaeB8XSQMqWwqsNPzJrJcOFrhpPEd7M1wOi/FDtIW9gWUk9hOv1PAcpL2jcgBQVuJdMn+"
    "Pm25iCFII36OmxGXX/hI3szsHn0YD1tVyYcU1rvnqwqIT0IyeRYoUdyNpOFIa92q8RkiUQ+ldad8"
    "sJyWxYTv/Bhluq+m39xDX04yzlIjNJgnDtouvVeGbGgzcFGhXpTvydEXhcDh/G3Pwf38C0Q1UO+J"
    "zUMbn26MVbN5XeooLfTpimpht0TnJab/Uw45zPXQkIwkfbCXogH3OQhH9vUlp11fv5sQBSdnIXmO"
    "XI8f7CHIgKL5Vx6nBQqJzDDUA+sbYdGJrG2YjQ=="
)
# openssl pkey -in rfc7515.pem -pubout | openssl dgst -sha256
PUBLIC_SHA256 = "2c5eeea39708e90396f9f09d920f2af8b7e9f84ace963c1319072224dd3d302b"
# Keys that cannot sign for Bitget: what the refusal must name, and the DER in base64.
FOREIGN = {
    # openssl genpkey -algorithm ED25519
    #   | openssl pkcs8 -topk8 -passout pass:x
    "an encrypted PKCS#8 key": (
        "an encrypted key",
        "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAincUMdtuCIfwICCAAwDAYIKoZIhvcN"
        "AgkFADAdBglghkgBZQMEASoEEAUMjhyXy2GJ7pbXFO8bilQEQBcmBUFEVK1eMYsYux7DrKlVThBv"
        "g78nU1ZhTX7eStMHbqsf1L0z7ngapwnfoEELBlcAxSa6VwtlkxKyRJCkt9I=",
    ),
    # openssl genpkey -algorithm ED25519 | openssl pkey -pubout
    "a SubjectPublicKeyInfo": (
        "a public key",
        "MCowBQYDK2VwAyEAqf6GMzgsOlWSgv4uu5XwapN/4UbFlS3eSP7mcap7BUk=",
    ),
    # openssl genrsa 512 | openssl rsa -RSAPublicKey_out
    "a PKCS#1 public key": (
        "a public key",
        "MEgCQQDBhcGjCR75ID7qEVCl5U+LUX0AhPe+cfXDzqaPznkol4RfEwnvM5ofE8RKrDchJ/nb/34w"
        "mgxhPEQBAnzLcE9PAgMBAAE=",
    ),
    # openssl req -x509 -newkey ed25519 -nodes -keyout /dev/null -subj /CN=x
    "a certificate": (
        "a certificate",
        "MIIBLDCB36ADAgECAhQCvFRlQcqBm5YvsUdMuXERnP15+zAFBgMrZXAwDDEKMAgGA1UEAwwBeDAe"
        "Fw0yNjExMjMwMTAwMzZaFw0yNjEyMjMwMTAwMzZaMAwxCjAIBgNVBAMMAXgwKjAFBgMrZXADIQBv"
        "nmEJOsE1EFQuTO7OFj9zf/jm7rB1zo178GqRIACupKNTMFEwHQYDVR0OBBYEFPIHNI7X0lvBlxOW"
        "DZckK984R40hMB8GA1UdIwQYMBaAFPIHNI7X0lvBlxOWDZckK984R40hMA8GA1UdEwEB/wQFMAMB"
        "Af8wBQYDK2VwA0EA/NpBXZhDESJQvZw4DkziAOc2lf/tLJ75mhhCPKw2Kmksjr3eNJnLNZn7QFRO"
        "oVknwjyTKTaJwUzE2vQY++xiBA==",
    ),
    # openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256
    #   | openssl pkcs8 -topk8 -nocrypt
    "an EC key in PKCS#8": (
        "an EC key",
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqwSTKpVACkXR3p1nKXNZi8sv72yY"
        "1QIpaEBR2+ii7F+hRANCAAS+/p798C2Qk9mzyPjdNe9l2UOupnNtqLmjD8ucLqM6o8/zG1CDCzUa"
        "mb6kqH1nPSTy4S7hmoMa9l9mPo29k2KT",
    ),
    # openssl ecparam -genkey -name prime256v1 -noout
    "an EC key in SEC 1": (
        "an EC key",
        "MHcCAQEEIAN5ZbVRwVEV8VK077WhxCYBOhznDirAmMNmsvtivZRdoAoGCCqGSM49AwEHoUQDQgAE"
        "bDyf9eY6F15wNcmxquiDxIBDGKJHtJ2RbPuSz+PPY/ZTvZNqUCPaX67zN9dPlO2T3b+HG/fA6ezk"
        "p4yLhV9GWg==",
    ),
    # openssl genpkey -algorithm ED25519
    "an Ed25519 key": (
        "an Ed25519 key",
        "MC4CAQAwBQYDK2VwBCIEIJ5SGHOLS9JO7YAByeL1ydlnbg6ljJ8NkVM9538LFQFX",
    ),
    # openssl genpkey -algorithm X25519
    "an X25519 key": (
        "no RSA key",
        "MC4CAQAwBQYDK2VuBCIEIJCliwZy94bof4Adv7r6+n/lkeEHTjeCmK+XzlkgWdh9",
    ),
    # openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:512
    "an RSA-PSS key": (
        "an RSA-PSS key",
        "MIIBUQIBADALBgkqhkiG9w0BAQoEggE9MIIBOQIBAAJBALX6z0JmJLiVP63HBf4RV9qqL1ZoUFSU"
        "0gt+W8GUP+r3fsO9N9CEr7g85yWjizOXij6fXJD4rqVInD2OU4g34LUCAwEAAQJABCr7ZjzqqGOa"
        "ssM1Ku2AwpxVOzhmZpmF+gdp2JQpppr8nx1wukrGrX/ZxTHZOFyD6SFd2vsO9Z9q9SBScldAfQIh"
        "AOX6VqCnGAur3gBFk8bcanN9BR9YKzODq4UQmikTOfM7AiEAypIhixkiy+kljNDG3r2Nk1IDeQbY"
        "aBVwpdXskFWpXM8CIF5E752K4OBn4uhZnOm3ECum46KlkY/cOUKiO476wpZhAiAwW5QwXY7F+OFi"
        "7VAcSknq2lBD6xNsPXoHzLrNdfWZVwIgGDlhdIOFAA8oTwMeCTFKt9pfouIQEVctAZc1uuOQf8U=",
    ),
    # openssl genrsa 1024 | openssl pkcs8 -topk8 -nocrypt
    "a key of 1024 bits": (
        "1024 bits",
        "MIICeAIBADANBgkqhkiG9w0BAQEFAASCAmIwggJeAgEAAoGBAMkYLyppbmfH0ZCzcQLohEE9YeeJ"
        "V7HJiGFQow58tvPmuLl2WJJ72jITNsy4mnEbRVLdvvE3R1K/I7MhmoxhEyNbkLrVFymEJfV6m5L5"
        "KxQi0cpA17xgmtGoUIuR+JnHIuj9OqOWrZlq2nRKfpbGGfcypJ+STXoT8rAJAjlg6BXjAgMBAAEC"
        "gYEAq4SfJhOLAaWjD0KeD5b2xxZt3Sh9zbxRQH+gtAiXm2yc/kL8xOQydSeCRBboU7So6kcMR32Y"
        "rfEtp+nvgfCCetASNNPeTxiWJOCNHkxUcMInRwweSAFt2N4G1TclUIXP3MmHu3m+S6l2a/DAtiiO"
        "NO/+8Pp8l3z3KH9xybuGZcECQQDx/na9lAx2/qNhe4wF7hFIQuI7y4Ug5ygGA0/DSRddcIa5fyDX"
        "Lb8foNbUvwZ0gnA75nJcJAArBxNaP2k+eX2xAkEA1Lu6I8DV0EOzDHd10duKHCZH0nZwPaaXMkgp"
        "pzum4+IhObf9Jj432bqTMiXcy4pUo/Dxh9bwkIcgC8iyfPuN0wJAVu+LyN9++uDP4R15WEgGfWdJ"
        "zyF2WjOw9TgLV6TSeAcM32cEbUlJ+BrYEuXtc73IhDxtqRxl0w9frHRLYt5SgQJBALBicuTgJ6hF"
        "6bhFeJAnKq1KZDSx9UB411ZelQLPKAI85XWZAzHpVp+V3iQvVpIBQUqpJWqPIemD0GNU5gFRBfcC"
        "QQDZA0nU8aI9+GVVplyJ802elYE5MYrmsYJKKqvJQI7QbF8ys0ycVeb7OAG9uaj2haPm+yUeEUpL"
        "ZUHUhYmc6thU",
    ),
    # openssl req -x509 -newkey ed25519 -nodes -keyout k.tmp -subj /CN=x -out c.tmp; openssl pkcs12 -export -nokeys -in c.tmp -passout pass:x
    "a PKCS#12 file": (
        "DER that is no key",
        "MIICVwIBAzCCAg0GCSqGSIb3DQEHAaCCAf4EggH6MIIB9jCCAfIGCSqGSIb3DQEHBqCCAeMwggHf"
        "AgEAMIIB2AYJKoZIhvcNAQcBMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAipzrTNWDAT"
        "DQICCAAwDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEC0v3pkahoatEycxfKZzwg2AggFwG6TO"
        "dd4rwESsaxa+0yZgaQ+fm1Xd2e3Qm7IfqKU+gogTZkbDhu87dLa8Q8iMhfHLviJ7U1JYpxzMCQ2r"
        "o5DFUFxjJZt22ZgN11sxASl9WmLFM74p0ogoT5ftWvELSgcKGJf7r2O0y1HkKDrojubY3CaBs1Ap"
        "uFM+gHOzx7EVtIjA4E3E6Y5hguDLOJn4ZaWxPQUtbJ00ouOpkDWS5FjcXRX6Ne3FBILC85cD+qEW"
        "TklVdelAKMIqrcgL4/ou/zw0eaIPdW2EurUBa7fEdwpGVwQN7/zl69zEVFsLP9HauceU2TOHCw7a"
        "06UJfY9kzKFip3Ggqxy70BI5XljbO2Z25DYtb9KjWIVYvK4kPXVu4bYzsvdaPClElxVWOYgZLzwP"
        "GYqFme1UoHZSFnO1qMcoZxSQHwspbUAJLgN9dUxZUc46FTndZvMdyNZaZHODvsW9zpSTgnE6bOoh"
        "6Ohi055lCj/ZmNgOzTBbaQjcPpR9KekwQTAxMA0GCWCGSAFlAwQCAQUABCDSQ3H1sg4mAzd88EoY"
        "eM3CKGDYhJVNP575Q6wUJkq8tAQI4HXdXyTuh48CAggA",
    ),
    # openssl dsaparam -noout -genkey 1024
    #   | openssl pkcs8 -topk8 -nocrypt
    "a DSA key in PKCS#8": (
        "a DSA key",
        "MIIBWgIBADCCATMGByqGSM44BAEwggEmAoGBALFTucrJabLfrAtv8sGpYO0m0SOkv8IQUra55bCH"
        "ZrpcjA6Iw9nPwp+3m7g2lH3WFqb/PiMz9O6ZkmZRTqRLv2SYWlDtAbha+6Ne++FBX8iqQ6L7wOU3"
        "GkMw5+uCTLzUpusWqAQ4QkPz9XJBIO0Ilfh/Pp9iEv6vtE1epbT+/jo/Ah0Aq6KPEfAXb2giV80V"
        "4/DruRDbpeaU/0pdRxoqYwKBgGGsXjhK0rDip/Z2eLPtFQ3jPE334MZGh181CSJY8EQ8vxdNzFK/"
        "o5WihJlZRZpkAn6coEWgslQFcSs9JsywXt1Et6OkCpSEQxwLRgAKAFCIvApr+tbHL5Zq90WLxljj"
        "zyQ3pD+h1XXzrlXo07HAHe7iUjeZKWOK/RTOv+6yPSrmBB4CHEwPgYSH8RqBdTW4yl2Udl6QfxGL"
        "iVDedyU3YTM=",
    ),
    # openssl dsaparam -noout -genkey 1024 | openssl dsa
    "a DSA key as old OpenSSL writes it": (
        "a DSA key",
        "MIIBzAIBAAKBgQCzRpGDR7Ygnf9GrlZdWyb6Sn/O9xa4p3Je6AVyBFFSPaSsakhzxnJs5io5ixvD"
        "3yIPqe1CJvRqiBLYRIg+cr34f8K9lFZnz+THMRGX50F3sX9Qecj6ZLk73w4zsSx2hh9Ih3W96mcI"
        "8pKMW1OztnDsA6LOVXfkNYHytMSSfSaP9QIdAPz6QtCrruUa6NcJltWDW1PQAvMkceCwqOz1sFEC"
        "gYBxsf4J+0ZZZ9zU1fbRPDAHmi2zwH42i91y8DYdl2m2mRf7/k2ugMmd4y5XbXkvvbqrwlmRcWDO"
        "bhbpkqdpjRQsEmCSFUEba+98DsXCF+ZG2AnurEmfiDcvhgEV0pGAcs6K2gisiLc+WsV+EB0mi1q8"
        "sH/05VSQZDrtqsmJisRQswKBgQCIle1IFquOPU3jDH/XHrt3Xp9nsbn7WZH59I7QtCGUsAPBdHcC"
        "nEO9XMKHiMHFDxph//5/Td+vbnrXHXyzCfVVfHYEE4ZI4TGQQGEneYtomzSCWK4hlctp1560CIkf"
        "BkhWy3KBjD849qKa5+HJbq2Lujbbs+gY6nij6kTMVuXi1wIdAOskGUTJ4+87hd2plbOzrZVH4M+0"
        "xTeL2NcRltg=",
    ),
    # openssl genrsa -traditional -primes 3 1024
    #   | openssl rsa -traditional
    "a multi-prime key": (
        "a multi-prime key",
        "MIICfgIBAQKBgQDPHmn2uTWCbkDqysxGaaZ97wezZl5xTVpsA4ywkbPM2O1YaW2zBqtnl4BZHr0y"
        "54IrePsnC7/4qFTyNfQ+z2o4bWq0b6He5sODD6ggowkX1TXjHpZwMGY6BiT6gJOKeS+WsXxOSNV6"
        "g3M8KP3mv9nvSa3tq5v/qVmkg4WzLK9BUwIDAQABAoGBAIu5hNrBD2wyXPEIZs6Jr5v9iUBpqwTc"
        "nkeIDX2Ajb+ACH5AgZToxvFXr17HEn62WxIn2PL9l3R5s7ljnSqzmmzHKjhUsMSyMlBpn1E/5A7O"
        "onDE+j79Wy2agO49uwQbbCPzypQla7buocn2E2yquixvHPlJsSBntGZHHEXfsAWhAis574XWEMK8"
        "nPjP0Bu5ImkamVoIUZh5pPq9LcU834mxpGQtXsYHZZ3ZRy/PAisc2R7gU613eS2LqtVllY8K5Emm"
        "Wop5FrZZYXz7r4t0sMkU8XfLY3sPisgXAissjiFuZItvBIVxRIndkjIki6Uq2p2Zh6Bxlt6mFv/N"
        "BzEnl0hSbfq8G7wPAisG4oas8SuQPPpyv+XIJcaKyesN6cPsnFAOyuaCRuYYhmynM+3sO6TOE8gn"
        "AisZWLW0pznnWXy/G/faj7vRrwilpNiW9uMRx2qHHy1TQUuwI9k8YCwniyLkMIGKMIGHAisfuX8T"
        "aE3ImmMOKuJIkmnS0kFGtKKPF0al1qjJ0tFBj9GBB+Ia7b2jMP/LAisNIIZyk2BMN4XxYNFNUjgz"
        "ogicpzX0m58CFDa3fGJWDJqWF5r5pZIoqqfNAisMuQw1NJpSgiLZ6yCTcyCsgVw8tTfU1Tsl49xR"
        "Nax8/Mk1EjGwRUU5zOO+",
    ),
}
# ssh-keygen -t ed25519 -N ''
OPENSSH = """\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACAjg8mQiOBE/SDCXn9LSgCRHvEVhmIxI7C6SA6+07Z32gAAAIi3BEPVtwRD
1QAAAAtzc2gtZWQyNTUxOQAAACAjg8mQiOBE/SDCXn9LSgCRHvEVhmIxI7C6SA6+07Z32g
AAAEC3xNS1lVI6RALau3Q3da54Ivfy5+QF075ZHt4X5p7JyyODyZCI4ET9IMJef0tKAJEe
8RWGYjEjsLpIDr7TtnfaAAAAAAECAwQF
-----END OPENSSH PRIVATE KEY-----
"""
# openssl genrsa 512 | openssl rsa -traditional -aes128 -passout pass:x
PROC_TYPE = """\
-----BEGIN RSA PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,61A97B82816896AF0BB9F8570E98721D

Ih9914laLomykBjTML5d9CYJqvSGcejWhZ47Sg4UU2n86ANR16V3zjZR0aV7pJsv
t4/ETb8YtQiCpYSyywDYfeugcarpIsRBN+AeuqdxqjsXPPyg4tWx1LTbrX7O1CIA
KAaJAFSoM5nXqyde+r9pm9yJcFmXkuSq79+VVkLBZTa1S82r20UwcUN01gL+aF1h
oeISIDmim1Vs4d/AIAqCbJoCtlCb7kffX2Q9/6b3wTPXqhoLP9lz9yVTbgTozgR5
mP0S27tcZsb+mz35JaJaslfMVsU9XZDA5PK+B4xaP0amcHcW6N1pJ9nhwopBDLrl
UjgdOiWOxt6TgNWAOmZ3FcsIZ9BkVFclDkhHgedD5dDLKW/jR7X36hLYIe7gpltV
l38P+AsGDiGNTZyiFEhFezRWfvGrzP4BRimOQGTSihrEm0eYF1VLDmJMSNNhSauS
-----END RSA PRIVATE KEY-----
"""
KEYS = {
    # RFC 7515, appendix A.2
    "rfc7515": """\
-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXO
jS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxL
aYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNn
juygxmj3AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5
ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkf
toaHLFcW9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHg
VFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyW
PEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe46sui395IW/G
O+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj
kn439X0M/V51gfpRLI9JYanrC4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6
XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl/x/jTj3ccPDVZFD9pIuhLhBOneufuBiB
4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0K
pLttoLhyt3SmqdEf/kgHePDdtzEafpAu+cS191R2JiuoF2yzWXnwFDcqGigp5BNr
0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqE
lMGAg+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6
kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAP
rq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNw
kgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp
5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgwo59dkpN75gJLVds2
9+DAncu3KXU4f2Fa+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/
evpitUf+4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG
yoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+CCoRjaZj
OYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2
tOgrjbcrfvtQJipd+DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3
ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp/gh6A56
03k2+ZQwVK0JKSHuLFkuQ3U=
-----END PRIVATE KEY-----
""",
    # RFC 7520, section 3.4
    "rfc7520": """\
-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCfgQ+0A4Jz0CWR
5Ac/MdK2ABuCzttNkvBQFl1Hz8q4o8Qct3isdVN5P475dXaNGiN02HElZMO813ue
pDRUSJlAfP8AmZIKkxokxEFIUqspvbCpXAZT82xg5gv5C2JY3aVvNwR7pcLR0Cmv
nJ1AuseqQceKDdEGit1pnoCP6gEeoUQdik97tOl7459V8d3UTpxLozUVlwPU00tg
PmUUek8j1tPAmWx17e6EaoLRkK4QeDyWHPA4eu0hBtLQVVtv2Tf61VNTh+D/cv++
eJQUArC4IuoqdLYFjB2r+bNKdstjuH+qLGhHuOKDf/+RGG5rHBSRHPmJqJCSqBzm
Ad2s0/nPAgMBAAECggEAbWUC9B+EFRIo8kpGfh0ZuyGPvMNKvYWNtB/ikiH9k20e
T+O1q/I78eiZkpXxXQ0UTEs2LsNRS+8uJbvQ+A1irkwMSMkK1J3XTGgdrhCku9gR
ldY7sNA/AKZGh+Q661/42rINLRCe8W+nZ34ui/qOfkLnK9QWDDqpaIsA+bMwWWSD
Fu2MUBYwkHTMEzLYGqOe04noqeq1hExBTHBOBdkMXiuFhUq1BU6l+DqEiWxqg82s
Xt2h+LMnT3046AOYJoRioz75tSUQfGCshWTBnP5uDjd18kKhyv07lhfSJdrPdM5P
lyl21hsFf4L/mHCuoFau7gdsPfHPxxjVOcOpBrQzwQKBgQDdKXGD8PBNclxvrT3l
GhfKBAIBnlGcC9mWejXKEe2dR7H9+nsBn/2dFo7sdf/5IV8ZB661qjZMOMMBZThW
6mTyvD0lHQDNnQ3Z++4gCav9YKyYal42pCd6/VPsjISyeHxQy36fkJp+GSKTOESy
uad0fovE6u9EmWw+npm/xtSrSQKBgQC4oTZ2H5xN/oREXiTh7+PLvwZ89hQhpTKh
JIm4HOncK5uTc4KqzqCtPxtH9y7QObUxnBaa12oPIj3ketR6rcw/Xm8ww43yUdN5
m7aWYq/CpbtqdXlTOEzWJnvPjIyS5TAVagG/Jjz3wRe9EP6F2pHEeVKoBnX3bMHe
lUUnSzukVwKBgAfD1b15Lya49i/hmEO798va+isOYPUmoVwcLFlM6dfU1ZYCPmFf
OatTSG9a8ULQ/iLF10d/k2p3r7kT0beTgTnYjBkKfKW7duoJY2HylPxPcZ/kVCx8
9PnnfRPYFyyg+FRp4Kc/j30P6tvaZOcVh6CadNPUH9R7woYsUV+fXoYpAoGACLDm
DGduhylc9o7r84rEUVn7pzQ6PF83Y+iBZx5NT+TpnOZKF1pErAMVeKzFEl41DlHH
qqBLSM0W1sOFbwTxYWZDm6sI6og5iTbwQGIC3gnJKbi/7k/vJgGHwHxgPaX2PnvP
+zyEkDERuf+ry4c/Z11Cq9AqC2yeL6kdKT1cYF8CgYEA3PiqvXQN0zwMeE+sBvZg
i289XP9XCQF3VWqPzMKnIgQp7/Tugo6+NZBKCQsMf3HaEGBjTVJs/jcK8+TRXvaK
e+7ZMaQj8VfBdYkssbu0NKDDhjJ+GtiseaDVWt7dcH0cfwxgFUHpQh7FoCrjFJ6h
6ZEpMF6xmujs4qMpPz8aaI4=
-----END PRIVATE KEY-----
""",
    # openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096
    "k4096": """\
-----BEGIN PRIVATE KEY-----
MIIJQgIBADANBgkqhkiG9w0BAQEFAASCCSwwggkoAgEAAoICAQCrsavVvYf/Df2U
HPam/SeUOt3trAhQvoXW70vw/WIy3HJAcqruj14EvudaSudL5t/aU+2lP65S5uLi
Uu4UPNLLb6VtElcb/ZoBJqTmJrAKx/rDXIPL29CPGzR+KFJfFWW5KZfpkKyzPMLr
z779Hc/D+2srGWfp80X74OE/Rpo1pr8SN+jcjPGVpE1ogQ0DzzGh273inrd9yrHe
bEwu1WrapM+Wp5WzGVbr/0NluR5amdT12jhKpYPhlRqA9LxoT8uqDFVnJd4RSFS7
cgnvYEazRfUIRlxiM7qjkUq3OmEmYxv3+riH/iwEAc0ZQSl3BX/T0D51dEbV6Okz
QJt7SJApibuoAe9haFG5oSl9tIdeCYGPZg80CCi4lo03i+QnX0451n/UbkIpOxPU
4QhMobnyzzeEL6xW7B/YXwce7poYIIwyAyWuHNGW9ksTjbaRyoJcEKRV3oEo0W4S
xUJpybJapY8wz3hVLT0IUwqX7SGzGtGSqNNzEAT/HlHzKn12TSNfOEmr8H6CeR+6
mNkGW7UWZEJr/MzDJuZ1I0VmwLWL83wALCaxyvP3jhhQpZk2EJWEr4eHmdkW9TTm
wqSPI2WXfRlPv9gEohTQZPzHLc8jpdAsytYUawev7Xa98TO3WQ7i0h/Wxh2GDnXG
Qw9/tnF0WT9GtNbEYR5BcOQx7L/2MQIDAQABAoICAAY3f7ZUj4kPs5/aUKAJSJaY
bxK9COwLigMXVRObySN4Ufa9cC0FKe1YED53udpIuNBJ+6/hF2nPDGYPhKlc7nEJ
UN8bK+ZKj3n9MTlYK0Woqg7K2cbW5b1YydTLlvf0aWOD+wktAOPYjmJFem/l1XEO
OHouCFIzSdRt9xn4b3sD16VMOvVJcTHu6hKfoZ4CsZRfxYdgIdq/LSOVnkiP17el
AhM9bDE4+KnA62rSgiPbsBda2HDzf0v6vyPuOKg6Q3Cb07fRajIMAW1sGqn9PXIe
VVoAWjYAE4D6sM7joULnkcqv3GCoNmXKvudsMZkqrM85mhlcpXf3YAJIE5kqLnYT
PoEzbUolNJ94JZ1qEuWiLiuhLWx5gYsGbgYDpc9S+dWqAXajwbMdDaEao7ziYQkP
mFMymdteeuRPMu3GZ++e5/x13n5iY35AfAHRwjwxd6hegeGnTNVPadPU2zUuG1zx
XQuR7nea7mdPGKDiWBnLJQxtEKNZVD6hUSOtJPGAtP2ArJiBznwabSEVx2X7tkKK
YxBgBoeEObiw9SQJDQz7O9KT32kIltsURiTIHdfn+7b5wBgqHCcl2MOQZ2rtZ/Re
PAc2Bz99xjtqg3KOcAcB2EhwFcxUB8nG9EcgzYF/6xq0Ao2zqJj0WqUVcT65aDM9
Tc/9wlcgKukyR/u78QhFAoIBAQDxRD8VagR+2MkyLHAxHPOj2UiB6oVH9ZIu2dDX
i4DaB0+dJi/VBrc6pPaO1WXJhoxT3LqK/p56O0or+MQmx2eRnrMQZiMLd2XgGN9Z
/Hj9ZjLU8y20+IGQq5kfeJprb1J2vZHBVaLECNjdaXUe6HJzIvR+ltShcs1deOit
qIQPKpbXAhzDY/PLbU0LhWf4o36/gv9zV3Y8cb04bZgGu5zu6jSaNg3mpPEXSkaH
EQFcZX/WxfzR160D8hBFIpdKZ8R7r/kr43wJNoqocI41BukWxWcU0PXpi1ioGYsu
cwZ7b9hvPQhyvD8ZIgWxjdKueJY4wSJMjUVFiIVtxtgA8UcDAoIBAQC2LcmXkPPI
fG0rA8nn7TK49kt+FS91pxBmgkSKuTTWfmd9hEs/+oPvvUfMjVtXuVcYR2Q+ZvRI
OQxo3NchZRSUlHR/3FHnZmvGqQ4lQ91/xqEto/pmwd83W/ZkMV8H5iRC4sgNYFi4
K9pJupkLm/K9KtWabOeUDKSV1BRGLXI50bUbCfCoFpNTsyDATUeIC6G26g/3Smna
rgMJZCkcB70lfoFF/lniz3BH2lT1yzJ1Araw8M2JgjHz3BdqhdDr/b2f8+qVan+k
An/pVTIwD9Az2hZ5QgbmBIGyGfreu7IdUDiL9e6PHQfaghfxKTIxaAXFwoGphNfW
pTrb06rW5127AoIBABqM1BRbMltzJ9Dpqv78nKMvShdh44DjuU6GkcDmjStxGoXE
qgbbUlaVyLw3J5hhwheIds7M7kutMqBcI9nQn8kamcH4O2sLnJ5onkucyQO5t2ZP
zHvZzQhKmfMopnWkLoL6oYuRDPRdtN/ItybLlayt8BHuL0AFDix3HcPeg4nXufm3
NcsauL1uLchSyfpGo7AXjlz3Bv/n1FbdWJmFE+QGyfseb7Et/Yn+lnxOlsPAN60+
5G+DOHryrG+vOs7pVGn4F4eI5SFuaxvWJxAWzpe+6XUU+brVps/436Qg7FmxGTRE
lyVpKdhuMgoz/TdN9doRBuE9up3IREasVyDjbFkCggEAJExnOF3XVQEFt2Zf2mg2
jQf17r9F34lUCTi3c3SHhJ1W/XlYjPzbQO9T2PvpUUdKhTnkTVKyJZnIUTR/YNYF
Db2uoLNDVnnfy4tvmBk3jvgCsVdU0xiZ4yvdogT8TFScsP8CoTerNbb3HW2ihN+j
s/FO8h/03FjQilHhYEI52i9giGyomLU20ZyFUAuVzxOSOyHT4I/hG4NEc6CTWFRq
aYgVNd8CBeETHB3yg67i9NF/mS3Bpj5cuZwGxmC3Se4a1D4DZZX8rK8a0WD6SP09
nLc9dxeizD3loZjvlWWMja6oNargx38fS3hUUObGa3WwgMDKmP4xC0GMwrQf/AXJ
dQKCAQEAufgGFF9S6AYPIJ80wvzT2DRGxQHVhAo0j9x95oPquPBPOC/LqunFqqyk
t4+huqwK4EE6dW6p+5/QKS0B5aYiYU0G3Rg7TGOmNdtfFKN5Tt37c3cn8V/26dDK
I0TrAcUmqt2Ll6bIcM23KeIPtE2l/M8bMefX2KEE8vcZ/VAfaX/X1knLpL+jF3Ys
SkOGKb1a1hc4Af07nBPAGAXq3R9mMLrUC50SAEVGUnpD61MDGORLczO2uyK0ITYx
quDSb3PP0ad4dR64hVKlMFi1u5X+M/fBxTy8hSgtXXC1GUHkVPbKA5gs1TFCpHeG
irGZj6hJUTLe7wOmx7BALpTXd0+dCw==
-----END PRIVATE KEY-----
""",
}
# openssl req -x509 -key rfc7520.pem -subj /CN=localhost -days 36500
#   -addext subjectAltName=DNS:localhost
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIDITCCAgmgAwIBAgIUfjhuevftV1LBHOAJNcsCSlnZMGIwDQYJKoZIhvcNAQEL
BQAwFDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzAxMDAzNloYDzIxMjYx
MDMwMDEwMDM2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwggEiMA0GCSqGSIb3DQEB
AQUAA4IBDwAwggEKAoIBAQCfgQ+0A4Jz0CWR5Ac/MdK2ABuCzttNkvBQFl1Hz8q4
o8Qct3isdVN5P475dXaNGiN02HElZMO813uepDRUSJlAfP8AmZIKkxokxEFIUqsp
vbCpXAZT82xg5gv5C2JY3aVvNwR7pcLR0CmvnJ1AuseqQceKDdEGit1pnoCP6gEe
oUQdik97tOl7459V8d3UTpxLozUVlwPU00tgPmUUek8j1tPAmWx17e6EaoLRkK4Q
eDyWHPA4eu0hBtLQVVtv2Tf61VNTh+D/cv++eJQUArC4IuoqdLYFjB2r+bNKdstj
uH+qLGhHuOKDf/+RGG5rHBSRHPmJqJCSqBzmAd2s0/nPAgMBAAGjaTBnMB0GA1Ud
DgQWBBTDgwKdvAPqbbCmehDaw0PwavI83jAfBgNVHSMEGDAWgBTDgwKdvAPqbbCm
ehDaw0PwavI83jAPBgNVHRMBAf8EBTADAQH/MBQGA1UdEQQNMAuCCWxvY2FsaG9z
dDANBgkqhkiG9w0BAQsFAAOCAQEAjTpZAJA0jMnWXZLjzb0iO5jccRp1NpPYJNNU
N/+dVJ6+kdxf+k9AYLpn6owww0pATn72q60+bGWqmNtKRezkwk7e+3fMKE4mIImk
ZCIhBo5joTJMbmAuiAE2lhO98eCEV26g7c44gQ7i5+W7yXdXtpJPOIr7nMx/N3ja
sjCBavghWZi7iCXdBIlBaJb3labRS4RO006UdHQLmnkjyEc+g3gjzOy11RwX+mRA
/q23CEWOcTk+yT6UywAkeha0/ZhfY1im4hG+2nXo/N3BJ8buMKddfUeN4KIO1TTx
Hs1PDSimkxm8bBnNaorQI2Xlpf5SKCgCME+g/wtHabKu2dh5vQ==
-----END CERTIFICATE-----
"""


def pem(der: bytes, label: str) -> str:
    """Write PEM by hand."""
    text = base64.b64encode(der).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def der(text: str) -> bytes:
    """Read PEM by hand."""
    return base64.b64decode("".join(text.split("-----")[2].split()))


PKCS8 = der(KEYS["rfc7515"])
PKCS1 = PKCS8[26:]  # PKCS#8 wraps the PKCS#1 of a 2048-bit key in 26 bytes
KEY = load_private_key(KEYS["rfc7515"])
PUBLIC = rsa.PublicKey(KEY.n, KEY.e)
CREDENTIALS = Credentials("bg_test", PASSPHRASE, KEY)
ACCOUNT = bitget_rsa._Account(PASSPHRASE, PUBLIC)
ORDER_PATH = "/api/v2/spot/trade/place-order"
ORDER = {"symbol": "BTCUSDT", "side": "buy", "size": "0.01", "clientOid": "a-1"}
SECRETS = (
    PASSPHRASE,
    *(str(number) for number in (KEY.d, KEY.p, KEY.q, KEY.exp1, KEY.exp2, KEY.coef)),
    *(f"{number:x}" for number in (KEY.d, KEY.p, KEY.q)),
    *KEYS["rfc7515"].split("\n")[7:-2],
)


def openssl(*arguments: str, stdin: bytes | str = b"") -> bytes:
    """Ask OpenSSL."""
    octets = stdin.encode() if isinstance(stdin, str) else stdin
    command = [str(OPENSSL), *arguments]
    return subprocess.run(command, input=octets, capture_output=True, check=True).stdout


class Case(unittest.TestCase):
    """What the tests of all sections share."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext_(tempfile.TemporaryDirectory()))

    def enterContext_(self, context: Any) -> Any:
        """Do what unittest offers from Python 3.11 on."""
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    @contextlib.contextmanager
    def refused(
        self, *words: str, error: type[Exception] = ValueError
    ) -> Iterator[types.SimpleNamespace]:
        """Expect an error of this kind, of one line, with these words and no secret."""
        found = types.SimpleNamespace(caught=None)
        try:
            yield found
        except error as caught:
            found.caught = caught
            for word in words:
                self.assertIn(word, str(caught))
            self.assertNotIn("\n", str(caught))
            self.keep_secrets(traceback.format_exc() + repr(caught))
        else:
            self.fail(f"nothing was refused, expected {words}")

    def keep_secrets(self, text: str) -> None:
        """Fail when a planted secret stands in the text."""
        for secret in SECRETS:
            self.assertNotIn(secret, text)

    def write(self, name: str, content: str | bytes, mode: int = 0o600) -> Path:
        """Write a file in a folder of this test's own."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path


# ---- Errors -------------------------------------------------------------------------


class TestErrors(Case):
    def test_all_share_one_base_and_a_bad_key_is_a_value_error_too(self) -> None:
        for error in (KeyFormatError, ApiError, TransportError):
            self.assertTrue(issubclass(error, BitgetError))
        self.assertTrue(issubclass(KeyFormatError, ValueError))
        self.assertFalse(issubclass(ApiError, ValueError))

    def test_api_error_tells_code_message_status_and_advice(self) -> None:
        error = ApiError("40009", "sign error", 400, 5, "do this")
        expected = "Bitget refused: 40009 sign error (HTTP 400); do this"
        self.assertEqual(str(error), expected)
        bare = ApiError("43011", "bad", 200, None, "")
        self.assertEqual(str(bare), "Bitget refused: 43011 bad (HTTP 200)")

    def test_transport_error_says_whether_an_order_may_exist(self) -> None:
        self.assertEqual(str(TransportError("x", False)), "x; nothing was sent")
        self.assertIn(
            "unknown: look an order up by its", str(TransportError("x", True))
        )

    def test_errors_survive_pickling_and_copying(self) -> None:
        for error in (
            ApiError("40009", "sign error", 400, 5, "do this"),
            TransportError("refused", False),
            KeyFormatError("text"),
        ):
            self.assertIn(error, {error})
            for twin in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
                self.assertEqual(str(twin), str(error))
                self.assertEqual(vars(twin), vars(error))

    def test_text_of_strangers_cannot_control_a_terminal(self) -> None:
        error = ApiError(
            "4\x1b[2J", "\x00\x9b31m\u202e\r\nok" + "x" * 999, 400, None, ""
        )
        self.assertTrue(str(error).isprintable())
        self.assertLess(len(str(error)), 250)


# ---- The string that is signed ------------------------------------------------------


class TestTheStringThatIsSigned(Case):
    def test_known_answers(self) -> None:
        for vector in VECTORS:
            with self.subTest(vector.why):
                query = urllib.parse.unquote(vector.target.partition("?")[2])
                body = vector.prehash[len(f"{vector.timestamp_ms}POST{vector.path}") :]
                message = prehash(
                    vector.timestamp_ms,
                    vector.method,
                    vector.path,
                    query,
                    body if vector.method == "POST" else "",
                )
                self.assertEqual(message, vector.prehash)
                digest = hashlib.sha256(message.encode()).hexdigest()
                self.assertEqual(digest, vector.sha256)

    def test_parts_are_joined_in_order_without_separators(self) -> None:
        self.assertEqual(prehash(1, "GET", "/a"), "1GET/a")
        self.assertEqual(prehash(0, "Post", "/a", "b=c", "{}"), "0POST/a?b=c{}")

    def test_timestamp_is_an_int(self) -> None:
        for wrong in (1.0, 1763800000000.5, "1763800000000", True, -1, None):
            with self.subTest(wrong), self.refused("timestamp", "int", repr(wrong)):
                prehash(wrong, "GET", "/a")  # type: ignore[arg-type]

    def test_an_error_is_one_plain_sentence(self) -> None:
        with self.assertRaises(ValueError) as caught:
            prehash(1, "PUT", "/a")
        text = "method: expected GET or POST, found 'PUT'"
        self.assertEqual(str(caught.exception), text)

    def test_method_is_get_or_post(self) -> None:
        for wrong in ("", "PUT", "DELETE", "GET ", "GET\r\nX: y", " POST"):
            with self.subTest(wrong), self.refused("method", "GET or POST"):
                prehash(1, wrong, "/a")

    def test_path_is_a_slash_and_visible_ascii(self) -> None:
        prehash(1, "GET", "/!$%&'()*+,-./0:;<=>@A[]^_`a{|}~")
        for wrong in (
            "", "a", "@evil.example/x", ".evil.example/", "https://evil.example/", " /a",
            "/a b", "/a\r\nX: y", "/a\n", "/a\t", "/a\0", "/a\x7f", "/ä", "/龙",
            "/a?b=c", "/a#b", "/a\\b",
        ):  # fmt: skip
            with self.subTest(wrong), self.refused("path", "slash", "params"):
                prehash(1, "GET", wrong)

    def test_query_comes_without_its_question_mark(self) -> None:
        self.assertEqual(prehash(1, "GET", "/a", "b=?"), "1GET/a?b=?")
        with self.refused("query", "without the ?"):
            prehash(1, "GET", "/a", "?b=c")

    def test_every_part_is_text(self) -> None:
        for at, name in enumerate(("method", "path", "query", "body")):
            for wrong in (None, b"GET", 5):
                parts: list[Any] = ["GET", "/a", "", ""]
                parts[at] = wrong
                with self.subTest(name), self.refused(name, "expected str"):
                    prehash(1, *parts)
        with self.refused("query", "not UTF-8"):
            prehash(1, "GET", "/a", "b=\udcff")


# ---- The key and the signature ------------------------------------------------------


class TestSignature(Case):
    def test_rfc_signatures(self) -> None:
        for name, message, signature in RFC_SIGNATURES:
            with self.subTest(name):
                self.assertEqual(sign(message, load_private_key(KEYS[name])), signature)

    def test_known_answers(self) -> None:
        keys = {name: load_private_key(text) for name, text in KEYS.items()}
        for vector in VECTORS:
            with self.subTest(vector.why):
                signature = sign(vector.prehash, keys[vector.key])
                self.assertEqual(signature, vector.signature)
                self.assertEqual(len(signature), 684 if vector.key == "k4096" else 344)

    @unittest.skipUnless(OPENSSL, "openssl is not installed")
    def test_openssl_computes_the_same_answers(self) -> None:
        for name, text in KEYS.items():
            path = str(self.write(f"{name}.pem", text))
            for vector in VECTORS:
                if vector.key == name:
                    signature = openssl(
                        "dgst", "-sha256", "-sign", path, stdin=vector.prehash
                    )
                    encoded = base64.b64encode(signature).decode()
                    self.assertEqual(encoded, vector.signature, vector.why)
                    digest = openssl("dgst", "-sha256", "-r", stdin=vector.prehash)
                    self.assertEqual(digest.split()[0].decode(), vector.sha256)

    def test_one_vector_begins_with_a_zero_byte(self) -> None:
        self.assertEqual(base64.b64decode(VECTORS[-1].signature)[0], 0)

    def test_a_plain_rsa_key_gives_the_same_signature(self) -> None:
        plain = rsa.PrivateKey.load_pkcs1(PKCS1, "DER")
        self.assertEqual(sign("message", plain), sign("message", KEY))

    def test_a_changed_signature_or_message_does_not_verify(self) -> None:
        signature = base64.b64decode(sign("message", KEY))
        rsa.verify(b"message", signature, PUBLIC)
        with self.assertRaises(rsa.VerificationError):
            rsa.verify(b"messagf", signature, PUBLIC)
        for at in range(0, 256, 5):
            spoilt = bytes(b ^ (at == index) for index, b in enumerate(signature))
            with self.assertRaises(rsa.VerificationError):
                rsa.verify(b"message", spoilt, PUBLIC)

    def test_the_private_operation_is_the_blinded_crt(self) -> None:
        name = "blinded_decrypt"
        spied = mock.patch.object(
            rsa.PrivateKey,
            name,
            autospec=True,
            side_effect=rsa.PrivateKey.blinded_decrypt,
        )
        with spied as spy:
            sign("message", KEY)
        self.assertEqual(spy.call_count, 1)

    def test_a_faulty_signature_never_leaves(self) -> None:
        faulty = load_private_key(PKCS8)
        for name in ("exp1", "exp2", "coef"):
            good = getattr(faulty, name)
            setattr(faulty, name, good ^ 4)
            with self.refused("computed one that does not", error=BitgetError):
                sign("message", faulty)
            setattr(faulty, name, good)
        self.assertEqual(sign("message", faulty), sign("message", KEY))

    def test_a_callable_gets_the_bytes_and_gives_the_raw_signature(self) -> None:
        self.assertEqual(sign("é", lambda octets: octets * 2), "w6nDqQ==")

    def test_a_callable_must_give_bytes(self) -> None:
        for wrong in ("c2ln", None, b"", bytearray(b"x")):
            with self.subTest(wrong), self.refused("private_key", "bytes"):
                sign("message", lambda _octets, wrong=wrong: wrong)  # type: ignore[misc]

    def test_an_error_of_the_callable_comes_through(self) -> None:
        def broken(_octets: bytes) -> bytes:
            raise ConnectionError("the HSM is off")

        with self.assertRaisesRegex(ConnectionError, "HSM"):
            sign("message", broken)

    def test_a_key_is_a_key_or_a_callable(self) -> None:
        for wrong in (None, "private.pem", KEYS["rfc7515"], PUBLIC):
            with self.refused("private_key", "load_private_key()"):
                sign("message", wrong)  # type: ignore[arg-type]

    def test_message_is_text(self) -> None:
        with self.refused("message", "expected str"):
            sign(b"message", KEY)  # type: ignore[arg-type]

    def test_signing_keeps_nothing(self) -> None:
        before = {name: getattr(KEY, name) for name in ("n", "e", "d", "p", "q")}
        self.assertEqual(sign("a", KEY), sign("a", KEY))
        self.assertEqual({name: getattr(KEY, name) for name in before}, before)


class TestPrivateKey(Case):
    def test_repr_shows_size_and_public_fingerprint_only(self) -> None:
        fingerprint = hashlib.sha256(public_key_pem(KEY).encode()).hexdigest()[:16]
        text = f"<PrivateKey: 2048 bits, public.pem {fingerprint}>"
        for shown in (repr(KEY), str(KEY), f"{KEY}", repr([KEY])):
            self.assertIn(text, shown)
            self.keep_secrets(shown)

    def test_it_is_an_rsa_private_key(self) -> None:
        self.assertIsInstance(KEY, rsa.PrivateKey)
        for twin in (copy.deepcopy(KEY), pickle.loads(pickle.dumps(KEY))):
            self.assertEqual(twin, KEY)
            self.assertEqual(sign("message", twin), sign("message", KEY))

    def test_numbers_that_do_not_belong_together_are_refused(self) -> None:
        good = {name: getattr(KEY, name) for name in ("n", "e", "d", "p", "q")}
        PrivateKey(**good)
        other = load_private_key(KEYS["rfc7520"])
        spoilt: list[dict[str, int]] = [
            *({name: good[name] + 2} for name in good),
            *({name: -good[name]} for name in good),
            *({name: 0} for name in good),
            *({name: 1} for name in good),
            *({name: getattr(other, name)} for name in ("n", "d", "p", "q")),
            {"n": -good["n"], "p": -good["p"]},
            {"p": -good["p"], "q": -good["q"]},
            {"p": good["n"], "q": 1},
            {"p": good["q"], "n": good["q"] ** 2},
            {"d": good["d"] + good["n"] * (good["p"] - 1) * (good["q"] - 1)},
            {"e": 1, "d": 1},
            {"e": 1, "d": (KEY.p - 1) * (KEY.q - 1) // 2 + 1},
            {"e": 5, "d": 5, "p": 15, "q": 25, "n": 375},  # p and q share a factor
        ]
        for change in spoilt:
            with self.subTest(change=list(change)):
                with self.refused("do not belong", "-check", error=KeyFormatError):
                    PrivateKey(**{**good, **change})

    def test_a_small_public_exponent_is_accepted(self) -> None:
        self.assertEqual(PrivateKey(187, 3, 107, 11, 17).e, 3)

    def test_primes_in_either_order(self) -> None:
        swapped = PrivateKey(KEY.n, KEY.e, KEY.d, KEY.q, KEY.p)
        self.assertEqual(sign("message", swapped), sign("message", KEY))

    def test_twelve_threads_share_a_key(self) -> None:
        expected = sign("message", KEY)
        results: list[str] = []
        threads = [
            threading.Thread(
                target=lambda: results.extend(sign("message", KEY) for _ in range(5))
            )
            for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [expected] * 60)


class TestKeyFiles(Case):
    FORMS: Mapping[str, str | bytes] = {
        "PKCS#8": KEYS["rfc7515"],
        "PKCS#1": pem(PKCS1, "RSA PRIVATE KEY"),
        "PKCS#1 labelled as PKCS#8": pem(PKCS1, "PRIVATE KEY"),
        "PKCS#8 labelled as PKCS#1": pem(PKCS8, "RSA PRIVATE KEY"),
        "a label of no kind of key": pem(PKCS8, "CERTIFICATE"),
        "bytes": KEYS["rfc7515"].encode(),
        "CRLF": KEYS["rfc7515"].replace("\n", "\r\n"),
        "CR": KEYS["rfc7515"].replace("\n", "\r"),
        "UTF-8 with byte-order mark": KEYS["rfc7515"].encode("utf-8-sig"),
        "str with byte-order mark": "\ufeff" + KEYS["rfc7515"],
        "UTF-16, little endian": b"\xff\xfe" + KEYS["rfc7515"].encode("utf-16-le"),
        "UTF-16, big endian": b"\xfe\xff" + KEYS["rfc7515"].encode("utf-16-be"),
        "no newline at the end": KEYS["rfc7515"].rstrip(),
        "text around it": f"Bag Attributes\n id: 1\n{KEYS['rfc7515']}-- \nBob's key\n",
        "Chinese around it": "密钥\n" + KEYS["rfc7515"],
        "Latin-1 around it": b"Schl\xfcssel\n" + KEYS["rfc7515"].encode(),
        "a public key before it": public_key_pem(KEY) + KEYS["rfc7515"],
        "a certificate after it": KEYS["rfc7515"] + CERTIFICATE,
        "indented": KEYS["rfc7515"].replace("\n", "\n    "),
        "one line": KEYS["rfc7515"].replace("\n", " "),
        "one line without spaces": KEYS["rfc7515"].replace("\n", ""),
        "literal \\n": KEYS["rfc7515"].replace("\n", "\\n"),
        "literal \\r\\n in quotes": f'"{KEYS["rfc7515"]}"'.replace("\n", "\\r\\n"),
        "bare base64": base64.b64encode(PKCS8).decode(),
        "bare base64 of PKCS#1": base64.b64encode(PKCS1),
        "bare base64 in lines": "".join(KEYS["rfc7515"].split("-----")[2]),
        "bare base64 in quotes": f"'{base64.b64encode(PKCS8).decode()}'\n",
        "bare base64 with byte-order mark": b"\xef\xbb\xbf" + base64.b64encode(PKCS8),
        "DER of PKCS#8": PKCS8,
        "DER of PKCS#1": PKCS1,
        "DER as text": PKCS8.decode("latin-1"),
        "bare base64 as text with byte-order mark": "\ufeff"
        + base64.b64encode(PKCS8).decode(),
    }

    def test_every_form_gives_the_same_key(self) -> None:
        for name, source in self.FORMS.items():
            with self.subTest(name):
                self.assertEqual(load_private_key(source), KEY)
                octets = source.encode() if isinstance(source, str) else source
                if name != "DER as text":
                    self.assertEqual(load_private_key(self.write("key", octets)), KEY)

    @unittest.skipUnless(OPENSSL, "openssl is not installed")
    def test_keys_fresh_from_openssl(self) -> None:
        made = openssl(
            "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"
        )
        old = openssl("rsa", "-traditional", stdin=made)
        self.assertIn(b"BEGIN PRIVATE KEY", made)
        self.assertIn(b"BEGIN RSA PRIVATE KEY", old)
        self.assertEqual(load_private_key(made), load_private_key(old))

    def test_other_keys_are_named_with_what_to_do(self) -> None:
        remedies = {
            "an encrypted key": "openssl pkey -in FILE -out private.pem",
            "a public key": "use the private key that belongs to it",
            "a certificate": "use the private key that belongs to it",
        }
        for name, (found, encoded) in FOREIGN.items():
            octets = base64.b64decode(encoded)
            remedy = remedies.get(found, "openssl genpkey -algorithm RSA")
            for source in (octets, pem(octets, "PRIVATE KEY"), encoded):
                with self.subTest(name):
                    words = (f", found {found}; ", remedy)
                    if found == "1024 bits":
                        words = ("one of 1024 bits; ", remedy)
                    with self.refused(*words, error=KeyFormatError):
                        load_private_key(source)

    def test_other_texts_are_named_with_what_to_do(self) -> None:
        cut = KEYS["rfc7515"][:900]
        for source, words in (
            ("", ("nothing", "private.pem")),
            (b"\n \t", ("nothing",)),
            ("private.pem", ("name of a file", "pathlib.Path")),
            ("C:\\keys\\new\\private.pem", ("name of a file",)),
            ("MyKeys/production/bitget/rsa/keys/private.pem", ("name of a file",)),
            ("/home/me/My keys/key.pem", ("name of a file", "BITGET_PRIVATE_KEY_FILE")),
            (b"C:\\keys\\private.pem", ("name of a file",)),
            (hashlib.sha256(b"").hexdigest(), ("HMAC", "user-generated")),
            ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQDs a@b", ("a public key",)),
            ("ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYA", ("a public key",)),
            ("x" * 2000, ("text without a PEM block", "genpkey")),
            (OPENSSH, ("an OpenSSH key", "openssl genpkey")),
            (b"\x30", ("name of a file",)),
            (PROC_TYPE, ("an encrypted key", "openssl pkey -in")),
            (cut, ("without its END line", "copy it again")),
            (cut + KEYS["rfc7520"], ("without its END line",)),
            (cut + "-----END PRIVATE KEY-----", ("copy it again",)),
            (pem(PKCS8, "PRIVATE KEY").replace("A", "!"), ("base64", "copy it again")),
            (KEYS["rfc7515"].replace("\nM", "\nM!", 1), ("base64", "copy it again")),
            (pem(PKCS8[:-3], "PRIVATE KEY"), ("damaged DER", "copy it again")),
            (PKCS8[:-3], ("damaged DER",)),
            (PKCS8[:26] + PKCS1[:-3], ("damaged DER",)),
            (PKCS8 + b"\n", ("bytes after its end",)),
            (b"\x30" * 2 + b"\x02" * 9, ("damaged DER",)),
            ("M" * 65537, ("more than 65536 bytes",)),
            (None, ("NoneType", "pathlib.Path")),
            (7, ("int",)),
        ):  # fmt: skip
            with self.subTest(repr(source)[:20]):
                with self.refused(*words, error=KeyFormatError):
                    load_private_key(source)  # type: ignore[arg-type]

    def test_an_openssh_rsa_key_can_be_rewritten(self) -> None:
        octets = b"openssh-key-v1\0" + b"\0\0\0\x07ssh-rsa" + bytes(200)
        with self.refused("an OpenSSH key", "ssh-keygen -p", error=KeyFormatError):
            load_private_key(pem(octets, "OPENSSH PRIVATE KEY"))

    def test_sizes(self) -> None:
        def resized(bits: int) -> bytes:
            numbers = [0, (1 << (bits - 1)) + 1, 65537, 3, 3, 3, 3, 3, 3]
            content = b"".join(_integer(number) for number in numbers)
            return b"\x30" + _length(len(content)) + content

        for bits in (512, 1024, 2047, 16385):
            with self.refused(f"one of {bits} bits", error=KeyFormatError):
                load_private_key(resized(bits))
        for bits in (2048, 16384):
            with self.refused("do not belong together", error=KeyFormatError):
                load_private_key(resized(bits))

    def test_each_of_the_nine_numbers_is_checked(self) -> None:
        names = ("n", "e", "d", "p", "q", "exp1", "exp2", "coef")
        numbers = [0, *(getattr(KEY, name) for name in names)]
        content = b"".join(map(_integer, numbers))
        self.assertEqual(b"\x30" + _length(len(content)) + content, PKCS1)
        for at in range(9):
            spoilt = list(numbers)
            spoilt[at] += 2
            content = b"".join(map(_integer, spoilt))
            with self.subTest(at), self.refused("do not belong", error=KeyFormatError):
                load_private_key(b"\x30" + _length(len(content)) + content)

    def test_a_flipped_character_is_refused_or_changes_nothing(self) -> None:
        text = KEYS["rfc7515"]
        rng = random.Random(20220101)
        for at in (*range(0, len(text), 9), *range(len(text) - 40, len(text))):
            for char in rng.sample("ABCXYZabcxyz0189+/=-\n !", 2):
                spoilt = text[:at] + char + text[at + 1 :]
                with contextlib.suppress(KeyFormatError):
                    self.assertEqual(load_private_key(spoilt), KEY, (at, char))

    def test_whatever_bytes_come_only_a_key_format_error_comes_out(self) -> None:
        rng = random.Random(7515)
        deep = b"".join(b"\x30\x84" + n.to_bytes(4, "big") for n in range(60000, 6, -6))
        sources = [b"\x30\x80" * 9000 + b"\x02", deep[:60000] + b"\x02", b"\x30\x02"]
        sources += [PKCS8[:end] for end in range(1, len(PKCS8), 40)]
        for _ in range(150):
            spoilt = bytearray(rng.choice((PKCS8, PKCS1)))
            for _ in range(rng.randint(1, 4)):
                spoilt[rng.randrange(rng.choice((40, len(spoilt))))] = rng.randrange(
                    256
                )
            sources += [bytes(spoilt), pem(bytes(spoilt), "PRIVATE KEY").encode()]
            sources += [b"\x30" + rng.randbytes(rng.randrange(80)) + b"\x02"]
            sources += [rng.randbytes(rng.randrange(200))]
        for source in sources:
            with contextlib.suppress(KeyFormatError):
                self.assertEqual(load_private_key(source), KEY)

    def test_nested_pkcs8_ends_in_the_same_error(self) -> None:
        octets = PKCS1
        for _ in range(1500):
            content = (
                b"\x02\x01\x00" + PKCS8[7:22] + b"\x04" + _length(len(octets)) + octets
            )
            octets = b"\x30" + _length(len(content)) + content
        with self.refused(error=KeyFormatError):
            load_private_key(octets)

    @unittest.skipUnless(os.name == "posix", "file modes are POSIX")
    def test_a_file_that_others_can_read_brings_a_warning(self) -> None:
        for mode in (0o600, 0o400, 0o711, 0o622):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                load_private_key(self.write(f"{mode}", PKCS8, mode))
        for mode in (0o640, 0o604, 0o644):
            path = self.write(f"{mode}", PKCS8, mode)
            with self.assertWarnsRegex(UserWarning, f"chmod 600 {path}") as caught:
                load_private_key(path)
            self.assertEqual(caught.filename, __file__)

    def test_elsewhere_than_on_posix_modes_mean_nothing(self) -> None:
        path = self.write("key", PKCS8, 0o644)
        with mock.patch("bitget_rsa.os.name", "nt"), warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assertEqual(load_private_key(path), KEY)

    def test_a_file_that_cannot_be_read_keeps_its_os_error(self) -> None:
        for path in (self.folder / "missing", self.folder):
            with self.assertRaises(OSError):
                load_private_key(path)

    def test_an_endless_file_is_not_read_to_its_end(self) -> None:
        endless = self.write("zeros", b"0" * 10_000_000)
        with self.refused("more than 65536 bytes", error=KeyFormatError):
            load_private_key(endless)


def _length(size: int) -> bytes:
    octets = size.to_bytes((size.bit_length() + 7) // 8 or 1, "big")
    return octets if size < 128 else bytes([128 + len(octets)]) + octets


def _integer(number: int) -> bytes:
    octets = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return b"\x02" + _length(len(octets)) + octets


class TestWritingKeys(Case):
    def test_pem_is_what_openssl_wrote(self) -> None:
        for name, text in KEYS.items():
            with self.subTest(name):
                self.assertEqual(private_key_pem(load_private_key(text)), text)

    @unittest.skipUnless(OPENSSL, "openssl is not installed")
    def test_pem_is_what_openssl_writes(self) -> None:
        fresh = openssl(
            "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"
        )
        for pem_in in (*KEYS.values(), fresh.decode()):
            key = load_private_key(pem_in)
            private = openssl("pkcs8", "-topk8", "-nocrypt", stdin=pem_in)
            public = openssl("rsa", "-pubout", stdin=pem_in)
            self.assertEqual(private_key_pem(key).encode(), private)
            self.assertEqual(public_key_pem(key).encode(), public)
            self.assertEqual(
                public_key_pem(rsa.PublicKey(key.n, key.e)).encode(), public
            )

    def test_public_pem_of_rfc_7515(self) -> None:
        # openssl pkey -in rfc7515.pem -pubout | openssl dgst -sha256
        digest = hashlib.sha256(public_key_pem(KEY).encode()).hexdigest()
        self.assertEqual(digest, PUBLIC_SHA256)

    def test_a_new_key_has_two_primes_of_one_length(self) -> None:
        primes = [KEY.q, KEY.q, KEY.p]  # the first pair is none
        with mock.patch("rsa.prime.getprime", side_effect=primes) as getprime:
            key = generate_private_key()
        self.assertEqual(getprime.call_args_list, [mock.call(1024)] * 3)
        self.assertIsInstance(key, PrivateKey)
        self.assertEqual((key.n, key.e, {key.p, key.q}), (KEY.n, 65537, {KEY.p, KEY.q}))
        self.assertEqual(sign("message", key), sign("message", KEY))

    def test_sizes_of_new_keys(self) -> None:
        for wrong in (0, 1024, 2046, 2049, 16386, -2048, 2048.0, "2048", True):
            with (
                self.subTest(wrong),
                self.refused("bits", "2048 to 16384", repr(wrong)),
            ):
                generate_private_key(wrong)  # type: ignore[arg-type]


# ---- The request --------------------------------------------------------------------


class TestCredentials(Case):
    def test_repr_shows_neither_passphrase_nor_key(self) -> None:
        plain = rsa.PrivateKey.load_pkcs1(PKCS1, "DER")
        for key in (KEY, plain):
            shown = repr(Credentials("bg_1", PASSPHRASE, key, demo=True))
            self.assertEqual(shown, "Credentials(api_key='bg_1', demo=True)")

    def test_frozen(self) -> None:
        with self.assertRaises(dataclasses.FrozenInstanceError):
            CREDENTIALS.demo = True  # type: ignore[misc]

    def test_values_that_cannot_stand_in_a_header_are_refused(self) -> None:
        Credentials("!~", "x" * 128, KEY)
        for wrong in (
            "", " ", "a b", "a\n", "a\r\nX: y", "\ta", "é", "龙", "a\0", "a\x7f",
            "x" * 129, KEYS["rfc7515"], KEYS["rfc7515"].replace("\n", ""),
            base64.b64encode(PKCS8).decode(), None, 5, b"bytes",
        ):  # fmt: skip
            for name in ("api_key", "passphrase"):
                values: dict[str, Any] = {
                    "api_key": "a",
                    "passphrase": "b",
                    name: wrong,
                }
                with self.subTest(name), self.refused(name, "visible ASCII"):
                    Credentials(private_key=KEY, **values)

    def test_private_key_is_a_key_or_a_callable(self) -> None:
        Credentials("a", "b", lambda octets: octets)
        for wrong in (None, KEYS["rfc7515"], PUBLIC):
            with self.refused("private_key", "load_private_key()"):
                Credentials("a", "b", wrong)  # type: ignore[arg-type]

    def test_demo_is_a_bool_lest_an_order_be_live_by_mistake(self) -> None:
        for wrong in ("false", 0, 1, None):
            with self.subTest(wrong), self.refused("demo", "True or False"):
                Credentials("a", "b", KEY, demo=wrong)  # type: ignore[arg-type]


class TestEnvironment(Case):
    ENVIRON: Mapping[str, str] = {
        "BITGET_API_KEY": "bg_1",
        "BITGET_PASSPHRASE": PASSPHRASE,
        "BITGET_PRIVATE_KEY": KEYS["rfc7515"].replace("\n", "\\n"),
    }

    def test_key_as_text_and_as_file(self) -> None:
        path = self.write("key.pem", KEYS["rfc7515"])
        environ = {**self.ENVIRON, "BITGET_PRIVATE_KEY_FILE": str(path)}
        for without in ("BITGET_PRIVATE_KEY", "BITGET_PRIVATE_KEY_FILE"):
            one = {name: value for name, value in environ.items() if name != without}
            found = Credentials.from_env(one)
            self.assertEqual(found, Credentials("bg_1", PASSPHRASE, KEY, demo=False))
            found = Credentials.from_env({**one, without: ""})
            self.assertEqual(found.private_key, KEY)
        with self.refused("environment", "unset one of them"):
            Credentials.from_env(environ)

    def test_all_that_is_missing_is_named(self) -> None:
        for name in self.ENVIRON:
            for environ in (
                {n: v for n, v in self.ENVIRON.items() if n != name},
                {**self.ENVIRON, name: ""},
            ):
                with self.refused("missing", name) as refused:
                    Credentials.from_env(environ)
                self.assertEqual(
                    {n for n in self.ENVIRON if n in str(refused.caught)}, {name}
                )
        with self.refused(*self.ENVIRON, "or BITGET_PRIVATE_KEY_FILE"):
            Credentials.from_env({})

    def test_the_process_environment_is_the_default(self) -> None:
        with mock.patch.dict(os.environ, self.ENVIRON):
            self.assertEqual(Credentials.from_env().api_key, "bg_1")

    def test_demo(self) -> None:
        for text, demo in (
            ("", False), ("0", False), ("false", False), ("False", False),
            ("1", True), ("true", True), ("TRUE", True),
        ):  # fmt: skip
            found = Credentials.from_env({**self.ENVIRON, "BITGET_DEMO": text})
            self.assertIs(found.demo, demo)
        for wrong in ("yes", "2", " 1", "treu"):
            with self.refused("BITGET_DEMO", "1, true, 0 or false"):
                Credentials.from_env({**self.ENVIRON, "BITGET_DEMO": wrong})


class TestPrepare(Case):
    def test_known_answers(self) -> None:
        for vector in VECTORS:
            with self.subTest(vector.why):
                key = load_private_key(KEYS[vector.key])
                prepared = prepare(
                    vector.method,
                    vector.path,
                    credentials=Credentials("bg_1", PASSPHRASE, key),
                    params=vector.params,
                    body=vector.body,
                    timestamp_ms=vector.timestamp_ms,
                )
                self.assertEqual(prepared.prehash, vector.prehash)
                self.assertEqual(prepared.url, "https://api.bitget.com" + vector.target)
                self.assertEqual(prepared.method, vector.method.upper())
                self.assertEqual(prepared.headers["ACCESS-SIGN"], vector.signature)
                head = f"{vector.timestamp_ms}{prepared.method}"
                decoded = urllib.parse.unquote(vector.target)
                body = vector.prehash[len(head + decoded) :].encode()
                self.assertEqual(prepared.body, body or None)

    def test_headers(self) -> None:
        prepared = prepare("GET", "/a", credentials=CREDENTIALS, timestamp_ms=5)
        self.assertEqual(
            prepared.headers,
            {
                "ACCESS-KEY": "bg_test",
                "ACCESS-SIGN": sign("5GET/a", KEY),
                "ACCESS-TIMESTAMP": "5",
                "ACCESS-PASSPHRASE": PASSPHRASE,
                "Content-Type": "application/json",
                "locale": "en-US",
                "User-Agent": f"bitget_rsa/{bitget_rsa.__version__}",
            },
        )

    def test_demo_header_on_signed_requests_of_demo_keys_only(self) -> None:
        demo = dataclasses.replace(CREDENTIALS, demo=True)
        headers = prepare("GET", "/a", credentials=demo).headers
        self.assertEqual(headers["paptrading"], "1")
        for credentials in (CREDENTIALS, None):
            headers = prepare("GET", "/a", credentials=credentials).headers
            self.assertNotIn("paptrading", headers)

    def test_unsigned(self) -> None:
        prepared = prepare("GET", "/api/v2/public/time")
        self.assertEqual(
            set(prepared.headers), {"Content-Type", "locale", "User-Agent"}
        )
        self.assertEqual((prepared.prehash, prepared.body), ("", None))

    def test_the_clock_is_read_in_whole_milliseconds(self) -> None:
        before = time.time_ns() // 1_000_000
        stamp = prepare("GET", "/a", credentials=CREDENTIALS).headers[
            "ACCESS-TIMESTAMP"
        ]
        after = time.time_ns() // 1_000_000
        self.assertTrue(before <= int(stamp) <= after, stamp)
        self.assertEqual(len(stamp), 13)

    def test_repr_shows_no_header(self) -> None:
        prepared = prepare("POST", "/a", credentials=CREDENTIALS, body=ORDER)
        self.keep_secrets(repr(prepared))
        self.assertNotIn(prepared.headers["ACCESS-SIGN"], repr(prepared))
        self.assertIn("a-1", repr(prepared))

    def test_only_these_signs_stay_unescaped(self) -> None:
        printable = "".join(map(chr, range(32, 127)))
        url = prepare("GET", "/a", params={"k": printable}, base_url="https://h").url
        value = url[len("https://h/a?k=") :]
        self.assertEqual(urllib.parse.unquote(value), printable)
        plain = re.sub("%[0-9A-F]{2}", "", value)
        signs = "".join(sorted(set(plain) - set("%") - set(_alphanumeric())))
        self.assertEqual(signs, "!$'()*,-./:@_~")
        self.assertTrue(plain.endswith("~"))
        self.assertIn("%20", value)
        self.assertIn("%2B", value)

    def test_names_are_escaped_too(self) -> None:
        prepared = prepare("GET", "/a", params={"ä b": "c"}, credentials=CREDENTIALS)
        self.assertTrue(prepared.url.endswith("/a?%C3%A4%20b=c"))
        self.assertTrue(prepared.prehash.endswith("/a?ä b=c"))

    def test_no_parameters_no_question_mark(self) -> None:
        for params in (None, {}, {"coin": None}):
            prepared = prepare("GET", "/a", params=params, credentials=CREDENTIALS)
            self.assertNotIn("?", prepared.url + prepared.prehash)

    def test_parameters_of_other_types_are_refused(self) -> None:
        for wrong in (
            0.1, float("nan"), Decimal("0.1"), Fraction(1, 2), b"x", ["a"], ("a",),
            {"a": "b"}, object(), 1j,
        ):  # fmt: skip
            with self.subTest(wrong):
                with self.refused("params['size']", type(wrong).__name__, '"0.1"'):
                    prepare("GET", "/a", params={"size": wrong})
        with self.refused("params", "a mapping"):
            prepare("GET", "/a", params=[("a", "b")])  # type: ignore[arg-type]
        with self.refused("params: expected str, found int"):
            prepare("GET", "/a", params={1: "b"})  # type: ignore[dict-item]
        with self.refused("method: expected str, found int"):
            prepare(1, "/a")  # type: ignore[arg-type]
        for params in ({"a": "\ud800"}, {"\ud800": "a"}):
            with self.refused("params", "not UTF-8"):
                prepare("GET", "/a", params=params)

    def test_enums_are_their_values(self) -> None:
        class Side(str, enum.Enum):
            BUY = "buy"

        class Level(enum.IntEnum):
            TWO = 2

        values = {"a": Side.BUY, "b": Level.TWO}
        prepared = prepare("POST", "/a", params=values, body=values)
        self.assertTrue(prepared.url.endswith("?a=buy&b=2"))
        self.assertEqual(prepared.body, b'{"a":"buy","b":2}')

    def test_an_enum_of_str_is_its_value_everywhere(self) -> None:
        class Part(str, enum.Enum):
            METHOD = "post"
            PATH = "/a"
            NAME = "b"
            BODY = '{"c":"d"}'
            BASE = "https://h"

        for body, text in ((Part.BODY, Part.BODY.value), ({Part.NAME: 1}, '{"b":1}')):
            prepared = prepare(
                Part.METHOD,
                Part.PATH,
                params={Part.NAME: Part.NAME},
                body=body,
                base_url=Part.BASE,
                credentials=CREDENTIALS,
                timestamp_ms=5,
            )
            self.assertEqual(prepared.prehash, f"5POST/a?b=b{text}")
            self.assertEqual(prepared.url, "https://h/a?b=b")
            self.assertEqual(prepared.body, text.encode())
        self.assertEqual(sign(Part.NAME, KEY), sign("b", KEY))

    def test_body_of_other_mappings_and_sequences(self) -> None:
        for body, text in (
            ({}, "{}"),
            ([], "[]"),
            (("a", 1), '["a",1]'),
            (types.MappingProxyType({"a": types.MappingProxyType({})}), '{"a":{}}'),
            (collections.UserList(["a"]), '["a"]'),
            ([True, False, None, -5], "[true,false,null,-5]"),
        ):
            prepared = prepare("POST", "/a", body=body, credentials=CREDENTIALS)
            self.assertEqual(prepared.body, text.encode())
            self.assertTrue(prepared.prehash.endswith("/a" + text))

    def test_numbers_that_json_would_round_are_refused_at_any_depth(self) -> None:
        for wrong in (
            0.1, 1.0, float("nan"), float("inf"), Decimal(1), b"x", {1}, 1j,
            bytearray(b"x"), memoryview(b"x"),
        ):  # fmt: skip
            body: Any = wrong
            for depth in range(6):
                body = {"size": body} if depth % 2 else [body]
                with self.subTest(wrong):
                    with self.refused("body[", type(wrong).__name__, '"0.1"'):
                        prepare("POST", "/a", body=body)
        with self.refused("body['list'][1]['px']"):
            prepare("POST", "/a", body={"list": [{}, {"px": 0.5}]})

    def test_body_of_other_types_is_refused(self) -> None:
        for wrong in (5, 0.1, True, {1}, object()):
            with self.refused("body", "a mapping, a sequence or str"):
                prepare("POST", "/a", body=wrong)
        for wrong in (b"{}", bytearray(b"{}"), memoryview(b"{}")):
            with self.refused("body", type(wrong).__name__):
                prepare("POST", "/a", body=wrong)
        for name in (1, 1.5, None, True):
            with self.refused("body['x'], a name in it", "expected str"):
                prepare("POST", "/a", body={"x": {name: "y"}})
        with self.refused("body", "not UTF-8"):
            prepare("POST", "/a", body="\udc80")

    def test_a_body_that_holds_itself_is_refused(self) -> None:
        body: dict[str, Any] = {}
        body["again"] = [body]
        with self.refused("body", "less nesting"):
            prepare("POST", "/a", body=body)

    def test_get_takes_no_body(self) -> None:
        bodies: tuple[object, ...] = ({}, [], "{}", {"a": "b"})
        for body in bodies:
            with self.refused("body", "none with GET", "the query"):
                prepare("get", "/a", body=body)
        self.assertIsNone(prepare("GET", "/a", body="").body)

    def test_post_parameters_go_into_the_body_and_nowhere_else(self) -> None:
        prepared = prepare("POST", ORDER_PATH, body=ORDER, credentials=CREDENTIALS)
        self.assertEqual(prepared.url, "https://api.bitget.com" + ORDER_PATH)
        self.assertEqual(json.loads(prepared.body or b""), ORDER)

    def test_base_url_is_a_host(self) -> None:
        for good in (
            "https://api.bitget.com", "https://h", "https://h:8443", "https://localhost",
            "http://localhost", "http://localhost:80", "http://127.0.0.1:65535",
            "http://127.1.2.3", "http://[::1]:8080", "https://[::1]",
        ):  # fmt: skip
            self.assertEqual(prepare("GET", "/a", base_url=good).url, good + "/a")
        for wrong in (
            "", "api.bitget.com", "https://", "http://api.bitget.com", "file:///etc",
            "file://localhost", "ftp://localhost", "https://h/", "https://h/x",
            "https://h?x", "https://h#x", "https://u@h", "https://u:p@h", "https://h:",
            "https://h:65536", "https://h:-1", "https://h:8a", "https://h\n",
            "https://h ", " https://h", "https://ä.example", "https://h\\@evil.example",
            "http://localhost.evil.example", "http://127.0.0.1.evil.example",
            "http://127.0.0.1@evil.example", "http://[::1].evil.example",
            "http://[::2]", "http://127.256.0.1", "http://127.999.1.1:80", "http://0.0.0.0", "http://10.0.0.1", "https://a..b",
            "https://.a", "https://" + "a" * 64, "HTTP://localhost",
            "http://127.0.0.1:\u0661",
        ):  # fmt: skip
            with (
                self.subTest(wrong),
                self.refused("base_url", "https://host"),
            ):
                prepare("GET", "/a", base_url=wrong)
        with self.refused("base_url", "'https://***@h'"):
            prepare("GET", "/a", base_url=f"https://u:{PASSPHRASE}@h")
        with self.refused("base_url", "expected str"):
            prepare("GET", "/a", base_url=None)  # type: ignore[arg-type]

    def test_what_prehash_refuses_prepare_refuses_signed_or_not(self) -> None:
        for credentials in (None, CREDENTIALS):
            for method, path in (
                ("GET", "@evil.example/x"),
                ("GET", "/a?b=c"),
                ("GET", "/a\r\nX: y"),
                ("GET\r\n", "/a"),
                ("PUT", "/a"),
            ):
                with self.refused():
                    prepare(method, path, credentials=credentials)
            with self.refused("timestamp"):
                prepare("GET", "/a", credentials=credentials, timestamp_ms=1.5)  # type: ignore[arg-type]


def _alphanumeric() -> str:
    return "".join(char for char in map(chr, range(128)) if char.isalnum())


# ---- Sending it ---------------------------------------------------------------------


class RawServer:
    """A server on loopback that runs a script on each connection it accepts."""

    def __init__(self, script: Callable[[socket.socket], object]) -> None:
        self.script = script
        self.connections = 0
        self.closing = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.02)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self) -> RawServer:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.thread.join()
        self.listener.close()

    def serve(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self.listener.accept()
            except socket.timeout:
                continue
            self.connections += 1
            connection.settimeout(10)
            with connection, contextlib.suppress(OSError):
                self.script(connection)


def read_request(connection: socket.socket) -> bytes:
    """Read a request to its end."""
    received = b""
    while b"\r\n\r\n" not in received:
        octets = connection.recv(65536)
        if not octets:
            return received
        received += octets
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answering(octets: bytes) -> Callable[[socket.socket], None]:
    """Make a script that reads the request, answers so and closes."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(octets)

    return script


def flooding(
    head: bytes, piece: bytes, pause_s: float = 0
) -> Callable[[socket.socket], None]:
    """Make a script that answers so and then with the same piece for ever."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head)
        while True:
            time.sleep(pause_s)
            connection.sendall(piece)

    return script


def dripping(head: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    """Make a script that answers so and then drips for ever."""
    return flooding(head, drop, 0.05)


OK = b'{"code":"00000","msg":"success","requestTime":1,"data":{"a":"b"}}'
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class TestSend(Case):
    def send(self, url: str, method: str = "POST", timeout_s: float = 5) -> Any:
        body = ORDER if method == "POST" else None
        prepared = prepare(
            method, ORDER_PATH, credentials=CREDENTIALS, body=body, base_url=url
        )
        return send(prepared, timeout_s=timeout_s)

    def test_the_request_on_the_wire(self) -> None:
        received = []

        def script(connection: socket.socket) -> None:
            received.append(read_request(connection))
            connection.sendall(LENGTH % len(OK) + OK)

        with RawServer(script) as server:
            prepared = prepare(
                "POST",
                ORDER_PATH,
                credentials=CREDENTIALS,
                body=ORDER,
                base_url=server.url,
            )
            self.assertEqual(send(prepared), {"a": "b"})
        head, _, body = received[0].partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.assertEqual(lines[0], f"POST {ORDER_PATH} HTTP/1.1")
        for name, value in prepared.headers.items():
            self.assertIn(f"{name}: {value}", lines)
        self.assertIn(f"Host: 127.0.0.1:{server.port}", lines)
        self.assertEqual(body, prepared.body)

    def test_answers_in_every_framing(self) -> None:
        for answer in (
            LENGTH % len(OK) + OK,
            b"HTTP/1.1 200 OK\r\n\r\n" + OK,
            b"HTTP/1.0 200 OK\r\n\r\n" + OK,
            CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(OK), OK),
            CHUNKED + b"".join(b"1\r\n%c\r\n" % octet for octet in OK) + b"0\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH % len(OK) + OK,
            LENGTH.replace(b"200 OK", b"502 Bad") % len(OK) + OK,
        ):
            with self.subTest(answer[:60]), RawServer(answering(answer)) as server:
                for method in ("GET", "POST"):
                    self.assertEqual(self.send(server.url, method), {"a": "b"})

    def test_what_is_no_answer_of_bitgets(self) -> None:
        page = b"<html>\x1b[31mForbidden\r\n</html>"
        for name, script, words in (
            ("closed at once", lambda _: None, ("no answer",)),
            ("closed after the request", read_request, ("no answer",)),
            ("closed within the head", answering(b"HTTP/1.1 20"), ("no answer",)),
            ("closed after the head", answering(LENGTH % 9), ("no answer", "Incomplete")),
            ("body cut short", answering(LENGTH % 99 + OK), ("no answer", "Incomplete")),
            ("chunk cut", answering(CHUNKED + b"99\r\n" + OK), ("no answer",)),
            ("broken chunk", answering(CHUNKED + b"x\r\n" + OK), ("no answer",)),
            ("negative chunk", flooding(CHUNKED + b"-1\r\n", b" " * 99999), ("no answer",)),
            ("more negative chunk", answering(CHUNKED + b"-5\r\n" + OK), ("no answer",)),
            ("garbage", answering(b"\x16\x03\x01\x1b[2J\r\n" * 9), ("no answer",)),
            ("a line without end", flooding(b"HTTP/1.1 200 OK\r\nA: ", b"a" * 9999), ("no",)),
            ("a head without end", flooding(b"HTTP/1.1 200 OK\r\n", b"A: a\r\n" * 99), ("no",)),
            ("a body without end", flooding(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 99999), ("more",)),
            ("chunks without end", flooding(CHUNKED, b"1\r\n \r\n" * 9999), ("no answer",)),
            ("32 MiB and more", answering(LENGTH % (1 << 26) + b" " * (33 << 20)), ("more",)),
            ("204", answering(b"HTTP/1.1 204 No Content\r\n\r\n"), ("HTTP 204 with ''",)),
            ("empty 200", answering(LENGTH % 0), ("HTTP 200 with ''",)),
            ("403 HTML", answering(b"HTTP/1.1 403 F\r\n\r\n" + page), ("HTTP 403", "<html>")),
            ("502 text", answering(b"HTTP/1.1 502 B\r\n\r\nBad gateway"), ("'Bad gateway'",)),
        ):  # fmt: skip
            method = "GET" if name == "403 HTML" else "POST"
            with self.subTest(name), RawServer(script) as server:
                start = time.monotonic()
                with self.refused(*words, error=TransportError) as refused:
                    self.send(server.url, method, timeout_s=2)
                self.assertLess(time.monotonic() - start, 5)
                self.assertIs(refused.caught.sent, True)
                self.assertTrue(str(refused.caught).isprintable())
                self.assertIn("clientOid", str(refused.caught))

    def test_a_time_limit_holds_for_the_whole_answer(self) -> None:
        hundred = b"HTTP/1.1 100 Continue\r\n\r\n"
        for name, script in (
            ("stalled", lambda _: time.sleep(1.5)),
            ("dripping head", dripping(b"HTTP/1.1 200 OK\r\nA: ", b"a")),
            ("endless heads", dripping(b"", hundred)),
            ("dripping body", dripping(LENGTH % 9999, b" ")),
            ("dripping chunks", dripping(CHUNKED, b"1\r\n \r\n")),
            ("dripping trailer", dripping(CHUNKED + b"0\r\n", b"A: a\r\n")),
        ):
            with self.subTest(name), RawServer(script) as server:
                start = time.monotonic()
                with self.refused("timed out", error=TransportError) as refused:
                    self.send(server.url, timeout_s=0.4)
                self.assertLess(time.monotonic() - start, 1.4)
                self.assertIs(refused.caught.sent, True)

    def test_a_deadline_that_has_passed_reads_nothing_more(self) -> None:
        left, right = socket.socketpair()
        with left, right:
            right.sendall(b"late")
            left.settimeout(0.001)
            limited = bitget_rsa._LimitedSocket(left)
            time.sleep(0.01)
            with self.assertRaises(TimeoutError):
                limited.readinto(bytearray(4))

    def test_memory_stays_bounded(self) -> None:
        with RawServer(flooding(CHUNKED + b"-1\r\n", b" " * 99999)) as server:
            tracemalloc.start()
            with self.refused(error=TransportError):
                self.send(server.url, timeout_s=5)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        self.assertLess(peak, 150 << 20)

    def test_secrets_that_a_gateway_echoes_are_masked(self) -> None:
        signatures: list[str] = []
        for template in (
            b"ACCESS-PASSPHRASE: %s\r\n",
            b"HTTP/1.1 403 F\r\n\r\n%s",
            b'HTTP/1.1 400 F\r\n\r\n{"code":"1","msg":"%s"}',
        ):

            def script(connection: socket.socket, template: bytes = template) -> None:
                head = read_request(connection).partition(b"\r\n\r\n")[0]
                lines = [
                    line for line in head.split(b"\r\n") if line.startswith(b"ACCESS-")
                ]
                echo = b" ".join(sorted(line.partition(b": ")[2] for line in lines))
                signatures.extend(re.findall("[^ ]{344}", echo.decode()))
                connection.sendall(template % echo)

            with RawServer(script) as server:
                with self.refused("***", error=BitgetError) as refused:
                    self.send(server.url)
                self.assertNotIn(signatures[-1][:40], str(refused.caught))

    def test_no_redirect_moves_a_byte_to_another_server(self) -> None:
        second: list[bytes] = []
        with RawServer(lambda connection: second.append(connection.recv(1))) as other:
            for status in (300, 301, 302, 303, 304, 305, 306, 307, 308):
                for method in ("GET", "POST"):
                    head = f"HTTP/1.1 {status} X\r\nLocation: {other.url}/\r\n"
                    answer = head.encode() + b"Content-Length: 0\r\n\r\n"
                    with self.subTest(status), RawServer(answering(answer)) as server:
                        with self.refused(
                            f"HTTP {status}", error=TransportError
                        ) as refused:
                            self.send(server.url, method)
                        self.assertIn("redirect", str(refused.caught))
                        self.assertIs(refused.caught.sent, True)
                        self.assertEqual(server.connections, 1)
            self.assertEqual((other.connections, second), (0, []))

    def test_nothing_is_sent_where_there_is_no_connection(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            refusing = f"http://127.0.0.1:{unused.getsockname()[1]}"
        for url, words in (
            (refusing, ("Refused",)),
            ("https://name.invalid", ("no connection to https://name.invalid",)),
        ):
            with self.refused(
                *words, "nothing was sent", error=TransportError
            ) as refused:
                self.send(url)
            self.assertIs(refused.caught.sent, False)

    def test_a_failed_handshake_sends_nothing(self) -> None:
        received: list[bytes] = []

        def script(connection: socket.socket) -> None:
            received.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 400 no TLS here\r\n\r\n")

        for hostile in (script, lambda _: None, lambda _: time.sleep(1)):
            with RawServer(hostile) as server:
                url = f"https://127.0.0.1:{server.port}"
                with self.refused("nothing was sent", error=TransportError) as refused:
                    self.send(url, timeout_s=0.5)
            self.assertIs(refused.caught.sent, False)
        self.keep_secrets(received[0].decode("latin-1"))

    def test_the_time_limit_is_a_positive_number(self) -> None:
        prepared = prepare("GET", "/a", base_url="http://127.0.0.1:9")
        for wrong in (0, -1, None, "10", float("nan"), float("inf"), 3601):
            with self.subTest(wrong), self.refused("timeout_s", repr(wrong)):
                send(prepared, timeout_s=wrong)  # type: ignore[arg-type]

    def test_a_url_not_made_by_prepare_is_refused(self) -> None:
        prepared = prepare("GET", "/a", credentials=CREDENTIALS)
        for wrong in (
            "file:///etc/passwd", "http://api.bitget.com/a", "https://h@evil.example/a",
            "https://u:p@evil.example/a", "//evil.example/a", "ftp://localhost/a", "",
            "https://h.evil.example\\/a", "https://api.bitget.com",
        ):  # fmt: skip
            with self.subTest(wrong), self.refused("url", "prepare() made"):
                send(dataclasses.replace(prepared, url=wrong))

    def test_request_is_prepare_and_send(self) -> None:
        with bitget_rsa._StandIn(
            {"bg_test": ACCOUNT}, {ORDER_PATH: {"a": 1}}
        ) as bitget:
            found = request(
                "post",
                ORDER_PATH,
                credentials=CREDENTIALS,
                params={"b": "c d"},
                body=ORDER,
                timestamp_ms=time.time_ns() // 1_000_000 - 5,
                base_url=bitget.url,
                timeout_s=9,
            )
        self.assertEqual(found, {"a": 1})
        self.assertIn("place-order?b=c d{", bitget.rebuilt)

    def test_no_file_socket_or_thread_stays_behind(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            threads = threading.active_count()
            with RawServer(answering(LENGTH % len(OK) + OK)) as server:
                self.send(server.url)
            self.assertEqual(threading.active_count(), threads)


class TestTls(Case):
    def setUp(self) -> None:
        super().setUp()
        certificate = self.write("certificate.pem", CERTIFICATE)
        key = self.write("key.pem", KEYS["rfc7520"])
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.trust = {
            "SSL_CERT_FILE": str(certificate),
            "https_proxy": "",
            "no_proxy": "",
        }
        self.inside: list[bytes] = []

    def serve(self, connection: socket.socket) -> None:
        with self.context.wrap_socket(connection, server_side=True) as tls:
            self.inside.append(read_request(tls))
            tls.sendall(LENGTH % len(OK) + OK)

    def get(self, url: str) -> Any:
        return request("GET", "/a", credentials=CREDENTIALS, base_url=url, timeout_s=5)

    def test_a_trusted_certificate_of_the_right_name_is_accepted(self) -> None:
        with RawServer(self.serve) as server, mock.patch.dict(os.environ, self.trust):
            self.assertEqual(self.get(f"https://localhost:{server.port}"), {"a": "b"})
        self.assertIn(PASSPHRASE.encode(), self.inside[0])

    def test_a_certificate_for_another_name_is_refused(self) -> None:
        with RawServer(self.serve) as server, mock.patch.dict(os.environ, self.trust):
            words = ("CERTIFICATE_VERIFY_FAILED", "nothing was sent")
            with self.refused(*words, error=TransportError):
                self.get(f"https://127.0.0.1:{server.port}")
        self.assertEqual(self.inside, [])

    def test_a_self_signed_certificate_is_refused(self) -> None:
        environ = {**self.trust, "SSL_CERT_FILE": os.devnull}
        lax = mock.patch.object(
            ssl, "_create_default_https_context", ssl._create_unverified_context
        )
        with RawServer(self.serve) as server, mock.patch.dict(os.environ, environ), lax:
            words = ("CERTIFICATE_VERIFY_FAILED", "nothing was sent")
            with self.refused(*words, error=TransportError) as refused:
                self.get(f"https://localhost:{server.port}")
        self.assertIs(refused.caught.sent, False)
        self.assertEqual(self.inside, [])

    def test_https_goes_through_the_proxy_of_the_environment_inside_tls(self) -> None:
        outside: list[bytes] = []

        def proxy(connection: socket.socket) -> None:
            outside.append(read_request(connection))
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            self.serve(connection)

        with RawServer(proxy) as server:
            for proxy_url, login in (
                (f"http://127.0.0.1:{server.port}", ""),
                (f"127.0.0.1:{server.port}", ""),
                (f"http://us%20er:p%40ss@127.0.0.1:{server.port}", "us er:p@ss"),
            ):
                environ = {**self.trust, "https_proxy": proxy_url}
                with mock.patch.dict(os.environ, environ):
                    self.assertEqual(self.get("https://localhost:7"), {"a": "b"})
                head = outside.pop().decode()
                self.assertTrue(head.startswith("CONNECT localhost:7 HTTP/1."), head)
                encoded = base64.b64encode(login.encode()).decode()
                self.assertEqual(
                    f"Proxy-Authorization: Basic {encoded}" in head, bool(login)
                )
                self.keep_secrets(head)
                self.assertIn(PASSPHRASE.encode(), self.inside.pop())
            environ = {**self.trust, "https_proxy": server.url, "no_proxy": "127.0.0.1"}
            with (
                mock.patch.dict(os.environ, environ),
                self.refused(error=TransportError),
            ):
                url = f"https://127.0.0.1:{server.port}"
                request("GET", "/a", base_url=url, timeout_s=0.3)
            self.assertFalse(outside and outside[0].startswith(b"CONNECT"))

    def test_a_proxy_that_refuses_learns_nothing(self) -> None:
        outside: list[bytes] = []

        def proxy(connection: socket.socket) -> None:
            outside.append(read_request(connection))
            connection.sendall(b"HTTP/1.1 407 Login\r\n\r\n")

        with RawServer(proxy) as server:
            environ = {**self.trust, "https_proxy": server.url}
            with mock.patch.dict(os.environ, environ):
                with self.refused("407", error=TransportError) as refused:
                    self.get("https://localhost:7")
        self.assertIs(refused.caught.sent, False)
        self.keep_secrets(outside[0].decode())

    def test_a_proxy_cannot_overrun_the_time_limit(self) -> None:
        for script in (
            dripping(b"HTTP/1.1 200 OK\r\n", b"A: a\r\n"),
            dripping(b"H", b"T"),
        ):
            with RawServer(script) as server:
                environ = {**self.trust, "https_proxy": server.url}
                start = time.monotonic()
                with mock.patch.dict(os.environ, environ):
                    with self.refused("timed out", error=TransportError) as refused:
                        request(
                            "GET", "/a", base_url="https://localhost", timeout_s=0.4
                        )
                self.assertIs(refused.caught.sent, False)
                self.assertLess(time.monotonic() - start, 1.4)

    def test_other_proxies_are_refused_without_repeating_their_password(self) -> None:
        for proxy in (
            f"https://bob:{PASSPHRASE}@127.0.0.1:1", f"http://bob:{PASSPHRASE}#3@127.0.0.1",
            f"http://bob:{PASSPHRASE}/3@127.0.0.1:1", "socks5://127.0.0.1:1", "http://",
            "http://a..b:1", "http://127.0.0.1:99999", "http://h:8a", "http://h:1/x",
        ):  # fmt: skip
            environ = {**self.trust, "https_proxy": proxy}
            with self.subTest(proxy), mock.patch.dict(os.environ, environ):
                with self.refused("nothing was sent", error=TransportError) as refused:
                    self.get("https://localhost:7")
                self.assertIs(refused.caught.sent, False)

    def test_a_proxy_without_a_port_is_asked_at_80(self) -> None:
        for proxy, port in (
            ("http://proxy.example", 80),
            ("proxy.example:8080/", 8080),
        ):
            environ = {**self.trust, "https_proxy": proxy}
            with mock.patch.dict(os.environ, environ):
                connection = bitget_rsa._connection("https://api.example", 5)
            self.assertEqual(
                (connection.host, connection.port), ("proxy.example", port)
            )

    def test_a_machine_without_tls_settings_sends_nothing(self) -> None:
        environ = {**self.trust, "SSLKEYLOGFILE": str(self.folder / "missing" / "log")}
        with mock.patch.dict(os.environ, environ):
            with self.refused("nothing was sent", error=TransportError):
                self.get("https://localhost:7")

    def test_a_slow_proxy_leaves_the_answer_its_own_time(self) -> None:
        def proxy(connection: socket.socket) -> None:
            read_request(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            for line in (b"A: b\r\n", b"\r\n"):
                time.sleep(0.5)
                connection.sendall(line)
            with self.context.wrap_socket(connection, server_side=True) as tls:
                read_request(tls)
                time.sleep(0.9)
                tls.sendall(LENGTH % len(OK) + OK)

        with RawServer(proxy) as server:
            environ = {**self.trust, "https_proxy": f"HTTP://127.0.0.1:{server.port}/x"}
            with mock.patch.dict(os.environ, environ):
                found = request(
                    "GET", "/a", base_url="https://localhost", timeout_s=1.2
                )
        self.assertEqual(found, {"a": "b"})

    def test_plain_http_on_loopback_never_meets_a_proxy(self) -> None:
        seen: list[bytes] = []
        with RawServer(lambda connection: seen.append(connection.recv(9))) as proxy:
            environ = {"http_proxy": proxy.url, "all_proxy": proxy.url, "no_proxy": ""}
            with RawServer(answering(LENGTH % len(OK) + OK)) as server:
                with mock.patch.dict(os.environ, environ):
                    self.assertEqual(self.get(server.url), {"a": "b"})
        self.assertEqual(seen, [])


class TestParseResponse(Case):
    def test_success_is_the_code_and_not_the_status(self) -> None:
        for status in (200, 201, 400, 500):
            self.assertEqual(parse_response(status, OK), {"a": "b"})
            self.assertEqual(parse_response(status, OK.decode()), {"a": "b"})
        self.assertIsNone(parse_response(200, b'{"code":"00000"}'))
        self.assertEqual(
            parse_response(200, b'\xef\xbb\xbf{"code":"00000","data":[]}'), []
        )

    def test_every_other_code_is_an_error_even_under_200(self) -> None:
        for body, expected in (
            ('{"code":"40009","msg":"m","requestTime":5}', ("40009", "m", 5)),
            ('{"code":"40009","message":"m","requestTime":"5"}', ("40009", "m", 5)),
            ('{"code":"40009","msg":null,"message":"m"}', ("40009", "m", None)),
            ('{"code":"0","data":{}}', ("0", "", None)),
            ('{"code":"","msg":{}}', ("", "", None)),
            ('{"code":"000000"}', ("000000", "", None)),
            ('{"code":0}', ("0", "", None)),
            ('{"code":429,"msg":"slow","requestTime":"soon"}', ("429", "slow", None)),
            ('{"code":"1","requestTime":-5}', ("1", "", None)),
            ('{"code":"1","requestTime":1e9}', ("1", "", None)),
        ):
            with self.subTest(body), self.assertRaises(ApiError) as caught:
                parse_response(200, body)
            error = caught.exception
            found = (error.code, error.message, error.request_time_ms)
            self.assertEqual((found, error.status), (expected, 200))

    def test_what_is_not_bitgets_is_a_transport_error(self) -> None:
        for body in (
            b"", b"null", b"[]", b'"00000"', b"{}", b'{"data":{}}', b'{"code":null}',
            b'{"code":["00000"]}', b'{"code":"00000"', b"<html>", b"\xff\xfe", b"\x00",
            b"[" * 200_000, b'{"a":' * 100_000, b"1" * 9999, "\ufeff{}",
        ):  # fmt: skip
            with self.subTest(body[:20]):
                with self.refused("HTTP 418", error=TransportError) as refused:
                    parse_response(418, body)
                self.assertIs(refused.caught.sent, True)
                self.assertTrue(str(refused.caught).isprintable())
                self.assertLess(len(str(refused.caught)), 400)

    def test_random_answers_end_in_the_two_errors(self) -> None:
        rng = random.Random(418)
        for _ in range(2000):
            answer = bytearray(rng.choice((OK, b'{"code":"40009","requestTime":"17"}')))
            for _ in range(rng.randint(1, 3)):
                answer[rng.randrange(len(answer))] = rng.randrange(256)
            if rng.random() < 0.3:
                answer = bytearray(rng.randbytes(rng.randrange(60)))
            with contextlib.suppress(ApiError, TransportError):
                parse_response(rng.choice((200, 302, 400)), bytes(answer))

    ADVICE: Mapping[str, str] = {
        "40001": "a header is missing", "40002": "a header is missing",
        "40003": "a header is missing", "40011": "a header is missing",
        "40005": "whole milliseconds", "40006": "API key", "40037": "API key",
        "40008": "clock", "40009": "public key", "40012": "passphrase",
        "40036": "passphrase", "40014": "permission", "40018": "IP", "40038": "IP",
        "40070": "8 to 32", "40085": "/api/v3", "40099": "demo", "429": "wait",
        "40010": "look an order up", "40725": "look an order up",
        "45001": "look an order up", "40015": "try again", "40808": "try again",
    }  # fmt: skip

    def test_each_known_code_ends_with_what_to_do(self) -> None:
        for code, advice in self.ADVICE.items():
            with self.subTest(code), self.assertRaises(ApiError) as caught:
                parse_response(400, json.dumps({"code": code, "msg": "m"}))
            self.assertIn(advice, caught.exception.advice)
            self.assertTrue(str(caught.exception).endswith(caught.exception.advice))
        for code in ("43011", "4000", "40001 40002", "0", ""):
            with self.assertRaises(ApiError) as caught:
                parse_response(400, json.dumps({"code": code}))
            self.assertEqual(caught.exception.advice, "")

    def test_an_expired_timestamp_tells_how_far_this_clock_is_off(self) -> None:
        for off_s, words in ((90, "90.0 s ahead of"), (-31.5, "31.5 s behind")):
            with mock.patch("bitget_rsa.time.time", return_value=1e9 + off_s):
                with self.assertRaises(ApiError) as caught:
                    parse_response(400, '{"code":"40008","requestTime":1000000000000}')
            self.assertIn(words, str(caught.exception))
        with self.assertRaises(ApiError) as caught:
            parse_response(400, '{"code":"40008"}')
        self.assertNotIn("behind", str(caught.exception))

    def test_a_demo_mix_up_tells_which_was_sent(self) -> None:
        for demo, words in ((True, "for demo trading"), (False, "for live trading")):
            credentials = dataclasses.replace(CREDENTIALS, demo=demo)
            prepared = prepare("GET", "/a", credentials=credentials)
            with self.assertRaises(ApiError) as caught:
                parse_response(400, '{"code":"40099"}', prepared)
            self.assertTrue(str(caught.exception).endswith(words))


# ---- WebSocket login ----------------------------------------------------------------


class TestWebSocketLogin(Case):
    def test_known_answer(self) -> None:
        # printf %s 1763800000GET/user/verify | openssl dgst -sha256 -sign rfc7515.pem
        login = websocket_login(CREDENTIALS, 1763800000)
        expected = {
            "apiKey": "bg_test",
            "passphrase": PASSPHRASE,
            "timestamp": "1763800000",
            "sign": LOGIN_SIGNATURE,
        }
        self.assertEqual(login, {"op": "login", "args": [expected]})

    def test_now_is_in_seconds(self) -> None:
        stamp = websocket_login(CREDENTIALS)["args"][0]["timestamp"]
        self.assertLess(abs(int(stamp) - time.time()), 5)

    def test_seconds_are_whole(self) -> None:
        with self.refused("timestamp", "int"):
            websocket_login(CREDENTIALS, 1.5)  # type: ignore[arg-type]


# ---- Bitget's side ------------------------------------------------------------------


class TestStandIn(Case):
    def setUp(self) -> None:
        super().setUp()
        accounts = {"bg_test": ACCOUNT, "bg_demo": ACCOUNT._replace(demo=True)}
        self.bitget = bitget_rsa._StandIn(accounts, {})
        self.enterContext_(self.bitget)

    def code(self, prepared: PreparedRequest) -> str:
        """Send a request as it stands, by a client of no checks; return the code."""
        host, _, target = prepared.url.partition("//")[2].partition("/")
        connection = http.client.HTTPConnection(host, timeout=10)
        with contextlib.closing(connection):
            connection.putrequest(prepared.method, "/" + target)
            body = prepared.body or b""
            for name, value in prepared.headers.items():
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            return str(json.loads(connection.getresponse().read())["code"])

    def prepare(self, **changes: Any) -> PreparedRequest:
        """Prepare a request for the stand-in."""
        arguments: dict[str, Any] = {"method": "POST", "path": ORDER_PATH}
        arguments.update(credentials=CREDENTIALS, base_url=self.bitget.url, **changes)
        return prepare(**arguments)

    def test_every_vector_is_accepted(self) -> None:
        for vector in VECTORS:
            with self.subTest(vector.why):
                prepared = self.prepare(
                    method=vector.method,
                    path=vector.path,
                    params=vector.params,
                    body=vector.body,
                )
                self.assertIsNone(send(prepared))
                self.assertEqual(self.bitget.rebuilt, prepared.prehash)

    def test_random_requests_are_accepted(self) -> None:
        rng = random.Random(2024)
        signs = "aZ09 +%&=?#/\\$,:@!*'()~._-\"<>[]{}|^`\t\n\x7fäé龙虾😀\u2028"

        def text() -> str:
            return "".join(rng.choices(signs, k=rng.randrange(12)))

        def value(depth: int) -> Any:
            plain = [text(), rng.randint(-9, 9**30), True, False, None]
            if depth:
                plain += [[value(depth - 1) for _ in range(rng.randrange(3))]]
                plain += [{text(): value(depth - 1) for _ in range(rng.randrange(4))}]
            return rng.choice(plain)

        for _ in range(60):
            params = {text(): rng.choice((text(), 5, True, None)) for _ in range(4)}
            body = rng.choice((None, text(), {text(): value(3)}, [value(3)]))
            with self.subTest(params=params, body=body):
                prepared = self.prepare(params=params, body=body)
                self.assertIsNone(send(prepared))
                self.assertEqual(self.bitget.rebuilt, prepared.prehash)

    def test_any_one_byte_that_differs_is_refused(self) -> None:
        prepared = self.prepare(params={"symbol": "$AI 龙"}, body=ORDER)
        self.assertEqual(self.code(prepared), "00000")
        start = prepared.url.index(ORDER_PATH) + 1
        for at in range(start, len(prepared.url)):
            char = chr(ord(prepared.url[at]) ^ 1)
            url = prepared.url[:at] + char + prepared.url[at + 1 :]
            self.assertEqual(
                self.code(dataclasses.replace(prepared, url=url)), "40009", url
            )
        body = prepared.body or b""
        for at, octet in enumerate(body):
            changed = body[:at] + bytes([octet ^ 1]) + body[at + 1 :]
            replaced = dataclasses.replace(prepared, body=changed)
            self.assertEqual(self.code(replaced), "40009", changed)
        replaced = dataclasses.replace(prepared, method="GET")
        self.assertEqual(self.code(replaced), "40009")
        for name, codes in (
            ("ACCESS-TIMESTAMP", {"40008", "40009"}),
            ("ACCESS-SIGN", {"40009"}),
            ("ACCESS-KEY", {"40006"}),
            ("ACCESS-PASSPHRASE", {"40012"}),
        ):
            value = prepared.headers[name]
            for at in range(0, len(value), 1 if len(value) < 99 else 9):
                other = value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
                headers = {**prepared.headers, name: other}
                replaced = dataclasses.replace(prepared, headers=headers)
                self.assertIn(self.code(replaced), codes, (name, at))

    def test_a_header_that_is_missing_is_refused(self) -> None:
        prepared = self.prepare()
        for name in ("KEY", "SIGN", "TIMESTAMP", "PASSPHRASE"):
            headers = dict(prepared.headers)
            del headers[f"ACCESS-{name}"]
            self.assertNotEqual(
                self.code(dataclasses.replace(prepared, headers=headers)), "00000"
            )

    def test_an_old_or_garbled_timestamp_is_refused(self) -> None:
        now = time.time_ns() // 1_000_000
        for stamp, code in (
            (now - 31_000, "40008"),
            (now + 31_000, "40008"),
            (now - 25_000, "00000"),
            (now + 25_000, "00000"),
            (now // 1000, "40005"),
        ):
            self.assertEqual(self.code(self.prepare(timestamp_ms=stamp)), code)

    def test_demo_and_live_keys_are_told_apart(self) -> None:
        for name, demo, code in (
            ("bg_test", False, "00000"),
            ("bg_test", True, "40099"),
            ("bg_demo", True, "00000"),
            ("bg_demo", False, "40099"),
        ):
            credentials = Credentials(name, PASSPHRASE, KEY, demo=demo)
            prepared = dataclasses.replace(
                prepare("GET", "/a", credentials=credentials, base_url=self.bitget.url)
            )
            self.assertEqual(self.code(prepared), code)

    def test_public_endpoints_need_no_signature(self) -> None:
        path = "/api/v2/public/time"
        self.assertIsNone(request("GET", path, base_url=self.bitget.url))
        with self.assertRaises(ApiError):
            request("GET", "/api/v2/spot/account/assets", base_url=self.bitget.url)

    def test_two_keys_and_twelve_threads_are_not_mixed_up(self) -> None:
        other = load_private_key(KEYS["rfc7520"])
        account = bitget_rsa._Account("other0pass", rsa.PublicKey(other.n, other.e))
        accounts = {"one": ACCOUNT, "two": account}
        both = (
            Credentials("one", PASSPHRASE, KEY),
            Credentials("two", "other0pass", other),
        )
        failures: list[BaseException] = []
        accepted: list[object] = []

        def trade(url: str, credentials: Credentials) -> None:
            for number in range(20):
                try:
                    body = {"clientOid": f"{threading.get_ident()}-{number}"}
                    send(
                        prepare(
                            "POST",
                            "/a",
                            credentials=credentials,
                            body=body,
                            base_url=url,
                        )
                    )
                    accepted.append(None)
                except Exception as error:  # noqa: BLE001 - counted below
                    failures.append(error)

        with bitget_rsa._StandIn(accounts, {}) as bitget:
            threads = [
                threading.Thread(target=trade, args=(bitget.url, both[at % 2]))
                for at in range(12)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual((failures, len(accepted)), ([], 240))


# ---- The command line ---------------------------------------------------------------


class Run(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


class CommandCase(Case):
    def setUp(self) -> None:
        super().setUp()
        self.environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("BITGET_") and not name.lower().endswith("_proxy")
        }
        self.environ["PYTHONPATH"] = str(MODULE.parent)
        self.environ.pop("PYTHONUNBUFFERED", None)

    def command(self, *arguments: str) -> list[str]:
        flags = [f"-W{option}" for option in sys.warnoptions]
        flags += ["-b"] * sys.flags.bytes_warning
        return [sys.executable, *flags, str(MODULE), *arguments]

    def run_(self, *arguments: str, stdin: bytes | str = b"", **environ: str) -> Run:
        """Run the module as a command; whatever happens, no traceback and no secret."""
        ran = subprocess.run(
            self.command(*arguments),
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            cwd=self.folder,
            env={**self.environ, **environ},
            timeout=120,
        )
        run = Run(ran.returncode, _decode(ran.stdout), _decode(ran.stderr))
        self.assertNotIn("Traceback", run.err)
        self.keep_secrets(run.out + run.err)
        return run

    def allow_ctrl_c(self) -> None:
        """Let processes hear SIGINT, even where this one was started in background."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)

    def fails(self, *arguments: str, **environ: str) -> str:
        """Expect exit status 1, nothing on stdout and one line on stderr."""
        run = self.run_(*arguments, **environ)
        self.assertEqual((run.status, run.out), (1, ""), run)
        self.assertRegex(run.err, r"\Abitget_rsa: [^\n]+\n\Z")
        return run.err

    def credentials(self) -> dict[str, str]:
        """Return an environment with all that a request needs."""
        path = self.write("private.pem", KEYS["rfc7515"])
        return {
            "BITGET_API_KEY": "bg_test",
            "BITGET_PASSPHRASE": PASSPHRASE,
            "BITGET_PRIVATE_KEY_FILE": str(path),
        }


def _decode(octets: bytes) -> str:
    return octets.decode().replace("\r\n", "\n")


class TestCommandLine(CommandCase):
    def test_sign_does_the_main_job(self) -> None:
        self.write("private.pem", KEYS["rfc7515"])
        target = "/api/v2/spot/account/assets?symbol=$AI&coin=USDT"
        run = self.run_("sign", "--timestamp-ms", "1763800000000", "GET", target)
        self.assertEqual(run.status, 0)
        self.assertEqual(
            run.out, f"ACCESS-TIMESTAMP: 1763800000000\nACCESS-SIGN: {MAIN_SIGNATURE}\n"
        )
        path = "/api/v2/spot/account/assets?coin=USDT&symbol=$AI"
        self.assertEqual(
            run.err,
            f"prehash: 1763800000000GET{path}\nurl: https://api.bitget.com{path}\n",
        )

    @unittest.skipUnless(OPENSSL, "openssl is not installed")
    def test_sign_agrees_with_openssl_on_a_fresh_key(self) -> None:
        made = openssl(
            "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"
        )
        path = str(self.write("private.pem", made))
        body = '{"clientOid":"龙虾"}'
        run = self.run_("sign", "--timestamp-ms", "5", "post", "/a?b=龙", body)
        signature = openssl(
            "dgst", "-sha256", "-sign", path, stdin=f"5POST/a?b=龙{body}"
        )
        self.assertIn(f"ACCESS-SIGN: {base64.b64encode(signature).decode()}\n", run.out)

    def test_sign_reads_queries_plain_or_percent_encoded(self) -> None:
        self.write("private.pem", KEYS["rfc7515"])
        for query, decoded, escaped in (
            ("b=%24AI", "b=$AI", "b=$AI"),
            ("b=7+8", "b=7+8", "b=7%2B8"),
            ("b=7%2B8", "b=7+8", "b=7%2B8"),
            ("b=a%26c&a=", "a=&b=a&c", "a=&b=a%26c"),
            ("b=5%", "b=5%", "b=5%25"),
            ("b=a=c", "b=a=c", "b=a%3Dc"),
        ):
            run = self.run_("sign", "--timestamp-ms", "5", "GET", f"/a?{query}")
            self.assertEqual(
                run.err,
                f"prehash: 5GET/a?{decoded}\nurl: https://api.bitget.com/a?{escaped}\n",
            )
        self.assertIn(
            "prehash: 5GET/a\n",
            self.run_("sign", "--timestamp-ms", "5", "GET", "/a?").err,
        )
        for query in ("b", "b=1&b=2", "b=%FF", "b=1&&c=2"):
            self.assertIn("query: expected", self.fails("sign", "GET", f"/a?{query}"))

    def test_sign_reads_the_body_from_standard_input_to_the_letter(self) -> None:
        self.write("private.pem", KEYS["rfc7515"])
        text = ' {"a": "龙"}\r\n'
        run = self.run_(
            "sign", "--timestamp-ms", "5", "POST", "/a", "-", stdin=text.encode()
        )
        message = "5POST/a" + text
        self.assertIn(f"ACCESS-SIGN: {sign(message, KEY)}\n", run.out)
        run = self.run_("sign", "POST", "/a", "-", stdin=b"\xff")
        self.assertEqual(run.status, 1)

    @unittest.skipUnless(os.name == "posix", "a shell of POSIX")
    def test_closed_streams(self) -> None:
        self.write("private.pem", KEYS["rfc7515"])
        command = " ".join(map(shlex.quote, self.command("sign", "POST", "/a", "-")))
        for redirection, status, out in (("<&-", 1, 0), ("</dev/null 2>&-", 0, 2)):
            ran = subprocess.run(
                ["/bin/sh", "-c", f"exec {command} {redirection}"],
                cwd=self.folder,
                env=self.environ,
                capture_output=True,
            )
            self.assertEqual(ran.returncode, status)
            self.assertEqual(ran.stdout.count(b"\n"), out)
            self.assertNotIn(b"prehash", ran.stdout)
            self.assertNotIn(b"Traceback", ran.stderr)

    def test_sign_prints_the_demo_header(self) -> None:
        self.write("private.pem", KEYS["rfc7515"])
        for arguments, environ in (
            (["--demo-trading"], {}),
            ([], {"BITGET_DEMO": "1"}),
        ):
            run = self.run_("sign", "POST", "/a", *arguments, **environ)
            self.assertTrue(run.out.endswith("\npaptrading: 1\n"), run.out)
        self.assertNotIn("paptrading", self.run_("sign", "POST", "/a").out)

    def test_the_key_comes_from_the_option_then_the_environment_then_the_folder(
        self,
    ) -> None:
        keys = {name: load_private_key(text) for name, text in KEYS.items()}
        self.write("private.pem", KEYS["rfc7515"])
        other = str(self.write("other.pem", KEYS["rfc7520"]))
        third = {"BITGET_PRIVATE_KEY": KEYS["k4096"]}
        for arguments, environ, expected in (
            ([], {}, "rfc7515"),
            ([], third, "k4096"),
            ([], {"BITGET_PRIVATE_KEY_FILE": other}, "rfc7520"),
            (["--key", other], third, "rfc7520"),
        ):
            for command in (["pubkey", *arguments], [*arguments, "pubkey"]):
                run = self.run_(*command, **environ)
                self.assertEqual(run, Run(0, public_key_pem(keys[expected]), ""))

    def test_errors_are_one_line_and_exit_status_1(self) -> None:
        line = self.fails("pubkey")
        self.assertIn("private.pem", line)
        self.assertIn("--key", line)
        self.write("private.pem", KEYS["rfc7515"])
        for arguments in (
            ("sign", "PUT", "/a"),
            ("sign", "GET", "@evil.example/x"),
            ("sign", "GET", "/a", "{}"),
            ("sign", "GET", "/a\nX: y"),
            ("sign", "--timestamp-ms", "-5", "GET", "/a"),
            ("sign", "--base-url", "http://evil.example", "GET", "/a"),
            ("pubkey", "--key", str(self.folder)),
            ("pubkey", "--key", "missing\nfile"),
            ("pubkey", "--key", ""),
            ("sign", "--key", "", "GET", "/a"),
            ("keygen", "--bits", "1024", "new"),
            ("keygen", "private.pem/x"),
        ):  # fmt: skip
            with self.subTest(arguments):
                self.fails(*arguments)
        encoded = FOREIGN["an EC key in PKCS#8"][1]
        self.assertIn("an EC key", self.fails("pubkey", BITGET_PRIVATE_KEY=encoded))
        self.assertIn("BITGET_PASSPHRASE", self.fails("request", "GET", "/a"))

    @unittest.skipUnless(os.name == "posix", "arguments are bytes on POSIX only")
    def test_arguments_that_are_not_utf8(self) -> None:
        self.write("private.pem", KEYS["rfc7515"])
        run = self.run_("sign", "GET", os.fsdecode(b"/a?b=\xff"), PYTHONUTF8="1")
        self.assertEqual((run.status, run.out), (1, ""))
        self.assertIn("not UTF-8", run.err)

    def test_wrong_usage_is_exit_status_2(self) -> None:
        for arguments in (
            (),
            ("trade",),
            ("sign",),
            ("keygen", "--bits", "many"),
            ("--x",),
        ):
            run = self.run_(*arguments)
            self.assertEqual((run.status, run.out), (2, ""))
            self.assertIn("usage: bitget_rsa.py", run.err)

    def test_help(self) -> None:
        run = self.run_("--help")
        self.assertEqual((run.status, run.err), (0, ""))
        for word in (
            "demo",
            "keygen",
            "pubkey",
            "sign",
            "request",
            "check",
            "BITGET_API_KEY",
        ):
            self.assertIn(word, run.out)

    @unittest.skipUnless(os.name == "posix", "file modes are POSIX")
    def test_a_key_file_that_others_can_read_brings_a_warning(self) -> None:
        self.write("private.pem", KEYS["rfc7515"], 0o644)
        run = self.run_("pubkey")
        self.assertEqual((run.status, run.out), (0, public_key_pem(KEY)))
        self.assertRegex(
            run.err, r"\Awarning: other users [^\n]+; chmod 600 [^\n]+\n\Z"
        )

    def test_output_survives_a_terminal_that_knows_ascii_only(self) -> None:
        self.write("private.pem", KEYS["rfc7515"])
        run = self.run_(
            "sign", "GET", "/a?b=龙", PYTHONIOENCODING="ascii", PYTHONUTF8="1"
        )
        self.assertEqual(run.status, 0)
        self.assertIn("/a?b=\\u9f99", run.err)

    @unittest.skipUnless(os.name == "posix", "pipes close otherwise elsewhere")
    def test_a_closed_pipe_ends_quietly(self) -> None:
        self.write("private.pem", KEYS["rfc7515"])
        for arguments in (("pubkey",), ("--help",), ("sign", "GET", "/a")):
            reader, writer = os.pipe()
            os.close(reader)
            ran = subprocess.run(
                self.command(*arguments),
                stdout=writer,
                stderr=subprocess.PIPE,
                cwd=self.folder,
                env=self.environ,
            )
            os.close(writer)
            self.assertNotIn(b"rror", ran.stderr)
            if arguments != ("--help",):  # some versions of argparse ignore it
                self.assertEqual(ran.returncode, 1)

    @unittest.skipUnless(Path("/dev/full").exists(), "there is no /dev/full")
    def test_a_full_disk_is_exit_status_1(self) -> None:
        environ = {**self.environ, **self.credentials()}
        with bitget_rsa._StandIn({"bg_test": ACCOUNT}, {}) as bitget:
            order = ("request", "POST", "/a", "{}", "--base-url", bitget.url)
            for arguments, words in (
                (("pubkey",), b"No space"),
                (order, b"Bitget accepted the request"),
            ):
                with open("/dev/full", "wb") as full:
                    ran = subprocess.run(
                        self.command(*arguments),
                        stdout=full,
                        stderr=subprocess.PIPE,
                        cwd=self.folder,
                        env=environ,
                    )
                self.assertEqual(ran.returncode, 1)
                self.assertRegex(ran.stderr, rb"\Abitget_rsa: [^\n]+\n\Z")
                self.assertIn(words, ran.stderr)


class TestKeygen(CommandCase):
    def test_keygen_writes_both_halves_and_never_over_a_file(self) -> None:
        run = self.run_("keygen", "keys")
        self.assertEqual(run.status, 0, run.err)
        self.assertIn("2048 bits", run.err)
        private, public = (
            self.folder / "keys" / f"{n}.pem" for n in ("private", "public")
        )
        key = load_private_key(private)
        self.assertEqual(public.read_bytes().decode(), public_key_pem(key))
        self.assertEqual(private.read_bytes().decode(), private_key_pem(key))
        self.assertTrue(run.out.startswith(public_key_pem(key)))
        self.assertIn("API Management", run.out)
        self.assertEqual((key.n.bit_length(), key.e), (2048, 65537))
        self.assertEqual((key.p.bit_length(), key.q.bit_length()), (1024, 1024))
        if OPENSSL:
            checked = openssl("pkey", "-in", str(private), "-check", "-noout")
            self.assertIn(b"valid", checked)
        if os.name == "posix":
            self.assertEqual(private.stat().st_mode & 0o777, 0o600)
        before = private.read_bytes()
        self.assertIn("private.pem", self.fails("keygen", "keys"))
        private.unlink()
        self.assertIn("public.pem", self.fails("keygen", "keys"))
        if os.name == "posix":
            (self.folder / "public.pem").symlink_to("nowhere")
            self.assertIn("public.pem", self.fails("keygen"))
        self.assertFalse(private.exists())
        self.assertGreater(len(before), 1600)

    @unittest.skipUnless(os.name == "posix", "signals are POSIX")
    def test_ctrl_c_leaves_nothing_behind(self) -> None:
        self.allow_ctrl_c()
        process = subprocess.Popen(
            self.command("keygen", "--bits", "16384"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environ,
        )
        with process:
            assert process.stderr
            process.stderr.readline()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (130, b""))
        self.assertEqual(err, b"bitget_rsa: interrupted\n")
        self.assertEqual(list(self.folder.iterdir()), [])


class TestRequestCommand(CommandCase):
    def test_data_is_printed_as_json(self) -> None:
        answers = {"/api/v2/spot/account/assets": [{"coin": "龙", "available": "0.1"}]}
        environ = self.credentials()
        with bitget_rsa._StandIn({"bg_test": ACCOUNT}, answers) as bitget:
            run = self.run_(
                "request", "GET", "/api/v2/spot/account/assets?coin=龙", "--base-url",
                bitget.url, PYTHONIOENCODING="ascii", PYTHONUTF8="1", **environ,
            )  # fmt: skip
            self.assertEqual((run.status, run.err), (0, ""))
            self.assertEqual(
                json.loads(run.out), answers["/api/v2/spot/account/assets"]
            )
            body = json.dumps(ORDER)
            run = self.run_(
                "request", "POST", ORDER_PATH, "-", "--base-url", bitget.url,
                stdin=body.encode(), **environ,
            )  # fmt: skip
            self.assertEqual(run, Run(0, "null\n", ""))
            self.assertTrue(bitget.rebuilt.endswith(f"POST{ORDER_PATH}{body}"))
            line = self.fails(
                "request",
                "--demo-trading",
                "--base-url",
                bitget.url,
                "GET",
                "/a",
                **environ,
            )
            self.assertIn("40099", line)
            self.assertIn("for demo trading", line)
            run = self.run_(
                "request",
                "--unsigned",
                "GET",
                "/api/v2/public/x",
                "--base-url",
                bitget.url,
            )
            self.assertEqual(run, Run(0, "null\n", ""))

    def test_data_too_deep_to_print_is_one_line(self) -> None:
        deep = b'{"code":"00000","data":' + b"[" * 900 + b"]" * 900 + b"}"
        with RawServer(answering(LENGTH % len(deep) + deep)) as server:
            environ = self.credentials()
            run = self.run_("request", "GET", "/a", "--base-url", server.url, **environ)
        self.assertIn(run.status, (0, 1))
        self.assertLessEqual(run.err.count("\n"), 1)

    def test_a_refusal_is_one_line(self) -> None:
        accounts = {"bg_test": ACCOUNT._replace(passphrase="another")}
        with bitget_rsa._StandIn(accounts, {}) as bitget:
            line = self.fails(
                "request", "GET", "/a", "--base-url", bitget.url, **self.credentials()
            )
        self.assertIn("40012", line)

    @unittest.skipUnless(os.name == "posix", "signals are POSIX")
    def test_ctrl_c_during_an_order_calls_its_outcome_unknown(self) -> None:
        self.allow_ctrl_c()
        environ = {**self.environ, **self.credentials()}
        arrived, done = threading.Event(), threading.Event()

        def script(connection: socket.socket) -> None:
            read_request(connection)
            arrived.set()
            done.wait(20)

        for method, status, words in (
            ("POST", 1, b"interrupted; whether Bitget acted on the request is unknown"),
            ("GET", 130, b"bitget_rsa: interrupted\n"),
        ):
            arrived.clear()
            done.clear()
            with RawServer(script) as server:
                process = subprocess.Popen(
                    self.command(
                        "request", method, ORDER_PATH, "--base-url", server.url
                    ),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=self.folder,
                    env=environ,
                )
                with process:
                    self.assertTrue(arrived.wait(20))
                    process.send_signal(signal.SIGINT)
                    out, err = process.communicate(timeout=20)
                done.set()
            self.assertEqual((process.returncode, out), (status, b""))
            self.assertIn(words, err)
            self.assertEqual(err.count(b"\n"), 1)


class _Fresh(collections.abc.Mapping):  # type: ignore[type-arg]
    """Answers whose time is now, but for an offset."""

    def __init__(self, offset_s: float, **answers: object) -> None:
        self.offset_s = offset_s
        self.answers = {f"/api/v2/spot/account/{n}": a for n, a in answers.items()}

    def __getitem__(self, path: str) -> object:
        if path == "/api/v2/public/time":
            return {"serverTime": str(int((time.time() + self.offset_s) * 1000))}
        return self.answers[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self.answers)

    def __len__(self) -> int:
        return len(self.answers)


class TestCheck(CommandCase):
    def check(self, answers: Any, **environ: str) -> Run:
        """Run check against a stand-in with these answers."""
        with bitget_rsa._StandIn({"bg_test": ACCOUNT}, answers) as bitget:
            return self.run_(
                "check", "--base-url", bitget.url, **{**self.credentials(), **environ}
            )

    def test_all_is_well(self) -> None:
        info = {"authorities": ["spot_trade", "read"], "ips": "192.0.2.7"}
        run = self.check(_Fresh(0.0, info=info))
        self.assertEqual((run.status, run.err), (0, ""))
        lines = run.out.splitlines()
        self.assertEqual([line[:6] for line in lines], ["ok    "] * 6)
        self.assertIn("private key: 2048 bits", lines[0])
        self.assertIn(PUBLIC_SHA256, lines[1])
        self.assertRegex(lines[2], r"clock: [+-]0\.[0-5] s")
        self.assertEqual(lines[3:], [
            "ok    signed request: accepted",
            "ok    permissions: spot_trade, read",
            "ok    IP addresses: 192.0.2.7",
        ])  # fmt: skip

    def test_no_bound_address_is_pointed_out(self) -> None:
        run = self.check(_Fresh(0.0, info={"authorities": ["龙\x1b"], "ips": ""}))
        self.assertEqual(run.status, 0)
        self.assertIn("IP addresses: any; bind yours", run.out)
        self.assertNotIn("\x1b", run.out)
        run = self.check(
            _Fresh(0.0, info={"authorities": [1, None], "ips": [None, {}]})
        )
        self.assertEqual(run.status, 0)

    def test_each_step_that_fails_says_what_to_do(self) -> None:
        run = self.check(_Fresh(-45.0, info={}), BITGET_PASSPHRASE="wrong")
        self.assertEqual(run.status, 1)
        self.assertRegex(
            run.out, r"FAIL  clock: .*\+4[45]\.[0-9] s; set this machine's clock\n"
        )
        self.assertIn("FAIL  signed request: Bitget refused: 40012", run.out)
        self.assertIn("ok    public key", run.out)
        run = self.check(_Fresh(0.0, info=None), BITGET_API_KEY="")
        self.assertIn("FAIL  signed request: environment", run.out)
        run = self.check({})
        self.assertIn("FAIL  clock: data.serverTime: expected", run.out)

    @unittest.skipUnless(os.name == "posix", "file modes are POSIX")
    def test_a_key_file_that_others_can_read_fails(self) -> None:
        path = self.write("loose.pem", KEYS["rfc7515"], 0o644)
        answers = _Fresh(0.0, info={"authorities": [], "ips": "192.0.2.7"})
        run = self.check(answers, BITGET_PRIVATE_KEY_FILE=str(path))
        self.assertEqual((run.status, run.err), (1, ""))
        self.assertIn("FAIL  private key: other users can read", run.out)
        self.assertIn("ok    signed request: accepted\n", run.out)

    def test_a_unified_account_is_asked_at_v3(self) -> None:
        paths: list[str] = []

        def script(connection: socket.socket) -> None:
            path = read_request(connection).split(b" ")[1].decode()
            paths.append(path)
            code = "00000" if path.startswith("/api/v3/") else "40085"
            answer = json.dumps({"code": code, "data": {"serverTime": "1"}}).encode()
            connection.sendall(LENGTH % len(answer) + answer)

        with RawServer(script) as server:
            run = self.run_("check", "--base-url", server.url, **self.credentials())
        self.assertIn("ok    signed request: accepted, for a unified account", run.out)
        self.assertEqual(paths[-1], "/api/v3/account/assets")


class TestDemo(CommandCase):
    def test_both_sides_of_the_protocol_are_shown(self) -> None:
        run = self.run_("demo", http_proxy="http://127.0.0.1:9", BITGET_API_KEY="\n")
        self.assertEqual((run.status, run.err), (0, ""))
        self.assertTrue(run.out.isascii())
        spki = der(re.search("(?s)-----BEGIN.*?END PUBLIC KEY-----", run.out)[0])  # type: ignore[index]
        public_key = rsa.PublicKey.load_pkcs1_openssl_der(spki)
        prehashes = re.findall(r"(?m)^ +prehash +(.*)", run.out)
        rebuilt = re.findall(r"Bitget rebuilds +(.*)", run.out)
        digests = re.findall(r"SHA-256 +(.*)", run.out)
        signatures = re.findall(r"ACCESS-SIGN: (.*)", run.out)
        verdicts = re.findall(r"it verifies +(.*)", run.out)
        self.assertEqual(len(prehashes), 3)
        self.assertEqual(rebuilt[:2], prehashes[:2])
        self.assertNotEqual(rebuilt[2], prehashes[2])
        self.assertEqual(verdicts, ["yes", "yes", "no"])
        for message, digest, signature in zip(prehashes, digests, signatures):
            rsa.verify(message.encode(), base64.b64decode(signature), public_key)
            self.assertEqual(hashlib.sha256(message.encode()).hexdigest(), digest)
        self.assertIn("%20", run.out)
        self.assertIn("40009", run.out.splitlines()[-2])
        self.assertNotIn("demoPassphrase1", run.out)
        self.assertEqual(run.out.count("ACCESS-PASSPHRASE: ********"), 3)


# ---- The whole ----------------------------------------------------------------------


class TestTheWhole(CommandCase):
    @unittest.skipIf(sys.flags.optimize > 1, "-OO leaves no docstrings")
    def test_doctests(self) -> None:
        failed, attempted = doctest.testmod(bitget_rsa)
        self.assertEqual(failed, 0)
        self.assertGreaterEqual(attempted, 2)

    def test_public_names(self) -> None:
        self.assertEqual(
            set(bitget_rsa.__all__),
            {
                "prehash", "sign", "PrivateKey", "load_private_key", "generate_private_key",
                "private_key_pem", "public_key_pem", "Credentials", "PreparedRequest",
                "prepare", "send", "parse_response", "request", "websocket_login",
                "BitgetError", "KeyFormatError", "ApiError", "TransportError", "BASE_URL",
                "__version__",
            },
        )  # fmt: skip
        for name in bitget_rsa.__all__:
            self.assertTrue(hasattr(bitget_rsa, name))

    def test_the_file_works_wherever_it_is_copied(self) -> None:
        shutil.copy(MODULE, self.folder / "vendored.py")
        script = "import vendored; print(vendored.prehash(1, 'GET', '/a'))"
        ran = subprocess.run(
            [sys.executable, "-c", script],
            cwd=self.folder,
            capture_output=True,
            check=True,
        )
        self.assertEqual(ran.stdout.strip(), b"1GET/a")

    def test_main_runs_inside_another_program(self) -> None:
        path = str(self.write("private.pem", KEYS["rfc7515"]))
        with contextlib.redirect_stdout(io.StringIO()) as out:
            self.assertEqual(bitget_rsa.main(["pubkey", "--key", path]), 0)
        self.assertEqual(out.getvalue(), public_key_pem(KEY))

    def test_without_the_package_rsa_one_line_says_what_to_do(self) -> None:
        blocked = "import sys; sys.modules['rsa'] = None; "
        run = f"import runpy; runpy.run_path({str(MODULE)!r}, run_name='__main__')"
        for script, status, words in (
            (blocked + run, 1, b"pip install rsa"),
            (blocked + "import bitget_rsa", 1, b"ModuleNotFoundError"),
        ):
            ran = subprocess.run(
                [sys.executable, "-c", script], capture_output=True, env=self.environ
            )
            self.assertEqual(ran.returncode, status)
            self.assertIn(words, ran.stderr)
            self.assertEqual(
                b"Traceback" in ran.stderr, words == b"ModuleNotFoundError"
            )

    def test_importing_does_nothing_and_needs_no_argparse(self) -> None:
        script = "import sys, bitget_rsa; sys.exit('argparse' in sys.modules)"
        ran = subprocess.run(
            [
                sys.executable,
                "-I",
                "-c",
                f"import sys; sys.path.insert(0, {str(MODULE.parent)!r}); {script}",
            ],
            capture_output=True,
        )
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, b"", b""))


if __name__ == "__main__":
    unittest.main()
