"""Measure what is promised about speed: python .ci/bench.py [--quick] [--seconds N].

Every figure is a ratio or a difference of two things measured in turn in the same run,
by medians, so that it means the same on a slow machine. It decides nothing: the exit
status is 0.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
import rsa

import bitget_rsa

MESSAGE = "1763800000000GET/api/v2/spot/account/assets?coin=USDT"
PARAMS = {"symbol": "BTCUSDT", "startTime": 1763800000000, "limit": 100}
ORDER = {
    "symbol": "BTCUSDT",
    "side": "buy",
    "orderType": "limit",
    "force": "gtc",
    "price": "65000.5",
    "size": "0.01",
    "clientOid": "grid 7+8",
}
BASELINE_IMPORTS = "rsa, urllib.request, json, pyasn1.codec.der.decoder"
SIGNATURES = 100_000

Action = Callable[[], object]


def medians(first: Action, second: Action, rounds: int) -> tuple[float, float]:
    """Time both in turn; return the median of each, in seconds."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 2):
        # The order changes, so that neither always comes after the other.
        for which in (0, 1) if number % 2 else (1, 0):
            action = (first, second)[which]
            start = time.perf_counter()
            action()
            took = time.perf_counter() - start
            if number >= 2:  # the first rounds warm up
                times[which].append(took)
    return statistics.median(times[0]), statistics.median(times[1])


def show(what: str, measured: str, limit: str, ok: bool | None) -> None:
    verdict = "" if ok is None else "yes" if ok else "NO"
    print(f"{what:<58} {measured:>12}  {limit:<15} {verdict}", flush=True)


def bench_sign(key: bitget_rsa.PrivateKey, rounds: int) -> None:
    exp1, exp2 = key.d % (key.p - 1), key.d % (key.q - 1)
    number = random.randrange(key.n)

    def floor() -> None:
        pow(number, exp1, key.p)
        pow(number, exp2, key.q)

    def sign() -> str:
        return bitget_rsa.sign(MESSAGE, key)

    ours, least = medians(sign, floor, rounds)
    ratio = ours / least
    show("sign / two half-size pow", f"{ratio:.3f} x", "at most 1.10", ratio <= 1.10)
    plain = rsa.PrivateKey(key.n, key.e, key.d, key.p, key.q)
    octets = MESSAGE.encode()
    theirs, ours = medians(lambda: rsa.sign(octets, plain, "SHA-256"), sign, rounds)
    ratio = theirs / ours
    show("rsa.sign / sign", f"{ratio:.2f} x", "at least 3", ratio >= 3)
    show("  one signature", f"{ours * 1e3:.2f} ms", "", None)


def bench_prepare(rounds: int) -> None:
    # RSA takes milliseconds that vary by more than what is measured here, so a
    # callable that costs nothing stands in its place, on both sides.
    credentials = bitget_rsa.Credentials("bg_key", "passphrase", lambda _: b"\0" * 256)

    def beyond(build: Callable[[], bitget_rsa.PreparedRequest]) -> float:
        message = build().prehash
        whole, signing = medians(
            build, lambda: bitget_rsa.sign(message, credentials.private_key), rounds
        )
        return (whole - signing) * 1e3

    get = beyond(
        lambda: bitget_rsa.prepare(
            "GET",
            "/api/v2/spot/market/candles",
            credentials=credentials,
            params=PARAMS,
        )
    )
    post = beyond(
        lambda: bitget_rsa.prepare(
            "POST",
            "/api/v2/spot/trade/place-order",
            credentials=credentials,
            body=ORDER,
        )
    )
    show("prepare - sign, GET", f"{get:.3f} ms", "at most 0.15", get <= 0.15)
    show("prepare - sign, POST", f"{post:.3f} ms", "at most 0.15", post <= 0.15)


def bench_import(rounds: int) -> None:
    def import_s(folder: str, modules: str) -> float:
        code = (
            "import time; start = time.perf_counter(); "
            f"import {modules}; print(time.perf_counter() - start)"
        )
        environ = dict(os.environ)
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-c", code]
        return float(subprocess.check_output(command, cwd=folder, env=environ))

    # A copy, so that no __pycache__ is left beside the module.
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(ROOT / "bitget_rsa.py", folder)
        ours: list[float] = []
        theirs: list[float] = []
        for number in range(rounds + 1):
            sample = import_s(folder, "bitget_rsa"), import_s(folder, BASELINE_IMPORTS)
            if number:  # the first round writes the .pyc files
                ours.append(sample[0])
                theirs.append(sample[1])
    ratio = statistics.median(ours) / statistics.median(theirs)
    what = "import bitget_rsa / import of what it is made of"
    show(what, f"{ratio:.3f} x", "at most 1.25", ratio <= 1.25)
    show("  the import", f"{statistics.median(ours) * 1e3:.0f} ms", "", None)


def bench_callable(key: bitget_rsa.PrivateKey, rounds: int) -> None:
    what = "sign with `cryptography` / that callable alone"
    try:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    except ImportError:
        show(what, "not installed", "at most 1.1", None)
        return
    pem = bitget_rsa.private_key_pem(key).encode()
    loaded = serialization.load_pem_private_key(pem, None)
    if not isinstance(loaded, RSAPrivateKey):
        raise TypeError(type(loaded))
    fast, octets = loaded, MESSAGE.encode()

    def signer(message: bytes) -> bytes:
        return fast.sign(message, padding.PKCS1v15(), hashes.SHA256())

    ours, alone = medians(
        lambda: bitget_rsa.sign(MESSAGE, signer), lambda: signer(octets), rounds
    )
    ratio = ours / alone
    show(what, f"{ratio:.3f} x", "at most 1.1", ratio <= 1.1)


def bench_memory(key: bitget_rsa.PrivateKey, seconds: float) -> None:
    def cheap(_: bytes) -> bytes:
        return b"\0" * 256

    def work(signatures: int, until: float) -> tuple[int, int]:
        done = {cheap: 0, key: 0}
        for signer in (cheap, key):
            while done[signer] < signatures and time.monotonic() < until:
                bitget_rsa.sign(f"{MESSAGE}{done[signer]}", signer)
                done[signer] += 1
        return done[cheap], done[key]

    tracemalloc.start()
    try:
        work(50, time.monotonic() + 60)  # fills the caches that are meant to stay
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        with_callable, with_rsa = work(SIGNATURES, time.monotonic() + seconds)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    grown = after - before
    # The measuring itself keeps a few objects alive, but none for each signature.
    show(
        f"memory added by {with_callable} + {with_rsa} (RSA) signatures",
        f"{grown} bytes",
        "none (< 2048)",
        grown < 2048,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the speed of bitget_rsa.")
    parser.add_argument("--quick", action="store_true", help="under half a minute")
    parser.add_argument("--seconds", type=float, help="for the memory (120; quick 8)")
    args = parser.parse_args()
    times = 1 if args.quick else 8
    seconds = args.seconds or (8 if args.quick else 120)
    print(f"Python {sys.version.split()[0]}, 2048 bits, medians")
    print(f"{'what':<58} {'measured':>12}  {'promised':<15} ok?")
    key = bitget_rsa.generate_private_key()
    bench_sign(key, 60 * times)
    bench_prepare(3000 * times)
    bench_import(24 if args.quick else 60)
    bench_callable(key, 500 * times)
    bench_memory(key, seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
