let draining = false

/** Whether this instance was told to end, so that nothing new should come to it. */
export function isDraining(): boolean {
  return draining
}

export function setDraining(value: boolean): void {
  draining = value
}
