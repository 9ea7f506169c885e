import { store } from "./store";

/**
 * The files the user chose, held by the browser for as long as the page is open. The service deletes the original
 * when its examination ends, so this copy is the only one with every pixel.
 */
export interface Copy {
  file: File;
  url: string;
}

const held = new Map<string, Copy>();
export const copies = store(0);

/** Remembers `file` as the original of the media with this SHA-256. */
export function keep(sha256: string, file: File): void {
  if (held.has(sha256)) return;
  held.set(sha256, { file, url: URL.createObjectURL(file) });
  copies.set(copies.get() + 1);
}

export function copyOf(sha256: string): Copy | undefined {
  return held.get(sha256);
}

export function forget(sha256: string): void {
  const copy = held.get(sha256);
  if (!copy) return;
  URL.revokeObjectURL(copy.url);
  held.delete(sha256);
  copies.set(copies.get() + 1);
}

export const canHash = (): boolean => globalThis.isSecureContext && "subtle" in crypto;

export async function sha256(file: Blob): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
