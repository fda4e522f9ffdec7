"""Weights to start from: layers that are trained one by one, and PCA."""
