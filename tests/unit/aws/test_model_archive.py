"""A model's archive with another calibration: everything else stays, to the bit."""

from __future__ import annotations

import gzip
import io
import json
import tarfile

import pytest

from selfheal.aws import model_archive
from selfheal.aws.errors import Refused
from selfheal.aws.model_archive import Uncalibrated, recalibrate_archive
from selfheal.remediate.recalibration import LogitMap

SHIFT = LogitMap(intercept=1.5)
IDENTITY = json.dumps(LogitMap().to_json()).encode()
FILES = {"calibration.json": IDENTITY, "code/inference.py": b"pass\n", "model.ubj": bytes(range(256)) * 99}


def pack(files=None, members=(), prefix=""):
    """A tar.gz of files, and of members of other types."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in (FILES if files is None else files).items():
            entry = tarfile.TarInfo(prefix + name)
            entry.size, entry.mode, entry.mtime = len(content), 0o640, 1234567890
            tar.addfile(entry, io.BytesIO(content))
        for name, kind, link in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, link
            tar.addfile(entry)
    return packed.getvalue()


def recalibrated(archive, calibration=SHIFT):
    target = io.BytesIO()
    found = recalibrate_archive(io.BytesIO(archive), target, calibration)
    return found, target.getvalue()


def contents(archive):
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}


@pytest.mark.parametrize("prefix", ["", "./"])
def test_only_the_calibration_is_another(prefix):
    found, archive = recalibrated(pack(prefix=prefix))
    assert found == SHIFT
    files = contents(archive)
    assert json.loads(files.pop(f"{prefix}calibration.json")) == SHIFT.to_json()
    assert files == {prefix + name: text for name, text in FILES.items() if name != "calibration.json"}


def test_files_keep_their_modes_and_times():
    _, archive = recalibrated(pack())
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert {(member.mode, member.mtime) for member in tar} == {(0o640, 1234567890)}


def test_the_same_archive_and_calibration_are_the_same_bytes():
    assert recalibrated(pack()) == recalibrated(gzip.compress(gzip.decompress(pack()), 1))


def test_what_was_calibrated_before_is_calibrated_once_more():
    first = LogitMap(slope=0.5, intercept=1.0)
    found, archive = recalibrated(pack({**FILES, "calibration.json": json.dumps(first.to_json()).encode()}))
    assert found == SHIFT.after(first)
    assert json.loads(contents(archive)["calibration.json"]) == SHIFT.after(first).to_json()


def test_folders_are_kept():
    _, archive = recalibrated(pack(members=[("code", tarfile.DIRTYPE, "")]))
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert tar.getmember("code").isdir()


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"model.ubj": b"x"}, "holds no calibration.json"),
        ({"code/calibration.json": IDENTITY}, "holds no calibration.json"),
        ({"calibration.json": b"{}"}, "not a calibration"),
        ({"calibration.json": b"no JSON"}, "retrain instead"),
        ({"calibration.json": b'{"slope": -1, "intercept": 0}'}, "does not keep the order"),
        ({"calibration.json": IDENTITY, "./calibration.json": IDENTITY}, "twice"),
    ],
)
def test_a_model_that_knows_no_calibration_is_not_recalibrated(files, reason):
    with pytest.raises(Uncalibrated, match=reason):
        recalibrated(pack(files))


@pytest.mark.parametrize(
    "member",
    [
        ("../evil", tarfile.REGTYPE, ""),
        ("code/../../evil", tarfile.REGTYPE, ""),
        ("/tmp/evil", tarfile.REGTYPE, ""),
        ("link", tarfile.SYMTYPE, "code"),
        ("link", tarfile.LNKTYPE, "model.ubj"),
        ("calibration.json", tarfile.SYMTYPE, "/etc/passwd"),
        ("pipe", tarfile.FIFOTYPE, ""),
    ],
)
def test_what_leads_out_is_refused(member):
    with pytest.raises(Refused, match="leads out of it"):
        recalibrated(pack(members=[member]))


@pytest.mark.parametrize("archive", [b"", b"no archive", pack()[:200], gzip.compress(b"no tar" * 200)])
def test_what_is_no_archive_is_refused(archive):
    with pytest.raises(Refused):
        recalibrated(archive)


def test_an_archive_that_scratch_space_does_not_hold_is_refused(monkeypatch):
    monkeypatch.setattr(model_archive, "LARGEST_BYTES", 1000)
    with pytest.raises(Refused, match="more than 1,000 bytes"):
        recalibrated(pack())


def test_a_stream_is_read_once_from_its_beginning():
    class Stream:
        """As S3 hands over an object."""

        def __init__(self, content):
            self._left = io.BytesIO(content)

        def read(self, size=-1):
            return self._left.read(size)

    target = io.BytesIO()
    recalibrate_archive(Stream(pack()), target, SHIFT)
    assert target.getvalue() == recalibrated(pack())[1]
