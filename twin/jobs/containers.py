"""What runs inside a job: which images the twin stands in for, and the interpreter that it gives them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

from twin.interfaces import TwinError

_IMAGE = re.compile(
    r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/(?P<repository>[^:@]+)(:[^@]+)?(@.+)?$"
)

# Of the host's environment a job sees only what the interpreter may need to start.
_INHERITED = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True, kw_only=True)
class FrameworkImage:
    """A SageMaker framework image that runs user scripts (script mode) through sagemaker-training."""

    repository: str
    framework_module: str


_STAND_INS = {
    "sagemaker-xgboost": FrameworkImage(
        repository="sagemaker-xgboost", framework_module="sagemaker_xgboost_container.training:main"
    )
}


def framework_image(uri: str) -> FrameworkImage:
    """The image behind a registry URI; a TwinError names any other image."""
    match = _IMAGE.match(uri)
    image = _STAND_INS.get(match["repository"]) if match else None
    if image is None:
        known = ", ".join(sorted(_STAND_INS))
        raise TwinError(f"the twin cannot stand in for the image {uri!r}; it knows the repositories: {known}")
    return image


class Interpreter:
    """A Python with the packages of the twin's environment and nothing else of it.

    A virtual environment of its own, whose only .pth file names the twin's site-packages: a directory
    that a .pth adds is searched for modules, but its own .pth files are not read, so that an editable
    install (which puts the repository on sys.path) does not leak into a job. It also holds for the
    processes that a job starts through sys.executable, which `python -S` would not.
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    @property
    def bin(self) -> Path:
        return self._home / "bin"

    def prepare(self) -> None:
        """Build the environment once; later calls find it, unless it was made for another Python."""
        packages = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
        made_for = "\n".join([sys.version, sys.base_prefix, *packages])
        marker = self._home / "made-for"
        if marker.exists() and marker.read_text() == made_for:
            return
        venv.EnvBuilder(symlinks=True, with_pip=False, clear=True).create(self._home)
        paths = sysconfig.get_paths(
            vars={"base": str(self._home), "platbase": str(self._home)}, scheme="venv"
        )
        Path(paths["purelib"], "packages.pth").write_text("\n".join(packages) + "\n")
        marker.write_text(made_for)

    def environment(self, home: Path) -> dict[str, str]:
        """The variables that every container has; `python` and `python3` are this interpreter."""
        scratch = home / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return inherited | {
            "HOME": str(home),
            # Jobs share this machine with the twin: an OpenMP thread that waits for work must not spin
            # meanwhile. On two busy cores a training of two seconds would take half a minute.
            "OMP_WAIT_POLICY": "PASSIVE",
            "PATH": os.pathsep.join([str(self.bin), os.defpath]),
            "PYTHONNOUSERSITE": "1",
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(scratch),
            "TZ": "UTC",
        }


def gpu_count() -> int:
    """GPUs of this machine, counted as sagemaker-training counts them: the lines of `nvidia-smi -L`."""
    try:
        listing = subprocess.run(
            ["nvidia-smi", "--list-gpus"],  # noqa: S607 - found on PATH, as in the container
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in listing.stdout.splitlines())
