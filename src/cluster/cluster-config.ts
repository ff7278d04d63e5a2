/** What proves to the API server who is asking, and the API server to who asks. Members that do not apply are absent. */
export interface ClusterCredentials {
	readonly token?: string;
	readonly basic?: { readonly username: string; readonly password: string };
	/** PEM of a client certificate and its key. */
	readonly certificate?: string;
	readonly privateKey?: string;
	/** PEM of the authorities behind the server's certificate, where they may change; wins over the configuration's. */
	readonly authority?: string;
}

/** Credentials that may change while the program runs. */
export interface CredentialSource {
	/** The credentials for the next request. @throws ClusterError EDGE_CLUSTER_CREDENTIALS */
	current(): Promise<ClusterCredentials>;
	/** Called after the server did not accept them: what is cached is read or obtained anew. */
	renew(): void;
}

/** How to reach the API server of one cluster, from a kubeconfig or from inside a pod. */
export interface ClusterConfig {
	/** Base URL, with the path prefix if there is one. */
	readonly server: string;
	/** PEM of the authorities that signed the server's certificate; absent: the system's. */
	readonly certificateAuthority?: string;
	readonly skipTlsVerify: boolean;
	/** The name that the server's certificate must carry where it is not the host of `server`. */
	readonly tlsServerName?: string;
	/** Where objects go that name no namespace. */
	readonly namespace: string;
	readonly credentials: CredentialSource;
	/** Sent with every request: impersonation. */
	readonly headers?: Readonly<Record<string, string | string[]>>;
}

/** Credentials that never change. */
export function fixedCredentials(credentials: ClusterCredentials): CredentialSource {
	return { current: async () => credentials, renew: () => {} };
}
