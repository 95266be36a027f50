import { h, iconButton } from '../dom.js';

const TALLEST = 168;

/**
 * Where a message is written, or one's own is edited. Enter sends, Shift+Enter breaks the line, the up arrow in an empty
 * field edits the last message, Escape leaves the editing or the answering.
 *
 * @param {object} options
 * @param {() => void} options.onType at every change of the text
 * @param {() => void} options.onLeave when the field is left or emptied
 * @param {(text: string, answered?: object) => void} options.onSend
 * @param {(message: object, text: string) => void} options.onEdited
 * @param {() => object | undefined} options.lastOwn the message that the up arrow edits
 */
export function composer({ onType, onLeave, onSend, onEdited, lastOwn }) {
  const drafts = new Map();
  let conversationId = null;
  let edited = null;
  let answered = null;

  const field = h('textarea', {
    id: 'composer', rows: '1', 'aria-label': 'Message', placeholder: 'Write a message', enterkeyhint: 'send',
    on: { input: change, keydown: press, blur: onLeave },
  });
  const send = iconButton('send', 'Send', { type: 'submit', class: 'send', id: 'send', disabled: true });
  const purpose = h('span', { class: 'purpose' });
  const banner = h('div', { class: 'edit-banner', hidden: true },
    purpose,
    h('button', { type: 'button', class: 'link', on: { click: cancel } }, 'Cancel'));
  const notice = h('p', { class: 'composer-notice', role: 'status', id: 'composer-notice' });
  const row = h('div', { class: 'composer-row' }, field, send);
  const element = h('form', { class: 'composer', on: { submit } }, notice, banner, row);

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
    else if (event.key === 'Escape' && (edited || answered)) {
      event.stopPropagation();
      cancel();
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
      onSend(text, answered ?? undefined);
      stopAnswering();
    }
    field.focus();
  }

  function edit(message, event) {
    event?.preventDefault();
    stopAnswering();
    if (!edited) drafts.set(conversationId, field.value);
    edited = message;
    say('Editing your message');
    put(message.content);
    field.focus();
  }

  /** @param {string} name of who wrote it */
  function answer(message, name) {
    stopEditing();
    answered = message;
    say(`Answering ${name}: ${message.content ?? ''}`);
    field.focus();
  }

  function say(text) {
    purpose.textContent = text;
    banner.hidden = text === '';
  }

  function cancel() {
    stopEditing();
    stopAnswering();
    field.focus();
  }

  function stopAnswering() {
    if (!answered) return;
    answered = null;
    say('');
  }

  function stopEditing() {
    if (!edited) return;
    edited = null;
    say('');
    put(drafts.get(conversationId) ?? '');
  }

  /** Changes to another conversation; what stands unsent here waits here. */
  function show(id) {
    if (id === conversationId) return;
    stopEditing();
    stopAnswering();
    drafts.set(conversationId, field.value);
    conversationId = id;
    put(drafts.get(id) ?? '');
  }

  /** @param {string} text why what is written does not go out, empty if it does @param {boolean} isClosed whether nothing can be written */
  function explain(text, isClosed) {
    if (notice.textContent !== text) notice.textContent = text;
    row.hidden = isClosed;
  }

  return { element, answer, edit, explain, show, focus: () => field.focus({ preventScroll: true }) };
}
