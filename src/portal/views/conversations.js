import { batched, h, hiddenText, icon, iconButton, keyedList, moveByArrows } from '../dom.js';
import { conversationsByRecency, doneBy, isMuted, shortNameOf, peerId, titleOf, typingLine } from '../selectors.js';
import { briefTime, fullTime } from '../times.js';
import { conversationAvatar, personAvatar } from './avatar.js';
import { searchView } from './search.js';

const KINDS = { class: 'Class', department: 'Department', club: 'Club', channel: 'Channel', announcement: 'Notices' };
const ATTACHED = { image: 'Picture', video: 'Video', file: 'File' };

/** The side with all conversations, newest first. */
export function conversationsView({ chat, onNew, onArchived, onFound, onPassword, onSignOut }) {
  const { store, outbox } = chat;
  const list = h('ul', { class: 'conversations' });
  const empty = h('p', { class: 'side-empty', hidden: true });
  const more = h('button', { type: 'button', class: 'button button-quiet side-more', hidden: true, on: { click: loadMore } }, 'Show older conversations');
  const filter = h('input', {
    type: 'search', id: 'find-conversation', class: 'search', 'aria-label': 'Search conversations and messages', autocomplete: 'off',
    placeholder: 'Search', on: { input: () => render(), keydown: enterList },
  });
  const archived = h('button', { type: 'button', class: 'link side-archived', on: { click: onArchived } }, 'Archived conversations');
  const found = searchView({ chat, onChosen: onFound });
  const update = keyedList(list);

  function render() {
    found.search(filter.value.trim());
    const needle = filter.value.trim().toLocaleLowerCase();
    const shown = conversationsByRecency(store).filter((one) => titleOf(store, one).toLocaleLowerCase().includes(needle));
    update(shown.map((conversation) => {
      const summary = summarise(store, outbox, conversation);
      return { key: conversation._id, version: JSON.stringify(summary), render: () => conversationItem(store, conversation, summary) };
    }));
    empty.hidden = shown.length > 0;
    empty.textContent = sayEmpty(needle, store.hasMoreConversations !== null);
    more.hidden = !store.hasMoreConversations;
    archived.hidden = store.hasMoreConversations === null || needle !== '';
  }

  function links() {
    return [...list.querySelectorAll('a'), ...found.element.querySelectorAll('button')];
  }

  function enterList(event) {
    if (event.key === 'ArrowDown') moveByArrows(event, links());
    if (event.key === 'Enter') links()[0]?.click();
    if (event.key === 'Escape' && filter.value !== '') {
      event.stopPropagation();
      filter.value = '';
      render();
    }
  }

  async function loadMore() {
    more.disabled = true;
    await chat.attempt(() => chat.loadMoreConversations());
    more.disabled = false;
  }

  const rerender = batched(render);
  for (const topic of ['conversations', 'people', 'active']) store.on(topic, rerender);
  outbox.on('change', rerender);
  render();

  const element = h('aside', { class: 'side' },
    h('header', { class: 'side-header' },
      h('h1', { class: 'brand' }, icon('bird', { className: 'bird' }), 'Stonechat'),
      iconButton('new', 'New conversation', { id: 'new-conversation', on: { click: onNew } })),
    h('div', { class: 'side-find' }, icon('find'), filter),
    h('nav', { class: 'side-list', 'aria-label': 'Conversations', on: { keydown: (event) => moveByArrows(event, links()) } },
      list, empty, more, found.element, archived),
    h('footer', { class: 'side-footer' },
      personAvatar(store, store.me._id),
      h('span', { class: 'me' }, h('span', { class: 'me-name' }, store.me.name), h('span', { class: 'me-role' }, store.me.role)),
      iconButton('key', 'Change password', { id: 'change-password', on: { click: onPassword } }),
      iconButton('sign-out', 'Sign out', { id: 'sign-out', on: { click: onSignOut } })));

  /** Back to the conversation that was left, or to the first. */
  function focus() {
    (list.querySelector('[aria-current]') ?? links()[0] ?? filter).focus();
  }

  return { element, focus, focusFilter: () => filter.focus() };
}

function sayEmpty(needle, isLoaded) {
  if (needle) return 'No conversation of that name.';
  return isLoaded ? 'No conversations yet. Start one with the button above.' : 'Loading conversations…';
}

/** All that an item shows, so that it is drawn anew only if some of it changes. */
function summarise(store, outbox, conversation) {
  const peer = peerId(store, conversation);
  const typing = typingLine(store, conversation._id);
  const queued = outbox.of(conversation._id).at(-1);
  const isActive = store.activeId === conversation._id;
  return {
    title: titleOf(store, conversation),
    kind: KINDS[conversation.kind],
    isActive,
    isOnline: peer !== null && store.online.has(peer),
    picture: peer && store.users.get(peer)?.avatar,
    time: queued?.queuedAt ?? conversation.lastMessageAt,
    unread: conversation.unread ?? 0,
    mentions: conversation.mentions ?? 0,
    isMuted: isMuted(conversation),
    isArchived: Boolean(conversation.archivedAt),
    state: queued?.state,
    typing,
    preview: queued ? `You: ${queued.content}` : previewOf(store, conversation),
  };
}

function previewOf(store, { kind, lastMessage }) {
  if (!lastMessage) return 'No messages yet';
  const content = lastMessage.content ?? (ATTACHED[lastMessage.type] || 'Message deleted');
  if (lastMessage.type === 'system') return doneBy(store, lastMessage);
  if (lastMessage.senderId === store.me._id) return `You: ${content}`;
  return kind === 'direct' ? content : `${shortNameOf(store, lastMessage.senderId)}: ${content}`;
}

function conversationItem(store, conversation, summary) {
  const { title, kind, isActive, isOnline, isMuted: muted, isArchived, time, unread, mentions, state, typing, preview } = summary;
  return h('li', { 'data-testid': 'conversation-item', 'data-id': conversation._id },
    h('a', { class: `conversation${unread ? ' is-unread' : ''}`, href: `#/c/${conversation._id}`, 'aria-current': isActive && 'page' },
      conversationAvatar(store, conversation),
      h('span', { class: 'conversation-top' },
        h('span', { class: 'conversation-title' }, title),
        (isArchived || kind) && h('span', { class: 'tag' }, isArchived ? 'Archived' : kind),
        muted && icon('muted', { label: 'Muted', className: 'icon mark' }),
        isOnline && hiddenText(', online'),
        time && h('time', { datetime: time, title: fullTime(time) }, briefTime(time))),
      h('span', { class: 'conversation-bottom' },
        state && !typing && icon(state === 'failed' ? 'alert' : 'clock', { label: state === 'failed' ? 'Not sent' : 'Waiting to be sent' }),
        h('span', { class: `preview${typing ? ' is-typing' : ''}` }, typing || preview),
        mentions > 0 && h('span', { class: 'badge', 'data-testid': 'mentioned' }, '@', hiddenText(' You are mentioned.')),
        unread > 0 && h('span', { class: `badge${muted ? ' badge-quiet' : ''}`, 'data-testid': 'unread' }, String(unread > 99 ? '99+' : unread), hiddenText(' unread')))));
}
