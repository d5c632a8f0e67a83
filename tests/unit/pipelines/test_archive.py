"""Opening a model archive: nothing leads out of it."""

from __future__ import annotations

import io
import tarfile

import pytest

from pipelines.steps.archive import ArchivedModel, BadArchive, unpack


def pack(path, *members):
    """A tar.gz of (name, type, link) members."""
    with tarfile.open(path, "w:gz") as tar:
        for name, kind, link in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, link
            body = b"content" if kind == tarfile.REGTYPE else b""
            entry.size = len(body)
            tar.addfile(entry, io.BytesIO(body))
    return path


FILE, FOLDER = tarfile.REGTYPE, tarfile.DIRTYPE


def test_files_and_folders_are_unpacked(tmp_path):
    archive = pack(
        tmp_path / "m.tar.gz", ("code", FOLDER, ""), ("code/inference.py", FILE, ""), ("./model", FILE, "")
    )
    unpack(archive, tmp_path / "out")
    found = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*"))
    assert found == ["code", "code/inference.py", "model"]


@pytest.mark.parametrize(
    "member",
    [
        ("../evil", FILE, ""),
        ("code/../../evil", FILE, ""),
        ("/tmp/evil", FILE, ""),
        ("link", tarfile.SYMTYPE, "/etc"),
        ("link", tarfile.SYMTYPE, "code"),
        ("link", tarfile.LNKTYPE, "../../evil"),
        ("device", tarfile.CHRTYPE, ""),
        ("pipe", tarfile.FIFOTYPE, ""),
    ],
)
def test_what_leads_out_is_refused_and_nothing_is_unpacked(tmp_path, member):
    archive = pack(tmp_path / "m.tar.gz", ("good", FILE, ""), member)
    with pytest.raises(BadArchive, match="leads out of the archive"):
        unpack(archive, tmp_path / "in" / "out")
    assert list((tmp_path / "in").rglob("*")) == [tmp_path / "in" / "out"]
    assert not (tmp_path / "evil").exists()


def test_pythons_own_filter_is_asked_where_there_is_one(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(tarfile.TarFile, "extractall", lambda tar, path, **more: asked.append(more))
    archive = pack(tmp_path / "m.tar.gz", ("model", FILE, ""))
    monkeypatch.setattr(tarfile, "data_filter", None, raising=False)
    unpack(archive, tmp_path / "new")
    monkeypatch.delattr(tarfile, "data_filter")
    unpack(archive, tmp_path / "old")
    assert asked == [{"filter": "data"}, {}]


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b\x08broken"])
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "m.tar.gz").write_bytes(content)
    with pytest.raises(BadArchive, match=r"m\.tar\.gz is not a tar\.gz"):
        unpack(tmp_path / "m.tar.gz", tmp_path / "out")


def test_an_archive_cut_short_is_refused(tmp_path):
    whole = pack(tmp_path / "m.tar.gz", *[(f"file-{number}", FILE, "") for number in range(200)])
    whole.write_bytes(whole.read_bytes()[:-200])
    with pytest.raises(BadArchive, match=r"m\.tar\.gz is not a tar\.gz"):
        unpack(whole, tmp_path / "out")


def test_an_archive_without_serving_code_is_refused(tmp_path):
    archive = pack(tmp_path / "m.tar.gz", ("model.ubj", FILE, ""))
    with pytest.raises(BadArchive, match=r"holds no code/inference\.py"):
        ArchivedModel(archive, tmp_path / "out")
