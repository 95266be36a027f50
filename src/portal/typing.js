const REPEAT = 3000;
const IDLE = 4000;
/** A little longer than the server's own limit of 8 s, whose `typing:stop` normally comes first. */
const EXPIRY = 9000;

/** Both directions of "… is typing". */
export class Typing {
  #own = null;
  #lastStart = 0;
  #idle;
  #expiries = new Map();

  constructor(socket, store) {
    this.socket = socket;
    this.store = store;
  }

  /** Called at every keystroke. */
  type(conversationId) {
    if (this.#own !== conversationId) this.stop();
    if (Date.now() - this.#lastStart >= REPEAT) {
      this.#own = conversationId;
      this.#lastStart = Date.now();
      this.socket.notify('typing:start', { conversationId });
    }
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.stop(), IDLE);
  }

  stop() {
    clearTimeout(this.#idle);
    this.#lastStart = 0;
    if (this.#own === null) return;
    this.socket.notify('typing:stop', { conversationId: this.#own });
    this.#own = null;
  }

  /** What the server tells of others. */
  hear({ conversationId, userId }, isTyping) {
    const key = `${conversationId} ${userId}`;
    clearTimeout(this.#expiries.get(key));
    if (isTyping) this.#expiries.set(key, setTimeout(() => this.hear({ conversationId, userId }, false), EXPIRY));
    else this.#expiries.delete(key);
    this.store.setTyping(conversationId, userId, isTyping);
  }
}
