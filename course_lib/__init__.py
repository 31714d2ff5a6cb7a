"""Deep learning in medical imaging: the library that the lessons build and use.

A map of the house, in the order in which a newcomer reads it:

- `course_lib.arithmetic`: sizes, receptive fields, parameters and operations of layers, with the standard library alone
- `course_lib.models`: one paper, one file
- `course_lib.summary`: any net as a table
- `course_lib.data`: images, splits, loaders
- `course_lib.training`: `fit` gives a `History`, `predict` gives `Predictions`
- `course_lib.metrics`: how good, and how sure
- `course_lib.brain_age`: the error that leans on age, its correction, many patches joined
- `course_lib.losses`: Dice, focal, cross-entropy weighted by pixel with the U-Net's border map, Cox
- `course_lib.explain`: where a net found its answer, as a map; the pointing game
- `course_lib.figures`: results drawn on axes
- `course_lib.widgets`: explorers to move
- `course_lib.classroom`: building, checking and grading notebooks; never imports torch at module level

Nothing heavy is imported here: import the room you need.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
