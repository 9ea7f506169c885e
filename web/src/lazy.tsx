import type { ComponentChildren, ComponentType } from "preact";
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { asFailure, Failure } from "./client";
import { t } from "./i18n";
import { Problem } from "./parts/basics";

const Fallback = createContext<ComponentChildren>(null);

/** Shows `fallback` while a part of the page that was left out of the first download arrives. */
export function Suspense({ fallback, children }: { fallback: ComponentChildren; children: ComponentChildren }) {
  return <Fallback.Provider value={fallback}>{children}</Fallback.Provider>;
}

export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let arrived: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [, setReady] = useState(arrived !== null);
    const [failure, setFailure] = useState<Failure | null>(null);
    const fallback = useContext(Fallback);
    useEffect(() => {
      if (arrived) return;
      load().then(
        (component) => {
          arrived = component;
          setReady(true);
        },
        (reason: unknown) => setFailure(new Failure("unreachable", t("error.unreachable"), asFailure(reason).hint)),
      );
    }, []);
    const Part = arrived;
    if (Part) return <Part {...props} />;
    return failure ? <Problem failure={failure} /> : <>{fallback}</>;
  };
}
