"""``python -m models.quantize FOLDER``: builds an int8 model from the fp32 one whose path is pickled on stdin.

Internal: the child process of ``models.quantization``. The calibration photos are in ``pixels.npy`` in the folder.
"""

import logging
import os
from pathlib import Path

import numpy as np

from models import child_process
from models.quantization import PIXELS


def quantize_with_nncf(folder: Path, fp32_xml: Path) -> None:
    """Quantize convolutions and the last layer; keep the first convolution, depthwise convolutions and sums in fp32.

    The latter compute little but cost most of the accuracy. Weights use half of the int8 range, because processors
    without VNNI accumulate products in 16 bits, which would overflow and give different results.
    """
    os.environ["NNCF_CI"] = "1"  # disables telemetry
    import nncf  # noqa: PLC0415
    import openvino  # noqa: PLC0415

    nncf.set_log_level(logging.ERROR)
    pixels = np.load(folder / PIXELS)
    model = openvino.Core().read_model(fp32_xml)
    convolutions = [op.get_friendly_name() for op in model.get_ordered_ops() if op.get_type_name() == "Convolution"]
    quantized = nncf.quantize(
        model,
        nncf.Dataset([pixels[i : i + 1] for i in range(len(pixels))]),
        subset_size=len(pixels),
        ignored_scope=nncf.IgnoredScope(convolutions[:1], types=["GroupConvolution", "Add"], validate=False),
        advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE),
    )
    openvino.save_model(quantized, folder / "model.xml", compress_to_fp16=False)


if __name__ == "__main__":
    raise SystemExit(child_process.run_as_child(quantize_with_nncf))
