"""A model's archive with another calibration: all else in it is copied, to the bit.

A model that can be recalibrated has a `calibration.json` at the root of its archive, which its serving code applies to
every score. The archive is copied as a stream; the same archive and calibration give the same bytes.
"""

from __future__ import annotations

import gzip
import io
import json
import posixpath
import tarfile
import zlib
from typing import IO

from selfheal.aws.errors import Refused
from selfheal.remediate.recalibration import LogitMap

CALIBRATION = "calibration.json"
# Of all files in an archive, unpacked: what a function's scratch space of 512 MB holds even if nothing shrinks.
LARGEST_BYTES = 400 * 2**20


class Uncalibrated(Refused):
    """A model whose answers cannot be calibrated: its archive carries no calibration that serving would apply."""


def recalibrate_archive(source: IO[bytes], target: IO[bytes], calibration: LogitMap) -> LogitMap:
    """Copy an archive with its answers calibrated once more; returns the calibration that it holds now.

    Args:
        source: a tar.gz, read once from its beginning.
        target: where the copy goes.
        calibration: of the answers that the source's model gives.

    Raises:
        Uncalibrated: the source holds no calibration, or not one that can be read.
        Refused: it is no tar.gz, is too large, or holds something that leads out of it.
    """
    found: LogitMap | None = None
    size = 0
    try:
        with (
            # By gzip and not by tarfile, which takes an archive that was cut off for a shorter one.
            gzip.GzipFile(mode="rb", fileobj=source) as unpacked,
            tarfile.open(fileobj=unpacked, mode="r|") as old,
            # Neither name nor time in the header: the same content is the same archive.
            gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w|") as new,
        ):
            for member in old:
                name = _checked(member)
                size += member.size
                if size > LARGEST_BYTES:
                    raise Refused(f"the archive holds more than {LARGEST_BYTES:,} bytes: retrain instead")
                content = old.extractfile(member)
                if name == CALIBRATION and content is not None:
                    if found is not None:
                        raise Uncalibrated(
                            f"the archive holds {CALIBRATION} twice: which one serves is not known"
                        )
                    found = calibration.after(_read(content.read()))
                    body = json.dumps(found.to_json(), sort_keys=True).encode()
                    member.size, content = len(body), io.BytesIO(body)
                new.addfile(member, content)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Refused(f"the archive is not a tar.gz: {error}; register the model anew") from error
    if found is None:
        raise Uncalibrated(
            f"the archive holds no {CALIBRATION} that its serving code would apply: retrain instead"
        )
    return found


def _checked(member: tarfile.TarInfo) -> str:
    """The member's path inside the archive."""
    name = posixpath.normpath(member.name)
    if name.startswith(("/", "..")) or not (member.isfile() or member.isdir()):
        raise Refused(f"the archive holds {member.name!r}, which leads out of it: register the model anew")
    return name


def _read(content: bytes) -> LogitMap:
    try:
        return LogitMap.from_json(json.loads(content))
    except ValueError as error:
        raise Uncalibrated(f"{CALIBRATION}: {error}: retrain instead") from error
