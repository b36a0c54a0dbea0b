import type { Duration } from '../runtime/server/core/duration'

/** How requests are shared out: in turn, to the server with the fewest connections, by the address of the client, in turn by weight. */
export type Balance = 'round-robin' | 'least-conn' | 'ip-hash' | 'weighted'

/** One instance that the balancer sends requests to. */
export interface DeployServer {
  /** Its name or address. */
  host: string
  /**
   * @default 3000
   */
  port?: number
  /**
   * How many requests it gets for one of the others. Not with `balance: 'round-robin'`.
   * @default 1
   */
  weight?: number
  /**
   * Gets requests only while all others are down. Not with `balance: 'ip-hash'`.
   * @default false
   */
  backup?: boolean
}

/** Certificates are files on the machine of the balancer. */
export interface DeployTls {
  /** The certificate and those that signed it, in PEM. */
  certificate: string
  /** Its private key. */
  key: string
  /**
   * Certificates and key in one file, for HAProxy. Without it HAProxy looks for the key beside the certificate, as `<certificate>.key`.
   * @default certificate
   */
  bundle?: string
  /**
   * How long browsers remember to come by HTTPS only (`Strict-Transport-Security`).
   * @default 0
   */
  hsts?: Duration
}

/** The cache of nginx. What is stored, and how long, is what the app says in its headers. */
export interface DeployCache {
  /**
   * Its folder.
   * @default '/var/cache/nginx-<name>'
   */
  path?: string
  /**
   * Most bytes of its files.
   * @default '1gb'
   */
  size?: number | string
  /**
   * Memory for the keys: about 8,000 a megabyte.
   * @default '10mb'
   */
  memory?: number | string
  /**
   * What nobody has asked for is deleted after this time.
   * @default '60m'
   */
  inactive?: Duration
  /**
   * Paths whose answers are for everybody and are always stored. Of requests at a time for one of them the app sees one, and the others wait.
   * Build files are among them. Never name a path whose answers may not be stored: its requests would wait for one another.
   * @default []
   */
  shared?: readonly string[]
}

/** A limit at the edge, before a request costs an instance anything. */
export interface DeployRateLimit {
  /**
   * Requests of one address in `window`.
   * @default 10
   */
  limit?: number
  /**
   * @default 1 (second)
   */
  window?: Duration
  /**
   * Requests that may come ahead of their time.
   * @default 20
   */
  burst?: number
  /**
   * Where it holds. Not on pages and build files: a page may load more chunks than that.
   * It holds for every spelling of a path. A path that can be read in several ways counts, whatever it is.
   * @default ['/api/**']
   */
  paths?: readonly string[]
}

/** How many instances there are. */
export interface DeployReplicas {
  min?: number
  max?: number
}

/** What only Kubernetes needs. */
export interface DeployKubernetes {
  /**
   * @default the namespace of kubectl
   */
  namespace?: string
  /**
   * @default the default class of the cluster
   */
  ingressClass?: string
  /**
   * The Secret that holds the addresses and secrets of the app, under the names of its environment variables.
   * @default '<name>-secrets'
   */
  secret?: string
  /**
   * The Secret with the certificate of the Ingress. Used with `tls`.
   * @default '<name>-tls'
   */
  tlsSecret?: string
  /**
   * What a pod asks for, and the most memory that it may take.
   * @default { cpu: '250m', memory: '256Mi', memoryLimit: '512Mi' }
   */
  resources?: { cpu?: string, memory?: string, memoryLimit?: string }
  /**
   * Use of the asked CPU, in percent, at which pods are added.
   * @default 70
   */
  targetCpu?: number
}

/** `scale.deploy`: what stands around the app. Read by `npx nuxt-scale nginx` and its siblings only: it adds nothing to the build. */
export interface DeployModuleOptions {
  /**
   * Begins the names of all that is generated.
   * @default 'app'
   */
  name?: string
  /**
   * The domains of the app; `*.` may stand before one. Requests for other hosts are turned away.
   * @default `scale.tenancy.baseDomains` and all below them, else any host
   */
  serverName?: string | readonly string[]
  /**
   * The instances behind nginx, HAProxy and Caddy.
   * @default [{ host: '127.0.0.1', port: 3000 }]
   */
  servers?: readonly DeployServer[]
  /**
   * @default 'round-robin'
   */
  balance?: Balance
  /**
   * HTTPS, and a redirect to it. `'auto'`: certificates that Caddy, or the Ingress of Kubernetes, gets by itself.
   * @default false
   */
  tls?: false | 'auto' | DeployTls
  /**
   * The ports of the balancer, and whether it listens on IPv6 too.
   * @default { http: 80, https: 443, ipv6: true }
   */
  listen?: { http?: number, https?: number, ipv6?: boolean }
  /**
   * Addresses and ranges of a CDN or balancer in front of this one, whose `X-Forwarded-For` is believed. From others it is replaced.
   * @default []
   */
  trustedProxies?: readonly string[]
  /**
   * How long the balancer waits for an instance: for its connection, between two parts of a request, between two parts of an answer, and on `streams`.
   * @default { connect: '2s', send: '30s', read: '60s', stream: '1h' }
   */
  timeouts?: { connect?: Duration, send?: Duration, read?: Duration, stream?: Duration }
  /**
   * Most bytes of a request's body.
   * @default '10mb'
   */
  maxBodySize?: number | string
  /** The cache of nginx. Off until it is present. */
  cache?: false | DeployCache
  /** A limit at the edge, on each balancer for itself. Off until it is present. */
  rateLimit?: false | DeployRateLimit
  /**
   * Paths of WebSockets and server-sent events: nothing is buffered or stored, and they may rest.
   * @default []
   */
  streams?: readonly string[]
  /**
   * The image of the app, with its tag. `--image` comes before it.
   * @default '<name>:latest'
   */
  image?: string
  /**
   * The port that an instance in a container listens on.
   * @default 3000
   */
  port?: number
  /**
   * Instances in Kubernetes and Compose; Compose starts the fewest. Workers are there with `scale.rabbitmq` only.
   * @default { web: { min: 3, max: 10 }, worker: { min: 1, max: 4 } }
   */
  replicas?: { web?: DeployReplicas, worker?: DeployReplicas }
  kubernetes?: DeployKubernetes
}
