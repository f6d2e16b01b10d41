/** The reference of the endpoints, out of the OpenAPI document; nothing comes from elsewhere. */

import { Chiasm } from './client.js';
import { byId, el } from './dom.js';
import { problemBox } from './problem.js';
import { Server } from './server.js';

/** @typedef {Record<string, any>} Node A part of the document. */

const server = new Server(new Chiasm());

async function start() {
  const place = byId('start');
  try {
    const described = await server.ask((client) => client.openapi());
    show(described);
    place.hidden = true;
  } catch (error) {
    place.replaceChildren(problemBox(error, () => void start()));
  }
}

/** @param {Node} described */
function show(described) {
  const operations = Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.entries(/** @type {Record<string, Node>} */ (methods)).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      operation,
    })),
  );
  const contents = byId('contents');
  contents.replaceChildren(
    ...operations.map(({ path, method, operation }) =>
      el('a', { href: `docs#${operation.operationId}` }, tag(method), ' ', path),
    ),
  );
  contents.hidden = false;
  byId('operations').replaceChildren(
    ...operations.map(({ path, method, operation }) => section(described, path, method, operation)),
  );
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

/** @param {string} method */
function tag(method) {
  return el('span', { className: 'method' }, method);
}

/**
 * @param {Node} described
 * @param {string} path
 * @param {string} method
 * @param {Node} operation
 */
function section(described, path, method, operation) {
  const { operationId: id, summary, description, parameters = [], requestBody } = operation;
  const root = el('section', { id, className: 'card operation', 'aria-labelledby': `${id}-title` });
  root.append(el('h2', { id: `${id}-title` }, tag(method), ' ', path), el('p', {}, summary));
  if (description) root.append(el('p', {}, ...prose(description)));
  if (requestBody) {
    const told = el('p', {}, requestBody.description, ' ', ...types(requestBody.content));
    root.append(el('h3', {}, 'Body'), told);
  }
  if (parameters.length > 0) root.append(el('h3', {}, 'Options'), options(parameters));
  root.append(...answer(operation.responses), el('h3', {}, 'Errors'), errors(described, operation));
  return root;
}

/**
 * Return a text with what stands between backticks as code.
 *
 * @param {string} text
 */
function prose(text) {
  return text.split('`').map((part, index) => (index % 2 ? el('code', {}, part) : part));
}

/** @param {Record<string, Node>} content By media type. */
function types(content) {
  return Object.keys(content).flatMap((type, index) => [index ? ', ' : '', el('code', {}, type)]);
}

/** @param {Node[]} parameters */
function options(parameters) {
  const list = el('dl', { className: 'options' });
  for (const { name, in: place, schema, description = '' } of parameters) {
    const where = place === 'query' ? [] : [' ', el('small', {}, place)];
    list.append(
      el('dt', {}, name, ...where),
      el('dd', {}, ...prose(description), ' ', el('code', {}, values(schema))),
    );
  }
  return list;
}

/**
 * Return what an option may be.
 *
 * @param {Node} schema
 */
function values({ type, enum: choices, items, minimum, maximum, default: usual }) {
  const kind = choices?.join(' | ') ?? (items ? `${items.type}, repeated` : type);
  const least = minimum ?? '';
  const range = minimum === undefined && maximum === undefined ? '' : ` ${least}…${maximum ?? ''}`;
  const known = usual !== undefined && !Array.isArray(usual);
  return `${kind}${range}${known ? `, default ${usual}` : ''}`;
}

/** @param {Record<string, Node>} responses */
function answer(responses) {
  const [status, { content = {} }] =
    Object.entries(responses).find(([code]) => code.startsWith('2')) ?? ['200', {}];
  const example = Object.values(content).find((one) => one.example !== undefined)?.example;
  const told = typeof example === 'string' ? example : JSON.stringify(example, null, 2);
  /** @type {HTMLElement[]} */
  const parts = [el('h3', {}, 'Answer'), el('p', {}, `${status} `, ...types(content))];
  if (example !== undefined) parts.push(el('pre', { tabIndex: 0 }, el('code', {}, told)));
  return parts;
}

/**
 * @param {Node} described
 * @param {Node} operation
 */
function errors(described, { responses }) {
  const codes = ['4XX', '5XX'].flatMap((family) =>
    Object.values(responses[family].content).flatMap(({ examples = {} }) => Object.keys(examples)),
  );
  const items = codes.map((code) => {
    const { status, detail } = described.components.examples[code].value;
    return el('li', { title: detail }, el('code', {}, `${status}`), ' ', code);
  });
  return el('ul', { className: 'codes' }, ...items);
}

void start();
