"""Architectures of the lectures: one paper, one file."""
