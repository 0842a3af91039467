"""VGG-16's convolutions as an ONNX model, and its int8 version."""

import logging

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Output channels of the convolutions of each block; every block ends with a 2x2 max pool.
BLOCKS = [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]]
SIDE = 224
CONVOLUTIONS = sum(len(block) for block in BLOCKS)


def macs():
    """Multiply-accumulates of one pass, padding included."""
    total, channels, side = 0, 3, SIDE
    for block in BLOCKS:
        for width in block:
            total += side * side * 9 * channels * width
            channels = width
        side //= 2
    return total


def images(count, seed):
    """`count` pseudo-random pictures as the peers take them: normalised, float32, [count, 3, 224, 224]."""
    return np.random.default_rng(seed).standard_normal((count, 3, SIDE, SIDE), dtype=np.float32)


def write_float(path):
    """13 convolutions (3x3, padding 1, ReLU) and five 2x2 max pools, with a free batch size N.

    The weights are He-normal, so that activations neither vanish nor grow from layer to layer.
    """
    random = np.random.default_rng(1)
    nodes, tensors, value, channels = [], [], "image", 3

    def add(operator, inputs, output, **attributes):
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def tensor(name, array):
        tensors.append(numpy_helper.from_array(array.astype(np.float32), name))
        return name

    for number, block in enumerate(BLOCKS, 1):
        for place, width in enumerate(block, 1):
            name = f"conv{number}_{place}"
            weight = random.standard_normal((width, channels, 3, 3)) * np.sqrt(2 / (9 * channels))
            inputs = [value, tensor(f"{name}.weight", weight)]
            inputs.append(tensor(f"{name}.bias", random.standard_normal(width) * 0.05))
            value = add("Conv", inputs, name, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
            value = add("Relu", [value], f"{name}.relu")
            channels = width
        value = add("MaxPool", [value], f"pool{number}", kernel_shape=[2, 2], strides=[2, 2])

    def shape(name, *dimensions):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *dimensions])

    side = SIDE >> len(BLOCKS)
    graph = helper.make_graph(
        nodes, "vgg16-convolutions", [shape("image", 3, SIDE, SIDE)], [shape(value, channels, side, side)], tensors
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def write_int8(float_path, path):
    """Static quantisation by onnxruntime: unsigned activations, signed weights with a scale a channel, QDQ form."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Calibration(CalibrationDataReader):
        def __init__(self):
            self.rest = iter(images(4, seed=2))

        def get_next(self):
            image = next(self.rest, None)
            return None if image is None else {"image": image[np.newaxis]}

    # It advises a pre-processing that finds nothing to do in a chain of convolutions.
    logging.disable(logging.WARNING)
    quantize_static(
        float_path,
        path,
        Calibration(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    logging.disable(logging.NOTSET)
