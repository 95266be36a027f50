import { Chat } from './chat.js';
import { Session } from './session.js';
import { shellView } from './views/shell.js';
import { signInView } from './views/sign-in.js';

const ENDED = 'Your session has ended. Sign in again; messages that were not sent yet are kept.';

const page = document.getElementById('app');
const session = new Session();

function socketUrl() {
  const url = new URL('socket.io/?EIO=4&transport=websocket', document.baseURI);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

function show(view) {
  page.replaceChildren(view);
}

function askToSignIn(notice) {
  document.title = 'Sign in to Stonechat';
  show(signInView({ session, notice, onSignedIn: enter }));
  document.getElementById('login').focus();
}

/** @param {object} me the user who has signed in */
function enter(me) {
  const chat = new Chat({ session, me, url: socketUrl() });
  const stay = new AbortController();

  function leave(notice) {
    stay.abort();
    chat.stop();
    session.forget();
    history.replaceState(null, '', notice ? location.hash : '#/');
    for (const dialog of document.querySelectorAll('dialog')) dialog.close();
    askToSignIn(notice);
  }

  document.title = 'Stonechat';
  show(shellView({ chat, signal: stay.signal, onSignedOut: () => leave() }));
  chat.on('expired', () => leave(ENDED));
  window.addEventListener('offline', () => chat.socket.interrupt(), { signal: stay.signal });
  window.addEventListener('online', () => chat.socket.connect(), { signal: stay.signal });
  chat.start();
}

async function resume() {
  if (!session.token) return askToSignIn();
  try {
    enter(await session.resume());
  } catch (error) {
    if (error.code === 401) session.forget();
    askToSignIn(error.code === 401 ? ENDED : 'The school’s server cannot be reached. Try again in a moment.');
  }
}

resume();
