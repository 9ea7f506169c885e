import { useCallback, useEffect, useState } from "preact/hooks";
import { Failure, asFailure } from "./client";

export interface Loading<T> {
  value?: T;
  failure?: Failure;
  again(): void;
}

/** Something fetched for a screen; `key` says what, and a change of it fetches anew. */
export function useLoad<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Loading<T> {
  const [state, setState] = useState<{ key?: string; value?: T; failure?: Failure }>({});
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const control = new AbortController();
    load(control.signal).then(
      (value) => !control.signal.aborted && setState({ key, value }),
      (reason: unknown) => !control.signal.aborted && setState({ key, failure: asFailure(reason) }),
    );
    return () => control.abort();
  }, [key, turn]);
  const again = useCallback(() => {
    setState({});
    setTurn((n) => n + 1);
  }, []);
  const current = state.key === key ? state : {};
  return { ...("value" in current && { value: current.value as T }), ...(current.failure && { failure: current.failure }), again };
}
