/** What is to be removed, and what is put in its place. */
import type { Kind } from "../wire";
import { type Target, targets } from "./shapes";

export const looks = ["solid", "blur", "pixelate"] as const;
export const sounds = ["silence", "tone", "mask"] as const;
export const words = ["label", "pseudonym", "mask"] as const;
export type LookOperator = (typeof looks)[number];
export type SoundOperator = (typeof sounds)[number];
export type WordOperator = (typeof words)[number];

export interface Choices {
  targets: readonly Target[];
  faces: LookOperator;
  plates: LookOperator;
  text: LookOperator; // in pictures and video
  speech: SoundOperator;
  words: WordOperator; // in texts and web pages
  review: boolean;
  keepMetadata: boolean;
  custom: string; // words or /patterns/, one a line
}

export const usual: Choices = {
  targets,
  faces: "solid",
  plates: "solid",
  text: "solid",
  speech: "silence",
  words: "label",
  review: true,
  keepMetadata: false,
  custom: "",
};

const holds: Record<Kind, readonly Target[]> = {
  image: ["faces", "plates", "text"],
  video: targets,
  audio: ["speech"],
  text: ["text"],
  html: ["text"],
  pdf: ["faces", "plates", "text"],
};

/** What a file of this kind can hold; a link may lead to anything. */
export function applicable(kind: Kind | "link"): readonly Target[] {
  return kind === "link" ? targets : holds[kind];
}

/** Blur and pixelation keep information, and programs exist that read it. */
export function reversible(choices: Choices): boolean {
  return (["faces", "plates", "text"] as const).some((name) => choices.targets.includes(name) && choices[name] !== "solid");
}

/** What the service is asked for; null when nothing that was chosen can be in such a file. */
export function request(choices: Choices, kind: Kind | "link"): { targets: string; operators: string; review: boolean; keepMetadata: boolean; custom: string } | null {
  const wanted = applicable(kind).filter((target) => choices.targets.includes(target));
  if (!wanted.length) return null;
  return {
    targets: wanted.join(","),
    // Text has two: one where it is seen, one where it is written.
    operators: [...wanted.map((target) => `${target}=${choices[target]}`), ...(wanted.includes("text") ? [`text=${choices.words}`] : [])].join(","),
    review: choices.review,
    keepMetadata: choices.keepMetadata,
    custom: choices.custom.trim(),
  };
}
