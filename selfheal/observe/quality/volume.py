"""Where captured traffic is read: by volume, since a function has minutes and one machine's memory."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from selfheal.bounds import between, require

BYTES_PER_MB = 1_000_000


class Place(str, Enum):
    """What reads the files of an hour; the same files leave the same profile in all three."""

    FUNCTION = "function"
    PROCESSING = "processing"
    SPARK = "spark"


@dataclass(frozen=True, kw_only=True)
class VolumePolicy:
    """How much captured traffic is read where. A megabyte is 10^6 bytes.

    Attributes:
        processing_from_mb: an hour whose files have this size or more is read by a processing job, whose
            instances share the files out. The function has five minutes for everything, and a gigabyte.
        spark_from_mb: from this size on Spark reads them.
        processing_instances, spark_instances: machines of such a job, at most one a file.
    """

    processing_from_mb: float = 256.0
    spark_from_mb: float = 50_000.0
    processing_instances: int = 4
    spark_instances: int = 10

    def __post_init__(self) -> None:
        require(
            self,
            processing_from_mb=between(0.001, 2_000),
            # Above a petabyte an hour there is no such endpoint: that turns Spark off.
            spark_from_mb=between(self.processing_from_mb, 1e9),
            processing_instances=between(1, 100),
            spark_instances=between(1, 100),
        )


def place_of(size_bytes: int, policy: VolumePolicy) -> Place:
    """What reads the files of one hour's folder, which have so many bytes together.

    >>> [place_of(megabytes * 10**6, VolumePolicy()).value for megabytes in (255, 256, 50_000)]
    ['function', 'processing', 'spark']
    """
    if size_bytes >= policy.spark_from_mb * BYTES_PER_MB:
        return Place.SPARK
    return Place.PROCESSING if size_bytes >= policy.processing_from_mb * BYTES_PER_MB else Place.FUNCTION


def machines(place: Place, files: int, policy: VolumePolicy) -> int:
    """Machines that read so many files: none of them without a file, since it would be paid for."""
    wanted = policy.spark_instances if place is Place.SPARK else policy.processing_instances
    return max(1, min(wanted, files))
