"""What a camera does to a picture: blur, low resolution, noise, light, JPEG.

Every effect is a pure function of a grey image, float32 in [0, 1] and of shape
``(height, width)``, that returns a new image of the same shape, dtype and range.
Random effects take an explicit :class:`numpy.random.Generator`. No effect shifts the
picture: kernels have their centroid in their centre, and resampling keeps the centre
of the picture where it was. Lengths are in pixels unless said otherwise.

`degrade` composes the effects in the order in which they happen in a camera.
"""

from skdeblurbin.datasets._kernels import disk_kernel, motion_kernel, shake_kernel
from skdeblurbin.datasets.degradations._blur import (
    defocus_blur,
    gaussian_blur,
    motion_blur,
    shake_blur,
)
from skdeblurbin.datasets.degradations._camera import (
    add_noise,
    jpeg_compress,
    lower_resolution,
    rolling_gain,
    sharpen,
    video_blocks,
)
from skdeblurbin.datasets.degradations._compose import (
    EFFECTS,
    MAX_DEFOCUS,
    MAX_MOTION,
    REFERENCE_HEIGHT,
    degrade,
)
from skdeblurbin.datasets.degradations._light import glare, night, uneven_light

__all__ = [
    "EFFECTS",
    "MAX_DEFOCUS",
    "MAX_MOTION",
    "REFERENCE_HEIGHT",
    "add_noise",
    "defocus_blur",
    "degrade",
    "disk_kernel",
    "gaussian_blur",
    "glare",
    "jpeg_compress",
    "lower_resolution",
    "motion_blur",
    "motion_kernel",
    "night",
    "rolling_gain",
    "shake_blur",
    "shake_kernel",
    "sharpen",
    "uneven_light",
    "video_blocks",
]
