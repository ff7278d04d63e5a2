import {
	isExpired,
	parseSasToken,
	type SasToken,
	verifySignature,
} from '../../protocol/sas-token.ts';
import type { Clock } from '../../runtime/clock.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { coversPath } from './resource-scope.ts';
import type { AccessRight, SharedAccessPolicies } from './shared-access-policies.ts';

/** What both kinds of authentication go by. */
export interface AccessSettings {
	/** Names under which the hub is addressed. */
	readonly hostNames: readonly string[];
	/** Seconds that a token is accepted past its expiry. */
	readonly clockSkewSeconds: number;
}

/** Checks shared access signatures of the hub's policies. */
export class ServiceAuthorization {
	readonly #policies: SharedAccessPolicies;
	readonly #settings: AccessSettings;
	readonly #clock: Clock;

	constructor(policies: SharedAccessPolicies, settings: AccessSettings, clock: Clock) {
		this.#policies = policies;
		this.#settings = settings;
		this.#clock = clock;
	}

	/** Seconds that a token is accepted past its expiry. */
	get clockSkewSeconds(): number {
		return this.#settings.clockSkewSeconds;
	}

	/**
	 * @param authorization the header as received
	 * @param path decoded path that is asked for
	 * @throws IotHubError IotHubUnauthorizedAccess
	 */
	authorize(authorization: string | undefined, path: string, right: AccessRight): void {
		if (!authorization) throw unauthorized('The request has no authorization header.');
		this.authorizeToken(readToken(authorization), path, right);
	}

	/**
	 * @param keyForm what the signature was made with: the bytes of the key, or, for clients of Event
	 * Hubs, its text
	 * @throws IotHubError IotHubUnauthorizedAccess
	 */
	authorizeToken(
		token: SasToken,
		path: string,
		right: AccessRight,
		keyForm: 'bytes' | 'text' = 'bytes',
	): void {
		const policy = token.keyName === undefined ? undefined : this.#policies.find(token.keyName);
		if (policy === undefined) throw unauthorized('The token names no policy of this hub.');
		const keys = [policy.primaryKey, policy.secondaryKey];
		if (!verifySignature(token, keyForm === 'bytes' ? keys : keys.map(base64))) {
			throw unauthorized('The signature of the token is not that of the policy.');
		}
		if (isExpired(token, this.#clock.now(), this.#settings.clockSkewSeconds)) {
			throw unauthorized('The token has expired.');
		}
		if (!coversPath(token.decodedResource, this.#settings.hostNames, path)) {
			throw unauthorized('The token is for another resource.');
		}
		if (!policy.rights.includes(right)) {
			throw unauthorized(`The policy ${policy.name} does not have the right ${right}.`);
		}
	}
}

/** @throws IotHubError IotHubUnauthorizedAccess for a token that cannot be read. */
export function readToken(text: string): SasToken {
	try {
		return parseSasToken(text);
	} catch {
		throw unauthorized('The token cannot be read.');
	}
}

/** A refusal for want of a good credential. */
export function unauthorized(message: string): IotHubError {
	return new IotHubError('IotHubUnauthorizedAccess', `Unauthorized. ${message}`);
}

function base64(text: string): string {
	return Buffer.from(text).toString('base64');
}
