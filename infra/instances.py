"""What an instance type can do, as far as a template must know."""

from __future__ import annotations

import re

# Families whose local NVMe disks SageMaker encrypts by hardware; it refuses a KMS key for their volumes.
# Beside these, a `d` among the letters after the generation means local disks (m5d, c6gd, r5dn).
_LOCAL_DISK_FAMILIES = frozenset(
    {
        "g4dn",
        "g5",
        "g6",
        "g6e",
        "gr6",
        "i3",
        "i3en",
        "i4i",
        "p4d",
        "p4de",
        "p5",
        "p5e",
        "p5en",
        "p6",
        "trn1",
        "trn1n",
        "trn2",
    }
)
_FAMILY = re.compile(r"^ml\.(?P<family>[a-z]+[0-9]+(?P<attributes>[a-z]*))\.[a-z0-9]+$")


def has_local_nvme(instance_type: str) -> bool:
    """Whether the type's storage is local NVMe, so that a volume's KMS key must not be given.

    Raises:
        ValueError: not the name of a SageMaker instance type.
    """
    match = _FAMILY.match(instance_type)
    if not match:
        raise ValueError(f"{instance_type!r} is not an instance type such as ml.m5.large")
    return match["family"] in _LOCAL_DISK_FAMILIES or "d" in match["attributes"]
