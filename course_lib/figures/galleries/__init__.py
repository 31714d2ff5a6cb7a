"""Galleries of the phantoms: cases with their truth, one figure a phantom."""
