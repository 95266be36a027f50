import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { audienceOf, conversationsByRecency, readMarkers, statusOf, titleOf, typingLine } from '../../src/portal/selectors.js';
import { Store } from '../../src/portal/store.js';

const ME = { _id: 'me', name: 'Ana Ribeiro' };
let store;

function message(seq, fields = {}) {
  const createdAt = `2026-03-01T10:00:${String(seq).padStart(2, '0')}.000Z`;
  return { _id: `m${seq}`, conversationId: 'c', senderId: 'ben', type: 'text', content: `text ${seq}`, seq, createdAt, ...fields };
}

function seqs() {
  return store.threads.get('c').messages.map(({ seq }) => seq);
}

beforeEach(() => {
  store = new Store(ME);
  store.putUsers([{ _id: 'ben', name: 'Ben Okafor' }, { _id: 'noor', name: 'Noor Haddad' }]);
  store.putConversations([{ _id: 'c', kind: 'group', name: 'Biology', clock: 2, unread: 0, readSeq: 2, deliveredSeq: 2 }]);
  store.putMembers('c', ['me', 'ben', 'noor'].map((userId) => ({ conversationId: 'c', userId, readSeq: 0, deliveredSeq: 0 })));
});

test('messages are held once each and sorted, however they come', () => {
  store.mergeMessages('c', [message(3), message(1)]);
  store.mergeMessages('c', [message(2), message(3)]);
  assert.deepEqual(seqs(), [1, 2, 3]);
});

test('a page asked for before an edit or a deletion does not undo it', () => {
  store.mergeMessages('c', [message(1, { content: 'new', editedAt: '2026-03-01T11:00:00Z' }), message(2, { content: null, deletedAt: '2026-03-01T11:00:00Z' })]);
  store.mergeMessages('c', [message(1, { content: 'old' }), message(2)]);
  assert.deepEqual(store.threads.get('c').messages.map(({ content }) => content), ['new', null]);
});

test('a deletion wins over an edit', () => {
  store.mergeMessages('c', [message(1, { content: 'new', editedAt: '2026-03-01T11:00:00Z' })]);
  store.mergeMessages('c', [message(1, { content: null, deletedAt: '2026-03-01T12:00:00Z' })]);
  assert.equal(store.threads.get('c').messages[0].content, null);
});

test('another’s new message counts as unread once, one’s own does not', () => {
  const heard = [];
  store.on('arrival', ({ seq }) => heard.push(seq));
  store.noteArrival(message(3));
  store.noteArrival(message(3));
  store.noteArrival(message(4, { senderId: 'me' }));
  assert.equal(store.conversations.get('c').unread, 1);
  assert.equal(store.conversations.get('c').lastMessage.seq, 4);
  assert.deepEqual(heard, [3]);
});

test('an event for all members does not overwrite what is one’s own, nor hide a message that follows', () => {
  store.patchConversation({ _id: 'c', name: 'Biology 10B', clock: 3, unread: 9, readSeq: 0 });
  store.noteArrival(message(3));
  const { name, unread, readSeq } = store.conversations.get('c');
  assert.deepEqual({ name, unread, readSeq }, { name: 'Biology 10B', unread: 1, readSeq: 2 });
});

test('cursors only move forward, and reading to the end clears the count', () => {
  store.noteArrival(message(3));
  store.moveCursor('readSeq', { conversationId: 'c', userId: 'me', seq: 3 });
  store.moveCursor('readSeq', { conversationId: 'c', userId: 'me', seq: 1 });
  assert.deepEqual([store.conversations.get('c').readSeq, store.conversations.get('c').unread], [3, 0]);
});

test('the status of one’s message follows the slowest of the others', () => {
  const own = message(3, { senderId: 'me' });
  assert.equal(statusOf(store, own), 'sent');
  store.moveCursor('readSeq', { conversationId: 'c', userId: 'ben', seq: 3 });
  assert.equal(statusOf(store, own), 'sent');
  store.moveCursor('deliveredSeq', { conversationId: 'c', userId: 'noor', seq: 3 });
  assert.equal(statusOf(store, own), 'delivered');
  assert.deepEqual(audienceOf(store, own), { read: ['ben'], delivered: ['noor'], waiting: [] });
  store.moveCursor('readSeq', { conversationId: 'c', userId: 'noor', seq: 4 });
  assert.equal(statusOf(store, own), 'read');
});

test('a read marker stands at the newest held message that somebody has read', () => {
  store.mergeMessages('c', [message(1, { senderId: 'me' }), message(2, { senderId: 'me' }), message(3)]);
  store.moveCursor('readSeq', { conversationId: 'c', userId: 'noor', seq: 2 });
  store.moveCursor('readSeq', { conversationId: 'c', userId: 'ben', seq: 3 });
  assert.deepEqual([...readMarkers(store, 'c')], [['m2', ['noor']]]);
});

test('a direct conversation has the name of the other person', () => {
  const conversation = { _id: 'd', kind: 'direct', name: null };
  store.putConversations([conversation]);
  assert.equal(titleOf(store, conversation), 'Direct message');
  store.putMembers('d', [{ conversationId: 'd', userId: 'me' }, { conversationId: 'd', userId: 'ben' }]);
  assert.equal(titleOf(store, conversation), 'Ben Okafor');
});

test('a new message moves its conversation to the top', () => {
  store.putConversations([{ _id: 'd', kind: 'group', name: 'Chess', clock: 1, lastMessageAt: '2026-03-01T09:00:00.000Z' }]);
  store.noteArrival(message(3));
  assert.deepEqual(conversationsByRecency(store).map(({ _id }) => _id), ['c', 'd']);
});

test('the line of those who type is empty again once they stop or the connection is lost', () => {
  store.setTyping('c', 'ben', true);
  store.setTyping('c', 'noor', true);
  assert.equal(typingLine(store, 'c'), 'Ben and Noor are typing…');
  store.setTyping('c', 'ben', false);
  assert.equal(typingLine(store, 'c'), 'Noor is typing…');
  store.forgetTyping();
  assert.equal(typingLine(store, 'c'), '');
});

test('a conversation that is left takes its messages with it', () => {
  store.mergeMessages('c', [message(1)]);
  store.activate('c');
  store.dropConversation('c');
  assert.deepEqual([store.activeId, store.threads.size, store.conversations.size], [null, 0, 0]);
});
