/** The command lines that a simulated guest understands: simple commands joined by `;` and `&&`. */

export interface SimpleCommand {
  readonly words: readonly string[];
  /** Runs only if the command before it succeeded. */
  readonly onlyAfterSuccess: boolean;
}

/** Undefined for anything that needs a real shell: pipes, redirections, variables, substitutions. */
export function parseCommandLine(line: string): SimpleCommand[] | undefined {
  const commands: SimpleCommand[] = [];
  let words: string[] = [];
  let onlyAfterSuccess = false;
  const end = (nextOnlyAfterSuccess: boolean): void => {
    if (words.length > 0) commands.push({ words, onlyAfterSuccess });
    words = [];
    onlyAfterSuccess = nextOnlyAfterSuccess;
  };
  for (const [token] of line.matchAll(TOKEN)) {
    if (/^[ \t]+$/.test(token)) continue;
    if (token === ';' || token === '\n') end(false);
    else if (token === '&&') end(true);
    else if (/^(?:[|&<>()`$].*|['"\\])$/s.test(token) || /^(?:[^'\\]|\\.)*\$/.test(token)) return undefined;
    else words.push(unquote(token));
  }
  end(false);
  return commands;
}

/** Blanks, separators, words with quoted parts, and one character of anything else. */
const TOKEN = /[ \t]+|&&|[;\n]|(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s;&|<>()`$'"\\])+|[\s\S]/g;

function unquote(word: string): string {
  return word.replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g, (_, single, double, escaped) => {
    if (single !== undefined) return single;
    if (double !== undefined) return double.replace(/\\(["\\$`])/g, '$1');
    return escaped;
  });
}
