"""A trained binarizer as an ONNX file, and the runner of such files without torch.

`GANBinarizer.to_onnx` writes them. Nothing that is imported here imports torch.
"""

from skdeblurbin.export._runner import OnnxBinarizer

__all__ = ["OnnxBinarizer"]
