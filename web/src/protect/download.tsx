import { useState } from "preact/hooks";
import { saveAs, useArtifact } from "../artifacts";
import { asFailure, type Failure, getBlob } from "../client";
import { copies, copyOf } from "../copies";
import { t } from "../i18n";
import { Problem } from "../parts/basics";
import { Icon } from "../parts/icons";
import { signedIn } from "../session";
import { useStore } from "../store";
import type { Redaction } from "./shapes";

/** clip.mp4 → clip-safe.mp4, as the service calls it too. */
export function safeName(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? `${name.slice(0, dot)}-safe${name.slice(dot)}` : `${name}-safe`;
}

export function Download({ redaction }: { redaction: Redaction }) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const token = useStore(signedIn);
  const { output } = redaction.links;
  if (!output) return null;
  const name = safeName(redaction.name);
  const label = t("protect.download.name", { name: redaction.name });
  // A plain link streams to the disk, but cannot carry a token.
  if (!token)
    return (
      <a class="button primary" href={output} download={name} aria-label={label}>
        <Icon name="down" /> {t("protect.download")}
      </a>
    );
  const save = async () => {
    setBusy(true);
    setFailure(null);
    try {
      saveAs(await getBlob(output), name);
    } catch (reason) {
      setFailure(asFailure(reason));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <button type="button" class="primary" disabled={busy} onClick={() => void save()} aria-label={label}>
        <Icon name="down" /> {t("protect.download")}
      </button>
      {failure && <Problem failure={failure} />}
    </>
  );
}

/** An address for an element to show a file of the service: streamed where no token is needed, else fetched first. */
export function useMedia(path: string | null | undefined): { url?: string; failure?: Failure } {
  const token = useStore(signedIn);
  const fetched = useArtifact(token ? path : null);
  if (token) return fetched;
  return path ? { url: path } : {};
}

export function useOwnCopy(sha256: string): { url: string; file: File } | undefined {
  useStore(copies);
  return copyOf(sha256);
}
