import { randomUUID } from 'node:crypto';

/**
 * Error codes that IoT Hub answers with: HTTP status, and the number that device-side errors carry
 * (IoT Hub documentation, "Understand and resolve Azure IoT Hub errors").
 */
export const iotHubErrors = {
	InvalidProtocolVersion: { status: 400, number: 400001 },
	ArgumentInvalid: { status: 400, number: 400004 },
	ArgumentNull: { status: 400, number: 400005 },
	DeviceDefinedMultipleTimes: { status: 400, number: 400011 },
	InvalidFileUploadCorrelationId: { status: 400, number: 400015 },
	InvalidDeviceScope: { status: 400, number: 400028 },
	InvalidConfigurationTargetCondition: { status: 400, number: 400401 },
	InvalidConfigurationContent: { status: 400, number: 400402 },
	CannotModifyImmutableConfigurationContent: { status: 400, number: 400403 },
	InvalidConfigurationCustomMetricsQuery: { status: 400, number: 400404 },
	IotHubUnauthorizedAccess: { status: 401, number: 401002 },
	SystemModuleModifyUnauthorizedAccess: { status: 401, number: 401100 },
	IotHubQuotaExceeded: { status: 403, number: 403002 },
	DeviceMaximumQueueDepthExceeded: { status: 403, number: 403004 },
	DeviceMaximumActiveFileUploadLimitExceeded: { status: 403, number: 403006 },
	InvalidMessageExpiryTime: { status: 403, number: 403009 },
	DeviceNotFound: { status: 404, number: 404001 },
	ModuleNotFound: { status: 404, number: 404010 },
	ConfigurationNotFound: { status: 404, number: 404301 },
	CertificateNotFound: { status: 404, number: 404008 },
	JobNotFound: { status: 404, number: 404002 },
	BlobNotFound: { status: 404, number: 404000 },
	EnrollmentNotFound: { status: 404, number: 404201 },
	RouteNotFound: { status: 404, number: 404000 },
	DeviceNotOnline: { status: 404, number: 404103 },
	DeviceConnectionClosedRemotely: { status: 404, number: 404104 },
	MethodNotAllowed: { status: 405, number: 405000 },
	DeviceAlreadyExists: { status: 409, number: 409001 },
	ModuleAlreadyExistsOnDevice: { status: 409, number: 409301 },
	ConfigurationAlreadyExists: { status: 409, number: 409401 },
	JobAlreadyExists: { status: 409, number: 409104 },
	EnrollmentConflict: { status: 409, number: 409202 },
	JobCancelled: { status: 409, number: 409203 },
	DeviceMessageLockLost: { status: 412, number: 412002 },
	PreconditionFailed: { status: 412, number: 412001 },
	MessageTooLarge: { status: 413, number: 413001 },
	TooManyDevices: { status: 413, number: 413002 },
	TooManyModulesOnDevice: { status: 413, number: 413003 },
	ConfigurationCountLimitExceeded: { status: 413, number: 413101 },
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
