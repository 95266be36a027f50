const MOST = 200;
const PAUSE = 500;

/**
 * Gets again, of conversations, what is this member's own and told by no event: `unread`, `mentions` and the cursors.
 * What is needed at about the same time is asked for by one call.
 */
export class OwnViews {
  #needed = new Set();
  #running = null;
  #timer;

  /**
   * @param {object} api
   * @param {(conversations: object[]) => unknown} keep
   */
  constructor(api, keep) {
    this.api = api;
    this.keep = keep;
  }

  /** @returns {Promise<void>} once they are there; they stay needed if the connection breaks */
  need(conversationIds) {
    for (const id of conversationIds) this.#needed.add(id);
    clearTimeout(this.#timer);
    if (this.#needed.size === 0) return Promise.resolve();
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** With the next call for others, or soon. What fails is needed still, and comes with the next call too. */
  later(conversationIds) {
    if (conversationIds.length === 0) return;
    for (const id of conversationIds) this.#needed.add(id);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.need([]).catch(() => undefined), PAUSE);
  }

  async #run() {
    await undefined; // Others of this turn come along.
    while (this.#needed.size > 0) {
      const ids = [...this.#needed].slice(0, MOST);
      for (const id of ids) this.#needed.delete(id);
      try {
        const { data } = await this.api.find('conversations', { _id: { $in: ids }, $limit: MOST });
        await this.keep(data);
      } catch (error) {
        if (!error.code) for (const id of ids) this.#needed.add(id);
        throw error;
      }
    }
  }
}
