"""The page on polling has every feed with what it costs, as the tables say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from moderation_ai.cli.terminal.feeds import polling_rows, polling_shares
from moderation_ai.core.platform import Platform
from moderation_ai.platforms import all_platforms

PAGE = Path(__file__).parents[2] / "docs" / "polling.md"
POLLED = [platform for platform in all_platforms().values() if platform.poll]


def rows_of(platform: Platform) -> list[str]:
    rows = [
        f"| {platform.name} | `{row['feed'].partition(':')[0]}` | {row['interval']:g} s "
        f"| {sum(row['calls'].values()):.0f} | {row['units']} |"
        for row in polling_rows(platform)
    ]
    return [*rows, *[f"| {platform.name} | {share} |" for share in polling_shares(platform)]]


@pytest.mark.parametrize("platform", POLLED, ids=lambda platform: platform.name)
def test_every_feed_and_every_limit_stands_on_the_page(platform: Platform) -> None:
    written = PAGE.read_text("utf-8").splitlines()
    missing = [row for row in rows_of(platform) if row not in written]
    assert not missing, "\n".join(missing)


def test_nothing_stands_there_that_is_not_so() -> None:
    expected = {row for platform in POLLED for row in rows_of(platform)}
    names = {platform.name for platform in all_platforms().values()}
    written = [row for row in PAGE.read_text("utf-8").splitlines() if row.startswith(tuple(f"| {n} |" for n in names))]
    assert [row for row in written if row not in expected] == []
