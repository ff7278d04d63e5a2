import type { Socket } from 'node:net';

/** Bytes on the wire, TLS included; what IP and TCP add is not. */
export interface Traffic {
	readonly sent: number;
	readonly received: number;
}

/** Counts the bytes of connections, those that are open included. */
export class TrafficMeter {
	readonly #open = new Set<Socket>();
	#sent = 0;
	#received = 0;

	/** Counts a TCP connection from its beginning to its end. */
	observe(socket: Socket): void {
		this.#open.add(socket);
		socket.once('close', () => {
			this.#open.delete(socket);
			this.#sent += socket.bytesWritten;
			this.#received += socket.bytesRead;
		});
	}

	/** Everything so far. */
	read(): Traffic {
		let [sent, received] = [this.#sent, this.#received];
		for (const { bytesWritten, bytesRead } of this.#open) {
			sent += bytesWritten;
			received += bytesRead;
		}
		return { sent, received };
	}
}
