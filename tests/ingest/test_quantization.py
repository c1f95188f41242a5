"""Weights in eight bits."""

import numpy as np
import pytest

from ingest import openvino_model
from ingest.embed import DEFAULT_MODEL
from ingest.quantization import GROUP, eight_bits, rounded

WEIGHTS = np.random.default_rng(0).normal(0, 0.05, (6, 3 * GROUP)).astype(np.float32)


def restored(weights):
    levels, zeros, scales = rounded(weights)
    return ((levels.astype(np.float32) - zeros) * scales).reshape(weights.shape), scales


def test_each_weight_comes_back_to_half_a_level():
    near, scales = restored(WEIGHTS)
    assert scales.shape == (6, 3, 1)
    assert (np.abs(near - WEIGHTS).reshape(6, 3, GROUP) <= 0.51 * scales).all()


def test_an_outlier_costs_its_own_group_only():
    weights = WEIGHTS.copy()
    weights[2, GROUP + 5] = 8.0
    error, before = (np.abs(restored(one)[0] - one) for one in (weights, WEIGHTS))
    assert error[2, GROUP : 2 * GROUP].mean() > 10 * before[2, GROUP : 2 * GROUP].mean()
    elsewhere = np.ones_like(WEIGHTS, bool)
    elsewhere[2, GROUP : 2 * GROUP] = False
    assert (error[elsewhere] == before[elsewhere]).all()


@pytest.mark.parametrize("value", [0.0, 0.25, -0.25])
def test_equal_weights_and_zero_stay_what_they_are(value):
    weights = np.full((2, 10), value, np.float32)
    weights[0, 3] = 0
    near, scales = restored(weights)
    assert scales.shape == (2, 1, 1)  # ten inputs are no whole groups: one scale for all
    assert near == pytest.approx(weights, abs=1e-6)
    assert near[0, 3] == 0


def test_all_products_but_those_of_values_are_rounded(converted):
    core = openvino_model.openvino().Core()
    model = eight_bits(core.read_model(openvino_model.converted(DEFAULT_MODEL, converted) / "model.xml"))
    products = [node for node in model.get_ops() if node.get_type_name() == "MatMul"]
    exact = [node for node in products if node.input_value(1).get_node().get_type_name() == "Constant"]
    assert len(products) == 6 * 6
    assert len(exact) == 6
    assert all("value" in node.get_friendly_name() for node in exact)
