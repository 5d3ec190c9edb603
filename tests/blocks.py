"""Code blocks of Markdown files: read, and run as they stand."""

from __future__ import annotations

import ast
import inspect
import re
from typing import Any, NamedTuple

_FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One fenced block: its language, its text, and the heading it stands under."""

    language: str
    text: str
    heading: str


def blocks_of(markdown: str) -> list[Block]:
    """Return the fenced blocks of a page that name a language, in order."""
    return [Block(found[1], found[2], _heading(markdown[: found.start()])) for found in _FENCE.finditer(markdown)]


def _heading(before: str) -> str:
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", before), re.MULTILINE)
    return headings[-1] if headings else ""


async def run_block(text: str, names: dict[str, Any], filename: str) -> Any:
    """Run a block with ``names`` as its globals, which it may change; ``await`` may stand at its top.

    A block with a bare ``return`` is run as the body of a function, whose result is returned; one that is a single
    expression gives its value.
    """
    tree = ast.parse(text, filename)
    if any(isinstance(node, ast.Return) for node in _own_nodes(tree)):
        return _run_as_function(tree, names, filename)
    if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
        expression = ast.Expression(tree.body[0].value)
        value = eval(compile(expression, filename, "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    else:
        value = eval(compile(tree, filename, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    return await value if inspect.iscoroutine(value) else value


def _own_nodes(tree: ast.Module) -> list[ast.AST]:
    """Return the nodes of a module without those inside its functions and classes."""
    found: list[ast.AST] = []
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))
    return found


def _run_as_function(tree: ast.Module, names: dict[str, Any], filename: str) -> Any:
    wrapped = ast.parse("def block(): pass", filename)
    function = wrapped.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body = tree.body
    exec(compile(wrapped, filename, "exec"), names)
    return names["block"]()
