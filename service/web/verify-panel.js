/** The tab that finds faces, and says whether two pictures show one person. */

import { el } from './dom.js';
import { FaceSlot } from './face-slot.js';
import { card, fill, statusLine } from './layout.js';
import { modelCard } from './model-card.js';
import { problemBox } from './problem.js';
import { RequestPanel } from './request-panel.js';
import { Choice, Slider, Switch } from './settings.js';
import { timingBar } from './timing.js';
import { evidence, operatingPoint, verdictOf } from './verdict.js';
import { Work } from './work.js';

const SAMPLES = ['astronaut', 'astronaut-changed', 'cat'];
const WAITING = 'Choose two pictures with a face each.';
const NEEDED = ['face-detect', 'face-landmarks', 'face-embed'];
const MISSING =
  'The networks for faces are not all installed: run `chiasm models pull --all` and start the ' +
  'server again.';

/** @typedef {import('./verdict.js').OperatingPoint} OperatingPoint */
/** @typedef {{default_threshold: number, rows: OperatingPoint[]}} Curve */

export class VerifyPanel {
  /** @type {import('./connection.js').Answer<import('./answers.js').VerifyAnswer> | null} */
  #answer = null;
  /** @type {Record<string, Curve | undefined>} */
  #calibration = {};
  #server;
  #introduce = () => {};
  #status = statusLine(WAITING);
  #results = el('div', { className: 'results' });
  #cancel = el('button', { type: 'button', className: 'cancel', hidden: true }, 'Cancel');
  #timing = card('Time');
  #request = new RequestPanel();
  #requestCard = card('Request', this.#request.root);
  #work = new Work((busy) => this.#busy(busy));
  #threshold = new Slider({
    label: 'Largest distance of a match',
    ...{ min: 0.3, max: 0.7, step: 0.005, value: 0.6 },
    format: (value) => value.toFixed(3),
    oninput: () => this.#present(),
  });
  #faces = new Choice({
    label: 'In a picture with several faces',
    options: [
      ['only', 'refuse'],
      ['largest', 'take the largest'],
    ],
    onchange: () => void this.#ask(),
  });
  #accurate = new Switch({
    label: 'Look at the mirror images too',
    checked: false,
    onchange: () => {
      this.#adopt();
      void this.#ask();
    },
  });

  /**
   * @param {HTMLElement} section
   * @param {import('./server.js').Server} server
   */
  constructor(section, server) {
    this.#server = server;
    const onpicture = () => void this.#ask();
    this.slots = ['First picture', 'Second picture'].map(
      (label) => new FaceSlot({ label, samples: SAMPLES, server, onpicture }),
    );
    const head = el('div', { className: 'status-row' }, this.#status, this.#cancel);
    const settings = card('Settings', this.#threshold.root, this.#faces.root, this.#accurate.root);
    const model = card('Model');
    fill(section, {
      stage: [el('div', { className: 'pair' }, ...this.slots.map((slot) => slot.root))],
      side: [card('Answer', head, this.#results), settings, model],
      below: [this.#timing, this.#requestCard],
    });
    this.#timing.hidden = this.#requestCard.hidden = true;
    this.#cancel.addEventListener('click', () => this.#abort());
    section.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#abort();
    });
    const installed = NEEDED.every((task) => server.of(task).length > 0);
    this.#introduce = installed ? () => this.#know(model) : () => {};
    if (!installed) {
      settings.hidden = model.hidden = true;
      this.#say('');
      this.#results.replaceChildren(el('p', { className: 'notice' }, MISSING));
    }
  }

  open() {
    this.#introduce();
    this.#introduce = () => {};
  }

  /** @param {DataTransfer | null} transfer Goes where there is no picture yet. */
  welcome(transfer) {
    const free = this.slots.find(({ picture }) => picture === null) ?? this.slots[1];
    return free.well.takeFrom(transfer);
  }

  /** @param {HTMLElement} place Where the model is described. */
  #know(place) {
    const [model] = this.#server.of('face-embed');
    const detail = this.#server.detail(model.name);
    place.append(modelCard(model, detail));
    detail.then(
      ({ manifest }) => {
        this.#calibration = manifest.config?.calibration ?? {};
        this.#adopt();
      },
      () => {}, // the thresholds stay those of the network that comes with the service
    );
  }

  /** Begin at the threshold that was measured to be the best one. */
  #adopt() {
    const curve = this.#curve;
    if (curve === undefined) return;
    const [min, max] = [curve.rows[0].threshold, curve.rows[curve.rows.length - 1].threshold];
    this.#threshold.limit({ min, max, step: 0.001, value: curve.default_threshold });
  }

  get #curve() {
    return this.#calibration[this.#accurate.on ? 'high' : 'standard'];
  }

  async #ask() {
    const [one, other] = this.slots.map(({ picture }) => picture);
    this.#clear();
    if (one === null || other === null) return;
    const query = this.#query();
    await this.#work.start(
      (signal) =>
        this.#server.ask((client) => client.verify(one.blob, other.blob, query, { signal })),
      (answer) => {
        this.#answer = answer;
        const title = /** @type {Node} */ (this.#timing.firstChild);
        this.#timing.replaceChildren(title, timingBar(answer.meta));
        this.#timing.hidden = this.#requestCard.hidden = false;
        this.#present();
      },
      (error) => {
        this.#say('');
        this.#results.replaceChildren(problemBox(error, () => void this.#ask()));
      },
    );
  }

  #query() {
    return {
      faces: this.#faces.value === 'only' ? undefined : this.#faces.value,
      accuracy: this.#accurate.on ? 'high' : undefined,
    };
  }

  #present() {
    const [one, other] = this.slots.map(({ picture }) => picture);
    if (this.#answer === null || one === null || other === null) return;
    const threshold = this.#threshold.value;
    const curve = this.#curve;
    const point = curve ? operatingPoint(curve.rows, threshold) : this.#answer;
    const { text, kind } = verdictOf(this.#answer, point.threshold);
    this.#say(text, kind);
    this.#results.replaceChildren(evidence(this.#answer, point));
    const usual = threshold === curve?.default_threshold;
    const query = { ...this.#query(), threshold: usual ? undefined : threshold };
    this.#request.show({
      url: this.#server.client.address('verify', query),
      files: [
        { part: 'image1', file: one.name },
        { part: 'image2', file: other.name },
      ],
      key: this.#server.keyed,
    });
  }

  #abort() {
    this.#work.abort();
    this.slots.forEach((slot) => slot.abort());
  }

  #clear() {
    this.#answer = null;
    this.#results.replaceChildren();
    this.#timing.hidden = this.#requestCard.hidden = true;
    this.#say(WAITING);
  }

  /**
   * @param {string} text
   * @param {string} [kind] Of a verdict.
   */
  #say(text, kind = '') {
    this.#status.textContent = text;
    this.#status.className = kind ? `status verdict ${kind}` : 'status';
  }

  /** @param {boolean} busy */
  #busy(busy) {
    this.#cancel.hidden = !busy;
    if (busy) this.#say('Comparing the two faces…');
  }
}
