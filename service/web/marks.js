/** Boxes, captions and points, drawn on a canvas. */

import { cssColor, inkOn } from './color.js';

const FONT = '600 12px Inter, system-ui, sans-serif';
const CAPTION_HEIGHT = 19;

/**
 * @typedef {object} Mark
 * @property {import('./answers.js').Box} box Pixels of the picture.
 * @property {string} caption Empty for none.
 * @property {number} classId Decides the colour.
 * @property {readonly import('./answers.js').Point[]} [points] Pixels of the picture.
 */

/**
 * Draw marks, the best ones last and so on top.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {import('./stage.js').View} view
 * @param {readonly Mark[]} marks Best first.
 * @param {Mark | null} [chosen] The others step back.
 */
export function drawMarks(context, view, marks, chosen = null) {
  const order = marks.toReversed();
  const places = placesOfCaptions(context, view, marks);
  for (const mark of order) {
    context.globalAlpha = chosen === null || mark === chosen ? 1 : 0.3;
    drawBox(context, view, mark);
  }
  for (const mark of order) {
    context.globalAlpha = chosen === null || mark === chosen ? 1 : 0.15;
    const place = places.get(mark);
    if (place) drawCaption(context, place, mark);
  }
  context.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import('./stage.js').View} view
 * @param {Mark} mark
 */
function drawBox(context, { scale }, { box, classId, points = [] }) {
  const [x, y, width, height] = [box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1].map(
    (value) => value * scale,
  );
  context.lineJoin = 'round';
  for (const [lineWidth, color] of /** @type {const} */ ([
    [4, '#0006'], // so that the line is seen on a ground of its own colour
    [2, cssColor(classId)],
  ])) {
    context.lineWidth = lineWidth;
    context.strokeStyle = color;
    context.strokeRect(x, y, width, height);
  }
  const radius = Math.min(2, Math.max(0.8, width / 60));
  context.fillStyle = cssColor(classId + 1);
  for (const [px, py] of points) {
    context.beginPath();
    context.arc(px * scale, py * scale, radius, 0, 2 * Math.PI);
    context.fill();
  }
}

/** @typedef {{x: number, y: number, width: number}} Place Of a caption, CSS pixels. */

/**
 * Return where captions go: at their boxes, and clear of those of better marks if that can be.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {import('./stage.js').View} view
 * @param {readonly Mark[]} marks Best first.
 */
function placesOfCaptions(context, { scale, width: room, height }, marks) {
  context.font = FONT;
  /** @type {Map<Mark, Place>} */
  const places = new Map();
  for (const mark of marks) {
    if (!mark.caption) continue;
    const { box } = mark;
    const width = context.measureText(mark.caption).width + 10;
    const x = Math.max(0, Math.min(box.x1 * scale - 1, room - width));
    const [top, bottom] = [box.y1 * scale, box.y2 * scale];
    const rows = [top - CAPTION_HEIGHT, top + 1, bottom - CAPTION_HEIGHT - 1, bottom].filter(
      (y) => y >= 0 && y + CAPTION_HEIGHT <= height,
    );
    const isClear = (/** @type {number} */ y) =>
      [...places.values()].every(
        (other) =>
          Math.abs(other.y - y) >= CAPTION_HEIGHT ||
          other.x >= x + width ||
          x >= other.x + other.width,
      );
    places.set(mark, { x, y: rows.find(isClear) ?? rows[0] ?? top + 1, width });
  }
  return places;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Place} place
 * @param {Mark} mark
 */
function drawCaption(context, { x, y, width }, { caption, classId }) {
  context.fillStyle = cssColor(classId);
  context.beginPath();
  context.roundRect(x, y, width, CAPTION_HEIGHT, 3);
  context.fill();
  context.fillStyle = inkOn(classId);
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  context.fillText(caption, x + 5, y + CAPTION_HEIGHT / 2 + 0.5);
}

/**
 * Return the smallest mark around a point, or null.
 *
 * @template {Mark} T
 * @param {readonly T[]} marks
 * @param {import('./answers.js').Point} point Pixels of the picture.
 * @returns {T | null}
 */
export function markAt(marks, [x, y]) {
  const around = marks.filter(
    ({ box }) => box.x1 <= x && x <= box.x2 && box.y1 <= y && y <= box.y2,
  );
  return around.sort((one, other) => areaOf(one) - areaOf(other))[0] ?? null;
}

/** @param {Mark} mark */
function areaOf({ box }) {
  return (box.x2 - box.x1) * (box.y2 - box.y1);
}
