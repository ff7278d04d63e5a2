import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';

/** The entries of a ConfigMap or a Secret as bytes. */
export function objectData(object: KubernetesObject): Map<string, Buffer> {
	const { data = {}, binaryData = {} } = object as {
		data?: Record<string, string>;
		binaryData?: Record<string, string>;
	};
	const encoding = object.kind === 'Secret' ? 'base64' : 'utf8';
	return new Map([
		...Object.entries(data).map(([key, value]) => [key, Buffer.from(value, encoding)] as const),
		...Object.entries(binaryData).map(
			([key, value]) => [key, Buffer.from(value, 'base64')] as const,
		),
	]);
}
