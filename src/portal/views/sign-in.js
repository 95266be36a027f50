import { h, icon } from '../dom.js';

const OFFLINE = 'The school’s server cannot be reached. Check your connection and try again.';

/**
 * @param {object} options
 * @param {import('../session.js').Session} options.session
 * @param {string} [options.notice] why the reader is asked to sign in again
 * @param {(user: object) => void} options.onSignedIn
 */
export function signInView({ session, notice, onSignedIn }) {
  const login = h('input', {
    id: 'login', name: 'username', type: 'text', required: true, autocomplete: 'username', autocapitalize: 'none',
    spellcheck: 'false', 'aria-describedby': 'sign-in-problem',
  });
  const password = h('input', {
    id: 'password', name: 'password', type: 'password', required: true, autocomplete: 'current-password',
    'aria-describedby': 'sign-in-problem',
  });
  const keep = h('input', { id: 'keep', name: 'keep', type: 'checkbox' });
  const problem = h('p', { id: 'sign-in-problem', class: 'form-problem', role: 'alert' });
  const submit = h('button', { type: 'submit', class: 'button' }, 'Sign in');
  const reveal = h('button', { type: 'button', class: 'reveal', 'aria-pressed': 'false', on: { click: toggle } }, 'Show');

  function toggle() {
    const isShown = password.type === 'text';
    password.type = isShown ? 'password' : 'text';
    reveal.textContent = isShown ? 'Show' : 'Hide';
    reveal.setAttribute('aria-pressed', String(!isShown));
  }

  async function signIn(event) {
    event.preventDefault();
    submit.disabled = true;
    problem.textContent = '';
    try {
      onSignedIn(await session.signIn({ login: login.value.trim(), password: password.value, keep: keep.checked }));
    } catch (error) {
      problem.textContent = sayProblem(error);
      password.select();
    } finally {
      submit.disabled = false;
    }
  }

  return h('main', { class: 'sign-in' },
    h('div', { class: 'scene', 'aria-hidden': 'true' }, icon('scene', { className: 'scene-picture' })),
    h('form', { class: 'sign-in-form', 'aria-labelledby': 'sign-in-title', on: { submit: signIn } },
      h('p', { class: 'brand' }, icon('bird', { className: 'bird' }), 'Stonechat'),
      h('h1', { id: 'sign-in-title' }, 'Sign in'),
      h('p', { class: 'lead' }, 'Talk with your classes, your teachers and your friends at school.'),
      notice && h('p', { class: 'notice', role: 'status' }, notice),
      h('div', { class: 'field' }, h('label', { for: 'login' }, 'Email or college ID'), login),
      h('div', { class: 'field' },
        h('label', { for: 'password' }, 'Password'),
        h('div', { class: 'field-row' }, password, reveal)),
      h('label', { class: 'check', for: 'keep' }, keep, 'Keep me signed in on this device'),
      problem,
      submit));
}

function sayProblem(error) {
  if (error.code === 401) return 'That email or college ID and password do not match.';
  if (error.code === 429) return 'Too many attempts. Wait a moment and try again.';
  return error.code ? error.message : OFFLINE;
}
