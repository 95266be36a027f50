import { Emitter } from './emitter.js';
import { Thread, laterVersion } from './thread.js';

/**
 * Not taken from `conversations patched`: the first four are each member's own, and an event is the same for all; the
 * others follow from the messages themselves, whose events may come before or after it.
 */
const KEPT_FIELDS = ['unread', 'mentions', 'readSeq', 'deliveredSeq', 'clock', 'lastMessage', 'lastMessageAt'];

/**
 * What this client knows. It asks nobody: `chat.js` and `events.js` fill it, the views read it.
 *
 * Emits the name of what changed: `connection`, `conversations`, `people` (users, members, presence, typing),
 * `thread` (conversationId), `active`, and `arrival` (message) for each new message of somebody else.
 */
export class Store extends Emitter {
  /** @type {'connecting' | 'online' | 'offline'} */
  connection = 'connecting';
  activeId = null;
  /** @type {boolean | null} whether the server has older conversations than those held; null until it said */
  hasMoreConversations = null;
  users = new Map();
  online = new Set();
  conversations = new Map();
  /** @type {Map<string, Map<string, object>>} conversationId → userId → member */
  members = new Map();
  /** @type {Map<string, Thread>} */
  threads = new Map();
  /** @type {Map<string, Set<string>>} conversationId → userIds */
  typing = new Map();
  /** @type {Map<string, Map<string, string>>} messageId → emoji → id of one's own reaction */
  ownReactions = new Map();
  /** @type {Map<string, object>} messages that are not in a thread but are answered by one that is */
  answered = new Map();

  constructor(me) {
    super();
    this.me = me;
    this.users.set(me._id, me);
  }

  setConnection(connection) {
    this.connection = connection;
    this.emit('connection');
  }

  activate(conversationId) {
    this.activeId = conversationId;
    this.emit('active');
  }

  putUsers(users) {
    for (const user of users) this.users.set(user._id, { ...this.users.get(user._id), ...user });
    this.emit('people');
  }

  setOnline(userIds) {
    this.online = new Set(userIds);
    this.emit('people');
  }

  /** @param {{userId: string, online: boolean, lastSeenAt?: string | null}[]} changes */
  changePresence(changes) {
    for (const { userId, online, lastSeenAt } of changes) {
      if (online) this.online.add(userId);
      else this.online.delete(userId);
      const user = this.users.get(userId);
      if (user && lastSeenAt) user.lastSeenAt = lastSeenAt;
    }
    this.emit('people');
  }

  setTyping(conversationId, userId, isTyping) {
    const typists = this.typing.get(conversationId) ?? new Set();
    if (isTyping) typists.add(userId);
    else typists.delete(userId);
    this.typing.set(conversationId, typists);
    this.emit('people');
  }

  /** Without a connection nobody would tell that they have stopped. */
  forgetTyping() {
    this.typing.clear();
    this.emit('people');
  }

  /** @param {object[]} conversations as the server answers them to this member */
  putConversations(conversations) {
    for (const one of conversations) this.conversations.set(one._id, ownView(this.conversations.get(one._id), one));
    this.emit('conversations');
  }

  /** @param {object} event what `conversations patched` tells everybody */
  patchConversation(event) {
    const held = this.conversations.get(event._id);
    if (!held || event.revision < held.revision) return;
    const kept = Object.fromEntries(KEPT_FIELDS.map((field) => [field, held[field]]));
    this.putConversations([{ ...event, ...kept }]);
  }

  /** What is held of a conversation besides its place in the list: all of it will be fetched anew. */
  forget(id) {
    for (const map of [this.members, this.threads]) map.delete(id);
  }

  dropConversation(id) {
    this.forget(id);
    for (const map of [this.conversations, this.typing]) map.delete(id);
    if (this.activeId === id) this.activate(null);
    this.emit('conversations');
  }

  putMembers(conversationId, members) {
    this.members.set(conversationId, new Map(members.map((member) => [member.userId, member])));
    const own = members.find(({ userId }) => userId === this.me._id);
    if (own) this.#keepOwnPlace(own);
    this.emit('people');
  }

  /** Who joins has a revision of the conversation, and so has every later change of the member; cursors have none. */
  putMember(member) {
    const members = this.members.get(member.conversationId);
    const held = members?.get(member.userId);
    if (held && member.revision < held.revision) return;
    members?.set(member.userId, withLatestCursors(held, member));
    if (member.userId === this.me._id) this.#keepOwnPlace(member);
    this.emit('people');
  }

  dropMember({ conversationId, userId }) {
    this.members.get(conversationId)?.delete(userId);
    this.setTyping(conversationId, userId, false);
  }

