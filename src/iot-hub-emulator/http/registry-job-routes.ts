import { IotHubError } from '../iot-hub-error.ts';
import type { RouteContext } from './route-context.ts';

interface JobRoute {
	Params: { jobId: string };
}

/** Import and export of the identity registry: `/jobs`. They are over when they are answered. */
export function addRegistryJobRoutes({ app, hub, authorization }: RouteContext): void {
	const { registryJobs } = hub;

	app.post('/jobs/create', async (request) => {
		authorization.requireService(request, 'RegistryWrite');
		return registryJobs.run(request.body);
	});
	app.get('/jobs', async (request) => {
		authorization.requireService(request, 'RegistryRead');
		return registryJobs.list();
	});
	app.get<JobRoute>('/jobs/:jobId', async (request) => {
		authorization.requireService(request, 'RegistryRead');
		return registryJobs.get(request.params.jobId);
	});
	app.delete<JobRoute>('/jobs/:jobId', async (request) => {
		authorization.requireService(request, 'RegistryWrite');
		const { jobId, status } = registryJobs.get(request.params.jobId);
		throw new IotHubError('ArgumentInvalid', `The job ${jobId} is ${status} already.`);
	});
}
