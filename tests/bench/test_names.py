"""What `python -m bench` can run is there."""

from __future__ import annotations

import importlib.util

import pytest

from bench.__main__ import LONG, NAMES


@pytest.mark.parametrize("name", (*NAMES, *LONG))
def test_each_benchmark_is_a_module(name):
    assert importlib.util.find_spec(f"bench.{name}") is not None
