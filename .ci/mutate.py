"""Mutation testing of bitget_rsa.py: what could be wrong without a test that fails?

    python .ci/mutate.py --list                 what would be changed
    python .ci/mutate.py                        every mutant; hours
    python .ci/mutate.py --lines 120-190        those of some lines
    python .ci/mutate.py --sample 100 --seed 7  some, chosen at random
    python .ci/mutate.py --quick                a sample of 12

Each mutant is the module with one small change, written back from its syntax tree. The
tests are to fail on it; where they pass, it survives, and either a test is missing or
the changed code does nothing. Left alone are docstrings, annotations, `__all__`, and
the words of error messages and help.
"""

from __future__ import annotations

import argparse
import ast
import concurrent.futures
import os
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
MODULE = "bitget_rsa.py"
TIMEOUT_S = 120

SWAPS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
HELP = {"help", "description", "epilog", "metavar"}


class Mutant(NamedTuple):
    line: int
    change: str
    text: str  # the changed line, as written back
    source: str  # the changed module


class Change(NamedTuple):
    """Put `new` in the place of a field of `owner`, or of an item of that field."""

    owner: ast.AST
    name: str
    at: int | None
    new: object
    line: int
    what: str


# ---- What can be changed ------------------------------------------------------------


class Finder:
    """Walk the tree and collect the changes."""

    def __init__(self, tree: ast.Module) -> None:
        self.changes: list[Change] = []
        self.errors = error_names(tree)
        self.words = message_names(tree, self.errors)
        self.walk(tree)

    def walk(self, node: ast.AST, message: bool = False) -> None:
        """Visit the children; in a `message`, leave the words alone."""
        docstring = first_string(node)
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "format_spec"}:
                continue
            if isinstance(node, ast.keyword) and node.arg in HELP:
                continue
            items = value if isinstance(value, list) else [value]
            for index, child in enumerate(items):
                if not isinstance(child, ast.AST) or child is docstring:
                    continue
                if is_left_alone(child):
                    continue
                at = index if isinstance(value, list) else None
                inside = message or self.is_message(child)
                self.add(node, name, at, child, inside)
                self.walk(child, inside)

    def is_message(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and node.func.id in self.errors
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {
                part.id
                for target in targets
                for part in ast.walk(target)
                if isinstance(part, ast.Name)
            }
            return bool(names) and names <= self.words and is_text(node.value)
        return False

    def add(
        self,
        owner: ast.AST,
        name: str,
        index: int | None,
        node: ast.AST,
        message: bool,
    ) -> None:
        for new, what in replacements(node, message):
            line = int(getattr(node, "lineno", 0) or getattr(owner, "lineno", 0))
            self.changes.append(Change(owner, name, index, new, line, what))


def first_string(node: ast.AST) -> ast.AST | None:
    """Return the docstring's statement."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, kinds) and ast.get_docstring(node) is not None:
        return node.body[0]
    return None


def is_left_alone(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0]) == "__all__"
    return isinstance(node, (ast.Import, ast.ImportFrom))


def is_text(node: ast.AST) -> bool:
    """Tell whether an expression is made of literal text only."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    if isinstance(node, ast.Tuple):
        return all(map(is_text, node.elts))
    if isinstance(node, ast.IfExp):
        return is_text(node.body) and is_text(node.orelse)
    if isinstance(node, ast.BinOp):
        return is_text(node.left) and is_text(node.right)
    return isinstance(node, ast.JoinedStr)


def error_names(tree: ast.Module) -> set[str]:
    """Return the names of error classes, and of functions that return an error."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
            found.add(node.name)
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            returns = ast.unparse(node.returns)
            found |= {node.name} if returns.endswith("Error") else set()
    return found | {"ValueError", "TypeError", "TimeoutError", "OSError"}


def message_names(tree: ast.Module, errors: set[str]) -> set[str]:
    """Return the names that stand as they are in an error: remedies and the like."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in errors:
            parts = [*node.args, *(keyword.value for keyword in node.keywords)]
            for part in parts:
                if isinstance(part, (ast.Name, ast.JoinedStr)):
                    names = ast.walk(part)
                    found |= {name.id for name in names if isinstance(name, ast.Name)}
    return found


def replacements(node: ast.AST, message: bool) -> Iterator[tuple[object, str]]:
    """Yield what can stand in the place of a node."""
    if isinstance(node, (ast.If, ast.IfExp)):
        test = ast.unparse(node.test)
        for value in (True, False):
            copy = type(node)(**dict(ast.iter_fields(node)))
            copy.test = ast.Constant(value)
            yield ast.copy_location(copy, node), f"if {test} -> {value}"
    elif isinstance(node, ast.BoolOp):
        for index, operand in enumerate(node.values):
            rest = node.values[:index] + node.values[index + 1 :]
            new = ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0]
            yield new, f"without `{ast.unparse(operand)}`"
    elif isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            if type(operator) in SWAPS:
                swapped = SWAPS[type(operator)]
                ops = [*node.ops[:index], swapped(), *node.ops[index + 1 :]]
                what = f"{type(operator).__name__} -> {swapped.__name__}"
                yield ast.Compare(node.left, ops, node.comparators), what
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand, "without not"
    elif isinstance(node, ast.Constant):
        yield from constants(node.value, message)
    elif isinstance(node, ast.Return):
        if node.value is not None and ast.unparse(node.value) != "None":
            yield ast.Return(ast.Constant(None)), "returns None"
    elif isinstance(node, ast.Expr):
        yield ast.Pass(), "deleted"
    elif isinstance(node, ast.Assign):
        if isinstance(node.targets[0], (ast.Attribute, ast.Subscript)):
            yield ast.Pass(), "deleted"
    elif isinstance(node, ast.AugAssign):
        yield ast.Pass(), "deleted"


