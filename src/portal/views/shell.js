import { h, hiddenText, icon } from '../dom.js';
import { isMuted, nameOf, titleOf, totalUnread } from '../selectors.js';
import { confirmed } from './dialogs.js';
import { conversationView } from './conversation.js';
import { openArchived } from './archived.js';
import { conversationsView } from './conversations.js';
import { openPassword } from './password.js';
import { openPeople } from './people.js';

const TOAST_TIME = 6000;
const HASH = /^#\/c\/([\w-]+)$/;

/**
 * The page of somebody signed in: the list on one side, a conversation on the other, one of them at a time on a phone.
 * The address's hash says which conversation is open, so that the browser's own way back works.
 *
 * @param {{chat: import('../chat.js').Chat, signal: AbortSignal, onSignedOut: () => void}} options
 */
export function shellView({ chat, signal, onSignedOut }) {
  const { store, outbox } = chat;
  const back = () => {
    location.hash = '#/';
  };
  const side = conversationsView({
    chat, onNew, onArchived, onFound, onPassword: () => openPassword({ chat }), onSignOut,
  });
  const thread = conversationView({ chat, onBack: back });
  const banner = h('p', { class: 'banner', role: 'status', id: 'connection' });
  const toasts = h('div', { class: 'toasts', role: 'alert' });
  const announcer = h('div', { class: 'visually-hidden', 'aria-live': 'polite', id: 'announcer' });
  const skip = h('button', { type: 'button', class: 'skip', on: { click: () => thread.focus() } }, 'Go to the message field');
  const element = h('div', { class: 'shell' }, skip, side.element, thread.element, banner, toasts, announcer);

  function route() {
    const id = HASH.exec(location.hash)?.[1] ?? null;
    const hadFocus = store.activeId !== null;
    element.dataset.pane = id ? 'thread' : 'list';
    chat.attempt(() => chat.open(id));
    // After the views have drawn: what is still hidden takes no focus.
    if (id) queueMicrotask(thread.focus);
    else if (hadFocus) queueMicrotask(side.focus);
  }

  function onNew() {
    openPeople({
      chat,
      onChosen: (id) => {
        location.hash = `#/c/${id}`;
      },
    });
  }

  function onArchived() {
    openArchived({
      chat,
      onChosen: (id) => {
        location.hash = `#/c/${id}`;
      },
    });
  }

  function onFound(message) {
    const jump = () => chat.attempt(() => chat.jumpTo(message));
    const hash = `#/c/${message.conversationId}`;
    if (location.hash === hash) return jump();
    // After `route`, which opens the conversation and takes the focus to the field.
    window.addEventListener('hashchange', jump, { once: true, signal });
    location.hash = hash;
  }

  async function onSignOut() {
    const count = outbox.entries.length;
    const text = `${count === 1 ? 'One message has' : `${count} messages have`} not been sent yet and will be lost.`;
    if (count > 0 && !(await confirmed({ title: 'Sign out?', text, action: 'Sign out' }))) return;
    outbox.discardAll();
    await chat.signOut();
    onSignedOut();
  }

  function renderBanner() {
    const waiting = outbox.entries.filter(({ state }) => state !== 'failed').length;
    const isOffline = store.connection === 'offline';
    const kept = waiting > 0 ? ` ${waiting === 1 ? '1 message waits' : `${waiting} messages wait`} to be sent.` : '';
    const said = isOffline ? `You are offline. Trying to reconnect.${kept}` : '';
    if (banner.dataset.said === said) return;
    banner.dataset.said = said;
    banner.classList.toggle('is-shown', isOffline);
    banner.replaceChildren(...(said ? [icon('offline'), said] : []));
  }

  function toast(text) {
    const note = h('p', { class: 'toast' }, hiddenText('Problem: '), text);
    toasts.append(note);
    setTimeout(() => note.remove(), TOAST_TIME);
  }

  function announce(message) {
    const conversation = store.conversations.get(message.conversationId);
    const isOpen = message.conversationId === store.activeId;
    if (isMuted(conversation) && !isOpen) return;
    const where = isOpen ? '' : ` in ${titleOf(store, conversation)}`;
    announcer.replaceChildren(h('p', {}, `${nameOf(store, message.senderId)}${where}: ${message.content ?? 'an attachment'}`));
  }

  function renderTitle() {
    const unread = totalUnread(store);
    document.title = unread > 0 ? `(${unread}) Stonechat` : 'Stonechat';
  }

  function press(event) {
    if (event.target.closest?.('dialog')) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      element.dataset.pane = 'list';
      side.focusFilter();
    } else if (event.key === 'Escape' && store.activeId) {
      back();
    }
  }

  store.on('connection', renderBanner);
  outbox.on('change', renderBanner);
  store.on('conversations', renderTitle);
  store.on('arrival', announce);
  chat.on('problem', toast);
  window.addEventListener('hashchange', route, { signal });
  window.addEventListener('keydown', press, { signal });
  document.addEventListener('visibilitychange', thread.noteVisible, { signal });
  store.on('active', () => {
    if (store.activeId === null && HASH.test(location.hash)) back();
  });
  route();
  renderBanner();
  return element;
}
