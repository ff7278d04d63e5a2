import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { forbidden, StatusError } from '../status-error.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';
import { administrator, anonymous, type User } from './user.ts';

/** Finds out who makes a request. */
export class Authenticator {
	readonly #adminToken: Buffer;
	readonly #tokens: ServiceAccountTokens;

	constructor(adminToken: string, tokens: ServiceAccountTokens) {
		this.#adminToken = digest(adminToken);
		this.#tokens = tokens;
	}

	/** @throws StatusError 401 for credentials that are not good; without any one is anonymous. */
	userOf(headers: IncomingHttpHeaders): User {
		const user = this.#bearer(headers.authorization);
		return impersonated(user, headers);
	}

	/** The user behind a bearer token. */
	userOfToken(token: string): User | undefined {
		if (timingSafeEqual(digest(token), this.#adminToken)) return administrator;
		return this.#tokens.verify(token)?.user;
	}

	#bearer(authorization: string | undefined): User {
		if (authorization === undefined) return anonymous;
		const token = /^Bearer\s+(\S+)$/i.exec(authorization)?.[1];
		const user = token === undefined ? undefined : this.userOfToken(token);
		if (user === undefined) throw new StatusError(401, 'Unauthorized', 'Unauthorized');
		return user;
	}
}

/** An administrator may act as somebody else: `kubectl --as`. */
function impersonated(user: User, headers: IncomingHttpHeaders): User {
	const name = headers['impersonate-user'];
	if (typeof name !== 'string') return user;
	if (!user.groups.includes('system:masters')) {
		const kind = { group: '', kind: 'User', plural: 'users' };
		throw forbidden(kind, name, `User "${user.name}" cannot impersonate resource "users"`);
	}
	const given = headers['impersonate-group'];
	const account = /^system:serviceaccount:([^:]+):/.exec(name);
	const own =
		account === null ? [] : ['system:serviceaccounts', `system:serviceaccounts:${account[1]}`];
	const listed = typeof given === 'string' ? given.split(',').map((item) => item.trim()) : [];
	return { name, groups: [...listed, ...own, 'system:authenticated'] };
}

function digest(text: string): Buffer {
	return createHash('sha256').update(text).digest();
}
