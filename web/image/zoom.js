// Zooming and moving a picture with the pointer, and swiping to the next one.

const MIN_SCALE = 1.001;
const MAX_SCALE = 8;
/** The scale after a click or a double tap. */
const CLOSE_SCALE = 2.5;
const STEP = 1.5;
/** The minimum length of a swipe, and the maximum movement of a click, in CSS pixels. */
const MIN_SWIPE = 50;
const MAX_CLICK = 6;
/** Two taps within this time are a double tap. A double click counts as one click. */
const DOUBLE_MS = 300;

/** Zooms the element that `target` returns, inside of `area`. Event: `zoom`, when the scale has changed. */
export class Zoom extends EventTarget {
  scale = 1;
  /** How far the picture was moved from the middle, in CSS pixels. */
  #x = 0;
  #y = 0;
  /** @type {Map<number, {x: number, y: number}>} the pointers that touch the area */
  #pointers = new Map();
  /** The distance between two fingers. */
  #distance = 0;
  #start = { x: 0, y: 0, time: 0 };
  #moved = false;
  /** Whether two fingers touched the area since the first one touched it. */
  #wasPinch = false;
  #lastTap = 0;

  /**
   * @param {HTMLElement} area
   * @param {() => HTMLElement | null} target
   * @param {(step: number) => void} onSwipe is called with -1 or 1
   */
  constructor(area, target, onSwipe) {
    super();
    this.area = area;
    this.target = target;
    this.onSwipe = onSwipe;
    area.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    area.addEventListener("pointerdown", (event) => this.#onDown(event));
    area.addEventListener("pointermove", (event) => this.#onMove(event));
    area.addEventListener("pointerup", (event) => this.#onUp(event));
    area.addEventListener("pointercancel", ({ pointerId }) => this.#pointers.delete(pointerId));
  }

  get isZoomed() {
    return this.scale > 1;
  }

  in() {
    this.#zoomTo(this.scale * STEP);
  }

  out() {
    this.#zoomTo(this.scale / STEP);
  }

  reset() {
    this.#zoomTo(1);
  }

  toggle(point = this.#middle()) {
    this.#zoomTo(this.isZoomed ? 1 : CLOSE_SCALE, point);
  }

  #middle() {
    const { left, top, width, height } = this.area.getBoundingClientRect();
    return { x: left + width / 2, y: top + height / 2 };
  }

  /** Changes the scale. What the picture shows at `point` stays there. */
  #zoomTo(wanted, point = this.#middle()) {
    // Below this scale, only rounding errors of a pinch are left.
    const scale = wanted < MIN_SCALE ? 1 : Math.min(wanted, MAX_SCALE);
    const middle = this.#middle();
    const [across, down] = [point.x - middle.x, point.y - middle.y];
    this.#x = across - (across - this.#x) * scale / this.scale;
    this.#y = down - (down - this.#y) * scale / this.scale;
    const isNew = scale !== this.scale;
    this.scale = scale;
    this.#apply();
    if (isNew) this.dispatchEvent(new CustomEvent("zoom"));
  }

  /** Moves the target to its place. No edge of the picture comes further in than necessary. */
  #apply() {
    const element = this.target();
    if (!element) return;
    const most = (length, available) => Math.max(0, (length * this.scale - available) / 2);
    const within = (value, limit) => Math.min(Math.max(value, -limit), limit);
    this.#x = within(this.#x, most(element.offsetWidth, this.area.clientWidth));
    this.#y = within(this.#y, most(element.offsetHeight, this.area.clientHeight));
    element.style.transform = this.isZoomed ? `translate(${this.#x}px, ${this.#y}px) scale(${this.scale})` : "";
    this.area.classList.toggle("zoomed", this.isZoomed);
  }

  #onWheel(event) {
    if (isControl(event)) return;
    event.preventDefault();
    // A mouse wheel turns by about 100 pixels, and a pinch on a touchpad by few.
    this.#zoomTo(this.scale * Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), { x: event.clientX, y: event.clientY });
  }

  #onDown(event) {
    const isArrow = isTouchedArrow(event);
    if (isControl(event) && !isArrow || event.button !== 0) return;
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.#pointers.size === 1) {
      this.#start = { x: event.clientX, y: event.clientY, time: event.timeStamp };
      this.#moved = false;
      this.#wasPinch = false;
    }
    if (this.#pointers.size === 2) {
      this.#wasPinch = true;
      this.#distance = this.#fingers().distance;
    }
    // The browser sends the finger's events to the arrow. If the area captured them, a tap would not click the arrow.
    if (!isArrow) this.area.setPointerCapture(event.pointerId);
  }

  #onMove(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const [x, y] = [event.clientX, event.clientY];
    this.#pointers.set(event.pointerId, { x, y });
    if (Math.hypot(x - this.#start.x, y - this.#start.y) > MAX_CLICK) this.#moved = true;
    if (this.#pointers.size === 2) {
      const { distance, middle } = this.#fingers();
      this.#moved = true;
      this.#zoomTo(this.scale * distance / Math.max(this.#distance, 1), middle);
      this.#distance = distance;
    } else if (this.isZoomed) {
      this.#x += x - before.x;
      this.#y += y - before.y;
      this.#apply();
    }
  }

  #onUp(event) {
    if (!this.#pointers.delete(event.pointerId)) return;
    // The last finger of a pinch neither swipes nor taps.
    if (this.#wasPinch) return;
    const [across, down] = [event.clientX - this.#start.x, event.clientY - this.#start.y];
    if (!this.#moved) return this.#onTap(event);
    if (this.isZoomed || event.pointerType === "mouse") return;
    if (Math.abs(across) > MIN_SWIPE && Math.abs(across) > 2 * Math.abs(down)) this.onSwipe(across > 0 ? -1 : 1);
  }

  #onTap(event) {
    // The tap clicks the button.
    if (isControl(event)) return;
    const isSecond = event.timeStamp - this.#lastTap < DOUBLE_MS;
    this.#lastTap = isSecond ? 0 : event.timeStamp;
    // A mouse zooms with the first click, a finger with the second tap.
    if (isSecond === (event.pointerType !== "mouse")) this.toggle({ x: event.clientX, y: event.clientY });
  }

  /** The distance between two fingers, and the point between them. */
  #fingers() {
    const [a, b] = [...this.#pointers.values()];
    return { distance: Math.hypot(a.x - b.x, a.y - b.y), middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } };
  }
}

/** Whether an event is about a button above the picture. */
const isControl = (event) => event.target instanceof Element && event.target.closest("button, a, .notices") !== null;

/** Whether a finger touches the arrow to another picture. Unlike other buttons, a swipe may begin there. */
const isTouchedArrow = ({ target, pointerType }) => pointerType === "touch" && target.closest(".turn") !== null;
