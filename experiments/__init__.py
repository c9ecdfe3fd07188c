"""Experiments over several seeds that take longer than a chapter may run."""
