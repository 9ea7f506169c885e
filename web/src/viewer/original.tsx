import { useRef, useState } from "preact/hooks";
import { canHash, keep, sha256 } from "../copies";
import { t } from "../i18n";
import type { Report } from "../wire";
import { Icon } from "../parts/icons";

/** Says what is being looked at, and takes the user's own copy when the service has only a preview left. */
export function Original({ report, own }: { report: Report; own: boolean }) {
  const chooser = useRef<HTMLInputElement>(null);
  const [told, setTold] = useState("");
  if (own)
    return (
      <p class="origin small muted">
        <Icon name="shield" size={14} /> {t("origin.own")}
      </p>
    );
  const open = async (file: File | undefined) => {
    if (!file) return;
    setTold(t("origin.checking"));
    if ((await sha256(file)) === report.sha256) {
      keep(report.sha256, file);
      setTold("");
    } else {
      setTold(t("origin.other"));
    }
  };
  return (
    <div class="origin small">
      <span class="muted">{t("origin.preview")}</span>
      {canHash() && (
        <button type="button" class="small-button" onClick={() => chooser.current?.click()}>
          {t("origin.open")}
        </button>
      )}
      <input
        ref={chooser}
        type="file"
        class="hidden"
        tabIndex={-1}
        aria-label={t("origin.open")}
        onChange={(event) => void open(event.currentTarget.files?.[0])}
      />
      <span role="status">{told}</span>
    </div>
  );
}
