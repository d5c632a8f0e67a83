from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from cloud_assembly import SHIPPED, Assembly, start_app

import infra  # noqa: F401 - says which Node runs aws_cdk, before a test imports that

# Validation of the CDK's own is what one of the two syntheses below proves; in-process ones go without.
os.environ.setdefault("CDK_VALIDATION", "false")


@pytest.fixture(autouse=True)
def own_assembly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An app of a test's own writes into a folder of its own, and never into the project's cdk.out."""
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path / "cdk.out"))


@pytest.fixture(scope="session")
def settings_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped settings beside a seed of one line: templates do not depend on how much data there is."""
    folder = tmp_path_factory.mktemp("settings")
    (folder / "selfheal.yaml").write_bytes(SHIPPED.read_bytes())
    (folder / "seed.csv.gz").write_bytes(gzip.compress(b"late\n1\n", mtime=0))
    return folder / "selfheal.yaml"


@pytest.fixture(scope="session")
def two_syntheses(tmp_path_factory: pytest.TempPathFactory, settings_file: Path) -> tuple[Path, Path]:
    """Two runs of app.py at the same time, one of them with the CDK's validation on."""
    outs = (tmp_path_factory.mktemp("validated"), tmp_path_factory.mktemp("again"))
    runs = [start_app(out, settings_file, validate=n == 0) for n, out in enumerate(outs)]
    for run in runs:
        output, errors = run.communicate(timeout=120)
        assert run.returncode == 0, errors
        assert not output + errors, "a synthesis without findings is silent"
    return outs


@pytest.fixture(scope="session")
def account(two_syntheses: tuple[Path, Path]) -> Assembly:
    return Assembly(two_syntheses[0])
