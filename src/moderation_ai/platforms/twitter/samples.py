"""Bodies as X would send them, with the events that must come out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from moderation_ai.core.platform import Sample
from moderation_ai.platforms.twitter import account_activity, activity
from moderation_ai.platforms.twitter.activity import FILTERED_STREAM
from moderation_ai.platforms.twitter.facts import permalink

_US, _THEM = "1201", "1302"
_NAMES = {_US: "corner_bakery", _THEM: "rye_fan"}


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One moment and a number that makes all ids of it unlike those of every other."""

    now: datetime
    serial: int

    def id(self, number: int) -> str:
        """Return an id of X's length."""
        return str(1_900_000_000_000_000_000 + self.serial * 1000 + number)

    @property
    def old_time(self) -> str:
        """Return the moment as v1.1 writes it."""
        return self.now.astimezone(UTC).strftime("%a %b %d %H:%M:%S +0000 %Y")

    @property
    def new_time(self) -> str:
        """Return the moment as v2 writes it."""
        return self.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    @property
    def milliseconds(self) -> str:
        """Return the moment as Unix milliseconds."""
        return str(int(self.now.timestamp() * 1000))


def samples(now: datetime, serial: int) -> list[Sample]:
    """Return one body for every kind that X sends, and some that are of no use to us."""
    moment = Moment(now=now.replace(microsecond=0), serial=serial)
    return [*_activity(moment), *_stream(moment), *_account_activity(moment), *_envelopes(moment), *_ignored(moment)]


def _sample(name: str, body: Mapping[str, Any], *events: Mapping[str, Any]) -> Sample:
    # X escapes what is not ASCII.
    return Sample(name=name, body=json.dumps(body, separators=(",", ":")).encode("ascii"), events=events)