def constants(value: object, message: bool) -> Iterator[tuple[object, str]]:
    if isinstance(value, bool):
        yield ast.Constant(not value), f"{value} -> {not value}"
    elif isinstance(value, (int, float)):
        yield ast.Constant(value + 1), f"{value} -> {value + 1}"
    elif isinstance(value, bytes):
        yield ast.Constant(value + b"x"), f"{value!r} + x"
    elif isinstance(value, str) and not message:
        yield ast.Constant(value + "x"), f"{value[:40]!r} + x"


def mutants(source: str) -> Iterator[Mutant]:
    """Make each change, write the module back, and take the change back."""
    tree = ast.parse(source)
    original = ast.unparse(tree).split("\n")
    for change in Finder(tree).changes:
        field = getattr(change.owner, change.name)
        old = field if change.at is None else field[change.at]
        put(change, change.new)
        try:
            changed = ast.unparse(tree)
        finally:
            put(change, old)
        lines = changed.split("\n")
        pairs = zip(original, lines)
        text = next((new for was, new in pairs if was != new), "")
        if lines != original:
            yield Mutant(change.line, change.what, text.strip(), changed)


def put(change: Change, node: object) -> None:
    if change.at is None:
        setattr(change.owner, change.name, node)
    else:
        getattr(change.owner, change.name)[change.at] = node


# ---- Running the tests --------------------------------------------------------------


def tests_fail(folder: Path, source: str) -> bool:
    """Run the tests on a changed module; too long counts as failed."""
    (folder / MODULE).write_text(source, encoding="utf-8")
    environ = dict(os.environ)
    # Two mutants written within a second and of one length share a .pyc file.
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    with subprocess.Popen(
        [sys.executable, "-m", "unittest", "-f", "-q"],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            return process.wait(TIMEOUT_S) != 0
        except subprocess.TimeoutExpired:
            return True
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def survivors(chosen: list[Mutant], jobs: int) -> list[Mutant]:
    folders: queue.Queue[Path] = queue.Queue()
    found: list[Mutant] = []
    done = 0
    start = time.monotonic()

    def survives(mutant: Mutant) -> bool:
        folder = folders.get()
        try:
            return not tests_fail(folder, mutant.source)
        finally:
            folders.put(folder)

    with tempfile.TemporaryDirectory() as temporary:
        for number in range(jobs):
            folder = Path(temporary, str(number))
            folder.mkdir()
            for path in ROOT.iterdir():
                if path.is_file():
                    shutil.copy2(path, folder)
            folders.put(folder)
        folder = folders.get()
        if tests_fail(folder, ast.unparse(ast.parse((ROOT / MODULE).read_text()))):
            sys.exit("the tests fail without any change")
        folders.put(folder)
        took = time.monotonic() - start
        print(f"{len(chosen)} mutants; one run of the tests: {took:.0f} s", flush=True)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            futures = {pool.submit(survives, mutant): mutant for mutant in chosen}
            try:
                for future in concurrent.futures.as_completed(futures):
                    done += 1
                    if future.result():
                        mutant = futures[future]
                        found.append(mutant)
                        print(describe(mutant, "SURVIVES "), flush=True)
                    elif done % 50 == 0:
                        print(f"{done} of {len(chosen)}", flush=True)
            except BaseException:
                for future in futures:
                    future.cancel()
                raise
    return sorted(found)


def describe(mutant: Mutant, head: str = "") -> str:
    return f"{head}{MODULE}:{mutant.line}: {mutant.change}\n    {mutant.text}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutation testing of bitget_rsa.py.")
    parser.add_argument("--lines", metavar="A-B", help="only these lines")
    parser.add_argument("--sample", type=int, metavar="N", help="N of them at random")
    parser.add_argument("--seed", type=int, default=0, help="for --sample (0)")
    parser.add_argument("--jobs", type=int, default=2, help="at a time (2)")
    parser.add_argument("--quick", action="store_true", help="a sample of 12")
    parser.add_argument("--strict", action="store_true", help="exit 1 on survivors")
    parser.add_argument("--list", action="store_true", help="run nothing")
    args = parser.parse_args()
    chosen = list(mutants((ROOT / MODULE).read_text(encoding="utf-8")))
    if args.lines:
        lines = re.fullmatch(r"(\d+)(?:-(\d+))?", args.lines)
        if not lines:
            parser.error("--lines: expected A-B")
        first, last = int(lines[1]), int(lines[2] or lines[1])
        chosen = [mutant for mutant in chosen if first <= mutant.line <= last]
    size = 12 if args.quick else args.sample
    if size is not None and size < len(chosen):
        chosen = sorted(random.Random(args.seed).sample(chosen, size))
    if args.list:
        for mutant in chosen:
            print(describe(mutant))
        print(f"{len(chosen)} mutants")
        return 0
    found = survivors(chosen, args.jobs)
    print(f"\n{len(chosen) - len(found)} of {len(chosen)} killed")
    for mutant in found:
        print(describe(mutant))
    return 1 if found and args.strict and not args.quick else 0


if __name__ == "__main__":
    sys.exit(main())
