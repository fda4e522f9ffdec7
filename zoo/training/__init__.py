"""How all models are trained: steps, callbacks, settings and devices."""
