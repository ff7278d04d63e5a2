/** The longest topic name or filter in bytes of UTF-8 [MQTT-4.7.3-3]. */
export const maxTopicBytes = 65_535;

/** Whether a text can be the topic of a PUBLISH: not empty, no wildcard, no U+0000 [MQTT-3.3.2-2], [MQTT-4.7.3-1], [MQTT-4.7.3-2]. */
export function isTopicName(topic: string): boolean {
	return isTopic(topic) && !topic.includes('+') && !topic.includes('#');
}

/** Whether a text is a topic filter: wildcards fill whole levels, `#` only the last one [MQTT-4.7.1-2], [MQTT-4.7.1-3]. */
export function isTopicFilter(filter: string): boolean {
	if (!isTopic(filter)) return false;
	const levels = filter.split('/');
	return levels.every((level, index) => {
		if (level === '#') return index === levels.length - 1;
		return level === '+' || !(level.includes('+') || level.includes('#'));
	});
}

/**
 * Whether a valid filter selects a topic. A leading wildcard never selects a topic that begins
 * with `$` [MQTT-4.7.2-1]; `a/#` selects `a` too.
 */
export function topicMatches(filter: string, topic: string): boolean {
	const wanted = filter.split('/');
	const actual = topic.split('/');
	if (topic.startsWith('$') && (wanted[0] === '+' || wanted[0] === '#')) return false;
	for (const [index, level] of wanted.entries()) {
		if (level === '#') return true;
		if (index >= actual.length) return false;
		if (level !== '+' && level !== actual[index]) return false;
	}
	return wanted.length === actual.length;
}

function isTopic(text: string): boolean {
	if (text === '' || text.includes('\0')) return false;
	return text.length <= maxTopicBytes / 3 || Buffer.byteLength(text) <= maxTopicBytes;
}
