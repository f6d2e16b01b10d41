/** What may be chosen for a painting. */

import { el, freshId } from './dom.js';
import { Segmented, Slider, Switch, percent } from './settings.js';
import { Well } from './well.js';

const PRESETS = 26;
const INSTALL = 'run `chiasm models pull --all` and start the server again.';
const MISSING = {
  presets: `The network with the painted styles is not installed: ${INSTALL}`,
  pictures: `The networks that take a style from a picture are not installed: ${INSTALL}`,
  optimize: `The network that optimising needs is not installed: ${INSTALL}`,
};

export class StyleSettings {
  /** @type {import('./picture.js').Picture | null} */
  #picture = null;
  #onchange;
  #method = new Segmented({
    label: 'Method',
    options: [
      ['fast', 'Fast'],
      ['optimize', 'Optimise'],
    ],
    onchange: () => this.#arrange(),
  });
  #source = new Segmented({
    label: 'Style from',
    options: [
      ['preset', 'Painted styles'],
      ['picture', 'A picture'],
    ],
    onchange: () => this.#arrange(),
  });
  #notice = el('p', { className: 'notice' });
  #presets = presetGrid(() => this.#onchange());
  #strength = this.#slider('Strength', { min: 0, max: 1, step: 0.05, value: 1 }, percent);
  #color = new Switch({
    label: 'Keep the colours of the original',
    checked: false,
    onchange: () => this.#onchange(),
  });
  #steps = this.#slider('Steps', { min: 10, max: 400, step: 10, value: 120 });
  #size = this.#slider(
    'Longer side',
    { min: 128, max: 512, step: 32, value: 320 },
    (v) => `${v} px`,
  );
  // Weights matter by their ratio, so the sliders are logarithmic.
  #content = this.#slider('Content weight', { min: -1, max: 2, step: 0.1, value: 0 }, weight);
  #style = this.#slider('Style weight', { min: 0, max: 3, step: 0.1, value: 1.7 }, weight);
  #seed = this.#slider('Seed', { min: 0, max: 99, step: 1, value: 0 });
  #has;

  /**
   * @param {import('./server.js').Server} server
   * @param {() => void} onchange
   */
  constructor(server, onchange) {
    this.#onchange = onchange;
    const installed = (/** @type {string} */ task) => server.of(task).length > 0;
    this.#has = {
      presets: installed('style-presets'),
      pictures: installed('style-encode') && installed('style-transform'),
      optimize: installed('style-optimize'),
    };
    this.well = new Well({
      label: 'Style',
      samples: ['night', 'glass', 'coffee'],
      small: true,
      highest: 190,
      onpicture: (picture) => {
        this.#picture = picture;
        this.well.show(picture);
        this.#onchange();
      },
    });
    const heads = [this.#method.root, this.#source.root];
    const fast = [this.#strength.root, this.#color.root];
    this.root = el('div', { className: 'settings' }, ...heads, this.#notice, this.#presets.root);
    this.root.append(this.well.root, ...fast, ...this.#optimizing.map(({ root }) => root));
    this.#arrange();
  }

  /** Why nothing can be painted as things are; empty if it can. */
  get obstacle() {
    const { optimize, pictures, presets } = this.#has;
    if (this.#optimizes) return optimize ? this.#wanting : MISSING.optimize;
    if (this.#usesPreset) return presets ? '' : MISSING.presets;
    return pictures ? this.#wanting : MISSING.pictures;
  }

  /** The picture whose style is used; undefined for a preset. */
  get picture() {
    return this.#usesPreset ? undefined : (this.#picture ?? undefined);
  }

  /** @returns {import('./connection.js').Options} */
  get query() {
    if (this.#optimizes) {
      return {
        method: 'optimize',
        content_weight: exact(this.#content.value),
        style_weight: exact(this.#style.value),
        steps: this.#steps.value,
        size: this.#size.value,
        seed: this.#seed.value || undefined,
      };
    }
    const { value } = this.#strength;
    return {
      method: 'fast',
      preset: this.#usesPreset ? this.#presets.value : undefined,
      strength: value === 1 ? undefined : value,
      preserve_color: this.#color.on || undefined,
    };
  }

  get #wanting() {
    return this.#picture === null ? 'Choose a picture with a style.' : '';
  }

  get #optimizes() {
    return this.#method.value === 'optimize';
  }

  get #usesPreset() {
    return !this.#optimizes && this.#source.value === 'preset';
  }

  get #optimizing() {
    return [this.#steps, this.#size, this.#content, this.#style, this.#seed];
  }

  /** Show what the method and the source leave to choose. */
  #arrange() {
    const optimizes = this.#optimizes;
    const preset = this.#usesPreset;
    this.#source.root.hidden = optimizes;
    this.#presets.root.hidden = !preset;
    this.well.root.hidden = preset;
    this.#strength.root.hidden = this.#color.root.hidden = optimizes;
    for (const { root } of this.#optimizing) root.hidden = !optimizes;
    const { obstacle } = this;
    this.#notice.textContent = obstacle;
    this.#notice.hidden = obstacle === '' || obstacle === this.#wanting;
    this.#onchange();
  }

  /**
   * @param {string} label
   * @param {{min: number, max: number, step: number, value: number}} range
   * @param {(value: number) => string} [format]
   */
  #slider(label, range, format) {
    return new Slider({ label, ...range, format, oninput: () => this.#onchange() });
  }
}

/** @param {number} exponent */
function exact(exponent) {
  return Number((10 ** exponent).toPrecision(2));
}

/** @param {number} exponent */
function weight(exponent) {
  return String(exact(exponent));
}

/**
 * Return the painted styles to choose from, each shown on the same picture.
 *
 * @param {() => void} onchange
 */
function presetGrid(onchange) {
  const name = freshId('preset');
  const inputs = Array.from({ length: PRESETS }, (_, index) => {
    const input = el('input', { type: 'radio', name, value: String(index), onchange });
    input.setAttribute('aria-label', `Style ${index}`);
    input.checked = index === 0;
    return input;
  });
  const labels = inputs.map((input, index) => {
    const sight = el('span', {});
    sight.style.setProperty('--index', String(index));
    return el('label', { title: `Style ${index}` }, input, sight);
  });
  const root = el('fieldset', { className: 'presets' });
  root.append(el('legend', { className: 'unseen' }, 'Painted style'), ...labels);
  return {
    root,
    get value() {
      return inputs.find(({ checked }) => checked)?.value ?? '0';
    },
  };
}
