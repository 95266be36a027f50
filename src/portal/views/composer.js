import { h, iconButton } from '../dom.js';

const TALLEST = 168;

/**
 * Where a message is written, or one's own is edited. Enter sends, Shift+Enter breaks the line, the up arrow in an empty
 * field edits the last message, Escape leaves the editing.
 *
 * @param {object} options
 * @param {() => void} options.onType at every change of the text
 * @param {() => void} options.onLeave when the field is left or emptied
 * @param {(text: string) => void} options.onSend
 * @param {(message: object, text: string) => void} options.onEdited
 * @param {() => object | undefined} options.lastOwn the message that the up arrow edits
 */
export function composer({ onType, onLeave, onSend, onEdited, lastOwn }) {
  const drafts = new Map();
  let conversationId = null;
  let edited = null;

  const field = h('textarea', {
    id: 'composer', rows: '1', 'aria-label': 'Message', placeholder: 'Write a message', enterkeyhint: 'send',
    on: { input: change, keydown: press, blur: onLeave },
  });
  const send = iconButton('send', 'Send', { type: 'submit', class: 'send', id: 'send', disabled: true });
  const banner = h('div', { class: 'edit-banner', hidden: true },
    h('span', {}, 'Editing your message'),
    h('button', { type: 'button', class: 'link', on: { click: () => stopEditing() } }, 'Cancel'));
  const element = h('form', { class: 'composer', on: { submit } }, banner, h('div', { class: 'composer-row' }, field, send));

  function change() {
    fit();
    if (field.value.trim() === '') onLeave();
    else if (!edited) onType();
  }

  function fit() {
    field.style.height = 'auto';
    field.style.height = `${Math.min(field.scrollHeight, TALLEST)}px`;
    send.disabled = field.value.trim() === '';
  }

  function put(text) {
    field.value = text;
    fit();
  }

  function press(event) {
    if (event.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) submit(event);
    else if (event.key === 'Escape' && edited) {
      event.stopPropagation();
      stopEditing();
    } else if (event.key === 'ArrowUp' && field.value === '') {
      const message = lastOwn();
      if (message) edit(message, event);
    }
  }

  function submit(event) {
    event.preventDefault();
    const text = field.value.trim();
    if (text === '') return;
    if (edited) {
      if (text !== edited.content) onEdited(edited, text);
      stopEditing();
    } else {
      put('');
      onSend(text);
    }
    field.focus();
  }

  function edit(message, event) {
    event?.preventDefault();
    if (!edited) drafts.set(conversationId, field.value);
    edited = message;
    banner.hidden = false;
    put(message.content);
    field.focus();
  }

  function stopEditing() {
    if (!edited) return;
    edited = null;
    banner.hidden = true;
    put(drafts.get(conversationId) ?? '');
  }

  /** Changes to another conversation; what stands unsent here waits here. */
  function show(id) {
    if (id === conversationId) return;
    stopEditing();
    drafts.set(conversationId, field.value);
    conversationId = id;
    put(drafts.get(id) ?? '');
  }

  return { element, edit, show, focus: () => field.focus({ preventScroll: true }) };
}
