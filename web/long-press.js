// Long presses on a touch screen. Some browsers report them as `contextmenu`, and others do not report them.

const LONG_MS = 500;
/** The maximum movement of the finger, in CSS pixels. */
const MAX_MOVE = 10;

/**
 * Calls `onLong` with the element that a finger presses. Prevents the browser's menu and the click after such a press.
 * @param {HTMLElement} area
 * @param {(target: EventTarget | null) => void} onLong
 */
export function onLongPress(area, onLong) {
  /** @type {{x: number, y: number, isLong: boolean, report: () => void, timer: number} | null} */
  let press = null;
  const end = () => {
    clearTimeout(press?.timer);
    press = null;
  };
  area.addEventListener("pointerdown", ({ target, pointerType, isPrimary, clientX: x, clientY: y }) => {
    end();
    if (pointerType !== "touch" || !isPrimary) return;
    const report = () => {
      if (!press || press.isLong) return;
      press.isLong = true;
      onLong(target);
    };
    press = { x, y, isLong: false, report, timer: setTimeout(report, LONG_MS) };
  });
  area.addEventListener("pointermove", ({ clientX, clientY }) => {
    if (press && !press.isLong && Math.hypot(clientX - press.x, clientY - press.y) > MAX_MOVE) end();
  });
  area.addEventListener("pointerup", () => clearTimeout(press?.timer));
  area.addEventListener("pointercancel", end);
  area.addEventListener("contextmenu", (event) => {
    if (!press) return;
    event.preventDefault();
    press.report();
  });
  area.addEventListener("click", (event) => {
    const isAfterLong = press?.isLong;
    end();
    // The keyboard clicks without a press: `detail` is 0 then.
    if (!isAfterLong || event.detail === 0) return;
    event.preventDefault();
    event.stopPropagation();
  }, { capture: true });
}
