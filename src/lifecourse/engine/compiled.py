"""Functions over arrays, compiled once for this machine and kept: loaded in milliseconds, without Numba.

Numba takes a third of a second to start, which is longer than labelling a town. It is loaded only where a function was
never compiled on this machine; what it makes is kept as object code beside the module (or in the user's cache) and
linked by llvmlite from then on. A kept file is named by the processor, the compiler and the text of the functions'
modules, and opens only where its digest is right.

Such a function makes no arrays and raises nothing: whoever calls it brings the memory. As plain Python it is
`Kernel.function`, slow and the same.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import threading
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lifecourse.base.files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F")

NUMBERS = {
    "bool": np.dtype(np.bool_),
    "uint8": np.dtype(np.uint8),
    "int16": np.dtype(np.int16),
    "int32": np.dtype(np.int32),
    "int64": np.dtype(np.int64),
    "uint64": np.dtype(np.uint64),
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
}
NO_RELEASE = "NRT_MemInfo_call_dtor"
"""Named by compiled code that could let go of an array's memory; ours never owns any."""

EVERYWHERE = frozenset({NO_RELEASE, "memcpy", "memmove", "memset"})

_lock = threading.Lock()
_linked: list[Any] = []
_nowhere = (ctypes.c_void_p * 2)()
"""Where compiled code puts the nothing that it returns."""


def part(function: F) -> F:
    """A function that kernels call; in itself plain Python."""
    function.__kernel_part__ = True  # type: ignore[attr-defined]  # a mark of our own
    return function


def kernel(*kinds: str) -> Callable[[Callable[..., None]], Kernel]:
    """The function as a `Kernel`; `kinds` of its arguments: ``int64``, or ``int64[]`` and ``int64[][]`` for arrays."""

    def made(function: Callable[..., None]) -> Kernel:
        assert isinstance(function, FunctionType)  # noqa: S101 -- a decorator of functions
        return Kernel(function, kinds)

    return made


class Kernel:
    """A function that fills arrays; it runs without the global lock. Arrays are C-contiguous and of the kinds told."""

    def __init__(self, function: FunctionType, kinds: tuple[str, ...]) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self._kinds = [_kind(kind) for kind in kinds]
        self._entry: Callable[..., int] | None = None

    def __call__(self, *given: Any) -> None:
        """Run compiled code on `given`."""
        if len(given) != len(self._kinds):
            raise TypeError(f"{self.function.__name__} takes {len(self._kinds)} arguments")
        words: list[Any] = []
        for (dtype, depth), value in zip(self._kinds, given, strict=True):
            words += _words(value, dtype, depth) if depth else [dtype.type(value).item()]
        entry = self._entry or self.load()
        status = entry(ctypes.addressof(_nowhere), ctypes.addressof(_nowhere), *words)
        if status:
            raise RuntimeError(f"{self.function.__name__} ended with {status}")

    def load(self) -> Callable[..., int]:
        """Link the compiled code now, so that no call waits for it; gives the code's entry."""
        import llvmlite.binding as llvm

        with _lock:
            if self._entry is None:
                llvm.initialize_native_target()
                llvm.initialize_native_asmprinter()
                name, code = self._kept(llvm) or self._compiled(llvm)
                self._entry = self._callable(_address(llvm, name, code))
        return self._entry

    def _callable(self, address: int) -> Callable[..., int]:
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        types: list[Any] = []
        for dtype, depth in self._kinds:
            if depth:
                # Numba's array: owner, parent, items, bytes of one, data, shape, strides
                types += [pointer, pointer, number, number, pointer, *[number] * (2 * depth)]
            else:
                types.append(ctypes.c_double if dtype.kind == "f" else number)
        found: Callable[..., int] = ctypes.CFUNCTYPE(ctypes.c_int32, pointer, pointer, *types)(
            address
        )
        return found

    def _kept(self, llvm: Any) -> tuple[str, bytes] | None:
        stem = self._stem(llvm)
        for folder in _folders(self.function):
            try:
                whole = (folder / stem).read_bytes()
            except OSError:
                continue
            digest, content = whole[:32], whole[32:]
            if hashlib.sha256(content).digest() == digest:
                name, _, code = content.partition(b"\n")
                return name.decode(), code
        return None

    def _compiled(self, llvm: Any) -> tuple[str, bytes]:
        name, code = _object_code(llvm, self.function, self._kinds)
        content = name.encode() + b"\n" + code
        for folder in _folders(self.function):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_bytes(folder / self._stem(llvm), hashlib.sha256(content).digest() + content)
                break
            except OSError:
                continue
        return name, code

    def _stem(self, llvm: Any) -> str:
        """Changes with the processor, the compiler, the functions' text and the numbers that they name."""
        import llvmlite

        digest = hashlib.sha256()
        features = llvm.get_host_cpu_features().flatten()
        for word in (llvmlite.__version__, llvm.get_host_cpu_name(), features, repr(self._kinds)):
            digest.update(f"{word}\n".encode())
        parts = [value for value in self.function.__globals__.values() if _is_part(value)]
        for path in sorted({one.__code__.co_filename for one in (self.function, *parts)}):
            digest.update(Path(path).read_bytes())
        for name, value in sorted(self.function.__globals__.items()):
            if isinstance(value, int | float):
                digest.update(f"{name} {value!r}\n".encode())
        where = self.function.__module__.rpartition(".")[2]
        return f"{where}.{self.function.__name__}-{digest.hexdigest()[:24]}.object"


