import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { changes } from '../../src/portal/changes.js';
import { Details } from '../../src/portal/details.js';
import { History } from '../../src/portal/history.js';
import { OwnViews } from '../../src/portal/own-views.js';
import { Store } from '../../src/portal/store.js';
import { Sync } from '../../src/portal/sync.js';
import { reactionsOf } from '../../src/portal/thread.js';

const QUIET = { conversations: {}, joined: [], left: [], resync: false, at: 't' };
let asked;
let answer;
let chat;

/** A member who holds the conversation `c` with two messages, and the conversation `d` by its name. */
beforeEach(async () => {
  asked = [];
  const store = new Store({ _id: 'me', name: 'Ana', role: 'student' });
  store.putUsers([{ _id: 'ben', name: 'Ben' }]);
  store.putConversations(['c', 'd'].map((_id) => ({ _id, name: _id, clock: 2, revision: 2, unread: 0, readSeq: 2 })));
  store.putMembers('c', ['me', 'ben'].map((userId) => ({ conversationId: 'c', userId, readSeq: 0, deliveredSeq: 0, revision: 1 })));
  store.mergeMessages('c', [message(1), message(2)], true);
  const api = {
    find: async (path, query) => {
      asked.push(path);
      return { data: query._id.$in.map((_id) => ({ _id, name: _id, clock: 3, revision: 9, unread: 1, mentions: 1, readSeq: 2 })) };
    },
  };
  const ownViews = new OwnViews(api, (conversations) => store.putConversations(conversations));
  chat = {
    store, ownViews, history: new History(api, store), details: new Details(api, store),
    directory: { need: async () => undefined },
    attempt: (work) => work(),
    list: () => asked.push('list'),
  };
  chat.sync = new Sync({ ask: async () => ({ ...QUIET, ...answer }), apply: changes(chat) });
  for (const id of ['c', 'd']) chat.sync.hold(id, { revision: 2, clock: 2 });
});

function message(seq, fields = {}) {
  return { _id: `m${seq}`, conversationId: 'c', senderId: 'ben', type: 'text', content: `text ${seq}`, seq, revision: seq, reactions: [], ...fields };
}

async function catchUp(told) {
  answer = told;
  await chat.sync.catchUp();
  await chat.ownViews.need([]);
}

function contents() {
  return chat.store.threads.get('c').messages.map(({ content }) => content);
}

test('edits, deletions, reactions and new messages come to their places, and one call brings what is one’s own', async () => {
  const reaction = { conversationId: 'c', messageId: 'm2', emoji: '🎉', revision: 5 };
  await catchUp({
    conversations: {
      c: {
        revision: 6, clock: 3, receipts: [], members: [], left: [], taken: [],
        messages: [message(1, { content: 'better', revision: 3 }), message(2, { reactions: [{ emoji: '🎉', count: 2 }], revision: 5 }), message(3, { revision: 6 })],
        reactions: [{ ...reaction, _id: 'r1', userId: 'me' }, { ...reaction, _id: 'r2', userId: 'ben' }],
      },
      d: { revision: 4, clock: 3, messages: [message(3, { conversationId: 'd', revision: 4 })] },
    },
  });
  const { conversations, ownReactions, threads } = chat.store;
  assert.deepEqual(contents(), ['better', 'text 2', 'text 3']);
  assert.deepEqual(reactionsOf(threads.get('c').find('m2')), [{ emoji: '🎉', count: 2 }]);
  assert.equal(ownReactions.get('m2').get('🎉'), 'r1');
  assert.equal(threads.has('d'), false);
  assert.deepEqual([conversations.get('c').unread, conversations.get('d').unread, conversations.get('d').mentions], [1, 1, 1]);
  assert.deepEqual(asked, ['conversations']);
  assert.equal(chat.sync.revisionOf('c'), 6);
});

test('an answer does not undo what an event has told since', async () => {
  await chat.history.receive(message(1, { content: 'newest', revision: 8 }));
  await catchUp({ conversations: { c: { revision: 7, clock: 2, messages: [message(1, { content: 'newer', revision: 7 })] } } });
  assert.deepEqual(contents(), ['newest', 'text 2']);
});

test('members, those who left, and receipts are told without asking for more', async () => {
  await catchUp({
    conversations: {
      c: {
        revision: 4, clock: 2, members: [{ conversationId: 'c', userId: 'noor', revision: 3 }], left: ['ben'],
        receipts: [{ userId: 'noor', deliveredSeq: 2, readSeq: 1, readAt: 't' }],
        conversation: { _id: 'c', name: 'Another name', revision: 4 },
      },
    },
  });
  assert.deepEqual([...chat.store.members.get('c').keys()], ['me', 'noor']);
  assert.equal(chat.store.members.get('c').get('noor').readSeq, 1);
  assert.equal(chat.store.conversations.get('c').name, 'Another name');
  assert.deepEqual(asked, []);
});

test('who has left and come back is a member, and what was taken back and set again is set', async () => {
  const reaction = { conversationId: 'c', messageId: 'm1', userId: 'me', emoji: '🎉' };
  await catchUp({
    conversations: {
      c: {
        revision: 6, clock: 2, left: ['ben'], members: [{ conversationId: 'c', userId: 'ben', revision: 4 }],
        taken: [{ ...reaction, _id: 'r1' }], reactions: [{ ...reaction, _id: 'r2' }],
      },
    },
  });
  assert.equal(chat.store.members.get('c').has('ben'), true);
  assert.equal(chat.store.ownReactions.get('m1').get('🎉'), 'r2');
});

test('what one has read elsewhere is asked for', async () => {
  await catchUp({ conversations: { c: { revision: 2, clock: 2, receipts: [{ userId: 'me', deliveredSeq: 2, readSeq: 2 }] } } });
  assert.deepEqual(asked, ['conversations']);
});

test('what one was let into is listed, what one was put out of is gone with its messages', async () => {
  await catchUp({ joined: [{ _id: 'e' }], left: ['c'] });
  const { conversations, threads } = chat.store;
  assert.deepEqual([[...conversations.keys()], threads.has('c')], [['d', 'e'], false]);
});

test('where too much was missed the messages are forgotten, and where there is more, all is listed', async () => {
  await catchUp({ conversations: { c: { resync: true, revision: 900, clock: 800 } }, resync: true });
  assert.deepEqual([chat.store.threads.has('c'), chat.store.members.has('c'), chat.sync.holds('c')], [false, false, false]);
  assert.deepEqual(asked, ['list', 'conversations']);
});
