import { useEffect, useState } from "preact/hooks";
import type { Size } from "../viewer/geometry";
import type { Player } from "../viewer/player";

const UNKNOWN: Size = { width: 0, height: 0 };

/** How large a picture or a video is, as soon as the browser knows. */
export function useSize(picture: string | null | undefined, player: Player<HTMLVideoElement> | null): Size {
  const [size, setSize] = useState<Size>(UNKNOWN);
  useEffect(() => {
    if (!picture) return;
    const probe = new Image();
    probe.onload = () => setSize({ width: probe.naturalWidth, height: probe.naturalHeight });
    probe.src = picture;
    return () => {
      probe.onload = null;
    };
  }, [picture]);
  const video = player?.element.current;
  if (video?.videoWidth) return { width: video.videoWidth, height: video.videoHeight };
  return player ? { width: 16, height: 9 } : size; // the stage needs some shape until the video tells its own
}
