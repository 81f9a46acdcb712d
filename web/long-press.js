// Long presses on a touch screen, and the movements of the finger that follow. Some browsers report a long press as
// `contextmenu`, and others do not report it.

const LONG_MS = 500;
/** The maximum movement of a finger that presses, in CSS pixels. */
const MAX_MOVE = 10;
/**
 * A finger that is so near to the top or the bottom of the screen scrolls, in CSS pixels. On a phone, the page's header
 * and the bar of the selection cover the top, and the links of the header cover the bottom.
 */
const EDGES = { top: 160, bottom: 110 };
/** How far a finger at the edge scrolls in each frame, in CSS pixels. */
const MAX_STEP = 14;

/** Returns how far a finger at this height of the screen scrolls. @param {number} y */
function stepAt(y) {
  const [top, bottom] = [EDGES.top, EDGES.bottom].map((height) => Math.min(height, innerHeight / 4));
  const below = y - (innerHeight - bottom);
  const part = y < top ? (y - top) / top : below > 0 ? below / bottom : 0;
  return Math.round(Math.max(-1, Math.min(part, 1)) * MAX_STEP);
}

/**
 * Calls `onLong` with the element that a finger presses. If `onLong` returns a function, this function is then called
 * with the places to which the finger moves. Meanwhile the finger scrolls only at the top and the bottom of the screen.
 * Prevents the browser's menu and the click after such a press.
 * @param {HTMLElement} area
 * @param {(target: EventTarget | null) => ((x: number, y: number) => void) | undefined} onLong
 */
export function onLongPress(area, onLong) {
  /**
   * `follow` is null before the press is long.
   * @type {{x: number, y: number, target: EventTarget | null, isDown: boolean, isMoving: boolean, timer: number,
   *   frame: number, follow: ((x: number, y: number) => void) | null, report: () => void} | null}
   */
  let press = null;
  const preventScrolling = (event) => {
    if (press?.follow && event.cancelable) event.preventDefault();
  };
  const stop = () => {
    clearTimeout(press?.timer);
    cancelAnimationFrame(press?.frame ?? 0);
    press?.target?.removeEventListener("touchmove", preventScrolling);
    if (press) press.isDown = false;
  };
  const end = () => {
    stop();
    press = null;
  };
  const scroll = () => {
    if (!press?.follow) return;
    const step = stepAt(press.y);
    if (step !== 0) {
      scrollBy(0, step);
      press.follow(press.x, press.y);
    }
    press.frame = requestAnimationFrame(scroll);
  };
  area.addEventListener("pointerdown", ({ target, pointerType, pointerId, isPrimary, clientX: x, clientY: y }) => {
    end();
    if (pointerType !== "touch" || !isPrimary) return;
    const report = () => {
      if (!press || press.follow) return;
      press.follow = onLong(target) ?? null;
      // Some browsers report a long press when the finger leaves the screen.
      if (!press.follow || !press.isDown) return;
      // The pressed element may be removed while the finger scrolls. Then only its own listeners get the touch events.
      target?.addEventListener("touchmove", preventScrolling, { passive: false });
      area.setPointerCapture(pointerId);
    };
    const timer = setTimeout(report, LONG_MS);
    press = { x, y, target, isDown: true, isMoving: false, timer, frame: 0, follow: null, report };
  });
  area.addEventListener("pointermove", ({ clientX, clientY }) => {
    if (!press?.isDown) return;
    const isFar = press.isMoving || Math.hypot(clientX - press.x, clientY - press.y) > MAX_MOVE;
    if (!isFar) return;
    if (!press.follow) return end();
    Object.assign(press, { x: clientX, y: clientY });
    press.follow(clientX, clientY);
    if (press.isMoving) return;
    press.isMoving = true;
    scroll();
  });
  // Browsers ignore `preventDefault` if no listener for this event exists when the finger touches the screen.
  area.addEventListener("touchmove", preventScrolling, { passive: false });
  area.addEventListener("pointerup", stop);
  area.addEventListener("pointercancel", end);
  area.addEventListener("contextmenu", (event) => {
    if (!press) return;
    press.report();
    if (press.follow) event.preventDefault();
  });
  area.addEventListener("click", (event) => {
    const isAfterLong = press?.follow;
    end();
    // The keyboard clicks without a press: `detail` is 0 then.
    if (!isAfterLong || event.detail === 0) return;
    event.preventDefault();
    event.stopPropagation();
  }, { capture: true });
}
