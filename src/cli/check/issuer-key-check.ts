import { ClusterError } from '../../cluster/cluster-error.ts';
import type { HttpClusterClient } from '../../cluster/http-cluster-client.ts';
import { policySettings } from '../../edge-agent/policy-settings.ts';
import { hasSidecar } from '../../edge-agent/translation/workload-sidecar.ts';
import { modulePods } from '../edge-cluster.ts';
import { isAllowed, userOf } from './agent-rights.ts';
import { doubtful, type Finding, faulty, fine, unknown } from './finding.ts';
import { agentVariables } from './installation-checks.ts';

type CheckClient = Pick<HttpClusterClient, 'create' | 'get' | 'list' | 'tokenKeys'>;

const check = 'keys of pod tokens';
const path = '/openid/v1/jwks';
const role = 'system:service-account-issuer-discovery';

/**
 * Whether the agent can verify the tokens of sidecars: it reads the keys with which the API server
 * signs them. An error where a module has a sidecar, as it then gets no credentials; otherwise a
 * warning, for the day on which one does.
 */
export async function checkIssuerKeys(
	client: CheckClient,
	namespace: string,
	account: string,
): Promise<Finding> {
	const user = userOf({ namespace, account });
	const binding = `kubectl create clusterrolebinding ${account}-issuer-discovery --clusterrole=${role} --serviceaccount=${namespace}:${account}`;
	try {
		const nonResourceAttributes = { path, verb: 'get' };
		const attributes = { nonResourceAttributes };
		if (!(await isAllowed(client, { namespace, account }, attributes))) {
			return wanting(await hasSidecars(client, namespace), `${user} may not get ${path}`, binding);
		}
		const fault = await faultOfKeys(client);
		if (fault === undefined) return fine(check, `${user} may read them.`);
		const remedy = 'Set --service-account-issuer of the API server to an https:// URL.';
		return wanting(await hasSidecars(client, namespace), fault, remedy);
	} catch (error) {
		const manually = `kubectl auth can-i get ${path} --as ${user} --as-group system:serviceaccounts`;
		return unknown(check, error, `Ask somebody who may create SubjectAccessReviews: ${manually}`);
	}
}

function wanting(needed: boolean, why: string, remedy: string): Finding {
	return needed
		? faulty(check, `Modules with a sidecar get no credentials: ${why}.`, remedy)
		: doubtful(check, `No module with a sidecar could get credentials: ${why}.`, remedy);
}

/** What is wrong with the keys; undefined where nothing is, or whoever asks may not read them. */
async function faultOfKeys(client: CheckClient): Promise<string | undefined> {
	try {
		await client.tokenKeys();
		return undefined;
	} catch (error) {
		if (error instanceof ClusterError && error.status === 403) return undefined;
		if (!(error instanceof ClusterError && error.status === 404)) throw error;
		return `the API server does not publish its keys at ${path}`;
	}
}

/** Whether a module has one, or all are to have one. */
async function hasSidecars(client: CheckClient, namespace: string): Promise<boolean> {
	const { [policySettings.workloadApiMode.env]: mode = '' } = await agentVariables(
		client,
		namespace,
	);
	if (mode.toLowerCase() === 'sidecar') return true;
	return (await modulePods(client, namespace)).some(hasSidecar);
}
