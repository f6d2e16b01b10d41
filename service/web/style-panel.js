/** The tab that paints a picture in the style of another. */

import { compare } from './compare.js';
import { CostChart } from './cost-chart.js';
import { el } from './dom.js';
import { card, fill, statusLine } from './layout.js';
import { modelCard } from './model-card.js';
import { problemBox } from './problem.js';
import { RequestPanel } from './request-panel.js';
import { paint } from './style-job.js';
import { StyleSettings } from './style-settings.js';
import { timingBar } from './timing.js';
import { Well } from './well.js';
import { Work } from './work.js';

const TASKS = ['style-presets', 'style-transform', 'style-optimize'];
const WAITING = 'Choose a picture and a style, then paint.';

export class StylePanel {
  #server;
  #subject;
  #status = statusLine(WAITING);
  #progress = el('progress', { max: 1, hidden: true });
  #start = el('button', { type: 'button', className: 'primary' }, 'Paint');
  #cancel = el('button', { type: 'button', className: 'cancel', hidden: true }, 'Cancel');
  #download = el('a', { className: 'button', download: 'painted.png', hidden: true }, 'Download');
  #results = el('div', { className: 'results' });
  #chart = new CostChart();
  #models = card('Models');
  #timing = card('Time');
  #request = new RequestPanel();
  #requestCard = card('Request', this.#request.root);
  #work = new Work((busy) => this.#busy(busy));

  /**
   * @param {HTMLElement} section
   * @param {import('./server.js').Server} server
   * @param {import('./picture.js').Subject} subject
   */
  constructor(section, server, subject) {
    this.#server = server;
    this.#subject = subject;
    this.well = new Well({
      label: 'Picture',
      samples: ['cat', 'coffee', 'rocket', 'astronaut'],
      onpicture: (picture) => (subject.picture = picture),
    });
    this.settings = new StyleSettings(server, () => this.#changed());
    this.#models.hidden = true;
    const buttons = el('div', { className: 'buttons' }, this.#start, this.#cancel, this.#download);
    const answer = card('Painting', this.#status, this.#progress, this.#chart.root, this.#results);
    answer.append(buttons);
    fill(section, {
      stage: [this.well.root],
      side: [answer, card('Settings', this.settings.root), this.#models],
      below: [this.#timing, this.#requestCard],
    });
    this.#progress.setAttribute('aria-label', 'Progress');
    this.#start.addEventListener('click', () => void this.#paint());
    this.#cancel.addEventListener('click', () => this.#work.abort());
    section.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#work.abort();
    });
    subject.addEventListener('change', () => this.#renew());
    this.#timing.hidden = true;
    this.#changed();
  }

  open() {
    if (!this.#models.hidden) return;
    const models = TASKS.flatMap((task) => this.#server.of(task));
    const cards = models.map((model) => modelCard(model, this.#server.detail(model.name)));
    this.#models.append(...cards);
    this.#models.hidden = cards.length === 0;
  }

  /** @param {DataTransfer | null} transfer */
  welcome(transfer) {
    return this.well.takeFrom(transfer);
  }

  async #paint() {
    const { picture } = this.#subject;
    if (picture === null) return;
    const { query, picture: style } = this.settings;
    const pictures = { content: picture.blob, style: style?.blob };
    const began = performance.now();
    this.#clear();
    this.well.root.scrollIntoView({ block: 'nearest' }); // there is something to watch
    await this.#work.start(
      (signal) => paint(this.#server, pictures, query, this.#watch(), signal),
      ({ job, result, picture: painted }) => {
        this.#status.textContent = 'Painted. Slide the line to compare.';
        compare(this.well.stage, painted);
        this.#offer(result);
        this.#tell(job, performance.now() - began);
      },
      (error) => {
        this.well.show(picture);
        this.#status.textContent = '';
        this.#results.replaceChildren(problemBox(error, null));
      },
    );
  }

  /** @returns {import('./style-job.js').Watch} */
  #watch() {
    const { stage } = this.well;
    return {
      progress: ({ status, progress, step, steps, costs }) => {
        const painting = steps > 0 ? `Painting, step ${step} of ${steps}` : 'Painting…';
        this.#status.textContent = status === 'queued' ? 'Waiting for its turn…' : painting;
        if (progress > 0) this.#progress.value = progress;
        this.#chart.add(costs);
      },
      preview: (picture) => {
        stage.overlay((context, { width, height }) => {
          context.drawImage(picture, 0, 0, width, height);
        });
      },
    };
  }

  /** @param {Blob} result */
  #offer(result) {
    URL.revokeObjectURL(this.#download.href);
    this.#download.href = URL.createObjectURL(result);
    this.#download.hidden = false;
    this.well.stage.describe(`${this.#subject.picture?.name}, painted`);
  }

  /**
   * @param {import('./connection.js').Answer<import('./answers.js').StyleJob>} job
   * @param {number} elapsedMs
   */
  #tell({ timings, warnings, meta }, elapsedMs) {
    const stages = [
      { name: 'queue', ms: timings.queued_ms },
      { name: 'paint', ms: timings.running_ms ?? 0 },
    ];
    const bar = timingBar({ ...meta, timings: stages, elapsedMs });
    this.#timing.replaceChildren(/** @type {Node} */ (this.#timing.firstChild), bar);
    this.#timing.hidden = false;
    const notices = warnings.map((text) => el('p', { className: 'notice' }, text));
    this.#results.replaceChildren(...notices);
  }

  /** There is another picture. */
  #renew() {
    this.#work.abort();
    this.well.show(this.#subject.picture);
    this.#clear();
    this.#status.textContent = this.#subject.picture === null ? WAITING : '';
    this.#changed();
  }

  /** Something else was chosen: show the request that it makes. */
  #changed() {
    const { picture } = this.#subject;
    const settings = /** @type {StyleSettings | undefined} */ (this.settings);
    if (settings === undefined) return; // still being made
    this.#start.disabled = picture === null || settings.obstacle !== '';
    this.#requestCard.hidden = this.#start.disabled;
    if (picture === null || settings.obstacle !== '') return;
    const files = [{ part: 'content', file: picture.name }];
    if (settings.picture) files.push({ part: 'style', file: settings.picture.name });
    const url = this.#server.client.address('style', settings.query);
    this.#request.show({ url, files, key: this.#server.keyed, job: true });
  }

  #clear() {
    this.#results.replaceChildren();
    this.#chart.clear();
    this.#timing.hidden = this.#download.hidden = true;
    this.well.stage.overlay(() => {});
    this.well.stage.cover(null);
  }

  /** @param {boolean} busy */
  #busy(busy) {
    this.well.busy = busy;
    this.#start.hidden = busy;
    this.#cancel.hidden = this.#progress.hidden = !busy;
    this.#progress.removeAttribute('value');
    if (busy) this.#status.textContent = 'Sending the pictures…';
  }
}
