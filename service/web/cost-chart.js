/** How the cost of a picture falls while it is painted. */

import { el, svg } from './dom.js';

/** @typedef {import('./answers.js').StyleCosts} StyleCosts */

const WIDTH = 320;
const HEIGHT = 96;

export class CostChart {
  /** @type {Map<number, StyleCosts>} */
  #rows = new Map();
  #line = svg('polyline', { class: 'cost-line', 'vector-effect': 'non-scaling-stroke' });
  #text = el('p', { className: 'facts' });

  constructor() {
    const plot = svg(
      'svg',
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      this.#line,
    );
    this.root = el('figure', { className: 'cost', hidden: true }, plot, this.#text);
  }

  clear() {
    this.#rows.clear();
    this.root.hidden = true;
  }

  /**
   * Add steps; one that is painted again, after a restart of the server, replaces what it was.
   *
   * @param {readonly StyleCosts[]} rows
   */
  add(rows) {
    for (const row of rows) this.#rows.set(row.step, row);
    if (this.#rows.size < 2) return;
    const all = [...this.#rows.values()].sort((one, other) => one.step - other.step);
    this.#line.setAttribute('points', polyline(all));
    const [first, last] = [all[0], all[all.length - 1]];
    const fallen = 100 * (1 - last.total / first.total);
    this.#text.textContent =
      `Cost ${short(first.total)} → ${short(last.total)}, ${fallen.toFixed(0)} % less after ` +
      `${last.step} steps: content ${short(last.content)}, style ${short(last.style)}`;
    this.root.hidden = false;
  }
}

/**
 * Return the points of the total cost, logarithmically, as most of it falls in the first steps.
 *
 * @param {readonly StyleCosts[]} rows At least two.
 */
function polyline(rows) {
  const heights = rows.map(({ total }) => Math.log(Math.max(total, Number.MIN_VALUE)));
  const low = Math.min(...heights);
  const range = Math.max(...heights) - low || 1;
  const [from, to] = [rows[0].step, rows[rows.length - 1].step];
  const points = rows.map(({ step }, index) => {
    const x = (WIDTH * (step - from)) / (to - from || 1);
    const y = HEIGHT - 4 - ((HEIGHT - 8) * (heights[index] - low)) / range;
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return points.join(' ');
}

/** @param {number} cost */
function short(cost) {
  return cost.toPrecision(3);
}
