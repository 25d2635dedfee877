/** Where a file's bytes come from: ranges of a file, a Blob or memory, never the whole. */

/** Bytes that are read by ranges. */
export interface ByteSource {
  /** Length in bytes. */
  readonly size: number;
  /** Why the source ends before its file does, for messages. */
  readonly cut?: string;
  /**
   * Bytes `offset` .. `offset + length - 1`; fewer where the source ends before. Readers ask for ranges
   * inside `size` only. The caller may keep the array.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** What a browser's Blob (a File too) offers; Node's Blob fits as well. */
export interface BlobLike {
  readonly size: number;
  slice(start: number, end: number): BlobLike;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Bytes in memory as a source; reads are views of them. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)) };
}

/** A Blob or File, read by slices. */
export function blobSource(blob: BlobLike): ByteSource {
  return {
    size: blob.size,
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  };
}
