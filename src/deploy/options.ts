import type { Duration } from '../runtime/server/core/duration'

/**
 * How the balancer selects a server. `round-robin`: each server in turn. `least-conn`: the server with the fewest connections.
 * `ip-hash`: by the address of the client. `weighted`: in turn, in proportion to `weight`.
 */
export type Balance = 'round-robin' | 'least-conn' | 'ip-hash' | 'weighted'

/** One instance that the balancer sends requests to. */
export interface DeployServer {
  /** Host name or IP address. */
  host: string
  /**
   * Port of the instance.
   * @default 3000
   */
  port?: number
  /**
   * Share of the requests, relative to the other servers: 1 to 100. Not with `balance: 'round-robin'`.
   * @default 1
   */
  weight?: number
  /**
   * Whether the server receives requests only while all others are down. Not with `balance: 'ip-hash'`.
   * @default false
   */
  backup?: boolean
}

/** Certificate files, as paths on the machine of the balancer. */
export interface DeployTls {
  /** The certificate and its chain, in PEM. */
  certificate: string
  /** The private key of the certificate, in PEM. */
  key: string
  /**
   * Certificate and key in one file, for HAProxy. Without it, HAProxy reads the key from `<certificate>.key`.
   * @default certificate
   */
  bundle?: string
  /**
   * How long browsers use HTTPS only (`Strict-Transport-Security`): seconds, or a string such as `'180d'`. 0 sends no header.
   * @default 0
   */
  hsts?: Duration
}

/** Cache of nginx. The response headers of the app determine what is stored, and for how long. */
export interface DeployCache {
  /**
   * Folder of the cached files.
   * @default '/var/cache/nginx-<name>'
   */
  path?: string
  /**
   * Maximum size of the cached files: bytes, or a string such as `'1gb'`.
   * @default '1gb'
   */
  size?: number | string
  /**
   * Memory for the cache keys: bytes, or a string such as `'10mb'`. One megabyte is enough for about 8,000 keys.
   * @default '10mb'
   */
  memory?: number | string
  /**
   * A cached file that is not requested for this time is deleted. Seconds, or a string such as `'60m'`.
   * @default '60m'
   */
  inactive?: Duration
  /**
   * Paths whose responses are the same for all users and can always be stored. Concurrent requests for the same path are collapsed:
   * one reaches the app, the rest wait. Build files are always included. Do not list a path whose responses may not be stored:
   * its requests would wait for each other.
   * @default []
   */
  shared?: readonly string[]
}

/** Rate limit of the balancer: it rejects requests before they reach an instance. */
export interface DeployRateLimit {
  /**
   * Requests that one IP address may send in each `window`.
   * @default 10
   */
  limit?: number
  /**
   * Time window of `limit`: seconds, or a string such as `'1m'`.
   * @default 1
   */
  window?: Duration
  /**
   * Requests that one IP address may send above `limit` in a burst.
   * @default 20
   */
  burst?: number
  /**
   * Paths that the limit applies to. Do not limit pages and build files: one page may load more files than the limit allows.
   * The limit applies to every spelling of a path. It also counts each request whose path can be interpreted in several ways.
   * @default ['/api/**']
   */
  paths?: readonly string[]
}

/** Number of instances. */
export interface DeployReplicas {
  /** Fewest instances. */
  min?: number
  /** Most instances, when the autoscaler adds some. */
  max?: number
}

/** Settings that only Kubernetes needs. */
export interface DeployKubernetes {
  /**
   * Namespace of all objects.
   * @default the current namespace of kubectl
   */
  namespace?: string
  /**
   * Class of the Ingress.
   * @default the default class of the cluster
   */
  ingressClass?: string
  /**
   * Name of the Secret with the addresses and secrets of the app. Its keys are the names of the environment variables.
   * @default '<name>-secrets'
   */
  secret?: string
  /**
   * Name of the Secret with the certificate of the Ingress. Only used with `tls`.
   * @default '<name>-tls'
   */
  tlsSecret?: string
  /**
   * CPU and memory that a pod requests, and its memory limit.
   * @default { cpu: '250m', memory: '256Mi', memoryLimit: '512Mi' }
   */
  resources?: { cpu?: string, memory?: string, memoryLimit?: string }
  /**
   * CPU use, in percent of the requested CPU, above which the autoscaler adds pods.
   * @default 70
   */
  targetCpu?: number
}

/**
 * `scale.deploy`: settings of the generated deployment files. Only `npx nuxt-scale nginx` and its siblings read them; they add nothing to
 * the build.
 */
export interface DeployModuleOptions {
  /**
   * Prefix of all generated names.
   * @default 'app'
   */
  name?: string
  /**
   * Domains of the app; `*.` before a domain includes its subdomains. Requests for other hosts are rejected.
   * @default `scale.tenancy.baseDomains` and their subdomains, or any host without `baseDomains`
   */
  serverName?: string | readonly string[]
  /**
   * Instances behind nginx, HAProxy or Caddy.
   * @default [{ host: '127.0.0.1', port: 3000 }]
   */
  servers?: readonly DeployServer[]
  /**
   * How the balancer selects a server: `'round-robin'`, `'least-conn'`, `'ip-hash'` or `'weighted'`.
   * @default 'round-robin'
   */
  balance?: Balance
  /**
   * HTTPS, with a redirect from HTTP. With `'auto'`, Caddy or the Ingress of Kubernetes obtains the certificates.
   * @default false
   */
  tls?: false | 'auto' | DeployTls
  /**
   * Ports of the balancer, and whether it also listens on IPv6.
   * @default { http: 80, https: 443, ipv6: true }
   */
  listen?: { http?: number, https?: number, ipv6?: boolean }
  /**
   * Addresses and ranges of a CDN or balancer in front of this one. Their `X-Forwarded-For` header is trusted; that of other clients is
   * replaced.
   * @default []
   */
  trustedProxies?: readonly string[]
  /**
   * How long the balancer waits for an instance. `connect`: for a connection. `send`: between two writes of a request.
   * `read`: between two reads of a response. `stream`: between two reads on `streams`. Seconds, or strings such as `'2s'`.
   * @default { connect: '2s', send: '30s', read: '60s', stream: '1h' }
   */
  timeouts?: { connect?: Duration, send?: Duration, read?: Duration, stream?: Duration }
  /**
   * Maximum size of a request body: bytes, or a string such as `'10mb'`.
   * @default '10mb'
   */
  maxBodySize?: number | string
  /**
   * Cache of nginx. Off by default; `cache: {}` turns it on.
   * @default false
   */
  cache?: false | DeployCache
  /**
   * Rate limit of the balancer. Each balancer counts on its own. Off by default; `rateLimit: {}` turns it on.
   * @default false
   */
  rateLimit?: false | DeployRateLimit
  /**
   * Paths of WebSockets and server-sent events. Their responses are not buffered or stored, and their connections may be idle.
   * @default []
   */
  streams?: readonly string[]
  /**
   * Container image of the app, with its tag. `--image` overrides it.
   * @default '<name>:latest'
   */
  image?: string
  /**
   * Port that an instance listens on in its container.
   * @default 3000
   */
  port?: number
  /**
   * Number of instances in Kubernetes and Compose. Compose starts `min`. Workers exist only with `scale.rabbitmq`.
   * @default { web: { min: 3, max: 10 }, worker: { min: 1, max: 4 } }
   */
  replicas?: { web?: DeployReplicas, worker?: DeployReplicas }
  /** Settings that only Kubernetes needs. */
  kubernetes?: DeployKubernetes
}
