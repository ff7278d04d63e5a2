import { Socket } from 'node:net';

/**
 * Ends this process and every process it started when the node that runs it dies, even by
 * `kill -9`: the other end of the pipe is then closed by the operating system.
 */
export function holdLifeLine(descriptor: number): void {
	const pipe = new Socket({ fd: descriptor, readable: true, writable: false });
	const end = () => {
		try {
			// The node starts every container as the leader of a process group.
			process.kill(-process.pid, 'SIGKILL');
		} catch {
			process.kill(process.pid, 'SIGKILL');
		}
	};
	pipe.on('end', end);
	pipe.on('error', end);
	pipe.resume();
	pipe.unref();
}
