/** The places of a tab: the picture, the answer beside it, and the small print below. */

import { el, freshId } from './dom.js';

/**
 * Return a titled box.
 *
 * @param {string} title
 * @param {...(Node | string)} children
 */
export function card(title, ...children) {
  const id = freshId('card');
  const heading = el('h2', { id }, title);
  return el('section', { className: 'card', 'aria-labelledby': id }, heading, ...children);
}

/**
 * Fill a tab's panel.
 *
 * @param {HTMLElement} section
 * @param {{stage: Node[], side: Node[], below: Node[]}} places
 */
export function fill(section, { stage, side, below }) {
  section.append(
    el('div', { className: 'area-stage' }, ...stage),
    el('div', { className: 'area-side' }, ...side),
    el('div', { className: 'area-below' }, ...below),
  );
}

/**
 * Return a line that screen readers say whenever it changes.
 *
 * @param {string} text
 */
export function statusLine(text) {
  return el('p', { role: 'status', className: 'status' }, text);
}
