/**
 * What the server tells without being asked, put where it belongs.
 * @param {import('./chat.js').Chat} chat
 */
export function listen(chat) {
  const { details, directory, history, outbox, ownViews, receipts, store, sync, typing } = chat;

  /** The echo of one's own message may overtake its acknowledgement; shown at once, it would stand there twice. */
  async function acknowledged(message) {
    if (message.senderId !== store.me._id || !outbox.isSending(message.conversationId)) return;
    await new Promise((resolve) => {
      const off = outbox.on('settled', () => resolve(off()));
    });
  }

  async function receive(message) {
    await acknowledged(message);
    if (!store.conversations.has(message.conversationId)) await ownViews.need([message.conversationId]);
    store.noteArrival(message);
    typing.hear({ conversationId: message.conversationId, userId: message.senderId }, false);
    receipts.delivered(message.conversationId, message.seq);
    await Promise.all([history.receive(message), directory.need([message.senderId]), details.answered([message])]);
  }

  function change(message) {
    store.noteChange(message);
    return history.receive(message);
  }

  async function remove(message) {
    await change(message);
    const conversation = store.conversations.get(message.conversationId);
    if (conversation && message.seq > (conversation.readSeq ?? 0)) await ownViews.need([conversation._id]);
  }

  function join(member) {
    store.putMember(member);
    return member.userId === store.me._id ? ownViews.need([member.conversationId]) : directory.need([member.userId]);
  }

  function leave(member) {
    if (member.userId === store.me._id) drop(member.conversationId);
    else store.dropMember(member);
  }

  function drop(conversationId) {
    sync.drop(conversationId);
    store.dropConversation(conversationId);
  }

  const handlers = {
    connected: ({ online }) => store.setOnline(online ?? []),
    'messages created': receive,
    'messages patched': change,
    'messages removed': remove,
    'reactions created': (reaction) => history.react(reaction, false),
    'reactions removed': (reaction) => history.react(reaction, true),
    'conversations created': ({ _id }) => ownViews.need([_id]),
    'conversations patched': (conversation) => store.patchConversation(conversation),
    'conversations removed': ({ _id }) => drop(_id),
    'members created': join,
    'members patched': (member) => store.putMember(member),
    'members removed': leave,
    'users patched': (user) => store.putUsers([user]),
    'message:delivered': (receipt) => store.moveCursor('deliveredSeq', receipt),
    'message:read': (receipt) => store.moveCursor('readSeq', receipt),
    'typing:start': (typist) => typing.hear(typist, typist.userId !== store.me._id),
    'typing:stop': (typist) => typing.hear(typist, false),
    'user:online': (change) => store.changePresence([{ ...change, online: true }]),
    'user:offline': (change) => store.changePresence([{ ...change, online: false }]),
    'presence:changes': ({ changes }) => store.changePresence(changes),
    resync: () => chat.resync(),
  };

  /** Only what has come to its place is held: where that failed, the next `sync` brings it. */
  async function take(handler, payload) {
    await handler(payload);
    if (payload?.revision) chat.noteRevision(payload.conversationId ?? payload._id, payload.revision);
  }

  for (const [event, handler] of Object.entries(handlers)) {
    chat.socket.events.on(event, (payload) => chat.attempt(() => take(handler, payload)));
  }
}
