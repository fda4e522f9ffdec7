"""Weights to start a training from: layers trained one by one, and PCA."""
