"""What the first call of `fit` spends time on before it trains."""

import keras
import numpy as np
import pytest

import zoo


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="JAX always compiles")
@pytest.mark.compiled
@pytest.mark.slow
def test_few_steps_are_not_compiled_by_xla_and_are_traced_once(monkeypatch):
    """Training that lasts a second is not made to wait seconds for XLA; longer ones are."""
    monkeypatch.setattr("zoo.backend.tensorflow.STEPS_THAT_PAY", 30)
    traces = []

    class Counting(zoo.Autoencoder):
        def losses(self, batch, training):
            traces.append(training)
            return super().losses(batch, training)

    model = Counting((4, 4, 1), 2, hidden_units=(4,))
    model.compile()
    x = np.zeros((42, 4, 4, 1), "float32")
    for _ in range(2):
        model.fit(x, batch_size=8, epochs=2, validation_data=x, verbose=0)
        assert (traces, model.jit_compile) == ([True, False], False)
    model.evaluate(x, verbose=0)
    model.fit(x, batch_size=8, epochs=2, verbose=0)  # 37 steps together: a loop of fits is long
    assert model.jit_compile
    del traces[:]
    model.fit(x, batch_size=8, epochs=2, verbose=0)
    assert traces == []
    model.compile()
    model.fit(x, batch_size=8, epochs=1, verbose=0)
    assert not model.jit_compile
    model.compile(jit_compile=True)
    model.fit(x, batch_size=8, epochs=1, verbose=0)
    assert model.jit_compile
