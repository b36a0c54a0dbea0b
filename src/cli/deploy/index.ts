import type { ScaleCommand } from '../support/command'
import { caddyCommand } from './caddy'
import { composeCommand } from './compose'
import { diagramCommand } from './diagram'
import { haproxyCommand } from './haproxy'
import { kubernetesCommand } from './kubernetes'
import { nginxCommand } from './nginx'

/** The commands that generate deployment files from `scale.deploy`. */
export const deployCommands = {
  nginx: nginxCommand,
  haproxy: haproxyCommand,
  caddy: caddyCommand,
  kubernetes: kubernetesCommand,
  compose: composeCommand,
  diagram: diagramCommand,
} satisfies Record<string, ScaleCommand>
