"""ONNX files written by hand: enough of protocol buffers for a few operators, independent of how the lab reads them."""

import struct

import numpy as np

KINDS = {"float32": 1, "int64": 7}


def _varint(value):
    value %= 2**64
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def number(field, value):
    return _varint(field << 3) + _varint(value)


def inside(field, content):
    content = content.encode() if isinstance(content, str) else content
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def tensor(name, values):
    values = np.ascontiguousarray(values)
    dims = b"".join(number(1, length) for length in values.shape)
    return dims + number(2, KINDS[str(values.dtype)]) + inside(8, name) + inside(9, values.tobytes())


def _attribute(name, value):
    content = inside(1, name)
    if isinstance(value, float):
        content += _varint(2 << 3 | 5) + struct.pack("<f", value)
    elif isinstance(value, int):
        content += number(3, value)
    elif isinstance(value, str):
        content += inside(4, value)
    elif isinstance(value, np.ndarray):
        content += inside(5, tensor("", value))
    else:
        content += b"".join(number(8, entry) for entry in value)
    return inside(5, content)


def node(operator, inputs, output, *, domain="", **attributes):
    content = b"".join(inside(1, name) for name in inputs) + inside(2, output) + inside(4, operator)
    content += b"".join(_attribute(name, value) for name, value in attributes.items())
    return content + (inside(7, domain) if domain else b"")


def _picture(name, shape):
    dims = b"".join(inside(1, inside(2, length) if isinstance(length, str) else number(1, length)) for length in shape)
    return inside(1, name) + inside(2, inside(1, number(1, 1) + inside(2, dims)))


def onnx(nodes, tensors, shape=("batch", 3, 8, 8), output="logits", *, opset=17, words=(), more=b""):
    """A file of nodes (see ``node``) and arrays by name, whose input is called “pixels”."""
    graph = b"".join(inside(1, content) for content in nodes)
    graph += b"".join(inside(5, tensor(name, values)) for name, values in tensors.items())
    graph += inside(11, _picture("pixels", shape)) + inside(12, _picture(output, ("batch", 2)))
    metadata = b"".join(inside(14, inside(1, key) + inside(2, value)) for key, value in words)
    return number(1, 8) + inside(7, graph) + inside(8, number(2, opset)) + metadata + more
