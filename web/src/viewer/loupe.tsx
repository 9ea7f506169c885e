import { useEffect, useRef, useState } from "preact/hooks";
import type { Point, Size } from "./geometry";

const CELLS = 15; // picture pixels across, odd so that one stands in the middle
const CELL = 12; // CSS pixels for each
const SIDE = CELLS * CELL;

interface LoupeProps {
  image: HTMLImageElement;
  at: Point; // in the viewer
  point: Point; // in the picture
  picture: Size;
  box: Size;
}

/** The pixels around the pointer under a grid, with the value of the one in the middle. */
export function Loupe({ image, at, point, picture, box }: LoupeProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [value, setValue] = useState("");
  useEffect(() => {
    const context = canvas.current?.getContext("2d", { willReadFrequently: true });
    if (!context || !image.naturalWidth) return;
    const ratio = image.naturalWidth / picture.width; // below 1 when only the preview is left
    const x = Math.floor(point.x * ratio);
    const y = Math.floor(point.y * ratio);
    const half = (CELLS - 1) / 2;
    context.imageSmoothingEnabled = false;
    context.fillStyle = "#808080";
    context.fillRect(0, 0, SIDE, SIDE);
    context.drawImage(image, x - half, y - half, CELLS, CELLS, 0, 0, SIDE, SIDE);
    const [r = 0, g = 0, b = 0] = context.getImageData(SIDE / 2, SIDE / 2, 1, 1).data;
    setValue(`${x}, ${y}  R ${r} G ${g} B ${b}`);
    context.strokeStyle = "rgba(128, 128, 128, 0.45)";
    context.lineWidth = 1;
    context.beginPath();
    for (let i = 1; i < CELLS; i += 1) {
      context.moveTo(i * CELL + 0.5, 0);
      context.lineTo(i * CELL + 0.5, SIDE);
      context.moveTo(0, i * CELL + 0.5);
      context.lineTo(SIDE, i * CELL + 0.5);
    }
    context.stroke();
    for (const [color, width] of [["#000", 3], ["#fff", 1]] as const) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.strokeRect(half * CELL + 0.5, half * CELL + 0.5, CELL, CELL);
    }
  });
  const left = at.x + 24 + SIDE > box.width ? at.x - 24 - SIDE : at.x + 24;
  const top = Math.min(Math.max(8, at.y - SIDE / 2), Math.max(8, box.height - SIDE - 36));
  return (
    <div class="loupe" style={{ left: `${Math.max(4, left)}px`, top: `${top}px` }} aria-hidden="true">
      <canvas ref={canvas} width={SIDE} height={SIDE} />
      <span>{value}</span>
    </div>
  );
}
