/** Rooms whose checks the health room runs; `scale.health.checks` says what their failure means. */
export type CheckedRoom = 'redis' | 'rabbitmq' | 'database' | 'shards' | 'tenants'

/** What a room depends on. */
export interface RoomCheck {
  /** Unique, as the report shows it. */
  name: string
  room: CheckedRoom
  /** Without it the instance is of no use at all, whatever `scale.health.checks` says. */
  essential?: boolean
  /** Resolves when the dependency works. @param timeout milliseconds until nobody waits any more */
  run: (timeout: number) => Promise<unknown>
}

const provided = new Map<string, RoomCheck>()

/** Lets a room say how to see whether it works. Called at boot, by the plugin of the room. */
export function provideHealthCheck(check: RoomCheck): void {
  provided.set(check.name, check)
}

export function providedHealthChecks(): RoomCheck[] {
  return [...provided.values()]
}
