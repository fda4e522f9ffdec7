"""Checks of a user's data, once per call and outside of any graph."""
