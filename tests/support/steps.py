"""How the steps of models run in tests: operation by operation, or compiled as users have them."""

from zoo.models.training import Trained

compile_as_written = Trained.compile


def compile_eagerly(self, *args, **options):
    """Do what `compile` does, with steps that run operation by operation, whatever is asked for."""
    options |= {"run_eagerly": True, "jit_compile": False, "steps_per_execution": 1}
    return compile_as_written(self, *args, **options)


def run_eagerly():
    """Run the steps of all models that are compiled from now on operation by operation."""
    Trained.compile = compile_eagerly


def run_as_users_do():
    """Trace and compile them as the test, or the zoo's own choice, has it."""
    Trained.compile = compile_as_written
