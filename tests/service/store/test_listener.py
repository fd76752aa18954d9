"""Listening for another served version."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from assay.service.domain.errors import NoNewsError, StoreDownError
from assay.service.store.client import Store
from assay.service.store.listener import Listener


async def test_news_is_heard_once_and_silence_is_none(tcp_store: Store) -> None:
    """The confirmation of the subscription is no news."""
    listener = await tcp_store.listen()
    confirmation = await listener.heard(1.0)
    await tcp_store.publish("t")

    assert not confirmation
    assert await listener.heard(5.0)
    assert not await listener.heard(0.01)
    await listener.close()
    assert (await tcp_store.redis.pubsub_numsub("assay:1:news"))[0][1] == 0


async def test_a_store_that_is_away_has_no_listener(tmp_path: Path) -> None:
    """The error is that of any other call."""
    away = Store(f"unix://{tmp_path}/nothing.sock")

    with pytest.raises(StoreDownError):
        await Listener.open(away)
    await away.close()


async def test_a_client_that_cannot_listen_has_no_news(store: Store) -> None:
    """As some versions with a cluster: replicas find out by reading."""
    client, store.redis = store.redis, SimpleNamespace()
    with pytest.raises(NoNewsError, match="clusters"):
        await store.listen()
    store.redis = client
