/** Elements without markup in strings: what a server or a file name says is only ever text. */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Return a new element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [members] `on…` listeners, properties that the element has,
 *   and attributes otherwise; what is undefined or false is left out.
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, members = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith('on')) {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else if (name in element && !name.startsWith('aria') && name !== 'list') {
      /** @type {any} */ (element)[name] = value;
    } else {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * Return a new SVG element.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * Return one of the icons that index.html defines.
 *
 * @param {string} name
 */
export function icon(name) {
  return svg(
    'svg',
    { class: 'icon', 'aria-hidden': 'true' },
    svg('use', { href: `#icon-${name}` }),
  );
}

/**
 * Return the element of the page that has this id.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

let lastNumber = 0;

/**
 * Return an id that no element has yet.
 *
 * @param {string} prefix
 */
export function freshId(prefix) {
  lastNumber += 1;
  return `${prefix}-${lastNumber}`;
}
