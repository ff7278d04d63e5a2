/** Who makes a request. */
export interface User {
	readonly name: string;
	readonly uid?: string;
	readonly groups: readonly string[];
	readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** Whoever brings no credentials. */
export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** The user of the kubeconfig. */
export const administrator: User = {
	name: 'kubernetes-admin',
	groups: ['system:masters', 'system:authenticated'],
};

/** The user that a ServiceAccount is. */
export function serviceAccountUser(namespace: string, name: string, uid: string): User {
	return {
		name: `system:serviceaccount:${namespace}:${name}`,
		uid,
		groups: [
			'system:serviceaccounts',
			`system:serviceaccounts:${namespace}`,
			'system:authenticated',
		],
	};
}
