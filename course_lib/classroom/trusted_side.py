"""What every grading process needs, imported once before the first of them is forked."""

from course_lib.classroom.slow_imports import skip_slow_imports

skip_slow_imports()

import course_lib.classroom.engine  # noqa: E402 - after the line above, which speeds it up
import course_lib.classroom.workers  # noqa: E402, F401 - imported for what it imports

__all__: list[str] = []
