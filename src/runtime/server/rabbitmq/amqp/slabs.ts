/** A buffer that many messages are written into. */
export interface Slab {
  readonly memory: Buffer
  /** Marks that the stream reads from it. @returns a callback for the stream to call when the read is finished */
  lend: () => () => void
  /** Marks that nothing more is written into it. It is reused when the stream has finished all reads. */
  leave: () => void
}

/** Size of a slab in bytes, unless one message needs more. */
const SLAB = 65_536
/** Maximum number of unused slabs that are kept. */
const MOST_SPARE = 8

/**
 * Creates a pool of buffers for a stream. They are outside V8's heap, where every allocation brings the next full garbage
 * collection closer. Reusing them avoids that.
 *
 * @returns a function that takes a slab of at least `bytes` bytes from the pool
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
