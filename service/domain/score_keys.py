"""Names of queries, candidates and sets: hashes, so that the store holds no text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from assay.verifiers import Pair, Query

SIZE = 16
#: The form of a candidate's public key.
CANDIDATE_KEY = r"^[0-9a-f]{32}:[0-9a-f]{32}$"
_QUERY_END = 1 + 2 * SIZE  # of a pair's name, where its query's is closed with a brace


def hash_query(query: Query) -> str:
    """Return the name of a conversation with the known parts of its answer.

    The name depends on the boundaries of the parts.
    """
    state = blake2b(digest_size=SIZE)
    for message in query.messages:
        role, content = message.role.encode(), message.content.encode()
        state.update(b"%d:%d:" % (len(role), len(content)) + role + content)
    for kind, text in (("reference", query.reference), *(("test", test) for test in query.tests)):
        if text is not None:
            state.update(b"%b:%d:" % (kind.encode(), len(text.encode())) + text.encode())
    return state.hexdigest()


def hash_candidate(text: str) -> str:
    """Return the name of a candidate's text."""
    return blake2b(text.encode(), digest_size=SIZE).hexdigest()


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of a request's pairs in order, and of its candidate set (None for pairs).

    `set_order` are the pairs' places in the set's own order, in which setwise scores are kept: a
    set has no order of its own, so the same candidates in another order are the same set.
    """

    pairs: tuple[str, ...]
    whole: str | None
    set_order: tuple[int, ...]

    def within(self, owner: str) -> Keys:
        """Return the same names in the owner's own space, apart from other owners' requests."""
        whole = None if self.whole is None else f"{owner}/{self.whole}"
        return Keys(tuple(f"{owner}/{key}" for key in self.pairs), whole, self.set_order)

    def public(self) -> list[str]:
        """Return the pairs' names without the braces that bind a query to one cluster slot."""
        return [key[1:_QUERY_END] + key[_QUERY_END + 1 :] for key in self.pairs]

    @property
    def query(self) -> str:
        """Return the name of the first pair's query."""
        return self.pairs[0][1:_QUERY_END]

    def candidates(self) -> list[str]:
        """Return the names of the pairs' candidates."""
        return [key[-2 * SIZE :] for key in self.pairs]

    def tie_keys(self) -> list[int]:
        """Return a number for each pair that breaks ties; it follows from the texts alone."""
        return [int(key[1:17], 16) ^ int(key[-16:], 16) for key in self.pairs]


def candidate_key(query: str, candidate: str) -> str:
    """Return a candidate's public key, from the names of its query and its text."""
    return f"{query}:{candidate}"


def query_of_key(key: str) -> str:
    """Return the query's name in a candidate's public key."""
    return key.partition(":")[0]


def candidate_of_key(key: str) -> str:
    """Return the candidate's name in its public key."""
    return key.partition(":")[2]


def keys_of(pairs: Sequence[Pair], one_query: bool) -> Keys:
    """Return the names of pairs; with `one_query`, of one query's candidates and their set."""
    if not one_query:
        # One query beside many candidates, which may be long, is one object.
        queries = {id(pair.query): pair.query for pair in pairs}
        hashed = {identity: hash_query(query) for identity, query in queries.items()}
        return Keys(
            tuple(
                f"{{{hashed[id(pair.query)]}}}:{hash_candidate(pair.candidate)}" for pair in pairs
            ),
            None,
            (),
        )
    query = f"{{{hash_query(pairs[0].query)}}}:"
    candidates = [hash_candidate(pair.candidate) for pair in pairs]
    set_order = sorted(range(len(candidates)), key=candidates.__getitem__)
    whole = blake2b(
        "".join(candidates[place] for place in set_order).encode(), digest_size=SIZE
    ).hexdigest()
    return Keys(
        tuple(query + candidate for candidate in candidates),
        f"{query}set:{whole}",
        tuple(set_order),
    )


def by_query(keys: Keys) -> Iterator[tuple[Keys, list[int]]]:
    """Yield the names of each query's pairs in a request of pairs, with their places.

    The set's name says that none was seen.
    """
    places: dict[str, list[int]] = {}
    for place, key in enumerate(keys.pairs):
        places.setdefault(key.partition(":")[0], []).append(place)
    for query, rows in places.items():
        candidates = sorted({keys.pairs[row] for row in rows})
        name = blake2b("".join(candidates).encode(), digest_size=SIZE).hexdigest()
        yield Keys(tuple(keys.pairs[row] for row in rows), f"{query}:alone:{name}", ()), rows
