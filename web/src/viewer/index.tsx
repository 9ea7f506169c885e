import { t } from "../i18n";
import { copies, copyOf } from "../copies";
import { useStore } from "../store";
import type { Report } from "../wire";
import { AudioView } from "./audio";
import { Original } from "./original";
import { ImageView } from "./image";
import type { Look } from "./look";
import { TextView } from "./text";
import { VideoView } from "./video";
import "../styles/viewer.css";

export interface ViewProps {
  report: Report;
  look: Look | null;
  /** Object URL of the browser's own copy, when it has one. */
  own: string | undefined;
}

/** The medium itself, with everything that was found in it. */
export function Viewer({ report, look }: { report: Report; look: Look | null }) {
  useStore(copies);
  const own = copyOf(report.sha256)?.url;
  const props = { report, look, own };
  return (
    <>
      {report.mediaType === "image" && <ImageView {...props} />}
      {report.mediaType === "video" && <VideoView {...props} />}
      {report.mediaType === "audio" && <AudioView {...props} />}
      {(report.mediaType === "text" || report.mediaType === "html") && <TextView {...props} />}
      {report.mediaType === "pdf" && <p class="muted">{t("viewer.nothing")}</p>}
      {report.text && report.mediaType !== "text" && report.mediaType !== "html" && (
        <section class="caption" aria-labelledby="caption-title">
          <h3 id="caption-title">{t("viewer.caption")}</h3>
          <TextView {...props} />
        </section>
      )}
      {report.mediaType !== "text" && report.mediaType !== "html" && <Original report={report} own={own !== undefined} />}
    </>
  );
}
