import { parseImage } from '../../deploy/checks'
import type { Topology } from '../../deploy/topology'

/** Returns the topology with the image of `--image`, which overrides the option. */
export function withImage(topology: Topology, image: string | undefined): Topology {
  return image === undefined ? topology : { ...topology, image: parseImage(image, '--image'), imageGiven: true }
}
