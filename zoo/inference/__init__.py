"""Use of a trained model: methods that take arrays, and the functions that are exported."""
