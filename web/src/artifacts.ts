import { useEffect, useState } from "preact/hooks";
import { Failure, asFailure, getBlob } from "./client";

/** A kept picture of the service, fetched with the token and shown through an object URL. */
interface Entry {
  users: number;
  url: Promise<string>;
}

const entries = new Map<string, Entry>();

function open(path: string): Promise<string> {
  const entry = entries.get(path) ?? { users: 0, url: getBlob(path).then((blob) => URL.createObjectURL(blob)) };
  entry.users += 1;
  entries.set(path, entry);
  return entry.url;
}

function close(path: string): void {
  const entry = entries.get(path);
  if (!entry) return;
  entry.users -= 1;
  // Coming back to the same layer within a minute costs no second download.
  setTimeout(() => {
    if (entry.users > 0 || entries.get(path) !== entry) return;
    entries.delete(path);
    entry.url.then(URL.revokeObjectURL, () => undefined);
  }, 60_000);
}

export interface Loaded {
  url?: string;
  failure?: Failure;
}

export function useArtifact(path: string | null | undefined): Loaded {
  const [loaded, setLoaded] = useState<Loaded & { path?: string }>({});
  useEffect(() => {
    if (!path) return;
    let current = true;
    open(path).then(
      (url) => current && setLoaded({ path, url }),
      (reason: unknown) => {
        entries.delete(path); // the next one to ask tries again
        if (current) setLoaded({ path, failure: asFailure(reason) });
      },
    );
    return () => {
      current = false;
      close(path);
    };
  }, [path]);
  return loaded.path === path ? loaded : {};
}

/** Hands a file to the browser's downloads. */
export function saveAs(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
