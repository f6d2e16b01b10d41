/** The request that is shown, as a command or as code to copy. */

/**
 * @typedef {object} Shown
 * @property {URL} url With its query.
 * @property {{part: string | null, file: string}[]} files A part without a name is the whole body.
 * @property {boolean} key Whether the server wants one.
 * @property {string} [accept] The media type to ask for; empty: whatever comes.
 * @property {boolean} [job] Whether the answer is a job that has to be waited for.
 */

const KEY_NAME = 'CHIASM_API_KEY';
const RESULT = 'painted.png';
const PATIENCE_S = 60; // httpx gives up after 5, which a large picture may take

/** @type {Record<string, (request: Shown) => string>} */
export const LANGUAGES = { curl, fetch: browser, Python: python };

/** @param {Shown} request */
function curl({ url, files, key, accept, job }) {
  const wanted = accept ? ` -H 'Accept: ${accept}'` : '';
  const header = `${key ? ` -H "X-API-Key: $${KEY_NAME}"` : ''}${wanted}`;
  const body = files.map(({ part, file }) =>
    part === null ? ` --data-binary ${shell(`@${file}`)}` : ` -F ${shell(form(part, file))}`,
  );
  const rest = `${header}${body.join('')} ${shell(url.href)}`;
  if (!job) return `curl${rest}`;
  return [
    `job=$(curl -sS -o /dev/null -w '%header{location}'${rest})`,
    `curl -sSN${header} "${url.origin}$job/events"`,
    `curl -sS -f${header} -o ${RESULT} "${url.origin}$job/result"`,
  ].join('\n');
}

/** @param {Shown} request */
function browser({ url, files, key, accept, job }) {
  const pairs = [
    ...(key ? [`'X-API-Key': ${KEY_NAME}`] : []),
    ...(accept ? [`Accept: '${accept}'`] : []),
  ];
  const headers = pairs.length > 0 ? `headers: { ${pairs.join(', ')} }` : '';
  const whole = files[0].part === null;
  const body = whole
    ? ["const body = document.querySelector('input[type=file]').files[0];"]
    : [
        'const body = new FormData();',
        ...files.map(
          ({ part }) => `body.append('${part}', document.querySelector('#${part}').files[0]);`,
        ),
      ];
  const more = headers ? `, ${headers}` : '';
  const post = `const response = await fetch(${quoted(url.href)}, { method: 'POST', body${more} });`;
  if (!job) return [...body, post, 'const answer = await response.json();'].join('\n');
  const get = (/** @type {string} */ path) =>
    `await fetch(\`${url.href.split('?')[0]}/\${job.id}${path}\`${headers ? `, { ${headers} }` : ''})`;
  return [
    ...body,
    post,
    'let job = await response.json();',
    "while (job.status === 'queued' || job.status === 'running') {",
    `  job = await (${get('?wait=30')}).json();`,
    '}',
    `const painted = await (${get('/result')}).blob();`,
  ].join('\n');
}

/** @param {Shown} request */
function python({ url, files, key, accept, job }) {
  const sent = [
    ...(key ? [`"X-API-Key": os.environ["${KEY_NAME}"]`] : []),
    ...(accept ? [`"Accept": ${quoted(accept)}`] : []),
  ];
  const headers = sent.length > 0 ? `headers={${sent.join(', ')}}` : '';
  const query = [...url.searchParams].map(([name, value]) => `(${quoted(name)}, ${quoted(value)})`);
  const bytes = (/** @type {string} */ file) => `Path(${quoted(file)}).read_bytes()`;
  const pairs = files.map(({ part, file }) => `${quoted(part ?? '')}: ${bytes(file)}`);
  const post = [
    `    ${quoted(url.origin + url.pathname)},`,
    query.length > 0 ? `    params=[${query.join(', ')}],` : '',
    files[0].part === null
      ? `    content=${bytes(files[0].file)},`
      : `    files={${pairs.join(', ')}},`,
    headers ? `    ${headers},` : '',
    `    timeout=${PATIENCE_S},`,
  ].filter(Boolean);
  const start = [...(key ? ['import os'] : []), 'from pathlib import Path', '', 'import httpx', ''];
  const call = ['response = httpx.post(', ...post, ')'];
  if (!job) return [...start, ...call, 'print(response.raise_for_status().json())'].join('\n');
  const get = (/** @type {string} */ path, /** @type {string} */ more = '') =>
    `httpx.get(f"${url.origin}${url.pathname}/{job['id']}${path}"${more}${headers ? `, ${headers}` : ''})`;
  return [
    ...start,
    ...call,
    'job = response.raise_for_status().json()',
    'while job["status"] in ("queued", "running"):',
    `    job = ${get('?wait=30', `, timeout=${PATIENCE_S}`)}.raise_for_status().json()`,
    `Path("${RESULT}").write_bytes(${get('/result')}.raise_for_status().content)`,
  ].join('\n');
}

/**
 * Return a word that a POSIX shell reads as this text.
 *
 * @param {string} text
 */
function shell(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Return curl's form part; in a quoted name it reads neither `;` nor `,`.
 *
 * @param {string} part
 * @param {string} file
 */
function form(part, file) {
  const plain = /^[\w.-]+$/.test(file);
  return `${part}=@${plain ? file : `"${file.replace(/["\\]/g, '\\$&')}"`}`;
}

/**
 * Return a string literal that JavaScript and Python both read as this text.
 *
 * @param {string} text
 */
function quoted(text) {
  return JSON.stringify(text);
}
