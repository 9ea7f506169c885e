"""Start the Triton that comes inside the wheel nvidia-pytriton, with its Python backend: real, without a container.

    python deploy/triton/serve.py --environment .venv-triton --repository DIR --grpc-port 8001

The wheel needs an environment of its own (numpy below 2): ``make triton`` makes it. Everything after ``--`` goes to the
server as it is. The process becomes the server, so a signal reaches it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FACTS = """
import sys, sysconfig, pytriton
print(pytriton.__path__[0], sysconfig.get_config_var("LIBDIR"), ".".join(map(str, sys.version_info[:2])))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", type=Path, default=Path(".venv-triton"))
    parser.add_argument("--repository", type=Path, required=True)
    parser.add_argument("--http-port", type=int, default=8000)
    parser.add_argument("--grpc-port", type=int, default=8001)
    parser.add_argument("--metrics-port", type=int, default=8002)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("more", nargs="*", help="further arguments of the server, after --")
    given = parser.parse_args()
    python = given.environment.absolute() / "bin" / "python"
    if not python.exists():
        sys.exit(f"There is no environment in {given.environment}: run 'make triton-environment'.")
    said = subprocess.run([python, "-c", FACTS], capture_output=True, text=True, check=True).stdout
    package, libraries, version = said.splitlines()[-1].rsplit(" ", 2)  # the package may print on its way in
    server = Path(package) / "tritonserver"
    backends = Path(tempfile.mkdtemp(prefix="triton-backends-"))
    (backends / "python").mkdir()
    stub = server / "python_backend_stubs" / version / "triton_python_backend_stub"
    for file in [*(server / "backends" / "python").iterdir(), stub]:  # the stub is that of our interpreter
        (backends / "python" / file.name).symlink_to(file)
    os.environ["PATH"] = f"{python.parent}:{os.environ['PATH']}"
    os.environ["LD_LIBRARY_PATH"] = f"{libraries}:{Path(package).parent / 'nvidia_pytriton.libs'}"
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"
    command = [
        str(server / "bin" / "tritonserver"),
        f"--model-repository={given.repository.absolute()}",
        f"--backend-directory={backends}",
        *(f"--{kind}-port={getattr(given, kind + '_port')}" for kind in ("http", "grpc", "metrics")),
        *(f"--{kind}-address={given.address}" for kind in ("http", "grpc", "metrics")),
        *given.more,
    ]
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
