import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backoff } from '../../src/portal/backoff.js';
import { Outbox } from '../../src/portal/outbox.js';
import { MemoryStorage, settled } from './doubles.mjs';

/** A server whose next answers are given beforehand; without one it acknowledges. */
function server(...answers) {
  const calls = [];
  const deliver = async ({ key, content }) => {
    calls.push({ key, content });
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer ?? { message: { content } };
  };
  return { calls, deliver, contents: () => calls.map(({ content }) => content) };
}

function refusal(code, message = 'no', data = undefined) {
  return Object.assign(new Error(message), { code, data });
}

function outboxOf(deliver, storage = new MemoryStorage(), userId = 'u') {
  return new Outbox({ userId, deliver, storage, backoff: new Backoff({ first: 1000, random: () => 1 }) });
}

test('messages are delivered one at a time in the order written', async () => {
  const { deliver, contents } = server();
  const outbox = outboxOf(deliver);
  for (const text of ['one', 'two', 'three']) outbox.add('c', text);
  assert.deepEqual(contents(), ['one']);
  await settled();
  assert.deepEqual(contents(), ['one', 'two', 'three']);
  assert.deepEqual(outbox.entries, []);
});

test('an attempt whose fate is unknown is repeated with the same key before anything else is sent', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { calls, contents, deliver } = server(new Error('connection lost'), refusal(503));
  const outbox = outboxOf(deliver);
  outbox.add('c', 'one');
  outbox.add('other', 'two');
  await settled();
  assert.deepEqual(contents(), ['one']);
  t.mock.timers.tick(1000);
  await settled();
  assert.deepEqual(contents(), ['one', 'one']);
  t.mock.timers.tick(2000);
  await settled();
  assert.deepEqual(contents(), ['one', 'one', 'one', 'two']);
  assert.equal(new Set(calls.slice(0, 3).map(({ key }) => key)).size, 1);
  assert.notEqual(calls[0].key, calls[3].key);
});

test('a reconnect does not wait for the pause to end', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { contents, deliver } = server(new Error('offline'));
  const outbox = outboxOf(deliver);
  outbox.add('c', 'one');
  await settled();
  await outbox.flush();
  assert.deepEqual(contents(), ['one', 'one']);
});

test('the server may ask for a longer pause', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { contents, deliver } = server(refusal(429, 'slow down', { retryAfter: 5 }));
  outboxOf(deliver).add('c', 'one');
  await settled();
  t.mock.timers.tick(4999);
  await settled();
  assert.deepEqual(contents(), ['one']);
  t.mock.timers.tick(1);
  await settled();
  assert.deepEqual(contents(), ['one', 'one']);
});

for (const code of [400, 403, 404, 413, 422]) {
  test(`a refusal by ${code} is kept with its reason and does not hold up what follows`, async () => {
    const { contents, deliver } = server(refusal(code, 'You may not write here'));
    const outbox = outboxOf(deliver);
    outbox.add('c', 'one');
    outbox.add('c', 'two');
    await settled();
    assert.deepEqual(contents(), ['one', 'two']);
    const [{ content, state, reason }, ...rest] = outbox.entries;
    assert.deepEqual({ content, state, reason, rest }, { content: 'one', state: 'failed', reason: 'You may not write here', rest: [] });
  });
}

for (const code of [401, 408, 429, 500, 503]) {
  test(`a refusal by ${code} is not final`, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const outbox = outboxOf(server(refusal(code)).deliver);
    outbox.add('c', 'one');
    await settled();
    assert.equal(outbox.entries[0].state, 'waiting');
  });
}

test('what a message answers and whom it mentions outlive a reload', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const storage = new MemoryStorage();
  outboxOf(server(new Error('offline')).deliver, storage).add('c', 'one', { replyTo: 'm1', mentions: ['all'] });
  await settled();
  const [{ replyTo, mentions }] = outboxOf(server().deliver, storage).entries;
  assert.deepEqual({ replyTo, mentions }, { replyTo: 'm1', mentions: ['all'] });
});

test('a slow conversation keeps its own messages in order, and none of another’s', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { contents, deliver } = server(refusal(429, 'slow', { code: 'SLOW_MODE', retryAfter: 600 }));
  const outbox = outboxOf(deliver);
  outbox.add('c', 'one');
  outbox.add('c', 'two');
  outbox.add('other', 'three');
  await settled();
  assert.deepEqual(contents(), ['one', 'three']);
  await outbox.flush();
  assert.deepEqual(contents(), ['one', 'three']);
  t.mock.timers.tick(600_000);
  await settled();
  assert.deepEqual(contents(), ['one', 'three', 'one', 'two']);
});

test('refusals are told in plain words, for now and for good', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const slow = refusal(429, 'slow', { code: 'SLOW_MODE', retryAfter: 3.2 });
  const { deliver } = server(refusal(403, 'archived', { code: 'ARCHIVED' }), slow);
  const outbox = outboxOf(deliver);
  outbox.add('c', 'one');
  outbox.add('c', 'two');
  await settled();
  assert.deepEqual(outbox.entries.map(({ state, reason }) => [state, reason]), [
    ['failed', 'This conversation is archived. Nobody can write in it.'],
    ['waiting', 'This conversation is slow. Your message goes out in 4 seconds.'],
  ]);
  t.mock.timers.tick(4000);
  await settled();
  assert.deepEqual(outbox.entries.map(({ content }) => content), ['one']);
});

test('a failed message can be tried again with its key, or discarded', async () => {
  const { calls, deliver } = server(refusal(403), refusal(403));
  const storage = new MemoryStorage();
  const outbox = outboxOf(deliver, storage);
  const { key } = outbox.add('c', 'one');
  await settled();
  outbox.retry(key);
  await settled();
  assert.deepEqual(calls.map((call) => call.key), [key, key]);
  outbox.discard(key);
  assert.deepEqual(outbox.entries, []);
  assert.equal(storage.length, 0);
});

test('what was not sent survives a reload, in order and with its keys', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const storage = new MemoryStorage();
  const before = outboxOf(server(new Error('offline')).deliver, storage);
  for (const text of ['one', 'two', 'three']) before.add('c', text);
  await settled();
  const { calls, deliver } = server();
  const after = outboxOf(deliver, storage);
  await after.flush();
  assert.deepEqual(calls, before.entries.map(({ key, content }) => ({ key, content })));
  assert.equal(storage.length, 0);
});

test('an attempt cut off by a reload is made again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const storage = new MemoryStorage();
  outboxOf(() => new Promise(() => undefined), storage).add('c', 'one');
  const { contents, deliver } = server();
  await outboxOf(deliver, storage).flush();
  assert.deepEqual(contents(), ['one']);
});

test('one person’s messages are not sent in the name of another', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const storage = new MemoryStorage();
  outboxOf(server(new Error('offline')).deliver, storage, 'ana').add('c', 'one');
  await settled();
  assert.deepEqual(outboxOf(server().deliver, storage, 'ben').entries, []);
});

test('what another tab has sent is not sent again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const storage = new MemoryStorage();
  const { contents, deliver } = server(new Error('offline'));
  const here = outboxOf(deliver, storage);
  here.add('c', 'one');
  await settled();
  await outboxOf(server().deliver, storage).flush();
  await here.flush();
  assert.deepEqual(contents(), ['one']);
  assert.deepEqual(here.entries, []);
});
