import { randomUUID } from 'node:crypto';

/**
 * Error codes that IoT Hub answers with: HTTP status, and the number that device-side errors carry
 * (IoT Hub documentation, "Understand and resolve Azure IoT Hub errors").
 */
export const iotHubErrors = {
	InvalidProtocolVersion: { status: 400, number: 400001 },
	ArgumentInvalid: { status: 400, number: 400004 },
	ArgumentNull: { status: 400, number: 400005 },
	IotHubUnauthorizedAccess: { status: 401, number: 401002 },
	IotHubQuotaExceeded: { status: 403, number: 403002 },
	DeviceMaximumQueueDepthExceeded: { status: 403, number: 403004 },
	DeviceNotFound: { status: 404, number: 404001 },
	ModuleNotFound: { status: 404, number: 404010 },
	ConfigurationNotFound: { status: 404, number: 404011 },
	CertificateNotFound: { status: 404, number: 404012 },
	JobNotFound: { status: 404, number: 404002 },
	BlobNotFound: { status: 404, number: 404005 },
	EnrollmentNotFound: { status: 404, number: 404201 },
	RouteNotFound: { status: 404, number: 404000 },
	DeviceNotOnline: { status: 404, number: 404103 },
	DeviceConnectionClosedRemotely: { status: 404, number: 404104 },
	MethodNotAllowed: { status: 405, number: 405000 },
	DeviceAlreadyExists: { status: 409, number: 409001 },
	ModuleAlreadyExistsOnDevice: { status: 409, number: 409301 },
	TooManyModulesOnDevice: { status: 409, number: 409302 },
	ConfigurationAlreadyExists: { status: 409, number: 409401 },
	JobAlreadyExists: { status: 409, number: 409201 },
	EnrollmentConflict: { status: 409, number: 409202 },
	JobCancelled: { status: 409, number: 409203 },
	DeviceMessageLockLost: { status: 412, number: 412002 },
	PreconditionFailed: { status: 412, number: 412001 },
	MessageTooLarge: { status: 413, number: 413001 },
	TooManyDevices: { status: 413, number: 413002 },
	ThrottlingException: { status: 429, number: 429001 },
	ServerError: { status: 500, number: 500001 },
	BadDeviceResponse: { status: 502, number: 502001 },
	ServiceUnavailable: { status: 503, number: 503001 },
	GatewayTimeout: { status: 504, number: 504101 },
} as const;

export type IotHubErrorCode = keyof typeof iotHubErrors;

/**
 * A refusal in IoT Hub's own vocabulary. It is part of the emulated interface, written to clients
 * as IoT Hub would, and therefore not an `EdgeError`.
 */
export class IotHubError extends Error {
	override readonly name = 'IotHubError';
	readonly code: IotHubErrorCode;
	readonly trackingId: string;

	constructor(code: IotHubErrorCode, message: string) {
		super(message);
		this.code = code;
		this.trackingId = randomUUID().replaceAll('-', '').toUpperCase();
	}

	get status(): number {
		return iotHubErrors[this.code].status;
	}

	/**
	 * The body of an HTTP answer. The service SDKs cut `Message` at semicolons, so the text has none.
	 */
	httpBody(now: Date): { Message: string; ExceptionMessage: string } {
		const text = this.message.replaceAll(';', ',');
		return {
			Message: `ErrorCode:${this.code};${text}`,
			ExceptionMessage: `Tracking ID:${this.trackingId}-G:0-TimeStamp:${timestamp(now)}`,
		};
	}

	/** The body of an answer to a device's twin request. */
	deviceBody(now: Date) {
		return {
			errorCode: iotHubErrors[this.code].number,
			trackingId: `${this.trackingId}-G:0-TimeStamp:${timestamp(now)}`,
			message: this.message,
			timestampUtc: now.toISOString(),
		};
	}
}

/** Any failure as IoT Hub would name it; what nobody expected becomes a 500 without its text. */
export function asIotHubError(thrown: unknown): IotHubError {
	if (thrown instanceof IotHubError) return thrown;
	return new IotHubError('ServerError', 'The request could not be served, see the hub log.');
}

function timestamp(now: Date): string {
	const [date = '', time = ''] = now.toISOString().split('T');
	const [year, month, day] = date.split('-');
	return `${month}/${day}/${year} ${time.slice(0, 8)}`;
}
