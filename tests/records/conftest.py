"""Gives the tests of this folder its servers."""

from tests.support.servers import bigquery, pubsub, redis_url

__all__ = ["bigquery", "pubsub", "redis_url"]
