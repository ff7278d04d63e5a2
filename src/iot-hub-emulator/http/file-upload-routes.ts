import type { RouteContext } from './route-context.ts';

interface FileRoute {
	Params: { deviceId: string; correlationId?: string };
}

/** Where devices ask for a place for a file, and say that it is there. */
export function addFileUploadRoutes({ app, hub, authorization }: RouteContext): void {
	const base = '/devices/:deviceId/files';

	app.post<FileRoute>(base, async (request) => {
		const { deviceId } = request.params;
		authorization.requireIdentity(request, { deviceId });
		return hub.fileUploads.begin(deviceId, request.body, request.host);
	});
	for (const path of [`${base}/notifications`, `${base}/notifications/:correlationId`]) {
		app.post<FileRoute>(path, async (request, reply) => {
			const { deviceId, correlationId } = request.params;
			authorization.requireIdentity(request, { deviceId });
			hub.fileUploads.end(deviceId, correlationId, request.body, request.host);
			return reply.code(204).send();
		});
	}
}
