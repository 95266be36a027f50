import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { History } from '../../src/portal/history.js';
import { Store } from '../../src/portal/store.js';

/** Answers `find messages` from a list, by the few query words that the history uses. */
class Archive {
  queries = [];

  constructor(count) {
    this.messages = [];
    this.grow(count);
  }

  grow(count) {
    for (let index = 0; index < count; index++) {
      const seq = this.messages.length + 1;
      this.messages.push({ _id: `m${seq}`, conversationId: 'c', senderId: 'ben', content: `text ${seq}`, seq });
    }
    return this.messages.at(-1);
  }

  async find(path, { seq = {}, $sort, $limit, ...rest }) {
    assert.deepEqual({ path, ...rest }, { path: 'messages', conversationId: 'c' });
    this.queries.push(seq);
    const { $gt = 0, $lt = Infinity } = seq;
    const found = this.messages.filter((message) => message.seq > $gt && message.seq < $lt);
    if ($sort.seq < 0) found.reverse();
    return { total: found.length, limit: $limit, skip: 0, data: structuredClone(found.slice(0, $limit)) };
  }
}

let archive;
let history;
let store;

beforeEach(() => {
  archive = new Archive(70);
  store = new Store({ _id: 'me', name: 'Ana' });
  history = new History(archive, store);
});

function held() {
  return store.threads.get('c').messages.map(({ seq }) => seq);
}

function range(first, last) {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

test('the newest page comes first, and older ones until the beginning', async () => {
  await history.open('c');
  assert.deepEqual(held(), range(41, 70));
  await history.older('c');
  await history.older('c');
  assert.deepEqual(held(), range(1, 70));
  assert.equal(store.threads.get('c').reachesStart, true);
  const asked = archive.queries.length;
  await history.older('c');
  assert.equal(archive.queries.length, asked);
});

test('one older page is asked for only once at a time', async () => {
  await history.open('c');
  await Promise.all([history.older('c'), history.older('c')]);
  assert.deepEqual(archive.queries, [{}, { $lt: 41 }]);
});

test('after a time offline everything missed is fetched, page after page', async () => {
  await history.open('c');
  archive.grow(250);
  await history.catchUp('c');
  assert.deepEqual(held(), range(41, 320));
});

test('what changes while its page is on its way is not undone by the page', async () => {
  const opening = history.open('c');
  const edited = { ...archive.messages[64], content: 'better', revision: 9 };
  await history.receive(edited);
  await history.receive(archive.grow(1));
  await opening;
  assert.equal(store.threads.get('c').messages.find(({ seq }) => seq === 65).content, 'better');
  assert.deepEqual(held(), range(41, 71));
});

test('a hole is filled by what was missed, without asking for a page', async () => {
  await history.open('c');
  const missed = [archive.grow(1), archive.grow(1)];
  history.resume = () => history.put('c', missed);
  await history.receive(archive.grow(1));
  assert.deepEqual(held(), range(41, 73));
  assert.deepEqual(archive.queries, [{}]);
});

test('pages are fetched back to a message, unless it is too far away', async () => {
  assert.equal(await history.backTo('c', 3), true);
  assert.deepEqual(held(), range(1, 70));
  archive.grow(3100);
  await history.catchUp('c');
  assert.equal(await history.backTo('c', 1), false);
});

test('an event that leaves a hole fetches what is missing', async () => {
  await history.open('c');
  archive.grow(4);
  await history.receive(archive.grow(1));
  assert.deepEqual(held(), range(41, 75));
});

test('events that come while catching up leave no hole and ask no more than needed', async () => {
  await history.open('c');
  archive.grow(120);
  const catchingUp = history.catchUp('c');
  const events = range(1, 5).map(() => history.receive(archive.grow(1)));
  await Promise.all([catchingUp, ...events]);
  assert.deepEqual(held(), range(41, 195));
  assert.ok(archive.queries.length <= 4, `${archive.queries.length} queries`);
});

test('a failed catching up does not keep the next from running', async () => {
  await history.open('c');
  archive.grow(1);
  const { find } = archive;
  archive.find = async () => {
    throw new Error('connection lost');
  };
  await assert.rejects(history.catchUp('c'));
  archive.find = find;
  await history.catchUp('c');
  assert.deepEqual(held(), range(41, 71));
});

test('a change to a message that is not held is passed over', async () => {
  await history.open('c');
  await history.receive({ ...archive.messages[0], content: 'edited' });
  assert.deepEqual(held(), range(41, 70));
});

test('the first message of an empty conversation is taken', async () => {
  archive.messages = [];
  await history.open('c');
  await history.receive(archive.grow(1));
  assert.deepEqual(held(), [1]);
});
