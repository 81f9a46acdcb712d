//! Files do not import each other in circles.
//!
//! The test reads `use` items, and paths such as `module::item` in the rest of a file. Each counts as an import of the
//! file that defines the item, even if it goes through a re-export. A re-export is an import too. What is only compiled
//! for unit tests does not count.
//!
//! The test does not see methods that a file adds to a type of another file, macros without a path, what a glob import
//! gets through re-exports, `use` items of inline modules, and modules with a `#[path]`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::iter::successors;
use std::path::Path;

use anyhow::{Context, Result};

use crate::project;

/// More re-exports than an item goes through. A name of a `use` item can stand for itself, so the search needs an end.
const MAX_REEXPORTS: u8 = 9;

/// A file, and the paths that it mentions.
#[derive(Default)]
struct Module {
    file: String,
    /// Whether the file is the root of a crate.
    is_root: bool,
    /// The names that its `use` items bring, and the path of each.
    uses: Vec<(String, Vec<String>)>,
    /// The paths in the rest of the file.
    paths: Vec<Vec<String>>,
}

/// The modules of all crates by their place, such as `shared/store/src/objects/edge`. The root of a crate is at its
/// directory.
#[derive(Default)]
struct Tree(BTreeMap<String, Module>);

/// The lines of a file without comments, and without items that are only compiled for unit tests.
fn code(source: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    source.lines().filter(move |line| {
        is_test |= *line == "#[cfg(test)]";
        let is_code = !is_test && !line.trim_start().starts_with("//");
        // rustfmt indents everything inside of an item.
        is_test &= *line != "}" && (line.starts_with(' ') || !line.ends_with(';'));
        is_code
    })
}

/// What follows `use` in a line.
fn imported(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let item = if line.starts_with("pub") { line.split_once(' ')?.1 } else { line };
    item.strip_prefix("use ")
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(str::to_owned).collect()
}

/// Splits what follows `use` at its braces and commas: into names, and the path of each.
fn leaves(tree: &str, prefix: &[String], uses: &mut Vec<(String, Vec<String>)>) {
    let (head, list) =
        tree.split_once('{').map_or((tree, None), |(head, list)| (head, list.rsplit_once('}')));
    let (head, name) = head.split_once(" as ").unwrap_or((head, ""));
    let head = head.trim().trim_end_matches("::");
    let mut path = prefix.to_vec();
    path.extend(segments(head));
    if let Some((list, _)) = list {
        let mut depth = 0;
        let is_end = |c: char| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            c == ',' && depth == 0
        };
        list.split(is_end).filter(|part| !part.trim().is_empty()).for_each(|part| leaves(part, &path, uses));
        return;
    }
    path.pop_if(|last| last == "self");
    let name =
        if name.is_empty() { path.last().cloned().unwrap_or_default() } else { name.trim().to_owned() };
    uses.push((name, path));
}

impl Module {
    fn new(file: &str, is_root: bool, source: &str) -> Self {
        let mut module = Self { file: file.to_owned(), is_root, ..Self::default() };
        let mut item = String::new();
        for line in code(source) {
            let text = if item.is_empty() { imported(line) } else { Some(line) };
            item.push_str(text.unwrap_or_default());
            if let Some(tree) = item.strip_suffix(';') {
                leaves(tree, &[], &mut module.uses);
                item.clear();
            } else if text.is_none() {
                let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
                module.paths.extend(words.filter(|word| word.contains("::")).map(segments));
            }
        }
        module
    }
}

impl Tree {
    fn add(&mut self, file: &str, source: &str) {
        let place = file.trim_end_matches(".rs");
        let root = ["/lib", "/main"].iter().find_map(|name| place.strip_suffix(*name));
        let module = Module::new(file, root.is_some(), source);
        self.0.insert(root.unwrap_or(place).to_owned(), module);
    }

