"""The docs say what the code does: every command, setting, platform, kind, event type and name stands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import moderation_ai
from moderation_ai import utils
from moderation_ai.cli import cli
from moderation_ai.cli.platforms import action_rows, subscription_rows
from moderation_ai.config.catalogue import all_settings
from moderation_ai.core.events import EVENT_TYPES, STATUSES, WebhookEvent
from moderation_ai.core.subjects import SUBJECTS
from moderation_ai.platforms import all_platforms
from tests.blocks import blocks_of

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md")), *ROOT.glob("examples/*/README.md")]
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def commands(group: click.Command, path: str) -> Iterator[str]:
    if not isinstance(group, click.Group):
        yield path
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from commands(command, f"{path} {name}")


def test_the_readme_begins_with_the_two_commands() -> None:
    first = (ROOT / "README.md").read_text("utf-8").split("```")[1]
    assert "make demo" in first
    assert "make test" in first


@pytest.mark.parametrize("command", list(commands(cli, "moderation-ai")))
def test_every_command_is_documented(command: str) -> None:
    assert command.removeprefix("moderation-ai ") in page("cli.md")


@pytest.mark.parametrize("setting", [setting.name for setting in all_settings()])
def test_every_setting_is_documented(setting: str) -> None:
    assert setting in page("configuration.md")


@pytest.mark.parametrize("name", sorted(all_platforms()))
def test_every_platform_has_a_page_with_its_kinds_and_headers(name: str) -> None:
    platform = all_platforms()[name]
    text = page(f"platforms/{name}.md")
    missing = [kind for kind in platform.kinds if kind not in text]
    assert not missing
    if platform.own_scheme:
        assert not [header for header in platform.security_headers if header not in text.lower()]


@pytest.mark.parametrize("word", [*EVENT_TYPES, *STATUSES, *WebhookEvent.__struct_fields__])
def test_every_event_type_status_and_field_is_documented(word: str) -> None:
    assert f"`{word}`" in page("events.md")


@pytest.mark.parametrize("name", sorted(SUBJECTS))
def test_every_field_of_every_subject_is_documented(name: str) -> None:
    text = page("events.md")
    fields = [field for field in SUBJECTS[name].__struct_fields__ if field != "extra"]
    assert not [field for field in fields if f"`{field}`" not in text]


def test_every_public_name_is_documented() -> None:
    everything = "\n".join(path.read_text("utf-8") for path in PAGES)
    names = [*utils.__all__, *moderation_ai.__all__]
    assert not [name for name in names if name not in everything]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    links = [link for link in _LINK.findall(path.read_text("utf-8")) if "://" not in link]
    assert not [link for link in links if not (path.parent / link).exists()]


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop().resolve()
        if path in reached or path.suffix != ".md":
            continue
        reached.add(path)
        links = [link for link in _LINK.findall(path.read_text("utf-8")) if "://" not in link]
        waiting += [path.parent / link for link in links]
    pages = [path for path in DOCS.rglob("*.md") if path.parent.name != "decisions"]
    assert not [path.name for path in pages if path.resolve() not in reached]


def test_the_index_names_every_page() -> None:
    linked = {(DOCS / link).resolve() for link in _LINK.findall(page("README.md")) if "://" not in link}
    pages = [path for path in DOCS.rglob("*.md") if path.parent.name != "decisions" and path != DOCS / "README.md"]
    assert not [path.name for path in pages if path.resolve() not in linked]


def command_lines() -> list[tuple[str, str]]:
    """Return every command of ours in the console blocks of all pages, with its page."""
    found = []
    for path in [*PAGES, *sorted((ROOT / "examples").glob("*/README.md"))]:
        blocks = [block.text for block in blocks_of(path.read_text("utf-8")) if block.language == "console"]
        lines = [line.removeprefix("$ ") for text in blocks for line in text.splitlines()]
        found += [(path.name, line) for line in lines if line.startswith("moderation-ai ")]
    return found


def advised_lines() -> set[str]:
    """Return every command of ours that a message of the program names, with the words that follow it."""
    texts = [path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py")]
    found = {line for text in texts for line in re.findall(r"(?<!`)`(moderation-ai [a-z]+ [^`\n]+)`", text)}
    return {line.replace("{status}", "dead") for line in found}


@pytest.mark.parametrize("line", sorted({line for _, line in command_lines()} | advised_lines()))
def test_every_command_line_is_understood(line: str) -> None:
    command: click.Command = cli
    context, (_, *words) = None, shlex.split(line.replace("…", ""), comments=True)
    while True:
        try:
            context = command.make_context(command.name, words, parent=context)
        except click.BadParameter as error:
            if "does not exist" not in error.message:
                raise
            return  # A file of the reader's.
        if not isinstance(command, click.Group):
            return
        name, found, words = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None, f"there is no command {name}"
        command = found


def test_the_public_names_are_pinned() -> None:
    assert moderation_ai.__all__ == ["StandardsEngine", "get_platform", "hide_comment", "standards_engine"]
    assert utils.__all__ == [
        "WebhookEvent",
        "WebhookHandler",
        "WebhookMonitor",
        "WebhookReplay",
        "WebhookRetry",
        "delete_webhook",
        "list_webhooks",
        "register_webhook",
        "validate_webhook_timestamp",
        "verify_webhook_signature",
    ]


@pytest.mark.parametrize("name", sorted(name for name, each in all_platforms().items() if each.capabilities))
def test_every_action_of_a_platform_stands_on_its_page_as_the_table_has_it(name: str) -> None:
    text = page(f"platforms/{name}.md")
    for row in action_rows(all_platforms()[name]):
        undo = f"`{row['undo']}`" if row["undo"] else "nothing"
        scopes = " ".join(f"`{scope}`" for scope in row["scopes"])
        limits = "; ".join(row["limits"])
        assert f"| `{row['action']}` | `{row['call']}` | {undo} | {scopes} | {limits} |" in text
        assert row["source"] in text


@pytest.mark.parametrize("name", sorted(name for name, each in all_platforms().items() if each.subscribe))
def test_every_call_of_subscribing_stands_in_the_docs_as_the_table_has_it(name: str) -> None:
    text = page("subscriptions.md")
    platform = all_platforms()[name]
    for row in subscription_rows(platform):
        scopes = " ".join(f"`{scope}`" for scope in row["scopes"]) or "none"
        limits = "; ".join(row["limits"]) or "none told"
        assert f"| `{row['subscribing']}` | `{row['call']}` | {row['as']} | {scopes} | {limits} |" in text
        assert row["source"] in text
    assert not [native for native in platform.pushes if f"`{native}`" not in text]


WORDS = ("approve", "hide", "remove", "reply", "ban", "lock", "mute")
"""What moderators may want; what takes it back goes with it."""
ACTING = sorted(name for name, each in all_platforms().items() if each.capabilities)


def section(text: str, heading: str) -> str:
    """Return what stands below a heading, up to the next of its level."""
    _, found, rest = text.partition(f"\n## {heading}\n")
    assert found, f"there is no section {heading}"
    return rest.partition("\n## ")[0]


@pytest.mark.parametrize("name", ACTING)
def test_the_credentials_page_says_which_permissions_to_ask_for_as_the_table_has_them(name: str) -> None:
    title = page(f"platforms/{name}.md").partition("\n")[0].removeprefix("# ").partition(" (")[0]
    text = section(page("credentials.md"), title)
    told = set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))
    asked = {scope for call in all_platforms()[name].api.calls for scope in call.scopes}
    by_facebook = {"instagram_manage_comments", "pages_read_engagement"}  # in the place of two of Instagram's own
    assert told - (by_facebook if name == "instagram" else set()) == asked
    assert f"platforms/{name}.md#what-cannot-be-done" in text


@pytest.mark.parametrize("name", ACTING)
def test_a_platforms_page_says_what_cannot_be_done_there(name: str) -> None:
    text = section(page(f"platforms/{name}.md"), "What cannot be done")
    platform = all_platforms()[name]
    lacking = [word for word in WORDS if word not in platform.actions and word not in platform.instead]
    said = re.findall(r"There is no call for: (.*)\.", text)
    assert said == ([", ".join(f"`{word}`" for word in lacking)] if lacking else [])
    assert not [word for word in platform.instead if f"`{word}`" not in text]
