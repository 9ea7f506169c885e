import { describe, expect, it } from "vitest";
import { boxBetween, centred, clamp, fit, limit, MAX_ZOOM, scaleKind, show, shownAt, step, toPicture, zoomAt } from "./geometry";

const box = { width: 800, height: 600 };
const large = { width: 4000, height: 3000 };
const small = { width: 100, height: 100 };

describe("fitting", () => {
  it("shows all of a large picture", () => {
    expect(fit(box, large, 1)).toEqual({ scale: 0.2, x: 0, y: 0 });
  });

  it("never enlarges a small one beyond its own pixels, on any screen", () => {
    expect(fit(box, small, 1)).toEqual({ scale: 1, x: 350, y: 250 });
    expect(fit(box, small, 2).scale).toBe(0.5);
  });
});

describe("zooming", () => {
  it("keeps the point under the pointer", () => {
    const before = centred(box, large, 0.2);
    const at = { x: 123, y: 456 };
    const after = zoomAt(before, at, 3);
    expect(toPicture(after, at).x).toBeCloseTo(toPicture(before, at).x);
    expect(toPicture(after, at).y).toBeCloseTo(toPicture(before, at).y);
  });

  it("stops exactly at 1:1 on the way up and down", () => {
    for (const ratio of [1, 1.5, 2, 3]) {
      expect(step(0.9 / ratio, 1, ratio) * ratio).toBeCloseTo(1);
      expect(step(1.3 / ratio, -1, ratio) * ratio).toBeCloseTo(1);
    }
  });

  it("has ends", () => {
    expect(step(MAX_ZOOM, 1, 1)).toBe(MAX_ZOOM);
    expect(limit(1000, 0.2, 1)).toBe(MAX_ZOOM);
    expect(limit(0.001, 0.2, 1)).toBe(0.2);
  });
});

describe("the place of the picture", () => {
  it("never leaves the box empty while the picture could fill it", () => {
    expect(clamp({ scale: 1, x: 500, y: -9000 }, box, large)).toEqual({ scale: 1, x: 0, y: 600 - 3000 });
  });

  it("brings a part into the middle", () => {
    const place = show({ x: 2000, y: 1500, width: 100, height: 100 }, box, large, 1);
    expect(toPicture(place, { x: 400, y: 300 })).toEqual({ x: 2050, y: 1550 });
    expect(place.scale).toBeGreaterThan(1);
  });
});

it("says whether the pixels are the picture's own", () => {
  expect(scaleKind(1, 1)).toBe("exact");
  expect(scaleKind(0.5, 2)).toBe("exact");
  expect(scaleKind(0.5, 1)).toBe("reduced");
  expect(scaleKind(1, 2)).toBe("enlarged");
});

describe("a box drawn by hand", () => {
  it("is the same from whichever corner, in whole pixels", () => {
    const wanted = { x: 10, y: 20, width: 30, height: 41 };
    expect(boxBetween({ x: 10.2, y: 20.4 }, { x: 40.4, y: 60.6 }, large)).toEqual(wanted);
    expect(boxBetween({ x: 40.4, y: 20.4 }, { x: 10.2, y: 60.6 }, large)).toEqual(wanted);
  });

  it("ends where the picture ends", () => {
    expect(boxBetween({ x: -50, y: -50 }, { x: 500, y: 50 }, small)).toEqual({ x: 0, y: 0, width: 100, height: 50 });
  });

  it("is none when it was only a click, or beside the picture", () => {
    expect(boxBetween({ x: 5, y: 5 }, { x: 6, y: 30 }, small)).toBeNull();
    expect(boxBetween({ x: 200, y: 5 }, { x: 300, y: 30 }, small)).toBeNull();
  });

  it("is shown where it was drawn", () => {
    expect(shownAt({ x: 10, y: 20, width: 30, height: 40 }, { scale: 0.5, x: 100, y: 7 })).toEqual({ left: "105px", top: "17px", width: "15px", height: "20px" });
  });
});
