"""The tests' process: runs the tests, and reports how each ended."""

from __future__ import annotations

import _ast
import builtins
import json
import os

from .tests_side import Names, TestsSide
from .wire import Gone, Stream, receive

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module of types takes longer to load than all of ours
    import types
    from collections.abc import Callable, Iterator
    from typing import Any

#: Words of tests that reach into the process of the code: those are run beside it.
BESIDE = {
    "stdin",
    "stdout",
    "stderr",
    "redirect_stdout",
    "redirect_stderr",
    "patch",
    "globals",
    "modules",
    "getsource",
}


def outcome_of(error: BaseException) -> str:
    """Return an exception's name, if it is Python's own: any other could carry secrets out."""
    name = type(error).__name__
    return name if getattr(builtins, name, None) is type(error) else "Error"


def nodes_of(tree: _ast.AST) -> Iterator[_ast.AST]:
    """Yield a syntax tree's nodes like `ast.walk`, without the cost of importing `ast`."""
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        for name in node._fields:
            value = getattr(node, name, None)
            stack += [
                child
                for child in (value if isinstance(value, list) else [value])
                if isinstance(child, _ast.AST)
            ]


def words_of(tree: _ast.AST) -> set[str]:
    """Return the names and attributes that a test uses."""
    nodes = list(nodes_of(tree))
    names = {node.id for node in nodes if isinstance(node, _ast.Name)}
    return names | {node.attr for node in nodes if isinstance(node, _ast.Attribute)}


def free_names(tree: _ast.AST) -> set[str]:
    """Return the names that a test reads and does not bind itself."""
    read: set[str] = set()
    bound: set[str] = set()
    for node in nodes_of(tree):
        if isinstance(node, _ast.Name):
            (read if isinstance(node.ctx, _ast.Load) else bound).add(node.id)
        elif isinstance(node, _ast.arg):
            bound.add(node.arg)
        elif isinstance(node, (_ast.FunctionDef, _ast.AsyncFunctionDef, _ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, _ast.alias):
            bound.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, _ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return read - bound


class Runner:
    """Runs the tests one after the other."""

    def __init__(self, stream: Stream, report: int) -> None:
        self.side = TestsSide(stream)
        self.names = Names(self.side)
        self.report = report

    def say(self, number: int, outcome: str) -> None:
        """Report how a test ended; -1 is the code itself."""
        os.write(self.report, f"{number} {outcome}\n".encode())

    def run(self, code: str, tests: list[str]) -> None:
        """Run the code, and unless it fails all tests."""
        outcome = self.outcome(lambda: self.side.ask("run", code))
        self.say(-1, outcome)
        if outcome == "ok":
            for number, test in enumerate(tests):
                self.say(number, self.outcome_of_test(test))

    def outcome_of_test(self, test: str) -> str:
        """Return how a test ended, and with ` beside` whether it had to be run beside the code."""
        try:
            tree: Any = compile(test, "test", "exec", _ast.PyCF_ONLY_AST)
            program = compile(tree, "test", "exec")
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            return outcome_of(error)
        self.side.unfit = bool(words_of(tree) & BESIDE)
        if not self.side.unfit:
            outcome = self.outcome(lambda: self.run_here(program, free_names(tree)))
            if not self.side.unfit:
                return outcome
        return self.outcome(lambda: self.side.ask("test", test)) + " beside"

    def run_here(self, program: types.CodeType, free: set[str]) -> None:
        """Run a test here."""
        self.names.prepare(free)
        exec(program, self.names)  # noqa: S102 - the purpose of this process

    def outcome(self, work: Callable[[], object]) -> str:
        """Return `ok`, or the name of the exception."""
        try:
            work()
        except Gone:
            raise
        except (
            BaseException
        ) as error:  # a test may end in any way: that is its outcome, and the next one runs
            return outcome_of(error)
        return "ok"


def serve_tests(stream: Stream, report: int, job: int) -> None:
    """Run a job, unless the code's process ends before."""
    job_bytes = bytearray()
    while chunk := os.read(job, 1 << 16):
        job_bytes += chunk
    runner = Runner(stream, report)
    try:
        start = receive(stream)
    except Gone:
        start = ["its process ended before it began"]
    if start != ["sealed"]:
        os.write(report, f"! {start[0]}\n".encode())
        return
    try:
        runner.run(**json.loads(job_bytes))
    except Gone:
        return
