/** The pictures that come with the page; where they are from stands in samples/LICENSES.md. */

/** @type {Record<string, string>} */
const TITLES = {
  cat: 'A cat',
  coffee: 'A cup of coffee',
  astronaut: 'An astronaut',
  'astronaut-changed': 'The astronaut, from another photograph of the photograph',
  rocket: 'A rocket',
  nuclei: 'Nuclei of cells',
  night: 'A painted night',
  glass: 'A glass window',
};

/**
 * @typedef {object} Sample
 * @property {string} name The file's.
 * @property {string} title
 * @property {URL} url
 */

/**
 * Return samples by name.
 *
 * @param {readonly string[]} names
 * @returns {Sample[]}
 */
export function samples(names) {
  return names.map((name) => ({
    name: `${name}.jpg`,
    title: TITLES[name],
    url: new URL(`samples/${name}.jpg`, import.meta.url),
  }));
}
