import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { stepTime } from "./lanes";

export interface Player<E extends HTMLMediaElement> {
  element: RefObject<E | null>;
  now: number; // seconds
  duration: number;
  playing: boolean;
  failed: boolean; // this browser cannot play the format
  seek(time: number): void;
  toggle(): void;
  pause(): void;
  stepBy(frames: number): void;
  /** Handlers for the element. */
  events: Record<"onLoadedMetadata" | "onPlay" | "onPause" | "onSeeked" | "onError", () => void>;
  keys(event: KeyboardEvent): void;
}

/**
 * A sound or a video under the page's own controls. Without an element there still is a moment to look at.
 *
 * `expected` is the length in seconds until the element knows better, `rate` the frames a second for single steps.
 */
export function usePlayer<E extends HTMLMediaElement>(expected: number, rate = 25): Player<E> {
  const element = useRef<E | null>(null);
  const [now, setNow] = useState(0);
  const [length, setLength] = useState<number | null>(null);
  const [playing, setPlaying] = useState(false);
  const [failed, setFailed] = useState(false);
  const duration = length ?? expected;

  const seek = (time: number) => {
    const to = Math.min(duration, Math.max(0, time));
    setNow(to);
    if (element.current) element.current.currentTime = to;
  };
  const pause = () => element.current?.pause();
  const stepBy = (frames: number) => {
    pause();
    seek(stepTime(element.current?.currentTime ?? now, frames, rate, duration));
  };
  const toggle = () => {
    const player = element.current;
    if (!player) return;
    if (player.paused) void player.play().catch(() => setFailed(true));
    else player.pause();
  };

  // Between two `timeupdate` events a playing video moves several frames: follow it frame by frame.
  useEffect(() => {
    if (!playing) return;
    let next = requestAnimationFrame(function follow() {
      if (element.current) setNow(element.current.currentTime);
      next = requestAnimationFrame(follow);
    });
    return () => cancelAnimationFrame(next);
  }, [playing]);

  const keys = (event: KeyboardEvent) => {
    if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey) return;
    const actions: Record<string, () => void> = {
      ",": () => stepBy(-1),
      ".": () => stepBy(1),
      ArrowLeft: () => seek(now - 1),
      ArrowRight: () => seek(now + 1),
      " ": toggle,
    };
    const action = actions[event.key];
    if (!action || event.defaultPrevented || (event.key === " " && event.target instanceof HTMLButtonElement)) return;
    event.preventDefault();
    action();
  };
  const events = {
    onLoadedMetadata: () => {
      const known = element.current?.duration;
      if (known !== undefined && Number.isFinite(known)) setLength(known);
    },
    onPlay: () => setPlaying(true),
    onPause: () => setPlaying(false),
    onSeeked: () => setNow(element.current?.currentTime ?? now),
    onError: () => setFailed(true),
  };
  return { element, now, duration, playing, failed, seek, toggle, pause, stepBy, events, keys };
}
