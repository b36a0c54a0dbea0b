/** Modules that exist only in a build. */
declare module '#nitro-internal-virtual/public-assets' {
  /** What Nitro knows of a file in `public/` by its path; undefined when there is none. */
  export function getAsset(path: string): object | undefined
}

declare module '#scale/config.mjs' {
  /** The default export of the app's `server/scale.config.ts`; empty without such a file. */
  const config: object
  export default config
}
