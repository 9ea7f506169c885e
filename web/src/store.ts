import { useEffect, useState } from "preact/hooks";

/** One value that screens can watch. */
export interface Store<T> {
  get(): T;
  set(next: T): void;
  subscribe(listener: () => void): () => void;
}

export function store<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

export function useStore<T>(source: Store<T>): T {
  const [, bump] = useState(0);
  useEffect(() => {
    const stop = source.subscribe(() => bump((n) => n + 1));
    bump((n) => n + 1); // the value may have changed between drawing and subscribing
    return stop;
  }, [source]);
  return source.get();
}
