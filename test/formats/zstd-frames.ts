/** zstd frames made by hand. */

/** A frame of raw blocks (RFC 8878), so that zstd is tested without its program too. */
export function rawFrame(bytes: Uint8Array, window: number = 0x38): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, window)];
  for (let at = 0; at < bytes.length || at === 0; at += 65_536) {
    const block = bytes.subarray(at, at + 65_536);
    const header = (block.length << 3) | (at + 65_536 >= bytes.length ? 1 : 0);
    parts.push(Uint8Array.of(header & 255, (header >> 8) & 255, header >> 16), block);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** `count` blocks of one repeated byte, `size` bytes each. */
export function repeatedBlocks(count: number, size: number, window: number = 0x38): Uint8Array {
  const block = (last: number): number[] => {
    const header = (size << 3) | 2 | last;
    return [header & 255, (header >> 8) & 255, header >> 16, 0];
  };
  const bytes = new Uint8Array(6 + count * 4);
  bytes.set([0x28, 0xb5, 0x2f, 0xfd, 0, window]);
  for (let i = 0; i < count; i++) bytes.set(block(i === count - 1 ? 1 : 0), 6 + i * 4);
  return bytes;
}
