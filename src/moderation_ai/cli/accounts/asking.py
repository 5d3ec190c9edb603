"""``moderation-ai accounts check`` and ``refresh``: ask platforms whether they take the tokens, and for the next."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable

import click
import msgspec

from moderation_ai.cli.accounts.speaking import chosen, speaking
from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.printing import note, print_json, print_table
from moderation_ai.cli.terminal.stores import opened
from moderation_ai.core.access import Access
from moderation_ai.core.errors import ModerationError, StoreError, UnsupportedAction
from moderation_ai.core.flows import Session
from moderation_ai.pipeline.acting.driving import Drive
from moderation_ai.pipeline.credentials.credentials import Credentials
from moderation_ai.sender import Sender
from moderation_ai.stores.base import Store

Ask = Callable[[Access], Awaitable[Session]]


class Answer(msgspec.Struct, kw_only=True):
    """What came of asking for an account: ``ok`` with its id and when its token ends, or ``failed`` with the reason."""

    platform: str
    account: str
    status: str = "ok"
    account_id: str | None = None
    expires_at: str | None = None
    reason: str | None = None


@click.command("check")
@click.argument("names", nargs=-1, metavar="[ACCOUNT]...")
@as_json_option
@settings_options
@pass_invocation
def check(invocation: Invocation, names: tuple[str, ...], as_json: bool) -> None:
    """Ask platforms whose tokens they are: are they taken, and is it the right account?

    A token that has ended is renewed by that. Exit code 1 if one is not taken.
    """
    _ask_all(
        invocation,
        names,
        as_json,
        lambda credentials, store: lambda access: _who(invocation, credentials, store, access),
    )


@click.command("refresh")
@click.argument("names", nargs=-1, metavar="[ACCOUNT]...")
@as_json_option
@settings_options
@pass_invocation
def refresh(invocation: Invocation, names: tuple[str, ...], as_json: bool) -> None:
    """Get the next tokens now, whatever is left of those there are; `serve` goes on with them.

    Exit code 1 if one cannot be had.
    """
    _ask_all(invocation, names, as_json, lambda credentials, store: credentials.refresh)


def _ask_all(
    invocation: Invocation, names: tuple[str, ...], as_json: bool, make: Callable[[Credentials, Store], Ask]
) -> None:
    answers = run(_answers(invocation, chosen(invocation, names), make))
    if as_json:
        print_json(answers)
    elif answers:
        head = ("ACCOUNT", "STATUS", "ID", "ENDS", "WHY")
        print_table(head, [_cells(each) for each in answers])
    else:
        note("no token is configured; docs/credentials.md says how to get one")
    sys.exit(1 if any(each.status == "failed" for each in answers) else 0)


async def _answers(
    invocation: Invocation, accesses: list[Access], make: Callable[[Credentials, Store], Ask]
) -> list[Answer]:
    async with opened(invocation.store_url) as store, speaking(invocation, store, accesses) as credentials:
        return [await _answer(access, make(credentials, store)) for access in accesses]


async def _answer(access: Access, ask: Ask) -> Answer:
    answer = Answer(platform=access.platform.name, account=access.account)
    try:
        session = await ask(access)
    except StoreError:
        raise
    except ModerationError as error:
        answer.status, answer.reason = "failed", str(error)
    else:
        answer.account_id = session.account_id
        answer.expires_at = session.expires_at.isoformat() if session.expires_at else None
    return answer


async def _who(invocation: Invocation, credentials: Credentials, store: Store, access: Access) -> Session:
    """Return the tokens with the id that the platform tells; they are taken as they are where it tells none."""
    sender = invocation.sender or Sender(now=invocation.clock.now)

    async def ask(session: Session) -> str | None:
        try:
            return await Drive(access, sender, store, invocation.clock.now).run(access.platform.identify(session))
        except UnsupportedAction:
            return session.account_id

    account_id = await credentials.using(access, ask)
    return msgspec.structs.replace(await credentials.session(access), account_id=account_id)


def _cells(answer: Answer) -> tuple[str, ...]:
    name = f"{answer.platform}/{answer.account}" if answer.account else answer.platform
    ends = (answer.expires_at or "-")[:19].replace("T", " ")
    return name, answer.status, answer.account_id or "-", ends, answer.reason or ""
