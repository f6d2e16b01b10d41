/** The tab that says of every pixel what it belongs to. */

import { MaskMap } from './masks.js';
import { PicturePanel } from './picture-panel.js';
import { resultTable } from './rows.js';
import { Choice, Slider, percent } from './settings.js';

/** @typedef {import('./answers.js').RunLengths} RunLengths */

/** @type {Record<string, string>} What a sample is of, and the network that knows about it. */
const EXPERTS = { 'nuclei.jpg': 'unet-nuclei' };

/** @extends {PicturePanel<import('./connection.js').Answer<import('./answers.js').SegmentAnswer>>} */
export class SegmentPanel extends PicturePanel {
  /** @type {{classes: MaskMap | null, things: MaskMap | null, map: ImageBitmap | null}} */
  #maps = { classes: null, things: null, map: null };
  #mapOf = /** @type {unknown} */ (null);
  #turn = 0;
  #opacity = new Slider({
    label: 'Opacity',
    ...{ min: 0, max: 1, step: 0.05, value: 0.6 },
    format: percent,
    oninput: () => this.refresh(),
  });
  #show = new Choice({
    label: 'Colours tell apart',
    options: [
      ['things', 'single things'],
      ['classes', 'classes'],
    ],
    onchange: () => this.refresh(),
  });
  #least = new Slider({
    label: 'Least score of a thing',
    ...{ min: 0, max: 0.99, step: 0.01, value: 0.5 },
    format: percent,
    oninput: () => this.refresh(),
  });
  #filter = new Choice({ label: 'Filter', options: [], onchange: () => void this.ask() });

  /**
   * @param {HTMLElement} section
   * @param {import('./server.js').Server} server
   * @param {import('./picture.js').Subject} subject
   */
  constructor(section, server, subject) {
    super(section, server, subject, {
      path: 'segment',
      task: 'segment',
      samples: ['nuclei', 'astronaut', 'coffee', 'rocket'],
      missing:
        'No segmentation network is installed: run `chiasm models pull --all` and start the ' +
        'server again.',
    });
    this.settings.append(this.#filter.root, this.#show.root, this.#least.root, this.#opacity.root);
    this.#offer([]);
  }

  /** @param {import('./picture.js').Picture} picture */
  suit({ name }) {
    const usual = this.model.values[0];
    if (name in EXPERTS) this.choose(EXPERTS[name]);
    else if (Object.values(EXPERTS).includes(this.model.value)) this.choose(usual);
  }

  async ask() {
    if (this.model.value === '') return;
    const turn = (this.#turn += 1);
    // What may be asked depends on whether the network has classes, or filters.
    const detail = await this.server.detail(this.model.value).catch(() => null);
    if (turn !== this.#turn) return; // asked again meanwhile
    const filters = /** @type {string[]} */ (detail?.manifest.config?.filters ?? []);
    if (filters.join() !== this.#filter.values.join()) this.#offer(filters);
    await super.ask();
  }

  query() {
    if (this.#filter.values.length > 0) return { filter: this.#filter.value };
    return { instances: true };
  }

  get accept() {
    return this.#filter.values.length > 0 ? 'application/json' : ''; // a map is a PNG otherwise
  }

  present() {
    const { answer } = this;
    if (answer === null) return;
    if (this.#mapOf !== answer) this.#forget(answer);
    if (answer.map) void this.#presentMap(answer.map);
    else this.#presentMasks(answer);
  }

  /** @param {import('./answers.js').SegmentAnswer} answer */
  #presentMasks({ image, classes = [], instances = [] }) {
    const byThing = this.#show.value === 'things' && instances.length > 0;
    const strong = instances.map(({ score }) => score >= this.#least.value);
    const foreground = classes.filter(({ class_id }) => class_id > 0);
    const rows = foreground.map(({ class_id, label, fraction }) => {
      const count = instances.filter(
        (one, index) => one.class_id === class_id && strong[index],
      ).length;
      const more = count > 0 ? `${count} ${count === 1 ? 'thing' : 'things'}` : undefined;
      return { label, count, share: fraction, more, colorId: byThing ? undefined : class_id };
    });
    this.results.replaceChildren(resultTable('Classes', ['Class', 'Share of the picture'], rows));
    const told = rows
      .filter(({ share }) => share > 0)
      .map(
        ({ label, count, share }) => `${count > 0 ? `${count} × ` : ''}${label} ${percent(share)}`,
      );
    this.say(told.length > 0 ? `${told.join(', ')} of the picture.` : 'Nothing but background.');

    const masks = (byThing ? instances : foreground).map(
      ({ mask }) => /** @type {RunLengths} */ (mask),
    );
    const kind = byThing ? 'things' : 'classes';
    this.#maps[kind] ??= new MaskMap(masks, image);
    const colors = byThing
      ? instances.map(({ instance_id }, index) => (strong[index] ? instance_id : null))
      : foreground.map(({ class_id }) => class_id);
    this.#lay(this.#maps[kind].layer(colors));
  }

  /** @param {import('./answers.js').SegmentMap} map */
  async #presentMap({ filter, mean, max, png }) {
    const { answer } = this;
    this.say(`The map ${filter}: ${percent(mean)} on average, ${percent(max)} at most.`);
    this.results.replaceChildren();
    this.#maps.map ??= await createImageBitmap(fromBase64(png, 'image/png'));
    if (this.answer === answer && this.#maps.map) this.#lay(this.#maps.map);
  }

  /** @param {CanvasImageSource} layer */
  #lay(layer) {
    const opacity = this.#opacity.value;
    this.well.stage.overlay((context, { width, height }) => {
      context.globalAlpha = opacity;
      context.drawImage(layer, 0, 0, width, height);
      context.globalAlpha = 1;
    });
  }

  /** @param {unknown} answer */
  #forget(answer) {
    this.#maps = { classes: null, things: null, map: null };
    this.#mapOf = answer;
  }

  /** @param {readonly string[]} filters */
  #offer(filters) {
    this.#filter.offer(filters.map((name) => [name, name]));
    this.#filter.root.hidden = filters.length === 0;
    this.#show.root.hidden = this.#least.root.hidden = filters.length > 0;
    this.#opacity.set(filters.length > 0 ? 1 : 0.6);
  }
}

/**
 * @param {string} text
 * @param {string} type
 */
function fromBase64(text, type) {
  return new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], { type });
}