  /** @param {boolean} [reachesStart] whether the conversation's first message is among them */
  mergeMessages(conversationId, messages, reachesStart = false) {
    const thread = this.threads.get(conversationId) ?? new Thread();
    this.threads.set(conversationId, thread);
    thread.merge(messages);
    thread.reachesStart ||= reachesStart;
    this.emit('thread', conversationId);
  }

  react(reaction, isTaken) {
    this.threads.get(reaction.conversationId)?.react(reaction);
    if (reaction.userId !== this.me._id) this.emit('thread', reaction.conversationId);
    else if (isTaken) this.dropOwnReactions([reaction]);
    else this.putOwnReactions([reaction]);
  }

  putOwnReactions(reactions) {
    for (const { _id, messageId, emoji } of reactions) {
      const own = this.ownReactions.get(messageId) ?? new Map();
      this.ownReactions.set(messageId, own.set(emoji, _id));
    }
    this.#emitThreads(reactions);
  }

  dropOwnReactions(reactions) {
    for (const { messageId, emoji } of reactions) this.ownReactions.get(messageId)?.delete(emoji);
    this.#emitThreads(reactions);
  }

  putAnswered(messages) {
    for (const message of messages) this.answered.set(message._id, laterVersion(this.answered.get(message._id), message));
    this.#emitThreads(messages);
  }

  /** A message seen for the first time moves its conversation to the top and counts as unread if it is another's. */
  noteArrival(message) {
    const conversation = this.conversations.get(message.conversationId);
    if (!conversation || message.seq <= conversation.clock) return;
    const isOther = message.senderId !== this.me._id;
    const { seq, revision, senderId, type, content, createdAt } = message;
    Object.assign(conversation, {
      clock: seq,
      lastMessage: { seq, revision, senderId, type, content, createdAt },
      lastMessageAt: createdAt,
      unread: (conversation.unread ?? 0) + (isOther ? 1 : 0),
      mentions: (conversation.mentions ?? 0) + (isOther && this.isMentioned(message) ? 1 : 0),
    });
    this.emit('conversations');
    if (isOther) this.emit('arrival', message);
  }

  isMentioned({ mentions = [] }) {
    return mentions.some((one) => one === 'all' || one === this.me._id || one === this.me.role);
  }

  /** An edit or deletion of the newest message shows in the list too. */
  noteChange(message) {
    if (this.answered.has(message._id)) this.putAnswered([message]);
    const conversation = this.conversations.get(message.conversationId);
    const last = conversation?.lastMessage;
    if (last?.seq !== message.seq || message.revision < last.revision) return;
    conversation.lastMessage = { ...last, content: message.content, revision: message.revision };
    this.emit('conversations');
  }

  /**
   * @param {'deliveredSeq' | 'readSeq'} cursor who has read has also received
   * @param {{conversationId: string, userId: string, seq: number, at?: string}} receipt
   */
  moveCursor(cursor, { conversationId, userId, seq, at }) {
    const member = this.members.get(conversationId)?.get(userId);
    if (member) {
      member.deliveredSeq = Math.max(member.deliveredSeq ?? 0, seq);
      if (cursor === 'readSeq' && seq > (member.readSeq ?? 0)) Object.assign(member, { readSeq: seq, readAt: at });
    }
    if (userId === this.me._id) this.#moveOwnCursor(cursor, conversationId, seq);
    this.emit('people');
  }

  #moveOwnCursor(cursor, conversationId, seq) {
    const conversation = this.conversations.get(conversationId);
    if (!conversation || seq <= (conversation[cursor] ?? 0)) return;
    conversation[cursor] = seq;
    if (cursor === 'readSeq' && seq >= conversation.clock) conversation.unread = conversation.mentions = 0;
    this.emit('conversations');
  }

  #keepOwnPlace({ conversationId, role, mutedUntil }) {
    const conversation = this.conversations.get(conversationId);
    if (!conversation) return;
    Object.assign(conversation, { role, mutedUntil });
    this.emit('conversations');
  }

  #emitThreads(records) {
    const ids = records.map(({ conversationId }) => conversationId);
    for (const id of new Set(ids)) this.emit('thread', id);
  }
}

/** What was asked for before one read on does not take that back. */
function withLatestCursors(held, record) {
  const cursors = ['deliveredSeq', 'readSeq'].map((cursor) => [cursor, Math.max(held?.[cursor] ?? 0, record[cursor] ?? 0)]);
  return { ...held, ...record, ...Object.fromEntries(cursors) };
}

function ownView(held, conversation) {
  const merged = withLatestCursors(held, conversation);
  return merged.readSeq >= merged.clock ? { ...merged, unread: 0, mentions: 0 } : merged;
}
