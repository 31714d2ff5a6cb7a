"""What this machine has and lacks."""

__all__ = ["where_am_i"]


def where_am_i(minutes_cpu: float | None = None, minutes_gpu: float | None = None) -> None:
    """Print what this machine has (placeholder that is replaced within the hour)."""
    print("Python", __import__("platform").python_version())
