import { h } from '../dom.js';
import { openDialog } from './dialogs.js';

const SHORTEST = 8;

/**
 * Asks for the old password and a new one; who succeeds is signed out on every other device.
 * @param {{chat: import('../chat.js').Chat}} options
 */
export function openPassword({ chat }) {
  const old = passwordField('old-password', 'current-password');
  const fresh = passwordField('new-password', 'new-password', { minlength: SHORTEST });
  const problem = h('p', { id: 'password-problem', class: 'form-problem', role: 'alert' });
  const submit = h('button', { type: 'submit', class: 'button' }, 'Change password');

  return openDialog({ title: 'Change password', className: 'dialog-small' }, (close) => {
    async function change(event) {
      event.preventDefault();
      submit.disabled = true;
      problem.textContent = '';
      try {
        await chat.changePassword(old.value, fresh.value);
        close();
      } catch (error) {
        problem.textContent = sayProblem(error);
        old.select();
      } finally {
        submit.disabled = false;
      }
    }

    return [h('form', { class: 'password-form', on: { submit: change } },
      h('p', { class: 'dialog-text' }, 'You stay signed in here and are signed out on your other devices.'),
      h('div', { class: 'field' }, h('label', { for: old.id }, 'Present password'), old),
      h('div', { class: 'field' }, h('label', { for: fresh.id }, `New password, ${SHORTEST} characters or more`), fresh),
      problem,
      h('div', { class: 'dialog-actions' }, submit))];
  });
}

function passwordField(id, autocomplete, more = {}) {
  return h('input', {
    id, type: 'password', required: true, autocomplete, 'aria-describedby': 'password-problem', ...more,
  });
}

function sayProblem(error) {
  if (error.errors?.password) return 'That is not your present password.';
  if (error.code === 429) return 'Too many attempts. Wait a moment and try again.';
  return error.code ? error.message : 'The school’s server cannot be reached. Try again in a moment.';
}
