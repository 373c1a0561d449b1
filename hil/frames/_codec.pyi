from collections.abc import Callable, MutableSequence, Sequence
from typing import NoReturn, final

_Field = tuple[
    int, int, bool, bool, bool, float, float, float, float, float | None, tuple[int, ...] | None
]
_Row = tuple[int, MutableSequence[float], int, float, float]

@final
class Layout:
    def __new__(
        cls,
        size: int,
        fields: list[_Field],
        multiplexer: int,
        groups: tuple[int, ...],
        refuse: Callable[[int, float], NoReturn],
        misfit: Callable[[int], NoReturn],
        unknown: Callable[[float], NoReturn],
        /,
    ) -> Layout: ...
    def encode(self, values: Sequence[float], /) -> bytearray: ...
    def decode(self, data: bytes, /) -> tuple[float | None, ...]: ...

@final
class Packer:
    def __new__(
        cls, layout: Layout, start: bytes, sources: list[_Row], saturate: Callable[[int, float], float], /
    ) -> Packer: ...
    def pack(self) -> bytearray: ...
