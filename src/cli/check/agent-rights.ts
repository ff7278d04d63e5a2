import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import type { ClusterClient } from '../../cluster/cluster-client.ts';
import { ClusterError } from '../../cluster/cluster-error.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import { type Finding, faulty, fine, unknown } from './finding.ts';

/** A right that the agent needs in its namespace. */
export interface Right {
	readonly group: string;
	readonly resource: string;
	readonly verb: string;
}

const folder = new URL('../../../deployments/kubernetes/', import.meta.url);
const check = 'rights of the agent';
const concurrency = 8;

/**
 * Every right of the agent's Roles in `deployments/kubernetes/`.
 *
 * @param edgeDeployments whether EdgeDeployments are among its sources.
 */
export async function neededRights(edgeDeployments = false): Promise<Right[]> {
	const rights = await rightsIn('agent.yaml');
	return edgeDeployments ? [...rights, ...(await rightsIn('edge-deployment-role.yaml'))] : rights;
}

async function rightsIn(file: string): Promise<Right[]> {
	const documents = parseAllDocuments(await readFile(new URL(file, folder), 'utf8'));
	const role = documents.map((each) => each.toJS()).find(({ kind }) => kind === 'Role');
	const rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[] = role.rules;
	return rules.flatMap(({ apiGroups, resources, verbs }) =>
		apiGroups.flatMap((group) =>
			resources.flatMap((resource) => verbs.map((verb) => ({ group, resource, verb }))),
		),
	);
}

/** Asks the cluster whether the agent's ServiceAccount may do what it must. */
export async function checkRights(
	client: Pick<ClusterClient, 'create'>,
	namespace: string,
	account: string,
	rights: readonly Right[],
): Promise<Finding> {
	const user = userOf({ namespace, account });
	const queue = rights.values();
	const missing: string[] = [];
	const ask = async () => {
		for (const right of queue) {
			const attributes = attributesOf(namespace, right);
			const allowed = await isAllowed(client, { namespace, account }, attributes);
			if (!allowed) missing.push(nameOf(right));
		}
	};
	try {
		await Promise.all(Array.from({ length: concurrency }, ask));
	} catch (error) {
		const manually = `kubectl auth can-i --list -n ${namespace} --as ${user}`;
		if (error instanceof ClusterError && error.status === 403) {
			return unknown(
				check,
				error,
				`Ask somebody who may create LocalSubjectAccessReviews there: ${manually}`,
			);
		}
		return unknown(check, error, `See for yourself: ${manually}`);
	}
	if (missing.length === 0) return fine(check, `${user} may do all that it must.`);
	const remedy = 'Apply the Roles and RoleBindings of deployments/kubernetes/, or the chart.';
	return faulty(check, `${user} may not ${missing.sort().join(', ')}.`, remedy);
}

/**
 * Whether a ServiceAccount may do something, as the cluster says. About objects of its namespace
 * whoever administers that may ask, about the rest only who administers the cluster.
 *
 * @param attributes `resourceAttributes` or `nonResourceAttributes` of a SubjectAccessReview
 * @throws ClusterError
 */
export async function isAllowed(
	client: Pick<ClusterClient, 'create'>,
	{ namespace, account }: { readonly namespace: string; readonly account: string },
	attributes: JsonObject,
): Promise<boolean> {
	const isLocal = attributes['resourceAttributes'] !== undefined;
	const review = await client.create({
		apiVersion: 'authorization.k8s.io/v1',
		kind: isLocal ? 'LocalSubjectAccessReview' : 'SubjectAccessReview',
		metadata: isLocal ? { name: '', namespace } : { name: '' },
		spec: {
			user: userOf({ namespace, account }),
			groups: [
				'system:serviceaccounts',
				`system:serviceaccounts:${namespace}`,
				'system:authenticated',
			],
			...attributes,
		},
	});
	return isJsonObject(review.status) && review.status['allowed'] === true;
}

/** The user name of a ServiceAccount. */
export function userOf(of: { readonly namespace: string; readonly account: string }): string {
	return `system:serviceaccount:${of.namespace}:${of.account}`;
}

function attributesOf(namespace: string, { group, resource, verb }: Right): JsonObject {
	const [plural = '', subresource = ''] = resource.split('/');
	return { resourceAttributes: { namespace, group, verb, resource: plural, subresource } };
}

function nameOf({ group, resource, verb }: Right): string {
	return `${verb} ${resource}${group === '' ? '' : `.${group}`}`;
}
