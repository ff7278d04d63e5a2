import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import type { RegistryCredential } from '../../manifest/deployment.ts';
import { registryHost, registryOf, resolveParent } from '../../manifest/image-name.ts';
import { deviceLabels } from './module-scope.ts';
import { sanitizeDomain, shortHash, withSuffix } from './object-name.ts';
import type { TranslationContext } from './translation.ts';

/**
 * The credential that an image needs: the first whose address is the image's registry. The parent of
 * a nested device may be called by its name or `$upstream` in either; the kubelet gets its name.
 */
export function credentialFor(
	image: string,
	credentials: Iterable<RegistryCredential>,
	parentHostName?: string,
): RegistryCredential | undefined {
	const nameOf = (text: string) =>
		parentHostName === undefined ? text : resolveParent(text, parentHostName);
	const registry = registryHost(registryOf(nameOf(image)));
	const found = [...credentials].find(({ address }) => registryHost(nameOf(address)) === registry);
	return found && { ...found, address: nameOf(found.address) };
}

/**
 * The name of a credential's Secret: user and registry, as in Microsoft's preview, so that a new
 * password changes the Secret in place; hashed where that is no valid name, or taken.
 */
export function pullSecretName(
	{ address, username }: RegistryCredential,
	taken: readonly string[] = [],
): string {
	const server = address
		.trim()
		.toLowerCase()
		.replace(/^https?:\/\//, '')
		.replace(/\/.*$/, '')
		.replaceAll(':', '-');
	const wanted = `${username.toLowerCase()}-${server}`;
	const name = sanitizeDomain(wanted);
	if (name === wanted && !taken.includes(name)) return name;
	const head = (name ?? 'registry').replaceAll('.', '-');
	return withSuffix(head, shortHash(`${username}\n${address}`));
}

/**
 * A Secret with which the kubelet pulls images.
 *
 * @param taken Names of Secrets that are the runtime's.
 */
export function pullSecret(
	credential: RegistryCredential,
	context: TranslationContext,
	taken: readonly string[] = [],
): KubernetesObject {
	const { address, username, password } = credential;
	const auth = Buffer.from(`${username}:${password}`).toString('base64');
	const config = { auths: { [address]: { username, password, auth } } };
	const { owner, namespace } = context;
	return {
		apiVersion: 'v1',
		kind: 'Secret',
		metadata: {
			name: pullSecretName(credential, taken),
			namespace,
			labels: deviceLabels(context),
			...(owner !== undefined && { ownerReferences: [{ ...owner }] }),
		},
		type: 'kubernetes.io/dockerconfigjson',
		data: { '.dockerconfigjson': Buffer.from(JSON.stringify(config)).toString('base64') },
	};
}