def _kind(told: str) -> tuple[np.dtype[Any], int]:
    return NUMBERS[told.partition("[")[0]], told.count("[]")


def _words(array: Any, dtype: np.dtype[Any], depth: int) -> list[Any]:
    if not (array.dtype == dtype and array.ndim == depth and array.flags.c_contiguous):
        raise TypeError(f"a kernel's array is {dtype} with {depth} axes, contiguous")
    return [None, None, array.size, array.itemsize, array.ctypes.data, *array.shape, *array.strides]


def _folders(function: FunctionType) -> list[Path]:
    beside = Path(function.__code__.co_filename).parent / "__pycache__"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return [beside, cache / "lifecourse"]


def _object_code(
    llvm: Any, function: FunctionType, kinds: list[tuple[np.dtype[Any], int]]
) -> tuple[str, bytes]:
    """The name of the compiled function and its object code, by Numba."""
    from numba import njit, types
    from numba.np.numpy_support import from_dtype

    around = _around(function.__globals__, {})
    arguments = [
        types.Array(from_dtype(dtype), depth, "C") if depth else from_dtype(dtype)
        for dtype, depth in kinds
    ]
    copied = FunctionType(function.__code__, around, function.__name__)
    compiled = njit(types.void(*arguments), nogil=True)(copied)
    (made,) = compiled.signatures
    overload: Any = compiled.overloads[made]
    name = str(overload.fndesc.llvm_func_name)
    module = llvm.parse_assembly(compiled.inspect_llvm(made))
    for one in module.functions:
        if not one.is_declaration and one.name.startswith(("cfunc.", "_ZN7cpython")):
            # How Python would call it: not needed, and it needs Numba.
            one.linkage = llvm.Linkage.available_externally
    _refuse_strangers(function.__name__, module)
    return name, bytes(_machine(llvm).emit_object(module))


def _refuse_strangers(name: str, module: Any) -> None:
    """Nothing but what any process has may be called: there will be no Numba to make arrays or errors with."""
    text = "".join(
        str(one)
        for one in module.functions
        if not one.is_declaration and one.linkage.name != "available_externally"
    )
    told = [*module.functions, *module.global_variables]
    strangers = sorted(
        one.name
        for one in told
        if one.is_declaration
        and not one.name.startswith("llvm.")
        and one.name not in EVERYWHERE
        and re.search(rf"@\"?{re.escape(one.name)}\"?\b", text)
    )
    if strangers:
        raise TypeError(f"{name} makes arrays or raises errors: it calls {', '.join(strangers)}")


def _around(names: dict[str, Any], made: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """The names that a function sees, with parts of kernels as Numba's functions."""
    from numba import njit

    if id(names) not in made:
        made[id(names)] = around = dict(names)
        for name, value in names.items():
            if _is_part(value):
                seen = _around(value.__globals__, made)
                around[name] = njit(nogil=True)(FunctionType(value.__code__, seen, name))
    return made[id(names)]


def _is_part(value: Any) -> bool:
    return getattr(value, "__kernel_part__", False) is True


def _address(llvm: Any, name: str, code: bytes) -> int:
    if llvm.address_of_symbol(NO_RELEASE) is None:
        llvm.add_symbol(NO_RELEASE, ctypes.cast(ctypes.CDLL(None).abort, ctypes.c_void_p).value)
    linker = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(llvm))
    linker.add_object_file(llvm.ObjectFileRef.from_data(code))
    linker.finalize_object()
    _linked.append(linker)  # the code lives as long as its linker
    return int(linker.get_function_address(name))


def _machine(llvm: Any) -> Any:
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        jit=True,
    )
