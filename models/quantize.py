"""``python -m models.quantize FOLDER``: the pickled path of an fp32 ``model.xml`` on stdin becomes its int8 form.

The child process of ``models.quantization``, which alone calls it. The photos lie in the folder, as ``pixels.npy``.
"""

import logging
import os
from pathlib import Path

import numpy as np

from models import child
from models.quantization import PIXELS


def quantize(folder: Path, fp32_xml: Path) -> None:
    """Convolutions and the last layer in int8, but depthwise ones, the first one and sums in fp32.

    The latter have little to compute, and cost most of the accuracy. Weights take half of int8's range: processors
    without VNNI add up products of the whole range in 16 bits, too few, and would answer otherwise than those with it.
    """
    os.environ["NNCF_CI"] = "1"  # or NNCF sends usage statistics without asking
    import nncf  # noqa: PLC0415
    import openvino  # noqa: PLC0415

    nncf.set_log_level(logging.ERROR)
    pixels = np.load(folder / PIXELS)
    model = openvino.Core().read_model(fp32_xml)
    first = next(layer for layer in model.get_ordered_ops() if layer.get_type_name() == "Convolution")
    quantized = nncf.quantize(
        model,
        nncf.Dataset([pixels[i : i + 1] for i in range(len(pixels))]),
        subset_size=len(pixels),
        ignored_scope=nncf.IgnoredScope([first.get_friendly_name()], types=["GroupConvolution", "Add"], validate=False),
        advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE),
    )
    openvino.save_model(quantized, folder / "model.xml", compress_to_fp16=False)


if __name__ == "__main__":
    raise SystemExit(child.serve(quantize))
