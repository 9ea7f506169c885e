import type { Label } from "../wire";

export interface Filter {
  q: string;
  label: string;
  since: string; // a day, YYYY-MM-DD, in the user's time zone
  until: string;
}

export const labels: readonly Label[] = ["Likely Authentic", "Inconclusive", "Suspicious", "Likely Manipulated"];
const PAGE = 50;

export function filterOf(query: URLSearchParams): Filter {
  const get = (name: string) => query.get(name) ?? "";
  return { q: get("q"), label: get("label"), since: get("since"), until: get("until") };
}

/** The filter as it stands in the address; empty parts are left out. */
export function search(filter: Filter): URLSearchParams {
  return new URLSearchParams(Object.entries(filter).filter(([, value]) => value.trim()));
}

/** The address of one page of the history. Days are turned into moments: `until` includes its whole day. */
export function request(filter: Filter, cursor: string | null): string {
  const query = new URLSearchParams({ limit: String(PAGE) });
  const text = filter.q.trim();
  if (text) query.set("q", text);
  if (filter.label) query.set("label", filter.label);
  const day = (value: string, plus: number) => {
    const [year = 0, month = 1, date = 1] = value.split("-").map(Number);
    return new Date(year, month - 1, date + plus).toISOString();
  };
  if (filter.since) query.set("since", day(filter.since, 0));
  if (filter.until) query.set("until", day(filter.until, 1));
  if (cursor) query.set("cursor", cursor);
  return `/api/v1/analyses?${query}`;
}
