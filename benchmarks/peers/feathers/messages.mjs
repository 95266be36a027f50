/** Messages in a map, with an index by conversation: what stays is the framework's own cost. */
export class Messages {
  constructor() {
    this.nextId = 0;
    this.byId = new Map();
    this.byConversation = new Map();
  }

  async find({ query }) {
    const { conversationId, $limit } = query;
    const found = this.byConversation.get(conversationId) ?? [];
    const limit = Math.min(Number($limit ?? 50), 50);
    return { total: found.length, limit, skip: 0, data: found.slice(0, limit) };
  }

  async get(id) {
    return this.byId.get(String(id));
  }

  async create(data) {
    const message = { ...data, _id: this.nextId++ };
    this.byId.set(String(message._id), message);
    const conversation = this.byConversation.get(message.conversationId);
    if (conversation === undefined) this.byConversation.set(message.conversationId, [message]);
    else conversation.push(message);
    return message;
  }
}
