import { h, hiddenText, iconButton } from '../dom.js';

const EMOJI = ['👍', '❤️', '😂', '😮', '😢', '🎉', '✅'];

/** What can be done with a message: shown while the pointer or the focus is on its row. */
export function toolbar(message, { isOwn, canWrite, canPin, canRemove }, actions) {
  const isText = message.type === 'text' || message.type === undefined;
  const picker = canWrite && emojiPicker((emoji) => actions.react(message, emoji));
  const react = canWrite && iconButton('react', 'React', { 'aria-expanded': 'false', on: { click: toggle } });

  function toggle() {
    picker.hidden = !picker.hidden;
    react.setAttribute('aria-expanded', String(!picker.hidden));
    if (!picker.hidden) picker.querySelector('button').focus();
  }

  function press(event) {
    if (event.key !== 'Escape' || !picker || picker.hidden) return;
    event.stopPropagation();
    toggle();
    react.focus();
  }

  const pinLabel = message.pinnedAt ? 'Unpin' : 'Pin';
  const tools = h('div', { class: 'tools' },
    react,
    canWrite && iconButton('reply', 'Reply', { on: { click: () => actions.reply(message) } }),
    canPin && iconButton('pin', pinLabel, { on: { click: () => actions.pin(message, !message.pinnedAt) } }),
    isOwn && iconButton('eye', 'Who has read this', { on: { click: () => actions.showAudience(message) } }),
    isOwn && isText && canWrite && iconButton('edit', 'Edit', { on: { click: () => actions.edit(message) } }),
    canRemove && iconButton('trash', 'Delete', { on: { click: () => actions.remove(message) } }));
  return h('div', { class: 'row-tools', on: { keydown: press } }, picker, tools);
}

function emojiPicker(onPick) {
  const button = (emoji) => h('button', { type: 'button', class: 'emoji', 'aria-label': `React with ${emoji}`, on: { click: () => onPick(emoji) } }, emoji);
  return h('div', { class: 'picker', role: 'group', 'aria-label': 'Reactions', hidden: true }, EMOJI.map(button));
}

/**
 * The reactions there are; pressed are the reader's own.
 * @param {{emoji: string, count: number, isOwn: boolean}[]} reactions
 */
export function reactionsLine(message, reactions, canWrite, actions) {
  return h('div', { class: 'reactions', role: 'group', 'aria-label': 'Reactions' }, reactions.map(({ emoji, count, isOwn }) =>
    h('button', {
      type: 'button', class: 'reaction', 'data-testid': 'reaction', 'aria-pressed': String(isOwn), disabled: !canWrite,
      on: { click: () => actions.react(message, emoji) },
    }, h('span', { class: 'reaction-emoji' }, emoji), h('span', {}, String(count)), hiddenText(count === 1 ? ' reaction' : ' reactions'))));
}

/** What the message answers; takes the reader there. @param {{name: string, text: string}} quote */
export function quoteOf(message, { name, text }, actions) {
  return h('button', { type: 'button', class: 'quote', 'data-testid': 'quote', on: { click: () => actions.showAnswered(message) } },
    hiddenText('Answers '), h('span', { class: 'quote-name' }, name), hiddenText(': '), h('span', { class: 'quote-text' }, text));
}

export function repliesLine(message, count, actions) {
  return h('button', { type: 'button', class: 'link replies', 'data-testid': 'replies', on: { click: () => actions.showReplies(message) } },
    count === 1 ? '1 reply' : `${count} replies`);
}
