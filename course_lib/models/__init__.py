"""Architectures of the lectures: one paper, one file."""

from course_lib.models.lenet import C3_TABLE, LeNet5, PlainLeNet, map_loss

__all__ = ["C3_TABLE", "LeNet5", "PlainLeNet", "map_loss"]
