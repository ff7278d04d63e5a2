import { isValidId } from '../../protocol/identity.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { newTwin, patchTwin } from '../twin/twin.ts';
import { type Attestation, attestationFrom } from './attestation.ts';

/** One device, or a group of devices, that may register. */
export interface Enrollment {
	/** Registration id of an individual enrolment, or id of a group. */
	readonly id: string;
	/** Of an individual enrolment; default the registration id. */
	readonly deviceId?: string;
	readonly attestation: Attestation;
	readonly iotEdge: boolean;
	readonly initialTwin: JsonObject;
	readonly provisioningStatus: 'enabled' | 'disabled';
	readonly reprovisionPolicy: {
		readonly updateHubAssignment: boolean;
		/** False: a device that registers again begins with its initial twin. */
		readonly migrateDeviceData: boolean;
	};
	/** ISO 8601. */
	readonly createdDateTimeUtc: string;
	readonly lastUpdatedDateTimeUtc: string;
	readonly etag: string;
}

/** The members that a client sets. */
export type EnrollmentBody = Omit<
	Enrollment,
	'createdDateTimeUtc' | 'lastUpdatedDateTimeUtc' | 'etag'
>;

/** What two ids of enrolments, groups or registrations have in common that mean the same one. */
export function idKey(id: string): string {
	return id.toLowerCase();
}

/**
 * Reads the body of `PUT /enrollments/{id}` and `PUT /enrollmentGroups/{id}`.
 *
 * @throws IotHubError ArgumentInvalid
 */
export function enrollmentBodyFrom(
	id: string,
	body: unknown,
	current: Enrollment | undefined,
): EnrollmentBody {
	if (!/^[a-zA-Z0-9\-._:]{0,127}[a-zA-Z0-9-]$/.test(id)) {
		throw invalid(
			'the id is not 1 to 128 letters, digits and -._:, a letter, digit or - at the end',
		);
	}
	if (!isJsonObject(body)) throw invalid('the body is not a JSON object');
	const named = body['registrationId'] ?? body['enrollmentGroupId'] ?? id;
	if (idKey(jsonText(named)) !== idKey(id))
		throw invalid('the id of the body differs from the one in the path');
	const { deviceId, provisioningStatus = 'enabled', allocationPolicy } = body;
	if (provisioningStatus !== 'enabled' && provisioningStatus !== 'disabled') {
		throw invalid('provisioningStatus is not known');
	}
	if (allocationPolicy === 'custom') throw invalid('custom allocation is not served here');
	if (typeof deviceId === 'string' && !isValidId(deviceId)) throw invalid('deviceId is not valid');
	const initialTwin = objectOf(body['initialTwin'], 'initialTwin');
	patchTwin(newTwin(''), initialTwin, '');
	const policy = objectOf(body['reprovisionPolicy'], 'reprovisionPolicy');
	return {
		id: current?.id ?? id,
		...(typeof deviceId === 'string' && deviceId !== '' ? { deviceId } : {}),
		attestation: attestationFrom(body['attestation'], current?.attestation),
		iotEdge: objectOf(body['capabilities'], 'capabilities')['iotEdge'] === true,
		initialTwin,
		provisioningStatus,
		reprovisionPolicy: {
			updateHubAssignment: policy['updateHubAssignment'] !== false,
			migrateDeviceData: policy['migrateDeviceData'] !== false,
		},
	};
}

function objectOf(value: JsonValue | undefined, what: string): JsonObject {
	const object = value ?? {};
	if (!isJsonObject(object)) throw invalid(`${what} is not an object`);
	return object;
}

function invalid(message: string): IotHubError {
	return new IotHubError('ArgumentInvalid', `Invalid enrollment: ${message}.`);
}
