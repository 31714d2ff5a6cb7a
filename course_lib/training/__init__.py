"""Training and prediction: `fit` gives a `History`, `predict` gives `Predictions`.

Read `loop.py` first: it is the training loop of the lectures. The rest is what a long run needs around it: the
machine's devices and random numbers, checkpoints, a line of progress. Imported from their files: `signals`, how large
signals and gradients are layer by layer (lesson 07), and `forward_cost`, what one pass costs here (lesson 08).
"""

from course_lib.training.loop import Loader, fit, predict
from course_lib.training.memory_format import faster_memory_format
from course_lib.training.results import History, Predictions

__all__ = ["History", "Loader", "Predictions", "faster_memory_format", "fit", "predict"]
