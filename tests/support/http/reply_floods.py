"""Replies of more values than anybody asked for."""

from __future__ import annotations

FLOOD_SIZE = 1_200_000

#: More than a million values, as what is read of each endpoint, as what is passed over, and as
#: fields.
FLOODS = {
    "zeros": b'{"scores":[' + b"0," * FLOOD_SIZE + b"0]}",
    "lists": b'{"data":[' + b"[]," * FLOOD_SIZE + b"[]]}",
    "objects": b'{"choices":[' + b"{}," * FLOOD_SIZE + b'{}],"tokens":[]}',
    "passed over": b'{"tokens":[],"data":[],"choices":[],"scores":[],"more":['
    + b"0," * FLOOD_SIZE
    + b"0]}",
}
