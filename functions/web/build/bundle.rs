//! Joins a script and all modules that it imports into one file. Each request of a first visit occupies one instance of the
//! function, and a new AWS account allows ten instances for all functions.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use crate::page::Files;

/// A parsed module.
struct Module {
    /// For each import, the destructuring pattern and the file of the imported module.
    imports: Vec<(String, String)>,
    exports: Vec<String>,
    /// The source without imports and `export` keywords.
    code: String,
}

/// Bundles scripts that the page loads together or one after the other.
///
/// # Errors
/// If a module does not exist, if modules import each other, or for unsupported forms of `import` and `export`.
pub(crate) fn bundles(scripts: &Scripts<'_>, files: &Files) -> Result<BTreeMap<String, String>> {
    let (base, later) = scripts.later;
    let mut outputs = BTreeMap::new();
    let mut names = BTreeMap::new();
    for &entry in scripts.first {
        let bundle = Bundle::of(entry, None, scripts.first, files)?;
        outputs.insert(entry.to_owned(), bundle.output);
        if entry == base {
            names = bundle.names;
        }
    }
    let bundle = Bundle::of(later, Some((base, &names)), scripts.first, files)?;
    outputs.insert(later.to_owned(), bundle.output);
    // All of them, because the later script may come from a newer version.
    let modules: Vec<_> = names.iter().map(|(name, variable)| format!("\"{name}\": {variable}")).collect();
    let base = outputs.get_mut(base).with_context(|| format!("index.html has no {base}"))?;
    *base += &format!("export const modules = {{ {} }};\n", modules.join(", "));
    Ok(outputs)
}

/// The scripts of the page.
pub(crate) struct Scripts<'a> {
    /// The scripts of index.html. Each stays an import of the others, because the page loads each of them once.
    pub(crate) first: &'a [&'a str],
    /// One of them, and the script that it loads later. The later one does not contain the modules of the first one. It
    /// takes them from there.
    pub(crate) later: (&'a str, &'a str),
}

/// A script that is equivalent to one of the page with its imports. Each module becomes a function that returns its
/// exports. A module follows the modules that it imports.
struct Bundle<'a> {
    files: &'a Files,
    /// The scripts of index.html.
    entries: &'a [&'a str],
    /// The script that has loaded this one, and the name of the variable of each module in it.
    earlier: Option<(&'a str, &'a BTreeMap<String, String>)>,
    /// The variable with the exports of each finished module.
    names: BTreeMap<String, String>,
    /// The modules whose imports are being processed, to detect circles.
    open: Vec<String>,
    output: String,
}

impl<'a> Bundle<'a> {
    fn of(
        entry: &str,
        earlier: Option<(&'a str, &'a BTreeMap<String, String>)>,
        entries: &'a [&'a str],
        files: &'a Files,
    ) -> Result<Self> {
        let (names, open, output) = (BTreeMap::new(), Vec::new(), String::new());
        let mut bundle = Self { files, entries, earlier, names, open, output };
        if let Some((earlier, _)) = earlier {
            bundle.output += &format!("import {{ modules }} from \"./{earlier}\";\n");
        }
        let module = bundle.modules_of(entry)?;
        bundle.output += &bundle.declarations(&module);
        bundle.output += &module.code;
        if !module.exports.is_empty() {
            bundle.output += &format!("export {{ {} }};\n", module.exports.join(", "));
        }
        Ok(bundle)
    }

    /// Parses a module, after writing all modules that it imports.
    fn modules_of(&mut self, name: &str) -> Result<Module> {
        let source = self.files.get(name).with_context(|| format!("there is no web/{name}"))?;
        let source = std::str::from_utf8(source).with_context(|| format!("web/{name} is not UTF-8"))?;
        let module = parse(name, source).with_context(|| format!("in web/{name}"))?;
        self.open.push(name.to_owned());
        for (_, import) in &module.imports {
            self.write_module(import).with_context(|| format!("web/{name} imports web/{import}"))?;
        }
        self.open.pop();
        Ok(module)
    }

    fn write_module(&mut self, name: &str) -> Result<()> {
        if self.names.contains_key(name) {
            return Ok(());
        }
        ensure!(!self.open.iter().any(|open| open == name), "modules import each other: {:?}", self.open);
        if self.earlier.is_some_and(|(_, names)| names.contains_key(name)) {
            self.define(name, |variable| format!("const {variable} = modules[\"{name}\"];\n"));
            return Ok(());
        }
        if self.entries.contains(&name) {
            ensure!(!name.contains('/'), "web/{name}: a script that others import must be directly in web/");
            self.define(name, |variable| format!("import * as {variable} from \"./{name}\";\n"));
            return Ok(());
        }
        let module = self.modules_of(name)?;
        let (declarations, exports) = (self.declarations(&module), module.exports.join(", "));
        let code = &module.code;
        self.define(name, |variable| {
            format!("// {name}\nconst {variable} = (() => {{\n{declarations}{code}return {{ {exports} }};\n}})();\n")
        });
        Ok(())
    }

    /// Writes the definition of a variable with the exports of a module.
    fn define(&mut self, name: &str, definition: impl FnOnce(&str) -> String) {
        let variable = format!("module{}", self.names.len());
        self.output += &definition(&variable);
        self.names.insert(name.to_owned(), variable);
    }

    /// The imports of a module as declarations.
    fn declarations(&self, module: &Module) -> String {
        let imports = module.imports.iter().filter(|(pattern, _)| !pattern.is_empty());
        imports.map(|(pattern, name)| format!("const {{ {pattern} }} = {};\n", self.names[name])).collect()
    }
}

