"""The one exception of the house: something a person can put right."""

__all__ = ["CourseError"]


class CourseError(Exception):
    """What was wanted, what came and what to do, in one line; the command line prints it and exits with status 2."""
