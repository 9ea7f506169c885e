import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n";
import { useBox } from "./hands";

/** Drawn here from the peaks, so that it is sharp at any width and in any theme. */
export function Wave({ peaks }: { peaks: [number, number][] }) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useBox(frame);
  const drawn = useRef("");
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || !canvas.current || !box.width) return;
    const ratio = devicePixelRatio || 1;
    const colour = getComputedStyle(canvas.current).color;
    const wanted = [box.width, box.height, ratio, colour, peaks.length].join(" ");
    if (wanted === drawn.current) return; // while a film plays, this is asked for every frame
    drawn.current = wanted;
    canvas.current.width = Math.round(box.width * ratio);
    canvas.current.height = Math.round(box.height * ratio);
    const { width, height } = canvas.current;
    context.fillStyle = colour;
    const most = peaks.reduce((top, [low, high]) => Math.max(top, Math.abs(low), Math.abs(high)), 0.01);
    for (let x = 0; x < width; x += 1) {
      const from = Math.floor((x / width) * peaks.length);
      const to = Math.max(from + 1, Math.floor(((x + 1) / width) * peaks.length));
      let [low, high] = [0, 0];
      for (const [a, b] of peaks.slice(from, to)) [low, high] = [Math.min(low, a), Math.max(high, b)];
      const top = (0.5 - high / most / 2.1) * height;
      context.fillRect(x, top, 1, Math.max(1, ((high - low) / most / 2.1) * height));
    }
  });
  return (
    <div class="wave" ref={frame}>
      <canvas ref={canvas} role="img" aria-label={t("audio.waveform")} />
    </div>
  );
}
