/** What a model is, whose it is, and what it runs on. */

import { el } from './dom.js';

/** @type {Record<string, string>} */
const DEVICES = {
  CPUExecutionProvider: 'CPU',
  CUDAExecutionProvider: 'CUDA',
  TensorrtExecutionProvider: 'TensorRT',
};

const DIGEST = /\b([0-9a-f]{12})[0-9a-f]{28,}\b/g; // of a commit or a file; its beginning will do

/** @param {string} provider As onnxruntime names it. */
export function deviceOf(provider) {
  return DEVICES[provider] ?? provider;
}

/**
 * Return what is known of a model; what has to be read out of its graph follows when it is there.
 *
 * @param {import('./answers.js').ModelRow} model
 * @param {Promise<import('./answers.js').ModelDetail>} detail
 */
export function modelCard(model, detail) {
  const threads = `${model.instances} at once, ${model.threads} thread${model.threads > 1 ? 's' : ''} each`;
  const facts = el(
    'dl',
    { className: 'facts-list' },
    ...fact('Licence', model.license),
    ...fact('Source', model.source.replace(DIGEST, '$1…')),
    ...fact('Runs on', `${deviceOf(model.provider)}, ${threads}`),
  );
  const card = el(
    'div',
    { className: 'model-card' },
    el('h3', {}, model.name),
    el('p', {}, model.description),
    facts,
  );
  if (model.state !== 'ready') {
    card.append(el('p', { className: 'notice problem' }, `Out of service: ${model.reason}`));
  }
  detail.then(
    (known) => facts.append(...graphFacts(known)),
    () => {}, // the card is complete enough without
  );
  return card;
}

/** @param {import('./answers.js').ModelDetail} detail */
function graphFacts({ manifest, totals }) {
  const size = manifest.input?.size;
  const rows = size ? fact('Input', `${size[1]} × ${size[0]} pixels`) : [];
  rows.push(...fact('Parameters', short(totals.parameters)));
  if (totals.multiply_adds) rows.push(...fact('Multiply-adds', short(totals.multiply_adds)));
  return rows;
}

/**
 * @param {string} name
 * @param {string} value
 */
function fact(name, value) {
  return [el('dt', {}, name), el('dd', {}, value)];
}

/** @param {number} count */
function short(count) {
  const format = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
  return format.format(count);
}
