import type { JsonObject } from '../../runtime/json.ts';

/** What a client needs to reach a cluster. */
export interface KubeconfigParts {
	readonly name: string;
	readonly url: string;
	/** PEM. */
	readonly caCertificate: string;
	readonly token: string;
	readonly namespace: string;
}

/** A kubeconfig with one context, as JSON, which is YAML as well. */
export function kubeconfigOf(parts: KubeconfigParts): string {
	const { name, url, token, namespace } = parts;
	const authority = Buffer.from(parts.caCertificate).toString('base64');
	const config: JsonObject = {
		apiVersion: 'v1',
		kind: 'Config',
		clusters: [{ name, cluster: { server: url, 'certificate-authority-data': authority } }],
		users: [{ name, user: { token } }],
		contexts: [{ name, context: { cluster: name, user: name, namespace } }],
		'current-context': name,
	};
	return `${JSON.stringify(config, undefined, '\t')}\n`;
}
