import { useEffect, useState } from "preact/hooks";
import { getBlob } from "../client";

export type Peaks = [number, number][];

const MOST_BYTES = 80_000_000; // decoding needs many times as much memory as the file
const MOST_SECONDS = 900;
const COLUMNS = 1200;

/** The lowest and highest sample of each of `columns` even stretches. */
export function peaksOf(samples: ArrayLike<number>, columns: number): Peaks {
  return Array.from({ length: columns }, (_, i) => {
    const from = Math.floor((i / columns) * samples.length);
    const to = Math.max(from + 1, Math.floor(((i + 1) / columns) * samples.length));
    let [low, high] = [0, 0];
    for (let at = from; at < to && at < samples.length; at += 1) {
      const value = samples[at] ?? 0;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return [low, high];
  });
}

interface Sound {
  file: Blob | undefined; // the browser's own copy
  path: string | null | undefined; // where the service has it
  bytes: number;
  seconds: number;
}

/** The waveform of the original; null where there is no sound, or where it would cost the browser too much. */
export function useWaveform({ file, path, bytes, seconds }: Sound): Peaks | null {
  const [peaks, setPeaks] = useState<Peaks | null>(null);
  useEffect(() => {
    if (bytes > MOST_BYTES || seconds > MOST_SECONDS || seconds <= 0) return;
    const control = new AbortController();
    const read = async () => {
      const blob = file ?? (path ? await getBlob(path, control.signal) : null);
      if (!blob) return;
      const context = new OfflineAudioContext(1, 1, 16_000); // one channel of 16 kHz: enough to see words
      const sound = await context.decodeAudioData(await blob.arrayBuffer());
      if (!control.signal.aborted) setPeaks(peaksOf(sound.getChannelData(0), COLUMNS));
    };
    read().catch(() => undefined); // no sound in it, or a format that this browser cannot read: the lane stays plain
    return () => control.abort();
  }, [file, path]);
  return peaks;
}