/// Parses a module. Its imports and exports must be at the beginning of a line. Leaves out indentation, empty lines, and
/// comments that occupy whole lines: together a quarter of the bytes that a browser loads.
fn parse(name: &str, source: &str) -> Result<Module> {
    let mut module = Module { imports: Vec::new(), exports: Vec::new(), code: String::new() };
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let text = line.trim();
        if text.starts_with("/*") && !text.contains("*/") {
            let end = lines.by_ref().find(|line| line.contains("*/")).context("a comment without an end")?;
            ensure!(ends_comment(end.trim_end()), "{end}: code after a comment");
            continue;
        }
        let is_comment = text.starts_with("//") || text.starts_with("/*") && ends_comment(text);
        if text.is_empty() || is_comment {
            continue;
        }
        // The lines of a longer one would lose their indentation.
        ensure!(text.matches('`').count() % 2 == 0, "{text}: a template literal must end on its line");
        if line.starts_with("import ") {
            let mut statement = line.to_owned();
            while !statement.trim_end().ends_with(';') {
                statement.push(' ');
                statement += lines.next().context("an import without a semicolon")?.trim();
            }
            module.imports.push(import(name, &statement)?);
            continue;
        }
        let code = match line.strip_prefix("export ") {
            Some(declaration) => {
                module.exports.push(exported(declaration)?);
                declaration
            }
            None => text,
        };
        module.code += code;
        module.code.push('\n');
    }
    Ok(module)
}

/// Whether a comment ends with the line, and nothing follows.
fn ends_comment(line: &str) -> bool {
    line.find("*/").is_some_and(|end| end + 2 == line.len())
}

/// The pattern and the file of an import. `{ a, b as c }` becomes the pattern `a, b: c`.
fn import(module: &str, statement: &str) -> Result<(String, String)> {
    let rest = statement["import ".len()..].trim();
    let (names, address) = rest.rsplit_once("from ").unwrap_or(("", rest));
    let address = address.trim_end_matches(';').trim().trim_matches(['"', '\'']);
    ensure!(address.starts_with('.'), "{statement}: the address of a module must begin with a dot");
    let names = names.trim();
    let inner = names.strip_prefix('{').and_then(|names| names.strip_suffix('}'));
    let inner = inner.or(names.is_empty().then_some("")).with_context(|| {
        format!("{statement}: functions/web/build/bundle.rs supports only named imports in braces")
    })?;
    let names = inner.split(',').map(str::trim).filter(|name| !name.is_empty());
    let pattern = names.map(|name| name.replace(" as ", ": ")).collect::<Vec<_>>().join(", ");
    let file = normal(module, address).with_context(|| format!("{statement}: outside of web/"))?;
    Ok((pattern, file))
}

/// The name of an exported declaration.
fn exported(declaration: &str) -> Result<String> {
    for kind in ["async function ", "function ", "class ", "const "] {
        if let Some(rest) = declaration.strip_prefix(kind) {
            let is_part = |character: char| character.is_alphanumeric() || "_$".contains(character);
            let name: String = rest.chars().take_while(|character| is_part(*character)).collect();
            ensure!(!name.is_empty(), "export {declaration}: a declaration without a name");
            return Ok(name);
        }
    }
    bail!(
        "export {declaration}: functions/web/build/bundle.rs supports only exported functions, classes and constants"
    )
}

