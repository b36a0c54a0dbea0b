import { renderCompose } from '../../deploy/compose'
import { defineDocumentCommand } from './document'
import { withImage } from './image'

/** The command `nuxt-scale compose`. */
export const composeCommand = defineDocumentCommand({
  meta: { description: 'Print a Compose file with nginx, the app and every server that the app needs' },
  examples: ['nuxt-scale compose --output compose.yaml', 'nuxt-scale compose --image registry.example/shop:1.2.3'],
  args: {
    image: {
      type: 'string',
      description: 'The image of the app, with its tag (default: scale.deploy.image, else the output of nuxt build)',
      valueHint: 'image',
    },
  },
  render: (topology, { image }) => renderCompose(withImage(topology, image)),
})
