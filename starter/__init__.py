"""Starter content: rules of our own and the evidence of an invented intrusion, for the first start."""
