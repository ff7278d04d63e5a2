import { request } from 'node:https';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import { MissingReference } from './container-environment.ts';
import type { TokenIssuer } from './pod-tokens.ts';

/** Where tokens are asked for. */
export interface TokenRequestSettings {
	/** `https://127.0.0.1:6443` */
	readonly url: string;
	/** PEM of the authority of the API server. */
	readonly caCertificate: string;
	readonly bearerToken: string;
}

/** Asks the API server for tokens of ServiceAccounts, each bound to its pod. */
export function tokenIssuer(settings: TokenRequestSettings): TokenIssuer {
	return async ({ pod, audience, expirationSeconds }) => {
		const { namespace = '', name, uid } = pod.metadata;
		const account = pod.spec.serviceAccountName ?? 'default';
		const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
		const answer = await post(settings, path, {
			apiVersion: 'authentication.k8s.io/v1',
			kind: 'TokenRequest',
			spec: {
				expirationSeconds: Math.max(600, expirationSeconds),
				audiences: audience === undefined ? [] : [audience],
				boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
			},
		});
		const { status } = answer;
		const token = isJsonObject(status) ? status['token'] : undefined;
		const expires = isJsonObject(status) ? status['expirationTimestamp'] : undefined;
		if (typeof token !== 'string' || typeof expires !== 'string') {
			const why = typeof answer['message'] === 'string' ? answer['message'] : 'no answer';
			throw new MissingReference(`no token for the ServiceAccount ${namespace}/${account}: ${why}`);
		}
		return { token, expires: Date.parse(expires) };
	};
}

function post(
	{ url, caCertificate, bearerToken }: TokenRequestSettings,
	path: string,
	body: JsonObject,
): Promise<JsonObject> {
	const { promise, resolve, reject } = Promise.withResolvers<JsonObject>();
	const outgoing = request(
		new URL(path, url),
		{
			method: 'POST',
			ca: caCertificate,
			agent: false,
			headers: {
				authorization: `Bearer ${bearerToken}`,
				'content-type': 'application/json',
			},
		},
		(response) => {
			const chunks: Buffer[] = [];
			response.on('data', (chunk: Buffer) => chunks.push(chunk));
			response.on('error', reject);
			response.on('end', () => {
				try {
					const value: unknown = JSON.parse(Buffer.concat(chunks).toString());
					resolve(isJsonObject(value) ? value : {});
				} catch (error) {
					reject(error);
				}
			});
		},
	);
	outgoing.on('error', reject);
	outgoing.end(JSON.stringify(body));
	return promise;
}
