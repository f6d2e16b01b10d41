/** Whether two faces are taken for one person, at a threshold that can be slid. */

import { el } from './dom.js';
import { percent } from './settings.js';

/**
 * @typedef {object} OperatingPoint
 * @property {number} threshold
 * @property {number} false_match_rate
 * @property {number} false_match_rate_high
 * @property {number} false_non_match_rate
 * @property {number} false_non_match_rate_high
 */

const WIDEST = 1.2; // of the scale; encodings of different people seldom lie further apart

/** @type {Record<string, string>} */
const FLAWS = {
  too_small: 'too small',
  blurred: 'blurred',
  cut_off: 'cut off',
  unclear: 'unclear',
};

/**
 * Return what is known of a threshold: between two that were measured, the worse of either's rates.
 *
 * @param {readonly OperatingPoint[]} rows By rising threshold.
 * @param {number} threshold Within the rows.
 * @returns {OperatingPoint}
 */
export function operatingPoint(rows, threshold) {
  const below = rows.findLast((row) => row.threshold <= threshold) ?? rows[0];
  const above = rows.find((row) => row.threshold >= threshold) ?? rows[rows.length - 1];
  return {
    threshold,
    false_match_rate: above.false_match_rate,
    false_match_rate_high: above.false_match_rate_high,
    false_non_match_rate: below.false_non_match_rate,
    false_non_match_rate_high: below.false_non_match_rate_high,
  };
}

/**
 * Return the verdict in a few words, and its kind.
 *
 * @param {import('./answers.js').VerifyAnswer} answer
 * @param {number} threshold
 */
export function verdictOf(answer, threshold) {
  if (answer.verified === null) return { text: 'Cannot be judged', kind: 'open' };
  if (answer.distance <= threshold) return { text: 'The same person', kind: 'yes' };
  return { text: 'Not the same person', kind: 'no' };
}

/**
 * Return what the verdict rests on.
 *
 * @param {import('./answers.js').VerifyAnswer} answer
 * @param {OperatingPoint} point
 */
export function evidence(answer, point) {
  const { calibration } = answer;
  return el(
    'div',
    { className: 'evidence' },
    el('p', {}, reason(answer, point.threshold)),
    scale(answer.distance, point.threshold),
    el(
      'p',
      { className: 'facts' },
      `At this threshold ${rate(point.false_match_rate, point.false_match_rate_high)} of pairs of ` +
        `different people were taken for one, and ` +
        `${rate(point.false_non_match_rate, point.false_non_match_rate_high)} of pairs of one ` +
        `person were missed. Measured on ${calibration.data}.`,
    ),
  );
}

/**
 * @param {import('./answers.js').VerifyAnswer} answer
 * @param {number} threshold
 */
function reason({ verified, distance, faces }, threshold) {
  if (verified === null) {
    const flaws = faces.flatMap(({ picture, quality }) =>
      (quality?.flaws ?? []).map((flaw) => {
        const which = picture === 'image1' ? 'first' : 'second';
        return `the ${which} face is ${FLAWS[flaw] ?? flaw}`;
      }),
    );
    return `Because ${flaws.join(' and ')}.`;
  }
  const side = distance <= threshold ? 'within' : 'beyond';
  return `Their distance is ${distance.toFixed(3)}, ${side} the threshold of ${threshold.toFixed(3)}.`;
}

/**
 * @param {number} distance
 * @param {number} threshold
 */
function scale(distance, threshold) {
  const track = el('div', { className: 'scale', 'aria-hidden': 'true' });
  track.style.setProperty('--threshold', String(Math.min(1, threshold / WIDEST)));
  track.style.setProperty('--distance', String(Math.min(1, distance / WIDEST)));
  const marks = [el('span', { className: 'scale-limit' }), el('span', { className: 'scale-mark' })];
  track.append(...marks);
  const ends = el('div', { className: 'scale-ends', 'aria-hidden': 'true' });
  ends.append(el('span', {}, 'alike'), el('span', {}, 'different'));
  return el('div', {}, track, ends);
}

/**
 * @param {number} counted
 * @param {number} high Upper confidence bound.
 */
function rate(counted, high) {
  return `${percent(counted)} (at most ${percent(high)})`;
}
