import { h } from '../dom.js';
import { nameOf, titleOf } from '../selectors.js';
import { briefTime, fullTime } from '../times.js';
import { personAvatar } from './avatar.js';

const SHORTEST = 2;
const PAUSE = 250;

/** Messages that say what the field says, below the conversations; choosing one shows it in its place. */
export function searchView({ chat, onChosen }) {
  const { store } = chat;
  const status = h('p', { class: 'people-status search-status', role: 'status' });
  const list = h('ul', { class: 'conversations results' });
  const element = h('section', { class: 'search-results', 'aria-label': 'Messages found', hidden: true },
    h('h2', { class: 'side-heading' }, 'Messages'), status, list);
  let wanted = '';
  let timer;

  function search(words) {
    if (words === wanted) return;
    wanted = words;
    clearTimeout(timer);
    element.hidden = words.length < SHORTEST;
    list.replaceChildren();
    status.textContent = 'Searching…';
    if (!element.hidden) timer = setTimeout(() => chat.attempt(() => ask(words)), PAUSE);
  }

  /** An answer that comes after the words have changed is nobody's. */
  async function ask(words) {
    try {
      const { data } = await chat.actions.search(words);
      if (words !== wanted) return;
      status.textContent = data.length > 0 ? '' : 'No message says that.';
      list.replaceChildren(...data.map((result) => item(store, result, () => onChosen(result.message))));
    } catch (error) {
      if (words === wanted) status.textContent = error.code ? error.message : 'The search needs a connection.';
    }
  }

  return { element, search };
}

function item(store, { message, highlights, snippet }, onChosen) {
  const { senderId, conversationId, createdAt } = message;
  const conversation = store.conversations.get(conversationId);
  const where = conversation ? titleOf(store, conversation) : 'Conversation';
  return h('li', {},
    h('button', { type: 'button', class: 'person result', 'data-testid': 'search-result', on: { click: onChosen } },
      personAvatar(store, senderId, { small: true }),
      h('span', { class: 'found' },
        h('span', { class: 'found-top' },
          h('span', { class: 'found-name' }, `${nameOf(store, senderId)} · ${where}`),
          h('time', { datetime: createdAt, title: fullTime(createdAt) }, briefTime(createdAt))),
        h('span', { class: 'found-text' }, marked(message.content ?? '', highlights, snippet)))));
}

/** The offsets count code points. */
function marked(content, highlights, [start, end]) {
  const letters = [...content];
  const parts = [start > 0 && '…'];
  let at = start;
  for (const [from, to] of highlights) {
    if (from < at || to > end) continue;
    parts.push(letters.slice(at, from).join(''), h('mark', {}, letters.slice(from, to).join('')));
    at = to;
  }
  parts.push(letters.slice(at, end).join(''), end < letters.length && '…');
  return parts.filter(Boolean);
}
