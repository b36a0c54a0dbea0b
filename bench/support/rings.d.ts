declare module 'hashring' {
  /** What the bench uses of it. */
  export default class HashRing {
    constructor(servers: string[])
    get(key: string): string
    add(servers: string[]): this
  }
}

declare module 'consistent-hash' {
  /** What the bench uses of it. */
  export default class ConsistentHash {
    add(node: string): this
    get(key: string): string
  }
}
