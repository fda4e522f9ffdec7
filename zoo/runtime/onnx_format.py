"""What an exported ONNX file may hold: message fields, operators, and data types."""

from __future__ import annotations

from typing import NamedTuple


class Field(NamedTuple):
    """A field of a protobuf message.

    Attributes:
        name: as in onnx.proto.
        kind: "int", "float" (four bytes), "text" (UTF-8), "bytes", or the name of a message.
        repeated: whether the field may appear more than once.
    """

    name: str
    kind: str
    repeated: bool = False


# The fields that exporters write, by number. All other fields of onnx.proto are refused.
FIELDS: dict[str, dict[int, Field]] = {
    "ModelProto": {
        1: Field("ir_version", "int"),
        2: Field("producer_name", "text"),
        3: Field("producer_version", "text"),
        4: Field("domain", "text"),
        5: Field("model_version", "int"),
        6: Field("doc_string", "text"),
        7: Field("graph", "GraphProto"),
        8: Field("opset_import", "OperatorSetIdProto", repeated=True),
        14: Field("metadata_props", "StringStringEntryProto", repeated=True),
    },
    "OperatorSetIdProto": {1: Field("domain", "text"), 2: Field("version", "int")},
    "StringStringEntryProto": {1: Field("key", "text"), 2: Field("value", "text")},
    "GraphProto": {
        1: Field("node", "NodeProto", repeated=True),
        2: Field("name", "text"),
        5: Field("initializer", "TensorProto", repeated=True),
        10: Field("doc_string", "text"),
        11: Field("input", "ValueInfoProto", repeated=True),
        12: Field("output", "ValueInfoProto", repeated=True),
        13: Field("value_info", "ValueInfoProto", repeated=True),
    },
    "NodeProto": {
        1: Field("input", "text", repeated=True),
        2: Field("output", "text", repeated=True),
        3: Field("name", "text"),
        4: Field("op_type", "text"),
        5: Field("attribute", "AttributeProto", repeated=True),
        6: Field("doc_string", "text"),
        7: Field("domain", "text"),
    },
    "AttributeProto": {
        1: Field("name", "text"),
        2: Field("f", "float"),
        3: Field("i", "int"),
        4: Field("s", "bytes"),
        5: Field("t", "TensorProto"),
        7: Field("floats", "float", repeated=True),
        8: Field("ints", "int", repeated=True),
        9: Field("strings", "bytes", repeated=True),
        13: Field("doc_string", "text"),
        20: Field("type", "int"),
    },
    "TensorProto": {
        1: Field("dims", "int", repeated=True),
        2: Field("data_type", "int"),
        4: Field("float_data", "bytes"),
        5: Field("int32_data", "bytes"),
        7: Field("int64_data", "bytes"),
        8: Field("name", "text"),
        9: Field("raw_data", "bytes"),
        10: Field("double_data", "bytes"),
        11: Field("uint64_data", "bytes"),
        12: Field("doc_string", "text"),
        14: Field("data_location", "int"),  # onnxruntime's quantizer writes 0: "in this file"
    },
    "ValueInfoProto": {
        1: Field("name", "text"),
        2: Field("type", "TypeProto"),
        3: Field("doc_string", "text"),
    },
    "TypeProto": {1: Field("tensor_type", "TypeProto.Tensor")},
    "TypeProto.Tensor": {1: Field("elem_type", "int"), 2: Field("shape", "TensorShapeProto")},
    "TensorShapeProto": {1: Field("dim", "TensorShapeProto.Dimension", repeated=True)},
    "TensorShapeProto.Dimension": {1: Field("dim_value", "int"), 2: Field("dim_param", "text")},
}

