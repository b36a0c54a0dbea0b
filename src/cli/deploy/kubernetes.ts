import { renderKubernetes } from '../../deploy/kubernetes'
import { defineDocumentCommand } from './document'
import { withImage } from './image'

/** The command `nuxt-scale kubernetes`. */
export const kubernetesCommand = defineDocumentCommand({
  meta: { description: 'Print the Kubernetes manifests of the app' },
  examples: ['nuxt-scale kubernetes --image registry.example/shop:1.2.3 | kubectl apply -f -', 'nuxt-scale kubernetes --output k8s.yaml'],
  args: {
    image: { type: 'string', description: 'The image of the app, with its tag (default: scale.deploy.image)', valueHint: 'image' },
  },
  render: (topology, { image }) => renderKubernetes(withImage(topology, image)),
})
