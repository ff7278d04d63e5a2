import type { X509Certificate } from 'node:crypto';
import { actorOf, parseAuthChain } from '../../protocol/auth-chain.ts';
import { type Identity, identityKey } from '../../protocol/identity.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import {
	type ClientCredential,
	type CredentialVerdict,
	judgeCredential,
} from './client-credential.ts';
import type { DeviceScope } from './device-scope.ts';

/** `unavailable`: it cannot be decided now, the client should come again. */
export type AuthenticationResult = 'accepted' | 'refused' | 'unavailable';

export interface ClientAuthenticatorOptions {
	readonly scope: DeviceScope;
	/** Authorities whose certificates leaf devices may show, as they are now. */
	readonly authorities: () => readonly X509Certificate[];
	/** Names that a token may be made out to: IoT Hub's, and this hub's own. */
	readonly hostNames: readonly string[];
	readonly clock: Clock;
	readonly logger: Logger;
}

/** Decides whether a client is who it says, whatever protocol it speaks. */
export class ClientAuthenticator {
	readonly #options: ClientAuthenticatorOptions;

	constructor(options: ClientAuthenticatorOptions) {
		this.#options = options;
	}

	/** Asks the registry again where what is known does not suffice to accept. */
	async authenticate(
		identity: Identity,
		credential: ClientCredential,
	): Promise<AuthenticationResult> {
		const { scope } = this.#options;
		const known = this.check(identity, credential);
		if (known.kind === 'accepted') return this.#accept(identity);
		if (known.kind === 'refused') return this.#refuse(identity, known.reason);
		const outcome = await scope.lookup(identity);
		await this.#lookupActor(credential);
		const now = this.check(identity, credential);
		if (now.kind === 'accepted') return this.#accept(identity);
		// Who is known by another key is refused also without the cloud; of a stranger nothing is known.
		if (outcome === 'unavailable' && scope.get(identity) === undefined) return 'unavailable';
		return this.#refuse(identity, now.reason);
	}

	/** The key of a child edge hub that speaks for others may be another one by now. */
	async #lookupActor(credential: ClientCredential): Promise<void> {
		if (credential.kind !== 'token' || credential.authChain === undefined) return;
		const actor = actorOf(parseAuthChain(credential.authChain) ?? []);
		if (actor !== undefined) await this.#options.scope.lookup(actor);
	}

	/** What can be said without asking anybody. */
	check(identity: Identity, credential: ClientCredential): CredentialVerdict {
		const { scope, hostNames, authorities, clock } = this.#options;
		return judgeCredential(identity, credential, {
			identities: scope,
			authorities: authorities(),
			hostNames,
			now: clock.now(),
		});
	}

	#accept(identity: Identity): 'accepted' {
		this.#options.scope.succeeded(identity);
		return 'accepted';
	}

	#refuse(identity: Identity, reason: string): 'refused' {
		this.#options.logger.warn('refused a client', { client: identityKey(identity), reason });
		return 'refused';
	}
}
