import type { IncomingMessage } from 'node:http';
import type { MethodRequest, MethodResponse } from '../../protocol/direct-method.ts';
import type { Identity } from '../../protocol/identity.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { ClientAuthenticator } from '../authorization/client-authenticator.ts';
import type { ClientRates } from '../clients/client-rates.ts';
import type { HubServices } from '../hub-services.ts';
import type { EdgesBelow } from './edges-below.ts';

/** What the routes need. */
export interface HttpHeadOptions {
	readonly services: HubServices;
	/** Undefined until the hub is ready: clients are asked to come again. */
	readonly authenticator: () => ClientAuthenticator | undefined;
	readonly clientCertificatesEnabled: boolean;
	readonly edgesBelow: EdgesBelow;
	readonly rates: ClientRates;
	readonly clock: Clock;
	/** Calls a method of a connected client; see `MethodDispatcher.call`. */
	readonly callMethod: (
		caller: string,
		target: Identity,
		request: MethodRequest,
	) => Promise<MethodResponse>;
}

/** A request to one identity, whose caller is not known yet. */
export interface HttpCall {
	readonly request: IncomingMessage;
	readonly target: Identity;
	readonly authenticator: ClientAuthenticator;
	readonly options: HttpHeadOptions;
}