# Descriptions of some refused fields, for errors.
REFUSED = {
    ("ModelProto", 20): "a training graph",
    ("ModelProto", 25): "functions of its own",
    ("GraphProto", 15): "sparse weights",
    ("NodeProto", 8): "calls of functions of its own",
    ("AttributeProto", 6): "a graph inside of a node, such as a loop or a branch",
    ("AttributeProto", 11): "graphs inside of a node",
    ("AttributeProto", 21): "a reference to an attribute of a function",
    ("AttributeProto", 22): "sparse weights",
    ("AttributeProto", 23): "sparse weights",
    ("TensorProto", 6): "texts as values",
    ("TypeProto", 4): "a sequence",
    ("TypeProto", 5): "a map",
    ("TypeProto", 8): "a sparse tensor",
    ("TypeProto", 9): "an optional value",
}
OUTSIDE = ("TensorProto", 13)  # external_data: the place of a tensor's values in another file

# The field that holds an attribute's value, by its `type`: no graphs, no types, no sparse tensors.
ATTRIBUTES = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}

# TensorProto.DataType: the name and the bytes of a value. No texts, no complex numbers.
TYPES = {
    **{1: ("float", 4), 2: ("uint8", 1), 3: ("int8", 1), 4: ("uint16", 2), 5: ("int16", 2)},
    **{6: ("int32", 4), 7: ("int64", 8), 9: ("bool", 1), 10: ("float16", 2), 11: ("double", 8)},
    **{12: ("uint32", 4), 13: ("uint64", 8), 16: ("bfloat16", 2)},
}
# The fields of values that are not in `raw_data`; types that are not listed use `int32_data`.
TYPED = {1: "float_data", 7: "int64_data", 11: "double_data", 12: "uint64_data", 13: "uint64_data"}

# Operators that compute tensors from tensors. There are no loops and branches, random numbers,
# texts, sequences, optional values, or decoders of image files.
OPERATORS = {
    "Abs", "Acos", "Acosh", "Add", "AffineGrid", "And", "ArgMax", "ArgMin", "Asin", "Asinh", "Atan",
    "Atanh", "Attention", "AveragePool", "BatchNormalization", "BitShift", "BitwiseAnd",
    "BitwiseNot", "BitwiseOr", "BitwiseXor", "BlackmanWindow", "Cast", "CastLike", "Ceil", "Celu",
    "CenterCropPad", "Clip", "Col2Im", "Compress", "Concat", "Constant", "ConstantOfShape", "Conv",
    "ConvInteger", "ConvTranspose", "Cos", "Cosh", "CumProd", "CumSum", "DFT", "DeformConv",
    "DepthToSpace", "DequantizeLinear", "Det", "Div", "DynamicQuantizeLinear", "Einsum", "Elu",
    "Equal", "Erf", "Exp", "Expand", "EyeLike", "Flatten", "Floor", "GRU", "Gather",
    "GatherElements", "GatherND", "Gelu", "Gemm", "GlobalAveragePool", "GlobalLpPool",
    "GlobalMaxPool", "Greater", "GreaterOrEqual", "GridSample", "GroupNormalization",
    "HammingWindow", "HannWindow", "HardSigmoid", "HardSwish", "Hardmax", "Identity",
    "InstanceNormalization", "IsInf", "IsNaN", "LRN", "LSTM", "LayerNormalization", "LeakyRelu",
    "Less", "LessOrEqual", "Log", "LogSoftmax", "LpNormalization", "LpPool", "MatMul",
    "MatMulInteger", "Max", "MaxPool", "MaxUnpool", "Mean", "MeanVarianceNormalization",
    "MelWeightMatrix", "Min", "Mish", "Mod", "Mul", "Neg", "NonZero", "Not", "OneHot", "Or",
    "PRelu", "Pad", "Pow", "QLinearConv", "QLinearMatMul", "QuantizeLinear", "RMSNormalization",
    "RNN", "Range", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
    "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu",
    "Reshape", "Resize", "ReverseSequence", "RotaryEmbedding", "Round", "STFT", "ScatterElements",
    "ScatterND", "Selu", "Shape", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Size", "Slice",
    "Softmax", "Softplus", "Softsign", "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Sub", "Sum",
    "Swish", "Tan", "Tanh", "ThresholdedRelu", "Tile", "TopK", "Transpose", "Trilu", "Unique",
    "Unsqueeze", "Where", "Xor",
}  # fmt: skip
STANDARD = ("", "ai.onnx")  # both are names of the domain of ONNX's own operators
