"""Explorers: pictures that a student changes with sliders, and that are still pictures where no slider can move.

`explore` turns any function that draws a figure into one output that holds both the widget and a picture of the
starting values. JupyterLab, Colab and VS Code show the widget; a web page, a reviewer or a reader without a kernel sees
the picture. Explorers of a single lesson are imported from their files: `volume` (01), `descent` (02), `window` (05),
`bottleneck` (06), `depth` (07), `dense_block` (08), `prevalence` (09), `segmentation_error` (10), `findings` (11),
`age_bias` (15), `unet_shapes` (16).
"""

from course_lib.widgets.convolution import convolution_explorer
from course_lib.widgets.explorer import explore
from course_lib.widgets.receptive_field import receptive_field_explorer

__all__ = ["convolution_explorer", "explore", "receptive_field_explorer"]
