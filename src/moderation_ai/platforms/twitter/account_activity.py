"""X's Account Activity API: lists of v1.1 objects, several of them in one body.

Source: https://docs.x.com/x-api/account-activity/introduction (deprecated there, and still what many apps hold).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from moderation_ai.core.batches import read_each, read_or_keep, unknown_element
from moderation_ai.core.content import as_dict, as_id, as_list, as_text, as_time, first_id, require_id
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import Fact, Parsed
from moderation_ai.core.subjects import Action, Reaction
from moderation_ai.platforms.twitter.facts import Tweet, acted, deleted, liked, revoked, written

KINDS = {
    "tweet_create_events": "post.created",
    "tweet_delete_events": "post.deleted",
    "favorite_events": "reaction.created",
    "block_events": "moderation.action",
    "mute_events": "moderation.action",
    "user_event": "account.revoked",
    "follow_events": "",
    "direct_message_events": "",
    "direct_message_indicate_typing_events": "",
    "direct_message_mark_read_events": "",
    "replay_job_status": "",
}
_BESIDE = ("for_user_id", "users", "apps", "user_has_blocked")
_ACTIONS = {"block": "ban", "unblock": "unban", "mute": "mute", "unmute": "unmute"}


def read_account_activity(body: dict[str, Any]) -> Parsed:
    """Return the facts of a body, member by member; raise ``MalformedPayload`` if it has none that X sends."""
    account_id = as_id(body.get("for_user_id"))
    parsed = Parsed()
    for kind, value in body.items():
        if kind in _BESIDE:
            continue
        if KINDS.get(kind) == "" or value == []:
            parsed.ignored.append(kind)
        elif kind in _READERS:
            parsed.facts += read_each(value, kind, partial(_READERS[kind], account_id))
        elif kind == "user_event":
            parsed.facts.append(read_or_keep(value, kind, _read_revocation))
        elif isinstance(value, dict | list):
            parsed.facts.append(unknown_element(value, kind, "this kind is none that we know of X"))
    if not parsed.facts and not parsed.ignored:
        raise MalformedPayload("the body names nothing that X sends")
    return parsed


def _read_tweet(account_id: str | None, tweet: dict[str, Any]) -> Fact:
    user = as_dict(tweet.get("user"))
    author_id = _id(user)
    sent = as_time(tweet.get("timestamp_ms"))
    kind, shared = _shared(tweet)
    seen = Tweet(
        id=require_id(_id(tweet), of="a tweet"),
        author_id=author_id,
        author_username=as_text(user.get("screen_name")),
        text=_text(tweet),
        created_at=as_time(tweet.get("created_at")) or sent,
        timestamp=sent,
        reply_to=first_id(tweet.get("in_reply_to_status_id_str"), tweet.get("in_reply_to_status_id")),
        kind=kind,
        shared=shared,
        media_urls=_media(tweet),
    )
    return written(seen, account_id, mentions_us=author_id != account_id and _mentions(tweet, account_id))


def _id(thing: dict[str, Any]) -> str | None:
    # The numeric id is rounded in whatever went through a float; the text is right.
    return first_id(thing.get("id_str"), thing.get("id"))


def _text(tweet: dict[str, Any]) -> str | None:
    extended = as_text(as_dict(tweet.get("extended_tweet")).get("full_text"))
    return extended if extended is not None and tweet.get("truncated") else as_text(tweet.get("text"))


def _shared(tweet: dict[str, Any]) -> tuple[str | None, str | None]:
    for kind, name in (("repost", "retweeted_status"), ("quote", "quoted_status")):
        if isinstance(tweet.get(name), dict):
            return kind, _id(tweet[name])
    quoted = as_id(tweet.get("quoted_status_id_str"))
    return ("quote", quoted) if quoted else (None, None)


def _media(tweet: dict[str, Any]) -> list[str] | None:
    source = as_dict(tweet.get("extended_tweet")) or tweet
    entities = as_dict(source.get("extended_entities")) or as_dict(source.get("entities"))
    found = [as_text(as_dict(item).get("media_url_https")) for item in as_list(entities.get("media"))]
    return [url for url in found if url] or None


def _mentions(tweet: dict[str, Any], account_id: str | None) -> bool:
    source = as_dict(tweet.get("extended_tweet")) or tweet
    named = as_list(as_dict(source.get("entities")).get("user_mentions"))
    return account_id is not None and any(_id(as_dict(user)) == account_id for user in named)


def _read_deletion(account_id: str | None, element: dict[str, Any]) -> Fact:
    status = as_dict(element.get("status"))
    author_id = first_id(status.get("user_id"), status.get("user_id_str"))
    return deleted(require_id(_id(status), of="a deleted tweet"), author_id, account_id, element.get("timestamp_ms"))


def _read_favorite(account_id: str | None, element: dict[str, Any]) -> Fact:
    user = as_dict(element.get("user"))
    reaction = Reaction(
        id=require_id(element.get("id"), of="a favorite"),
        kind="like",
        target_id=_id(as_dict(element.get("favorited_status"))),
        author_id=_id(user),
        author_username=as_text(user.get("screen_name")),
    )
    return liked(reaction, account_id, as_time(element.get("timestamp_ms")) or as_time(element.get("created_at")))


def _read_relation(account_id: str | None, element: dict[str, Any]) -> Fact:
    # What undoes rides the same member and differs by its type alone.
    kind = _ACTIONS.get(as_text(element.get("type")) or "")
    if kind is None:
        raise MalformedPayload("the type is none of block, unblock, mute, unmute")
    source = as_dict(element.get("source"))
    target_id = require_id(_id(as_dict(element.get("target"))), of="the user who was acted upon")
    when = as_id(element.get("created_timestamp"))
    action = Action(
        kind=kind,
        target_id=target_id,
        target_type="author",
        target_author_id=target_id,
        actor_id=_id(source),
        actor_username=as_text(source.get("screen_name")),
    )
    return acted(action, account_id, as_time(when), f"{kind} {action.actor_id} {when}")


def _read_revocation(element: dict[str, Any]) -> Fact:
    revoke = as_dict(element.get("revoke"))
    user_id = require_id(as_dict(revoke.get("source")).get("user_id"), of="the user who revoked")
    return revoked(user_id, as_time(revoke.get("date_time")))


_READERS: dict[str, Callable[[str | None, dict[str, Any]], Fact]] = {
    "tweet_create_events": _read_tweet,
    "tweet_delete_events": _read_deletion,
    "favorite_events": _read_favorite,
    "block_events": _read_relation,
    "mute_events": _read_relation,
}
