//! Packages of Debian or Ubuntu, unpacked to a directory. That does not need root, and nothing is installed on the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;

/// Downloads a package and unpacks it. If the machine has no package lists, it downloads them too.
pub(crate) fn unpack(package: &str, dir: &Path) -> Result<()> {
    let apt = Apt::in_directory(dir)?;
    if apt.run(&["download", package]).is_err() {
        let own = apt.own_lists();
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        apt.run(&[&own[..], &["update"]].concat())?;
        apt.run(&[&own[..], &["download", package]].concat())?;
    }
    let file = apt.downloaded(".deb")?;
    command::run_logged(Command::new("dpkg-deb").arg("-x").arg(&file).arg(dir), &apt.log)?;
    fs::remove_file(&file)?;
    apt.clean()
}

/// Downloads the upstream source of a package and unpacks it into `dir`. The machine's list of packages need not name
/// sources.
pub(crate) fn unpack_source(package: &str, dir: &Path) -> Result<()> {
    let apt = Apt::in_directory(dir)?;
    let parts = apt.lists.join("parts");
    fs::create_dir_all(&parts)?;
    write_source_lists(Path::new("/etc/apt"), &parts)?;
    let mut options = apt.own_lists();
    for option in
        ["Dir::Etc::sourcelist=/dev/null".to_owned(), format!("Dir::Etc::sourceparts={}", parts.display())]
    {
        options.extend(["-o".to_owned(), option]);
    }
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    apt.run(&[&options[..], &["update"]].concat())?;
    apt.run(&[&options[..], &["source", "--download-only", package]].concat())?;
    let file = apt.downloaded(".orig.tar.xz").or_else(|_| apt.downloaded(".orig.tar.gz"))?;
    let mut tar = Command::new("tar");
    tar.arg("-xf").arg(&file).args(["--strip-components=1", "-C"]).arg(dir);
    command::run_logged(&mut tar, &apt.log)?;
    fs::remove_file(&file)?;
    apt.clean()
}

/// apt-get in a directory of its own.
struct Apt<'a> {
    dir: &'a Path,
    lists: PathBuf,
    log: PathBuf,
}

impl<'a> Apt<'a> {
    fn in_directory(dir: &'a Path) -> Result<Self> {
        let lists = dir.join("apt");
        fs::create_dir_all(lists.join("lists/partial"))
            .with_context(|| format!("making {}", lists.display()))?;
        Ok(Self { dir, lists, log: dir.join("apt.log") })
    }

    fn run(&self, arguments: &[&str]) -> Result<()> {
        let mut apt = Command::new("apt-get");
        // With the caller's user, because apt's user may not write here.
        apt.current_dir(self.dir).args(["-qq", "-o", "APT::Sandbox::User="]).args(arguments);
        command::run_logged(&mut apt, &self.log)
    }

    /// The options for package lists in this directory.
    fn own_lists(&self) -> Vec<String> {
        let state = format!("Dir::State::Lists={}", self.lists.join("lists").display());
        let cache = format!("Dir::Cache={}", self.lists.display());
        vec!["-o".to_owned(), state, "-o".to_owned(), cache]
    }

    /// The file in the directory whose name has this ending.
    fn downloaded(&self, ending: &str) -> Result<PathBuf> {
        let entries = fs::read_dir(self.dir)?.flatten().map(|entry| entry.path());
        let mut found = entries.filter(|path| path.to_string_lossy().ends_with(ending));
        match found.next() {
            Some(path) => Ok(path),
            None => bail!("apt-get downloaded no file with the ending {ending}"),
        }
    }

    fn clean(&self) -> Result<()> {
        Ok(fs::remove_dir_all(&self.lists)?)
    }
}

/// Copies the machine's lists of repositories, as lists of their sources.
fn write_source_lists(etc: &Path, parts: &Path) -> Result<()> {
    let entries = fs::read_dir(etc.join("sources.list.d")).into_iter().flatten().flatten();
    let mut lists: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    lists.push(etc.join("sources.list"));
    for list in lists {
        let (Some(name), Ok(text)) = (list.file_name(), fs::read_to_string(&list)) else { continue };
        if let Some(sources) = sources(&text, &name.to_string_lossy()) {
            fs::write(parts.join(name), sources)?;
        }
    }
    Ok(())
}

/// A list of repositories as a list of their sources. `None` if the file is not a list that apt reads.
fn sources(text: &str, name: &str) -> Option<String> {
    let line = |line: &str| match line {
        "Types: deb" => "Types: deb-src".to_owned(),
        _ => match line.strip_prefix("deb ") {
            Some(rest) => format!("deb-src {rest}"),
            None => line.to_owned(),
        },
    };
    let is_read = name.ends_with(".list") || name.ends_with(".sources");
    is_read.then(|| text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_list_become_lists_of_sources() {
        let deb822 = "# comment\nTypes: deb\nURIs: x\nSuites: stable\n";
        assert_eq!(sources(deb822, "a.sources").unwrap(), deb822.replace("deb\n", "deb-src\n"));
        assert_eq!(sources("deb x stable main\n", "sources.list").unwrap(), "deb-src x stable main\n");
        assert_eq!(sources("deb x stable main\n", "a.list.save"), None);
    }
}
