/** Masks as one coloured layer that is laid over a picture. */

import { colorOf } from './color.js';
import { stamp } from './rle.js';

const MAX_SIDE = 1600; // of the layer; more would not be seen, and takes time to colour
const FILL_ALPHA = 190; // of 255, under an opacity that is slid
const OUTLINE_ALPHA = 255;

/** Which of several masks every pixel belongs to. */
export class MaskMap {
  #ids;
  #width;
  #height;

  /**
   * @param {readonly import('./answers.js').RunLengths[]} masks A later one lies over an earlier one.
   * @param {import('./answers.js').Size} size Of all masks.
   */
  constructor(masks, { width, height }) {
    const whole = new Uint16Array(width * height);
    masks.forEach((mask, index) => stamp(mask, whole, index + 1));
    const step = Math.max(1, Math.max(width, height) / MAX_SIDE);
    this.#width = Math.floor(width / step);
    this.#height = Math.floor(height / step);
    this.#ids = step === 1 ? whole : this.#sampled(whole, width, step);
  }

  /**
   * Return a picture of the masks, with outlines, transparent elsewhere.
   *
   * @param {readonly (number | null)[]} colorIds Of each mask, null for one that is not shown.
   */
  layer(colorIds) {
    const canvas = new OffscreenCanvas(this.#width, this.#height);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
    const image = context.createImageData(this.#width, this.#height);
    const colors = colorIds.map((id) => (id === null ? null : colorOf(id)));
    for (let index = 0; index < this.#ids.length; index += 1) {
      const color = colors[this.#ids[index] - 1];
      if (!color) continue;
      image.data.set(color, 4 * index);
      image.data[4 * index + 3] = this.#isInside(index) ? FILL_ALPHA : OUTLINE_ALPHA;
    }
    context.putImageData(image, 0, 0);
    return canvas;
  }

  /**
   * @param {Uint16Array} whole
   * @param {number} width
   * @param {number} step Pixels of the whole for each that is kept.
   */
  #sampled(whole, width, step) {
    const ids = new Uint16Array(this.#width * this.#height);
    for (let index = 0; index < ids.length; index += 1) {
      const x = index % this.#width;
      const y = (index - x) / this.#width;
      ids[index] = whole[Math.floor(y * step) * width + Math.floor(x * step)];
    }
    return ids;
  }

  /** @param {number} index Of a pixel; beyond the edge, all is like it. */
  #isInside(index) {
    const ids = this.#ids;
    const width = this.#width;
    const id = ids[index];
    const x = index % width;
    return (
      (x === 0 || ids[index - 1] === id) &&
      (x === width - 1 || ids[index + 1] === id) &&
      (index < width || ids[index - width] === id) &&
      (index + width >= ids.length || ids[index + width] === id)
    );
  }
}
