const NEAR_END = 60;
const NEAR_START = 240;

/**
 * Keeps the reader's place in a list that grows at both ends: at the newest message if that was in view, else where
 * they were reading.
 * @param {{scroller: HTMLElement, onNearStart: () => void, onMove: () => void}} options
 */
export function keepPlace({ scroller, onNearStart, onMove }) {
  /** Scrolling by hand changes this, growing content does not. */
  let isAtEnd = true;

  function distanceToEnd() {
    return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  }

  function toEnd() {
    scroller.scrollTop = scroller.scrollHeight;
    isAtEnd = true;
  }

  /** @param {() => void} change @param {() => unknown} firstKey what stands first; another one means older content above */
  function during(change, firstKey) {
    const fromEnd = scroller.scrollHeight - scroller.scrollTop;
    const before = firstKey();
    change();
    if (isAtEnd) toEnd();
    else if (firstKey() !== before) scroller.scrollTop = scroller.scrollHeight - fromEnd;
    if (isNearStart()) onNearStart();
  }

  function isNearStart() {
    return scroller.scrollTop < NEAR_START;
  }

  /** Puts an element into the upper third, as far as the content allows. */
  function toElement(element) {
    scroller.scrollTop = element.offsetTop - scroller.clientHeight / 3;
    isAtEnd = distanceToEnd() < NEAR_END;
  }

  scroller.addEventListener('scroll', () => {
    isAtEnd = distanceToEnd() < NEAR_END;
    if (isNearStart()) onNearStart();
    onMove();
  }, { passive: true });
  new ResizeObserver(() => isAtEnd && toEnd()).observe(scroller);

  return { during, toEnd, toElement, get isAtEnd() { return isAtEnd; } };
}
