/** Which part of a container's log a client wants. */
export interface PodLogQuery {
	/** Go on with new lines until the container ends or the client goes away. */
	readonly follow: boolean;
	/** The run of the container before this one. */
	readonly previous: boolean;
	/** Each line begins with its RFC 3339 time. */
	readonly timestamps: boolean;
	/** Only that many of the last lines. */
	readonly tailLines: number | undefined;
	/** Only lines at or after this time, in milliseconds since the epoch. */
	readonly sinceTime: number | undefined;
	/** No more than that many bytes. */
	readonly limitBytes: number | undefined;
}

/** A pod whose log is wanted. */
export interface LogPod {
	readonly namespace: string;
	readonly name: string;
	readonly uid: string;
}

/** Where the logs of containers come from: the node that runs them. */
export interface PodLogSource {
	/**
	 * The bytes of a container's log: whole lines, each with its end. Ends when the signal aborts.
	 *
	 * @throws Error with a sentence for the client when there is no such log.
	 */
	read(
		pod: LogPod,
		container: string,
		query: PodLogQuery,
		signal: AbortSignal,
	): AsyncIterable<Buffer>;
}
