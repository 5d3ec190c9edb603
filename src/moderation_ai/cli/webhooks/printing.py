"""Printing subscriptions: a line for people, an object for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from moderation_ai.cli.terminal.printing import print_json, print_line
from moderation_ai.cli.terminal.text import plain
from moderation_ai.cli.terminal.times import clock_time
from moderation_ai.core.subscribing import POLLED, Subscription


def print_subscriptions(found: Sequence[Subscription], as_json: bool, now: datetime) -> None:
    """Print each subscription."""
    if as_json:
        print_json(found)
        return
    for each in found:
        place = f"{each.platform}/{each.account}" if each.account else each.platform
        status = each.status if each.ours else f"{each.status} (not ours)"
        print_line(f"{plain(each.id)}  {place}  {status}  {plain(each.url)}".rstrip())
        if each.topic:
            print_line(f"    topic   {plain(each.topic)}")
        elif each.events:
            print_line(f"    events  {plain(', '.join(each.events))}")
        if each.reason:
            print_line(f"    why     {plain(each.reason)}")
        if times := _times(each, now):
            print_line(f"    {times}")


def _times(each: Subscription, now: datetime) -> str:
    parts = []
    if each.expires_at is not None:
        parts.append(f"lease   {left(each.expires_at, now)}")
    if each.due_at is not None:
        parts.append(f"next look {clock_time(each.due_at)}")
    if each.status == POLLED and each.verified_at is not None:
        parts.append(f"last read {clock_time(each.verified_at)}")
    elif each.ours and each.verified_at is not None:
        parts.append(f"last event {clock_time(each.last_event_at) if each.last_event_at else 'none yet'}")
    return ", ".join(parts)


def left(until: datetime, now: datetime) -> str:
    """Return how long it is until then: ``4 d 3 h left``, or since when it is over."""
    minutes = int((until - now).total_seconds() // 60)
    if minutes < 0:
        return f"ended {clock_time(until)}"
    if minutes < 60:
        return f"{minutes} min left"
    hours = minutes // 60
    return f"{hours // 24} d {hours % 24} h left" if hours >= 24 else f"{hours} h {minutes % 60} min left"
