import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Point, Size } from "./geometry";

/** The size of an element, kept up to date. */
export function useBox(element: RefObject<HTMLElement | null>): Size {
  const [box, setBox] = useState<Size>({ width: 0, height: 0 });
  useEffect(() => {
    const target = element.current;
    if (!target) return;
    const watch = new ResizeObserver(() => setBox({ width: target.clientWidth, height: target.clientHeight }));
    watch.observe(target);
    return () => watch.disconnect();
  }, []);
  return box;
}

export interface Hands {
  pan(dx: number, dy: number): void;
  pinch(factor: number, around: Point): void;
  hover(at: Point | null): void;
  /** Takes a drag for something else than panning; null leaves it. */
  draw?: ((from: Point, to: Point, done: boolean) => void) | null;
}

/** Mouse, pen and fingers: drag pans, two fingers or the wheel zoom. */
export function usePointers(element: RefObject<HTMLElement | null>, hands: Hands): void {
  const latest = useRef(hands);
  latest.current = hands;
  useEffect(() => {
    const target = element.current;
    if (!target) return;
    const down = new Map<number, Point>();
    let began: Point | null = null; // of a drag that draws
    const local = (event: MouseEvent): Point => {
      const rect = target.getBoundingClientRect();
      return { x: event.clientX - rect.left, y: event.clientY - rect.top };
    };
    const press = (event: PointerEvent) => {
      if (event.button !== 0) return;
      down.set(event.pointerId, local(event));
      began = latest.current.draw && down.size === 1 ? local(event) : null; // a second finger zooms
      target.setPointerCapture(event.pointerId);
    };
    const move = (event: PointerEvent) => {
      const at = local(event);
      latest.current.hover(at);
      const before = down.get(event.pointerId);
      if (!before) return;
      if (began && latest.current.draw) return latest.current.draw(began, at, false);
      const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const length = (p: Point) => Math.hypot(p.x - other.x, p.y - other.y) || 1;
        latest.current.pinch(length(at) / length(before), { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
      } else {
        latest.current.pan(at.x - before.x, at.y - before.y);
      }
      down.set(event.pointerId, at);
    };
    const lift = (event: PointerEvent) => {
      if (began && event.type === "pointerup") latest.current.draw?.(began, local(event), true);
      began = null;
      down.delete(event.pointerId);
    };
    const out = () => down.size === 0 && latest.current.hover(null);
    const wheel = (event: WheelEvent) => {
      // Until the picture was clicked or focused, the wheel belongs to the page.
      if (!event.ctrlKey && !target.contains(document.activeElement)) return;
      event.preventDefault();
      latest.current.pinch(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), local(event));
    };
    target.addEventListener("pointerdown", press);
    target.addEventListener("pointermove", move);
    target.addEventListener("pointerup", lift);
    target.addEventListener("pointercancel", lift);
    target.addEventListener("pointerleave", out);
    target.addEventListener("wheel", wheel, { passive: false });
    return () => {
      target.removeEventListener("pointerdown", press);
      target.removeEventListener("pointermove", move);
      target.removeEventListener("pointerup", lift);
      target.removeEventListener("pointercancel", lift);
      target.removeEventListener("pointerleave", out);
      target.removeEventListener("wheel", wheel);
    };
  }, []);
}
