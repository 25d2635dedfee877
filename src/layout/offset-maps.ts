/**
 * The standard-format offset maps that public CPUID dumps show: a CPU's layout is one of them cut down to
 * its XCR0. Source: layout statistics over 454 public dumps; APX from Intel 355828. Never a substitute for
 * leaf 0DH: they name groups of layouts, and serve as evidence where a file carries no layout.
 */

/** A named map: component index to `[offset, size]` in bytes. */
export interface OffsetMap {
  readonly name: string;
  readonly title: string;
  readonly components: ReadonlyMap<number, readonly [offset: number, size: number]>;
}

const map = (name: string, title: string, components: readonly (readonly [number, number, number])[]): OffsetMap => ({
  name,
  title,
  components: new Map(components.map(([index, offset, size]) => [index, [offset, size]])),
});

/** In the order in which a layout that fits several is named. */
export const OFFSET_MAPS: readonly OffsetMap[] = [
  map("intel", "Intel, Centaur, Zhaoxin", [
    [2, 576, 256],
    [3, 960, 64],
    [4, 1024, 64],
    [5, 1088, 64],
    [6, 1152, 512],
    [7, 1664, 1024],
    [9, 2688, 8],
    [17, 2752, 64],
    [18, 2816, 8192],
    [19, 960, 128],
  ]),
  map("amd-lwp", "AMD Bulldozer to Excavator", [
    [2, 576, 256],
    [62, 832, 128],
  ]),
  map("amd-zen-2", "AMD Zen 2", [
    [2, 576, 256],
    [9, 832, 64],
    [62, 896, 128],
  ]),
  map("amd-zen-3", "AMD Zen 3 on", [
    [2, 576, 256],
    [5, 832, 64],
    [6, 896, 512],
    [7, 1408, 1024],
    [9, 2432, 8],
  ]),
];

/** Maps that agree with every given `[index, offset, size]`. */
export function offsetMapsWith(components: Iterable<readonly [index: number, offset: number, size: number]>): OffsetMap[] {
  const wanted = [...components];
  return OFFSET_MAPS.filter((each) =>
    wanted.every(([index, offset, size]) => {
      const place = each.components.get(index);
      return place !== undefined && place[0] === offset && place[1] === size;
    }),
  );
}

/** A map's title, for people: its name reads like one CPU's. Another name as it is. */
export function layoutTitle(name: string): string {
  return OFFSET_MAPS.find((each) => each.name === name)?.title ?? name;
}
