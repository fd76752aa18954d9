"""Bodies that cost the service more than their sender: each kind in several sizes, for every route."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from assay.service.api.front.body_parsing import MOST_BODY_VALUES

WHOLE = 32 << 20  # what a body may have
SIZES = {"64 KiB": 64 << 10, "1 MiB": 1 << 20, "32 MiB": WHOLE - 4096}
#: What texts are made of.
TEXTS = {
    "plain": b"a",
    "spaces": b" ",
    "newlines": rb"\n",
    "escapes": rb"\u0041",
    "surrogates": rb"\ud83d\ude00",
    "emoji": "😀".encode(),
    "mixed": "aaaaé😀".encode(),
    "commas": b",[{",
    "numbers": b"1 + 1 = 2. ",
    "quotes": rb"\"\\",
    "fences": rb"```\n",
}
#: What lists are made of.
ITEMS = {
    "numbers": b"1",
    "texts": b'"ab"',
    "empty": b'""',
    "objects": b"{}",
    "lists": b"[]",
    "nulls": b"null",
    "floats": b"1e400",
}
#: What is no JSON, or no text.
BROKEN = {
    "invalid UTF-8": b'{"query": "\xff\xfe',
    "lone surrogate": rb'{"query": "\ud800", "candidates": ["\udfff"]}',
    "open string": b'{"query": "',
    "deep lists": b"[",
    "deep objects": b'{"query":',
    "zeros": b"\x00",
    "colons": b":",
    "closers": b"]",
}
#: By path: what a list is put in, and what a text.
LISTS = {
    "/v1/rank": b'{"query":"q","candidates":[%b]}', "/v1/score_pairs": b'{"pairs":[%b]}', "/rerank": b'{"query":"q","documents":[%b]}',
    "/score": b'{"queries":"q","documents":[%b]}', "/classify": b'{"input":[%b]}', "/v1/embeddings": b'{"input":[%b]}',
    "/get_reward": b'{"query":[%b]}', "/rm": b'{"response":"r","prompt":[%b]}',
    "/verify": b'{"responses_create_params":{"input":[%b]},"response":{"output":[]}}', "/v1/chat/completions": b'{"messages":[%b]}',
    "/v1/tasks/default/labels": b'{"labels":[%b]}',
}  # fmt: skip
PLACES = {
    "/v1/rank": b'{"candidates":["a","b"],"query":"%b"}', "/v1/score_pairs": b'{"pairs":[{"query":"%b","candidate":"c"}]}',
    "/rerank": b'{"documents":["a","b"],"query":"%b"}', "/score": b'{"documents":["a","b"],"queries":"%b"}', "/classify": b'{"input":"%b"}',
    "/v1/embeddings": b'{"input":"%b"}', "/get_reward": b'{"query":["%b"]}', "/rm": b'{"prompt":"p","response":"%b"}',
    "/verify": b'{"responses_create_params":{"input":"%b"},"response":{"output":[]}}',
    "/v1/chat/completions": b'{"messages":[{"role":"user","content":"%b"}]}',
    "/v1/tasks/default/labels": b'{"labels":[{"query":"q","candidate":"%b","correct":1,"random":true}]}',
}  # fmt: skip


@dataclass(frozen=True)
class Hostile:
    """A body, its path, and its description."""

    name: str
    path: str
    body: bytes


def repeated(unit: bytes, size: int) -> bytes:
    """Return a unit as often as fits."""
    return unit * max(1, size // len(unit))


def listed(item: bytes, size: int) -> bytes:
    """Return a list's inside of a size."""
    return b",".join([item] * max(1, size // (len(item) + 1)))


def within(item: bytes, count: int) -> bytes:
    """Return a list's inside of so many."""
    return b",".join([item] * count)


def texts() -> Iterator[Hostile]:
    """One long text, of everything, in every size; for other routes than /v1/rank the dearest."""
    for name, unit in TEXTS.items():
        for label, size in SIZES.items():
            for path in (
                PLACES if name in ("mixed", "escapes") else ("/v1/rank", "/classify", "/rm")
            ):
                yield Hostile(
                    f"text of {name}, {label}", path, PLACES[path] % repeated(unit, size - 100)
                )


def lists() -> Iterator[Hostile]:
    """A list of very many, and one of as many as just pass for values."""
    for path, form in LISTS.items():
        for name, item in ITEMS.items():
            yield Hostile(f"list of {name}, 32 MiB", path, form % listed(item, WHOLE - 4096))
            yield Hostile(
                f"list of {name}, as many as pass",
                path,
                form % within(item, MOST_BODY_VALUES // 2 - 100),
            )


def candidates() -> Iterator[Hostile]:
    """As many candidates as a request may have, small and large, doubled and not, and all that
    may stand beside them.
    """
    many = [b'"%d + 1 = %d"' % (place, place) for place in range(4096)]
    large = [b'"%d %b"' % (place, b"word " * 1600) for place in range(4000)]
    for name, each in {"small": many, "large": large, "equal": [b'"the same"'] * 4096}.items():
        inside = b",".join(each)
        for path in ("/v1/rank", "/rerank", "/score", "/classify", "/v1/embeddings", "/get_reward"):
            yield Hostile(f"{len(each)} {name} candidates", path, LISTS[path] % inside)
        yield Hostile(
            f"{len(each)} {name} candidates, explained",
            "/v1/rank",
            LISTS["/v1/rank"][:-1] % inside + b',"explain":true}',
        )
        yield Hostile(
            f"{len(each)} {name}, streamed",
            "/v1/rank",
            LISTS["/v1/rank"][:-1] % inside + b',"explain":true,"stream":true}',
        )
    pair = b'{"messages":[%b],"candidate":"c"}' % within(b'{"role":"user","content":"x"}', 6)
    yield Hostile(
        "pairs of conversations", "/v1/score_pairs", LISTS["/v1/score_pairs"] % within(pair, 4096)
    )
    yield Hostile(
        "pairs of texts",
        "/v1/score_pairs",
        LISTS["/v1/score_pairs"] % within(b'{"query":"q","candidate":"c"}', 4096),
    )
    named = b",".join(b'{"text":"t","id":"%d"}' % place for place in range(4096))
    yield Hostile("named candidates", "/v1/rank", LISTS["/v1/rank"] % named)
    turns = within(b'{"role":"user","content":"' + b"x" * 30_000 + b'"}', 1000)
    yield Hostile(
        "a long conversation",
        "/v1/rank",
        b'{"candidates":[%b],"messages":[%b]}' % (within(b'"c"', 1000), turns),
    )
    yield Hostile(
        "one long query, many documents",
        "/score",
        b'{"queries":"%b","documents":[%b]}' % (b"q" * (16 << 20), b",".join(many)),
    )
    yield Hostile(
        "one long query, many candidates",
        "/v1/rank",
        b'{"query":"%b","candidates":[%b]}' % (b"q" * (16 << 20), b",".join(many)),
    )
    yield Hostile(
        "a long reference",
        "/v1/rank",
        b'{"query":"q","reference":"%b","candidates":[%b]}' % (b"7" * 65_000, b",".join(many)),
    )
    tests = within(b'"assert ' + b"x" * 60_000 + b'"', 200)
    yield Hostile(
        "many tests",
        "/v1/rank",
        b'{"query":"q","candidates":[%b],"tests":[%b]}' % (b",".join(many), tests),
    )


def fields() -> Iterator[Hostile]:
    """Return unknown fields, a field very often, numbers of many digits, and fields for an
    upstream.
    """
    unknown = b",".join(b'"k%d":1' % place for place in range(MOST_BODY_VALUES - 100))
    for path in LISTS:
        yield Hostile("unknown fields", path, b"{" + unknown + b"}")
        yield Hostile("the same field", path, b"{" + listed(b'"query":"q"', WHOLE - 4096) + b"}")
        yield Hostile("a number of many digits", path, b'{"top_n":' + b"9" * (WHOLE - 4096) + b"}")
    wide = b"{" + unknown + b"}"
    yield Hostile("a candidate of unknown fields", "/v1/rank", LISTS["/v1/rank"] % wide)
    yield Hostile(
        "parts of a message",
        "/classify",
        b'{"messages":[{"role":"assistant","content":[%b]}]}'
        % within(b'{"type":"x"}', MOST_BODY_VALUES // 2 - 100),
    )
    call = b'{"role":"assistant","content":null,"tool_calls":[%b]}' % within(
        b'{"function":{"name":"f"}}', 1000
    )
    yield Hostile(
        "tool calls", "/v1/chat/completions", LISTS["/v1/chat/completions"] % within(call, 60)
    )
    output = within(
        b'{"type":"message","content":[{"type":"output_text","text":"t"}]}', MOST_BODY_VALUES // 7
    )
    yield Hostile(
        "outputs",
        "/verify",
        b'{"responses_create_params":{"input":"q"},"response":{"output":[%b]}}' % output,
    )
    labels = b",".join(
        b'{"query":"q","candidate":"%d","correct":1,"random":true}' % place
        for place in range(10_000)
    )
    yield Hostile("labels", "/v1/tasks/default/labels", LISTS["/v1/tasks/default/labels"] % labels)
    for name, number in {
        "integers": b"9" * 4299,
        "digits after the point": b"0." + b"3" * 4290,
    }.items():
        long = within(number, 7000)
        yield Hostile(f"long {name}", "/v1/rank", LISTS["/v1/rank"] % long)
        yield Hostile(
            f"long {name}, fewer",
            "/v1/rank",
            LISTS["/v1/rank"] % long[: (4 << 20) - (4 << 20) % 4300 - 1],
        )
    names = b",".join(
        b'"%d%b":1' % (place, rb"\u00e9" * 50) for place in range(MOST_BODY_VALUES - 100)
    )
    yield Hostile("unknown fields of long names", "/v1/rank", b"{" + names + b"}")
    short = within(b'"' + rb"\n" * 31 + b'"', MOST_BODY_VALUES - 100)
    yield Hostile("many short escaped texts", "/v1/rank", LISTS["/v1/rank"] % short)
    medium = within(b'"' + "a😀".encode() * 60 + b'"', MOST_BODY_VALUES - 100)
    yield Hostile("many texts of a few hundred bytes", "/v1/rank", LISTS["/v1/rank"] % medium)
    yield Hostile(
        "many texts of emoji",
        "/v1/rank",
        LISTS["/v1/rank"] % within(b'"' + "a😀".encode() * 1600 + b'"', 4000),
    )
    wide = b"a" * (16 << 20) + "😀".encode() + b"a" * ((16 << 20) - 4096)
    yield Hostile("a long text with one emoji", "/v1/rank", PLACES["/v1/rank"] % wide)
    yield Hostile("quotes", "/v1/rank", b'"' * (WHOLE - 4096))
    big = within(b'"' + b"9" * 4000 + b'"', 4000)
    yield Hostile("numbers as texts", "/v1/rank", LISTS["/v1/rank"] % big)


def broken() -> Iterator[Hostile]:
    """Return bodies that are no JSON."""
    for name, unit in BROKEN.items():
        for label, size in SIZES.items():
            body = (
                unit
                if name == "lone surrogate"
                else repeated(unit, size)
                if len(unit) < 12
                else unit + b"x" * (size - 100)
            )
            yield Hostile(f"{name}, {label}", "/v1/rank", body)


def hostile_bodies() -> Iterator[Hostile]:
    """Yield all, one at a time: together they are gigabytes."""
    for kind in (texts, lists, candidates, fields, broken):
        yield from kind()
