"""The C++ program of the guide, compiled, and run by the library of onnxruntime's package."""

import re
import shutil
import subprocess
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest

import export
import zoo

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "cpp.md"
LIBRARIES = sorted(Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so*"))
COMPILER = shutil.which("g++")

pytestmark = [
    pytest.mark.skipif(not COMPILER, reason="needs g++"),
    pytest.mark.skipif(not LIBRARIES, reason="this onnxruntime holds no library for C"),
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="one backend is enough"),
]

# What the program uses of onnxruntime's interface: its functions stand in a table, whose order
# never changes. The numbers are the places of the functions in it.
PLACES = {
    2: "const char* (*GetErrorMessage)(const OrtStatus*)",
    3: "OrtStatus* (*CreateEnv)(int level, const char* name, OrtEnv**)",
    7: "OrtStatus* (*CreateSession)(OrtEnv*, const char*, OrtSessionOptions*, OrtSession**)",
    9: "OrtStatus* (*Run)(OrtSession*, void*, const char* const*, const OrtValue* const*, size_t,"
    " const char* const*, size_t, OrtValue**)",
    10: "OrtStatus* (*CreateSessionOptions)(OrtSessionOptions**)",
    49: "OrtStatus* (*CreateTensorWithDataAsOrtValue)(OrtMemoryInfo*, void*, size_t,"
    " const int64_t*, size_t, int type, OrtValue**)",
    51: "OrtStatus* (*GetTensorMutableData)(OrtValue*, void**)",
    64: "OrtStatus* (*GetTensorShapeElementCount)(const OrtTensorTypeAndShapeInfo*, size_t*)",
    65: "OrtStatus* (*GetTensorTypeAndShape)(const OrtValue*, OrtTensorTypeAndShapeInfo**)",
    69: "OrtStatus* (*CreateCpuMemoryInfo)(int allocator, int memory, OrtMemoryInfo**)",
}
TYPES = ("Status", "Env", "Session", "SessionOptions", "MemoryInfo", "Value")


def header():
    """Return declarations of what the program uses."""
    lines = ["#include <cstddef>", "#include <cstdint>", "#define ORT_API_VERSION 16"]
    lines += [f"struct Ort{name};" for name in (*TYPES, "TensorTypeAndShapeInfo")]
    lines += ["enum { ORT_LOGGING_LEVEL_WARNING = 2, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT = 1 };"]
    lines += ["enum { OrtArenaAllocator = 1, OrtMemTypeDefault = 0 };", "struct OrtApi {"]
    for place in range(max(PLACES) + 1):
        lines.append(f"  {PLACES.get(place, f'void* unused{place}')};")
    lines += ["};", "struct OrtApiBase { const OrtApi* (*GetApi)(uint32_t); };"]
    return "\n".join([*lines, 'extern "C" const OrtApiBase* OrtGetApiBase();', ""])


def test_the_program_of_the_guide_decodes_as_keras_does(tmp_path):
    (program,) = re.findall(r"```cpp\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "decode.cpp").write_text(program)
    (tmp_path / "onnxruntime_c_api.h").write_text(header())
    command = [COMPILER, "-std=c++17", "-Wall", "-Werror", "decode.cpp", "-I.", "-o", "decode"]
    (tmp_path / "libonnxruntime.so.1").symlink_to(LIBRARIES[0])  # the name that the linker notes
    library = ["libonnxruntime.so.1", f"-Wl,-rpath,{tmp_path}"]
    done = subprocess.run([*command, *library], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    export.export_model(zoo.load("vae_digits"), tmp_path / "out", parts=["decoder"], formats="onnx")
    decoder = tmp_path / "out" / "decoder"
    files = [decoder / "model.onnx", decoder / "golden" / "input0.bin", tmp_path / "images.bin"]
    done = subprocess.run([tmp_path / "decode", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    wanted = np.fromfile(decoder / "golden" / "output0.bin", "<f4")
    assert f"{wanted.size} pixels" in done.stdout
    np.testing.assert_allclose(np.fromfile(files[2], "<f4"), wanted, atol=1e-5)
    assert wanted.std() > 0.1
    files[0] = tmp_path / "missing.onnx"
    done = subprocess.run([tmp_path / "decode", *files], capture_output=True, text=True)
    assert done.returncode == 1
    assert "missing.onnx" in done.stderr
