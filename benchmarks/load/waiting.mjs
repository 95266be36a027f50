/** Waiting for time to pass, for an answer, for many connections. */

export const DRAIN_SECONDS = 15;

export const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
export const range = (length) => Array.from({ length }, (_, i) => i);

/** What the promise brings, or an error with the complaint after so many seconds. */
export async function within(seconds, promise, complaint) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(complaint)), seconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether the condition came true in time. */
export async function until(condition, seconds) {
  for (const deadline = performance.now() + seconds * 1000; !condition(); await sleep(0.005))
    if (performance.now() > deadline) return false;
  return true;
}

/** @param {(i: number) => Promise} open `atOnce` are being opened at any time */
export async function openAll(count, open, atOnce = 32) {
  const opened = new Array(count);
  let next = 0;
  const opener = async () => {
    while (next < count) {
      const i = next++;
      opened[i] = await within(DRAIN_SECONDS, open(i), 'a connection was never accepted');
    }
  };
  await Promise.all(range(Math.min(atOnce, count)).map(opener));
  return opened;
}
