import { mentionsIn } from './mentions.js';

const REPLIES_SHOWN = 100;
const RESULTS = 20;

/** What a signed-in person does besides reading. Each throws a FeathersError where the server refuses. */
export class Actions {
  /** @param {import('./chat.js').Chat} chat */
  constructor(chat) {
    this.chat = chat;
    this.api = chat.api;
    this.store = chat.store;
  }

  /** @param {object} [answered] the message that this one answers */
  send(conversationId, content, answered) {
    this.chat.typing.stop();
    const mentions = this.#mentions(conversationId, content);
    const about = { ...(answered && { replyTo: answered._id }), ...(mentions.length > 0 && { mentions }) };
    this.chat.outbox.add(conversationId, content, about);
  }

  async edit(message, content) {
    const mentions = this.#mentions(message.conversationId, content);
    await this.#change('patch', message, { content, mentions });
  }

  async pin(message, pinned) {
    await this.#change('patch', message, { pinned });
  }

  async remove(message) {
    await this.#change('remove', message);
  }

  /** Sets one's reaction, or takes it back. */
  async react({ _id, conversationId }, emoji) {
    const own = this.store.ownReactions.get(_id)?.get(emoji);
    try {
      const reaction = own
        ? await this.api.remove('reactions', own)
        : await this.api.create('reactions', { messageId: _id, emoji });
      this.chat.history.react(reaction, Boolean(own));
    } catch (error) {
      if (!own || error.code !== 404) throw error;
      this.store.dropOwnReactions([{ messageId: _id, conversationId, emoji }]);
    }
  }

  /** @param {Date | null} until null lets the conversation speak again */
  async mute(conversationId, until) {
    const place = await this.#place(conversationId);
    this.store.putMember(await this.api.patch('members', place._id, { mutedUntil: until?.toISOString() ?? null }));
  }

  async leave(conversationId) {
    const place = await this.#place(conversationId);
    await this.api.remove('members', place._id);
    this.chat.sync.drop(conversationId);
    this.store.dropConversation(conversationId);
  }

  async archive(conversationId, archived) {
    this.store.patchConversation(await this.api.patch('conversations', conversationId, { archived }));
  }

  /** @returns {Promise<string>} the id of the direct conversation with this person, new or not */
  async startDirect(userId) {
    const conversation = await this.api.create('conversations', { kind: 'direct', memberIds: [userId] });
    await this.chat.keep([conversation]);
    return conversation._id;
  }

  /** @returns {Promise<object[]>} the newest replies in the thread of this message, oldest first */
  async replies(message) {
    const query = { conversationId: message.conversationId, threadId: message._id, $sort: { seq: -1 }, $limit: REPLIES_SHOWN };
    const { data } = await this.api.find('messages', query);
    return data.filter(({ deletedAt }) => !deletedAt).reverse();
  }

  /** @returns {Promise<object[]>} newest first */
  async pinned(conversationId) {
    const { data } = await this.api.find('messages', { conversationId, pinned: true, $sort: { seq: -1 }, $limit: 50 });
    return data;
  }

  /** @returns {Promise<object[]>} newest first */
  async archived() {
    const { data } = await this.api.find('conversations', { archived: true, $sort: { lastMessageAt: -1 }, $limit: 100 });
    await this.chat.keep(data);
    return data;
  }

  /** @returns {Promise<{data: {message: object, highlights: number[][], snippet: number[]}[]}>} */
  async search(words) {
    const page = await this.api.find('search', { q: words, $limit: RESULTS });
    await this.chat.directory.need(page.data.map(({ message }) => message.senderId));
    return page;
  }

  async #change(method, message, ...data) {
    const changed = await this.api[method]('messages', message._id, ...data);
    this.store.noteChange(changed);
    await this.chat.history.receive(changed);
  }

  async #place(conversationId) {
    if (!this.store.members.has(conversationId)) await this.chat.loadMembers(conversationId);
    return this.store.members.get(conversationId).get(this.store.me._id);
  }

  #mentions(conversationId, content) {
    const members = [...(this.store.members.get(conversationId)?.keys() ?? [])];
    const people = members.map((id) => this.store.users.get(id)).filter((user) => user?.name && user._id !== this.store.me._id);
    return mentionsIn(content, people);
  }
}
