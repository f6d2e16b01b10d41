/** The tab that names what a picture shows. */

import { PicturePanel } from './picture-panel.js';
import { resultTable } from './rows.js';
import { Choice, Slider, percent } from './settings.js';

const ASKED = 50; // classes; more than anybody slides to

/** @extends {PicturePanel<import('./connection.js').Answer<import('./answers.js').ClassifyAnswer>>} */
export class ClassifyPanel extends PicturePanel {
  #count = new Slider({
    label: 'Classes shown',
    ...{ min: 1, max: 20, step: 1, value: 5 },
    oninput: () => this.refresh(),
  });
  #least = new Slider({
    label: 'Least score',
    ...{ min: 0, max: 0.95, step: 0.01, value: 0 },
    format: percent,
    oninput: () => this.refresh(),
  });
  #crops = new Choice({
    label: 'Looks at',
    options: [
      ['1', 'the middle'],
      ['5', 'the middle and the corners'],
      ['10', 'those, and mirrored'],
    ],
    onchange: () => void this.ask(),
  });

  /**
   * @param {HTMLElement} section
   * @param {import('./server.js').Server} server
   * @param {import('./picture.js').Subject} subject
   */
  constructor(section, server, subject) {
    super(section, server, subject, {
      path: 'classify',
      task: 'classify',
      samples: ['cat', 'coffee', 'rocket', 'astronaut'],
      missing:
        'No classifier is installed: put a model folder with task = "classify" into the models ' +
        'directory, or run `chiasm models pull --all`, and start the server again.',
    });
    this.settings.append(this.#count.root, this.#least.root, this.#crops.root);
  }

  query() {
    return { top_k: ASKED, ...this.#looks() };
  }

  shownQuery() {
    const { value } = this.#least;
    return { top_k: this.#count.value, min_score: value || undefined, ...this.#looks() };
  }

  present() {
    const all = this.answer?.predictions ?? [];
    const shown = all.filter(({ score }) => score >= this.#least.value);
    const rows = shown
      .slice(0, this.#count.value)
      .map(({ label, score }) => ({ label, share: score }));
    this.results.replaceChildren(resultTable('Classes', ['Class', 'Score'], rows));
    const best = rows[0];
    this.say(best ? `${best.label}, ${percent(best.share)}` : 'No class scores that high.');
  }

  #looks() {
    return { crops: this.#crops.value === '1' ? undefined : this.#crops.value };
  }
}
