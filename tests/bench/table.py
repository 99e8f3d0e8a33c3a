"""The rows of the benchmark and the table that is made of them."""
from dataclasses import dataclass


@dataclass
class Row:
    """ours and limit, or ours and the peer's figure, in one unit. With `ratio` the limit
    is a multiple of the peer's figure, else it is a figure itself; with neither the row
    is there to be known."""
    what: str
    unit: str
    ours: float
    limit: float | None = None
    peer: str = ''
    theirs: float | None = None
    ratio: float | None = None
    difference: float | None = None  # ours may be so much above the peer's
    note: str = ''

    def bound(self):
        if self.ratio is not None:
            return self.ratio * self.theirs
        if self.difference is not None:
            return self.difference + self.theirs
        return self.limit

    def verdict(self):
        bound = self.bound()
        return '-' if bound is None else 'ok' if self.ours <= bound else 'MISSED'


def number(value):
    if value is None:
        return ''
    return f'{value:.0f}' if abs(value) >= 1000 else f'{value:.3g}'


def cells(row):
    limit = number(row.limit)
    if row.ratio is not None:
        limit = f'{number(row.ratio)} x peer'
    if row.difference is not None:
        limit = f'peer + {number(row.difference)}'
    ratio = f'{row.ours / row.theirs:.2f}' if row.theirs else ''
    return [row.what, row.unit, number(row.ours), limit, row.peer, number(row.theirs), ratio,
            row.verdict(), row.note]


HEAD = ['what', 'unit', 'ours', 'limit', 'peer', "peer's", 'ratio', 'verdict', 'note']
RIGHT = {2, 3, 5, 6}


def text(rows):
    lines = [HEAD] + [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    return '\n'.join(
        '  '.join(cell.rjust(width) if i in RIGHT else cell.ljust(width)
                  for i, (cell, width) in enumerate(zip(line, widths))).rstrip()
        for line in lines)
