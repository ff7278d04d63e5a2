import type { RouteContext } from './route-context.ts';

interface JobRoute {
	Params: { jobId: string };
}

/** Import and export of the identity registry: `/jobs`. They run in the background. */
export function addRegistryJobRoutes({ app, hub, authorization }: RouteContext): void {
	const { registryJobs } = hub;

	app.post('/jobs/create', async (request) => {
		authorization.requireService(request, 'RegistryWrite');
		return registryJobs.create(request.body);
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
		return registryJobs.cancel(request.params.jobId);
	});
}
