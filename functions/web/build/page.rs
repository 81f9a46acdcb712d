//! index.html as it is served.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};

/// The files by their path below web/, such as `views/gallery.js`.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Where index.html wants links that fetch all modules at once.
const PRELOADS: &str = "<!-- modulepreload -->";
/// What begins the value of an attribute that names another file.
const REFERENCES: [&str; 2] = [" src=\"", " href=\""];
/// What index.html writes for web/ itself.
const ASSETS: &str = "assets/";

/// Makes `assets/` in the addresses of index.html into `directory`, and links to the modules that it needs at once into
/// the place it has for them: one fetches them side by side, where a browser would find each with the one before.
pub(crate) fn render(page: &str, directory: &str, files: &Files) -> Result<String> {
    let mut entries = Vec::new();
    let mut output = String::new();
    let mut rest = page;
    while let Some((at, mark)) = REFERENCES.iter().filter_map(|mark| Some((rest.find(mark)?, mark))).min() {
        let (before, after) = rest.split_at(at + mark.len());
        let address = after.split('"').next().unwrap_or_default();
        output.push_str(before);
        if is_relative(address) {
            let name = address.strip_prefix(ASSETS).filter(|name| files.contains_key(*name));
            let name = name.with_context(|| format!("{address}: not assets/ and a file of web/"))?;
            output.push_str(directory);
            output.push_str(name);
            entries.extend(name.ends_with(".js").then(|| name.to_owned()));
        } else {
            output.push_str(address);
        }
        rest = &after[address.len()..];
    }
    output.push_str(rest);
    let links = modules(&entries, files)?
        .into_iter()
        .map(|name| format!("<link rel=\"modulepreload\" href=\"{directory}{name}\">"));
    Ok(output.replace(PRELOADS, &links.collect::<Vec<_>>().join("\n")))
}

fn is_relative(address: &str) -> bool {
    !address.is_empty() && !address.starts_with(['/', '#', '?']) && !address.contains(':')
}

/// The modules that the entries import, directly or not, without the entries.
fn modules(entries: &[String], files: &Files) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut open = entries.to_vec();
    while let Some(module) = open.pop() {
        let source = files.get(&module).with_context(|| format!("there is no web/{module}"))?;
        let source = std::str::from_utf8(source).with_context(|| format!("web/{module} is not UTF-8"))?;
        for address in source.lines().filter_map(imported) {
            if !address.starts_with('.') {
                bail!("web/{module} imports {address:?}, of which a browser knows no address");
            }
            let name = normal(&module, address).filter(|name| files.contains_key(name));
            let name = name.with_context(|| format!("web/{module} imports {address}, which is not there"))?;
            if !entries.contains(&name) && found.insert(name.clone()) {
                open.push(name);
            }
        }
    }
    Ok(found)
}

/// The address on a line that ends a static import or a re-export. Calls of `import()` are for later.
fn imported(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let rest = match line.strip_prefix("import ") {
        Some(rest) if rest.starts_with(['"', '\'']) => rest,
        _ if ["import ", "export ", "}"].iter().any(|start| line.starts_with(start)) => {
            line.rsplit_once(" from ")?.1.trim_start()
        }
        _ => return None,
    };
    let quote = rest.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
    rest[1..].split_once(quote).map(|(address, _)| address)
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

    fn files(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    }

    fn rendered(page: &str, all: &[(&str, &str)]) -> Result<String> {
        render(page, "/assets/1f/", &files(all))
    }

    #[test]
    fn relative_addresses_alone_get_the_directory() {
        let page = r##"<link href="assets/style.css"><script src="assets/js/app.js"></script>
            <a href="/api/docs">a</a><a href="#b">b</a><a href="https://example.com/">c</a>"##;
        let expected = page
            .replace("\"assets/style.css\"", "\"/assets/1f/style.css\"")
            .replace("\"assets/js/app.js\"", "\"/assets/1f/js/app.js\"");
        assert_eq!(rendered(page, &[("style.css", ""), ("js/app.js", "")]).unwrap(), expected);
    }

    #[test]
    fn modules_that_are_imported_at_once_are_fetched_side_by_side() {
        let all = [
            (
                "app.js",
                "import { a } from \"./lib/a.js\";\nimport \"./c.js\";\nconst later = () => import(\"./d.js\");",
            ),
            ("lib/a.js", "import {\n  b,\n} from '../b.js';\nexport * from \"../c.js\";"),
            ("b.js", "// import x from \"./none.js\""),
            ("c.js", "import \"./app.js\";"),
            ("d.js", ""),
        ];
        let page = rendered("<!-- modulepreload --><script src=\"assets/app.js\"></script>", &all).unwrap();
        let links = ["b.js", "c.js", "lib/a.js"]
            .map(|name| format!("<link rel=\"modulepreload\" href=\"/assets/1f/{name}\">"));
        assert_eq!(page, format!("{}<script src=\"/assets/1f/app.js\"></script>", links.join("\n")));
    }

    #[test]
    fn a_name_of_no_file_ends_the_build() {
        let script = "<script src=\"assets/app.js\"></script>";
        for (page, all) in [
            (script, vec![]),
            (script, vec![("app.js", "import \"./none.js\";")]),
            (script, vec![("app.js", "import { html } from \"lit\";")]),
            ("<link href=\"style.css\">", vec![("style.css", "")]),
            ("<link href=\"assets/../style.css\">", vec![("style.css", "")]),
        ] {
            assert!(rendered(page, &all).is_err(), "{page} {all:?}");
        }
    }
}
