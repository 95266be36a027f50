/**
 * Puts what `sync` answers where it belongs.
 * @param {import('./chat.js').Chat} chat
 * @returns {object} `apply` of a Sync
 */
export function changes(chat) {
  const { details, directory, history, ownViews, store } = chat;

  async function take(conversationId, answer) {
    const { conversation, messages = [], members = [], left = [], reactions = [], taken = [], receipts = [] } = answer;
    if (conversation) store.patchConversation(conversation);
    // Who has left and come back is told as both; so is a reaction that was taken back and set again.
    for (const userId of left) store.dropMember({ conversationId, userId });
    for (const member of members) store.putMember(member);
    for (const { userId, deliveredSeq, readSeq, readAt } of receipts) {
      store.moveCursor('deliveredSeq', { conversationId, userId, seq: deliveredSeq });
      store.moveCursor('readSeq', { conversationId, userId, seq: readSeq, at: readAt });
    }
    await history.put(conversationId, messages);
    // Their messages are as they are now: only whose reactions they are is to be told.
    store.dropOwnReactions(taken.filter(isOwn));
    store.putOwnReactions(reactions.filter(isOwn));
    if (messages.length > 0 || receipts.some(isOwn)) ownViews.later([conversationId]);
    if (!store.threads.has(conversationId)) return;
    await directory.need([...messages.map(({ senderId }) => senderId), ...members.map(({ userId }) => userId)]);
    await chat.attempt(() => details.answered(messages));
  }

  function isOwn({ userId }) {
    return userId === store.me._id;
  }

  return {
    changes: take,
    resync: (id) => {
      store.forget(id);
      ownViews.later([id]);
    },
    joined: ({ _id }) => ownViews.later([_id]),
    left: (id) => store.dropConversation(id),
    relist: () => chat.list(),
  };
}
