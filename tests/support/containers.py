"""The kinds of arrays that users have, each with the same values as a float32 array.

A container is a function of a NumPy array. Those in `EQUAL` must give what the array gives, those
in `REFUSED` an error in words.
"""

import tempfile

import keras
import numpy as np
import pytest


def byte_swapped(a):
    return a.astype(a.dtype.newbyteorder("S"))


def fortran(a):
    return np.asfortranarray(a)


def backward(a):
    return np.ascontiguousarray(a[::-1])[::-1]


def memory_map(a):
    with tempfile.NamedTemporaryFile() as file:
        found = np.memmap(file, dtype=byte_swapped(a).dtype, mode="w+", shape=a.shape)
        found[:] = a
        return found


def float16(a):
    return a.astype("float16")


def float64(a):
    return a.astype("float64")


def longdouble(a):
    return a.astype("longdouble")


def nested_list(a):
    return a.tolist()


def list_of_arrays(a):
    return [byte_swapped(np.asarray(row)) for row in a]


def list_of_tensors(a):
    torch = pytest.importorskip("torch")
    return [torch.tensor(np.asarray(row), requires_grad=a.dtype.kind == "f") for row in a]


def without_a_mask(a):
    return np.ma.masked_array(a, mask=False)


def keras_tensor(a):
    return keras.ops.convert_to_tensor(a)


def keras_variable(a):
    return keras.Variable(a, dtype=str(a.dtype), trainable=a.dtype.kind == "f")


def tensorflow_tensor(a):
    return pytest.importorskip("tensorflow").constant(a)


def tensorflow_variable(a):
    return pytest.importorskip("tensorflow").Variable(a)


def jax_array(a):
    return pytest.importorskip("jax").numpy.asarray(a)


def torch_tensor(a):
    return pytest.importorskip("torch").from_numpy(a.copy())


def torch_parameter(a):
    torch = pytest.importorskip("torch")
    return torch.nn.Parameter(torch.from_numpy(a.copy()), requires_grad=a.dtype.kind == "f")


def bfloat16(a):
    return pytest.importorskip("torch").from_numpy(a.copy()).to(dtype=_torch_dtype("bfloat16"))


def _torch_dtype(name):
    return getattr(pytest.importorskip("torch"), name)


def _in_pandas(a):
    pandas = pytest.importorskip("pandas")
    return pandas.Series(a) if a.ndim == 1 else pandas.DataFrame(np.reshape(a, (len(a), -1)))


def pandas_table(a):
    return _in_pandas(a)


def nullable_pandas(a):
    return _in_pandas(a).astype("Float64" if a.dtype.kind == "f" else "Int64")


def text_in_pandas(a):
    return _in_pandas(a).astype(str)


def objects_in_pandas(a):
    return _in_pandas(a).astype(object)


def polars_table(a):
    polars = pytest.importorskip("polars")
    return polars.Series(values=a) if a.ndim == 1 else polars.DataFrame(a)


def arrow_table(a):
    pyarrow = pytest.importorskip("pyarrow")
    if a.ndim == 1:
        return pyarrow.chunked_array([pyarrow.array(a)])
    return pyarrow.table({f"column_{i}": column for i, column in enumerate(a.T)})


EQUAL = [
    *(byte_swapped, fortran, backward, memory_map, float16, float64, longdouble, bfloat16),
    *(nested_list, list_of_arrays, list_of_tensors, without_a_mask),
    *(keras_tensor, keras_variable, tensorflow_tensor, tensorflow_variable),
    *(jax_array, torch_tensor, torch_parameter),
    *(pandas_table, nullable_pandas, text_in_pandas, objects_in_pandas),
    *(polars_table, arrow_table),
]


TABLES = EQUAL[-6:]
# One of each branch of the conversion, with the same values as float32.
SOME = [byte_swapped, backward, longdouble, list_of_arrays, tensorflow_variable, torch_parameter]
SOME += [objects_in_pandas]


def masked(a):
    return np.ma.masked_array(a, mask=a == a.flat[1])


def list_of_masked(a):
    return [np.ma.masked_array(row, mask=True) for row in a]


def sparse(a):
    return pytest.importorskip("scipy.sparse").csr_matrix(np.reshape(a, (len(a), -1)))


def sparse_tensor(a):
    return torch_tensor(a).to_sparse()


def text(a):
    return a.astype(str)


def truth_values(a):
    return a > 0


def fields(a):
    return np.rec.fromarrays([a, a], names="a,b")


def unknown(a):
    return set(a.ravel().tolist())


def endless(a):
    return iter(a)


def symbolic(a):
    return keras.KerasTensor(a.shape, str(a.dtype))


def not_a_number(a):
    a = a.astype("float64")
    a.flat[3] = np.nan
    return a


def not_a_number_in_pandas(a):
    return _in_pandas(not_a_number(a))


def missing_in_pandas(a):
    return _in_pandas(not_a_number(a)).astype("Float64")


def missing_in_polars(a):
    return pytest.importorskip("polars").from_pandas(missing_in_pandas(a))


def variable_with_nan(a):
    return keras.Variable(not_a_number(a).astype("float32"))


REFUSED = [
    *(masked, list_of_masked, sparse, sparse_tensor, text, truth_values, fields, unknown, endless),
    *(symbolic, not_a_number, not_a_number_in_pandas, missing_in_pandas, missing_in_polars),
    variable_with_nan,
]
SOME_REFUSED = [masked, sparse, not_a_number_in_pandas, variable_with_nan]
