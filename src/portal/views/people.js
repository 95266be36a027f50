import { batched, h, hiddenText, keyedList, moveByArrows } from '../dom.js';
import { personAvatar } from './avatar.js';
import { openDialog } from './dialogs.js';

/** The people of the school, to start a direct conversation with one of them. */
export function openPeople({ chat, onChosen }) {
  const { store, directory } = chat;
  const list = h('ul', { class: 'people', on: { keydown: moveOn } });
  const status = h('p', { class: 'people-status', role: 'status' }, 'Loading people…');
  const filter = h('input', {
    type: 'search', class: 'search', 'aria-label': 'Find a person', placeholder: 'Find a person', autocomplete: 'off',
    on: { input: render, keydown: enterList },
  });
  const update = keyedList(list);
  let isComplete = false;
  let choose;

  function render() {
    const people = matching(store, filter.value);
    update(people.map((user) => ({
      key: user._id,
      version: JSON.stringify([user.name, user.role, user.avatar, store.online.has(user._id)]),
      render: () => personItem(store, user, choose),
    })));
    if (isComplete) status.textContent = people.length > 0 ? '' : 'Nobody of that name.';
  }

  function buttons() {
    return [...list.querySelectorAll('button')];
  }

  function enterList(event) {
    if (event.key === 'ArrowDown') moveByArrows(event, buttons());
  }

  function moveOn(event) {
    if (event.key === 'ArrowUp' && document.activeElement === buttons()[0]) filter.focus();
    else moveByArrows(event, buttons());
  }

  const off = store.on('people', batched(render));
  const closed = openDialog({ title: 'New conversation', className: 'dialog-people' }, (close) => {
    choose = async (userId) => {
      const conversationId = await chat.attempt(() => chat.actions.startDirect(userId));
      close();
      if (conversationId) onChosen(conversationId);
    };
    return [filter, status, list];
  });
  filter.focus();
  render();
  chat.attempt(() => directory.loadAll()).then(() => {
    isComplete = true;
    status.textContent = '';
    render();
  });
  return closed.finally(off);
}

function matching(store, wanted) {
  const needle = wanted.trim().toLocaleLowerCase();
  return [...store.users.values()]
    .filter(({ _id, name }) => _id !== store.me._id && name?.toLocaleLowerCase().includes(needle))
    .sort((one, other) => one.name.localeCompare(other.name));
}

function personItem(store, user, choose) {
  return h('li', {},
    h('button', { type: 'button', class: 'person', on: { click: () => choose(user._id) } },
      personAvatar(store, user._id, { presence: true }),
      h('span', { class: 'person-name' }, user.name),
      h('span', { class: 'person-role' }, user.role),
      store.online.has(user._id) && hiddenText(', online')));
}
