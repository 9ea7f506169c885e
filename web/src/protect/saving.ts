import { useEffect, useRef, useState } from "preact/hooks";
import { asFailure, call, type Failure } from "../client";
import { bare } from "./plan";
import type { Plan } from "./shapes";

const CALM = 700; // milliseconds without an edit after which the plan is sent

export interface Saving {
  state: "saved" | "saving" | "failed";
  failure: Failure | null;
  /** Sends what has not been sent; resolves when the service has the plan as it stands. */
  flush(): Promise<void>;
}

/** Keeps the service's plan the same as the one on the screen, a moment after the last edit. */
export function useSaving(path: string, plan: Plan): Saving {
  const saved = useRef(plan);
  const wanted = useRef(plan);
  const chain = useRef<Promise<void>>(Promise.resolve());
  const [state, setState] = useState<Saving["state"]>("saved");
  const [failure, setFailure] = useState<Failure | null>(null);
  wanted.current = plan;

  const flush = () => {
    const send = async () => {
      const next = wanted.current;
      if (next === saved.current) return;
      setState("saving");
      try {
        await call("PUT", path, bare(next));
        saved.current = next;
        setFailure(null);
        setState(wanted.current === next ? "saved" : "saving");
      } catch (reason) {
        setFailure(asFailure(reason));
        setState("failed");
        throw reason;
      }
    };
    chain.current = chain.current.catch(() => undefined).then(send); // one after the other: the last one stays
    return chain.current;
  };
  useEffect(() => {
    if (plan === saved.current) return;
    setState("saving");
    const timer = setTimeout(() => void flush().catch(() => undefined), CALM);
    return () => clearTimeout(timer);
  }, [plan]);
  // Whoever leaves the screen within that moment loses nothing.
  useEffect(() => () => void flush().catch(() => undefined), []);
  return { state, failure, flush };
}
