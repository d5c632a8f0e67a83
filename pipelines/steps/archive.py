"""Opening a model archive: as the endpoint will, and without trusting its paths."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray


class BadArchive(Exception):
    """A model archive that cannot be used, with the reason."""


class ArchivedModel:
    """A model scored through its own serving code: what is evaluated is what would serve.

    Attributes:
        sha256: of the archive.
        importance: what each feature contributes, as shares of one; None where the archive does not say.
    """

    def __init__(self, archive: Path, folder: Path) -> None:
        unpack(archive, folder)
        self.sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
        self.importance = _importance(folder / "importance.json")
        self._serving = _import(folder / "code" / "inference.py")
        self._model = self._serving.model_fn(str(folder))

    def score(self, rows: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        """Scores of payload rows (text), shape (rows,)."""
        return np.asarray(self._serving.predict_fn(list(rows), self._model), dtype=np.float64)


def unpack(archive: Path, folder: Path) -> None:
    """Extract an archive; raises BadArchive for paths or links that lead out of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar.getmembers():
                inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
                if not inside or not (member.isfile() or member.isdir()):
                    raise BadArchive(f"{archive.name} holds {member.name!r}, which leads out of the archive")
            # Newer Pythons ask for a filter; SageMaker's images may be on one that knows none.
            checked = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            tar.extractall(folder, **checked)  # type: ignore[arg-type]  # noqa: S202 - members were checked
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise BadArchive(f"{archive.name} is not a tar.gz: {error}") from error


def _importance(path: Path) -> dict[str, float] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _import(path: Path) -> ModuleType:
    if not path.is_file():
        raise BadArchive(f"the archive holds no {path.parent.name}/{path.name}")
    # A name of its own for each archive: champion and challenger are loaded side by side.
    spec = importlib.util.spec_from_file_location(
        f"serving_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}", path
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
