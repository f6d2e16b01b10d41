/** The colours that classes have, the same as in the pictures that the server draws. */

const GOLDEN_RATIO = 0.618033988749895; // hues that follow each other are far apart
const SATURATION = 0.75;
const BRIGHTNESS = 0.95;

/**
 * Return the class's colour: red, green and blue, 0..255.
 *
 * @param {number} classId
 * @returns {[number, number, number]}
 */
export function colorOf(classId) {
  const hue = ((classId * GOLDEN_RATIO) % 1) * 6;
  return /** @type {[number, number, number]} */ (
    [5, 3, 1].map((offset) => {
      const position = (offset + hue) % 6;
      const share = Math.max(0, Math.min(position, 4 - position, 1));
      return Math.round(255 * BRIGHTNESS * (1 - SATURATION * share));
    })
  );
}

/** @param {number} classId */
export function cssColor(classId) {
  return `rgb(${colorOf(classId).join(' ')})`;
}

/**
 * Return black or white, whichever is read better on the class's colour.
 *
 * @param {number} classId
 */
export function inkOn(classId) {
  const [red, green, blue] = colorOf(classId);
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? '#111' : '#fff';
}
