"""The reward file of a Harbor task."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from assay_client import Client, NoScoreError
from assay_client.harbor import main, write_reward
from assay_client.settings import settings_of

from tests.client.answers import pairs, sigmoid
from tests.support.http.canned_server import answering_by_path


def test_a_reward_is_written_over_whatever_lay_there(tmp_path: Path) -> None:
    """An agent's own files go first."""
    (tmp_path / "reward.txt").write_text("1")
    (tmp_path / "reward.json").write_text('{"reward": 1}')
    with answering_by_path({"*": pairs([1.0])}) as server:
        write_reward("q", "a", "7", client=Client(server.url), folder=tmp_path)
    assert json.loads((tmp_path / "reward.json").read_text()) == {
        "reward": sigmoid(1.0),
        "assay_score": 1.0,
    }
    assert [path.name for path in tmp_path.iterdir()] == ["reward.json"]


def test_without_a_score_there_is_no_file(tmp_path: Path) -> None:
    """Not even the agent's; with a number there is one."""
    (tmp_path / "reward.txt").write_text("1")
    with answering_by_path({"*": pairs([None])}) as server:
        client = Client(server.url)
        with pytest.raises(NoScoreError):
            write_reward("q", "a", client=client, folder=tmp_path)
        assert list(tmp_path.iterdir()) == []
        settings = settings_of(missing=0.0)
        assert write_reward("q", "a", settings=settings, client=client, folder=tmp_path) == {
            "reward": 0.0
        }


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files in, file out; 1 and a reason where there is none."""
    (tmp_path / "q").write_text("q")
    (tmp_path / "a").write_text("a")
    words = ["--query-file", str(tmp_path / "q"), "--answer-file", str(tmp_path / "a")]
    words += ["--folder", str(tmp_path / "verifier"), "--task", "math"]
    with answering_by_path({"*": pairs([1.0])}) as server:
        monkeypatch.setenv("ASSAY_URL", server.url)
        assert main(words) == 0
        assert json.loads(capsys.readouterr().out)["version"] == "math@1"
    with answering_by_path({"*": pairs([None])}) as server:
        monkeypatch.setenv("ASSAY_URL", server.url)
        assert main(words) == 1
        assert not (tmp_path / "verifier" / "reward.json").exists()
        assert "no reward: no verifier" in capsys.readouterr().err
        assert main([*words, "--missing", "skip"]) == 1
        assert "Harbor fails a trial" in capsys.readouterr().err
        assert main([*words, "--answer-file", str(tmp_path / "none")]) == 1


@pytest.mark.parametrize("blank", ["", "\n", " \t\n"])
def test_a_blank_reference_is_none_and_a_blank_query_an_error(
    blank: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As of an empty file."""
    (tmp_path / "q").write_text("q")
    (tmp_path / "blank").write_text(blank)
    files = {"--query-file": "q", "--answer-file": "q", "--reference-file": "blank"}
    for query, code in (("q", 0), ("blank", 1)):
        named = files | {"--query-file": query}
        words = [word for name, file in named.items() for word in (name, str(tmp_path / file))]
        with answering_by_path({"*": pairs([1.0])}) as server:
            monkeypatch.setenv("ASSAY_URL", server.url)
            assert main([*words, "--folder", str(tmp_path)]) == code
        assert [body["pairs"][0].get("reference") for _, body in server.asked] == [None] * (
            1 - code
        )
    assert "no reward: query: it is blank" in capsys.readouterr().err
    assert not (tmp_path / "reward.json").exists()
