"""Free the declared sizes of an ONNX file, so that one network runs at any size.

Works on the protobuf wire format (the numbers are those of ``onnx.proto3``), which spares the run time the ``onnx``
package. It also drops weights from the list of graph inputs: old exporters list every weight there, which keeps ONNX
Runtime from folding batch normalisation into the convolutions.
"""

from __future__ import annotations

from collections.abc import Iterator

_GRAPH = 7  # ModelProto.graph
_INITIALIZER, _INPUT, _OUTPUT, _VALUE_INFO = 5, 11, 12, 13  # GraphProto
_TENSOR_NAME, _VALUE_NAME = 8, 1
_DIM_VALUE = (2, 1, 2, 1)  # ValueInfoProto.type.tensor_type.shape.dim
_BYTES = 2  # wire type


def free_sizes(model: bytes) -> bytes:
    """The same model with every input and output size unknown.

    Raises:
        ValueError: the bytes are no protobuf message.
    """
    return b"".join(
        _message(_GRAPH, _free_graph(body)) if number == _GRAPH else raw for number, _, body, raw in _fields(model)
    )


def _free_graph(graph: bytes) -> bytes:
    parts = list(_fields(graph))
    weights = {_name(body, _TENSOR_NAME) for number, _, body, _ in parts if number == _INITIALIZER}
    kept: list[bytes] = []
    for number, _, body, raw in parts:
        if number == _VALUE_INFO or (number == _INPUT and _name(body, _VALUE_NAME) in weights):
            continue  # intermediate sizes would contradict the freed ones
        kept.append(_message(number, _free_value(body, _DIM_VALUE)) if number in {_INPUT, _OUTPUT} else raw)
    return b"".join(kept)


def _free_value(data: bytes, path: tuple[int, ...]) -> bytes:
    if not path:
        return b""  # a dimension with neither value nor name is unknown
    return b"".join(
        _message(number, _free_value(body, path[1:])) if number == path[0] and wire == _BYTES else raw
        for number, wire, body, raw in _fields(data)
    )


def _name(message: bytes, field: int) -> bytes:
    return next((body for number, _, body, _ in _fields(message) if number == field), b"")


def _fields(data: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    """(field number, wire type, payload, the field as stored) of one message."""
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        wire, body = tag & 7, at
        if wire == 0:
            _, at = _varint(data, at)
        elif wire == 1:
            at += 8
        elif wire == 5:
            at += 4
        elif wire == _BYTES:
            size, body = _varint(data, at)
            at = body + size
        else:
            raise ValueError("not a protobuf message")
        if at > len(data):
            raise ValueError("the message is cut short")
        yield tag >> 3, wire, data[body:at], data[start:at]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("not a protobuf message")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _encode(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _message(number: int, payload: bytes) -> bytes:
    return _encode(number << 3 | _BYTES) + _encode(len(payload)) + payload
