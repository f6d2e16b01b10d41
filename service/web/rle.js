/**
 * COCO's compressed run lengths, decoded.
 *
 * Runs go down the columns and begin with a run outside the mask; from the fourth on they are
 * stored as the difference to the run before the last. Each number is written in groups of five
 * bits, lowest first, in two's complement; a sixth bit says that another group follows.
 * Source: Lin et al., COCO API, `rleFrString` of maskApi.c.
 */

/**
 * Return the lengths of a mask's runs: outside, inside, outside, and so on.
 *
 * @param {string} counts
 * @returns {number[]}
 */
export function runLengths(counts) {
  /** @type {number[]} */
  const runs = [];
  let value = 0;
  let shift = 0;
  for (let index = 0; index < counts.length; index += 1) {
    const code = counts.charCodeAt(index) - 48;
    if (code < 0 || code > 63) throw new RangeError('not compressed run lengths');
    value += (code & 31) * 2 ** shift; // a shift alone would wrap around at 32 bits
    shift += 5;
    if (code & 32) continue;
    if (code & 16) value -= 2 ** shift;
    runs.push(runs.length > 2 ? value + runs[runs.length - 2] : value);
    value = 0;
    shift = 0;
  }
  return runs;
}

/**
 * Write `value` wherever the mask is, into a map of the mask's size.
 *
 * @param {import('./answers.js').RunLengths} mask
 * @param {Uint16Array} map Row by row, height * width.
 * @param {number} value
 */
export function stamp({ size: [height, width], counts }, map, value) {
  const runs = runLengths(counts);
  const total = runs.reduce((sum, run) => sum + run, 0);
  if (total !== height * width || map.length !== total) {
    throw new RangeError('the mask is not of this size');
  }
  let position = 0; // down the columns
  runs.forEach((run, index) => {
    const end = position + run;
    for (; index % 2 === 1 && position < end; position += 1) {
      map[(position % height) * width + Math.floor(position / height)] = value;
    }
    position = end;
  });
}
