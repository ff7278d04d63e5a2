import { attestationDocument } from '../provisioning/attestation.ts';
import { enrollmentDocument } from '../provisioning/enrollment-document.ts';
import type { Enrollments } from '../provisioning/enrollments.ts';
import { registrationDocument } from '../provisioning/registration.ts';
import { ifMatchOf } from './device-routes.ts';
import { paging, sendPage } from './query-routes.ts';
import type { RouteContext } from './route-context.ts';

interface EnrollmentRoute {
	Params: { id: string };
}

const defaultPageSize = 100;

/** The service API of DPS: enrolments, groups of them, and what devices have registered. */
export function addEnrollmentRoutes(context: RouteContext): void {
	const { app, hub, authorization } = context;
	const { provisioning } = hub;
	addKind(context, '/enrollments', provisioning.individuals, 'registrationId');
	addKind(context, '/enrollmentGroups', provisioning.groups, 'enrollmentGroupId');

	app.get<EnrollmentRoute>('/registrations/:id', async (request) => {
		authorization.requireService(request, 'EnrollmentRead');
		return registrationDocument(provisioning.registration(request.params.id));
	});
	app.delete<EnrollmentRoute>('/registrations/:id', async (request, reply) => {
		authorization.requireService(request, 'EnrollmentWrite');
		provisioning.deleteRegistration(request.params.id, ifMatchOf(request));
		return reply.code(204).send();
	});
	app.post<EnrollmentRoute>('/registrations/:id/query', async (request) => {
		authorization.requireService(request, 'EnrollmentRead');
		return provisioning.registrationsOf(request.params.id).map(registrationDocument);
	});
}

function addKind(
	{ app, authorization }: RouteContext,
	path: string,
	enrollments: Enrollments,
	idName: 'registrationId' | 'enrollmentGroupId',
): void {
	app.post(`${path}/query`, async (request, reply) => {
		authorization.requireService(request, 'EnrollmentRead');
		const { size = defaultPageSize, continuation = '' } = paging(request);
		const after = Buffer.from(continuation, 'base64url').toString();
		const rest = enrollments.list().filter(({ id }) => id > after);
		const shown = rest.slice(0, size);
		const last = shown.at(-1)?.id;
		const more = rest.length > size && last !== undefined;
		const documents = shown.map((enrollment) => enrollmentDocument(enrollment, idName));
		const token = more ? Buffer.from(last).toString('base64url') : undefined;
		return sendPage(reply, 'enrollment', documents, token);
	});
	app.get<EnrollmentRoute>(`${path}/:id`, async (request, reply) => {
		authorization.requireService(request, 'EnrollmentRead');
		const enrollment = enrollments.get(request.params.id);
		reply.header('etag', `"${enrollment.etag}"`);
		return enrollmentDocument(enrollment, idName);
	});
	app.put<EnrollmentRoute>(`${path}/:id`, async (request) => {
		authorization.requireService(request, 'EnrollmentWrite');
		const enrollment = enrollments.put(request.params.id, request.body, ifMatchOf(request));
		return enrollmentDocument(enrollment, idName, true);
	});
	app.delete<EnrollmentRoute>(`${path}/:id`, async (request, reply) => {
		authorization.requireService(request, 'EnrollmentWrite');
		enrollments.delete(request.params.id, ifMatchOf(request));
		return reply.code(204).send();
	});
	app.post<EnrollmentRoute>(`${path}/:id/attestationmechanism`, async (request) => {
		authorization.requireService(request, 'EnrollmentRead');
		return attestationDocument(enrollments.get(request.params.id).attestation, true);
	});
}
