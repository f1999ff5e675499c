"""Measure what is promised about speed: python .ci/bench.py [--quick].

What is compared is run in turn, and by medians, so that a figure means the same on a
slow machine. Nothing depends on it: the exit status is 0.
"""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = str(Path(__file__).resolve().parent.parent)
sys.path.insert(0, ROOT)
import rsa
from cryptography.hazmat.primitives.asymmetric import rsa as compiled_rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

import bitget_rsa as bitget

MESSAGE = "1763800000000GET/api/v2/spot/account/assets?coin=USDT"
PARTS = "rsa, urllib.request, json, dataclasses, pyasn1.codec.der.decoder"


def medians(rounds: int, *actions: Callable[[], object]) -> list[float]:
    """Run the actions in turn; return the median time of each, in milliseconds."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds + 1):
        for action, taken in zip(actions, times):
            start = time.perf_counter()
            action()
            taken.append((time.perf_counter() - start) * 1000)
    return [statistics.median(taken[1:]) for taken in times]  # the first warms up


def show(what: str, limit: str, measured: float) -> None:
    print(f"{what:<45} {measured:>8.3f}   {limit}", flush=True)


def run_python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def free_key(_: bytes) -> bytes:
    """Stand in for a key whose signatures take no time."""
    return bytes(256)


def sign_many(pem: str, count: int) -> None:
    key = bitget.load_private_key(pem)
    for _ in range(count):
        bitget.sign(MESSAGE, key)


def main(times: int) -> None:
    key = bitget.generate_private_key()
    pem = bitget.private_key_pem(key)
    plain = rsa.PrivateKey(key.n, key.e, key.d, key.p, key.q)
    exp1, exp2 = key.d % (key.p - 1), key.d % (key.q - 1)
    octets = MESSAGE.encode()
    number = int.from_bytes(octets * 4, "big")
    ours, floor, theirs = medians(
        50 * times,
        lambda: bitget.sign(MESSAGE, key),
        lambda: (pow(number, exp1, key.p), pow(number, exp2, key.q)),
        lambda: rsa.sign(octets, plain, "SHA-256"),
    )
    show("sign / two half-size pow", "at most 1.10", ours / floor)
    show("rsa.sign / sign", "at least 3", theirs / ours)

    ours, parts, nothing = medians(
        15 * times,
        lambda: run_python("import bitget_rsa"),
        lambda: run_python(f"import {PARTS}"),
        lambda: run_python(""),
    )
    ratio = (ours - nothing) / (parts - nothing)  # without the start of Python itself
    show("import bitget_rsa / import what it uses", "at most 1.25", ratio)

    compiled = compiled_rsa.generate_private_key(65537, 2048)
    me = bitget.Credentials("bg_key", "passphrase1", free_key)
    order = {"symbol": "BTCUSDT", "side": "buy", "size": "0.01", "clientOid": "grid#7"}
    ours, alone, whole, signing = medians(
        1000 * times,
        lambda: bitget.sign(MESSAGE, lambda m: compiled.sign(m, PKCS1v15(), SHA256())),
        lambda: compiled.sign(octets, PKCS1v15(), SHA256()),
        lambda: bitget.prepare("POST", "/api/v2/x", credentials=me, body=order),
        lambda: bitget.sign(MESSAGE, free_key),
    )
    show("sign by `cryptography` / that alone", "at most 1.05", ours / alone)
    show("prepare - sign, in ms", "at most 0.05", whole - signing)

    with ProcessPoolExecutor(2) as pool:
        one, two = medians(
            10 * times,
            lambda: list(pool.map(sign_many, [pem], [60])),
            lambda: list(pool.map(sign_many, [pem, pem], [30, 30])),
        )
    show("one process / two that share the work", "at least 1.8", one / two)

    tracemalloc.start()
    used = []
    for count in (50, 500 * times):  # the first fills what is meant to stay
        sign_many(pem, count)
        gc.collect()
        used.append(tracemalloc.get_traced_memory()[0])
    show(f"bytes kept by {count} signatures", "less than 2000", used[1] - used[0])


if __name__ == "__main__":
    main(1 if "--quick" in sys.argv else 10)
