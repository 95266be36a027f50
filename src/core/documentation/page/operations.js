import { h, prose, table } from './elements.js';
import { boundsOf, typeOf } from './schemas.js';

const PLACES = { path: 'path', query: 'query', header: 'header' };

/** One HTTP operation, with the socket call of the same method. */
export function operation(verb, path, described, calls, find) {
  const content = described.requestBody?.content['application/json'].schema;
  const parameters = (described.parameters ?? []).map((parameter) => [
    h('code', {}, parameter.name),
    [PLACES[parameter.in], parameter.required && h('span', { class: 'required' }, 'required')],
    typeOf(parameter.schema, find),
    [parameter.description, boundsOf(parameter.schema)].filter(Boolean).join('. '),
  ]);
  const words = [described.operationId, path, ...calls.map((call) => call.name)].join(' ');
  return h('details', { class: 'operation', id: described.operationId, 'data-words': words },
    h('summary', {},
      h('span', { class: `verb verb-${verb}` }, verb.toUpperCase()),
      h('code', { class: 'path' }, path),
      h('span', { class: 'gist' }, described.summary),
      described.security ? null : h('span', { class: 'open' }, 'public')),
    h('div', { class: 'inside' },
      described.description && prose(described.description),
      table('Parameters', ['Name', 'In', 'Type', ''], parameters),
      content && [h('h4', {}, 'Body'), h('p', {}, typeOf(content, find))],
      calls.map((call) => [h('h4', {}, `Over a socket${call.custom ? `: ${call.name}` : ''}`), socketCall(call, find)]),
      h('h4', {}, 'Answers'),
      answers(described.responses, find)));
}

function answers(responses, find) {
  const good = Object.entries(responses).filter(([status]) => status < 400);
  const bad = Object.entries(responses).filter(([status]) => status >= 400);
  return [
    h('dl', { class: 'answers' }, good.flatMap(([status, response]) => {
      const schema = response.content?.['application/json']?.schema;
      return [h('dt', {}, status), h('dd', {}, schema ? typeOf(schema, find) : 'nothing', ` – ${response.description}`)];
    })),
    h('p', { class: 'errors' }, 'Errors: ', bad.flatMap(([status, response], at) => {
      const name = response.$ref?.split('/').pop() ?? response.description;
      return [at ? ', ' : '', h('span', { class: 'error' }, status, ' ', name)];
    })),
  ];
}

function socketCall(call, find) {
  const [method, , ...rest] = call.payload.items;
  const shown = rest.map((schema) => typeOf(schema, find));
  return h('p', { class: 'call' },
    h('code', {}, `emit("${method.const}", "${call.path}"`), shown.map((type) => [', ', type]), h('code', {}, ')'),
    ' answers ', h('code', {}, 'null'), ', ', typeOf(call.result.items[1], find));
}

/** An event with its payload and, where a client sends it, what it is acknowledged with. */
export function event(message, find, { from, reply } = {}) {
  return h('li', { class: 'event', 'data-words': message.name },
    h('code', { class: 'name' }, message.name),
    from && h('span', { class: 'from' }, from === 'client' ? 'sent by clients' : 'sent by the server'),
    h('span', { class: 'carries' }, 'carries ', typeOf(message.payload, find),
      reply && [', answered with ', typeOf(reply.items[0], find)]),
    message.summary && h('span', { class: 'gist' }, message.summary));
}

