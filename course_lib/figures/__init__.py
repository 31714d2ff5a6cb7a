"""The figures of the lessons: a result and an `ax` go in, the `ax` comes out; `show` puts the figure into the page.

Every figure takes plain arrays or one of our results, is drawn in the one style of `course.mplstyle` (switch it on with
`use_course_style`) and is shown with a text that says in words what there is to see. Figures of a single lesson are
imported from their files: `volumes` (01), `neurons` (02), `scenes` (05), `inception` (06), `depth` (07), `dense` (08),
`rates` (09), `contours` (10), `chest` (11), `brain_age` (15), `cells` (16).
"""

from course_lib.figures.curves import plot_accuracy_curves, plot_learning_curves
from course_lib.figures.images import plot_ct, plot_image_grid, plot_kernels
from course_lib.figures.page import publish, show, to_png, use_course_style
from course_lib.figures.receptive_field import plot_receptive_field
from course_lib.figures.tables import plot_confusion_matrix, plot_matrix

__all__ = [
    "plot_accuracy_curves",
    "plot_confusion_matrix",
    "plot_ct",
    "plot_image_grid",
    "plot_kernels",
    "plot_learning_curves",
    "plot_matrix",
    "plot_receptive_field",
    "publish",
    "show",
    "to_png",
    "use_course_style",
]
