import { parseImage } from '../../deploy/checks'
import type { Topology } from '../../deploy/topology'

/** The topology with the image of `--image`, if that is given: it comes before the one of the options. */
export function withImage(topology: Topology, image: string | undefined): Topology {
  return image === undefined ? topology : { ...topology, image: parseImage(image, '--image'), imageGiven: true }
}
