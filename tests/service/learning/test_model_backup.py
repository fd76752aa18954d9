"""The copy of the served model, on disk beside the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.service.domain.labels import Label
from assay.service.learning.fit_scheduler import FitScheduler
from assay.service.learning.model_backup import ModelBackup
from assay.service.learning.tasks.recovery import lost
from assay.service.store.client import Store
from assay.service.telemetry.metrics import Metrics
from tests.support.samples.replicas import bare_task, give_labels, learn, replica, sample, traffic


async def test_an_emptied_store_is_noticed_and_what_it_took_is_said(
    tcp_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its generation; the model is put back, and labels that no export has are counted."""
    metrics = Metrics()
    tasks, task = replica(tcp_store, ModelBackup(tmp_path / "served"), metrics)
    await learn(tasks, task)
    assert task.task_store is not None
    await give_labels(task.task_store, {f"{place}": Label(1.0) for place in range(30)})
    await task.task_store.note_export(20)
    await tasks.refresh()
    version = task.served.model_version

    await tcp_store.redis.flushall()
    await tasks.refresh()

    assert (task.served.model_version, (await task.task_store.state()).serving) == (
        version,
        task.served.version,
    )
    assert b"assay_store_emptied_total 1.0" in metrics.text()
    said = lost(bare_task())
    assert said["last_export"] == "never"
    printed = capsys.readouterr()
    assert "store_came_back_empty" in printed.out + printed.err
    assert "labels_since_export" in printed.out + printed.err


async def test_what_was_served_comes_back_from_disk(
    tcp_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without service and store, the copy serves, equal to the last bit, and the log reports it."""
    tasks, task = replica(tcp_store, ModelBackup(tmp_path / "served"))
    await learn(tasks, task)
    assert task.served.saved is not None
    await tcp_store.redis.flushall()

    others, other = replica(tcp_store, ModelBackup(tmp_path / "served"))
    await others.refresh()

    printed = capsys.readouterr()
    assert "served_model_restored" in printed.out + printed.err
    assert "learned_from_rows=320" in printed.out + printed.err
    assert other.served.saved == task.served.saved
    assert other.served.model_version == task.served.model_version
    (tmp_path / "served" / "t.json").write_text("{")
    await tcp_store.redis.flushall()
    thirds, third = replica(tcp_store, ModelBackup(tmp_path / "served"))
    await thirds.refresh()
    assert third.served.cold


async def test_a_store_with_fewer_labels_than_it_had_is_told(
    tcp_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as one whose file was emptied: the copy of the model on disk knows how many there
    were.
    """
    tasks, task = replica(tcp_store, ModelBackup(tmp_path / "served"))
    truth = await traffic(tasks, task, sample())
    assert task.task_store is not None
    await give_labels(task.task_store, {key: Label(truth[key]) for key in sorted(truth)[::8]})
    await FitScheduler(tasks).fit(task)
    assert task.served.model_version == "t@1"
    assert await tcp_store.loss() is None
    await tcp_store.redis.delete("assay:1:labels:{t}")

    others, _ = replica(tcp_store, ModelBackup(tmp_path / "served"))
    await others.refresh()

    assert "the task t had 40 labels or more, and has 0" in str(await tcp_store.loss())
    assert "".join(capsys.readouterr()).count("store_has_lost_labels") == 1
