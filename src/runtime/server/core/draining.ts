let draining = false

/** Returns whether this instance is shutting down and should get no new requests. */
export function isDraining(): boolean {
  return draining
}

export function setDraining(value: boolean): void {
  draining = value
}
