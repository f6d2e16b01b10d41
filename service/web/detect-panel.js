/** The tab that finds things in a picture. */

import { el } from './dom.js';
import { drawMarks, markAt } from './marks.js';
import { PicturePanel } from './picture-panel.js';
import { counted, resultTable, swatch } from './rows.js';
import { Slider, percent } from './settings.js';

const LEAST = 0.05; // asked once; the slider goes no lower
const USUAL = 0.3; // where a manifest has no threshold of its own
const MOST = 300;

/** @typedef {import('./answers.js').Detection & import('./marks.js').Mark} Found */

/** @extends {PicturePanel<import('./connection.js').Answer<import('./answers.js').DetectAnswer>>} */
export class DetectPanel extends PicturePanel {
  /** @type {Set<string>} */
  #hidden = new Set();
  /** @type {Found[]} */
  #shown = [];
  #slid = false;
  #chips = el('div', { className: 'chips', role: 'group', 'aria-label': 'Classes' });
  #threshold = new Slider({
    label: 'Least score',
    ...{ min: LEAST, max: 0.95, step: 0.01, value: USUAL },
    format: percent,
    oninput: () => {
      this.#slid = true;
      this.refresh();
    },
  });

  /**
   * @param {HTMLElement} section
   * @param {import('./server.js').Server} server
   * @param {import('./picture.js').Subject} subject
   */
  constructor(section, server, subject) {
    super(section, server, subject, {
      path: 'detect',
      task: 'detect',
      samples: ['coffee', 'astronaut', 'cat', 'rocket'],
      missing:
        'No detector is installed: run `chiasm models pull --all` and start the server again.',
    });
    this.settings.append(this.#threshold.root);
    const { canvas } = this.well.stage;
    canvas.addEventListener('pointermove', (event) => {
      this.#draw(markAt(this.#shown, this.well.stage.locate(event)));
    });
    canvas.addEventListener('pointerleave', () => this.#draw(null));
  }

  query() {
    return { score_threshold: LEAST, max_detections: MOST };
  }

  shownQuery() {
    const classes = [...new Set(this.#shown.map(({ label }) => label))].join(',');
    return {
      score_threshold: this.#threshold.value,
      max_detections: MOST,
      classes: this.#hidden.size > 0 && classes ? classes : undefined,
    };
  }

  introduce() {
    super.introduce();
    this.#hidden.clear();
    this.#slid = false;
    this.#adopt();
  }

  present() {
    const strong = (this.answer?.detections ?? []).filter(
      ({ score }) => score >= this.#threshold.value,
    );
    this.#offer(strong);
    this.#shown = strong
      .filter(({ label }) => !this.#hidden.has(label))
      .map((one) => ({
        ...one,
        classId: one.class_id,
        caption: `${one.label} ${percent(one.score)}`,
      }));
    const rows = this.#shown.map((one) => ({
      label: one.label,
      share: one.score,
      colorId: one.class_id,
      onpoint: (/** @type {boolean} */ entered) => this.#draw(entered ? one : null),
    }));
    const table = resultTable('Things found', ['Thing', 'Score'], rows);
    this.results.replaceChildren(this.#chips, ...(rows.length > 0 ? [table] : []));
    const what = counted(this.#shown.map(({ label }) => label));
    this.say(what ? `Found: ${what}.` : 'Found nothing that scores this high.');
    this.#draw(null);
  }

  /** @param {Found | null} chosen */
  #draw(chosen) {
    this.well.stage.overlay((context, view) => drawMarks(context, view, this.#shown, chosen));
  }

  /** @param {readonly import('./answers.js').Detection[]} found */
  #offer(found) {
    const classes = new Map(found.map(({ label, class_id }) => [label, class_id]));
    this.#chips.hidden = classes.size < 2;
    const chips = [...classes].map(([label, classId]) => {
      const pressed = String(!this.#hidden.has(label));
      const chip = el(
        'button',
        { type: 'button', 'aria-pressed': pressed },
        swatch(classId),
        label,
      );
      chip.addEventListener('click', () => {
        if (!this.#hidden.delete(label)) this.#hidden.add(label);
        this.refresh();
        const again = [...this.#chips.children].find(({ textContent }) => textContent === label);
        if (again instanceof HTMLElement) again.focus();
      });
      return chip;
    });
    this.#chips.replaceChildren(...chips);
  }

  /** Begin at the threshold that the model's manifest has, unless somebody was faster. */
  #adopt() {
    const name = this.model.value;
    if (name === '') return;
    this.server.detail(name).then(
      ({ manifest }) => {
        if (this.model.value !== name || this.#slid) return;
        const value = manifest.config?.score_threshold ?? USUAL;
        this.#threshold.limit({ min: LEAST, max: 0.95, step: 0.01, value });
        this.refresh();
      },
      () => {}, // the usual one serves
    );
  }
}
