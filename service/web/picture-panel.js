/** A tab that asks one question about one picture; what the question is, its subclasses say. */

import { el } from './dom.js';
import { card, fill, statusLine } from './layout.js';
import { modelCard } from './model-card.js';
import { problemBox } from './problem.js';
import { RequestPanel } from './request-panel.js';
import { Choice } from './settings.js';
import { timingBar } from './timing.js';
import { Well } from './well.js';
import { Work } from './work.js';

/** @typedef {import('./connection.js').Options} Options */

/**
 * @typedef {object} Question
 * @property {'classify' | 'detect' | 'segment'} path
 * @property {string} task Of the models that answer it.
 * @property {readonly string[]} samples
 * @property {string} missing What is said where no such model is installed.
 */

/** @template {{image: import('./answers.js').Size, meta: import('./connection.js').Meta}} T */
export class PicturePanel {
  /** @type {T | null} */
  answer = null;
  results = el('div', { className: 'results' });
  settings = el('div', { className: 'settings' });
  #status = statusLine('Choose a picture, and the answer appears here.');
  #cancel = el('button', { type: 'button', className: 'cancel', hidden: true }, 'Cancel');
  #timing = card('Time');
  #request = new RequestPanel();
  #requestCard = card('Request', this.#request.root);
  #model = card('Model');
  /** @type {import('./picture.js').Picture | null} */
  #asked = null;
  #introduced = false; // reading a graph is work for the server: nobody asks before it is seen
  #work = new Work((busy) => this.#busy(busy));

  /**
   * @param {HTMLElement} section
   * @param {import('./server.js').Server} server
   * @param {import('./picture.js').Subject} subject
   * @param {Question} question
   */
  constructor(section, server, subject, question) {
    this.section = section;
    this.server = server;
    this.subject = subject;
    this.question = question;
    this.well = new Well({
      label: 'Picture',
      samples: question.samples,
      onpicture: (picture) => (subject.picture = picture),
    });
    const models = server.of(question.task);
    this.model = new Choice({
      label: 'Model',
      options: models.map(({ name }) => [name, name]),
      onchange: () => {
        this.introduce();
        void this.ask();
      },
    });
    this.model.root.hidden = models.length < 2;
    this.settings.append(this.model.root);
    this.#cancel.addEventListener('click', () => this.#work.abort());
    section.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#work.abort();
    });
    const head = el('div', { className: 'status-row' }, this.#status, this.#cancel);
    fill(section, {
      stage: [this.well.root],
      side: [card('Answer', head, this.results), card('Settings', this.settings), this.#model],
      below: [this.#timing, this.#requestCard],
    });
    this.#timing.hidden = this.#requestCard.hidden = true;
    if (models.length === 0) this.#refuse();
    subject.addEventListener('change', () => this.#changed());
  }

  /**
   * What the server is asked: enough for every setting that is only about showing.
   *
   * @returns {Options}
   */
  query() {
    return {};
  }

  /**
   * What the server would have to be asked to answer just what is shown.
   *
   * @returns {Options}
   */
  shownQuery() {
    return this.query();
  }

  /** The media type that the request has to name; empty where the answer is JSON without it. */
  get accept() {
    return '';
  }

  /** Show the answer as the settings say. */
  present() {}

  /** There is another model; also called when the tab is opened for the first time. */
  introduce() {
    const model = this.server.models.find(({ name }) => name === this.model.value);
    if (model === undefined) return;
    const heading = /** @type {Node} */ (this.#model.firstChild);
    this.#model.replaceChildren(heading, modelCard(model, this.server.detail(model.name)));
  }

  /** The model to name in a query; the default one needs no name. */
  get modelOption() {
    return this.model.value === this.model.values[0] ? undefined : this.model.value;
  }

  /** @param {string} name Of the model to ask from now on, if it is there. */
  choose(name) {
    if (!this.model.values.includes(name) || this.model.value === name) return;
    this.model.choose(name);
    this.introduce();
  }

  /** @param {string} text */
  say(text) {
    this.#status.textContent = text;
    this.well.stage.describe(`${this.subject.picture?.name}: ${text}`);
  }

  /** The tab was opened. */
  open() {
    const { picture } = this.subject;
    if (!this.#introduced) this.introduce();
    this.#introduced = true;
    if (picture === this.#asked) return;
    if (picture !== null) this.suit(picture);
    void this.ask();
  }

  /**
   * There is another picture: choose the model that it is for, if there is one.
   *
   * @param {import('./picture.js').Picture} _picture
   */
  suit(_picture) {}

  /** @param {DataTransfer | null} transfer Of a drop or paste anywhere on the page. */
  welcome(transfer) {
    return this.well.takeFrom(transfer);
  }

  /** Ask the server about the picture, as the settings say. */
  async ask() {
    const { picture } = this.subject;
    if (picture === null || this.model.value === '') return;
    this.#asked = picture;
    const { path } = this.question;
    const query = { model: this.modelOption, ...this.query() };
    await this.#work.start(
      (signal) =>
        this.server.ask(
          (client) => /** @type {Promise<any>} */ (client[path](picture.blob, query, { signal })),
        ),
      (answer) => this.#answered(answer),
      (error) => this.#failed(error),
    );
  }

  /** Show the answer again, after a setting has changed that is only about showing. */
  refresh() {
    const { picture } = this.subject;
    if (this.answer === null || picture === null) return;
    this.present();
    const query = { model: this.modelOption, ...this.shownQuery() };
    this.#request.show({
      url: this.server.client.address(this.question.path, query),
      files: [{ part: null, file: picture.name }],
      key: this.server.keyed,
      accept: this.accept,
    });
  }

  /** @param {T} answer */
  #answered(answer) {
    this.answer = answer;
    this.well.stage.frame(answer.image);
    this.#timing.replaceChildren(
      /** @type {Node} */ (this.#timing.firstChild),
      timingBar(answer.meta),
    );
    this.#timing.hidden = this.#requestCard.hidden = false;
    this.refresh();
  }

  /** @param {unknown} error */
  #failed(error) {
    this.#clear();
    this.results.replaceChildren(problemBox(error, () => void this.ask()));
  }

  #changed() {
    this.well.show(this.subject.picture);
    this.#clear();
    if (!this.section.hidden) this.open();
  }

  #clear() {
    this.answer = null;
    this.#asked = null;
    this.well.stage.overlay(() => {});
    this.results.replaceChildren();
    this.#timing.hidden = this.#requestCard.hidden = true;
    const waiting = 'Choose a picture, and the answer appears here.';
    this.#status.textContent = this.subject.picture === null ? waiting : '';
  }

  /** @param {boolean} busy */
  #busy(busy) {
    this.well.busy = busy;
    this.#cancel.hidden = !busy;
    this.section.classList.toggle('asking', busy);
    if (busy) this.#status.textContent = 'Asking the server…';
  }

  #refuse() {
    this.#status.textContent = '';
    this.#model.hidden = true;
    this.settings.parentElement?.setAttribute('hidden', '');
    this.results.replaceChildren(el('p', { className: 'notice' }, this.question.missing));
  }
}
