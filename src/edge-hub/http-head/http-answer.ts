import { randomUUID } from 'node:crypto';
import type { JsonValue } from '../../runtime/json.ts';

/** What a request is answered with. */
export interface HttpAnswer {
	readonly status: number;
	/** Absent where there is nothing to say. */
	readonly body?: JsonValue;
	readonly headers?: Readonly<Record<string, string>>;
}

/** Names of errors in IoT Hub's form, by status. Clients read some of them. */
const errorCodes: Readonly<Record<number, string>> = {
	400: 'ArgumentInvalid',
	401: 'IotHubUnauthorizedAccess',
	404: 'DeviceNotFound',
	405: 'InvalidOperation',
	413: 'MessageTooLarge',
	429: 'ThrottlingException',
	503: 'ServiceUnavailable',
	504: 'GatewayTimeout',
};

/**
 * A refusal in IoT Hub's form, which the Azure SDKs turn into errors of their own. Azure IoT Edge
 * answers `{"message"}`, which they do not understand.
 */
export function refusal(status: number, message: string): HttpAnswer {
	const code = errorCodes[status] ?? 'ServerError';
	return {
		status,
		body: {
			Message: `ErrorCode:${code};${message}`,
			ExceptionMessage: `Tracking ID:${randomUUID()}`,
		},
	};
}

/** Ends a request with a refusal, from wherever it is being served. */
export class Refused extends Error {
	override readonly name = 'Refused';
	readonly answer: HttpAnswer;

	constructor(answer: HttpAnswer);
	constructor(status: number, message: string);
	constructor(status: number | HttpAnswer, message = '') {
		super(message);
		this.answer = typeof status === 'number' ? refusal(status, message) : status;
	}
}
