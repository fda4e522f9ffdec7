"""How any model learns: steps, callbacks, settings, devices."""
