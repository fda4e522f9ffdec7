"""How models run in tests: operation by operation, or traced and compiled as users have them."""

import keras

from zoo.backend import backend
from zoo.models.base import BaseModel

compile_as_written, compiled_as_written = BaseModel.compile, backend.compiled


def compile_eagerly(self, *args, **options):
    """Do what `compile` does, with steps that run operation by operation, whatever is asked for."""
    options |= {"run_eagerly": True, "jit_compile": False, "steps_per_execution": 1}
    return compile_as_written(self, *args, **options)


def as_it_is(function, variables):
    """Stand for `backend.compiled`: the function itself, which TensorFlow need not trace."""
    del variables
    return function


def run_eagerly():
    """Run what models are made and compiled for from now on operation by operation."""
    BaseModel.compile = compile_eagerly
    if keras.backend.backend() == "tensorflow":
        backend.compiled = as_it_is


def run_as_users_do():
    """Trace and compile it as the test, or the zoo's own choice, has it."""
    BaseModel.compile, backend.compiled = compile_as_written, compiled_as_written
