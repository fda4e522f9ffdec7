"""Checks of what users hand in: arguments, names, data; once per call and outside of any graph."""
