"""``python -m models.quantize FOLDER``: builds an int8 model from the fp32 one whose path is pickled on stdin.

Internal: the child process of ``models.quantization``. The folder holds the photos to calibrate on in ``pixels.npy``,
or the statistics to use in ``statistics.json``.
"""

from pathlib import Path

import numpy as np

from models import child_process
from models.activation_statistics import ActivationStatistics
from models.quantization import PIXELS, STATISTICS


def build_int8(folder: Path, fp32_xml: Path) -> None:
    import openvino  # noqa: PLC0415 – slow

    from models.runtimes.openvino_int8 import measure, quantize_graph  # noqa: PLC0415

    model = openvino.Core().read_model(fp32_xml)
    if (folder / PIXELS).exists():
        measure(model, np.load(folder / PIXELS)).write(folder / STATISTICS)
    # Also read after measuring, because files hold rounded numbers: the same file gives the same model.
    quantize_graph(model, ActivationStatistics.read(folder / STATISTICS))
    openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)


if __name__ == "__main__":
    raise SystemExit(child_process.run_as_child(build_int8))
