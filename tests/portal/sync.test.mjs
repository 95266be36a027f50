import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Sync } from '../../src/portal/sync.js';

const NOTHING = { at: 't1', conversations: {}, joined: [], left: [], resync: false };

/** A Sync whose server gives these answers in turn, and a record of what it asked and applied. */
function started(...answers) {
  const asked = [];
  const applied = [];
  const note = (name) => (...args) => void applied.push([name, ...args]);
  const names = ['changes', 'resync', 'joined', 'left', 'relist'];
  const sync = new Sync({
    ask: async (question) => {
      asked.push(question);
      const answer = answers.shift() ?? NOTHING;
      if (answer instanceof Error) throw answer;
      return { ...NOTHING, ...answer };
    },
    apply: Object.fromEntries(names.map((name) => [name, note(name)])),
  });
  return { sync, asked, applied };
}

test('asks from what was fetched, and from the time of the last answer', async () => {
  const { sync, asked } = started();
  sync.hold('a', { revision: 7, clock: 3 });
  await sync.catchUp();
  await sync.catchUp();
  const held = { conversations: { a: { seq: 3, revision: 7 } } };
  assert.deepEqual(asked, [held, { ...held, at: 't1' }]);
});

test('claims no more than what came without a gap', () => {
  const { sync } = started();
  sync.hold('a', { revision: 1 });
  sync.note('a', 2);
  assert.equal(sync.revisionOf('a'), 2);
  sync.note('a', 4);
  sync.note('a', 5);
  assert.equal(sync.revisionOf('a'), 2);
  sync.note('a', 3);
  assert.equal(sync.revisionOf('a'), 5);
});

test('knows of a gap until it is closed', () => {
  const { sync } = started();
  sync.hold('a', { revision: 1 });
  sync.note('a', 3);
  assert.equal(sync.hasGap('a'), true);
  sync.note('a', 2);
  assert.equal(sync.hasGap('a'), false);
  assert.equal(sync.hasGap('b'), false);
});

test('does not go back for an event that comes late or twice', () => {
  const { sync } = started();
  sync.hold('a', { revision: 5 });
  sync.note('a', 3);
  sync.note('a', 5);
  sync.note('a', undefined);
  assert.equal(sync.revisionOf('a'), 5);
});

test('knows nothing of a conversation that is not held', () => {
  const { sync } = started();
  sync.note('a', 1);
  assert.equal(sync.holds('a'), false);
  assert.equal(sync.revisionOf('a'), undefined);
});

test('an answer fills the gap, together with what came meanwhile', async () => {
  const changes = { revision: 4, clock: 2, messages: [] };
  const { sync, applied } = started({ conversations: { a: changes } });
  sync.hold('a', { revision: 1, clock: 1 });
  sync.note('a', 5);
  await sync.catchUp();
  assert.deepEqual(applied, [['changes', 'a', changes]]);
  assert.equal(sync.revisionOf('a'), 5);
});

test('an answer that events have overtaken does not take them back', async () => {
  const { sync } = started({ conversations: { a: { revision: 2, clock: 1 } } });
  sync.hold('a', { revision: 1 });
  const running = sync.catchUp();
  sync.note('a', 2);
  sync.note('a', 3);
  await running;
  assert.equal(sync.revisionOf('a'), 3);
});

test('tells what is to be fetched anew, and forgets it until then', async () => {
  const { sync, applied, asked } = started({ conversations: { a: { resync: true, revision: 900, clock: 800 } } });
  sync.hold('a', { revision: 1 });
  await sync.catchUp();
  assert.deepEqual(applied, [['resync', 'a']]);
  await sync.catchUp();
  assert.deepEqual(asked[1].conversations, {});
});

test('tells who has joined and left, and when there is more to list', async () => {
  const joined = { _id: 'b', name: 'New' };
  const { sync, applied } = started({ joined: [joined], left: ['a'], resync: true });
  sync.hold('a', { revision: 1 });
  await sync.catchUp();
  assert.deepEqual(applied, [['left', 'a'], ['joined', joined], ['relist']]);
  assert.equal(sync.holds('a'), false);
});

test('asks once at a time', async () => {
  const { sync, asked } = started();
  await Promise.all([sync.catchUp(), sync.catchUp()]);
  assert.equal(asked.length, 1);
});

test('asks the same again after a failure', async () => {
  const { sync, asked } = started(new Error('lost'));
  sync.hold('a', { revision: 1 });
  await assert.rejects(sync.catchUp(), /lost/);
  await sync.catchUp();
  assert.deepEqual(asked[0], asked[1]);
});

test('asks by itself where a gap stays open for long', async () => {
  const { sync, asked } = started();
  sync.hold('a', { revision: 1 });
  for (let revision = 3; revision < 203; revision += 1) sync.note('a', revision);
  assert.equal(asked.length, 0);
  sync.note('a', 203);
  assert.equal(asked.length, 1);
  await sync.catchUp();
});

test('asks anew when told of a loss, whatever was under way', async () => {
  const { sync, asked } = started(new Error('lost'));
  const earlier = sync.catchUp();
  await Promise.all([assert.rejects(earlier, /lost/), sync.resync(), sync.resync()]);
  assert.equal(asked.length, 2);
  await sync.resync();
  assert.equal(asked.length, 3);
});
