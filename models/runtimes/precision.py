"""Precisions: the number formats in which models compute."""

import os
from typing import Final

PRECISIONS: Final = ("auto", "fp32", "bf16", "int8")
"""Values of the setting. ``auto`` is fp32, the only precision that gives the same probabilities everywhere."""


def forbid_implicit_rounding() -> None:
    """Make oneDNN, which computes for OpenVINO and TensorFlow, ignore variables that round fp32 to bf16.

    oneDNN and TensorFlow read them when they create their first layer. Otherwise fp32 would be reported, but not used.
    """
    os.environ["ONEDNN_DEFAULT_FPMATH_MODE"] = "STRICT"  # takes precedence over DNNL_DEFAULT_FPMATH_MODE
    os.environ["TF_SET_ONEDNN_FPMATH_MODE"] = ""
