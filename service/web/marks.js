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
  for (const mark of order) {
    context.globalAlpha = chosen === null || mark === chosen ? 1 : 0.3;
    drawBox(context, view, mark);
  }
  for (const mark of order) {
    context.globalAlpha = chosen === null || mark === chosen ? 1 : 0.15;
    if (mark.caption) drawCaption(context, view, mark);
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

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import('./stage.js').View} view
 * @param {Mark} mark
 */
function drawCaption(context, { scale, width: room }, { box, caption, classId }) {
  context.font = FONT;
  const width = context.measureText(caption).width + 10;
  const above = box.y1 * scale - CAPTION_HEIGHT;
  const x = Math.max(0, Math.min(box.x1 * scale - 1, room - width));
  const y = above >= 0 ? above : box.y1 * scale + 1;
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
