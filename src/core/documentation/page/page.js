import { h, prose } from './elements.js';
import { event, operation } from './operations.js';
import { schemaSection } from './schemas.js';

const state = document.getElementById('state');
const content = document.getElementById('content');

try {
  const [openapi, asyncapi] = await Promise.all([load('/openapi.json'), load('/asyncapi.json')]);
  draw(openapi, asyncapi);
  document.getElementById('filter').addEventListener('input', (typed) => filter(typed.target.value));
  window.addEventListener('hashchange', showTarget);
  showTarget();
} catch (error) {
  state.textContent = `The documents cannot be shown: ${error.message}`;
}

async function load(location) {
  const response = await fetch(location);
  if (!response.ok) throw new Error(`${location} answers ${response.status}`);
  return response.json();
}

function draw(openapi, asyncapi) {
  const find = finder({ ...asyncapi.components.schemas, ...openapi.components.schemas });
  document.title = `${openapi.info.title} ${openapi.info.version}`;
  document.getElementById('title').textContent = document.title;
  const services = openapi.tags.map((tag) => serviceSection(tag, openapi, asyncapi, find));
  const own = ownEvents(asyncapi, find);
  const schemas = Object.entries(find.named).sort(([one], [other]) => one.localeCompare(other));
  content.replaceChildren(
    h('section', { id: 'about' }, h('h2', {}, 'About'), prose(openapi.info.description), prose(asyncapi.info.description)),
    ...services,
    ...(own ? [own] : []),
    h('section', { id: 'schemas' }, h('h2', {}, 'Schemas'), schemas.map(([name, schema]) => schemaSection(name, schema, find))),
  );
  const link = (id, text) => h('li', {}, h('a', { href: `#${id}` }, text));
  document.getElementById('contents').append(h('ul', {},
    link('about', 'About'),
    openapi.tags.map((tag) => link(`service-${key(tag.name)}`, tag.name)),
    own && link('own-events', 'own events'),
    link('schemas', 'Schemas')));
}

function serviceSection(tag, openapi, asyncapi, find) {
  const operations = Object.entries(openapi.paths).flatMap(([path, verbs]) => Object.entries(verbs)
    .filter(([, described]) => described.tags?.includes(tag.name))
    .map(([verb, described]) => operation(verb, path, described, callsOf(described, verb, tag.name, asyncapi), find)));
  const events = messagesOf(asyncapi, 'send', key(tag.name));
  return h('section', { id: `service-${key(tag.name)}`, class: 'service' },
    h('h2', {}, tag.name),
    tag.description && prose(tag.description),
    operations,
    events.length > 0 && [h('h3', {}, 'Events'), h('ul', { class: 'events' }, events.map((message) => event(message, find)))]);
}

/** The socket calls that do what an HTTP operation does: one, and the custom methods of a POST. */
function callsOf(described, verb, path, asyncapi) {
  const method = described.operationId.split('-')[0];
  const custom = Object.keys(described['x-service-methods'] ?? {});
  return [method, ...custom].flatMap((name) => {
    const payload = asyncapi.components.messages[`${key(path)}.${name}.call`]?.payload;
    const result = asyncapi.components.messages[`${key(path)}.${name}.result`]?.payload;
    return payload ? [{ name, path, payload, result, custom: custom.includes(name) }] : [];
  });
}

function messagesOf(asyncapi, action, channel) {
  return Object.values(asyncapi.operations)
    .filter((one) => one.action === action && one.channel.$ref === `#/channels/${channel}`)
    .map((one) => asyncapi.components.messages[`${channel}.${one.messages[0].$ref.split('/').pop()}`]);
}

function ownEvents(asyncapi, find) {
  const channel = asyncapi.channels['own-events'];
  if (!channel) return null;
  const from = (action, sender) => messagesOf(asyncapi, action, 'own-events').map((message) => event(message, find, {
    from: sender,
    reply: sender === 'client' ? asyncapi.components.messages[`own-events.${key(message.name)}.answer`]?.payload : undefined,
  }));
  return h('section', { id: 'own-events', class: 'service' },
    h('h2', {}, 'Own events'),
    prose(channel.description),
    h('ul', { class: 'events' }, from('receive', 'client'), from('send', 'server')));
}

function finder(named) {
  const find = (reference) => reference.split('/').slice(3).reduce((found, part) => found[part], named);
  return Object.assign(find, { named });
}

function key(name) {
  return name.replace(/[^\p{L}\p{N}._-]/gu, '-') || 'root';
}

function filter(text) {
  const wanted = text.trim().toLowerCase();
  for (const item of content.querySelectorAll('[data-words]')) {
    item.hidden = !item.dataset.words.toLowerCase().includes(wanted);
  }
  for (const section of content.querySelectorAll(':scope > section')) {
    const items = [...section.querySelectorAll('[data-words]')];
    section.hidden = wanted !== '' && items.every((item) => item.hidden);
  }
}

/** Open what the address names, and bring it into view: it was not there when the browser looked. */
function showTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target instanceof HTMLDetailsElement) target.open = true;
  target.scrollIntoView();
}
