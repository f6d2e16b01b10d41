/** Where a picture is put in: dropped, pasted, chosen, taken, or picked from the samples. */

import { hasCamera, takePicture } from './camera.js';
import { el, freshId, icon } from './dom.js';
import { openPicture } from './picture.js';
import { samples } from './samples.js';
import { Stage } from './stage.js';

const hasMouse = matchMedia('(hover: hover)').matches; // a finger has nothing to drop
const INVITATION = hasMouse ? 'Drop a picture here' : 'Choose a picture';
const WAYS = hasMouse
  ? { small: 'drop, paste or choose', large: 'or paste one, choose one, or try a sample' }
  : { small: 'choose or take one', large: 'or take one, or try a sample' };

/**
 * @typedef {object} WellSpec
 * @property {string} label What the picture is to this place, such as `Picture` or `Style`.
 * @property {readonly string[]} samples
 * @property {(picture: import('./picture.js').Picture) => void} onpicture
 * @property {boolean} [small]
 * @property {number} [highest] CSS pixels that the picture may take at most.
 */

export class Well {
  /** @type {HTMLButtonElement[]} */
  #thumbs = [];
  #frame;
  #prompt;
  #complaint = el('p', { className: 'complaint', role: 'alert' });
  #label;
  #onpicture;

  /** @param {WellSpec} spec */
  constructor({ label, samples: names, onpicture, small = false, highest }) {
    this.#label = label;
    this.#onpicture = onpicture;
    this.#prompt = el(
      'p',
      { className: 'prompt' },
      icon('picture'),
      el('strong', {}, small ? label : INVITATION),
      el('span', {}, small ? WAYS.small : WAYS.large),
    );
    this.#frame = el('div', { className: 'frame' }, this.#prompt);
    this.stage = new Stage(this.#frame, highest);
    const kind = small ? 'well small' : 'well';
    this.root = el('div', { className: kind, role: 'group', 'aria-label': label }, this.#frame);
    this.root.append(this.#bar(names), this.#complaint);
    this.#listen();
  }

  /** @param {boolean} busy */
  set busy(busy) {
    this.#frame.classList.toggle('busy', busy);
    this.#frame.setAttribute('aria-busy', String(busy));
  }

  /**
   * Show a picture that came from somewhere else.
   *
   * @param {import('./picture.js').Picture | null} picture
   */
  show(picture) {
    this.#prompt.hidden = picture !== null;
    this.#complaint.textContent = '';
    this.stage.show(picture);
    for (const thumb of this.#thumbs) {
      thumb.setAttribute('aria-pressed', String(thumb.dataset.name === picture?.name));
    }
  }

  /**
   * Take a file in, and tell whoever is interested.
   *
   * @param {Blob} blob
   * @param {string} [name]
   */
  async take(blob, name = blob instanceof File ? blob.name : '') {
    const extension = blob.type.split('/')[1] ?? 'bin';
    this.#onpicture(await openPicture(blob, name || `picture.${extension}`));
  }

  /** @param {DataTransfer | null} transfer Of a drop or a paste. */
  takeFrom(transfer) {
    const file = transfer?.files[0];
    if (file !== undefined) void this.take(file);
    return file !== undefined;
  }

  /** @param {readonly string[]} names */
  #bar(names) {
    const input = el('input', {
      type: 'file',
      accept: 'image/*',
      hidden: true,
      id: freshId('file'),
    });
    input.setAttribute('aria-label', `${this.#label}: file`);
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      if (file !== undefined) void this.take(file);
      input.value = ''; // so that the same file can be chosen again
    });
    const choose = el('button', { type: 'button', onclick: () => input.click() }, icon('folder'));
    choose.append('Choose');
    choose.setAttribute('aria-label', `${this.#label}: choose a file`);
    const bar = el('div', { className: 'bar' }, input, choose);
    if (hasCamera) {
      const camera = el('button', { type: 'button', onclick: () => this.#photograph() });
      camera.append(icon('camera'), 'Camera');
      camera.setAttribute('aria-label', `${this.#label}: use the camera`);
      bar.append(camera);
    }
    this.#thumbs = samples(names).map((sample) => this.#thumb(sample));
    bar.append(el('div', { className: 'thumbs' }, ...this.#thumbs));
    return bar;
  }

  /** @param {import('./samples.js').Sample} sample */
  #thumb({ name, title, url }) {
    const image = el('img', { src: url.href, alt: '', width: 44, height: 44, loading: 'lazy' });
    const button = el('button', { type: 'button', className: 'thumb', title }, image);
    button.dataset.name = name;
    button.setAttribute('aria-label', `Sample: ${title}`);
    button.setAttribute('aria-pressed', 'false');
    button.addEventListener('click', async () => {
      const response = await fetch(url);
      await this.take(await response.blob(), name);
    });
    return button;
  }

  async #photograph() {
    try {
      const blob = await takePicture();
      if (blob !== null) await this.take(blob, 'camera.jpg');
    } catch (error) {
      this.#complaint.textContent = error instanceof Error ? error.message : String(error);
    }
  }

  #listen() {
    const { root } = this;
    const over = (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      root.classList.add('over');
    };
    root.addEventListener('dragover', over);
    root.addEventListener('dragleave', () => root.classList.remove('over'));
    root.addEventListener('drop', (event) => {
      event.preventDefault();
      event.stopPropagation();
      root.classList.remove('over');
      this.takeFrom(event.dataTransfer);
    });
  }
}
