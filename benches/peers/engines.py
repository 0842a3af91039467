"""The peers of the convolutions, each in a process of its own: no peer's threads or settings touch another."""

import json
import multiprocessing
import tempfile
import time
from collections import Counter
from pathlib import Path

import network


class OnnxRuntime:
    """One session on the CPU, `threads` threads inside an operator, operators one after another."""

    def __init__(self, path, threads, batch, profile_prefix=None):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.add_free_dimension_override_by_name("N", batch)
        if profile_prefix:
            options.enable_profiling = True
            options.profile_file_prefix = profile_prefix
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.settings = (path, threads, batch)

    def run(self, pictures):
        return self.session.run(None, {"image": pictures})[0]

    def kernels(self, pictures):
        """How often each convolution operator ran and in which precision, by a profile of one run of its own."""
        with tempfile.TemporaryDirectory() as folder:
            profiled = OnnxRuntime(*self.settings, profile_prefix=str(Path(folder, "profile")))
            profiled.run(pictures)
            events = json.loads(Path(profiled.session.end_profiling()).read_text())
        ran = (e["args"]["op_name"] for e in events if e.get("cat") == "Node" and e["name"].endswith("_kernel_time"))
        integer = {"QLinearConv", "ConvInteger"}
        return dict(Counter(f"{n} ({'int8' if n in integer else 'float32'})" for n in ran if "Conv" in n))


class OpenVino:
    """One stream on the CPU, latency hint, `threads` threads; `precision` f32 or bf16, None leaves it to OpenVINO."""

    def __init__(self, path, threads, batch, precision):
        import openvino

        core = openvino.Core()
        model = core.read_model(path)
        model.reshape([batch, 3, network.SIDE, network.SIDE])
        settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
        if precision:
            settings["INFERENCE_PRECISION_HINT"] = precision
        self.compiled = core.compile_model(model, "CPU", settings)
        used = self.compiled.get_property("INFERENCE_NUM_THREADS")
        if used != threads:
            raise RuntimeError(f"OpenVINO takes {used} threads where {threads} were asked for")
        self.request = self.compiled.create_infer_request()

    def run(self, pictures):
        return self.request.infer({0: pictures}, share_inputs=True, share_outputs=True)[0]

    def kernels(self, pictures):
        """How many convolutions each kernel runs and in which precision, by the graph that OpenVINO executes."""
        infos = [node.get_rt_info() for node in self.compiled.get_runtime_model().get_ordered_ops()]

        def text(info, key):
            value = info[key]
            return value if isinstance(value, str) else value.astype(str)

        ran = (i for i in infos if text(i, "layerType") == "Convolution")
        names = {"u8": "int8", "i8": "int8", "f32": "float32"}
        kernels = ((text(i, "primitiveType"), text(i, "runtimePrecision")) for i in ran)
        return dict(Counter(f"{kernel} ({names.get(precision, precision)})" for kernel, precision in kernels))


# System, its name ending with the precision: (engine, model file, arguments beyond path, threads and batch).
PEERS = {
    "onnxruntime float32": (OnnxRuntime, "float.onnx", ()),
    "onnxruntime int8": (OnnxRuntime, "int8.onnx", ()),
    "OpenVINO float32": (OpenVino, "float.onnx", ("f32",)),
    "OpenVINO bf16": (OpenVino, "float.onnx", ("bf16",)),
    "OpenVINO int8": (OpenVino, "int8.onnx", (None,)),
}


def serve(pipe, system, folder, threads, batch):
    """The peer's process: says what it runs and computes, then answers each number of calls with their seconds."""
    engine, file, more = PEERS[system]
    peer = engine(str(Path(folder, file)), threads, batch, *more)
    pictures = network.images(batch, seed=3)
    output = peer.run(pictures).copy()
    pipe.send((peer.kernels(pictures), output))
    while calls := pipe.recv():
        peer.run(pictures)
        seconds = []
        for _ in range(calls):
            start = time.perf_counter()
            peer.run(pictures)
            seconds.append(time.perf_counter() - start)
        pipe.send(seconds)


class Peer:
    """A peer's process as its parent sees it."""

    def __init__(self, system, folder, threads, batch):
        context = multiprocessing.get_context("spawn")
        self.system, self.batch = system, batch
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, system, str(folder), threads, batch), daemon=True)
        self.process.start()
        other.close()
        self.kernels, self.output = self.pipe.recv()

    def turn(self, calls):
        """Milliseconds a pass of each of `calls` calls, after one that is not timed."""
        self.pipe.send(calls)
        return [1000 * seconds / self.batch for seconds in self.pipe.recv()]

    def close(self):
        self.pipe.send(0)
        self.process.join()
