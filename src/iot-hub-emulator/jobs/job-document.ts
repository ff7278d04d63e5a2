import type { Job } from './job.ts';
import type { Jobs } from './jobs.ts';

/** A job as the service's REST interface shows it. */
export function jobDocument(jobs: Jobs, job: Job) {
	const statuses = jobs.deviceJobs(job.jobId).map(({ status }) => status);
	const count = (wanted: string) => statuses.filter((status) => status === wanted).length;
	return {
		...job,
		deviceJobStatistics: {
			deviceCount: statuses.length,
			failedCount: count('failed'),
			succeededCount: count('completed'),
			runningCount: count('running'),
			pendingCount: count('pending'),
		},
	};
}
