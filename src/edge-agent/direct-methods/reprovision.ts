import { type AgentMethod, methodFault } from './agent-methods.ts';

/**
 * `Reprovision`: asks the device provisioning service whether the device has moved. The answer comes
 * before the move, as IoT Hub would not get one after it.
 */
export function reprovision(ask: () => boolean): AgentMethod {
	return async () => {
		if (ask()) return { asked: 'DPS' };
		throw methodFault('The device has a connection string: change its Secret to move it.');
	};
}
