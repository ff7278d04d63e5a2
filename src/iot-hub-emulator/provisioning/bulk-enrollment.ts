import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import { asIotHubError, IotHubError, iotHubErrors } from '../iot-hub-error.ts';
import type { Enrollments } from './enrollments.ts';

/** Enrolments of one operation at most (DPS documentation, "Bulk operation"). */
const maxEnrollments = 10;

type Operate = (enrollments: Enrollments, id: string, body: JsonObject) => void;

const modes: Readonly<Record<string, Operate>> = {
	create: (enrollments, id, body) => enrollments.put(id, body),
	update: (enrollments, id, body) => enrollments.put(id, body, '*'),
	updateIfMatchETag: (enrollments, id, body) => enrollments.put(id, body, etagOf(body)),
	delete: (enrollments, id, body) => {
		enrollments.delete(id, typeof body['etag'] === 'string' ? etagOf(body) : '*');
	},
};

/**
 * Does the same with several individual enrolments, each on its own: `{mode, enrollments}`.
 *
 * @returns what became of it, with the refusals
 * @throws IotHubError ArgumentInvalid for a body that is none of this operation
 */
export function runBulkEnrollment(enrollments: Enrollments, body: unknown): JsonObject {
	const { mode, enrollments: wanted } = isJsonObject(body) ? body : {};
	const operate = Object.hasOwn(modes, String(mode)) ? modes[String(mode)] : undefined;
	if (operate === undefined) throw invalid(`mode is not one of ${Object.keys(modes).join(', ')}`);
	if (!Array.isArray(wanted) || wanted.length === 0 || wanted.length > maxEnrollments) {
		throw invalid(`enrollments is not a list of 1 to ${maxEnrollments}`);
	}
	const errors = wanted.flatMap((enrollment) => refusalOf(operate, enrollments, enrollment));
	return { isSuccessful: errors.length === 0, errors };
}

function refusalOf(operate: Operate, enrollments: Enrollments, enrollment: unknown): JsonObject[] {
	const registrationId = isJsonObject(enrollment) ? enrollment['registrationId'] : undefined;
	try {
		if (!isJsonObject(enrollment) || typeof registrationId !== 'string') {
			throw invalid('an enrollment has no registrationId');
		}
		operate(enrollments, registrationId, enrollment);
		return [];
	} catch (error) {
		const { code, message } = asIotHubError(error);
		const { number } = iotHubErrors[code];
		return [{ registrationId: registrationId ?? null, errorCode: number, errorStatus: message }];
	}
}

function etagOf({ etag }: JsonObject): string {
	return `"${String(etag)}"`;
}

function invalid(message: string): IotHubError {
	return new IotHubError('ArgumentInvalid', `Invalid bulk operation: ${message}.`);
}
