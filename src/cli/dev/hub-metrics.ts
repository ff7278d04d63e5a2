import type { ClusterClient } from '../../cluster/cluster-client.ts';
import { moduleLabel } from '../../edge-agent/translation/translation.ts';

const metricsPort = 9600;

/** The metrics page of the edge hub; empty while there is none. */
export async function hubMetrics(client: ClusterClient, namespace: string): Promise<string> {
	const labelSelector = `${moduleLabel}=edgehub`;
	const pods = await client.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector });
	const address = pods.items.map((pod) => pod.status?.['podIP']).find((ip) => ip !== undefined);
	if (typeof address !== 'string') return '';
	try {
		const url = `http://${address}:${metricsPort}/metrics`;
		const response = await fetch(url, { signal: AbortSignal.timeout(1000) });
		return response.ok ? await response.text() : '';
	} catch {
		// The hub is starting, or gone; the next look tells.
		return '';
	}
}
