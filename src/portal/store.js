import { Emitter } from './emitter.js';
import { Thread } from './thread.js';

/**
 * Not taken from `conversations patched`: the first three are each member's own, and an event is the same for all; the
 * others follow from the messages themselves, whose events may come before or after it.
 */
const KEPT_FIELDS = ['unread', 'readSeq', 'deliveredSeq', 'clock', 'lastMessage', 'lastMessageAt'];

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
  /** @type {number | null} how many there are on the server, held or not; null until it said */
  conversationTotal = null;
  users = new Map();
  online = new Set();
  conversations = new Map();
  /** @type {Map<string, Map<string, object>>} conversationId → userId → member */
  members = new Map();
  /** @type {Map<string, Thread>} */
  threads = new Map();
  /** @type {Map<string, Set<string>>} conversationId → userIds */
  typing = new Map();

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

  setPresence(userId, isOnline, lastSeenAt) {
    if (isOnline) this.online.add(userId);
    else this.online.delete(userId);
    const user = this.users.get(userId);
    if (user && lastSeenAt) user.lastSeenAt = lastSeenAt;
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
    for (const one of conversations) this.conversations.set(one._id, { ...this.conversations.get(one._id), ...one });
    this.emit('conversations');
  }

  /** @param {object} event what `conversations patched` tells everybody */
  patchConversation(event) {
    const held = this.conversations.get(event._id);
    if (!held) return;
    const kept = Object.fromEntries(KEPT_FIELDS.map((field) => [field, held[field]]));
    this.putConversations([{ ...event, ...kept }]);
  }

  dropConversation(id) {
    for (const map of [this.conversations, this.members, this.threads, this.typing]) map.delete(id);
    if (this.activeId === id) this.activate(null);
    this.emit('conversations');
  }

  putMembers(conversationId, members) {
    this.members.set(conversationId, new Map(members.map((member) => [member.userId, member])));
    this.emit('people');
  }

  putMember(member) {
    this.members.get(member.conversationId)?.set(member.userId, member);
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

  /** The threads that nobody looks at: after a time offline they may have a hole, and are fetched anew when opened. */
  forgetIdleThreads() {
    for (const id of this.threads.keys()) if (id !== this.activeId) this.threads.delete(id);
  }

  /** A message seen for the first time moves its conversation to the top and counts as unread if it is another's. */
  noteArrival(message) {
    const conversation = this.conversations.get(message.conversationId);
    if (!conversation || message.seq <= conversation.clock) return;
    const isOther = message.senderId !== this.me._id;
    const { seq, senderId, type, content, createdAt } = message;
    Object.assign(conversation, {
      clock: seq,
      lastMessage: { seq, senderId, type, content, createdAt },
      lastMessageAt: createdAt,
      unread: (conversation.unread ?? 0) + (isOther ? 1 : 0),
    });
    this.emit('conversations');
    if (isOther) this.emit('arrival', message);
  }

  /** An edit or deletion of the newest message shows in the list too. */
  noteChange(message) {
    const conversation = this.conversations.get(message.conversationId);
    if (conversation?.lastMessage?.seq !== message.seq) return;
    conversation.lastMessage = { ...conversation.lastMessage, content: message.content };
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
    if (cursor === 'readSeq' && seq >= conversation.clock) conversation.unread = 0;
    this.emit('conversations');
  }
}
