const shapes = {
  check: "M3 8.5l3.2 3.2L13 4.8",
  wave: "M2 9c1.5-3 3-3 4.5 0S9.5 12 11 9s2-2.6 3-2.6",
  triangle: "M8 2.6l6 10.8H2zM8 6.6v3.2M8 11.6v.2",
  diamond: "M8 1.8L14.2 8 8 14.2 1.8 8zM8 5v3.6M8 10.6v.2",
  close: "M4 4l8 8M12 4l-8 8",
  up: "M8 13V3.4M3.8 7.4L8 3.2l4.2 4.2",
  down: "M8 3v9.6M3.8 8.6L8 12.8l4.2-4.2",
  eye: "M1.6 8S4 3.6 8 3.6 14.4 8 14.4 8 12 12.4 8 12.4 1.6 8 1.6 8zM8 10a2 2 0 100-4 2 2 0 000 4z",
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  split: "M8 1.5v13M2.5 4h3v8h-3zM10.5 4h3v8h-3z",
  loupe: "M7 11.5a4.5 4.5 0 100-9 4.5 4.5 0 000 9zM10.4 10.4l3.6 3.6",
  frame: "M3 3h10v10H3z",
  play: "M4.5 2.8v10.4L13 8z",
  pause: "M5 3v10M11 3v10",
  previous: "M11.5 3.5L6 8l5.5 4.5zM4 3.5v9",
  next: "M4.5 3.5L10 8l-5.5 4.5zM12 3.5v9",
  sun: "M8 10.8a2.8 2.8 0 100-5.6 2.8 2.8 0 000 5.6zM8 1.5v1.6M8 12.9v1.6M1.5 8h1.6M12.9 8h1.6M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M12.6 3.4l-1.1 1.1M4.5 11.5l-1.1 1.1",
  moon: "M13.2 9.6A5.6 5.6 0 016.4 2.8a5.6 5.6 0 106.8 6.8z",
  auto: "M8 14a6 6 0 100-12 6 6 0 000 12zM8 2v12M8 4.6h3.4M8 8h6M8 11.4h3.4",
  image: "M2 3h12v10H2zM2 11l3.4-3.6 2.8 2.8 2-2L14 11.6M10.4 6.2v.1",
  video: "M2 4h8.5v8H2zM10.5 7.2L14 5v6l-3.5-2.2",
  audio: "M2.5 6.5v3M5.2 4v8M8 2.5v11M10.8 5v6M13.5 6.5v3",
  text: "M3 4h10M3 7h10M3 10h10M3 13h6",
  link: "M6.8 9.2a2.6 2.6 0 003.7 0l2.3-2.3a2.6 2.6 0 00-3.7-3.7l-.9.9M9.2 6.8a2.6 2.6 0 00-3.7 0L3.2 9.1a2.6 2.6 0 003.7 3.7l.9-.9",
  shield: "M8 1.8l5 1.8v4c0 3.2-2.2 5.4-5 6.6-2.8-1.2-5-3.4-5-6.6v-4z",
  info: "M8 14a6 6 0 100-12 6 6 0 000 12zM8 7.4v3.6M8 5v.2",
  external: "M9.5 2.5h4v4M13.5 2.5L7.5 8.5M11.5 9.5v4h-9v-9h4",
  undo: "M5.5 3L2.5 6l3 3M2.5 6H9a4 4 0 010 8H6",
  redo: "M10.5 3l3 3-3 3M13.5 6H7a4 4 0 000 8h3",
  box: "M2.5 5V2.5H5M8 2.5h1.5M13.5 5V2.5H12M13.5 8v1.5M13.5 11v2.5H11M8 13.5H6.5M2.5 11v2.5H5M2.5 8V6.5",
  bin: "M3 4.5h10M6.2 4.5V3h3.6v1.5M4.4 4.5l.6 8.5h6l.6-8.5",
  face: "M8 14a6 6 0 100-12 6 6 0 000 12zM5.8 6.6v.2M10.2 6.6v.2M5.4 9.6c1.4 1.6 3.8 1.6 5.2 0",
  plate: "M1.8 5h12.4v6H1.8zM4.4 8h1.4M7.3 8h1.4M10.2 8h1.4",
  again: "M13 8a5 5 0 11-1.6-3.7M13 2.5v3h-3",
  search: "M7 11.5a4.5 4.5 0 100-9 4.5 4.5 0 000 9zM10.4 10.4l3.6 3.6",
} as const;

export type IconName = keyof typeof shapes;

/** Always decoration: the words stand beside it or in the label of its button. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={shapes[name]} />
    </svg>
  );
}

export function Mark() {
  return (
    <svg class="mark" width="22" height="22" viewBox="0 0 22 22" aria-hidden="true" focusable="false">
      <path class="mark-line" d="M2 7V2h5M15 2h5v5M20 15v5h-5M7 20H2v-5" />
      <path class="mark-fill" d="M10.5 6a5 5 0 000 10zM12 6h2v2h-2zM14 8h2v2h-2zM12 10h2v2h-2zM14 12h2v2h-2zM12 14h2v2h-2z" />
    </svg>
  );
}
