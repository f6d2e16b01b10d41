/** One of the two pictures of the Verify tab, with the faces that are in it. */

import { el } from './dom.js';
import { drawMarks } from './marks.js';
import { problemBox } from './problem.js';
import { percent } from './settings.js';
import { Well } from './well.js';
import { Work } from './work.js';

export class FaceSlot {
  /** @type {import('./picture.js').Picture | null} */
  picture = null;
  #server;
  #told = el('div', { role: 'status', className: 'told' });
  #work = new Work((busy) => (this.well.busy = busy));

  /**
   * @param {object} spec
   * @param {string} spec.label
   * @param {readonly string[]} spec.samples
   * @param {import('./server.js').Server} spec.server
   * @param {() => void} spec.onpicture
   */
  constructor({ label, samples, server, onpicture }) {
    this.#server = server;
    this.well = new Well({
      label,
      samples,
      small: true,
      onpicture: (picture) => {
        this.picture = picture;
        this.well.show(picture);
        void this.#find(picture);
        onpicture();
      },
    });
    this.root = el('div', { className: 'slot' }, this.well.root, this.#told);
  }

  abort() {
    this.#work.abort();
  }

  /** @param {import('./picture.js').Picture} picture */
  async #find({ blob, name }) {
    this.#told.replaceChildren();
    await this.#work.start(
      (signal) => this.#server.ask((client) => client.faces(blob, {}, { signal })),
      ({ image, faces }) => {
        this.well.stage.frame(image);
        const marks = faces.map(({ box, score, landmarks, keypoints }) => ({
          box,
          caption: percent(score),
          classId: 1,
          points: landmarks ?? Object.values(keypoints),
        }));
        this.well.stage.overlay((context, view) => drawMarks(context, view, marks));
        const many = faces.length === 1 ? 'One face' : `${faces.length || 'No'} faces`;
        const scores = faces
          .slice(0, 5)
          .map(({ score }) => percent(score))
          .join(', ');
        this.#told.textContent = scores ? `${many}: ${scores}` : `${many} found`;
        this.well.stage.describe(`${name}: ${this.#told.textContent}`);
      },
      (error) => this.#told.replaceChildren(problemBox(error, null)),
    );
  }
}
