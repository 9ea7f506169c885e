/** Following a job of the service, whatever it does. */
import { asFailure, events, getJson } from "./client";
import type { Job } from "./wire";

const TRIES = 5;

/** Tells every state of a job until `seen` says that it is over; a broken connection is taken up again. */
export async function follow(jobId: string, signal: AbortSignal, seen: (job: Job) => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      for await (const event of events(`/api/v1/jobs/${jobId}/events`, signal)) {
        tries = 0;
        if (event.data.startsWith("{") && (await seen(JSON.parse(event.data) as Job))) return;
      }
    } catch (reason) {
      const failure = asFailure(reason);
      if (failure.code !== "unreachable" || tries >= TRIES) throw failure;
    }
    await pause(Math.min(8000, 500 * 2 ** tries), signal);
    if (await seen(await getJson<Job>(`/api/v1/jobs/${jobId}`, signal))) return;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("", "AbortError"));
    });
  });
}
