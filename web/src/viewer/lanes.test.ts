import { describe, expect, it } from "vitest";
import { frameRate, lastMoment, path, stepTime, stretch } from "./lanes";

describe("a lane", () => {
  it("steps along its scores", () => {
    const points = [0, 1, 2, 3].map((time) => ({ frame: time * 25, time, score: time / 4 }));
    expect(path(points, 4)).toBe("M0 100V100H250V100ZM250 100V75H500V100ZM500 100V50H750V100ZM750 100V25H1000V100Z");
  });

  it("leaves holes where nothing was examined", () => {
    const points = [0, 1, 2, 8].map((time) => ({ frame: time, time, score: 1 }));
    expect(path(points, 10)).toContain("M200 100V0H400V100Z");
  });

  it("does not stretch a single moment over everything", () => {
    expect(path([{ frame: 0, time: 5, score: 1 }], 10)).toBe("M500 100V0H600V100Z");
  });

  it("is empty without points or length", () => {
    expect(path([], 10)).toBe("");
    expect(path([{ frame: 0, time: 0, score: 1 }], 0)).toBe("");
  });
});

it("keeps short stretches visible and inside", () => {
  expect(stretch(5, 5.001, 100)).toEqual({ left: 0.05, width: 0.004 });
  expect(stretch(99, 200, 100).width).toBeCloseTo(0.01);
  expect(stretch(1, 2, 0)).toEqual({ left: 0, width: 0 });
});

it("finds the last moment in points, spans and thumbnails", () => {
  const lane = { signal: "audio", detector: "x", points: [{ frame: 1, time: 3, score: 0 }], spans: [{ start: 1, end: 7, unit: "seconds" }] };
  expect(lastMoment([lane as never], [5])).toBe(7);
  expect(lastMoment([], [])).toBe(0);
});

describe("frames", () => {
  it("tell their own rate", () => {
    expect(frameRate([{ frame: 0, time: 0 }, { frame: 250, time: 10 }])).toBe(25);
    expect(frameRate([{ frame: 0, time: 0 }])).toBeNull();
  });

  it("are stepped through one by one", () => {
    let now = 0;
    const seen = [];
    for (let i = 0; i < 5; i += 1) {
      now = stepTime(now, 1, 29.97, 1);
      seen.push(Math.floor(now * 29.97));
    }
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    expect(Math.floor(stepTime(now, -1, 29.97, 1) * 29.97)).toBe(4);
  });

  it("end at both ends", () => {
    expect(stepTime(0, -1, 25, 10)).toBeCloseTo(0.02);
    expect(Math.floor(stepTime(10, 1, 25, 10) * 25)).toBe(249);
  });
});
