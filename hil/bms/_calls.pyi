from typing import final

@final
class Calls:
    def __new__(
        cls, receive: int, step: int, receiving: int, stepping: int, beat: memoryview[int], /
    ) -> Calls: ...
    def receive(
        self, now_ns: int, identifier: int, extended: bool, bus: int, flags: int, data: bytes, /
    ) -> int: ...
    def step(self, now_ns: int, /) -> list[tuple[int, int, int, int, int, bytes]] | int: ...
