/**
 * Foreign text as one line that cannot move the cursor of a terminal or end a comment: control
 * characters and line ends of any kind become blanks.
 */
export function plainText(text: string): string {
	return text.replace(/[\p{Cc}\u2028\u2029]/gu, ' ');
}
