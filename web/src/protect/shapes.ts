/** What the service says about a redaction, and the plan that a person may correct (docs/redaction.md). */
import type { components } from "../api";

type Schemas = components["schemas"];
export type Redaction = Schemas["RedactionView"];
export type Listing = Schemas["RedactionPage"];
export type Status = Schemas["JobState"];

export const targets = ["faces", "plates", "text", "speech"] as const;
export type Target = (typeof targets)[number];

// The plan is written back as it came, so its shapes are said exactly here: the service allows more in each.

export interface KeyBox {
  time: number; // seconds
  x: number;
  y: number;
  width: number;
  height: number;
  seen: boolean;
}

export interface Track {
  id: string;
  kind: "face" | "plate" | "text" | "manual";
  enabled: boolean;
  confidence: number;
  start: number;
  end: number;
  label: string;
  thumbnail: string;
  boxes: KeyBox[];
}

/** A stretch of sound, or of a text. */
export interface SoundSpan {
  id: string;
  kind: string;
  start: number; // seconds, or characters by code point
  end: number;
  confidence: number;
  enabled: boolean;
  label: string;
  unit?: "seconds" | "characters";
}

export interface Plan {
  version: number;
  sha256: string;
  width: number;
  height: number;
  duration: number; // seconds; 0 for a picture
  targets: string[];
  settings: Record<string, unknown>;
  tracks: Track[];
  spans: SoundSpan[];
}
