"""A converted embedding model with its matrix products in eight bits, made from the exact one while it is loaded.

Nothing is fitted to samples. Weights are rounded once, `GROUP` inputs of an output at a time, each with a scale and a
zero of its own. Activations are rounded by OpenVINO while it runs, `GROUP` values of a token at a time, so that what
becomes of a text does not depend on the texts beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

GROUP = 128  # values that share a scale; a single one for a whole token costs three times the error
_LEVELS = 255
_PASSED_THROUGH = {"Add", "Reshape", "Transpose"}  # between a projection and the attention


def eight_bits(model: Any) -> Any:
    """The same `openvino.Model`, changed in place: eight-bit weights, for a plugin that rounds activations itself.

    What gives attention its values stays exact. The softmax weakens errors of queries and keys, those of values go
    into the result whole: for a twelfth of the work they make 40 % of all error in MiniLM.
    """
    from openvino import opset13 as ops

    exact = _values(model)
    for node in model.get_ops():
        weights = _weights(node)
        if weights is None or node.get_friendly_name() in exact:
            continue
        levels, zeros, scales = rounded(weights)
        numbers = [ops.convert(ops.constant(one, np.uint8), np.float32) for one in (levels, zeros)]
        near = ops.multiply(ops.subtract(*numbers), ops.constant(scales))
        whole = ops.reshape(near, ops.constant(np.array(weights.shape, np.int64)), False)
        node.input(1).replace_source_output(whole.output(0))
    return model


def rounded(weights: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]:
    """Levels, (outputs, groups, inputs of a group), zeros and scales, (outputs, groups, 1): weights are about
    (levels - zeros) * scales, zero exactly zero."""
    outputs, inputs = weights.shape
    groups = weights.reshape(outputs, -1, GROUP if inputs % GROUP == 0 else inputs)
    lowest = np.minimum(groups.min(axis=2, keepdims=True), 0)
    highest = np.maximum(groups.max(axis=2, keepdims=True), 0)
    scales = np.maximum((highest - lowest) / _LEVELS, np.finfo(np.float32).tiny).astype(np.float32)
    zeros = np.clip(np.round(-lowest / scales), 0, _LEVELS)
    levels = np.clip(np.round(groups / scales) + zeros, 0, _LEVELS)
    return levels.astype(np.uint8), zeros.astype(np.uint8), scales


def _weights(node: Any) -> NDArray[np.float32] | None:
    """(outputs, inputs) of a product with fixed weights."""
    if node.get_type_name() != "MatMul" or not node.get_attributes()["transpose_b"]:
        return None
    source = node.input_value(1).get_node()
    if source.get_type_name() != "Constant" or len(source.get_output_shape(0)) != 2:
        return None
    return np.asarray(source.data, np.float32)


def _values(model: Any) -> set[str]:
    """Names of the products that give attention its values."""
    found = set()
    for node in model.get_ops():
        if node.get_type_name() == "ScaledDotProductAttention":
            source = node.input_value(2).get_node()
            while source.get_type_name() in _PASSED_THROUGH:
                source = source.input_value(0).get_node()
            found.add(source.get_friendly_name())
    return found
