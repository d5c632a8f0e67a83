"""What is uploaded: function source, the jobs' source bundle and layers, without Docker.

Each is staged under build/assets in a folder named after its content. So a synthesis that changes nothing
writes nothing, two that run at once never disturb each other, and the asset's hash, and with it the
template, is the same on every machine.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAGING = ROOT / "build" / "assets"
LOCKS = ROOT / "infra" / "layers"

# Functions run on Graviton with Python 3.13. A plain manylinux2014 would silently select older wheels.
LAYER_PLATFORM = "aarch64-manylinux_2_28"
LAYER_PYTHON = "3.13"


@dataclass(frozen=True)
class Staged:
    """A file or folder to upload, and the SHA-256 of what went into it."""

    path: Path
    digest: str


def function_source(root: Path = ROOT, staging: Path = STAGING) -> Staged:
    """The folder that every function runs: lambdas/ and selfheal/, Python files alone."""
    files = collect(root, ("lambdas", "selfheal"), (".py",))
    digest = digest_of(files)
    return Staged(_stage(staging / f"function-{digest[:32]}", lambda folder: _write(files, folder)), digest)


def job_source(workload: str, root: Path = ROOT, staging: Path = STAGING) -> Staged:
    """sourcedir.tar.gz for the jobs of pipeline and monitor: selfheal/, pipelines/ and workloads/.

    Args:
        workload: content of `workload.json`, by which the jobs know columns and limits: the settings
            themselves need pydantic to be read, which SageMaker's images do not carry.
    """
    files = collect(root, ("selfheal", "pipelines", "workloads"), (".py",))
    files["workload.json"] = workload.encode()
    # Script mode finds its program at the bundle's root alone; Spark's must not lie beside the steps.
    for program in ("train.py", "profile_on_spark.py"):
        files[program] = files.pop(f"pipelines/{program}")
    digest = digest_of(files)

    def write(folder: Path) -> None:
        (folder / "sourcedir.tar.gz").write_bytes(archive(files))

    return Staged(_stage(staging / f"source-{digest[:32]}", write) / "sourcedir.tar.gz", digest)


def layer(name: str, *, build: bool, locks: Path = LOCKS, staging: Path = STAGING) -> Staged:
    """A layer's folder; its digest is that of the lock, built or not.

    Args:
        name: the lock's file name without its suffix.
        build: install the locked wheels; otherwise the folder holds the lock alone, for a synthesis that
            deploys nothing.

    Raises:
        subprocess.CalledProcessError: a wheel is missing or does not have the hash that the lock records.
    """
    lock = locks / f"{name}.lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    kind = "layer" if build else "lock"

    def write(folder: Path) -> None:
        if build:
            subprocess.run(_install(lock, folder / "python"), check=True)  # noqa: S603 - our own arguments
        else:
            shutil.copyfile(lock, folder / lock.name)

    return Staged(_stage(staging / f"{kind}-{name}-{digest[:32]}", write), digest)


def collect(root: Path, folders: Iterable[str], suffixes: tuple[str, ...]) -> dict[str, bytes]:
    """Files by their path relative to `root`, sorted, without caches or hidden files.

    Raises:
        FileNotFoundError: one of the folders is not there.
    """
    found: dict[str, bytes] = {}
    for folder in folders:
        if not (root / folder).is_dir():
            raise FileNotFoundError(f"{root / folder} is not a folder, and the account's code comes from it")
        for path in (root / folder).rglob("*"):
            relative = path.relative_to(root)
            hidden = any(part.startswith(".") for part in relative.parts)
            if path.suffix in suffixes and path.is_file() and not hidden:
                found[relative.as_posix()] = path.read_bytes()
    return dict(sorted(found.items()))


def archive(files: Mapping[str, bytes]) -> bytes:
    """A .tar.gz that depends on the files' names and bytes alone: no times, owners or modes."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents; lengths go in, so that no two sets of files run together."""
    total = hashlib.sha256()
    for name, content in sorted(files.items()):
        total.update(f"{name}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def _install(lock: Path, target: Path) -> list[str]:
    platform = ("--python-platform", LAYER_PLATFORM, "--python-version", LAYER_PYTHON)
    wheels = ("--only-binary", ":all:", "--require-hashes", "--no-deps")
    uv = (sys.executable, "-m", "uv", "pip", "install", "--quiet")
    return [*uv, *platform, *wheels, "--target", str(target), "-r", str(lock)]


def _stage(target: Path, write: Callable[[Path], None]) -> Path:
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".staging-", dir=target.parent))
    try:
        scratch.chmod(0o755)
        write(scratch)
        scratch.rename(target)
    except OSError:
        # Another synthesis may have put the same content there between the look and the rename.
        if not target.is_dir():
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
