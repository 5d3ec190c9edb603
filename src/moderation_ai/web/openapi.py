"""The description of the API for machines (OpenAPI 3.1), made from the table that its routes are made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from moderation_ai import __version__
from moderation_ai.core.events import EVENT_TYPES, SOURCES, STATUSES
from moderation_ai.core.subscribing import Subscription
from moderation_ai.pipeline.watching.health import Health
from moderation_ai.stores.base import Attempt
from moderation_ai.web.queries import Parameter

Json = dict[str, Any]  # Any: JSON's edge
_REFERENCE = "#/components/schemas/{name}"
_TEXT: Json = {"type": ["string", "null"]}
_EVENT: Json = {
    "type": "object",
    "description": "What happened to a comment or post on a platform.",
    "properties": {
        "event_id": {"type": "string"},
        "event_type": {"type": "string", "examples": list(EVENT_TYPES)},
        "timestamp": {"type": "string", "format": "date-time"},
        "timestamp_inferred": {"type": "boolean"},
        "received_at": {"type": "string", "format": "date-time"},
        "platform": {"type": "string"},
        "account": _TEXT,
        "source": {"type": "string", "enum": list(SOURCES)},
        "delivery_id": _TEXT,
        "lane": {"type": "string"},
        "seq": {"type": "integer"},
        "status": {"type": "string", "enum": list(STATUSES)},
        "own": {"type": "boolean"},
        "data": {"type": "object"},
    },
}
_LETTER: Json = {
    "allOf": [
        {"$ref": _REFERENCE.format(name="Event")},
        {
            "type": "object",
            "properties": {"handler": {"type": "string"}, "attempts": {"type": "integer"}, "error": _TEXT},
        },
    ]
}
_ERROR: Json = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be asked of the API: where, what for, with which parameters and body, and the answer.

    ``answer`` and ``body`` are schemas, None for plain text and for no body; ``needs_token`` says who may ask.
    """

    path: str
    name: str
    summary: str
    method: str = "GET"
    parameters: tuple[Parameter, ...] = ()
    body: Mapping[str, Any] | None = None
    answer: Mapping[str, Any] | None = None
    needs_token: bool = True


def listing(name: str, item: str) -> Json:
    """Return the schema of an answer that holds a list of one kind of things under ``name``."""
    items = {"type": "array", "items": {"$ref": _REFERENCE.format(name=item)}}
    return {"type": "object", "properties": {name: items}}


def one(**members: str) -> Json:
    """Return the schema of an answer whose members are of named kinds; ``[kind]`` is a list of them."""
    return {"type": "object", "properties": {name: _member(kind) for name, kind in members.items()}}


def _member(kind: str) -> Json:
    if kind.startswith("["):
        return {"type": "array", "items": _member(kind[1:-1])}
    return {"type": kind} if kind.islower() else {"$ref": _REFERENCE.format(name=kind)}


def describe(operations: Iterable[Operation]) -> Json:
    """Return the OpenAPI document of ``operations``."""
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe_one(operation)
    _, schemas = msgspec.json.schema_components([Health, Attempt, Subscription], ref_template=_REFERENCE)
    schemas |= {"Event": _EVENT, "DeadLetter": _LETTER, "Error": _ERROR}
    return {
        "openapi": "3.1.0",
        "info": {"title": "moderation-ai", "version": __version__},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _describe_one(operation: Operation) -> Json:
    described: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation.path), *map(_query_parameter, operation.parameters)],
        "responses": {"200": _content("as asked", operation.answer), "default": _content("an error", _ref("Error"))},
        "security": [{"token": []}] if operation.needs_token else [],
    }
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": operation.body}}}
    return described


def _ref(name: str) -> Json:
    return {"$ref": _REFERENCE.format(name=name)}


def _content(description: str, schema: Mapping[str, Any] | None) -> Json:
    content = {"text/plain": {}} if schema is None else {"application/json": {"schema": schema}}
    return {"description": description, "content": content}


def _query_parameter(parameter: Parameter) -> Json:
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.meaning,
        "schema": dict(parameter.schema) or {"type": "string"},
    }


def _path_parameters(path: str) -> list[Json]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
