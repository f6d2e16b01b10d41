/** Starts the page: the server's models first, then the tabs. */

import { ClassifyPanel } from './classify-panel.js';
import { Chiasm } from './client.js';
import { DetectPanel } from './detect-panel.js';
import { byId } from './dom.js';
import { deviceOf } from './model-card.js';
import { Subject } from './picture.js';
import { problemBox } from './problem.js';
import { SegmentPanel } from './segment-panel.js';
import { Server } from './server.js';
import { StylePanel } from './style-panel.js';
import { tabs } from './tabs.js';
import { VerifyPanel } from './verify-panel.js';

const server = new Server(new Chiasm());

async function start() {
  const place = byId('start');
  try {
    await server.load();
  } catch (error) {
    place.replaceChildren(problemBox(error, () => void start()));
    return;
  }
  place.hidden = true;
  byId('tabs').hidden = false;
  summarize();
  open(panels(new Subject()));
}

/** @param {Subject} subject */
function panels(subject) {
  return {
    classify: new ClassifyPanel(byId('classify'), server, subject),
    detect: new DetectPanel(byId('detect'), server, subject),
    segment: new SegmentPanel(byId('segment'), server, subject),
    verify: new VerifyPanel(byId('verify'), server),
    style: new StylePanel(byId('style'), server, subject),
  };
}

/** @param {Record<string, {open: () => void, welcome: (transfer: DataTransfer | null) => boolean}>} all */
function open(all) {
  let current = '';
  tabs(byId('tabs'), (name) => {
    current = name;
    all[name].open();
  });
  document.addEventListener('paste', (event) => {
    if (all[current].welcome(event.clipboardData)) event.preventDefault();
  });
  // A picture that is dropped beside the place for it would otherwise replace the page.
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    all[current].welcome(event.dataTransfer);
  });
}

function summarize() {
  const devices = [...new Set(server.models.map(({ provider }) => deviceOf(provider)))];
  const ready = server.models.filter(({ state }) => state === 'ready').length;
  byId('summary').textContent = `${ready} networks on ${devices.join(', ') || 'nothing'}`;
}

function chooseTheme() {
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const shown = root.dataset.theme === 'system' ? (dark ? 'dark' : 'light') : root.dataset.theme;
  const other = shown === 'dark' ? 'light' : 'dark';
  root.dataset.theme = other;
  localStorage.setItem('chiasm-theme', other);
}

byId('theme').addEventListener('click', chooseTheme);
void start();
