"""``moderation-ai accounts``: how the tokens stand that accounts are acted with; never a token itself."""

from __future__ import annotations

import click

from moderation_ai.cli.accounts.asking import check, refresh
from moderation_ai.cli.accounts.speaking import full_name
from moderation_ai.cli.terminal.invocation import Invocation, as_json_option, pass_invocation, run, settings_options
from moderation_ai.cli.terminal.printing import note, print_json, print_table
from moderation_ai.cli.terminal.stores import opened
from moderation_ai.cli.terminal.times import clock_time
from moderation_ai.config import accesses_of
from moderation_ai.core.errors import ModerationError
from moderation_ai.pipeline.credentials.authorising import Authorisation, authorisations


@click.group()
def accounts() -> None:
    """Show how the tokens stand that accounts are acted with, check, renew or forget them.

    An account is PLATFORM, or PLATFORM/ACCOUNT by its name in the configuration.
    """


@accounts.command("list")
@as_json_option
@settings_options
@pass_invocation
def list_(invocation: Invocation, as_json: bool) -> None:
    """List the accounts that are configured or kept, until when their tokens are good, and what is wrong with them."""
    found = run(_list(invocation))
    if as_json:
        print_json(found)
    elif found:
        print_table(("ACCOUNT", "STATUS", "ENDS", "SAVED", "WHY"), [_cells(each) for each in found])
    else:
        note("no token is configured; docs/credentials.md says how to get one")


async def _list(invocation: Invocation) -> list[Authorisation]:
    async with opened(invocation.store_url) as store:
        saved = await store.sessions()
    return authorisations(accesses_of(invocation.settings.platforms), saved, invocation.clock.now())


def _cells(each: Authorisation) -> tuple[str, ...]:
    return each.name, each.status, clock_time(each.expires_at), clock_time(each.saved_at), each.reason or ""


@accounts.command("forget")
@click.argument("name", metavar="ACCOUNT")
@settings_options
@pass_invocation
def forget(invocation: Invocation, name: str) -> None:
    """Remove the tokens that are kept of an account: what is configured counts again.

    For a store whose key is lost, and for an account that is not acted with any more. Processes that run keep what they
    have until they are restarted.
    """
    platform, _, account = full_name(name).partition("/")
    if not run(_forget(invocation, platform, account)):
        raise ModerationError(f"no tokens are kept of {name}")
    click.echo(f"forgot the tokens of {name}")


async def _forget(invocation: Invocation, platform: str, account: str) -> bool:
    async with opened(invocation.store_url) as store:
        return await store.delete_session(platform, account)


for _command in (check, refresh):
    accounts.add_command(_command)
