/** Texts as the service reads them, so that both count the same characters. */

/** By its byte-order mark, else UTF-8, else Windows-1252. */
export function decoded(data: ArrayBuffer): string {
  const [first, second] = new Uint8Array(data.slice(0, 2));
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(data);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(data);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(data);
  } catch {
    return new TextDecoder("windows-1252").decode(data);
  }
}

/** The text, unless it is of subtitles: of those the plan counts the spoken words alone. */
export function visible(text: string): string | null {
  const subtitles = /^\ufeff?(?:WEBVTT|\s*\[Script Info\])/i.test(text) || /^[^\n]*\n?[^\n]*\d{2}[.,]\d{1,3}\s*-->/.test(text.trimStart());
  return subtitles ? null : text;
}

/** How many code points: JavaScript counts an emoji twice. */
export function points(text: string): number {
  return [...text].length;
}

/** The words of a span, cut where a list has no more room. */
export function excerpt(text: string, start: number, end: number): string {
  const words = [...text].slice(start, end).join("").replace(/\s+/g, " ").trim();
  return words.length > 60 ? `${words.slice(0, 59)}…` : words;
}
