/** How each family of servers spells the operations of the benchmark. */

const rest = {
  get: (id) => ['GET', `/messages/${id}`],
  create: (message) => ['POST', '/messages', JSON.stringify(message)],
};

export const dialects = {
  /** Feathers' wire protocol. */
  feathers: {
    ...rest,
    find: (conversation, limit) => ['GET', `/messages?conversationId=${conversation}&$limit=${limit}`],
    idOf: (message) => message._id,
    event: (message) => JSON.stringify(['create', 'messages', message, {}]),
    isAnswer: (json) => json.startsWith('[null,'),
    presence: '["presence changed"',
  },
  /** A server written for the purpose, without a framework of services. */
  plain: {
    ...rest,
    find: (conversation, limit) => ['GET', `/messages?conversationId=${conversation}&limit=${limit}`],
    idOf: (message) => message.id,
    event: (message) => JSON.stringify(['message:create', message]),
    isAnswer: (json) => json.startsWith('[{"id"'),
    presence: '["presence"',
  },
};
