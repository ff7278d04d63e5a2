import { AmqpError } from '../../amqp/amqp-error.ts';
import { asIotHubError, type IotHubErrorCode } from '../iot-hub-error.ts';

/** Conditions that IoT Hub's AMQP interface reports; the SDKs turn them into their error classes. */
const conditions: Readonly<Partial<Record<IotHubErrorCode, string>>> = {
	ArgumentInvalid: 'com.microsoft:argument-error',
	ArgumentNull: 'com.microsoft:argument-error',
	InvalidMessageExpiryTime: 'com.microsoft:argument-error',
	IotHubUnauthorizedAccess: 'amqp:unauthorized-access',
	IotHubQuotaExceeded: 'com.microsoft:quota-exceeded',
	DeviceMaximumQueueDepthExceeded: 'amqp:resource-limit-exceeded',
	DeviceNotFound: 'amqp:not-found',
	ModuleNotFound: 'amqp:not-found',
	RouteNotFound: 'amqp:not-found',
	PreconditionFailed: 'com.microsoft:precondition-failed',
	DeviceMessageLockLost: 'com.microsoft:message-lock-lost',
	MessageTooLarge: 'amqp:link:message-size-exceeded',
	ThrottlingException: 'com.microsoft:device-container-throttled',
	ServiceUnavailable: 'com.microsoft:timeout',
};

/** Any failure as an AMQP peer is told of it. */
export function amqpRefusal(thrown: unknown): AmqpError {
	if (thrown instanceof AmqpError) return thrown;
	const refusal = asIotHubError(thrown);
	return new AmqpError(conditions[refusal.code] ?? 'amqp:internal-error', refusal.message);
}
