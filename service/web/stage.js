/** A picture on a canvas, as large as it fits, and what was found drawn over it. */

import { el } from './dom.js';

const MAX_HEIGHT = 560; // CSS pixels
const SHARE_OF_WINDOW = 0.62; // so that the answer is seen beside or below the picture
const PIXELATED_FROM = 4; // CSS pixels for each of the picture's, as for digits of 28 x 28

/**
 * @typedef {object} View
 * @property {number} scale CSS pixels for each pixel of the picture.
 * @property {number} width Of the canvas, CSS pixels.
 * @property {number} height
 */

/** @typedef {(context: CanvasRenderingContext2D, view: View) => void} Painter */

export class Stage {
  /** @type {import('./picture.js').Picture | null} */
  #picture = null;
  /** @type {Painter} */
  #overlay = () => {};
  #size = { width: 0, height: 0 };
  #scheduled = false;
  /** @type {HTMLElement | null} */
  #cover = null;
  #frame;
  #highest;

  /**
   * @param {HTMLElement} frame What the canvas has to fit into.
   * @param {number} [highest] CSS pixels.
   */
  constructor(frame, highest = MAX_HEIGHT) {
    this.#frame = frame;
    this.#highest = highest;
    this.canvas = el('canvas', { role: 'img', 'aria-label': 'No picture yet', hidden: true });
    frame.append(this.canvas);
    new ResizeObserver(() => this.redraw()).observe(frame);
  }

  /**
   * Show a picture, without anything over it.
   *
   * @param {import('./picture.js').Picture | null} picture
   */
  show(picture) {
    this.#picture = picture;
    this.#overlay = () => {};
    this.cover(null);
    this.canvas.hidden = picture === null;
    this.describe(picture === null ? 'No picture yet' : `The picture ${picture.name}`);
    this.frame({ width: picture?.width ?? 0, height: picture?.height ?? 0 });
  }

  /**
   * Set the frame of all coordinates: what the server says, whatever the browser made of the file.
   *
   * @param {{width: number, height: number}} size
   */
  frame(size) {
    this.#size = size;
    this.redraw();
  }

  /** @param {Painter} painter Called with a canvas in CSS pixels. */
  overlay(painter) {
    this.#overlay = painter;
    this.redraw();
  }

  /** @param {HTMLElement | null} element Lies exactly over the picture from now on. */
  cover(element) {
    this.#cover?.remove();
    this.#cover = element;
    if (element !== null) this.#frame.append(element);
    this.redraw();
  }

  /** @param {string} text What somebody who does not see the picture is told. */
  describe(text) {
    this.canvas.setAttribute('aria-label', text);
  }

  /**
   * Return where a pointer is, in pixels of the picture.
   *
   * @param {MouseEvent} event
   * @returns {[number, number]}
   */
  locate(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.#size.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  redraw() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#draw();
    });
  }

  #draw() {
    const { width, height } = this.#size;
    const room = this.#frame.clientWidth;
    if (this.#picture === null || width * height * room === 0) return;
    const highest = Math.min(this.#highest, Math.max(240, innerHeight * SHARE_OF_WINDOW));
    const scale = Math.min(room / width, highest / height);
    const view = { scale, width: Math.round(width * scale), height: Math.round(height * scale) };
    const density = devicePixelRatio;
    const { canvas } = this;
    canvas.width = Math.round(view.width * density);
    canvas.height = Math.round(view.height * density);
    for (const element of [canvas, this.#cover]) {
      element?.style.setProperty('width', `${view.width}px`);
      element?.style.setProperty('height', `${view.height}px`);
    }
    const context = canvas.getContext('2d');
    if (context === null) return;
    context.scale(density, density);
    context.imageSmoothingEnabled = scale < PIXELATED_FROM;
    context.imageSmoothingQuality = 'high';
    if (this.#picture.bitmap)
      context.drawImage(this.#picture.bitmap, 0, 0, view.width, view.height);
    else unseen(context, view);
    this.#overlay(context, view);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 */
function unseen(context, { width, height }) {
  context.fillStyle = '#8886';
  context.fillRect(0, 0, width, height);
  context.fillStyle = '#fff';
  context.textAlign = 'center';
  context.font = '14px sans-serif';
  context.fillText('This browser cannot show this format.', width / 2, height / 2);
}
