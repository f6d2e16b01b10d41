/** Before and after, with a line between them that can be moved. */

import { el } from './dom.js';

const START = 0.5;

/**
 * Let people compare the picture of a stage with what became of it.
 *
 * @param {import('./stage.js').Stage} stage
 * @param {ImageBitmap} after
 */
export function compare(stage, after) {
  const slider = el('input', {
    type: 'range',
    min: '0',
    max: '1',
    step: '0.01',
    className: 'compare',
  });
  slider.value = String(START);
  slider.setAttribute('aria-label', 'How much of the original is shown');
  const draw = () => {
    const share = slider.valueAsNumber;
    slider.setAttribute('aria-valuetext', `${Math.round(100 * share)} % original`);
    stage.overlay((context, view) => drawAfter(context, view, after, share));
  };
  slider.addEventListener('input', draw);
  stage.cover(slider);
  draw();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import('./stage.js').View} view
 * @param {ImageBitmap} after
 * @param {number} share Of the width, that stays as it was.
 */
function drawAfter(context, { width, height }, after, share) {
  const line = width * share;
  context.save();
  context.beginPath();
  context.rect(line, 0, width - line, height);
  context.clip();
  context.drawImage(after, 0, 0, width, height);
  context.restore();
  context.shadowColor = '#0008';
  context.shadowBlur = 4;
  context.fillStyle = '#fff';
  context.fillRect(line - 1, 0, 2, height);
  context.beginPath();
  context.arc(line, height / 2, 15, 0, 2 * Math.PI);
  context.fill();
  context.shadowBlur = 0;
  context.strokeStyle = '#333';
  context.lineWidth = 1.8;
  context.lineCap = 'round';
  for (const side of [-1, 1]) {
    context.beginPath();
    context.moveTo(line + side * 4, height / 2 - 5);
    context.lineTo(line + side * 9, height / 2);
    context.lineTo(line + side * 4, height / 2 + 5);
    context.stroke();
  }
}