/// A relative address as a path below web/, seen from another file there.
fn normal(base: &str, address: &str) -> Option<String> {
    let mut path: Vec<&str> = base.split('/').collect();
    path.pop();
    for part in address.split('/') {
        match part {
            "." => {}
            ".." => drop(path.pop()?),
            part => path.push(part),
        }
    }
    Some(path.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundled(files: &[(&str, &str)]) -> Result<String> {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
        Bundle::of("app.js", None, &["early.js", "app.js"], &files).map(|bundle| bundle.output)
    }

    #[test]
    fn modules_come_once_and_after_what_they_import() {
        let script = bundled(&[
            ("app.js", "import { a } from \"./lib/a.js\";\nimport \"./c.js\";\nawait a();\n"),
            (
                "lib/a.js",
                "import {\n  b,\n  c as d,\n} from '../b.js';\nexport async function a() { b(d); }\n",
            ),
            ("b.js", "import { c } from \"./c.js\";\nexport const b = 1;\nexport class c {}\n"),
            ("c.js", "export function c() {}\n"),
        ]);
        let expected = "\
// c.js
const module0 = (() => {
function c() {}
return { c };
})();
// b.js
const module1 = (() => {
const { c } = module0;
const b = 1;
class c {}
return { b, c };
})();
// lib/a.js
const module2 = (() => {
const { b, c: d } = module1;
async function a() { b(d); }
return { a };
})();
const { a } = module2;
await a();
";
        assert_eq!(script.unwrap(), expected);
    }

    #[test]
    fn comments_and_indentation_are_left_out() {
        let source = "\
// The entry point.

/**
 * Does it. // `x
 */
export function a() {
  /** @type {string} */ (b).c(`${d} // ${e}`); // stays
  /* gone */
  /* stays */ d(); /* stays */
  // gone: `
  return \"/* stays */\";
}
";
        let expected = "\
function a() {
/** @type {string} */ (b).c(`${d} // ${e}`); // stays
/* stays */ d(); /* stays */
return \"/* stays */\";
}
export { a };
";
        assert_eq!(bundled(&[("app.js", source)]).unwrap(), expected);
    }

    #[test]
    fn another_script_of_the_page_stays_an_import() {
        let files = [
            ("app.js", "import { a } from \"./early.js\";\nimport \"./b.js\";\nexport const c = a;\n"),
            ("b.js", "import { a } from \"./early.js\";\na();\n"),
            ("early.js", "export const a = () => {};\n"),
        ];
        let expected = "\
import * as module0 from \"./early.js\";
// b.js
const module1 = (() => {
const { a } = module0;
a();
return {  };
})();
const { a } = module0;
const c = a;
export { c };
";
        assert_eq!(bundled(&files).unwrap(), expected);
    }

    #[test]
    fn a_later_script_takes_what_it_shares_with_the_one_that_loads_it() {
        let files = [
            ("app.js", "import { a } from \"./a.js\";\na(() => import(\"./later.js\"));\n"),
            (
                "later.js",
                "import { a } from \"./a.js\";\nimport { b } from \"./b.js\";\nexport const c = a + b;\n",
            ),
            ("a.js", "export const a = 1;\n"),
            ("b.js", "import { a } from \"./a.js\";\nexport const b = a;\n"),
        ];
        let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).into();
        let scripts = Scripts { first: &["app.js"], later: ("app.js", "later.js") };
        let bundles = bundles(&scripts, &files).unwrap();
        let expected = "\
// a.js
const module0 = (() => {
const a = 1;
return { a };
})();
const { a } = module0;
a(() => import(\"./later.js\"));
export const modules = { \"a.js\": module0 };
";
        assert_eq!(bundles["app.js"], expected);
        let expected = "\
import { modules } from \"./app.js\";
const module0 = modules[\"a.js\"];
// b.js
const module1 = (() => {
const { a } = module0;
const b = a;
return { b };
})();
const { a } = module0;
const { b } = module1;
const c = a + b;
export { c };
";
        assert_eq!(bundles["later.js"], expected);
    }

    #[test]
    fn what_the_page_has_no_use_for_ends_the_build() {
        let other = ("other.js", "import \"./app.js\";\n");
        for (source, other) in [
            ("import \"./none.js\";", None),
            ("import { html } from \"lit\";", None),
            ("import \"../outside.js\";", None),
            ("import all from \"./other.js\";", Some(("other.js", ""))),
            ("import * as all from \"./other.js\";", Some(("other.js", ""))),
            ("import \"./other.js\";", Some(other)),
            ("export default 1;", None),
            ("export let a = 1;", None),
            ("export { a };", None),
            ("a(`\n`);", None),
            ("/* without an end", None),
            ("/*\n*/ a(); /* b */", None),
            ("export * from \"./other.js\";", Some(("other.js", ""))),
        ] {
            let files: Vec<_> = [("app.js", source)].into_iter().chain(other).collect();
            assert!(bundled(&files).is_err(), "{source}");
        }
    }
}
