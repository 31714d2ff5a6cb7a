"""Metrics: how good, and how sure."""

from course_lib.metrics.classification import accuracy_score, confusion_matrix
from course_lib.metrics.intervals import Interval, wilson_interval

__all__ = ["Interval", "accuracy_score", "confusion_matrix", "wilson_interval"]
