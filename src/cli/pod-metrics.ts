import type { HttpClusterClient } from '../cluster/http-cluster-client.ts';
import type { KubernetesObject } from '../cluster/kubernetes-object.ts';

const port = 9600;
const path = '/metrics';
const patience = 2000;

/**
 * The metrics page of a pod, through the API server or, where that does not serve or allow it, from
 * the pod's address; empty where neither works.
 */
export async function podMetrics(
	client: Pick<HttpClusterClient, 'podPage'>,
	pod: KubernetesObject | undefined,
): Promise<string> {
	if (pod === undefined) return '';
	const { name, namespace = '' } = pod.metadata;
	const signal = () => AbortSignal.timeout(patience);
	try {
		return await client.podPage({ namespace, pod: name, port }, path, signal());
	} catch {
		return ownPage(pod.status?.['podIP'], signal());
	}
}

async function ownPage(address: unknown, signal: AbortSignal): Promise<string> {
	if (typeof address !== 'string') return '';
	const host = address.includes(':') ? `[${address}]` : address;
	try {
		const response = await fetch(`http://${host}:${port}${path}`, { signal });
		return response.ok ? await response.text() : '';
	} catch {
		// From outside the cluster, pods cannot be reached.
		return '';
	}
}

/** The values of a metric in a page of Prometheus's text format, whatever their labels. */
export function metricValues(page: string, name: string): number[] {
	return page
		.split('\n')
		.filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
		.map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
}

/** What a label of a metric says, for each of its lines in a page. */
export function metricLabels(page: string, name: string, label: string): string[] {
	const lines = page.split('\n').filter((line) => line.startsWith(`${name}{`));
	return lines.flatMap((line) => {
		const [, quoted] = new RegExp(`[{,]${label}=("(?:[^"\\\\]|\\\\.)*")`).exec(line) ?? [];
		return quoted === undefined ? [] : [String(JSON.parse(quoted))];
	});
}
