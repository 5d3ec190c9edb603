"""Bodies as a Devvit app forwards them and as the brief has them, for ``trigger``, the demo and users' tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from moderation_ai.core.platform import Sample
from moderation_ai.platforms.reddit.devvit import KINDS

_SUBREDDIT = {"id": "t5_2bread", "name": "breadmakers", "permalink": "/r/breadmakers/", "nsfw": False, "type": 5}
_AUTHOR = {"id": "t2_ryefan", "name": "rye_fan", "url": "/user/rye_fan/", "karma": 12, "banned": False}
_MODERATOR = {"id": "t2_mod", "name": "crumb_mod", "url": "/user/crumb_mod/", "karma": 900, "banned": False}


def samples(now: datetime, serial: int) -> Iterator[Sample]:
    """Yield a body for every kind; ``serial`` makes their ids unique, and each created thing has its own."""
    yield from _created(now, serial)
    yield from _changed(now, serial)
    yield from _moderated(now, serial)
    yield from _brief(now, serial)
    for kind in (kind for kind, becomes in KINDS.items() if not becomes):
        yield _sample(kind, {"subreddit": _SUBREDDIT})


def _created(now: datetime, serial: int) -> Iterator[Sample]:
    for letter, kind in (("s", "CommentSubmit"), ("c", "CommentCreate")):
        comment = _comment(now, serial, letter)
        yield _sample(kind, _around(comment=comment, serial=serial), _event("comment.created", comment=_seen(comment)))
    for letter, kind in (("q", "PostSubmit"), ("r", "PostCreate")):
        post = _post(now, serial, letter)
        yield _sample(kind, _around(post=post), _event("post.created", post=_shown(post)))
    comment = _comment(now, serial, "m")
    body = _around(comment=comment, serial=serial)
    yield _sample("MentionInCommentCreate", body, _event("mention.created", comment=_seen(comment)))


def _changed(now: datetime, serial: int) -> Iterator[Sample]:
    later = _milliseconds(now)
    comment = {**_comment(now - timedelta(minutes=5), serial, "s"), "body": "Not too salty.", "lastModifiedAt": later}
    body = {**_around(comment=comment, serial=serial), "previousBody": "Too salty."}
    yield _sample("CommentUpdate", body, _event("comment.updated", comment=_seen(comment)))
    post = {**_post(now - timedelta(minutes=5), serial, "q"), "selftext": "It rises now.", "updatedAt": later}
    body = {**_around(post=post), "previousBody": "It will not rise."}
    yield _sample("PostUpdate", body, _event("post.updated", post=_shown(post)))
    gone = {"deletedAt": now.isoformat(), "author": _AUTHOR, "source": 1, "reason": 0, "subreddit": _SUBREDDIT}
    ids = {"comment_id": _id("t1", "s", serial), "post_id": _id("t3", "q", serial)}
    body = {"commentId": ids["comment_id"], "postId": ids["post_id"], "parentId": ids["post_id"], **gone}
    yield _sample("CommentDelete", body, _event("comment.deleted", **ids))
    yield _sample("PostDelete", {"postId": ids["post_id"], **gone}, _event("post.deleted", post_id=ids["post_id"]))


def _moderated(now: datetime, serial: int) -> Iterator[Sample]:
    comment, post = {**_comment(now, serial, "s"), "numReports": 1}, {**_post(now, serial, "q"), "numReports": 1}
    for name, thing in (("comment", comment), ("post", post)):
        report = {"target_id": thing["id"], "target_type": name, "reason": "spam"}
        body = {name: thing, "subreddit": _SUBREDDIT, "reason": "spam"}
        yield _sample(f"{name.title()}Report", body, _event("report.created", report=report))
    filtered = {"removedAt": now.isoformat(), "reason": "banned word", "author": "rye_fan", "subreddit": _SUBREDDIT}
    held = _comment(now, serial, "h")
    event = _event("comment.held", comment={"id": held["id"], "text": held["body"]})
    yield _sample("AutomoderatorFilterComment", {"comment": held, **filtered}, event)
    event = _event("moderation.action", action={"kind": "hide", "target_id": post["id"], "reason": "banned word"})
    yield _sample("AutomoderatorFilterPost", {"post": post, **filtered}, event)
    action = {
        "id": f"ModAction_{serial}",
        "action": "removecomment",
        "actionedAt": now.isoformat(),
        "moderator": _MODERATOR,
        "targetUser": _AUTHOR,
        "targetComment": comment,
        "targetPost": post,
        "subreddit": _SUBREDDIT,
    }
    done = {"id": action["id"], "kind": "remove", "target_id": comment["id"], "target_author_id": _AUTHOR["id"]}
    yield _sample("ModAction", action, _event("moderation.action", action={**done, "actor_username": "crumb_mod"}))


def _brief(now: datetime, serial: int) -> Iterator[Sample]:
    comment_id, post_id = _id("t1", "b", serial), _id("t3", "b", serial)
    author = {"name": "rye_fan"}
    comment = {"author": author, "body": "Too salty.", "id": comment_id, "link_id": post_id}
    post = {"author": author, "title": "Starter help", "selftext": "It will not rise.", "id": post_id}
    action = {"id": f"ModAction_b{serial}", "action": "removecomment", "mod": "mod", "target_fullname": comment_id}
    seen = {"id": comment_id, "post_id": post_id, "author_username": "rye_fan", "text": "Too salty."}
    shown = {"id": post_id, "title": "Starter help", "caption": "It will not rise.", "author_username": "rye_fan"}
    done = {"id": action["id"], "kind": "remove", "target_id": comment_id, "actor_username": "mod"}
    for kind, data, event in (
        ("comment.post", comment, _event("comment.created", comment=seen)),
        ("post.submit", post, _event("post.created", post=shown)),
        ("modaction", action, _event("moderation.action", action=done)),
    ):
        yield _sample(kind, {"data": {**data, "created_utc": int(now.timestamp())}}, event)


def _comment(when: datetime, serial: int, letter: str) -> dict[str, Any]:
    comment_id, post_id = _id("t1", letter, serial), _id("t3", "q", serial)
    return {
        "id": comment_id,
        "parentId": post_id,
        "body": "Too salty.",
        "author": _AUTHOR["id"],
        "createdAt": _milliseconds(when),
        "lastModifiedAt": 0,
        "numReports": 0,
        "spam": False,
        "deleted": False,
        "permalink": f"/r/breadmakers/comments/{post_id[3:]}/starter_help/{comment_id[3:]}/",
        "postId": post_id,
        "subredditId": _SUBREDDIT["id"],
        "mediaUrls": [],
    }


def _post(when: datetime, serial: int, letter: str) -> dict[str, Any]:
    post_id = _id("t3", letter, serial)
    permalink = f"/r/breadmakers/comments/{post_id[3:]}/starter_help/"
    return {
        "id": post_id,
        "title": "Starter help",
        "selftext": "It will not rise.",
        "authorId": _AUTHOR["id"],
        "createdAt": _milliseconds(when),
        "updatedAt": 0,
        "isSelf": True,
        "url": f"https://www.reddit.com{permalink}",
        "permalink": permalink,
        "subredditId": _SUBREDDIT["id"],
        "numReports": 0,
        "crosspostParentId": "",
        "galleryImages": [],
        "mediaUrls": [],
    }


def _around(
    *, comment: Mapping[str, Any] | None = None, post: Mapping[str, Any] | None = None, serial: int = 0
) -> dict[str, Any]:
    """Return what stands around a comment or a post in a trigger; a comment brings its post along."""
    body: dict[str, Any] = {"author": _AUTHOR, "subreddit": _SUBREDDIT}
    if comment is not None:
        return {"comment": comment, "post": {"id": _id("t3", "q", serial), "title": "Starter help"}, **body}
    return {"post": post, **body}


def _seen(comment: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": comment["id"],
        "post_id": comment["postId"],
        "parent_id": None,
        "author_id": _AUTHOR["id"],
        "author_username": "rye_fan",
        "text": comment["body"],
        "permalink": f"https://www.reddit.com{comment['permalink']}",
    }


def _shown(post: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": post["id"], "title": "Starter help", "caption": post["selftext"], "author_username": "rye_fan"}


def _id(prefix: str, letter: str, serial: int) -> str:
    return f"{prefix}_{letter}{serial}"


def _milliseconds(when: datetime) -> int:
    return int(when.timestamp()) * 1000


def _event(event_type: str, **data: Any) -> dict[str, Any]:
    return {"event_type": event_type, "data": data}


def _sample(kind: str, body: Mapping[str, Any], *events: Mapping[str, Any]) -> Sample:
    return Sample(name=kind, body=msgspec.json.encode({"type": kind, **body}), events=events)
