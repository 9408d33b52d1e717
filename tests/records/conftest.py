"""Gives the tests of this folder its servers."""

from services import bigquery, pubsub, redis_url

__all__ = ["bigquery", "pubsub", "redis_url"]
