"""Data: images, splits that do not leak, loaders."""
