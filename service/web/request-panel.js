/** “Copy as”: the request that is shown, for a shell, a browser or a program. */

import { el } from './dom.js';
import { Segmented } from './settings.js';
import { LANGUAGES } from './snippets.js';

const SAID_FOR_MS = 1600;

export class RequestPanel {
  /** @type {import('./snippets.js').Shown | null} */
  #request = null;
  #code = el('code', {});
  #said = el('span', { role: 'status', className: 'said' });
  #language = new Segmented({
    label: 'Copy as',
    options: Object.keys(LANGUAGES).map((name) => [name, name]),
    onchange: () => this.#write(),
  });

  constructor() {
    const copy = el('button', { type: 'button', onclick: () => this.#copy() }, 'Copy');
    const head = el('div', { className: 'buttons' }, this.#language.root, copy, this.#said);
    this.root = el('div', {}, head, el('pre', {}, this.#code));
  }

  /** @param {import('./snippets.js').Shown} request */
  show(request) {
    this.#request = request;
    this.#write();
  }

  #write() {
    if (this.#request === null) return;
    this.#code.textContent = LANGUAGES[this.#language.value](this.#request);
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.#code.textContent ?? '');
      this.#said.textContent = 'Copied';
    } catch {
      this.#said.textContent = 'Select the text and copy it'; // the browser did not allow it
    }
    setTimeout(() => (this.#said.textContent = ''), SAID_FOR_MS);
  }
}
