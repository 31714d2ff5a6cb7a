"""Scripts that run beside other packages are no tests themselves; the tests beside them run them."""

collect_ignore_glob = ["compare_*.py"]
