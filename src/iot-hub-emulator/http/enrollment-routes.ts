import type { FastifyReply, FastifyRequest } from 'fastify';
import { isJsonObject } from '../../runtime/json.ts';
import { attestationDocument } from '../provisioning/attestation.ts';
import { runBulkEnrollment } from '../provisioning/bulk-enrollment.ts';
import { enrollmentDocument } from '../provisioning/enrollment-document.ts';
import type { Enrollments } from '../provisioning/enrollments.ts';
import { registrationDocument } from '../provisioning/registration.ts';
import { queryRows, registrationRows } from '../query/query-collections.ts';
import { queryPage } from '../query/query-page.ts';
import type { ProvisioningCollection } from '../query/query-syntax.ts';
import type { KeyedRow } from '../query/run-query.ts';
import { ifMatchOf } from './device-routes.ts';
import { paging, sendPage } from './query-routes.ts';
import type { RouteContext } from './route-context.ts';

interface EnrollmentRoute {
	Params: { id: string };
}

/** The service API of DPS: enrolments, groups of them, and what devices have registered. */
export function addEnrollmentRoutes(context: RouteContext): void {
	const { app, hub, authorization } = context;
	const { provisioning } = hub;
	addKind(context, {
		path: '/enrollments',
		collection: 'enrollments',
		enrollments: provisioning.individuals,
		idName: 'registrationId',
	});
	addKind(context, {
		path: '/enrollmentGroups',
		collection: 'enrollmentgroups',
		enrollments: provisioning.groups,
		idName: 'enrollmentGroupId',
	});

	app.post('/enrollments', async (request) => {
		authorization.requireService(request, 'EnrollmentWrite');
		return runBulkEnrollment(provisioning.individuals, request.body);
	});
	app.get<EnrollmentRoute>('/registrations/:id', async (request) => {
		authorization.requireService(request, 'EnrollmentRead');
		return registrationDocument(provisioning.registration(request.params.id));
	});
	app.delete<EnrollmentRoute>('/registrations/:id', async (request, reply) => {
		authorization.requireService(request, 'EnrollmentWrite');
		provisioning.deleteRegistration(request.params.id, ifMatchOf(request));
		return reply.code(204).send();
	});
	app.post<EnrollmentRoute>('/registrations/:id/query', async (request, reply) => {
		authorization.requireService(request, 'EnrollmentRead');
		const rows = () => registrationRows(provisioning.registrations(request.params.id));
		return answerQuery(request, reply, 'deviceregistrationstates', rows);
	});
}

interface EnrollmentKind {
	readonly path: string;
	readonly collection: ProvisioningCollection;
	readonly enrollments: Enrollments;
	readonly idName: 'registrationId' | 'enrollmentGroupId';
}

function addKind(
	{ app, hub, authorization }: RouteContext,
	{ path, collection, enrollments, idName }: EnrollmentKind,
): void {
	app.post(`${path}/query`, async (request, reply) => {
		authorization.requireService(request, 'EnrollmentRead');
		return answerQuery(request, reply, collection, () => queryRows(hub, collection));
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

/** A query without a text, or of `*`, asks for everything, as samples of DPS do. */
function answerQuery(
	request: FastifyRequest,
	reply: FastifyReply,
	collection: ProvisioningCollection,
	rows: () => Iterable<KeyedRow>,
): FastifyReply {
	const given = isJsonObject(request.body) ? request.body['query'] : undefined;
	const query = typeof given === 'string' && given.trim() !== '*' ? given : 'SELECT *';
	const page = queryPage({ query, ...paging(request) }, rows, [collection]);
	return sendPage(reply, page.type, page.rows, page.continuation);
}
