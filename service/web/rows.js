/** What was found, as a table: for people who read, and for those who are read to. */

import { cssColor } from './color.js';
import { el } from './dom.js';
import { percent } from './settings.js';

const SHOWN_AT_FIRST = 12;

/**
 * @typedef {object} Row
 * @property {string} label
 * @property {number} share 0..1, drawn as a bar.
 * @property {number} [colorId] Of the thing's colour in the picture.
 * @property {string} [more] Small print.
 * @property {(entered: boolean) => void} [onpoint] Called when a pointer comes over it or leaves.
 */

/**
 * Return a table of what was found, at first only as much as can be taken in.
 *
 * @param {string} caption
 * @param {[string, string]} heads Of the two columns.
 * @param {readonly Row[]} rows
 */
export function resultTable(caption, heads, rows) {
  const head = el('tr', {}, ...heads.map((text) => el('th', { scope: 'col' }, text)));
  const body = el('tbody', {}, ...rows.slice(0, SHOWN_AT_FIRST).map(tableRow));
  const table = el(
    'table',
    {},
    el('caption', { className: 'unseen' }, caption),
    el('thead', { className: 'unseen' }, head),
    body,
  );
  const rest = rows.slice(SHOWN_AT_FIRST);
  if (rest.length === 0) return table;
  const more = el('button', { type: 'button' }, `Show ${rest.length} more`);
  more.addEventListener('click', () => {
    body.append(...rest.map(tableRow));
    more.remove();
  });
  return el('div', {}, table, more);
}

/** @param {Row} row */
function tableRow({ label, share, colorId, more, onpoint }) {
  const name = el('th', { scope: 'row' });
  if (colorId !== undefined) name.append(swatch(colorId));
  name.append(label);
  if (more) name.append(' ', el('small', {}, more));
  const bar = el('span', { className: 'bar-of-score', 'aria-hidden': 'true' });
  bar.style.setProperty('--share', String(share));
  const row = el(
    'tr',
    {},
    name,
    el('td', {}, bar, el('span', { className: 'score' }, percent(share))),
  );
  if (onpoint) {
    row.addEventListener('pointerenter', () => onpoint(true));
    row.addEventListener('pointerleave', () => onpoint(false));
  }
  return row;
}

/** @param {number} colorId */
export function swatch(colorId) {
  const mark = el('span', { className: 'swatch', 'aria-hidden': 'true' });
  mark.style.setProperty('--color', cssColor(colorId));
  return mark;
}

/**
 * Return a list as people say it: `2 cups, a spoon and a cat` without the grammar.
 *
 * @param {readonly string[]} labels
 */
export function counted(labels) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts]
    .map(([label, count]) => (count > 1 ? `${count} × ${label}` : label))
    .join(', ');
}
