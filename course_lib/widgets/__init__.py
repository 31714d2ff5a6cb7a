"""Explorers: pictures that a student changes with sliders, and that are still pictures where no slider can move.

`explore` turns any function that draws a figure into one output that holds both the widget and a picture of the
starting values. JupyterLab, Colab and VS Code show the widget; a web page, a reviewer or a reader without a kernel sees
the picture.
"""

from course_lib.widgets.convolution import convolution_explorer
from course_lib.widgets.explorer import explore
from course_lib.widgets.receptive_field import receptive_field_explorer

__all__ = ["convolution_explorer", "explore", "receptive_field_explorer"]
