import type { JsonObject } from '../../runtime/json.ts';
import { attestationDocument } from './attestation.ts';
import type { Enrollment } from './enrollment.ts';

/** An enrolment as the service API of DPS shows it. */
export function enrollmentDocument(
	enrollment: Enrollment,
	idName: 'registrationId' | 'enrollmentGroupId',
	withKeys = false,
): JsonObject {
	const { id, attestation, iotEdge, deviceId, reprovisionPolicy, ...rest } = enrollment;
	return {
		[idName]: id,
		...(deviceId === undefined ? {} : { deviceId }),
		attestation: attestationDocument(attestation, withKeys),
		capabilities: { iotEdge },
		reprovisionPolicy: { ...reprovisionPolicy },
		allocationPolicy: 'static',
		...rest,
	};
}
