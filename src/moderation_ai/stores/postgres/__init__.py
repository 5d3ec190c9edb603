"""The store on PostgreSQL: many gateways and many workers on one database. It needs the extra ``[postgres]``."""

from moderation_ai.stores.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
