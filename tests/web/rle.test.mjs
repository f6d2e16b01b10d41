// Run lengths, against what the server's own encoder made; run by test_client.py.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { runLengths, stamp } from '../../service/web/rle.js';

const cases = JSON.parse(await readFile(process.env.RLE_CASES, 'utf8'));

for (const { name, size, counts, rows } of cases) {
  test(name, () => {
    const map = new Uint16Array(size[0] * size[1]);
    stamp({ size, counts }, map, 7);

    assert.deepEqual(
      [...map],
      rows.flat().map((inside) => 7 * inside),
    );
  });
}

test('a later mask lies over an earlier one, and nowhere else', () => {
  const map = new Uint16Array(4);
  stamp({ size: [2, 2], counts: '04' }, map, 1);
  stamp({ size: [2, 2], counts: '13' }, map, 2);

  assert.deepEqual([...map], [1, 2, 2, 2]);
});

test('what is no mask of this size is refused', () => {
  for (const [counts, size] of [
    ['!', [2, 2]],
    ['5', [2, 2]],
    ['', [2, 2]],
    ['13', [3, 3]],
  ]) {
    assert.throws(() => stamp({ size, counts }, new Uint16Array(size[0] * size[1]), 1), RangeError);
  }
});

test('numbers of more than 32 bits do not wrap around', () => {
  assert.deepEqual(runLengths('PPPPPPP1'), [2 ** 35]);
});
