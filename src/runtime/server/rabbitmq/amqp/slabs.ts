/** A piece of memory that many messages are written into. */
export interface Slab {
  readonly memory: Buffer
  /** The stream begins to read from it, and calls what is returned when it has. */
  lend: () => () => void
  /** Nothing is written into it any more: it is given out again when the stream has read everything. */
  leave: () => void
}

/** Bytes of a slab, unless one message needs more. */
const SLAB = 65_536
/** Slabs that wait to be used again. */
const MOST_SPARE = 8

/**
 * Memory for what a stream is to read. It lies outside of V8's heap, where each new piece brings the next full collection closer, so it is used again.
 *
 * @returns takes a slab of at least so many bytes
 */
export function createSlabs(): (bytes: number) => Slab {
  const spare: Slab[] = []

  function create(size: number): Slab {
    let readers = 0
    let left = false

    function release(): void {
      if (!left || readers > 0 || size > SLAB || spare.length === MOST_SPARE) return
      left = false
      spare.push(slab)
    }

    function read(): void {
      readers--
      release()
    }

    const slab: Slab = {
      memory: Buffer.allocUnsafeSlow(size),
      lend() {
        readers++
        return read
      },
      leave() {
        left = true
        release()
      },
    }
    return slab
  }

  return bytes => bytes > SLAB ? create(bytes) : spare.pop() ?? create(SLAB)
}
