/** A piece of text under the same marks from end to end. */
export interface Piece {
  text: string;
  marks: number[];
}

/**
 * Cuts a text at the ends of its marks, which may overlap. The service counts characters as Python does, by code point;
 * JavaScript counts UTF-16 units, so an emoji before the mark would shift it.
 */
export function pieces(text: string, spans: { start: number; end: number }[]): Piece[] {
  const units = offsets(text);
  const at = (point: number) => units[Math.min(units.length - 1, Math.max(0, Math.round(point)))] ?? text.length;
  const ranges = spans.map((span) => ({ start: at(span.start), end: at(span.end) }));
  const cuts = [...new Set([0, text.length, ...ranges.flatMap((r) => [r.start, r.end])])].sort((a, b) => a - b);
  return cuts.slice(0, -1).map((start, i) => {
    const end = cuts[i + 1] ?? text.length;
    const marks = ranges.flatMap((r, n) => (r.start <= start && end <= r.end && r.start < r.end ? [n] : []));
    return { text: text.slice(start, end), marks };
  });
}

/** Marks with the same reason share a number: a text may hold the same thing a hundred times. */
export function reasons<T extends { detector: string; note?: string | null }>(spans: T[]): { of: number[]; list: T[] } {
  const list: T[] = [];
  const known = new Map<string, number>();
  const of = spans.map((span) => {
    const key = `${span.detector} ${span.note ?? ""}`;
    const number = known.get(key) ?? list.push(span) - 1;
    known.set(key, number);
    return number;
  });
  return { of, list };
}

/** The UTF-16 offset of every code point, and of the end. */
function offsets(text: string): number[] {
  const found: number[] = [];
  for (let i = 0; i < text.length; i += (text.codePointAt(i) ?? 0) > 0xffff ? 2 : 1) found.push(i);
  found.push(text.length);
  return found;
}
