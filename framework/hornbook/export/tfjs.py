"""TensorFlow.js: `model.json` and files of weights beside it, which a browser loads.

    graph model     `tf.loadGraphModel`: the operations, as TensorFlow has them; any model
    layers model    `tf.loadLayersModel`: the layers, as Keras 2 wrote them, which JavaScript can train on

    model.json            {"format", "modelTopology", "weightsManifest": [{"paths", "weights": [{name, shape, dtype}]}]}
    group1-shard1of2.bin  the bytes of all weights one after the other, cut into pieces of 4 MiB, which browsers cache

Source: the README of tfjs-converter, "Format of the weights manifest".
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import json_format

from hornbook.export.forward import freeze, trace
from hornbook.export.layer_names import operations_of, refuse

SHARD_BYTES = 4 * 2**20
# JavaScript has these three; the others are written as one of them.
DTYPES = {"float16": "float32", "bfloat16": "float32", "float64": "float32", "int64": "int32"}
PLAIN_DTYPES = ("float32", "int32", "bool")
# The operations of tfjs-converter 4.22 that have a meaning without tables and strings.
OPERATIONS = set(
    """
    Abs Acos Acosh Add AddN AddV2 All Any ArgMax ArgMin Asin Asinh Atan Atan2 Atanh AvgPool AvgPool3D BatchMatMul
    BatchMatMulV2 BatchToSpaceND BiasAdd Bincount BitwiseAnd BroadcastArgs BroadcastTo Cast Ceil ClipByValue Complex
    ComplexAbs Concat ConcatV2 Const Conv1D Conv2D Conv2DBackpropInput Conv3D Cos Cosh CropAndResize Cumprod Cumsum
    DenseBincount DepthToSpace DepthwiseConv2d DepthwiseConv2dNative Dilation2D Div DivNoNan Einsum Elu EmptyTensorList
    Enter Equal Erf EuclideanNorm Exit Exp ExpandDims Expm1 FFT FakeQuantWithMinMaxVars Fill Floor FloorDiv
    FloorMod FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 FusedDepthwiseConv2dNative Gather GatherNd GatherV2
    Greater GreaterEqual IFFT IRFFT Identity IdentityN Imag ImageProjectiveTransformV3 IsFinite IsInf IsNan LRN
    LeakyRelu Less LessEqual LinSpace ListDiff Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr LoopCond LowerBound
    MatMul MatrixBandPart Max MaxPool MaxPool3D MaxPoolWithArgmax Maximum Mean Merge Min Minimum MirrorPad Mod Mul
    Multinomial Neg NextIteration NoOp NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5
    NotEqual OneHot Ones OnesLike Pack Pad PadV2 Placeholder PlaceholderWithDefault Pow Prelu Prod RFFT
    RandomStandardNormal RandomUniform RandomUniformInt Range Rank Real RealDiv Reciprocal Relu Relu6 Reshape
    ResizeBilinear ResizeNearestNeighbor Reverse ReverseV2 Round Rsqrt ScatterNd Select SelectV2 Selu Shape ShapeN
    Sigmoid Sign Sin Sinh Size Slice Softmax Softplus SpaceToBatchND SparseToDense Split SplitV Sqrt Square
    SquaredDifference Squeeze StopGradient StridedSlice Sub Sum Switch Tan Tanh TensorArrayConcatV3 TensorArrayGatherV3
    TensorArrayReadV3 TensorArrayScatterV3 TensorArraySizeV3 TensorArraySplitV3 TensorArrayV3 TensorArrayWriteV3
    TensorListConcat TensorListConcatV2 TensorListFromTensor TensorListGather TensorListGetItem TensorListLength
    TensorListPopBack TensorListPushBack TensorListReserve TensorListResize TensorListScatter TensorListScatterV2
    TensorListSetItem TensorListSplit TensorListStack TensorScatterUpdate Tile TopKV2 Transpose TruncatedNormal Unique
    UniqueV2 Unpack UpperBound Where Zeros ZerosLike
    """.split()
)


def write_graph_model(model: Any, folder: str, specs: Any) -> None:
    """Write a graph model: the forward pass with its weights as constants.

    `await tf.loadGraphModel(url)`, then `model.predict({name: tensor})`; where a loop over a number of times that is
    not known stands in it, `model.executeAsync`.

    Args:
        model: a built model.
        folder: where the files go.
        specs: a spec for each argument.

    Raises:
        ValueError: where TensorFlow.js lacks an operation, by the layer.
    """
    forward = trace(model, specs, unroll=True)
    frozen = freeze(forward, functions=False)
    graph = _adapted(frozen.graph)
    if unknown := operations_of(graph) - OPERATIONS:
        hint = "Do it before or after the model in JavaScript, or serve a SavedModel."
        raise refuse("TensorFlow.js", unknown, forward.graph, forward.owners, hint)
    weights = {}
    for node in graph.node:
        if node.op == "Const":
            weights[node.name] = tf.make_ndarray(node.attr["value"].tensor)
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.zeros(0, "float32")))
    write_files(
        folder,
        "graph-model",
        json_format.MessageToDict(graph),
        weights,
        signature={
            "inputs": {name: _described(tensor) for name, tensor in frozen.inputs.items()},
            "outputs": {name: _described(tensor) for name, tensor in frozen.outputs.items()},
        },
    )


def _described(tensor: Any) -> dict:
    sizes = [{"size": str(-1 if size is None else size)} for size in tensor.shape]
    return {"name": tensor.name, "dtype": f"DT_{_named(tensor.dtype)}", "tensorShape": {"dim": sizes}}


def _named(dtype: Any) -> str:
    name = str(DTYPES.get(dtype.name, dtype.name))
    return {"float32": "FLOAT"}.get(name, name.upper())


def _adapted(graph: Any) -> Any:
    """The graph with 1 - erf(x) for erfc(x), which JavaScript lacks, and without checks of shapes.

    tfjs-converter 4.22 looks for the shape of EnsureShape among its inputs, where TensorFlow does not have it.
    """
    for node in list(graph.node):
        if node.op == "EnsureShape":
            node.op = "Identity"
        if node.op != "Erfc":
            continue
        erf, one = graph.node.add(), graph.node.add()
        erf.CopyFrom(node)
        erf.op, erf.name = "Erf", f"{node.name}/erf"
        dtype = tf.dtypes.as_dtype(node.attr["T"].type)
        one.op, one.name = "Const", f"{node.name}/one"
        one.attr["dtype"].type = node.attr["T"].type
        one.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(1, dtype, shape=()))
        node.op = "Sub"
        node.input[:] = [one.name, erf.name]
    return graph


def write_files(folder: str, format: str, topology: Any, weights: Mapping[str, np.ndarray], **more: Any) -> None:
    """Write `model.json` and the shards of the weights.

    Args:
        folder: made where it is not there.
        format: "graph-model" or "layers-model".
        topology: what `model.json` says of the model.
        weights: arrays by name.
        more: further entries of `model.json`.

    Raises:
        ValueError: for a dtype that JavaScript does not have, and a whole number beyond 32 bits.
    """
    os.makedirs(folder, exist_ok=True)
    plain = {name: _plain(name, array) for name, array in weights.items()}
    rows = [{"name": name, "shape": list(a.shape), "dtype": a.dtype.name} for name, a in plain.items()]
    content = b"".join(array.tobytes() for array in plain.values())
    pieces = [content[start : start + SHARD_BYTES] for start in range(0, len(content), SHARD_BYTES)] or [b""]
    paths = [f"group1-shard{i + 1}of{len(pieces)}.bin" for i in range(len(pieces))]
    for path, piece in zip(paths, pieces, strict=True):
        with open(os.path.join(folder, path), "wb") as file:
            file.write(piece)
    entries = {
        "format": format,
        "generatedBy": "hornbook",
        "convertedBy": None,
        **more,
        "modelTopology": topology,
        "weightsManifest": [{"paths": paths, "weights": rows}],
    }
    with open(os.path.join(folder, "model.json"), "w", encoding="utf-8") as file:
        json.dump(entries, file)


def _plain(name: str, array: np.ndarray) -> np.ndarray:
    """The array in a dtype that JavaScript has, little-endian."""
    dtype = DTYPES.get(array.dtype.name, array.dtype.name)
    if dtype not in PLAIN_DTYPES:
        raise ValueError(f"TensorFlow.js has no dtype {array.dtype.name}, which the weight or constant {name!r} has.")
    if array.dtype.kind == "i" and array.size and max(abs(int(array.min())), abs(int(array.max()))) >= 2**31:
        raise ValueError(f"TensorFlow.js has whole numbers of 32 bits; the constant {name!r} has larger ones.")
    return np.ascontiguousarray(array, np.dtype(dtype).newbyteorder("<") if dtype != "bool" else dtype).reshape(
        array.shape
    )
