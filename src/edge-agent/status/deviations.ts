/** One way in which a module's status differs, on purpose, from Microsoft's Kubernetes preview. */
export interface StatusDeviation {
	/** The state of the pod. */
	readonly state: string;
	/** What the preview reported. */
	readonly preview: string;
	readonly here: string;
	readonly reason: string;
}

/** Where the states of pods are read differently from the preview. `docs` lists this table. */
export const statusDeviations: readonly StatusDeviation[] = [
	{
		state: 'any',
		preview: 'descriptions of the form `Module Failed reason: <reason>`',
		here: 'sentences that name exit code, time and cause',
		reason: 'A reason such as `Error` tells nobody what to do.',
	},
	{
		state: 'the container is being created, or its image pulled',
		preview: 'backoff',
		here: 'unknown, `Starting: …`',
		reason: 'A slow pull is no failure; dashboards raised alarms for it.',
	},
	{
		state: 'pending, no container status yet',
		preview: 'failed',
		here: 'unknown, `Starting: …`; backoff where no node can take the pod',
		reason: 'A new pod has not failed, and the scheduler tries again on its own.',
	},
	{
		state: 'pending, the container runs',
		preview: 'backoff',
		here: 'running',
		reason: 'The module runs; the phase of the pod follows later.',
	},
	{
		state: 'the image has an invalid name, or must not be pulled and is absent',
		preview: 'backoff',
		here: 'failed',
		reason: 'Waiting does not help.',
	},
	{
		state: 'running, without a status of the container',
		preview: 'failed',
		here: 'unknown',
		reason: 'Nothing is known of the module.',
	},
	{
		state: 'running, not ready long after the start or no longer ready',
		preview: 'running',
		here: 'unhealthy',
		reason: 'Azure IoT Edge has this status for failing health checks.',
	},
	{
		state: 'a phase that is not known',
		preview: 'an exception that ended the report',
		here: 'unknown',
		reason: 'One odd pod must not hide the others.',
	},
	{
		state: 'ended, without a start or end time',
		preview: 'exit code 0',
		here: 'the exit code',
		reason: 'A missing time does not make the run a success.',
	},
	{
		state: 'running again after an end',
		preview: 'no exit time, restart count 0',
		here: 'when the run before ended, and the restart count of the container',
		reason: 'Restarts are what operators look for.',
	},
	{
		state: 'an image that the cluster does not name',
		preview: 'image `unknown:unknown`',
		here: 'the image of the deployment',
		reason: 'That is the image that will run.',
	},
	{
		state: 'several pods of one module',
		preview: 'the last pod that the watch told of',
		here: 'of the newest rollout, the pod in most trouble; of a Job, the newest',
		reason: 'The order of events says nothing about the module.',
	},
	{
		state: 'no pod at all',
		preview: 'the module is missing from the report',
		here: 'stopped where it should be, else why there is none: quota, refusal, startup order',
		reason: 'A module that cannot even get a pod needs attention most.',
	},
];
