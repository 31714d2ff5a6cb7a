"""Galleries: cases of one phantom with their truth, one file and one figure a phantom.

Each file has the name of its phantom in `course_lib.data.phantoms` and one function that takes what that phantom makes
and returns a `matplotlib.figure.Figure`.
"""