def _event(moment: Moment, kind: str, number: int, payload: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    data = {
        # Signed, and often negative.
        "event_uuid": f"-{moment.id(number)[1:]}",
        "filter": {"user_id": _US},
        "event_type": kind,
        "tag": kind.replace(".", "-"),
        "payload": payload,
        **more,
    }
    return {"data": data}


def _post(moment: Moment, number: int, author: str, text: str, **more: Any) -> dict[str, Any]:
    post_id = moment.id(number)
    return {
        "id": post_id,
        "text": text,
        "author_id": author,
        "created_at": moment.new_time,
        "conversation_id": post_id,
        "edit_history_tweet_ids": [post_id],
        "lang": "en",
        **more,
    }


def _users(*ids: str) -> dict[str, Any]:
    return {"users": [{"id": id_, "username": _NAMES[id_], "name": "A name", "protected": False} for id_ in ids]}


def _thing(what: str, moment: Moment, number: int, author: str, text: str, **more: Any) -> dict[str, Any]:
    """Return the members that a comment or post must show."""
    fields = {
        "id": moment.id(number),
        "author_id": author,
        "author_username": _NAMES[author],
        "text" if what == "comment" else "caption": text,
        "created_at": moment.new_time,
        "permalink": permalink(moment.id(number), _NAMES[author]),
    }
    return {what: {**fields, **more}}


def _expect(event_type: str, data: Mapping[str, Any], *, own: bool = False) -> dict[str, Any]:
    return {"event_type": event_type, "own": own, "data": data}


def _activity(moment: Moment) -> Iterator[Sample]:
    root, both = moment.id(1), _users(_US, _THEM)
    text = "The first loaves are out – come by!"
    body = _event(moment, "post.create", 101, _post(moment, 1, _US, text), includes=_users(_US))
    yield _sample("post.create", body, _expect("post.created", _thing("post", moment, 1, _US, text), own=True))

    text = "@corner_bakery mine was burnt 😡"
    reply = {"conversation_id": root, "in_reply_to_tweet_id": root, "in_reply_to_user_id": _US}
    body = _event(moment, "post.reply.create", 102, _post(moment, 2, _THEM, text, **reply), includes=both)
    thing = _thing("comment", moment, 2, _THEM, text, post_id=root, parent_id=None)
    yield _sample("post.reply.create", body, _expect("comment.created", thing))

    text = "hey @corner_bakery, are you open on Monday?"
    body = _event(moment, "post.mention.create", 103, _post(moment, 3, _THEM, text), includes=both)
    yield _sample("post.mention.create", body, _expect("mention.created", _thing("post", moment, 3, _THEM, text)))

    yield from _shares(moment, root, both)
    yield from _reactions(moment, root, both)
    yield from _relations(moment)

    payload = {"date_time": moment.now.astimezone(UTC).isoformat(), "user_id": moment.id(9), "app_id": "29"}
    body = _event(moment, "oauth.revoke", 116, payload)
    yield _sample("oauth.revoke", body, _expect("account.revoked", {"account": {"id": moment.id(9)}}))


def _shares(moment: Moment, root: str, includes: Mapping[str, Any]) -> Iterator[Sample]:
    for kind, word, ours, number in (
        ("post.quote.create", "quoted", "quote", 4),
        ("post.repost.create", "retweeted", "repost", 5),
    ):
        text = f"Look at this ({ours})"
        post = _post(moment, number, _THEM, text, referenced_tweets=[{"type": word, "id": root}])
        thing = _thing("post", moment, number, _THEM, text, kind=ours)
        yield _sample(kind, _event(moment, kind, 100 + number, post, includes=includes), _expect("post.created", thing))


def _reactions(moment: Moment, root: str, includes: Mapping[str, Any]) -> Iterator[Sample]:
    body = _event(moment, "post.delete", 106, {"id": root, "author_id": _US})
    yield _sample("post.delete", body, _expect("post.deleted", {"post_id": root}, own=True))

    like_id = f"{moment.serial:032x}"
    payload = {
        "id": like_id,
        "timestamp_ms": moment.milliseconds,
        "liked_tweet_id": root,
        "liked_tweet_author_id": _US,
    }
    body = _event(moment, "like.create", 107, payload, includes=includes)
    reaction = {"id": like_id, "kind": "like", "target_id": root, "author_id": _THEM, "author_username": "rye_fan"}
    yield _sample("like.create", body, _expect("reaction.created", {"reaction": reaction}))

    author = {"data": {"id": _THEM, "username": _NAMES[_THEM]}}
    chat = {"broadcast_id": f"1b{moment.serial}", "message_id": moment.id(8), "message": "first!", "author": author}
    comment = {"id": moment.id(8), "post_id": f"1b{moment.serial}", "author_id": _THEM, "text": "first!"}
    yield _sample(
        "broadcast.chat", _event(moment, "broadcast.chat", 108, chat), _expect("comment.created", {"comment": comment})
    )


def _relations(moment: Moment) -> Iterator[Sample]:
    kinds = {"block.block": "ban", "block.unblock": "unban", "mute.mute": "mute", "mute.unmute": "unmute"}
    for number, (kind, ours) in enumerate(kinds.items(), start=110):
        payload = {
            "source": {"data": {"id": _US, "username": _NAMES[_US]}},
            "target": {"data": {"id": moment.id(7), "username": "troll"}},
        }
        action = {"kind": ours, "target_id": moment.id(7), "actor_id": _US, "actor_username": _NAMES[_US]}
        body = _event(moment, kind, number, payload)
        yield _sample(kind, body, _expect("moderation.action", {"action": action}, own=True))


def _stream(moment: Moment) -> Iterator[Sample]:
    text = "The bakery on the corner is overrated"
    body = {
        "data": _post(moment, 20, _THEM, text),
        "includes": _users(_THEM),
        FILTERED_STREAM: [{"id": "1", "tag": "bakery"}],
    }
    yield _sample(FILTERED_STREAM, body, _expect("post.created", _thing("post", moment, 20, _THEM, text)))


def _tweet(moment: Moment, number: int, author: str, text: str, **more: Any) -> dict[str, Any]:
    tweet_id = moment.id(number)
    return {
        "created_at": moment.old_time,
        # Rounded, as in many logs: only id_str is right.
        "id": int(tweet_id[:16] + "000"),
        "id_str": tweet_id,
        "text": text,
        "truncated": False,
        "user": {"id": int(author), "id_str": author, "screen_name": _NAMES[author]},
        "in_reply_to_status_id_str": None,
        "timestamp_ms": moment.milliseconds,
        **more,
    }


def _account_activity(moment: Moment) -> Iterator[Sample]:
    first, second = "Cinnamon day tomorrow.", "@corner_bakery you always say that"
    tweets = [
        _tweet(moment, 30, _US, first),
        _tweet(moment, 31, _THEM, second, in_reply_to_status_id_str=moment.id(30)),
    ]
    yield _sample(
        "tweet_create_events",
        {"for_user_id": _US, "tweet_create_events": tweets},
        _expect("post.created", _thing("post", moment, 30, _US, first), own=True),
        _expect("comment.created", _thing("comment", moment, 31, _THEM, second, parent_id=moment.id(30))),
    )
    deletion = {"status": {"id": moment.id(30), "user_id": _US}, "timestamp_ms": moment.milliseconds}
    yield _sample(
        "tweet_delete_events",
        {"for_user_id": _US, "tweet_delete_events": [deletion]},
        _expect("post.deleted", {"post_id": moment.id(30)}, own=True),
    )
    yield from _old_reactions(moment)
    revoke = {"date_time": moment.now.astimezone(UTC).isoformat(), "target": {"app_id": "29"}}
    body = {"user_event": {"revoke": {**revoke, "source": {"user_id": moment.id(39)}}}}
    yield _sample("user_event", body, _expect("account.revoked", {"account": {"id": moment.id(39)}}))


def _old_reactions(moment: Moment) -> Iterator[Sample]:
    like_id = f"{moment.serial + (1 << 64):032x}"
    favorite = {
        "id": like_id,
        "created_at": moment.old_time,
        "timestamp_ms": int(moment.milliseconds),
        "favorited_status": {"id_str": moment.id(30)},
        "user": {"id_str": _THEM, "screen_name": _NAMES[_THEM]},
    }
    reaction = {"id": like_id, "target_id": moment.id(30), "author_id": _THEM, "author_username": _NAMES[_THEM]}
    yield _sample(
        "favorite_events",
        {"for_user_id": _US, "favorite_events": [favorite]},
        _expect("reaction.created", {"reaction": reaction}),
    )
    for member, word, ours in (("block_events", "block", "ban"), ("mute_events", "unmute", "unmute")):
        relation = {
            "type": word,
            "created_timestamp": moment.milliseconds,
            "source": {"id_str": _US, "screen_name": _NAMES[_US]},
            "target": {"id_str": moment.id(38), "screen_name": "troll"},
        }
        action = {"kind": ours, "target_id": moment.id(38), "actor_id": _US, "actor_username": _NAMES[_US]}
        body = {"for_user_id": _US, member: [relation]}
        yield _sample(member, body, _expect("moderation.action", {"action": action}, own=True))


def _envelopes(moment: Moment) -> Iterator[Sample]:
    """Yield what a bridge of one's own posts: the names of the webhook patterns, which X itself never had."""
    post = {"id": moment.id(60), "author_id": _THEM, "author_username": _NAMES[_THEM], "caption": "hello"}
    reaction = {"id": moment.id(61), "kind": "like", "target_id": moment.id(60), "author_id": _THEM}
    for kind, event_type, data in (
        ("tweet.create", "post.created", {"post": post}),
        ("tweet.delete", "post.deleted", {"post_id": moment.id(60)}),
        ("favorite.create", "reaction.created", {"reaction": reaction}),
    ):
        body = {"event_type": kind, "timestamp": moment.new_time, "platform": "twitter", "data": data}
        yield _sample(kind, body, {"event_type": event_type, "data": data})


def _ignored(moment: Moment) -> Iterator[Sample]:
    message = {"direct_message_events": [{"type": "message_create", "id": moment.id(50)}]}
    yield _sample("dm.received", _event(moment, "dm.received", 150, message))
    pair = {"source": {"data": {"id": _THEM}}, "target": {"data": {"id": _US}}}
    yield _sample("follow.follow", _event(moment, "follow.follow", 151, pair))
    typing = {"created_timestamp": moment.milliseconds, "sender_id": _THEM, "target": {"recipient_id": _US}}
    yield _sample(
        "direct_message_indicate_typing_events",
        {"for_user_id": _US, "direct_message_indicate_typing_events": [typing]},
    )
    yield _sample("replay_job_status", {"replay_job_status": {"job_state": "Complete", "job_id": moment.id(52)}})
    shown = ("dm.received", "follow.follow", "direct_message_indicate_typing_events", "replay_job_status")
    for number, kind in enumerate(_unused(activity.KINDS, shown), start=160):
        yield _sample(kind, _event(moment, kind, number, {"user_id": _US}))
    for kind in _unused(account_activity.KINDS, shown):
        yield _sample(kind, {"for_user_id": _US, kind: [{"created_timestamp": moment.milliseconds}]})


def _unused(kinds: Mapping[str, str], shown: tuple[str, ...]) -> list[str]:
    return [kind for kind, becomes in kinds.items() if not becomes and kind not in shown]
