/** Settings that are slid or picked. */

import { el, freshId } from './dom.js';

/**
 * @typedef {object} SliderSpec
 * @property {string} label
 * @property {number} min
 * @property {number} max
 * @property {number} step
 * @property {number} value
 * @property {(value: number) => string} [format] How a value is written beside the slider.
 * @property {() => void} oninput Called for every step while it is slid.
 */

export class Slider {
  #input;
  #output;
  #format;

  /** @param {SliderSpec} spec */
  constructor({ label, format = String, oninput, ...range }) {
    const id = freshId('slider');
    this.#format = format;
    this.#input = el('input', { id, type: 'range' });
    this.#output = el('output', { htmlFor: id });
    const head = el('div', { className: 'setting-head' }, el('label', { htmlFor: id }, label));
    head.append(this.#output);
    this.root = el('div', { className: 'setting' }, head, this.#input);
    this.limit(range);
    this.#input.addEventListener('input', () => {
      this.#write();
      oninput();
    });
  }

  get value() {
    return this.#input.valueAsNumber;
  }

  /**
   * Set the range and the value.
   *
   * @param {{min: number, max: number, step: number, value: number}} range
   */
  limit({ min, max, step, value }) {
    // In this order: the browser keeps a value within the limits that it knows.
    Object.assign(this.#input, { min: String(min), max: String(max), step: String(step) });
    this.set(value);
  }

  /** @param {number} value */
  set(value) {
    this.#input.value = String(value);
    this.#write();
  }

  #write() {
    this.#output.value = this.#format(this.value);
    this.#input.setAttribute('aria-valuetext', this.#output.value);
  }
}

/**
 * @typedef {object} ChoiceSpec
 * @property {string} label
 * @property {[value: string, text: string][]} options
 * @property {() => void} onchange
 */

export class Choice {
  #select;

  /** @param {ChoiceSpec} spec */
  constructor({ label, options, onchange }) {
    const id = freshId('choice');
    this.#select = el('select', { id, onchange });
    const head = el('div', { className: 'setting-head' }, el('label', { htmlFor: id }, label));
    this.root = el('div', { className: 'setting' }, head, this.#select);
    this.offer(options);
  }

  get value() {
    return this.#select.value;
  }

  get values() {
    return [...this.#select.options].map(({ value }) => value);
  }

  /** @param {string} value */
  choose(value) {
    this.#select.value = value;
  }

  /** @param {[value: string, text: string][]} options */
  offer(options) {
    this.#select.replaceChildren(...options.map(([value, text]) => el('option', { value }, text)));
  }
}

/**
 * @typedef {object} SegmentedSpec
 * @property {string} label
 * @property {[value: string, text: string][]} options The first one is chosen.
 * @property {(value: string) => void} onchange
 */

/** A few choices that are all in sight. */
export class Segmented {
  /** @type {HTMLInputElement[]} */
  #inputs;

  /** @param {SegmentedSpec} spec */
  constructor({ label, options, onchange }) {
    const name = freshId('segment');
    this.#inputs = options.map(([value], index) =>
      el('input', {
        type: 'radio',
        name,
        value,
        checked: index === 0,
        onchange: () => onchange(value),
      }),
    );
    const labels = options.map(([, text], index) =>
      el('label', {}, this.#inputs[index], el('span', {}, text)),
    );
    this.root = el('fieldset', { className: 'segmented' });
    this.root.append(el('legend', { className: 'unseen' }, label), ...labels);
  }

  get value() {
    return this.#inputs.find(({ checked }) => checked)?.value ?? '';
  }

  /** @param {string} value */
  choose(value) {
    for (const input of this.#inputs) input.checked = input.value === value;
  }
}

/**
 * @typedef {object} SwitchSpec
 * @property {string} label
 * @property {boolean} checked
 * @property {() => void} onchange
 */

export class Switch {
  #input;

  /** @param {SwitchSpec} spec */
  constructor({ label, checked, onchange }) {
    this.#input = el('input', { type: 'checkbox', role: 'switch', checked, onchange });
    this.root = el('label', { className: 'setting switch' }, el('span', {}, label), this.#input);
  }

  get on() {
    return this.#input.checked;
  }
}

/** @param {number} share 0..1 */
export function percent(share) {
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)}\u00a0%`;
}
