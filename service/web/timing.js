/** Where the time of a request went. */

import { el } from './dom.js';

/** @type {Record<string, string>} */
const TITLES = {
  decode: 'Decode',
  preprocess: 'Preprocess',
  queue: 'Queue',
  infer: 'Network',
  postprocess: 'Postprocess',
  render: 'Render',
  paint: 'Paint',
  transfer: 'Transfer',
};

/**
 * Return a bar of the stages that a request went through, and their times as text.
 *
 * @param {import('./connection.js').Meta} meta
 */
export function timingBar({ timings, elapsedMs, requestId }) {
  const inServer = timings.reduce((sum, stage) => sum + stage.ms, 0);
  const transfer = { name: 'transfer', ms: Math.max(0, elapsedMs - inServer) };
  const stages = [...timings, transfer];
  const bar = el('div', { className: 'timing-bar', 'aria-hidden': 'true' });
  const list = el('dl', { className: 'timing-list' });
  for (const { name, ms } of stages) {
    const part = el('span', { className: `stage-${name}` });
    part.style.flexGrow = String(ms);
    bar.append(part);
    const key = el('span', { className: `key stage-${name}`, 'aria-hidden': 'true' });
    const title = el('dt', {}, key, TITLES[name] ?? name);
    list.append(el('div', {}, title, el('dd', {}, milliseconds(ms))));
  }
  const total = el('p', { className: 'facts' }, `${milliseconds(elapsedMs)} in all`);
  if (requestId) total.append(' · request ', el('code', {}, requestId));
  return el('div', {}, bar, list, total);
}

/** @param {number} ms */
function milliseconds(ms) {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}
