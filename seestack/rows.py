"""Rows: a table of plain values that grows all night and takes little memory.

A night has thousands of rows, of which hardly one is looked at again. As Python objects
each takes a kilobyte; packed, a tenth of it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

__all__ = ["Row", "Rows"]

Row = tuple[Any, ...]
Block = NDArray[np.uint8]

# Rows in a block: more are packed no tighter, and one is read with all of its block.
_BLOCK = 128
# More takes twice the time for 1 part in 10.
_LEVEL = 1


@dataclass(frozen=True, slots=True, eq=False)
class Rows(Sequence[Row]):
    """A sequence of tuples of equal length, all but the newest of them packed.

    It changes no more: `with_row` returns the next one, which shares what is packed, so
    any thread may read one while another makes the next.

    Parameters
    ----------
    blocks : tuple of ndarray of uint8
        128 rows each: their columns as JSON, compressed.
    newest : tuple of tuple
        The rows after these, fewer than 128.

    Examples
    --------
    >>> rows = Rows()
    >>> for n in range(300):
    ...     rows = rows.with_row(n, (n, "stacked", (0.5 * n, None)))
    >>> len(rows), rows[-1], rows[126:129:2], len(rows.blocks)
    (300, (299, 'stacked', (149.5, None)), ((126, 'stacked', (63.0, None)), ...), 2)
    """

    blocks: tuple[Block, ...] = ()
    newest: tuple[Row, ...] = ()

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Rows:
        """Return the rows of another sequence.

        Parameters
        ----------
        rows : iterable of tuple
            Of numbers, text, None and tuples of these.
        """
        if isinstance(rows, Rows):
            return rows
        made = cls()
        for index, row in enumerate(rows):
            made = made.with_row(index, row)
        return made

    def with_row(self, index: int, row: Row) -> Rows:
        """Return the rows with another one at their end, or in the place of one of them.

        Parameters
        ----------
        index : int
            Its number; that of a new one is ``len(rows)``.
        row : tuple
            Of numbers, text, None and tuples of these; as long as the others.

        Raises
        ------
        IndexError
            If `index` is neither that of a row nor the next.
        """
        if not 0 <= index <= len(self):
            raise IndexError(f"index must be from 0 to {len(self)}, got {index}")
        number, place = divmod(index, _BLOCK)
        if number < len(self.blocks):
            changed = _replaced(_unpacked(self.blocks[number]), place, row)
            before, after = self.blocks[:number], self.blocks[number + 1 :]
            return replace(self, blocks=(*before, _packed(changed), *after))
        newest = _replaced(self.newest, place, row)
        if len(newest) < _BLOCK:
            return replace(self, newest=newest)
        return Rows((*self.blocks, _packed(newest)))

    def __len__(self) -> int:
        return _BLOCK * len(self.blocks) + len(self.newest)

    def __iter__(self) -> Iterator[Row]:
        for block in self.blocks:
            yield from _unpacked(block)
        yield from self.newest

    @overload
    def __getitem__(self, wanted: int) -> Row: ...

    @overload
    def __getitem__(self, wanted: slice) -> tuple[Row, ...]: ...

    def __getitem__(self, wanted: int | slice) -> Row | tuple[Row, ...]:
        if isinstance(wanted, slice):
            return self._between(range(len(self))[wanted])
        number, place = divmod(range(len(self))[wanted], _BLOCK)
        return self._block(number)[place]

    def _between(self, indices: range) -> tuple[Row, ...]:
        """Return the rows of these numbers; only blocks that hold one are read."""
        numbers = sorted({index // _BLOCK for index in indices})
        read = {number: self._block(number) for number in numbers}
        return tuple(read[index // _BLOCK][index % _BLOCK] for index in indices)

    def _block(self, number: int) -> tuple[Row, ...]:
        return _unpacked(self.blocks[number]) if number < len(self.blocks) else self.newest


def _replaced(rows: tuple[Row, ...], place: int, row: Row) -> tuple[Row, ...]:
    return (*rows[:place], row, *rows[place + 1 :])


def _packed(rows: tuple[Row, ...]) -> Block:
    # Columns and not rows: neighbours are alike, so they take less.
    columns = list(zip(*rows, strict=True))
    nested = [n for n, column in enumerate(columns) if any(isinstance(v, tuple) for v in column)]
    text = json.dumps([nested, columns], separators=(",", ":")).encode()
    return np.frombuffer(zlib.compress(text, _LEVEL), np.uint8)


def _unpacked(block: Block) -> tuple[Row, ...]:
    try:
        nested, columns = json.loads(zlib.decompress(block.data))
    except zlib.error as error:
        raise ValueError(f"a block of rows is damaged: {error}") from error
    for number in nested:
        columns[number] = map(_as_tuple, columns[number])
    return tuple(zip(*columns, strict=True))


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value
