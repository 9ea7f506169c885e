import { afterEach, describe, expect, it } from "vitest";
import { bytes, clock, duration, fill, language, percent, t, tn } from "./i18n";

afterEach(() => language.set("en"));

describe("sentences", () => {
  it("follow the language", () => {
    expect(t("nav.history")).toBe("History");
    language.set("vi");
    expect(t("nav.history")).toBe("Lịch sử");
  });

  it("fill values in and leave unknown holes visible", () => {
    expect(fill("{a} and {b}", { a: 1 })).toBe("1 and {b}");
  });

  it("count as the language does", () => {
    expect(tn("coverage.faces", 1)).toBe("1 face");
    expect(tn("coverage.faces", 1200)).toBe("1,200 faces");
    language.set("vi");
    expect(tn("coverage.faces", 1)).toBe("1 khuôn mặt");
  });
});

describe("figures", () => {
  it("name sizes", () => {
    expect(bytes(648)).toBe("648 bytes");
    expect(bytes(1_240_000)).toBe("1.2 MB");
    language.set("vi");
    expect(bytes(1_240_000)).toBe("1,2 MB");
  });

  it("show the time as players do", () => {
    expect(clock(7.44, true)).toBe("0:07.4");
    expect(clock(59.96, true)).toBe("1:00.0");
    expect(clock(750)).toBe("12:30");
    expect(clock(3723)).toBe("1:02:03");
    expect(clock(Number.NaN)).toBe("0:00");
  });

  it("round waiting times", () => {
    expect(duration(0.2)).toBe("1 second");
    expect(duration(89)).toBe("1 minute");
    expect(duration(86_400)).toBe("24 hours");
  });

  it("keep small shares readable", () => {
    expect(percent(0.02)).toBe("2%");
    expect(percent(0.004)).toBe("0.4%");
    expect(percent(0.483)).toBe("48%");
    expect(percent(0)).toBe("0%");
  });
});
