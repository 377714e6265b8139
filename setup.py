"""Build the kernels: every ``.pyx`` and every module with a ``.pxd`` beside it. Uncompiled they run as plain Python."""

from __future__ import annotations

import os
import shlex
import shutil
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext


def compiler_missing() -> bool:
    command = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "")
    return bool(command) and shutil.which(command[0]) is None


def kernels() -> list[Extension]:
    if os.environ.get("TIERCEL_PURE") or compiler_missing():
        return []
    try:
        from Cython.Build import cythonize
    except ImportError:
        return []
    root = Path("src/tiercel")
    modules = [path.with_suffix(".py") for path in sorted(root.rglob("*.pxd"))] + sorted(root.rglob("*.pyx"))
    extensions = [
        Extension(
            ".".join(path.with_suffix("").parts[1:]),
            [str(path)],
            optional=True,  # a machine without a compiler still gets a working install
            extra_compile_args=["-O2", "-g0", "-w"],  # warnings about generated code help nobody
            define_macros=[("CYTHON_WITHOUT_ASSERTIONS", "1")],
        )
        for path in modules
    ]
    return cythonize(
        extensions,
        include_path=["src"],
        compiler_directives={
            "language_level": "3",
            "boundscheck": True,  # the bytes are hostile
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "infer_types": False,
            "annotation_typing": False,  # C types stand in the .pxd only
            "warn.unreachable": False,  # branches for the uncompiled form
            "show_performance_hints": False,
        },
        quiet=True,
    )


class OptionalBuild(build_ext):
    """Skips what cannot be compiled instead of failing the install."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:  # distutils raises many kinds; the kernels also run uncompiled
            self.warn(f"kernels not compiled, tiercel will run slower: {error}")


setup(ext_modules=kernels(), cmdclass={"build_ext": OptionalBuild})
