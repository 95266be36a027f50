/** What messages do not say themselves: which of their reactions are one's own, and what they answer. */
export class Details {
  #asked = new Set();

  constructor(api, store) {
    this.api = api;
    this.store = store;
  }

  /** @param {import('./thread.js').Message[]} messages */
  async need(messages) {
    await Promise.all([this.#reactions(messages), this.answered(messages)]);
  }

  async #reactions(messages) {
    const ids = messages.filter(({ reactions }) => reactions?.length > 0).map(({ _id }) => _id);
    if (ids.length === 0) return;
    const query = { messageId: { $in: ids }, userId: this.store.me._id };
    this.store.putOwnReactions(await this.api.findAll('reactions', query));
  }

  /** The messages that these answer, as far as they are not held. */
  async answered(messages) {
    const isUnknown = ({ conversationId, replyTo }) =>
      replyTo && !this.#asked.has(replyTo) && !this.store.threads.get(conversationId)?.find(replyTo);
    const missing = [...new Set(messages.filter(isUnknown).map(({ replyTo }) => replyTo))];
    if (missing.length === 0) return;
    for (const id of missing) this.#asked.add(id);
    try {
      const { data } = await this.api.find('messages', { _id: { $in: missing }, $limit: missing.length });
      this.store.putAnswered(data);
    } catch (error) {
      for (const id of missing) this.#asked.delete(id);
      throw error;
    }
  }
}
