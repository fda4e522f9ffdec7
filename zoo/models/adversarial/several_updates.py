"""A training step of several updates, each with an optimizer of its own."""

from zoo import engine
from zoo.models.adversarial.watch import Watch


class SeveralUpdates:
    """A model whose step goes through `steps()`, one after the other.

    Each update has its forward pass, its variables (`updates()`) and its optimizer.
    """

    def steps(self) -> dict:
        """Return what each update minimizes, by its name, in the order in which they are made.

        Each is a function of a batch and of `training` that returns terms as `loss_terms` does.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define steps().")

    def repeats(self, name: str) -> int:
        """Return how often an update is made in a step."""
        del name
        return 1

    def own_callbacks(self):
        return [*super().own_callbacks(), Watch()]

    @engine.keras_step
    def train_step(self, data):
        batch, terms, variables = self.unpack(data), {}, self.updates()
        for name, loss_fn in self.steps().items():
            for _ in range(self.repeats(name)):
                terms |= self.minimize(
                    lambda loss_fn=loss_fn: loss_fn(batch, training=True),
                    variables[name],
                    self.optimizer[name],
                )
        self.calibrate(terms, batch.weight)
        self.advance()
        return self.track(terms)

    @engine.keras_step
    def test_step(self, data):
        batch, terms = self.unpack(data), {}
        for loss_fn in self.steps().values():
            terms |= loss_fn(batch, training=False)
        return self.track(terms)
