import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { audienceOf, conversationsByRecency, readMarkers, statusOf, titleOf, totalUnread, typingLine } from '../../src/portal/selectors.js';
import { Store } from '../../src/portal/store.js';
import { reactionsOf } from '../../src/portal/thread.js';

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
  store.mergeMessages('c', [message(1, { content: 'new', revision: 5 }), message(2, { content: null, deletedAt: '2026-03-01T11:00:00Z', revision: 6 })]);
  store.mergeMessages('c', [message(1, { content: 'old', revision: 1 }), message(2, { revision: 2 })]);
  assert.deepEqual(store.threads.get('c').messages.map(({ content }) => content), ['new', null]);
});

test('a message that was restored is shown again', () => {
  store.mergeMessages('c', [message(1, { content: null, deletedAt: '2026-03-01T12:00:00Z', revision: 2 })]);
  store.mergeMessages('c', [message(1, { content: 'back', deletedAt: null, revision: 3 })]);
  assert.equal(store.threads.get('c').messages[0].content, 'back');
});

function reaction(emoji, count, revision, fields = {}) {
  return { _id: `r${revision}`, conversationId: 'c', messageId: 'm1', userId: 'ben', emoji, count, revision, ...fields };
}

test('reactions count in whichever order they are told, and an edit between them takes none back', () => {
  store.mergeMessages('c', [message(1, { revision: 1, reactions: [{ emoji: '👍', count: 1 }] })]);
  store.react(reaction('🎉', 1, 4), false);
  store.react(reaction('👍', 2, 2), false);
  store.mergeMessages('c', [message(1, { revision: 3, content: 'new', reactions: [{ emoji: '👍', count: 2 }] })]);
  const [shown] = store.threads.get('c').messages;
  assert.equal(shown.content, 'new');
  assert.deepEqual(reactionsOf(shown), [{ emoji: '👍', count: 2 }, { emoji: '🎉', count: 1 }]);
  store.react(reaction('🎉', 0, 5), true);
  store.react(reaction('👍', 9, 2), false);
  assert.deepEqual(reactionsOf(store.threads.get('c').messages[0]), [{ emoji: '👍', count: 2 }]);
});

test('one’s own reactions are known to be one’s own', () => {
  store.mergeMessages('c', [message(1, { revision: 1 })]);
  store.react(reaction('👍', 1, 2, { userId: 'me' }), false);
  store.react(reaction('🎉', 1, 3), false);
  assert.deepEqual([...store.ownReactions.get('m1').keys()], ['👍']);
  store.react(reaction('👍', 0, 4, { userId: 'me' }), true);
  assert.equal(store.ownReactions.get('m1').size, 0);
});

test('an older state of a member or a conversation does not replace a newer one', () => {
  store.putMember({ conversationId: 'c', userId: 'ben', role: 'admin', readSeq: 2, revision: 7 });
  store.putMember({ conversationId: 'c', userId: 'ben', role: 'member', readSeq: 1, revision: 5 });
  store.patchConversation({ _id: 'c', name: 'New', revision: 8 });
  store.patchConversation({ _id: 'c', name: 'Old', revision: 6 });
  const { role, readSeq } = store.members.get('c').get('ben');
  assert.deepEqual({ role, readSeq, name: store.conversations.get('c').name }, { role: 'admin', readSeq: 2, name: 'New' });
});

test('messages that mention one are counted until they are read', () => {
  store.noteArrival(message(3, { mentions: ['all'] }));
  store.noteArrival(message(4, { mentions: ['noor', 'me'] }));
  store.noteArrival(message(5, { mentions: ['noor'] }));
  assert.equal(store.conversations.get('c').mentions, 2);
  store.moveCursor('readSeq', { conversationId: 'c', userId: 'me', seq: 5 });
  assert.equal(store.conversations.get('c').mentions, 0);
});

test('an answer from before one read on does not make it unread again', () => {
  store.noteArrival(message(3));
  store.moveCursor('readSeq', { conversationId: 'c', userId: 'me', seq: 3 });
  store.putConversations([{ _id: 'c', clock: 3, readSeq: 2, unread: 1, mentions: 1 }]);
  const { readSeq, unread, mentions } = store.conversations.get('c');
  assert.deepEqual({ readSeq, unread, mentions }, { readSeq: 3, unread: 0, mentions: 0 });
});

test('a muted conversation does not count in the title, an archived one is not listed', () => {
  store.noteArrival(message(3));
  assert.equal(totalUnread(store), 1);
  store.putMember({ conversationId: 'c', userId: 'me', mutedUntil: '9999-01-01T00:00:00Z', revision: 9 });
  assert.equal(totalUnread(store), 0);
  store.patchConversation({ _id: 'c', archivedAt: '2026-03-01T12:00:00Z', revision: 10 });
  assert.deepEqual(conversationsByRecency(store), []);
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
  const conversation = { _id: 'd', kind: 'direct', name: null, directKey: 'ben:me' };
  assert.equal(titleOf(store, conversation), 'Ben Okafor');
  assert.equal(titleOf(store, { kind: 'direct', other: { _id: 'noor' } }), 'Noor Haddad');
  assert.equal(titleOf(store, { kind: 'direct', other: null }), 'Direct message');
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

test('changes of presence are shown together, with when somebody was seen last', () => {
  let shown = 0;
  store.on('people', () => (shown += 1));
  store.setOnline(['noor']);
  store.changePresence([
    { userId: 'ben', online: true, role: 'student', at: '2026-03-01T10:00:00.000Z' },
    { userId: 'noor', online: false, lastSeenAt: '2026-03-01T09:00:00.000Z' },
    { userId: 'unknown', online: false, lastSeenAt: null },
  ]);
  assert.equal(shown, 2);
  assert.deepEqual([...store.online], ['ben']);
  assert.equal(store.users.get('noor').lastSeenAt, '2026-03-01T09:00:00.000Z');
});