    /// Adds all files in a directory of the project.
    fn add_all(&mut self, directory: &Path) -> Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if entry.file_type()?.is_dir() {
                if !name.starts_with('.') && !["node_modules", "target"].contains(&name.as_str()) {
                    self.add_all(&path)?;
                }
            } else if name.ends_with(".rs") {
                let source =
                    fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
                self.add(&path.strip_prefix(project::root())?.to_string_lossy(), &source);
            }
        }
        Ok(())
    }

    /// Whether there is a module. One that is declared with its contents has no file, but its modules may have some.
    fn contains(&self, place: &str) -> bool {
        let below = format!("{place}/");
        let mut next = self.0.range(below.clone()..);
        self.0.contains_key(place) || next.next().is_some_and(|(place, _)| place.starts_with(&below))
    }

    /// The place of the file that defines the item of a path, as seen in the module `from`. `None` for modules and for
    /// other crates.
    fn resolve(&self, from: &str, path: &[String], reexports: u8) -> Option<String> {
        let mut place = from.to_owned();
        for (index, segment) in path.iter().enumerate() {
            let rest = &path[index + 1..];
            let child = format!("{place}/{segment}");
            let imported = self.0.get(&place).and_then(|module| {
                module.uses.iter().find(|(name, target)| name == segment && target != path)
            });
            match (segment.as_str(), imported) {
                ("crate", _) => place = self.root(&place)?,
                ("super", _) => place = place.rsplit_once('/')?.0.to_owned(),
                ("self", _) => {}
                // An item can have the name of a module.
                _ if self.contains(&child) && !(rest.is_empty() && imported.is_some()) => place = child,
                (_, Some((_, target))) if reexports < MAX_REEXPORTS => {
                    return self.resolve(&place, &[target.as_slice(), rest].concat(), reexports + 1);
                }
                (_, Some(_)) => return None,
                (_, None) => return (index > 0 && self.0.contains_key(&place)).then_some(place),
            }
        }
        None
    }

    /// The place of the root of a module's crate.
    fn root(&self, place: &str) -> Option<String> {
        let mut places = successors(Some(place), |place| Some(place.rsplit_once('/')?.0));
        places.find(|place| self.0.get(*place).is_some_and(|module| module.is_root)).map(str::to_owned)
    }

    /// The files of each circle.
    fn circles(&self) -> BTreeSet<Vec<&str>> {
        let imports = |(place, module): (&String, &Module)| {
            let paths = module.uses.iter().map(|(_, path)| path).chain(&module.paths);
            let found: BTreeSet<String> = paths.filter_map(|path| self.resolve(place, path, 0)).collect();
            (place.clone(), found)
        };
        let imports: BTreeMap<String, BTreeSet<String>> = self.0.iter().map(imports).collect();
        let reached = |place: &String| {
            let (mut found, mut next) = (BTreeSet::new(), vec![place.clone()]);
            while let Some(place) = next.pop() {
                // A file mentions its own items too.
                let others = imports[&place].iter().filter(|other| **other != place);
                next.extend(others.filter(|other| found.insert((*other).clone())).cloned());
            }
            (place.clone(), found)
        };
        let reached: BTreeMap<String, BTreeSet<String>> = self.0.keys().map(reached).collect();
        let circles = reached.iter().map(|(place, others)| {
            let circle = others.iter().filter(|other| reached[*other].contains(place));
            circle.map(|place| self.0[place].file.as_str()).collect::<Vec<_>>()
        });
        circles.filter(|circle| !circle.is_empty()).collect()
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() -> Result<()> {
    let mut tree = Tree::default();
    tree.add_all(project::root())?;
    assert!(tree.0.len() > 500, "{} files", tree.0.len());
    let circles = tree.circles();
    assert!(circles.is_empty(), "move what both files need into a file below them: {circles:#?}");
    Ok(())
}

#[test]
fn nested_imports_are_split() {
    let module = Module::new(
        "x.rs",
        false,
        "pub(crate) use crate::{\n    a::{self, B as C},\n    d::E,\n};\nuse f::G;\n",
    );
    let uses = module.uses.iter().map(|(name, path)| format!("{name}={}", path.join("::")));
    assert_eq!(uses.collect::<Vec<_>>(), ["a=crate::a", "C=crate::a::B", "E=crate::d::E", "G=f::G"]);
}

#[test]
fn an_import_counts_for_the_file_that_defines_the_item() {
    let mut tree = Tree::default();
    tree.add("x/lib.rs", "mod a;\nmod b;\npub use a::a;\npub use b::B as C;\n");
    tree.add("x/a.rs", "mod inner;\npub use inner::Inner;\npub fn a() {}\n");
    tree.add("x/a/inner.rs", "");
    tree.add("x/b.rs", "use other::Thing;\n");
    for (path, place) in [
        ("crate::C::new", Some("x/b")),
        ("super::a::Inner", Some("x/a/inner")),
        ("crate::a", Some("x/a")),
        ("super::here", Some("x")),
        ("Thing::new", None),
        ("std::fs", None),
    ] {
        assert_eq!(tree.resolve("x/b", &segments(path), 0).as_deref(), place, "{path}");
    }
}

#[test]
fn a_circle_is_found_whatever_leads_back() {
    let tests = "#[cfg(test)]\nmod tests {\n    use crate::A;\n}\n";
    for (parent, child, is_circle) in [
        ("pub use b::B;\npub fn a() {}\n", "use super::a;\n", true),
        ("fn a() {\n    b::b();\n}\n", "fn b() {\n    super::a();\n}\n", true),
        ("use c::A;\npub use b::B;\n", "use super::A;\n", false),
        ("pub use b::B;\npub struct A;\n", tests, false),
    ] {
        let mut tree = Tree::default();
        tree.add("x/main.rs", &format!("mod b;\nmod c;\n{parent}"));
        tree.add("x/b.rs", child);
        tree.add("x/c.rs", "pub struct A;\n");
        let circles: Vec<Vec<&str>> = tree.circles().into_iter().collect();
        let expected = if is_circle { vec![vec!["x/main.rs", "x/b.rs"]] } else { Vec::new() };
        assert_eq!(circles, expected, "{parent}{child}");
    }
}
