"""Check what users pass: arguments, names and data; once per call and outside of any graph."""
