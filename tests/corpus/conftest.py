"""The option that names a folder of captured requests; it is no part of this repository."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--corpus", type=Path, default=None, help="a folder of captured requests with what they must become"
    )
