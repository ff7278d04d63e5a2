import { IotHubError } from '../iot-hub-error.ts';
import { jobDocument } from '../jobs/job-document.ts';
import { paging, sendPage } from './query-routes.ts';
import type { RouteContext } from './route-context.ts';

interface JobRoute {
	Params: { jobId: string };
	Querystring: { jobType?: string; jobStatus?: string };
}

const defaultPageSize = 100;

/** Jobs on many devices: `/jobs/v2`. */
export function addJobRoutes({ app, hub, authorization }: RouteContext): void {
	const { jobs } = hub;

	app.get<JobRoute>('/jobs/v2/query', async (request, reply) => {
		authorization.requireService(request, 'RegistryRead');
		const { size = defaultPageSize, continuation = '' } = paging(request);
		const { jobType, jobStatus } = request.query;
		const after = Buffer.from(continuation, 'base64url').toString();
		const rest = [...jobs.list()].filter(
			(job) =>
				job.jobId > after &&
				(!jobType || job.type === jobType) &&
				(!jobStatus || job.status === jobStatus),
		);
		const shown = rest.slice(0, size);
		const last = shown.at(-1)?.jobId;
		const more = rest.length > size && last !== undefined;
		const token = more ? Buffer.from(last).toString('base64url') : undefined;
		const documents = shown.map((job) => jobDocument(jobs, job));
		return sendPage(reply, 'jobResponse', documents, token);
	});
	app.get<JobRoute>('/jobs/v2/:jobId', async (request) => {
		authorization.requireService(request, 'RegistryRead');
		return jobDocument(jobs, jobs.get(request.params.jobId));
	});
	app.put<JobRoute>('/jobs/v2/:jobId', async (request) => {
		authorization.requireService(request, 'ServiceConnect');
		const { jobId } = request.params;
		if (jobId.toLowerCase() === 'query') throw new IotHubError('ArgumentInvalid', 'No such id.');
		return jobDocument(jobs, jobs.create(jobId, request.body));
	});
	app.post<JobRoute>('/jobs/v2/:jobId/cancel', async (request) => {
		authorization.requireService(request, 'ServiceConnect');
		return jobDocument(jobs, jobs.cancel(request.params.jobId));
	});
}
