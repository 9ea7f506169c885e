import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { clock, t } from "../i18n";

interface Moment {
  duration: number;
  now: number;
  seek(time: number): void;
}

export function Seek({ duration, now, seek }: Moment) {
  return (
    <label class="seek">
      <span class="hidden">{t("time.position")}</span>
      <input
        type="range"
        min={0}
        max={duration || 1}
        step={0.01}
        value={now}
        aria-valuetext={t("time.of", { now: clock(now, true), total: clock(duration) })}
        onInput={(event) => seek(Number(event.currentTarget.value))}
      />
    </label>
  );
}

interface LaneFieldProps extends Moment {
  names: ComponentChildren;
  children: ComponentChildren;
  /** Takes a drag from one moment to another in place of seeking. */
  drag?: ((from: number, to: number, done: boolean) => void) | undefined;
}

/** Names on the left, lanes on one axis of time on the right. */
export function LaneField({ names, children, duration, now, seek, drag }: LaneFieldProps) {
  const field = useRef<HTMLDivElement>(null);
  const began = useRef<number | null>(null);
  const time = (event: PointerEvent) => {
    const rect = field.current?.getBoundingClientRect();
    return rect ? Math.min(1, Math.max(0, (event.clientX - rect.left) / rect.width)) * duration : 0;
  };
  const press = (event: PointerEvent) => {
    if (!drag) return seek(time(event));
    field.current?.setPointerCapture(event.pointerId);
    began.current = time(event);
  };
  const move = (event: PointerEvent) => {
    if (!(event.buttons & 1)) return;
    if (!drag) seek(time(event));
    else if (began.current !== null) drag(began.current, time(event), false);
  };
  const lift = (event: PointerEvent) => {
    if (drag && began.current !== null) drag(began.current, time(event), true);
    began.current = null;
  };
  const share = duration > 0 ? Math.min(1, now / duration) : 0;
  return (
    <div class="lanes">
      <div class="lane-names">{names}</div>
      <div class={drag ? "lane-field lane-drawing" : "lane-field"} ref={field} onPointerDown={press} onPointerMove={move} onPointerUp={lift}>
        {children}
        <span class="playhead" style={{ left: `${share * 100}%` }} />
      </div>
    </div>
  );
}
