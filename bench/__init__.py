"""Benchmarks: each prints ratios side by side, none is a test."""
