"""X's lists that are polled, as rows of the table of its API. Each post that is read is billed.

Sources: https://docs.x.com/x-api/posts/timelines/introduction, https://docs.x.com/x-api/posts/search/introduction and
https://docs.x.com/x-api/getting-started/pricing. Users are billed too, at twice a post's price, so they are not asked
for: an author's name is not known then.
"""

from __future__ import annotations

from collections.abc import Mapping

from moderation_ai.core.calls import Call, Field
from moderation_ai.platforms.twitter.rows import V2, per_quarter

PRICES: Mapping[str, float] = {"mentions": 0.001, "search": 0.005}
"""Dollars for each post that is read: what mentions the account is its own to read."""
FEWEST: Mapping[str, int] = {"mentions": 5, "search": 10}
"""Posts that one request may not ask for less of."""
MOST = 100

_FIELDS = "author_id,conversation_id,created_at,edit_history_tweet_ids,referenced_tweets,text"
_LISTED = (
    Field("tweet.fields", "query", only=(_FIELDS,)),
    Field("max_results", "query", "integer"),
    Field("since_id", "query", required=False),
    Field("until_id", "query", required=False),
)
_ANSWER = (
    '{"data":[{"id":"1950000000000000001","text":"hi","author_id":"2","conversation_id":"1940000000000000001",'
    '"created_at":"2026-11-24T11:59:00.000Z","edit_history_tweet_ids":["1950000000000000001"],'
    '"referenced_tweets":[{"type":"replied_to","id":"1940000000000000001"}]}],'
    '"meta":{"result_count":1,"newest_id":"1950000000000000001","oldest_id":"1950000000000000001"}}'
)

POLLED = (
    Call(
        name="mentions",
        method="GET",
        url=f"{V2}/users/{{me}}/mentions",
        fields=_LISTED,
        scopes=("tweet.read", "users.read"),
        answer=_ANSWER,
        proof="meta",
        limits=per_quarter(300),
        room=1 << 20,
        note="Billed: 0.001 dollars for each post. Without any there is no data in the answer, but its meta.",
        source="https://docs.x.com/x-api/posts/timelines/introduction",
    ),
    Call(
        name="search",
        method="GET",
        url=f"{V2}/tweets/search/recent",
        fields=(Field("query", "query"), *_LISTED),
        scopes=("tweet.read", "users.read"),
        answer=_ANSWER,
        proof="meta",
        limits=per_quarter(450),
        room=1 << 20,
        note="Billed: 0.005 dollars for each post. The last seven days.",
        source="https://docs.x.com/x-api/posts/search/introduction",
    ),
)
