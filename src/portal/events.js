/**
 * What the server tells without being asked, put where it belongs.
 * @param {import('./chat.js').Chat} chat
 */
export function listen(chat) {
  const { api, directory, history, outbox, receipts, store, typing } = chat;

  /** Its unread count and cursors are this member's own, and no event carries them. */
  async function refetch(conversationId) {
    store.putConversations([await api.get('conversations', conversationId)]);
    await chat.loadMembers(conversationId);
  }

  /** The echo of one's own message may overtake its acknowledgement; shown at once, it would stand there twice. */
  async function acknowledged(message) {
    if (message.senderId !== store.me._id || !outbox.isSending(message.conversationId)) return;
    await new Promise((resolve) => {
      const off = outbox.on('settled', () => resolve(off()));
    });
  }

  async function receive(message) {
    await acknowledged(message);
    if (!store.conversations.has(message.conversationId)) await refetch(message.conversationId);
    store.noteArrival(message);
    typing.hear({ conversationId: message.conversationId, userId: message.senderId }, false);
    receipts.delivered(message.conversationId, message.seq);
    await Promise.all([history.receive(message), directory.need([message.senderId])]);
  }

  async function remove(message) {
    store.noteChange(message);
    history.change(message);
    const conversation = store.conversations.get(message.conversationId);
    if (conversation && message.seq > (conversation.readSeq ?? 0)) await refetch(message.conversationId);
  }

  function leave(member) {
    if (member.userId === store.me._id) store.dropConversation(member.conversationId);
    else store.dropMember(member);
  }

  const handlers = {
    connected: ({ online }) => store.setOnline(online ?? []),
    'messages created': receive,
    'messages patched': (message) => {
      store.noteChange(message);
      history.change(message);
    },
    'messages removed': remove,
    'conversations created': ({ _id }) => refetch(_id),
    'conversations patched': (conversation) => store.patchConversation(conversation),
    'conversations removed': ({ _id }) => store.dropConversation(_id),
    'members created': (member) => {
      store.putMember(member);
      return member.userId === store.me._id ? refetch(member.conversationId) : directory.need([member.userId]);
    },
    'members patched': (member) => store.putMember(member),
    'members removed': leave,
    'users patched': (user) => store.putUsers([user]),
    'message:delivered': (receipt) => store.moveCursor('deliveredSeq', receipt),
    'message:read': (receipt) => store.moveCursor('readSeq', receipt),
    'typing:start': (typist) => typing.hear(typist, typist.userId !== store.me._id),
    'typing:stop': (typist) => typing.hear(typist, false),
    'user:online': ({ userId }) => store.setPresence(userId, true),
    'user:offline': ({ userId, lastSeenAt }) => store.setPresence(userId, false, lastSeenAt),
  };

  for (const [event, handler] of Object.entries(handlers)) {
    chat.socket.events.on(event, (payload) => chat.attempt(async () => handler(payload)));
  }
}
