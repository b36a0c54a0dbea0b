/** Generated at build: the names of the mounts that Nitro and its preset create. */
declare module '#scale/nitro-mounts.mjs' {
  const nitroMounts: readonly string[]
  export default nitroMounts
}
